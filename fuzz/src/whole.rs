//! Whole requests: issued, sent, tampered with, verified.

use super::{
    operations,
    reference::{self, Claim, Target},
};
use std::{collections::BTreeMap, sync::LazyLock};
use valet_key::{
    aws::{
        Credential, Endpoint, Expect, Form, KeyRing, PathRule, Payload, Plus, Presented, Region, Request, S3Error,
        SigV4, Signature, SignedRequest, StaticKey, TokenPlacement, UrlRequest, Verifier,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::{Justification, Lifetime},
    token::Verified,
    view::{HeaderLine, RequestView},
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const OTHER_SECRET: &str = "another secret";
const TOKEN: &str = "FwoGZXIvYXdzE+/EXAMPLE==";
const SKEW: u32 = 900;

/// A key, and a ring in which it replaces another one.
struct Holder {
    key: StaticKey,
    ring: KeyRing,
}

impl Holder {
    fn new(secret: &str, is_temporary: bool) -> Self {
        let key = || {
            let credential = Credential::new(super::ACCESS_KEY_ID).unwrap();
            let credential = if is_temporary { credential.with_session_token(TOKEN).unwrap() } else { credential };
            StaticKey::from_credential(credential, secret).unwrap()
        };
        let replaced = StaticKey::new(super::ACCESS_KEY_ID, "a secret of last year").unwrap();
        Self { key: key(), ring: KeyRing::new().with(replaced).with(key()) }
    }
}

static LONG_TERM: LazyLock<Holder> = LazyLock::new(|| Holder::new(SECRET, false));
static TEMPORARY: LazyLock<Holder> = LazyLock::new(|| Holder::new(SECRET, true));
static OTHER: LazyLock<Holder> = LazyLock::new(|| Holder::new(OTHER_SECRET, false));

/// Reads choices and short texts off the input; past its end everything is zero or empty.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    fn index(&mut self, length: usize) -> usize {
        let at = usize::from(self.byte()) << 8 | usize::from(self.byte());
        at % length.max(1)
    }

    /// A length, then as many bytes.
    fn bytes(&mut self, most: u8) -> &'a [u8] {
        let length = usize::from(self.byte() % (most + 1)).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    fn text(&mut self, most: u8) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }
}

/// What makes a request one operation of S3 rather than another.
const PARAMS: [&str; 24] = [
    "uploads",
    "uploadId",
    "partNumber",
    "tagging",
    "versionId",
    "versions",
    "list-type",
    "prefix",
    "max-keys",
    "encoding-type",
    "acl",
    "delete",
    "lifecycle",
    "location",
    "attributes",
    "select",
    "select-type",
    "renameObject",
    "response-content-type",
    "x-id",
    "x-amz-acl",
    "x-amz-copy-source",
    "X-Amz-Tagging",
    "UploadId",
];
const HEADERS: [&str; 8] = [
    "x-amz-copy-source",
    "x-amz-copy-source-range",
    "X-Amz-Copy-Source",
    "x-amz-copy-source-if-match",
    "x-amz-acl",
    "x-amz-rename-source",
    "x-amz-tagging",
    "content-type",
];

