//! One published signed URL, and the two things that are done with it: issue it, and verify it.

use crate::Vector;
use serde_json::{Value, json};
use std::sync::OnceLock;
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::gcs::{Endpoint, Expect, GoogV4, HmacKey, KeyRing, Presented, PublicKey, ServiceAccountKey, UrlRequest};
use valet_key::grant::{Justification, Lifetime};
use valet_key::view::RequestView;

/// The dummy service account of Google's conformance tests: public, and never active.
pub(crate) fn key() -> &'static ServiceAccountKey {
    static KEY: OnceLock<ServiceAccountKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-service-account.json");
        ServiceAccountKey::from_json(&std::fs::read_to_string(file).unwrap()).unwrap()
    })
}

/// A key of another account.
pub(crate) fn other_key() -> PublicKey {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/other-certificate.pem");
    PublicKey::from_pem(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Inputs and expected values, in our own form: the files in `tests/vectors/gcs` are lists of these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Access id and secret of an HMAC key; without them the dummy service account signs.
    pub(crate) hmac: Option<(String, String)>,
    /// `YYYYMMDDTHHMMSSZ`
    pub(crate) time: String,
    /// In seconds.
    pub(crate) lifetime: u32,
    pub(crate) method: String,
    /// Scheme, host and port of the service, or of the bound host.
    pub(crate) origin: String,
    /// `path`, `virtual` or `bound`
    pub(crate) style: String,
    pub(crate) bucket: String,
    pub(crate) object: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) canonical_request: Option<String>,
    pub(crate) string_to_sign: Option<String>,
    pub(crate) url: String,
    /// What its source says is wrong with it.
    pub(crate) quirk: Option<String>,
}

type Stage = Result<(), String>;

