//! One published V2 signed URL: issued, verified, and refused after every change.

use crate::Vector;
use crate::case::{key, other_key, same};
use serde_json::{Value, json};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::gcs::{Endpoint, GoogV4, LegacyExpect, LegacyPresented, LegacyUrlRequest, PublicKey};
use valet_key::grant::{Justification, Lifetime};
use valet_key::view::RequestView;

/// Inputs and expected values, in our own form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LegacyCase {
    pub(crate) name: String,
    pub(crate) time: String,
    pub(crate) lifetime: u32,
    pub(crate) method: String,
    pub(crate) origin: String,
    pub(crate) style: String,
    pub(crate) bucket: String,
    pub(crate) object: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) signed_query: Vec<(String, String)>,
    pub(crate) unsigned_query: Vec<(String, String)>,
    pub(crate) string_to_sign: Option<String>,
    pub(crate) url: String,
    pub(crate) quirk: Option<String>,
}

impl LegacyCase {
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
            time: text("time"),
            lifetime: u32::try_from(value["lifetime"].as_u64().unwrap()).unwrap(),
            method: text("method"),
            origin: text("origin"),
            style: text("style"),
            bucket: text("bucket"),
            object: text("object"),
            headers: pairs("headers"),
            signed_query: pairs("signed_query"),
            unsigned_query: pairs("unsigned_query"),
            string_to_sign: maybe("string_to_sign"),
            url: text("url"),
            quirk: maybe("quirk"),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "time": self.time, "lifetime": self.lifetime, "method": self.method,
            "origin": self.origin, "style": self.style, "bucket": self.bucket, "object": self.object,
            "headers": self.headers, "signed_query": self.signed_query, "unsigned_query": self.unsigned_query,
            "string_to_sign": self.string_to_sign, "url": self.url, "quirk": self.quirk,
        });
        let empty = |field: &Value| field.is_null() || field.as_array().is_some_and(Vec::is_empty);
        value.as_object_mut().unwrap().retain(|_, field| !empty(field));
        value
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    fn issue(&self) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("issue: {error}");
        let endpoint = match self.style.as_str() {
            "bound" => Endpoint::bound(&self.origin, &self.bucket),
            "virtual" => Endpoint::custom(&self.origin).map(Endpoint::virtual_hosted),
            _ => Endpoint::custom(&self.origin),
        };
        let endpoint = endpoint.map_err(|error| failed(&error))?;
        let mut request = LegacyUrlRequest::new(&self.method, &endpoint, &self.bucket, &self.object)
            .map_err(|error| failed(&error))?
            .lives(Lifetime::from_seconds(self.lifetime).unwrap())
            .allow_dot_segments()
            .because(Justification::new("published case").unwrap());
        for (name, value) in &self.headers {
            request = request.header(name, value.as_bytes());
        }
        for (name, value) in &self.signed_query {
            request = request.signed_query(name, value);
        }
        for (name, value) in &self.unsigned_query {
            request = request.unsigned_query(name, value);
        }
        let prepared = request.prepare(key().credential(), self.now()).map_err(|error| failed(&error))?;
        same("issue: string to sign", self.string_to_sign.as_deref(), prepared.string_to_sign().as_bytes())?;
        let url = key().legacy_signed_url(&request, self.now()).map_err(|error| failed(&error))?;
        same("issue: URL", Some(&sorted(&self.url)), sorted(url.expose()).as_bytes())
    }

    fn check(&self, sent: &Sent, public: &PublicKey, now: Timestamp) -> Result<(), VerifyError> {
        let lines: Vec<(&str, &[u8])> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let presented = LegacyPresented::parse(&RequestView::new(&sent.method, &sent.target, &lines))?;
        let host = self.url.split('/').nth(2).unwrap();
        let mut expect = LegacyExpect::new(host).allow_dot_segments();
        if self.style != "path" {
            expect = expect.bucket_in_host(&self.bucket);
        }
        for (name, _) in &self.signed_query {
            expect = expect.signed_query(name.to_ascii_lowercase());
        }
        presented.check(key().credential(), &expect, now)?.accept_public(public).map(|_| ())
    }

    fn verify(&self) -> Result<(), String> {
        let after_scheme = self.url.split_once("://").ok_or("verify: no URL")?.1;
        let (host, target) = after_scheme.split_once('/').ok_or("verify: no path")?;
        let mut headers = self.headers.clone();
        headers.push(("host".to_owned(), host.to_owned()));
        let sent = Sent { method: self.method.clone(), target: format!("/{target}"), headers };
        let (public, now, end) = (key().public_key(), self.now(), self.now().checked_add(self.lifetime).unwrap());
        for at in [now, end] {
            self.check(&sent, &public, at).map_err(|error| format!("verify at {at}: {error}"))?;
        }
        let refused = |what: &str, sent: &Sent, at| match self.check(sent, &public, at) {
            Ok(()) => Err(format!("verify: accepted with {what}")),
            Err(_) => Ok(()),
        };
        refused("a time after its end", &sent, end.checked_add(1).unwrap())?;
        if self.check(&sent, &other_key(), now) != Err(VerifyError::SignatureMismatch) {
            return Err("verify: accepted with another key".to_owned());
        }
        for method in ["GET", "PUT", "DELETE", "HEAD", "POST"] {
            if method != self.method {
                refused("another method", &sent.with(|sent| method.clone_into(&mut sent.method)), now)?;
            }
        }
        refused("another path", &sent.with(|sent| sent.target = sent.target.replacen('?', "x?", 1)), now)?;
        refused("another header", &sent.with(|sent| sent.headers.push(("x-goog-extra".into(), "1".into()))), now)?;
        for (at, (name, _)) in sent.headers.iter().enumerate() {
            refused(name, &sent.with(|sent| sent.headers[at].1.insert(0, 'x')), now)?;
            refused(name, &sent.with(|sent| drop(sent.headers.remove(at))), now)?;
        }
        for field in ["Expires", "GoogleAccessId", "Signature"] {
            let again = format!("&{field}=1");
            refused(field, &sent.with(|sent| sent.target.push_str(&again)), now)?;
            let other = sent.target.replacen(&format!("{field}="), &format!("{field}=1"), 1);
            refused(field, &sent.with(|sent| sent.target.clone_from(&other)), now)?;
        }
        for (name, _) in &self.signed_query {
            let name = name.to_ascii_lowercase();
            let other = sent.target.replacen(&format!("{name}="), &format!("{name}=1"), 1);
            refused(&name, &sent.with(|sent| sent.target.clone_from(&other)), now)?;
        }
        Ok(())
    }
}

/// The parameters of a URL in order, with both spellings of a blank made one: what V2 does not sign, SDKs write
/// as HTML forms do.
fn sorted(url: &str) -> String {
    let (head, query) = url.split_once('?').unwrap_or((url, ""));
    let mut params: Vec<String> = query.split('&').map(|param| param.replace('+', "%20")).collect();
    params.sort();
    format!("{head}?{}", params.join("&"))
}

impl Vector for LegacyCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn known(&self) -> Option<&'static str> {
        if self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-goog-encryption-key")) {
            return Some("its signer signs a customer's encryption key, which the documentation leaves out");
        }
        let quirk = self.quirk.as_deref()?;
        if quirk.contains("without the bucket") {
            return Some("its signer leaves the bucket out of the resource");
        }
        quirk.contains("dot segments").then_some("its URL names another path than the one that was signed")
    }

    fn run(&self) -> Result<(), String> {
        self.issue()?;
        self.verify()
    }
}

#[derive(Clone)]
struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }
}
