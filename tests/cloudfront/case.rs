//! One case, and the two things that are done with it: issue it, and verify it.

use crate::{key_file, split, why, with_view};
use rsa::{pkcs1::DecodeRsaPrivateKey, pkcs8::DecodePrivateKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use valet_key::{
    aws::cloudfront::{
        CloudFrontError, Credential, Expect, KeyKind, KeyRing, Pattern, PolicyDocument, PolicyRequest, Prepared,
        Presented, PublicKey, Signature, SignedPolicy, SigningKey,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::Lifetime,
    view::RequestView,
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    /// One URL.
    Url,
    /// A pattern of URLs.
    Pattern,
    /// A policy that is given.
    Document,
}

impl How {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Url, "url"), (Self::Pattern, "pattern"), (Self::Document, "document")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(how, _)| *how == self).unwrap().1
    }
}

/// Inputs and expected values, in our own form: `tests/vectors/aws/cloudfront/cases.json` is a list of these.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) how: How,
    /// The URL, the pattern or the policy.
    pub(crate) resource: String,
    /// What carries a signed URL, and what is asked for.
    pub(crate) url: String,
    pub(crate) kind: KeyKind,
    pub(crate) hash: String,
    pub(crate) key_pair_id: String,
    /// `DateLessThan`
    pub(crate) until: u32,
    /// `DateGreaterThan`
    pub(crate) from: Option<u32>,
    pub(crate) network: Option<String>,
    pub(crate) policy: String,
    pub(crate) signature: String,
    pub(crate) signed_url: Option<String>,
    pub(crate) cookies: Option<BTreeMap<String, String>>,
    /// Whether the signature is not made the same twice.
    pub(crate) only_verified: bool,
    /// Private and public half, in PEM.
    pub(crate) keys: [String; 2],
    /// Whether the parameters stand in the order in which we write them.
    pub(crate) in_our_order: bool,
}

type Stage = Result<(), String>;

impl Case {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned();
        let number = |field: &str| value[field].as_u64().map(|number| u32::try_from(number).unwrap());
        let (kind, files) = match text("kind").as_str() {
            "rsa" => (KeyKind::Rsa2048, ["cloudfront-rsa.pem", "cloudfront-rsa-public.pem"]),
            _ => (KeyKind::EcdsaP256, ["cloudfront-ec.pem", "cloudfront-ec-public.pem"]),
        };
        Self {
            name: text("name"),
            how: How::ALL.into_iter().find(|(_, name)| *name == text("how")).unwrap().0,
            resource: text("resource"),
            url: text("url"),
            kind,
            hash: text("hash"),
            key_pair_id: text("key_pair_id"),
            until: number("until").unwrap(),
            from: number("from"),
            network: value["network"].as_str().map(ToOwned::to_owned),
            policy: text("policy"),
            signature: text("signature"),
            signed_url: value["signed_url"].as_str().map(ToOwned::to_owned),
            cookies: serde_json::from_value(value["cookies"].clone()).unwrap(),
            only_verified: value["only_verified"].as_bool().unwrap_or(false),
            keys: files.map(key_file),
            in_our_order: true,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let kind = if self.kind == KeyKind::Rsa2048 { "rsa" } else { "ecdsa" };
        let mut value = json!({
            "name": self.name, "how": self.how.name(), "resource": self.resource, "url": self.url, "kind": kind,
            "hash": self.hash, "key_pair_id": self.key_pair_id, "until": self.until, "from": self.from,
            "network": self.network, "policy": self.policy, "signature": self.signature, "signed_url": self.signed_url,
            "cookies": self.cookies, "only_verified": self.only_verified,
        });
        value.as_object_mut().unwrap().retain(|_, field| !field.is_null() && *field != json!(false));
        value
    }