/// What was asked of the signer.
struct Asked {
    form: Form,
    service: &'static str,
    method: &'static str,
    host: &'static str,
    path: String,
    dot_segments: bool,
    params: Vec<(String, String)>,
    headers: Vec<(&'static str, Vec<u8>)>,
    payload: Option<Payload>,
    temporary: bool,
    token_placement: TokenPlacement,
    lifetime: Lifetime,
    now: Timestamp,
}

impl Asked {
    fn read(choices: &mut Choices<'_>) -> Self {
        let flags = choices.byte();
        let flag = |at: u8| flags >> at & 1 == 1;
        Self {
            form: if flag(0) { Form::Header } else { Form::Presigned },
            service: if flag(1) { "execute-api" } else { "s3" },
            dot_segments: flag(2),
            temporary: flag(3),
            token_placement: if flag(4) { TokenPlacement::AfterSigning } else { TokenPlacement::Signed },
            method: choices.one_of(&["GET", "PUT", "DELETE", "HEAD", "POST"]),
            host: choices.one_of(&["photos.s3.eu-west-1.amazonaws.com", "gateway.example:8443", "[2001:db8::1]"]),
            payload: choices.one_of(&[
                None,
                Some(Payload::Empty),
                Some(Payload::Sha256([7; 32])),
                Some(Payload::Unsigned),
            ]),
            lifetime: Lifetime::from_seconds(choices.one_of(&[900, 1, 604_800, 3599])).unwrap(),
            now: super::now().saturating_add(u32::from(choices.byte()) * 3607),
            path: format!("/{}", choices.text(40)),
            params: (0..choices.byte() % 5)
                .map(|_| {
                    let name = if flag(5) { choices.one_of(&PARAMS).to_owned() } else { choices.text(12) };
                    (name, choices.text(16))
                })
                .collect(),
            headers: (0..choices.byte() % 5)
                .map(|_| {
                    let names = ["x-amz-meta-a", "Content-Type", "X-Amz-Acl", "X-AMZ-META-A", "Content-MD5", "range"];
                    let name = if flag(5) { choices.one_of(&HEADERS) } else { choices.one_of(&names) };
                    (name, choices.bytes(if flag(5) { 80 } else { 16 }).to_vec())
                })
                .collect(),
        }
    }

    fn holder(&self) -> &'static Holder {
        if self.temporary { &TEMPORARY } else { &LONG_TERM }
    }

    fn rule(&self) -> PathRule {
        PathRule::of_service(self.service)
    }

    fn expect(&self) -> Expect {
        let expect = Expect::new(super::REGION, self.service).host(self.host).session_token(self.token_placement);
        let expect = if self.dot_segments { expect.allow_dot_segments() } else { expect };
        expect.plus(Plus::Literal).allow_unsigned_payload()
    }

    fn request(&self) -> Request {
        let why = Justification::new("the law holds for long lives too").unwrap();
        let origin = format!("https://{}", self.host);
        let mut request = Request::new(self.method, &origin, super::REGION, self.service)
            .unwrap()
            .path(self.path.as_str())
            .session_token(self.token_placement)
            .because(why);
        if self.dot_segments {
            request = request.allow_dot_segments();
        }
        if let Some(payload) = self.payload {
            request = request.payload(payload);
        }
        if self.payload == Some(Payload::Unsigned) {
            request = request.with_content_sha256();
        }
        for (name, value) in &self.params {
            request = request.query(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value.as_slice());
        }
        request
    }

    /// Where the server of this host looks for the bucket, and the bucket that is in the host.
    fn endpoint(&self) -> (Endpoint, Option<&'static str>) {
        let region = Region::new(super::REGION).unwrap();
        match self.host.strip_suffix(".s3.eu-west-1.amazonaws.com") {
            Some(bucket) => (Endpoint::aws(region), Some(bucket)),
            None => (Endpoint::custom(&format!("https://{}", self.host), region).unwrap(), None),
        }
    }

    /// What an accepted request asks of S3: the same each time, and what the slow reading of `sent` says.
    fn operation(&self, sent: &Sent, request: &SignedRequest<'_>) -> Option<operations::Asked> {
        let (endpoint, bucket) = self.endpoint();
        let read = || request.s3_request(&endpoint);
        let ours = read().ok().map(|read| {
            tells_nothing(&format!("{read:?}"), None);
            operations::Asked::of(&read)
        });
        if let Err(error) = read() {
            let peer = S3Error::from(&error);
            tells_nothing(&format!("{error} {error:?} {peer:?} {}", peer.to_xml("1")), None);
        }
        assert_eq!(read().ok().as_ref().map(operations::Asked::of), ours, "read twice");
        let theirs = if self.service == "s3" {
            operations::Asked::read(&sent.method, &sent.target, &sent.lines(), bucket, self.dot_segments)
        } else {
            None
        };
        assert_eq!(ours, theirs, "{:?} {sent:?}", read().err());
        ours
    }

