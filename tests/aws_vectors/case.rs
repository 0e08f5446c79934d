//! One published case, and the two things that are done with it: issue it, and verify it.

use serde_json::{Value, json};
use valet_key::aws::{
    Credential, Expect, PathRule, Payload, Presented, Request, SigV4, StaticKey, TokenPlacement, UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Justification, Lifetime};
use valet_key::view::RequestView;

/// Inputs and expected values, in our own form: the files in `tests/vectors/aws` are lists of these.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a record of independent facts")]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) token_after: bool,
    /// Whether the token is one of S3 Express One Zone.
    pub(crate) s3_session: bool,
    pub(crate) region: String,
    /// Where a signature of `SigV4a` is good; `None` is Signature Version 4.
    pub(crate) region_set: Option<String>,
    pub(crate) service: String,
    /// `YYYYMMDDTHHMMSSZ`
    pub(crate) time: String,
    /// In seconds, for the query form; `None` is the header form.
    pub(crate) lifetime: Option<u32>,
    pub(crate) rule: PathRule,
    pub(crate) method: String,
    pub(crate) origin: String,
    pub(crate) path: String,
    /// Whether `path` is as it goes on the wire, and not text.
    pub(crate) path_is_encoded: bool,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: String,
    pub(crate) content_sha256: bool,
    pub(crate) canonical_request: Option<String>,
    pub(crate) string_to_sign: Option<String>,
    pub(crate) signature: Option<String>,
    /// Whether a signature of `SigV4a` was made as RFC 6979 says, so that ours is the same.
    pub(crate) rfc6979: bool,
    /// The whole token, for the query form.
    pub(crate) url: Option<String>,
    /// The whole value, where its blanks are ours.
    pub(crate) authorization: Option<String>,
    /// Whether its raw query holds a `+`, which nobody can read for sure.
    pub(crate) bare_plus: bool,
}

const RULES: [(PathRule, &str); 4] = [
    (PathRule::AsSent, "as sent"),
    (PathRule::EncodedTwice, "encoded twice"),
    (PathRule::Normalized, "normalized"),
    (PathRule::NormalizedEncodedTwice, "normalized, encoded twice"),
];

