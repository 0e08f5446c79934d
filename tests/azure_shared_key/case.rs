//! One request that an official client signed.

use crate::{Arriving, KEY};
use std::fmt::{Debug, Display};
use valet_key::{
    azure::{AccountKey, AccountKeys, Endpoint, ExpectSharedKey, Plus, Service, SharedKeyRequest, Version},
    clock::Timestamp,
    error::VerifyError,
    grant::Justification,
};

/// The published key of the emulators.
const EMULATOR: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const OTHER_MD5: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
/// What tables let through unsigned.
const FREE: [&str; 4] = ["x-ms-client-request-id", "x-ms-date", "x-ms-return-client-request-id", "x-ms-version"];

pub(crate) struct Case {
    name: String,
    service: Service,
    account: String,
    time: Timestamp,
    host: String,
    arriving: Arriving,
    string_to_sign: String,
    authorization: String,
}

fn stage(name: &'static str) -> impl Fn(&dyn Display) -> String {
    move |error| format!("{name}: {error}")
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is made for it")]
fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

impl Case {
    pub(crate) fn read(json: &str) -> Vec<Self> {
        let cases: Vec<serde_json::Value> = serde_json::from_str(json).unwrap();
        cases.iter().map(Self::of).collect()
    }

    fn of(case: &serde_json::Value) -> Self {
        let text = |name: &str| case[name].as_str().unwrap().to_owned();
        let line = |line: &serde_json::Value| (line[0].as_str().unwrap().into(), line[1].as_str().unwrap().into());
        let (host, authorization) = (text("host"), text("authorization"));
        let mut lines: Vec<(String, Vec<u8>)> = case["headers"].as_array().unwrap().iter().map(line).collect();
        lines.push(("Host".into(), host.clone().into()));
        lines.push(("Authorization".into(), authorization.clone().into()));
        Self {
            name: text("name"),
            service: match text("service").as_str() {
                "blob" => Service::Blob,
                "dfs" => Service::DataLake,
                "file" => Service::File,
                "queue" => Service::Queue,
                _ => Service::Table,
            },
            account: text("account"),
            time: Timestamp::parse_iso_basic(&text("time")).unwrap(),
            host,
            arriving: Arriving { method: text("method"), target: text("target"), lines },
            string_to_sign: text("string_to_sign"),
            authorization,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn is_table(&self) -> bool {
        self.service == Service::Table
    }

    fn is_emulator(&self) -> bool {
        self.account == "devstoreaccount1"
    }

    fn key(&self) -> AccountKey {
        AccountKey::new(self.account.as_str(), if self.is_emulator() { EMULATOR } else { KEY }).unwrap()
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let query = self.arriving.target.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect()
    }

    /// `x-ms-*` headers, names in lower case.
    fn own_headers(&self) -> Vec<(String, &str)> {
        let lines = self.arriving.lines.iter().map(|(name, value)| (name, std::str::from_utf8(value).unwrap()));
        let lines = lines.map(|(name, value)| (name.to_ascii_lowercase(), value));
        lines.filter(|(name, _)| name.starts_with("x-ms-")).collect()
    }

    pub(crate) fn expect(&self) -> ExpectSharedKey {
        let expect = ExpectSharedKey::new(self.account.as_str(), self.service).unwrap().host(self.host.as_str());
        if self.is_emulator() { expect.account_in_path() } else { expect }
    }

    /// The service itself at an emulator: the documents write a slash behind the account, and so does this crate.
    pub(crate) fn is_only_verified(&self) -> bool {
        self.is_emulator() && self.arriving.target.split('?').next() == Some("/devstoreaccount1")
    }

    /// Why it is known not to match, by a rule and not by a list of names.
    pub(crate) fn known(&self) -> Option<&'static str> {
        let query = self.query();
        let path = self.arriving.target.split('?').next().unwrap();
        let own = self.own_headers();
        let mut names: Vec<&str> = query.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let mut headers: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
        headers.sort_unstable();
        let collated: Vec<String> = headers.iter().map(|name| name.replace('-', "").replace('_', " ")).collect();
        let rules = [
            (
                !self.is_table() && self.arriving.get("range").is_some(),
                "the client signs a header `byte_range` on the line of `Range`",
            ),
            (
                !self.is_table() && self.arriving.get("date").is_some(),
                "the client signs `Date` beside `x-ms-date`, the documents an empty line",
            ),
            (!collated.is_sorted(), "the client sorts names by a collation, the documents by their bytes"),
            (
                own.iter().any(|(_, value)| value.contains("  ")),
                "the client signs runs of blanks, the documents fold them",
            ),
            (
                own.iter().any(|(_, value)| value.trim() != *value),
                "the client signs the blanks around a value, the documents trim them",
            ),
            (
                self.arriving
                    .lines
                    .iter()
                    .any(|(name, _)| !name.starts_with("x-ms-") && name.to_ascii_lowercase().starts_with("x-ms-")),
                "the client does not sign a name that begins in upper case",
            ),
            (!lower.is_sorted(), "the client sorts parameters as they are written, the documents in lower case"),
            (names.windows(2).any(|pair| pair[0] == pair[1]), "the client signs the last of two parameters"),
            (names.iter().any(|name| name.contains('%')), "the client does not decode names of parameters"),
            (self.arriving.target.contains('+'), "the client reads a `+` as a plus sign, servers differ: `plus`"),
            (path.contains(';'), "the client cuts its own path at a semicolon"),
            (names.contains(&"sig"), "two mechanisms"),
            (path.contains("%2F"), "an escaped slash is ambiguous: `escaped_slashes`"),
            (path.contains("/../"), "dot segments are ambiguous: `allow_dot_segments`"),
            (
                self.is_table() && headers.iter().any(|name| !FREE.contains(name)),
                "nothing covers the headers of a request to tables",
            ),
        ];
        rules.into_iter().find(|(applies, _)| *applies).map(|(_, reason)| reason)
    }

    pub(crate) fn run(&self) -> Result<(), String> {
        if !self.is_only_verified() {
            self.issue()?;
        }
        self.verify()?;
        self.refuse_changes()
    }

    fn issue(&self) -> Result<(), String> {
        let prefix = if self.is_emulator() { format!("/{}", self.account) } else { String::new() };
        let target = self.arriving.target.strip_prefix(&prefix).unwrap();
        let mut request = SharedKeyRequest::for_target(&self.arriving.method, self.service, target)
            .map_err(|error| stage("request")(&error))?;
        for (name, value) in &self.arriving.lines {
            let name = name.to_ascii_lowercase();
            let value = std::str::from_utf8(value).unwrap();
            let is_signed = match (name.as_str(), self.is_table()) {
                ("content-md5" | "content-type", _) => true,
                ("x-ms-date" | "host" | "authorization" | "accept", _) => false,
                ("x-ms-version", _) => {
                    request = request.version(Version::parse(value).unwrap());
                    false
                }
                ("content-length", _) => {
                    request = request.content_length(value.parse().unwrap());
                    false
                }
                // Not signed, and so left to the client.
                (name, true) => !FREE.contains(&name) && name.starts_with("x-ms-"),
                (_, false) => true,
            };
            if is_signed {
                request = request.header(name, value);
            }
        }
        if self.is_emulator() {
            let endpoint = Endpoint::emulator(&format!("http://{}", self.host)).unwrap();
            request = request.endpoint(&endpoint).because(Justification::new("an emulator").unwrap());
        }
        let key = self.key();
        let prepared = request.prepare(valet_key::azure::Sas::credential(&key), self.time);
        let prepared = prepared.map_err(|error| stage("prepare")(&error))?;
        same("string to sign", prepared.string_to_sign().to_text(), self.string_to_sign.clone())?;
        let signed = key.authorize(&request, self.time).map_err(|error| stage("issue")(&error))?;
        same("authorization", signed.expose_authorization(), &self.authorization)?;
        let scheme = if self.is_emulator() { "http" } else { "https" };
        let path = self.arriving.target.split('?').next().unwrap();
        same("url", signed.url().split('?').next().unwrap(), format!("{scheme}://{}{path}", self.host).as_str())?;
        let date = signed.headers().iter().find(|(name, _)| name == "x-ms-date").map(|(_, value)| value.as_bytes());
        same("date", date, self.arriving.get("x-ms-date"))?;
        // What was made here is read here.
        let again = Arriving::of(&signed);
        self.verify_with(&again, &self.expect(), 0).map_err(|error| stage("reading again")(&error))
    }

    fn at(&self, seconds: i64) -> Timestamp {
        Timestamp::from_unix(self.time.unix() + seconds).unwrap()
    }

    fn verify_with(&self, arriving: &Arriving, expect: &ExpectSharedKey, after: i64) -> Result<(), VerifyError> {
        arriving.see(|presented| self.key().verify_request(presented, expect, self.at(after)).map(drop))
    }

    fn verify(&self) -> Result<(), String> {
        let expect = self.expect();
        let string_to_sign = self.arriving.see(|presented| Ok(presented.string_to_sign(&expect)?.to_text()));
        same("string to sign", string_to_sign, Ok(self.string_to_sign.clone()))?;
        for after in [0, 900, -900] {
            self.verify_with(&self.arriving, &expect, after).map_err(|error| stage("verify")(&error))?;
        }
        for after in [901, -901, i64::from(u16::MAX)] {
            let code = self.verify_with(&self.arriving, &expect, after).map_err(|error| error.code());
            same("beyond the skew", code, Err("skewed"))?;
        }
        let other = || AccountKey::new(self.account.as_str(), "b3RoZXIta2V5LW9mLXRoZS1zYW1lLWFjY291bnQ=").unwrap();
        let with_other = self.arriving.see(|presented| other().verify_request(presented, &expect, self.time).map(drop));
        same("other key", with_other, Err(VerifyError::SignatureMismatch))?;
        for keys in [AccountKeys::new(self.key(), other()), AccountKeys::new(other(), self.key())] {
            let keys = keys.unwrap();
            let found = self.arriving.see(|presented| keys.verify_request(presented, &expect, self.time).map(drop));
            same("either key", found, Ok(()))?;
        }
        Ok(())
    }

    fn refuse_changes(&self) -> Result<(), String> {
        for (what, changed) in self.changes() {
            if self.verify_with(&changed, &self.expect(), 0).is_ok() {
                return Err(format!("accepted after a change of {what}"));
            }
        }
        for (what, changed) in self.unsigned_changes() {
            self.verify_with(&changed, &self.expect(), 0).map_err(|error| format!("{what}: {error}"))?;
        }
        Ok(())
    }

    /// Changes of what is signed.
    fn changes(&self) -> Vec<(String, Arriving)> {
        let arriving = &self.arriving;
        let mut changes: Vec<(String, Arriving)> = Vec::new();
        let mut push = |what: &str, changed: Arriving| changes.push((what.to_owned(), changed));
        let other_method = if arriving.method == "GET" { "PUT" } else { "GET" };
        push("method", arriving.with(|it| it.method = other_method.into()));
        push("method case", arriving.with(|it| it.method = it.method.to_ascii_lowercase()));
        let (path, query) = arriving.target.split_once('?').unwrap_or((&arriving.target, ""));
        let with_query = |path: &str, query: &str| {
            let separator = if query.is_empty() { "" } else { "?" };
            arriving.with(|it| it.target = format!("{path}{separator}{query}"))
        };
        push("path", with_query(&format!("{path}x"), query));
        push("slash", with_query(&format!("{path}/"), query));
        let spelled = path.char_indices().rfind(|(_, c)| c.is_ascii_alphanumeric());
        if let Some((at, c)) =
            spelled.filter(|_| !path.ends_with(|c: char| c.is_ascii_hexdigit()) && !path.contains('%'))
        {
            let respelled = format!("{}%{:02X}{}", &path[..at], c as u32, &path[at + 1..]);
            push("spelling of the path", with_query(&respelled, query));
        }
        let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
        for (at, pair) in pairs.iter().enumerate() {
            if self.is_table() && !pair.starts_with("comp=") {
                continue;
            }
            let mut without = pairs.clone();
            without.remove(at);
            push(&format!("{pair}: dropped"), with_query(path, &without.join("&")));
            let mut longer: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
            longer[at].push('x');
            push(&format!("{pair}: longer"), with_query(path, &longer.join("&")));
        }
        if self.is_table() {
            if !query.contains("comp=") {
                push("comp", with_query(path, &format!("{query}{}comp=acl", if query.is_empty() { "" } else { "&" })));
            }
        } else {
            push("another parameter", with_query(path, &[&pairs[..], &["zz=1"]].concat().join("&")));
            push("another header", arriving.with(|it| it.set("X-MS-zz", "1")));
            push("Content-Encoding", arriving.with(|it| it.set("Content-Encoding", "x")));
            push("If-Match", arriving.with(|it| it.set("If-Match", "x")));
            push("Range", arriving.with(|it| it.set("Range", "bytes=5-")));
            push("Content-Length", arriving.with(|it| it.set("Content-Length", "12345")));
            push("Transfer-Encoding", arriving.with(|it| it.set("Transfer-Encoding", "chunked")));
        }
        push("Content-Type", arriving.with(|it| it.set("Content-Type", "x/y")));
        push("Content-MD5", arriving.with(|it| it.set("Content-MD5", OTHER_MD5)));
        for (name, value) in self.own_headers() {
            push(&format!("{name} twice"), arriving.with(|it| it.lines.push((name.clone(), value.into()))));
            if self.is_table() && name != "x-ms-date" {
                continue;
            }
            push(&format!("{name} dropped"), arriving.with(|it| it.drop(&name)));
            push(&format!("{name} changed"), arriving.with(|it| it.set(&name, &format!("{value}x"))));
        }
        push("date", arriving.with(|it| it.set("x-ms-date", "Sun, 06 Nov 1994 08:49:37 GMT")));
        let last = self.authorization.len() - 10;
        let swapped = if self.authorization.as_bytes()[last] == b'A' { 'B' } else { 'A' };
        let signature = format!("{}{swapped}{}", &self.authorization[..last], &self.authorization[last + 1..]);
        push("signature", arriving.with(|it| it.set("Authorization", &signature)));
        let account = self.authorization.replacen(&self.account, "otheraccount", 1);
        push("account", arriving.with(|it| it.set("Authorization", &account)));
        changes
    }

    /// Changes of what nobody signs: what proxies do, and for tables what the documents leave out.
    fn unsigned_changes(&self) -> Vec<(&'static str, Arriving)> {
        let arriving = &self.arriving;
        let mut changes = vec![
            ("order of the lines", arriving.with(|it| it.lines.reverse())),
            (
                "case of the names",
                arriving.with(|it| it.lines.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase())),
            ),
            ("forwarding", arriving.with(|it| it.set("X-Forwarded-For", "192.0.2.1"))),
            (
                "blanks around",
                arriving
                    .with(|it| it.lines.iter_mut().for_each(|(_, value)| *value = [b" \t", &value[..], b" "].concat())),
            ),
        ];
        if self.is_table() {
            changes.push(("length", arriving.with(|it| it.set("Content-Length", "12345"))));
            changes.push(("version", arriving.with(|it| it.set("x-ms-version", "2020-12-06"))));
            changes.push(("condition", arriving.with(|it| it.set("If-Match", "x"))));
        }
        changes
    }

    /// Whether a named option makes the verifier read it as its client does.
    fn is_accepted_with(&self, option: impl FnOnce(ExpectSharedKey) -> ExpectSharedKey) -> bool {
        self.verify_with(&self.arriving, &option(self.expect()), 0).is_ok()
    }
}

#[test]
fn a_named_option_relaxes_each_strict_reading() {
    let cases = Case::read(include_str!("../vectors/azure/shared-key.json"));
    let case = |name: &str| cases.iter().find(|case| case.name() == format!("differs: {name}")).unwrap();
    assert!(case("plus in the query").is_accepted_with(|expect| expect.plus(Plus::Literal)));
    assert!(!case("plus in the query").is_accepted_with(|expect| expect.plus(Plus::Blank)));
    assert!(case("two blanks in a value").is_accepted_with(ExpectSharedKey::blanks_as_sent));
    assert!(case("escaped slash in the path").is_accepted_with(ExpectSharedKey::escaped_slashes));
    assert!(case("dot segments").is_accepted_with(ExpectSharedKey::allow_dot_segments));
}