    /// Signs, and gives the request as a client sends it; `None` if the signer refuses.
    fn send(&self) -> Option<Sent> {
        let line = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let mut lines = vec![line("Host", self.host.as_bytes())];
        let target = match self.form {
            Form::Presigned => {
                let url = self.holder().key.presign(&UrlRequest::new(self.request()).lives(self.lifetime), self.now);
                let url = url.inspect_err(|error| tells_nothing(&format!("{error} {error:?}"), None)).ok()?;
                tells_nothing(&format!("{url:?}"), url.expose().get(url.expose().len() - 64..));
                lines.extend(url.required_headers().iter().cloned());
                url.expose().strip_prefix(&format!("https://{}", self.host)).unwrap().to_owned()
            }
            Form::Header => {
                let signed = self.holder().key.sign_headers(&self.request(), self.now);
                let signed = signed.inspect_err(|error| tells_nothing(&format!("{error} {error:?}"), None)).ok()?;
                let authorization = signed.authorization();
                tells_nothing(&format!("{signed:?}"), authorization.get(authorization.len() - 64..));
                lines.extend(self.headers.iter().map(|(name, value)| line(name, value)));
                lines.extend(signed.expose().map(|(name, value)| line(name, value.as_bytes())));
                signed.target().to_owned()
            }
        };
        let body = if let Some(Payload::Sha256(digest)) = self.payload { Some(digest) } else { None };
        Some(Sent { method: self.method.to_owned(), target, lines, body })
    }

    /// What the crate issues although its verifier does not take it: the signs of another mechanism, and
    /// a free body where no field can say that it is free.
    fn may_be_refused(&self) -> bool {
        let pairs = self.params.iter().map(|(name, value)| {
            let name = reference::encode(name.as_bytes(), "");
            format!("{name}={}", reference::encode(value.as_bytes(), ""))
        });
        let raw = pairs.collect::<Vec<_>>().join("&");
        let defects = reference::query_defects(&raw, Plus::Literal, true);
        let free_body = self.payload == Some(Payload::Unsigned);
        !defects.is_empty() || (self.form == Form::Presigned && self.service != "s3" && free_body)
    }
}

/// A request on the wire.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    target: String,
    lines: Vec<(String, Vec<u8>)>,
    body: Option<[u8; 32]>,
}

impl Sent {
    fn lines(&self) -> Vec<HeaderLine<'_>> {
        self.lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    fn view<'r>(&'r self, lines: &'r [HeaderLine<'r>]) -> RequestView<'r> {
        let view = RequestView::new(&self.method, &self.target, lines);
        self.body.map_or(view, |digest| view.body_sha256(digest))
    }

    /// The verdict, which a key and a ring with that key have to share.
    fn verify<T>(
        &self,
        holder: &Holder,
        expect: &Expect,
        now: Timestamp,
        read: impl FnOnce(&Verified<SignedRequest<'_>>) -> T,
    ) -> Result<T, VerifyError> {
        let lines = self.lines();
        let view = self.view(&lines);
        let by_key = Presented::parse(&view).and_then(|presented| {
            tells_nothing(&format!("{presented:?}"), None);
            holder.key.verify(presented, expect, now)
        });
        let by_ring = Presented::parse(&view).and_then(|presented| holder.ring.verify(presented, expect, now));
        let agree = match (&by_key, &by_ring) {
            // A ring looks for the key last, so that it can tell something else first.
            (Ok(_), Ok(_)) | (Err(VerifyError::OtherKey), Err(_)) => true,
            (Err(ours), Err(theirs)) => ours == theirs,
            _ => false,
        };
        assert!(agree, "{by_key:?} {by_ring:?}");
        for error in [by_key.as_ref().err(), by_ring.as_ref().err()].into_iter().flatten() {
            let peer = S3Error::from(error);
            let text = format!("{error} {error:?} {} {peer:?} {}", error.code(), peer.to_xml("1"));
            tells_nothing(&text, self.computed(holder, expect, now).as_deref());
        }
        by_key.map(|verified| {
            tells_nothing(&format!("{verified:?}"), self.computed(holder, expect, now).as_deref());
            read(&verified)
        })
    }

    /// The signature that the verifier computes, in hex, by way of a URL that ends with it.
    fn computed(&self, holder: &Holder, expect: &Expect, now: Timestamp) -> Option<String> {
        let lines = self.lines();
        let pending = Presented::parse(&self.view(&lines)).ok()?.check(holder.key.credential(), expect, now).ok()?;
        let signature = holder.key.sign(pending.scope(), pending.string_to_sign()).ok()?;
        let message = pending.string_to_sign();
        let shown = format!("{pending:?} {signature:?} {message:?} {:?}", holder.key);
        tells_nothing(&shown, Some(&message.as_str()[message.as_str().len() - 64..]));
        Some(hex(&signature))
    }
}