/// In seconds, for the header form and for services that do not go by `X-Amz-Expires`.
const FIXED_LIFE: u32 = 900;

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
        let flag = |field: &str| value[field].as_bool().unwrap_or(false);
        Self {
            name: text("name"),
            access_key_id: text("access_key_id"),
            secret: text("secret"),
            token: maybe("token"),
            token_after: flag("token_after"),
            s3_session: flag("s3_session"),
            region: text("region"),
            region_set: maybe("region_set"),
            service: text("service"),
            time: text("time"),
            lifetime: value["lifetime"].as_u64().map(|seconds| u32::try_from(seconds).unwrap()),
            rule: RULES.iter().find(|(_, name)| *name == text("rule")).unwrap().0,
            method: text("method"),
            origin: text("origin"),
            path: text("path"),
            path_is_encoded: flag("path_is_encoded"),
            query: pairs("query"),
            headers: pairs("headers"),
            payload: text("payload"),
            content_sha256: flag("content_sha256"),
            canonical_request: maybe("canonical_request"),
            string_to_sign: maybe("string_to_sign"),
            signature: maybe("signature"),
            rfc6979: flag("rfc6979"),
            url: maybe("url"),
            authorization: maybe("authorization"),
            bare_plus: flag("bare_plus"),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "access_key_id": self.access_key_id, "secret": self.secret, "token": self.token,
            "token_after": self.token_after, "s3_session": self.s3_session, "region": self.region, "service": self.service, "time": self.time,
            "lifetime": self.lifetime, "region_set": self.region_set, "rule": RULES.iter().find(|(rule, _)| *rule == self.rule).unwrap().1,
            "method": self.method, "origin": self.origin, "path": self.path, "path_is_encoded": self.path_is_encoded,
            "query": self.query, "headers": self.headers, "payload": self.payload,
            "content_sha256": self.content_sha256, "canonical_request": self.canonical_request,
            "string_to_sign": self.string_to_sign, "signature": self.signature, "rfc6979": self.rfc6979, "url": self.url,
            "authorization": self.authorization, "bare_plus": self.bare_plus,
        });
        // Absent means null, false or empty.
        value.as_object_mut().unwrap().retain(|_, field| {
            !(field.is_null() || *field == json!(false) || field.as_array().is_some_and(Vec::is_empty))
        });
        value
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    fn key(&self, secret: &str) -> StaticKey {
        StaticKey::from_credential(self.credential(), secret).unwrap()
    }

    fn credential(&self) -> Credential {
        let mut credential = Credential::new(self.access_key_id.as_str()).unwrap();
        if let Some(token) = &self.token {
            let token = token.as_str();
            let with_token =
                if self.s3_session { Credential::with_s3_session_token } else { Credential::with_session_token };
            credential = with_token(credential, token).unwrap();
        }
        credential
    }

    fn placement(&self) -> TokenPlacement {
        if self.token_after { TokenPlacement::AfterSigning } else { TokenPlacement::Signed }
    }

    fn payload_digest(&self) -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&self.payload, &mut digest).ok().map(|()| digest)
    }

    /// Issues the case and compares every stage. Tells the URL, or the headers to send with the target.
    fn issue(&self) -> Result<Issued, String> {
        let failed = |error: &dyn std::fmt::Display| format!("issue: {error}");
        let mut request =
            Request::new(&self.method, &self.origin, &self.region, &self.service).map_err(|error| failed(&error))?;
        request = if self.path_is_encoded { request.encoded_path(&*self.path) } else { request.path(&*self.path) };
        for (name, value) in &self.query {
            request = request.query(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.as_bytes());
        }
        request = request
            .path_rule(self.rule)
            .allow_dot_segments()
            .session_token(self.placement())
            .because(Justification::new("published case").unwrap())
            .payload(self.payload_digest().map_or(Payload::Unsigned, Payload::Sha256));
        if self.content_sha256 {
            request = request.with_content_sha256();
        }
        #[cfg(feature = "sigv4a")]
        if let Some(list) = &self.region_set {
            return self.issue_v4a(request.region_set(valet_key::aws::RegionSet::new(list).unwrap()));
        }
        let key = self.key(&self.secret);
        let Some(seconds) = self.lifetime else {
            let prepared = request.prepare_headers(key.credential(), self.now()).map_err(|error| failed(&error))?;
            same("issue: canonical request", self.canonical_request.as_deref(), prepared.canonical_request())?;
            same("issue: string to sign", self.string_to_sign.as_deref(), prepared.string_to_sign().as_bytes())?;
            let signature = key.sign(prepared.scope(), prepared.string_to_sign()).map_err(|error| failed(&error))?;
            let signed = prepared.finish(&signature);
            let found = signed.authorization().rsplit('=').next().unwrap_or_default();
            same("issue: signature", self.signature.as_deref(), found.as_bytes())?;
            same("issue: authorization", self.authorization.as_deref(), signed.authorization().as_bytes())?;
            let added = signed.expose().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            return Ok(Issued { target: signed.target().to_owned(), added, published: Vec::new() });
        };
        let request = UrlRequest::new(request).lives(Lifetime::from_seconds(seconds).unwrap());
        if self.is_verified_only() {
            // SPEC: these services take no URL for longer, so that one which says so is not issued.
            let refused = request.prepare(key.credential(), self.now()).err();
            if !matches!(refused, Some(IssueError::LifetimeTooLong { maximum: FIXED_LIFE, .. })) {
                return Err(format!("issue: a lifetime of {seconds} s: {refused:?}"));
            }
            let url = self.url.as_deref().ok_or("issue: no URL to verify")?;
            let target = url.strip_prefix(&self.origin).ok_or("issue: another origin")?.to_owned();
            return Ok(Issued { target, added: Vec::new(), published: Vec::new() });
        }
        let prepared = request.prepare(key.credential(), self.now()).map_err(|error| failed(&error))?;
        same("issue: canonical request", self.canonical_request.as_deref(), prepared.canonical_request())?;
        same("issue: string to sign", self.string_to_sign.as_deref(), prepared.string_to_sign().as_bytes())?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign()).map_err(|error| failed(&error))?;
        let url = prepared.finish(&signature);
        let found = url.expose().rsplit('=').next().unwrap_or_default();
        same("issue: signature", self.signature.as_deref(), found.as_bytes())?;
        if let Some(expected) = &self.url {
            same("issue: URL", Some(&sorted(expected)), sorted(url.expose()).as_bytes())?;
        }
        let published = self.url.clone().unwrap_or_else(|| url.expose().to_owned());
        let target = published.strip_prefix(&self.origin).ok_or("issue: another origin")?.to_owned();
        Ok(Issued { target, added: Vec::new(), published: Vec::new() })
    }

    /// The same for `SigV4a`, whose published signatures were made with random numbers: ours is another one, so that the
    /// rest is compared, and both signatures go on to be verified.
    #[cfg(feature = "sigv4a")]
    fn issue_v4a(&self, request: Request) -> Result<Issued, String> {
        let failed = |error: &dyn std::fmt::Display| format!("issue: {error}");
        let key = valet_key::aws::v4a::StaticKey::from_credential(self.credential(), &*self.secret).unwrap();
        let published = self.signature.as_deref().ok_or("no signature")?;
        let without = |text: &str, signature: &str| {
            text.strip_suffix(signature).map(ToOwned::to_owned).ok_or("issue: the signature is not at the end")
        };
        let Some(seconds) = self.lifetime else {
            let prepared = request.prepare_headers_v4a(key.credential(), self.now()).map_err(|error| failed(&error))?;
            same("issue: canonical request", self.canonical_request.as_deref(), prepared.canonical_request())?;
            same("issue: string to sign", self.string_to_sign.as_deref(), prepared.string_to_sign().as_bytes())?;
            let signature = key.sign(prepared.string_to_sign()).unwrap();
            let signed = prepared.finish(&signature);
            let (head, ours) = signed.authorization().rsplit_once('=').unwrap();
            same("issue: signature", Some(published).filter(|_| self.rfc6979), ours.as_bytes())?;
            if let Some(expected) = &self.authorization {
                let (expected, _) = expected.rsplit_once('=').unwrap();
                same("issue: authorization", Some(expected), head.as_bytes())?;
            }
            let added: Vec<(String, String)> =
                signed.expose().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let mut theirs = added.clone();
            let last = &mut theirs.last_mut().unwrap().1;
            *last = format!("{}{published}", without(last, ours)?);
            let target = signed.target().to_owned();
            return Ok(Issued { target: target.clone(), added, published: vec![(target, theirs)] });
        };
        let request = UrlRequest::new(request).lives(Lifetime::from_seconds(seconds).unwrap());
        let prepared = request.prepare_v4a(key.credential(), self.now()).map_err(|error| failed(&error))?;
        same("issue: canonical request", self.canonical_request.as_deref(), prepared.canonical_request())?;
        same("issue: string to sign", self.string_to_sign.as_deref(), prepared.string_to_sign().as_bytes())?;
        let signature = key.sign(prepared.string_to_sign()).unwrap();
        let url = prepared.finish(&signature);
        let ours = url.expose().strip_prefix(&*self.origin).ok_or("issue: another origin")?;
        let signature = ours.rsplit('=').next().unwrap();
        same("issue: signature", Some(published).filter(|_| self.rfc6979), signature.as_bytes())?;
        let unsigned = without(ours, signature)?;
        let mut theirs = vec![(format!("{unsigned}{published}"), Vec::new())];
        if let Some(expected) = &self.url {
            // The suite prints two signatures of each URL.
            let whole = expected.strip_prefix(&*self.origin).ok_or("issue: another origin")?;
            let bare = |url: &str| sorted(&url[..url.rfind('=').unwrap()]);
            same("issue: URL", Some(&bare(whole)), bare(ours).as_bytes())?;
            theirs.push((whole.to_owned(), Vec::new()));
        }
        Ok(Issued { target: ours.to_owned(), added: Vec::new(), published: theirs })
    }

    /// Whether its service lets every URL live for as long, whatever it says.
    fn has_fixed_life(&self) -> bool {
        matches!(&*self.service, "sqs" | "sts")
    }

    /// Whether this crate verifies it and does not issue it.
    pub(crate) fn is_verified_only(&self) -> bool {
        self.has_fixed_life() && self.lifetime.is_some_and(|seconds| seconds > FIXED_LIFE)
    }

    fn expect(&self, region: &str) -> Expect {
        Expect::new(region, &self.service)
            .path_rule(self.rule)
            .allow_dot_segments()
            .session_token(self.placement())
            .allow_unsigned_payload()
    }

    fn verify(&self, sent: &Sent, secret: &str, region: &str, now: Timestamp) -> Result<(), VerifyError> {
        let lines: Vec<(&str, &[u8])> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let mut view = RequestView::new(&sent.method, &sent.target, &lines);
        if let Some(digest) = self.payload_digest() {
            view = view.body_sha256(digest);
        }
        #[cfg(feature = "sigv4a")]
        if self.region_set.is_some() {
            return self.verify_v4a(&view, sent.is_original, secret, region, now);
        }
        let key = self.key(secret);
        let presented = Presented::parse(&view)?;
        let pending = presented.clone().check(key.credential(), &self.expect(region), now)?;
        if let (Some(expected), true) = (&self.canonical_request, sent.is_original) {
            assert_eq!(String::from_utf8_lossy(&pending.canonical_request()), *expected, "{}", self.name);
        }
        key.verify(presented, &self.expect(region), now).map(|_| ())
    }

    #[cfg(feature = "sigv4a")]
    fn verify_v4a(
        &self,
        view: &RequestView<'_>,
        is_original: bool,
        secret: &str,
        region: &str,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        use valet_key::aws::v4a;
        let key = v4a::StaticKey::from_credential(self.credential(), secret).unwrap();
        let presented = v4a::Presented::parse(view)?;
        let pending = presented.clone().check(key.credential(), &self.expect(region), now)?;
        if let (Some(expected), true) = (&self.canonical_request, is_original) {
            assert_eq!(String::from_utf8_lossy(&pending.canonical_request()), *expected, "{}", self.name);
        }
        // What the secret accepts, the public half accepts as well, and nothing else.
        let ring = v4a::KeyRing::new().with(self.credential(), key.public_key());
        let by_ring = ring.verify(presented.clone(), &self.expect(region), now).map(|_| ());
        if is_original {
            assert_eq!(key.verify(presented, &self.expect(region), now).map(|_| ()), by_ring, "{}", self.name);
        }
        by_ring
    }

    /// A region that the region set names, and one that no case names.
    fn regions(&self) -> (String, Option<&'static str>) {
        match self.region_set.as_deref() {
            None => (self.region.clone(), Some("another-region")),
            Some("*") => (self.region.clone(), None),
            Some(list) => (list.split(',').next_back().unwrap().replace('*', "west-2"), Some("another-region")),
        }
    }

    /// Accepts the case for as long as it is good, and refuses it after every change.
    pub(crate) fn run(&self) -> Stage {
        let issued = self.issue()?;
        if issued.published.is_empty() {
            return self.run_as(issued.target, issued.added, self.signature.as_deref());
        }
        for (target, added) in issued.published.into_iter().chain([(issued.target, issued.added)]) {
            let carrier = added.last().map_or(&target, |(_, authorization)| authorization);
            let signature = carrier.rsplit('=').next().unwrap().to_owned();
            self.run_as(target, added, Some(&signature))?;
        }
        Ok(())
    }

    fn run_as(&self, target: String, added: Vec<(String, String)>, signature: Option<&str>) -> Stage {
        let mut headers = self.headers.clone();
        let host = self.origin.split_once("://").unwrap().1;
        headers.push(("host".to_owned(), host.to_owned()));
        headers.extend(added);
        let sent = Sent { is_original: true, method: self.method.clone(), target, headers };
        let (region, other_region) = self.regions();
        let check = |sent: &Sent, now| self.verify(sent, &self.secret, &region, now);
        let now = self.now();
        let lives = self.lifetime.filter(|_| !self.has_fixed_life());
        let (before, after) = (900, lives.unwrap_or(FIXED_LIFE));
        for (when, good) in [
            (now, true),
            (now.saturating_sub(before), true),
            (now.saturating_add(after), true),
            (now.saturating_sub(before + 1), false),
            (now.saturating_add(after + 1), false),
        ] {
            match (check(&sent, when), good) {
                (Err(error), true) => return Err(format!("verify at {when}: {error}")),
                (Ok(()), false) => return Err(format!("verify at {when}: accepted")),
                _ => {}
            }
        }
        for (what, changed) in sent.changes(signature) {
            if check(&changed, now).is_ok() {
                return Err(format!("verify: accepted with another {what}"));
            }
        }
        if self.verify(&sent, "another secret", &region, now) != Err(VerifyError::SignatureMismatch) {
            return Err("verify: another secret".to_owned());
        }
        if let Some(other) = other_region
            && !matches!(self.verify(&sent, &self.secret, other, now), Err(VerifyError::Scope { .. }))
        {
            return Err("verify: another region".to_owned());
        }
        Ok(())
    }
}