impl Case {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned();
        let maybe = |field: &str| value[field].as_str().map(ToOwned::to_owned);
        let pairs = |field: &str| {
            let list = value[field].as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
                .collect()
        };
        Self {
            name: text("name"),
            hmac: maybe("access_id").map(|id| (id, text("secret"))),
            time: text("time"),
            lifetime: u32::try_from(value["lifetime"].as_u64().unwrap()).unwrap(),
            method: text("method"),
            origin: text("origin"),
            style: text("style"),
            bucket: text("bucket"),
            object: maybe("object"),
            query: pairs("query"),
            headers: pairs("headers"),
            canonical_request: maybe("canonical_request"),
            string_to_sign: maybe("string_to_sign"),
            url: text("url"),
            quirk: maybe("quirk"),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "time": self.time, "lifetime": self.lifetime, "method": self.method,
            "origin": self.origin, "style": self.style, "bucket": self.bucket, "object": self.object,
            "query": self.query, "headers": self.headers, "canonical_request": self.canonical_request,
            "string_to_sign": self.string_to_sign, "url": self.url, "quirk": self.quirk,
            "access_id": self.hmac.as_ref().map(|(id, _)| id), "secret": self.hmac.as_ref().map(|(_, secret)| secret),
        });
        // Absent means null or empty.
        let empty = |field: &Value| field.is_null() || field.as_array().is_some_and(Vec::is_empty);
        value.as_object_mut().unwrap().retain(|_, field| !empty(field));
        value
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    /// Whoever signs it, and a verifier who knows that one, or another.
    fn holder(&self) -> Box<dyn GoogV4> {
        match &self.hmac {
            Some((id, secret)) => Box::new(HmacKey::new(id.as_str(), secret.as_str()).unwrap()),
            None => Box::new(key()),
        }
    }

    fn ring(&self, knows_it: bool) -> KeyRing {
        let mut ring = KeyRing::new();
        match &self.hmac {
            Some((id, _)) if !knows_it => ring.insert(HmacKey::new(id.as_str(), "another secret").unwrap()),
            Some((id, secret)) => ring.insert(HmacKey::new(id.as_str(), secret.as_str()).unwrap()),
            None => {
                let public = if knows_it { key().public_key() } else { other_key() };
                ring.set_account(key().credential().clone(), [public]).unwrap();
            }
        }
        ring
    }

    fn request(&self) -> Result<UrlRequest, String> {
        let failed = |error: &dyn std::fmt::Display| format!("issue: {error}");
        let endpoint = match self.style.as_str() {
            "bound" => Endpoint::bound(&self.origin, &self.bucket),
            "virtual" => Endpoint::custom(&self.origin).map(Endpoint::virtual_hosted),
            _ => Endpoint::custom(&self.origin),
        };
        let endpoint = endpoint.map_err(|error| failed(&error))?;
        let request = match &self.object {
            Some(object) => UrlRequest::new(&self.method, &endpoint, &self.bucket, object),
            None => UrlRequest::bucket(&self.method, &endpoint, &self.bucket),
        };
        let mut request = request.map_err(|error| failed(&error))?;
        for (name, value) in &self.query {
            request = request.query(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.as_bytes());
        }
        Ok(request
            .lives(Lifetime::from_seconds(self.lifetime).unwrap())
            .allow_dot_segments()
            .because(Justification::new("published case").unwrap()))
    }

    /// Issues the case and compares every stage.
    fn issue(&self) -> Stage {
        let holder = self.holder();
        let prepared = self.request()?.prepare(holder.credential(), self.now()).map_err(|error| error.to_string())?;
        // What was hashed counts, where a source shows another text than it hashed.
        let hashed = self.string_to_sign.as_deref().and_then(|text| text.rsplit('\n').next());
        let shown = self.canonical_request.as_deref().filter(|text| hashed.is_none_or(|hash| sha256(text) == hash));
        same("issue: canonical request", shown, prepared.canonical_request())?;
        same("issue: string to sign", self.string_to_sign.as_deref(), prepared.string_to_sign().as_bytes())?;
        let signature = holder.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let url = prepared.finish(&signature).unwrap();
        let sorted = |url: &str| {
            let (head, query) = url.split_once('?').unwrap_or((url, ""));
            let mut params: Vec<String> = query.split('&').map(ToOwned::to_owned).collect();
            params.sort();
            format!("{head}?{}", params.join("&"))
        };
        same("issue: URL", Some(&sorted(&self.url)), sorted(url.expose()).as_bytes())
    }

    fn check(&self, sent: &Sent, ring: &KeyRing, now: Timestamp) -> Result<(), VerifyError> {
        let lines: Vec<(&str, &[u8])> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let presented = Presented::parse(&RequestView::new(&sent.method, &sent.target, &lines))?;
        let expect = Expect::new().allow_dot_segments();
        let pending = presented.clone().check(self.holder().credential(), &expect, now)?;
        if let (Some(expected), true) = (&self.string_to_sign, sent.is_original) {
            assert_eq!(String::from_utf8_lossy(pending.string_to_sign().as_bytes()), *expected, "{}", self.name);
        }
        ring.verify(presented, &expect, now).map(|_| ())
    }

    /// Accepts the case for as long as it is good, and refuses it after every change.
    fn verify(&self) -> Stage {
        let after_scheme = self.url.split_once("://").ok_or("verify: no URL")?.1;
        let (host, target) = after_scheme.split_once('/').ok_or("verify: no path")?;
        let mut headers = self.headers.clone();
        headers.push(("host".to_owned(), host.to_owned()));
        let sent = Sent { is_original: true, method: self.method.clone(), target: format!("/{target}"), headers };
        let ring = self.ring(true);
        let (now, end) = (self.now(), self.now().checked_add(self.lifetime).unwrap());
        for at in [now, now.saturating_sub(900), end] {
            self.check(&sent, &ring, at).map_err(|error| format!("verify at {at}: {error}"))?;
        }
        let refused = |what: &str, sent: &Sent, at| match self.check(sent, &ring, at) {
            Ok(()) => Err(format!("verify: accepted with {what}")),
            Err(_) => Ok(()),
        };
        refused("a time before its time", &sent, now.saturating_sub(901))?;
        refused("a time after its end", &sent, end.checked_add(1).unwrap())?;
        if self.check(&sent, &self.ring(false), now) != Err(VerifyError::SignatureMismatch) {
            return Err("verify: accepted with another key".to_owned());
        }
        for method in ["GET", "PUT", "DELETE", "HEAD", "POST"] {
            if method != self.method {
                refused("another method", &sent.with(|sent| method.clone_into(&mut sent.method)), now)?;
            }
        }
        refused("another path", &sent.with(|sent| sent.target = sent.target.replacen('?', "x?", 1)), now)?;
        refused("another parameter", &sent.with(|sent| sent.target.push_str("&extra=1")), now)?;
        refused("another header", &sent.with(|sent| sent.headers.push(("x-goog-extra".into(), "1".into()))), now)?;
        for (at, (name, _)) in sent.headers.iter().enumerate() {
            refused(name, &sent.with(|sent| sent.headers[at].1.insert(0, 'x')), now)?;
            refused(name, &sent.with(|sent| drop(sent.headers.remove(at))), now)?;
        }
        let query = sent.target.find('?').ok_or("verify: no query")? + 1;
        for (start, param) in pieces(&sent.target, query) {
            let flipped = |sent: &mut Sent| {
                let last = start + param.len() - 1;
                let with = if sent.target.as_bytes()[last] == b'0' { "1" } else { "0" };
                sent.target.replace_range(last..=last, with);
            };
            refused(param, &sent.with(flipped), now)?;
            let removed = |sent: &mut Sent| sent.target.replace_range(start - 1..start + param.len(), "");
            if start > query {
                refused(param, &sent.with(removed), now)?;
            }
            let doubled = |sent: &mut Sent| {
                let again = format!("&{param}");
                sent.target.push_str(&again);
            };
            refused(param, &sent.with(doubled), now)?;
        }
        Ok(())
    }
}

fn pieces(target: &str, from: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut start = from;
    target[from..].split('&').map(move |param| {
        let at = start;
        start += param.len() + 1;
        (at, param)
    })
}

impl Vector for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn known(&self) -> Option<&'static str> {
        let quirk = self.quirk.as_deref()?;
        if quirk.contains("dot segments") {
            return Some("its URL names another path than the one that was signed");
        }
        quirk.contains("sort").then_some("its signer sorts whole `name=value` strings, where `-` comes before `=`")
    }

    fn run(&self) -> Stage {
        self.issue()?;
        self.verify()
    }
}

/// A request on its way.
#[derive(Clone)]
struct Sent {
    is_original: bool,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = Self { is_original: false, ..self.clone() };
        change(&mut changed);
        changed
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

pub(crate) fn same(stage: &str, expected: Option<&str>, found: &[u8]) -> Stage {
    match expected {
        Some(expected) if expected.as_bytes() != found => {
            Err(format!("{stage} differs\n expected {expected}\n found    {}", String::from_utf8_lossy(found)))
        }
        _ => Ok(()),
    }
}