fn hex(signature: &Signature) -> String {
    let any = UrlRequest::new(Request::new("GET", "https://any.example", "any", "any").unwrap());
    let url = any.prepare(&Credential::new("any").unwrap(), super::now()).unwrap().finish(signature);
    url.expose()[url.expose().len() - 64..].to_owned()
}

fn tells_nothing(text: &str, signature: Option<&str>) {
    assert!(!text.contains(SECRET) && !text.contains(OTHER_SECRET), "the secret is in: {text}");
    assert!(!text.contains(TOKEN), "the session token is in: {text}");
    assert!(signature.is_none_or(|signature| !text.contains(signature)), "the signature is in: {text}");
}

/// What a request means, by the slow reading: equal for two spellings of one request.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    method: String,
    path: String,
    params: Vec<reference::Pair>,
    headers: BTreeMap<String, Option<Vec<u8>>>,
    claim: Option<Claim>,
}

impl Meaning {
    /// The meaning to a verifier of `asked`, with the headers that were signed for it and those that
    /// never may arrive unsigned.
    fn of(sent: &Sent, asked: &Asked) -> Self {
        let Target { path, query, .. } = Target::split(&sent.target);
        let name_of = |(name, _): &(String, Vec<u8>)| name.to_ascii_lowercase();
        let is_free = |name: &str| asked.form == Form::Presigned && name == "x-amz-content-sha256";
        let must_be_signed = |name: &String| {
            (name.starts_with("x-amz-") && !is_free(name)) || (asked.service == "s3" && name == "content-md5")
        };
        let mut names: Vec<String> = sent.lines.iter().map(name_of).filter(must_be_signed).collect();
        names.extend(asked.headers.iter().map(|(name, _)| name.to_ascii_lowercase()));
        names.push("host".to_owned());
        if matches!(asked.payload, Some(Payload::Empty | Payload::Sha256(_))) && asked.service == "s3" {
            names.push("x-amz-content-sha256".to_owned());
        }
        let value = |name: &str| reference::header(sent.lines(), name);
        Self {
            method: sent.method.clone(),
            path: reference::canonical_path(path, asked.rule()),
            params: reference::pairs(query, Plus::Literal),
            headers: names.into_iter().map(|name| (name.clone(), value(&name))).collect(),
            claim: value("authorization").and_then(|value| Claim::read(&value)),
        }
    }
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Another spelling of the same request.
    Respelled,
    /// Anything.
    Changed,
}