    /// Why it is known not to match.
    pub(crate) fn known(&self) -> Option<&'static str> {
        if self.until > 2_147_483_647 {
            return Some("CloudFront reads no time after 2147483647");
        }
        if self.pattern().is_none() {
            return Some("it is for RTMP, which CloudFront gave up: no request has such a URL");
        }
        let carries_the_url = self.signed_url.is_some() || self.how == How::Url;
        if carries_the_url && !self.asked().split_once("://").unwrap().1.contains('/') {
            return Some("clients ask for `/`, which is not the URL that was signed");
        }
        if self.how == How::Url && self.from.is_none() && self.network.is_none() && self.resource.contains('*') {
            return Some("whoever holds it can send it as a custom policy, in which `*` is a wildcard");
        }
        None
    }

    fn credential(&self) -> Credential {
        let credential = match self.kind {
            KeyKind::Rsa2048 => Credential::rsa(&self.key_pair_id),
            _ => Credential::ecdsa(&self.key_pair_id),
        }
        .unwrap();
        if self.hash == "SHA1" { credential.legacy_sha1() } else { credential }
    }

    fn key(&self) -> SigningKey {
        match self.kind {
            KeyKind::Rsa2048 => SigningKey::from_rsa_pem(self.credential(), &self.keys[0]),
            _ => SigningKey::from_ec_pem(self.credential(), &self.keys[0]),
        }
        .unwrap()
    }

    fn ring(&self) -> KeyRing {
        let key = match self.kind {
            KeyKind::Rsa2048 => PublicKey::from_rsa_pem(&self.keys[1]),
            _ => PublicKey::from_ec_pem(&self.keys[1]),
        };
        KeyRing::new().with(self.credential(), key.unwrap()).unwrap()
    }

    /// Up to 15 minutes before its end, and not before its start.
    fn now(&self) -> Timestamp {
        let now = (self.until - 900).max(self.from.unwrap_or(0));
        Timestamp::from_unix(now.into()).unwrap()
    }

    fn prepare(&self) -> Result<Prepared, String> {
        let (credential, now) = (self.credential(), self.now());
        let issue = |error| format!("issue: {error}");
        let request = match self.how {
            How::Document => {
                let document = PolicyDocument::parse(&self.resource).map_err(|error| format!("issue: {error}"))?;
                return document.because(why()).allow_any_host().prepare(&credential, now).map_err(issue);
            }
            How::Url => PolicyRequest::for_url(&self.resource).map_err(issue)?,
            How::Pattern => {
                let pattern = Pattern::parse(&self.resource).map_err(|error| format!("issue: {error}"))?;
                PolicyRequest::for_pattern(pattern).allow_any_host()
            }
        };
        let lifetime = Timestamp::from_unix(self.until.into()).unwrap().seconds_since(now);
        let mut request = request.lives(Lifetime::from_seconds(u32::try_from(lifetime).unwrap()).unwrap());
        if let Some(from) = self.from {
            request = request.not_before(Timestamp::from_unix(from.into()).unwrap());
        }
        if let Some(network) = &self.network {
            request = request.client_network(network.parse().unwrap());
        }
        // The narrow form needs no reason.
        if !(self.how == How::Url
            && self.resource.starts_with("https:")
            && self.network.as_deref() != Some("0.0.0.0/0"))
        {
            request = request.because(why());
        }
        request.prepare(&credential, now).map_err(issue)
    }

    /// Issues the case and compares every stage.
    fn issue(&self) -> Stage {
        let prepared = self.prepare()?;
        same("issue: policy", &self.policy, prepared.string_to_sign().as_str())?;
        let key = self.key();
        let ours = key.sign(prepared.string_to_sign()).map_err(|error| format!("issue: {error}"))?;
        // The same in two steps, with what another holder of the key made.
        let theirs = decoded(&self.signature);
        let theirs = match self.kind {
            KeyKind::Rsa2048 => Signature::rsa(theirs),
            _ => Signature::ecdsa(theirs),
        };
        let theirs = theirs.map_err(|error| format!("issue: {error}"))?;
        self.compare(&prepared.clone().finish(&theirs).map_err(|error| format!("issue: {error}"))?)?;
        let signed = prepared.finish(&ours).map_err(|error| format!("issue: {error}"))?;
        if !self.only_verified {
            return self.compare(&signed);
        }
        // What we sign is another text each time theirs is, and as good.
        let (url, cookies) = self.carried(&signed)?;
        self.check(&self.ring(), url.as_deref().unwrap_or(&self.url), &cookies, self.now())
            .map_err(|error| format!("issue: what we signed is refused: {error}"))
    }

    fn carried(&self, signed: &SignedPolicy) -> Result<(Option<String>, Vec<String>), String> {
        if self.signed_url.is_some() {
            // A library signs a URL with a policy that is not for it, too.
            let asked = self.asked();
            if asked != self.url && signed.signed_url_for(&self.url).is_ok() {
                return Err("issue: a URL is signed that the policy is not for".to_owned());
            }
            let url = signed.signed_url_for(&asked).map_err(|error| format!("issue: {error}"))?;
            return Ok((Some(url.expose().to_owned()), Vec::new()));
        }
        Ok((None, signed.cookies().expose().map(|(name, value)| format!("{name}={value}")).collect()))
    }

    fn compare(&self, signed: &SignedPolicy) -> Stage {
        let (url, cookies) = self.carried(signed)?;
        if self.signed_url.is_some() {
            let (expected, found) = (self.token_on(&self.asked()).0, url.unwrap());
            if self.in_our_order {
                return same("issue: URL", &expected, &found);
            }
            let params = |url: &str| {
                let (base, query) = url.split_once('?').unwrap();
                let mut params: Vec<String> = query.split('&').map(ToOwned::to_owned).collect();
                params.sort();
                format!("{base}?{}", params.join("&"))
            };
            return same("issue: parameters", &params(&expected), &params(&found));
        }
        let Some(expected) = &self.cookies else {
            let signature = format!("CloudFront-Signature={}", self.signature);
            let found = cookies.iter().find(|cookie| cookie.starts_with("CloudFront-Signature="));
            return same("issue: signature", &signature, found.unwrap());
        };
        let expected: Vec<String> = expected.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut found = cookies;
        found.sort();
        same("issue: cookies", &expected.join("; "), &found.join("; "))
    }

    fn check(&self, ring: &KeyRing, url: &str, cookies: &[String], now: Timestamp) -> Result<(), VerifyError> {
        let address = self.network.as_ref().map(|network| network.split('/').next().unwrap().parse().unwrap());
        self.check_with(ring, url, cookies, now, |view| match address {
            Some(address) => view.from_address(address),
            None => view,
        })
    }

    fn check_with(
        &self,
        ring: &KeyRing,
        url: &str,
        cookies: &[String],
        now: Timestamp,
        and: impl FnOnce(RequestView<'_>) -> RequestView<'_>,
    ) -> Result<(), VerifyError> {
        let line = cookies.join("; ");
        let lines: &[&str] = if cookies.is_empty() { &[] } else { &[&line] };
        let expect = Expect::new(split(&self.asked()).1);
        with_view(url, lines, |view| ring.verify(Presented::parse(&and(view))?, &expect, now).map(drop))
    }

    fn pattern(&self) -> Option<Pattern> {
        let resource: Value = serde_json::from_str(&self.policy).unwrap();
        Pattern::parse(resource["Statement"][0]["Resource"].as_str().unwrap()).ok()
    }

    /// A URL that the policy is for: its own, or one that is made of the pattern.
    fn asked(&self) -> String {
        let pattern = self.pattern().unwrap();
        if self.how == How::Url || pattern.matches(&self.url) {
            return self.url.clone();
        }
        let text = pattern.as_str().replace("http*://", "http://").replace("*://", "https://");
        let text = text.replace("\\?", "\n").replace(['*', '?'], "x").replace('\n', "?");
        if text.split_once("://").is_some_and(|(_, rest)| rest.contains('/')) { text } else { format!("{text}/") }
    }

    /// The token on that URL.
    fn token_on(&self, url: &str) -> (String, Vec<String>) {
        match (&self.signed_url, &self.cookies) {
            (Some(signed), _) => {
                let behind = &signed[self.url.len()..];
                assert!(behind.starts_with(['?', '&']));
                (format!("{url}{}{}", if url.contains('?') { '&' } else { '?' }, &behind[1..]), Vec::new())
            }
            (None, Some(cookies)) => {
                (url.to_owned(), cookies.iter().map(|(name, value)| format!("{name}={value}")).collect())
            }
            (None, None) => {
                let terms = if self.how == How::Url {
                    format!("CloudFront-Expires={}", self.until)
                } else {
                    format!("CloudFront-Policy={}", encoded(self.policy.as_bytes()))
                };
                let key = format!("CloudFront-Key-Pair-Id={}", self.key_pair_id);
                let mut cookies = vec![terms, format!("CloudFront-Signature={}", self.signature), key];
                if self.hash == "SHA256" {
                    cookies.push("CloudFront-Hash-Algorithm=SHA256".to_owned());
                }
                (url.to_owned(), cookies)
            }
        }
    }

    /// Accepts the case for as long as it is good, and refuses it after every change.
    fn verify(&self) -> Stage {
        let ring = self.ring();
        let asked = self.asked();
        let (url, cookies) = self.token_on(&asked);
        let now = self.now();
        let last = Timestamp::from_unix(i64::from(self.until) - 1).unwrap();
        for at in [now, last] {
            self.check(&ring, &url, &cookies, at).map_err(|error| format!("verify at {at}: {error}"))?;
        }
        let refused = |what: &str, verdict: Result<(), VerifyError>| match verdict {
            Ok(()) => Err(format!("verify: accepted with {what}")),
            Err(error) => Ok(error),
        };
        let end = last.checked_add(1).unwrap();
        refused("a time at its end", self.check(&ring, &url, &cookies, end))?;
        if let Some(from) = self.from {
            let early = Timestamp::from_unix(i64::from(from) - 1).unwrap();
            refused("a time before its start", self.check(&ring, &url, &cookies, early))?;
        }
        let unknown = refused("no key", self.check(&KeyRing::new(), &url, &cookies, now))?;
        let other = Self { keys: other_keys(self.kind), ..self.clone() };
        let wrong = refused("another key", self.check(&other.ring(), &url, &cookies, now))?;
        if (&wrong, &unknown) != (&VerifyError::SignatureMismatch, &VerifyError::UnknownKey) {
            return Err(format!("verify: {wrong} and {unknown} for another key and for none"));
        }
        if CloudFrontError::from(&wrong) != CloudFrontError::from(&unknown) {
            return Err("verify: the peer can tell an unknown key".to_owned());
        }
        let other_hash = Self { hash: if self.hash == "SHA1" { "SHA256" } else { "SHA1" }.to_owned(), ..self.clone() };
        refused("another hash", self.check(&other_hash.ring(), &url, &cookies, now))?;
        if self.network.is_some() {
            let nobody = self.check_with(&ring, &url, &cookies, now, |view| view);
            refused("no address", nobody)?;
            let six =
                self.check_with(&ring, &url, &cookies, now, |view| view.from_address("2001:db8::1".parse().unwrap()));
            refused("an IPv6 address", six)?;
            if self.network.as_deref() != Some("0.0.0.0/0") {
                let other = "198.51.100.1".parse().unwrap();
                let other = self.check_with(&ring, &url, &cookies, now, |view| view.from_address(other));
                refused("another address", other)?;
            }
        }
        // Elsewhere, and where the policy is not for.
        let (protocol, host, target) = split(&asked);
        let other_protocol = if protocol == "https" { "http" } else { "https" };
        for elsewhere in [
            format!("{other_protocol}://{host}{target}"),
            format!("{protocol}://{host}/elsewhere"),
            format!("{protocol}://{host}/elsewhere{target}"),
            format!("{protocol}://other.example{target}"),
            self.url.clone(),
        ] {
            if !elsewhere.contains("://") || self.pattern().unwrap().matches(&elsewhere) {
                continue;
            }
            let (url, cookies) = self.token_on(&elsewhere);
            refused(&elsewhere, self.check(&ring, &url, &cookies, now))?;
        }
        self.refuse_changes(&ring, &asked)
    }

    fn refuse_changes(&self, ring: &KeyRing, asked: &str) -> Stage {
        let (url, cookies) = self.token_on(asked);
        // The token as fields, to be changed one at a time.
        let fields: Vec<String> = if cookies.is_empty() {
            url[asked.len() + 1..].split('&').map(ToOwned::to_owned).collect()
        } else {
            cookies
        };
        let verdict = |fields: &[String]| {
            if self.signed_url.is_some() {
                let separator = if asked.contains('?') { '&' } else { '?' };
                self.check(ring, &format!("{asked}{separator}{}", fields.join("&")), &[], self.now())
            } else {
                self.check(ring, asked, fields, self.now())
            }
        };
        verdict(&fields).map_err(|error| format!("verify: {error}"))?;
        for at in 0..fields.len() {
            let name = fields[at].split('=').next().unwrap();
            let mut changed = fields.clone();
            changed.remove(at);
            if verdict(&changed).is_ok() {
                return Err(format!("verify: accepted without {name}"));
            }
            changed.clone_from(&fields);
            changed.push(fields[at].clone());
            if verdict(&changed).is_ok() {
                return Err(format!("verify: accepted with two {name}"));
            }
            // Every character of the short ones, some of the long ones.
            let value = name.len() + 1;
            for place in (0..fields[at].len()).filter(|place| *place < value + 20 || place % 11 == 0) {
                let mut bytes = fields[at].clone().into_bytes();
                bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
                changed.clone_from(&fields);
                changed[at] = String::from_utf8(bytes).unwrap();
                if changed != fields && verdict(&changed).is_ok() {
                    return Err(format!("verify: accepted with another character at {place} of {name}"));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn run(&self) -> Stage {
        self.issue()?;
        self.verify()
    }
}

/// A pair of keys that signed nothing.
fn other_keys(kind: KeyKind) -> [String; 2] {
    match kind {
        KeyKind::Rsa2048 => {
            let gcs = |name: &str| {
                std::fs::read_to_string(format!("{}/tests/vectors/gcs/keys/{name}", env!("CARGO_MANIFEST_DIR")))
                    .unwrap()
            };
            [gcs("dummy-pkcs1.pem"), gcs("dummy-public.pem")]
        }
        _ => ["other-ec.pem", "other-ec-public.pem"].map(key_file),
    }
}

/// RSA with SHA-256, by the crate and not by us.
pub(crate) fn sign_elsewhere(pem: &str, message: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    let key = rsa::PrivateKey::from_pkcs8_pem(pem).or_else(|_| rsa::PrivateKey::from_pkcs1_pem(pem)).unwrap();
    key.sign(rsa::pkcs1v15::Pkcs1v15Sign::new::<sha2::Sha256>(), &sha2::Sha256::digest(message)).unwrap()
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64::encode_string(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

pub(crate) fn decoded(text: &str) -> Vec<u8> {
    use base64ct::Encoding;
    base64ct::Base64::decode_vec(&text.replace('-', "+").replace('_', "=").replace('~', "/")).unwrap()
}

fn same(stage: &str, expected: &str, found: &str) -> Stage {
    if expected == found { Ok(()) } else { Err(format!("{stage} differs\n expected {expected}\n found    {found}")) }
}
