//! No secret, session token, signature or string to sign shows in any `Debug`, `Display` or error.

use std::fmt::Debug;
use valet_key::aws::{
    Credential, Endpoint, Expect, HeaderSigner, KeyRing, Payload, Presented, Presigner, Region, Request, S3Error,
    Scope, SigV4, StaticKey, UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::grant::Grant;
use valet_key::view::RequestView;

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "PLANTEDtokenPLANTEDtokenPLANTEDtoken";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    let credential = Credential::new("AKIAIOSFODNN7EXAMPLE").unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

/// What must never be seen, in lower case.
struct Planted(Vec<String>);

impl Planted {
    fn new() -> Self {
        Self([SECRET, TOKEN].map(str::to_ascii_lowercase).into())
    }

    fn and(mut self, more: &str) -> Self {
        assert!(more.len() >= 16, "too short to be looked for");
        self.0.push(more.to_ascii_lowercase());
        self
    }

    #[track_caller]
    fn is_not_in(&self, text: &str) {
        let text = text.to_ascii_lowercase();
        for planted in &self.0 {
            assert!(!text.contains(planted), "{planted} shows in {text}");
        }
    }

    #[track_caller]
    fn is_hidden_by(&self, value: &impl Debug) {
        self.is_not_in(&format!("{value:?}"));
        self.is_not_in(&format!("{value:#?}"));
    }
}

fn signature_of(text: &str) -> &str {
    &text[text.len() - 64..]
}

#[test]
fn what_signs_hides_its_secret() {
    let scope = Scope::new(now(), REGION, "s3").unwrap();
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let grant = Grant::read("photos", "cat.jpg");
    let request = UrlRequest::at(&endpoint, &grant).unwrap();
    let prepared = request.prepare(key().credential(), now()).unwrap();
    let url = key().presign(&request, now()).unwrap();
    let planted = Planted::new().and(signature_of(url.expose())).and(prepared.string_to_sign().as_str());
    planted.is_hidden_by(&key());
    planted.is_hidden_by(key().credential());
    planted.is_hidden_by(&key().derive_scoped(&scope));
    planted.is_hidden_by(&key().sign(prepared.scope(), prepared.string_to_sign()).unwrap());
    planted.is_hidden_by(prepared.string_to_sign());
    planted.is_hidden_by(&prepared);
    planted.is_hidden_by(&url);
    planted.is_hidden_by(&request);
    planted.is_hidden_by(&Presigner::new(key(), &endpoint, &grant).unwrap());
    planted.is_hidden_by(&HeaderSigner::new(key(), REGION, "s3").unwrap());
    planted.is_hidden_by(&KeyRing::new().with(key()));
    planted.is_hidden_by(&Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3")));

    let request = Request::new("GET", "https://example.amazonaws.com", REGION, "s3").unwrap();
    let prepared = request.prepare_headers(key().credential(), now()).unwrap();
    let signed = key().sign_headers(&request, now()).unwrap();
    let planted = Planted::new().and(signature_of(signed.authorization())).and(prepared.string_to_sign().as_str());
    planted.is_hidden_by(&prepared);
    planted.is_hidden_by(&signed);
}

#[test]
fn what_verifies_hides_the_token_it_reads() {
    let url = key().presign(&UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let planted = Planted::new().and(signature_of(target));
    let lines = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", target, &lines);
    planted.is_hidden_by(&view);
    let presented = Presented::parse(&view).unwrap();
    planted.is_hidden_by(&presented);
    let pending = presented.clone().check(key().credential(), &Expect::new(REGION, "s3"), now()).unwrap();
    let planted = planted.and(pending.string_to_sign().as_str());
    planted.is_hidden_by(&pending);
    let verified = key().verify(presented, &Expect::new(REGION, "s3"), now()).unwrap();
    planted.is_hidden_by(&verified.payload_check());
    planted.is_hidden_by(&verified);
}

#[test]
fn no_error_tells_the_signature_that_would_have_been_right() {
    let url = key().presign(&UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let right = signature_of(target);
    let wrong = "ab".repeat(32);
    let planted = Planted::new().and(right).and(&wrong);
    let verifier = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3"));
    let mut refused = 0;
    let forged = target.replace(right, &wrong);
    // Whatever is broken, and wherever: a byte left out, a byte changed, the lot cut short.
    let mut targets = vec![forged.clone()];
    for at in 0..forged.len() {
        targets.push(format!("{}{}", &forged[..at], &forged[at + 1..]));
        targets.push(format!("{}\u{1}{}", &forged[..at], &forged[at + 1..]));
        targets.push(forged[..at].to_owned());
    }
    for target in &targets {
        for (name, value) in [("host", HOST), ("authorization", TOKEN), ("x-amz-acl", SECRET)] {
            let lines = [("host", HOST.as_bytes()), (name, value.as_bytes())];
            let lines = if name == "host" { &lines[..1] } else { &lines[..] };
            let error = verifier.verify(&RequestView::new("GET", target, lines), now()).unwrap_err();
            planted.is_hidden_by(&error);
            planted.is_not_in(&error.to_string());
            planted.is_not_in(&S3Error::from(&error).to_xml("request"));
            refused += 1;
        }
    }
    assert!(refused > 1000, "only {refused} requests were refused");
}

#[test]
fn no_error_of_a_signer_tells_its_secret() {
    let planted = Planted::new();
    let request =
        |name: &str| Request::new("GET", "https://example.amazonaws.com", REGION, "s3").unwrap().header(name, SECRET);
    for name in ["authorization", "user-agent", "x-amz-date", "bad name"] {
        let error = key().sign_headers(&request(name).payload(Payload::Empty), now()).unwrap_err();
        planted.is_hidden_by(&error);
        planted.is_not_in(&error.to_string());
    }
    let error = StaticKey::from_credential(Credential::new("AKIA").unwrap(), SECRET.repeat(40)).unwrap_err();
    planted.is_not_in(&error.to_string());
    let error = Credential::new("AKIA").unwrap().with_session_token(format!("{TOKEN}\n")).unwrap_err();
    planted.is_not_in(&error.to_string());
}