/// Applies one change that the input describes.
fn change(sent: &mut Sent, choices: &mut Choices<'_>) -> Change {
    let line = choices.index(sent.lines.len());
    match choices.byte() % 16 {
        0 => {
            sent.lines[line].0 = swap_case(&sent.lines[line].0);
            return Change::Respelled;
        }
        1 => {
            let blanks = choices.one_of(&[" ", "\t", " \t  "]).as_bytes();
            sent.lines[line].1 = [blanks, &sent.lines[line].1, blanks].concat();
            return Change::Respelled;
        }
        2 => {
            // Lines of one name keep their order.
            sent.lines.sort_by_key(|(name, _)| std::cmp::Reverse(name.to_ascii_lowercase()));
            return Change::Respelled;
        }
        3 => {
            let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
            let mut params: Vec<&str> = query.split('&').collect();
            let by = choices.index(params.len());
            params.rotate_left(by);
            sent.target = if query.is_empty() { sent.target.clone() } else { format!("{path}?{}", params.join("&")) };
            return Change::Respelled;
        }
        4 => {
            let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
            let lower = respell(query);
            sent.target = if query.is_empty() { sent.target.clone() } else { format!("{path}?{lower}") };
            return Change::Respelled;
        }
        5 => {
            sent.lines.push(("X-Forwarded-For".to_owned(), choices.bytes(12).to_vec()));
            // A CR or NUL is refused wherever it stands.
            return Change::Changed;
        }
        6 => sent.method = choices.one_of(&["GET", "PUT", "DELETE", "get", "", "POST "]).to_owned(),
        7 => drop(sent.lines.remove(line)),
        8 => sent.lines.insert(line, sent.lines[line].clone()),
        9 => {
            let name =
                choices.one_of(&["x-amz-copy-source", "X-Amz-Meta-A", "host", "x-amz-security-token", "X-Amz-Date"]);
            sent.lines.insert(line, (name.to_owned(), choices.bytes(20).to_vec()));
        }
        10 => {
            let at = choices.index(sent.lines[line].1.len());
            if let Some(byte) = sent.lines[line].1.get_mut(at) {
                *byte = choices.byte();
            }
        }
        11 => {
            let other = choices.index(sent.lines.len());
            sent.lines.swap(line, other);
        }
        12 => {
            let piece = choices.text(24);
            let at = choices.index(sent.target.len() + 1);
            sent.target.insert_str(at, &piece);
        }
        13 => {
            let at = choices.index(sent.target.len());
            let end = (at + usize::from(choices.byte() % 8)).min(sent.target.len());
            sent.target.replace_range(at..end, "");
        }
        14 => {
            let at = choices.index(sent.target.len());
            let with = char::from(choices.byte() & 0x7f);
            sent.target.replace_range(at..=at, with.encode_utf8(&mut [0; 4]));
        }
        _ => {
            let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
            let params: Vec<&str> = query.split('&').collect();
            sent.target = format!("{path}?{query}&{}", choices.one_of(&params));
        }
    }
    Change::Changed
}

fn swap_case(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect()
}

/// Escapes in lower case, and `~` escaped.
fn respell(query: &str) -> String {
    let mut text = String::new();
    let mut digits = 0;
    for c in query.chars() {
        digits = if c == '%' { 3usize } else { digits.saturating_sub(1) };
        match c {
            '~' => text.push_str("%7e"),
            c if digits > 0 => text.push(c.to_ascii_lowercase()),
            c => text.push(c),
        }
    }
    text
}

/// A whole request: either what the signer is asked for and what then happens to the request, or a
/// request made of nothing but the input.
///
/// Laws: what was signed is accepted for its time and tells what was signed; another spelling of it is
/// accepted; a change is refused unless the request still means the same; another key refuses all; a
/// request that nobody signed is refused; what an accepted request asks of S3 is what the slow reading says
/// and stays the same in another spelling; and no error or `Debug` tells a secret or a signature.
///
/// # Panics
/// If a law is broken.
pub fn verify(data: &[u8]) {
    let holds = |text: &str| data.windows(text.len()).any(|window| window == text.as_bytes());
    if holds(SECRET) || holds(TOKEN) || holds(OTHER_SECRET) {
        // A peer who knows a secret may well see it again.
        return;
    }
    let Some((&choice, rest)) = data.split_first() else { return };
    if choice % 8 == 7 {
        return nobody_signed(rest);
    }
    let mut choices = Choices(rest);
    let asked = Asked::read(&mut choices);
    let Some(sent) = asked.send() else { return };
    let (holder, expect) = (asked.holder(), asked.expect());
    if asked.may_be_refused() {
        // The refusal is for other laws; what it tells is for this one.
        drop(sent.verify(holder, &expect, asked.now, |_| ()));
        return;
    }
    accepted_for_its_time(&asked, &sent);
    let other = sent.verify(&OTHER, &expect, asked.now, |_| ());
    assert!(other.is_err(), "another key accepts");

    let mut changed = sent.clone();
    let mut verdict = Change::Respelled;
    for _ in 0..=choices.byte() % 3 {
        if changed.target.is_ascii() && !changed.lines.is_empty() && !changed.target.is_empty() {
            let next = change(&mut changed, &mut choices);
            verdict = if next == Change::Changed { next } else { verdict };
        }
    }
    let same = Meaning::of(&changed, &asked) == Meaning::of(&sent, &asked);
    match changed.verify(holder, &expect, asked.now, |request| asked.operation(&changed, request)) {
        Ok(operation) => {
            assert!(same, "accepted, but it means something else\n{sent:?}\n{changed:?}");
            let before = sent.verify(holder, &expect, asked.now, |request| asked.operation(&sent, request));
            assert_eq!(Ok(operation), before, "another spelling is another operation\n{sent:?}\n{changed:?}");
        }
        Err(error) => assert!(verdict == Change::Changed, "refused: {error}\n{sent:?}\n{changed:?}"),
    }
}