struct Issued {
    target: String,
    added: Vec<(String, String)>,
    /// The same with the published signature, where that is another one.
    published: Vec<(String, Vec<(String, String)>)>,
}

fn sorted(url: &str) -> String {
    let (head, query) = url.split_once('?').unwrap_or((url, ""));
    let mut params: Vec<String> = query.split('&').map(ToOwned::to_owned).collect();
    params.sort();
    format!("{head}?{}", params.join("&"))
}

/// A request on the wire.
#[derive(Clone)]
struct Sent {
    is_original: bool,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn changes(&self, signature: Option<&str>) -> Vec<(&'static str, Self)> {
        let change = |f: &dyn Fn(&mut Self)| {
            let mut changed = self.clone();
            changed.is_original = false;
            f(&mut changed);
            changed
        };
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mark = if query.is_empty() { "?" } else { "&" };
        let mut changes = vec![
            ("method", change(&|sent| sent.method = String::from("PATCH"))),
            ("path", change(&|sent| sent.target = format!("{path}x?{query}"))),
            ("parameter", change(&|sent| sent.target.extend([mark, "x=1"]))),
            (
                "unsigned x-amz header",
                change(&|sent| sent.headers.push(("x-amz-acl-added".to_owned(), "public-read".to_owned()))),
            ),
        ];
        for at in 0..self.headers.len() {
            // A checksum that is no base64, a date that is none: refused as well, for their form.
            changes.push(("header value", change(&|sent| sent.headers[at].1.push('1'))));
            changes.push(("header", change(&|sent| drop(sent.headers.remove(at)))));
        }
        if let Some(signature) = signature {
            for at in [0, signature.len() - 1] {
                let flipped = if signature[at..].starts_with('0') { "1" } else { "0" };
                let other = format!("{}{flipped}{}", &signature[..at], &signature[at + 1..]);
                changes.push((
                    "signature",
                    change(&|sent| {
                        sent.target = sent.target.replace(signature, &other);
                        for (_, value) in &mut sent.headers {
                            *value = value.replace(signature, &other);
                        }
                    }),
                ));
            }
        }
        changes
    }
}

fn same(stage: &str, expected: Option<&str>, found: &[u8]) -> Stage {
    match expected {
        Some(expected) if expected.as_bytes() != found => {
            Err(format!("{stage} differs\nexpected: {expected}\nfound:    {}", String::from_utf8_lossy(found)))
        }
        _ => Ok(()),
    }
}
