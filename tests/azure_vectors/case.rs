//! One published token, and the two things that are done with it: verify it, and issue it.

use crate::Vector;
use serde_json::{Map, Value};
use valet_key::azure::{
    AccountKey, AccountPermissions, AccountRequest, AddressRange, BlobPermissions, ContainerPermissions, Delegation,
    DirectoryPermissions, Endpoint, Expect, FilePermissions, Inline, KeyRange, Presented, Protocol, QueuePermissions,
    ResourceTypes, Sas, Service, Services, SharePermissions, Split, Stored, StoredPolicy, TablePermissions, Terms,
    UrlRequest, UserDelegationKey, Version,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Justification, Lifetime};
use valet_key::view::RequestView;

/// Inputs and expected values, in our own form: the files in `tests/vectors/azure` are lists of these. Every field but the
/// last three is text, and empty if it is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// `account`, `blob`, `snapshot`, `version`, `directory`, `container`, `share`, `file`, `queue` or `table`
    pub(crate) kind: String,
    pub(crate) account: String,
    /// Base64 of the account key or of the value of the user delegation key.
    pub(crate) key: String,
    pub(crate) container: String,
    pub(crate) path: String,
    pub(crate) snapshot: String,
    pub(crate) string_to_sign: String,
    pub(crate) signature: String,
    /// The parameters of the token, by name and decoded.
    pub(crate) token: Vec<(String, String)>,
    /// What `srh` and `srq` name, with their values.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
}

type Stage = Result<(), String>;
/// Letters of `ss`, `srt` and `sp`, and the request that needs them.
type AccountCase = (char, char, char, Service, &'static str, &'static str, &'static str);

fn equal<T: PartialEq + std::fmt::Debug>(stage: &str, found: &T, expected: &T) -> Stage {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{stage} differs\n found    {found:?}\n expected {expected:?}"))
    }
}

fn time(text: &str) -> Timestamp {
    let plain: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    Timestamp::parse_iso_basic(&plain).unwrap_or_else(|_| panic!("{text} is no time"))
}

/// When a token is good.
struct Window {
    first: Timestamp,
    last: Timestamp,
}