fn accepted_for_its_time(asked: &Asked, sent: &Sent) {
    let (holder, expect) = (asked.holder(), asked.expect());
    let tells_what_was_signed = |request: &Verified<SignedRequest<'_>>| {
        assert_eq!((request.form(), request.method(), request.host()), (asked.form, asked.method, asked.host));
        assert_eq!((request.access_key_id(), request.signed_at()), (super::ACCESS_KEY_ID, asked.now));
        if asked.rule() == PathRule::AsSent {
            assert_eq!(request.decoded_path().unwrap(), asked.path);
        } else {
            assert_eq!(request.path(), reference::normalized(&reference::encode(asked.path.as_bytes(), "/")));
        }
        let mut params: Vec<_> = request.params().map(Result::unwrap).collect();
        let mut expected = asked.params.clone();
        params.sort();
        expected.sort();
        assert_eq!(params, expected);
        for (name, _) in &asked.headers {
            let name = name.to_ascii_lowercase();
            let ours = asked.headers.iter().map(|(name, value)| (*name, value.as_slice()));
            let theirs = request.header(&name).map(|value| (name.as_str(), value));
            assert_eq!(reference::header(theirs, &name), reference::header(ours, &name), "{name}");
        }
    };
    let facts = sent.verify(holder, &expect, asked.now, tells_what_was_signed);
    drop(sent.verify(holder, &expect, asked.now, |request| asked.operation(sent, request)));
    assert!(facts.is_ok(), "what was signed is refused: {facts:?}\n{sent:?}");

    let last = match asked.form {
        Form::Presigned => asked.now.saturating_add(asked.lifetime.seconds()),
        Form::Header => asked.now.saturating_add(SKEW),
    };
    let first = asked.now.saturating_sub(SKEW);
    let code = |now| sent.verify(holder, &expect, now, |_| ()).err().map(|error| error.code());
    let (early, late) = match asked.form {
        Form::Presigned => ("not_yet_valid", "expired"),
        Form::Header => ("skewed", "skewed"),
    };
    assert_eq!((code(first), code(last)), (None, None));
    assert_eq!((code(first.saturating_sub(1)), code(last.saturating_add(1))), (Some(early), Some(late)));
}

/// A method and a target on the first line, then `name:value` lines.
fn nobody_signed(data: &[u8]) {
    let mut text = data.split(|&byte| byte == b'\n');
    let start = String::from_utf8_lossy(text.next().unwrap_or_default()).into_owned();
    let (method, target) = start.split_once(' ').unwrap_or((&start, "/"));
    let lines = text.map(|line| {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        (name, parts.next().unwrap_or_default().to_vec())
    });
    let sent = Sent { method: method.to_owned(), target: target.to_owned(), lines: lines.collect(), body: None };
    for service in ["s3", "execute-api"] {
        let expect = Expect::new(super::REGION, service).plus(Plus::Blank).allow_dot_segments().recode_path();
        assert!(sent.verify(&LONG_TERM, &expect, super::now(), |_| ()).is_err(), "accepted: {sent:?}");
    }
    let lines = sent.lines();
    let strict = Verifier::new(KeyRing::new(), Expect::new(super::REGION, "s3"));
    assert!(strict.verify(&sent.view(&lines), super::now()).is_err(), "an empty ring accepts: {sent:?}");
}