impl Case {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let pairs = |field: &str| {
            let list = value[field].as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
                .collect()
        };
        Self {
            name: text("name"),
            kind: text("kind"),
            account: text("account"),
            key: text("key"),
            container: text("container"),
            path: text("path"),
            snapshot: text("snapshot"),
            string_to_sign: text("string_to_sign"),
            signature: text("signature"),
            token: pairs("token"),
            headers: pairs("headers"),
            query: pairs("query"),
        }
    }

    /// The same again, so that a field which nothing reads is found.
    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (field, text) in [
            ("name", &self.name),
            ("kind", &self.kind),
            ("account", &self.account),
            ("key", &self.key),
            ("container", &self.container),
            ("path", &self.path),
            ("snapshot", &self.snapshot),
            ("string_to_sign", &self.string_to_sign),
            ("signature", &self.signature),
        ] {
            if !text.is_empty() {
                map.insert(field.into(), text.as_str().into());
            }
        }
        for (field, pairs) in [("token", &self.token), ("headers", &self.headers), ("query", &self.query)] {
            if !pairs.is_empty() {
                let list = pairs.iter().map(|(name, value)| vec![name.as_str(), value.as_str()].into()).collect();
                map.insert(field.into(), Value::Array(list));
            }
        }
        map.into()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.token.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn is_delegated(&self) -> bool {
        self.get("skoid").is_some()
    }

    fn holder(&self, key: &str) -> Result<Box<dyn Sas>, String> {
        if !self.is_delegated() {
            return Ok(Box::new(AccountKey::new(self.account.as_str(), key).map_err(|error| error.to_string())?));
        }
        let field = |name| self.get(name).unwrap_or_default();
        let mut delegation =
            Delegation::new([field("skoid"), field("sktid")], [field("skt"), field("ske")], field("sks"), field("skv"))
                .map_err(|error| error.to_string())?;
        if let Some(tid) = self.get("skdutid") {
            delegation = delegation.for_users_of(tid).map_err(|error| error.to_string())?;
        }
        let key = UserDelegationKey::new(self.account.as_str(), delegation, key);
        Ok(Box::new(key.map_err(|error| error.to_string())?))
    }

    /// The part of a policy that the token leaves open.
    fn policy(&self) -> Option<StoredPolicy> {
        let mut policy = StoredPolicy::new(self.get("si")?).unwrap();
        if self.get("se").is_none() {
            policy = policy.expiry(time("2027-01-01T00:00:00Z"));
        }
        if self.get("sp").is_none() {
            policy = match self.kind.as_str() {
                "share" => policy.permissions(SharePermissions::READ),
                "file" => policy.permissions(FilePermissions::READ),
                "queue" => policy.permissions(QueuePermissions::READ),
                "table" => policy.permissions(TablePermissions::READ),
                _ => policy.permissions(BlobPermissions::READ),
            };
        }
        Some(policy)
    }

    /// The request that the token allows, if there is one: service, method, the path behind the account, and query.
    fn request(&self) -> (Service, &'static str, String, &'static str) {
        let letters = self.get("sp").unwrap_or("r");
        let has = |letter: char| letters.contains(letter);
        let encode = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b'/' | b'-' | b'.' | b'_' | b'~' | b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => {
                        char::from(byte).to_string()
                    }
                    byte => format!("%{byte:02X}"),
                })
                .collect()
        };
        let container = format!("/{}", encode(&self.container));
        let object = format!("{container}/{}", encode(&self.path));
        match self.kind.as_str() {
            "account" => self.account_request(),
            "container" if has('l') => (Service::Blob, "GET", container, "restype=container&comp=list&"),
            "share" if has('l') => (Service::File, "GET", container, "restype=directory&comp=list&"),
            "container" => on_blob(&has, format!("{container}/some.txt")),
            "share" => on_file(&has, format!("{container}/some.txt")),
            "file" => on_file(&has, object),
            "queue" if has('r') => (Service::Queue, "GET", format!("{container}/messages"), "peekonly=true&"),
            "queue" if has('a') => (Service::Queue, "POST", format!("{container}/messages"), ""),
            "queue" if has('p') => (Service::Queue, "GET", format!("{container}/messages"), ""),
            "queue" => (Service::Queue, "PUT", format!("{container}/messages/id"), "popreceipt=x&"),
            "table" if has('r') => (Service::Table, "GET", format!("{container}()"), ""),
            "table" if has('a') => (Service::Table, "POST", container, ""),
            "table" => {
                let key = |name| encode(self.get(name).unwrap_or("P1"));
                let (partition, row) = (key("spk"), key("srk"));
                let method = if has('u') { "MERGE" } else { "DELETE" };
                (Service::Table, method, format!("{container}(PartitionKey='{partition}',RowKey='{row}')"), "")
            }
            _ => on_blob(&has, object),
        }
    }

    /// The first request of a list that this account SAS allows.
    fn account_request(&self) -> (Service, &'static str, String, &'static str) {
        let (_, _, _, service, method, path, query) =
            self.first_account_request().unwrap_or(('b', 's', 'l', Service::Blob, "GET", "/", "comp=list&"));
        (service, method, path.to_owned(), query)
    }

    fn first_account_request(&self) -> Option<AccountCase> {
        let given = |name| self.get(name).unwrap_or_default();
        let (services, types, letters) = (given("ss"), given("srt"), given("sp"));
        let requests = [
            ('b', 'o', 'r', Service::Blob, "GET", "/c/b", ""),
            ('b', 'o', 'w', Service::Blob, "PUT", "/c/b", ""),
            ('b', 'c', 'l', Service::Blob, "GET", "/c", "restype=container&comp=list&"),
            ('b', 'c', 'r', Service::Blob, "GET", "/c", "restype=container&"),
            ('b', 'c', 'w', Service::Blob, "PUT", "/c", "restype=container&"),
            ('b', 's', 'l', Service::Blob, "GET", "/", "comp=list&"),
            ('b', 's', 'r', Service::Blob, "GET", "/", "restype=service&comp=properties&"),
            ('b', 's', 'w', Service::Blob, "PUT", "/", "restype=service&comp=properties&"),
            ('q', 'o', 'r', Service::Queue, "GET", "/q/messages", "peekonly=true&"),
            ('q', 'c', 'r', Service::Queue, "GET", "/q", "comp=metadata&"),
            ('q', 'c', 'w', Service::Queue, "PUT", "/q", ""),
            ('q', 's', 'l', Service::Queue, "GET", "/", "comp=list&"),
            ('q', 's', 'r', Service::Queue, "GET", "/", "restype=service&comp=properties&"),
            ('q', 's', 'w', Service::Queue, "PUT", "/", "restype=service&comp=properties&"),
            ('f', 'o', 'r', Service::File, "GET", "/s/f", ""),
            ('f', 'o', 'w', Service::File, "PUT", "/s/f", "comp=range&"),
            ('f', 'c', 'l', Service::File, "GET", "/s", "restype=directory&comp=list&"),
            ('f', 'c', 'r', Service::File, "GET", "/s", "restype=share&"),
            ('f', 'c', 'w', Service::File, "PUT", "/s", "restype=share&"),
            ('f', 's', 'l', Service::File, "GET", "/", "comp=list&"),
            ('f', 's', 'r', Service::File, "GET", "/", "restype=service&comp=properties&"),
            ('f', 's', 'w', Service::File, "PUT", "/", "restype=service&comp=properties&"),
            ('t', 'o', 'r', Service::Table, "GET", "/Mine(PartitionKey='a',RowKey='b')", ""),
            ('t', 'c', 'l', Service::Table, "GET", "/Tables", ""),
            ('t', 'o', 'r', Service::Table, "GET", "/Mine()", ""),
            ('t', 'c', 'w', Service::Table, "POST", "/Tables", ""),
            ('t', 'o', 'd', Service::Table, "DELETE", "/Mine(PartitionKey='a',RowKey='b')", ""),
            ('t', 's', 'r', Service::Table, "GET", "/", "restype=service&comp=properties&"),
        ];
        requests.into_iter().find(|(service, kind, letter, ..)| {
            services.contains(*service) && types.contains(*kind) && letters.contains(*letter)
        })
    }

    fn arriving(&self) -> Arriving {
        let (service, method, path, own) = self.request();
        let mut query = String::from(own);
        match self.kind.as_str() {
            "snapshot" => query.extend(["snapshot=", &escaped(&self.snapshot), "&"]),
            "version" => query.extend(["versionid=", &escaped(&self.snapshot), "&"]),
            _ => {}
        }
        for (name, value) in &self.query {
            // What the operation itself says must not be said twice.
            query = query.replace(&format!("{name}={value}&"), "");
            query.extend([&escaped(name), "=", &escaped(value), "&"]);
        }
        for (name, value) in &self.token {
            query.extend([name, "=", &escaped(value), "&"]);
        }
        query.extend(["sig=", &escaped(&self.signature)]);
        let mut headers = vec![("host".to_owned(), b"localhost".to_vec()), ("if-match".to_owned(), b"*".to_vec())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())));
        let address = self.get("sip").and_then(|range| range.split('-').next()).unwrap_or("168.1.5.65");
        let address = if address.contains('.') { address } else { "168.1.5.65" }.to_owned();
        Arriving { service, method: method.to_owned(), path, query, headers, address }
    }

    fn expect(&self, service: Service) -> Expect {
        let expect = Expect::new(self.account.as_str(), service).unwrap();
        expect.oldest(Version::V2015_04_05).identities_are_checked()
    }

    fn window(&self) -> Window {
        let first = [self.get("st"), self.get("skt")].into_iter().flatten().map(time).max();
        let policy_end = self.get("si").is_some().then(|| time("2027-01-01T00:00:00Z"));
        let last = [self.get("se").map(time).or(policy_end), self.get("ske").map(time)].into_iter().flatten().min();
        let last = last.expect("no end");
        Window { first: first.unwrap_or(last.saturating_sub(900)), last }
    }

    /// Why nobody should be able to use it, whatever its signature says.
    fn is_useless(&self) -> Option<&'static str> {
        let has = |name| self.get(name).is_some();
        let window = self.window();
        if window.first > window.last {
            Some("it is over before it begins")
        } else if self.get("sip").is_some_and(|address| address.contains(':')) {
            Some("an IPv6 address in sip")
        } else if (has("srk") && !has("spk")) || (has("erk") && !has("epk")) {
            Some("a row without its partition")
        } else if has("spk")
            && has("epk")
            && (self.get("spk"), self.get("srk")) > (self.get("epk"), self.get("erk").or(Some("\u{10ffff}")))
        {
            Some("a range of keys that ends before it begins")
        } else {
            None
        }
    }

    /// What the clients sign whatever it says is the same text, and the same signature.
    pub(crate) fn check_string_to_sign(&self) -> Stage {
        let arriving = self.arriving();
        let lines = arriving.lines();
        let presented = Presented::parse(&arriving.view(&lines)).map_err(|error| format!("parse: {error}"))?;
        let text =
            presented.string_to_sign(&self.expect(arriving.service)).map_err(|error| format!("read: {error}"))?;
        equal("string to sign", &text.to_text(), &self.string_to_sign)
    }

    pub(crate) fn verify(&self) -> Stage {
        self.check_string_to_sign()?;
        let arriving = self.arriving();
        let Window { first, last } = self.window();
        let right = |arriving: &Arriving, key: &str, now| self.verdict(arriving, key, now);
        if let Some(why) = self.is_useless() {
            for now in [first, last] {
                let verdict = right(&arriving, &self.key, now);
                let refused = matches!(
                    &verdict,
                    Err(VerifyError::Expired { .. } | VerifyError::NotYetValid { .. } | VerifyError::FieldForm { .. })
                );
                if !refused {
                    return Err(format!("{why}, yet the verdict is {verdict:?}"));
                }
            }
            return Ok(());
        }
        let allows = self.allows_a_request();
        for now in [first, last] {
            match right(&arriving, &self.key, now) {
                Ok(()) if allows => {}
                Err(
                    VerifyError::Permission { .. } | VerifyError::Operation { .. } | VerifyError::NotCovered { .. },
                ) if !allows => {}
                verdict => return Err(format!("at {now}: {verdict:?}, allows a request: {allows}")),
            }
        }
        if right(&arriving, &self.key, last.saturating_add(1)).is_ok() {
            return Err("accepted after its end".into());
        }
        if self.get("st").is_some() && right(&arriving, &self.key, first.saturating_sub(1)).is_ok() {
            return Err("accepted before its start".into());
        }
        self.refuse_changes(&arriving, first)
    }

    /// Whether its permissions are good for any request of the harness.
    fn allows_a_request(&self) -> bool {
        let letters = self.get("sp").unwrap_or("r");
        match self.kind.as_str() {
            "snapshot" => letters.contains('r') || letters.contains('d'),
            "version" => letters.contains('r'),
            "account" => self.first_account_request().is_some(),
            _ => letters != "m",
        }
    }

    fn verdict(&self, arriving: &Arriving, key: &str, now: Timestamp) -> Result<(), VerifyError> {
        let lines = arriving.lines();
        let presented = Presented::parse(&arriving.view(&lines))?.with_policy(self.policy());
        let holder = self.holder(key).unwrap();
        holder.verify(presented, &self.expect(arriving.service), now).map(|_| ())
    }

    fn refuse_changes(&self, arriving: &Arriving, now: Timestamp) -> Stage {
        let refuse = |what: &str, changed: &Arriving| match self.verdict(changed, &self.key, now) {
            Ok(()) => Err(format!("accepted after a change of {what}")),
            Err(_) => Ok(()),
        };
        // Permissions and times stay in force while any bit of what is signed is another one.
        for (at, (name, value)) in self.token.iter().enumerate() {
            let mut other = self.clone();
            other.token[at].1 = format!("{value}0");
            refuse(name, &Arriving { query: other.arriving().query, ..arriving.clone() })?;
            other.token.remove(at);
            refuse(&format!("{name}, taken out"), &Arriving { query: other.arriving().query, ..arriving.clone() })?;
        }
        for name in ["st", "si", "sip", "ses", "rscc", "spk", "skoid", "scid", "srh", "tn", "sdd"] {
            if self.get(name).is_none() {
                refuse(
                    &format!("{name}, added"),
                    &Arriving { query: format!("{name}=1&{}", arriving.query), ..arriving.clone() },
                )?;
            }
        }
        if self.kind != "account" {
            let mut other = self.clone();
            other.container.insert(0, 'o');
            let path = other.arriving().path;
            refuse("container", &Arriving { path, ..arriving.clone() })?;
        }
        if !matches!(self.kind.as_str(), "account" | "container" | "share" | "queue" | "table" | "directory") {
            refuse("path", &Arriving { path: format!("{}x", arriving.path), ..arriving.clone() })?;
        }
        for at in 0..self.headers.len() {
            let mut changed = arriving.clone();
            changed.headers[2 + at].1.push(b'x');
            refuse("a signed header", &changed)?;
            changed.headers.remove(2 + at);
            refuse("a signed header, taken out", &changed)?;
        }
        let mut other = self.clone();
        let first = if self.signature.starts_with('A') { "B" } else { "A" };
        other.signature.replace_range(..1, first);
        refuse("sig", &Arriving { query: other.arriving().query, ..arriving.clone() })?;
        refuse("method", &Arriving { method: "OPTIONS".into(), ..arriving.clone() })?;
        match self.verdict(arriving, "b3RoZXI=", now) {
            Err(VerifyError::SignatureMismatch) => Ok(()),
            verdict => Err(format!("with another key: {verdict:?}")),
        }
    }

    /// Why this crate never makes such a token, if it does not.
    fn is_only_read(&self) -> Option<&'static str> {
        self.has_no_sense().or_else(|| self.has_no_life())
    }

    /// Times and addresses that are refused; everything else can be issued with others.
    fn has_no_life(&self) -> Option<&'static str> {
        let end = self.get("se").map(time);
        let window = self.window();
        if self.get("sip").is_some_and(|address| address.contains(':')) {
            Some("issued with other times or another address: an IPv6 address in sip")
        } else if window.first > window.last {
            Some("issued with other times or another address: it is over before it begins")
        } else if self.get("ske").is_some_and(|key_end| end > Some(time(key_end))) {
            Some("issued with other times or another address: it would outlive its key")
        } else if self.get("st").is_some_and(|start| end.is_some_and(|end| end <= time(start))) {
            Some("issued with other times or another address: it is over when it begins")
        } else {
            None
        }
    }

    /// The same with times and an address that make sense. Nobody knows its signature.
    fn with_life(&self) -> Self {
        let mut other = self.clone();
        let begin = self.get("skt").map_or_else(|| time("2026-01-01T00:00:00Z"), time);
        let mut lines: Vec<String> = self.string_to_sign.split('\n').map(ToOwned::to_owned).collect();
        let first = if self.kind == "account" { 4 } else { 1 };
        for (name, value) in &mut other.token {
            match name.as_str() {
                "st" => {
                    *value = begin.to_string();
                    lines[first].clone_from(value);
                }
                "se" => {
                    *value = begin.saturating_add(900).to_string();
                    lines[first + 1].clone_from(value);
                }
                "sip" => {
                    let line = lines.iter_mut().find(|line| *line == value).unwrap();
                    "168.1.5.65".clone_into(line);
                    line.clone_into(value);
                }
                _ => {}
            }
        }
        other.string_to_sign = lines.join("\n");
        other.signature.clear();
        other
    }

    fn has_no_sense(&self) -> Option<&'static str> {
        let canonical = |letters: &str, order: &str| {
            let mut places = order.chars();
            letters.chars().all(|letter| places.any(|place| place == letter))
        };
        let has = |name| self.get(name).is_some();
        if self.kind == "account" && !canonical(self.get("ss").unwrap_or_default(), "btqf") {
            Some("its services are in another order")
        } else if (has("srk") && !has("spk")) || (has("erk") && !has("epk")) {
            Some("a row without its partition")
        } else if self.kind == "table" && self.container.len() < 3 {
            Some("a name that the service does not take")
        } else {
            None
        }
    }

    fn issue(&self) -> Stage {
        let why = || Justification::new("a published case").unwrap();
        let holder = self.holder(&self.key)?;
        let end = self.get("se").map(time);
        let start = self.get("st").map(time);
        // At a time from which the end is a lifetime away.
        let now =
            end.map_or_else(|| time("2026-01-01T00:00:00Z"), |end| start.map_or(end.saturating_sub(900), |it| it));
        let lifetime = end.map(|end| Lifetime::from_seconds(u32::try_from(end.seconds_since(now)).unwrap()).unwrap());
        let address = self.get("sip").map(|text| AddressRange::parse(text).unwrap());
        let protocol = match self.get("spr") {
            None => Protocol::Unstated,
            Some("https") => Protocol::Https,
            Some("https,http") => Protocol::HttpsOrHttp,
            Some(other) => return Err(format!("{other} is no protocol")),
        };
        let version = Version::parse(self.get("sv").unwrap_or_default()).ok_or("unknown version")?;
        if self.kind == "account" {
            let mut request = AccountRequest::new(
                Services::parse(self.get("ss").unwrap_or_default()).unwrap(),
                ResourceTypes::parse(self.get("srt").unwrap_or_default()).unwrap(),
                AccountPermissions::parse(self.get("sp").unwrap_or_default()).unwrap(),
                why(),
            )
            .lives(lifetime.unwrap())
            .protocol(protocol)
            .version(version);
            request = start.into_iter().fold(request, AccountRequest::start);
            request = address.into_iter().fold(request, AccountRequest::address);
            request = self.get("ses").into_iter().fold(request, AccountRequest::encryption_scope);
            let prepared = request.prepare(holder.credential(), now).map_err(|error| format!("prepare: {error}"))?;
            equal("string to sign", &prepared.string_to_sign().to_text(), &self.string_to_sign)?;
            let token = request.issue(&holder, now).map_err(|error| format!("issue: {error}"))?;
            return self.same_token(token.expose());
        }
        let mut request = self.url_request(start, lifetime)?.protocol(protocol).version(version).because(why());
        request = address.into_iter().fold(request, UrlRequest::address);
        request = request.endpoint(&Endpoint::emulator("https://localhost").unwrap());
        for (name, value) in &self.token {
            let value = value.as_str();
            request = match name.as_str() {
                "ses" => request.encryption_scope(value),
                "rscc" => request.cache_control(value),
                "rscd" => request.content_disposition(value),
                "rsce" => request.content_encoding(value),
                "rscl" => request.content_language(value),
                "rsct" => request.content_type(value),
                "saoid" => request.authorized_agent(value),
                "suoid" => request.unauthorized_agent(value),
                "scid" => request.correlation_id(value),
                "sduoid" => request.delegated_user(value),
                _ => request,
            };
        }
        for (name, value) in &self.headers {
            request = request.required_header(name.as_str(), value.as_str());
        }
        for (name, value) in &self.query {
            request = request.required_query(name.as_str(), value.as_str());
        }
        let prepared = request.prepare(holder.credential(), now).map_err(|error| format!("prepare: {error}"))?;
        equal("string to sign", &prepared.string_to_sign().to_text(), &self.string_to_sign)?;
        let url = holder.issue(&request, now).map_err(|error| format!("issue: {error}"))?;
        self.same_token(url.expose_query())
    }

    /// The request with its terms, in the one form that they fit.
    fn url_request(&self, start: Option<Timestamp>, lifetime: Option<Lifetime>) -> Result<UrlRequest, String> {
        macro_rules! with_terms {
            ($permissions:ty, $make:expr) => {{
                let letters =
                    self.get("sp").map(|text| <$permissions>::parse(text).ok_or("unknown letters")).transpose()?;
                match (self.policy(), letters, lifetime) {
                    (None, Some(letters), Some(lifetime)) => {
                        let terms = Inline::new(letters).lives(lifetime);
                        $make(start.into_iter().fold(terms, Inline::start).into())
                    }
                    (Some(policy), None, None) if start.is_none() => $make(Stored(policy).into()),
                    (Some(policy), letters, lifetime) => {
                        let mut terms = Split::<$permissions>::new(policy);
                        terms = start.into_iter().fold(terms, Split::start);
                        terms = letters.into_iter().fold(terms, Split::permissions);
                        terms = lifetime.into_iter().fold(terms, Split::lives);
                        $make(terms.into())
                    }
                    _ => return Err("neither terms nor a policy".into()),
                }
            }};
        }
        let (container, path) = (self.container.as_str(), self.path.as_str());
        let made = match self.kind.as_str() {
            "blob" => {
                with_terms!(BlobPermissions, |terms: Terms<BlobPermissions>| UrlRequest::blob(container, path, terms))
            }
            "snapshot" => with_terms!(BlobPermissions, |terms: Terms<BlobPermissions>| {
                UrlRequest::snapshot(container, path, &self.snapshot, terms)
            }),
            "version" => with_terms!(BlobPermissions, |terms: Terms<BlobPermissions>| {
                UrlRequest::blob_version(container, path, &self.snapshot, terms)
            }),
            "directory" => with_terms!(DirectoryPermissions, |terms: Terms<DirectoryPermissions>| {
                UrlRequest::directory(container, path, terms)
            }),
            "container" => with_terms!(ContainerPermissions, |terms: Terms<ContainerPermissions>| {
                UrlRequest::container(container, terms)
            }),
            "share" => {
                with_terms!(SharePermissions, |terms: Terms<SharePermissions>| UrlRequest::share(container, terms))
            }
            "file" => {
                with_terms!(FilePermissions, |terms: Terms<FilePermissions>| UrlRequest::file(container, path, terms))
            }
            "queue" => {
                with_terms!(QueuePermissions, |terms: Terms<QueuePermissions>| UrlRequest::queue(container, terms))
            }
            "table" => {
                let range = [
                    ("spk", KeyRange::from as fn(KeyRange, &str) -> KeyRange),
                    ("srk", KeyRange::from_row),
                    ("epk", KeyRange::to),
                    ("erk", KeyRange::to_row),
                ]
                .into_iter()
                .filter_map(|(name, set)| Some((self.get(name)?, set)))
                .fold(KeyRange::new(), |range, (key, set)| set(range, key));
                with_terms!(TablePermissions, |terms: Terms<TablePermissions>| UrlRequest::table(
                    container, range, terms
                ))
            }
            other => return Err(format!("{other} is no kind")),
        };
        made.map_err(|error: IssueError| format!("request: {error}"))
    }

    /// The order of parameters is every client's own.
    fn same_token(&self, query: &str) -> Stage {
        let decode =
            |text: &str| -> String { percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned() };
        let mut found: Vec<(String, String)> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), decode(value)))
            .collect();
        found.retain(|(name, _)| !matches!(name.as_str(), "snapshot" | "versionid"));
        found.retain(|(name, value)| !self.query.contains(&(decode(name), value.clone())));
        let mut expected = self.token.clone();
        match self.signature.as_str() {
            "" => found.retain(|(name, _)| name != "sig"),
            signature => expected.push(("sig".to_owned(), signature.to_owned())),
        }
        found.sort();
        expected.sort();
        equal("token", &found, &expected)
    }
}

fn on_blob(has: &dyn Fn(char) -> bool, object: String) -> (Service, &'static str, String, &'static str) {
    match () {
        () if has('r') => (Service::Blob, "GET", object, ""),
        () if has('w') || has('c') => (Service::Blob, "PUT", object, ""),
        () if has('d') => (Service::Blob, "DELETE", object, ""),
        () if has('a') => (Service::Blob, "PUT", object, "comp=appendblock&"),
        () if has('e') => (Service::DataLake, "HEAD", object, "action=getAccessControl&"),
        () => (Service::Blob, "GET", object, ""),
    }
}

fn on_file(has: &dyn Fn(char) -> bool, object: String) -> (Service, &'static str, String, &'static str) {
    match () {
        () if has('r') => (Service::File, "GET", object, ""),
        () if has('w') => (Service::File, "PUT", object, "comp=range&"),
        () if has('c') => (Service::File, "PUT", object, ""),
        () => (Service::File, "DELETE", object, ""),
    }
}

fn escaped(text: &str) -> String {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[derive(Clone)]
struct Arriving {
    service: Service,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    address: String,
}

impl Arriving {
    fn lines(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    fn view<'r>(&'r self, lines: &'r [(&'r str, &'r [u8])]) -> RequestView<'r> {
        let target: &'r str = Box::leak(format!("{}?{}", self.path, self.query).into_boxed_str());
        RequestView::new(&self.method, target, lines).over_https().from_address(self.address.parse().unwrap())
    }
}

impl Vector for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn known(&self) -> Option<&'static str> {
        None
    }

    fn reservation(&self) -> Option<&'static str> {
        self.is_only_read()
    }

    fn run(&self) -> Stage {
        self.verify()?;
        match (self.has_no_sense(), self.has_no_life()) {
            (None, None) => self.issue(),
            // All but the times and the address is still to be what it should.
            (None, Some(_)) => self.with_life().issue(),
            (Some(_), _) => Ok(()),
        }
    }
}
