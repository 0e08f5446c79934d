//! Presigned URLs of Signature Version 2: vectors, rules by number, laws and planted secrets.
#![cfg(all(feature = "aws", feature = "legacy"))]

mod laws;
mod threats;
mod vectors;

use valet_key::aws::{Endpoint, LegacyExpect, LegacyPresented, LegacyUrlRequest, Region, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::view::RequestView;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_795_521_600).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn request(method: &str, object: &str) -> LegacyUrlRequest {
    LegacyUrlRequest::new(method, &Endpoint::aws(Region::new("eu-west-1").unwrap()), "photos", object).unwrap()
}

fn target_of(key: &StaticKey, request: &LegacyUrlRequest) -> String {
    let url = key.legacy_presign(request, now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

fn expect() -> LegacyExpect {
    LegacyExpect::new(HOST).bucket_in_host("photos")
}

/// A request as it arrives.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    target: String,
    lines: Vec<(String, String)>,
}

impl Sent {
    fn get(target: impl Into<String>) -> Self {
        Self { method: "GET", target: target.into(), lines: vec![("host".to_owned(), HOST.to_owned())] }
    }

    fn line(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    fn verify_as(&self, key: &StaticKey, expect: &LegacyExpect, now: Timestamp) -> Result<String, VerifyError> {
        let lines: Vec<(&str, &[u8])> = self.lines.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let presented = LegacyPresented::parse(&RequestView::new(self.method, &self.target, &lines))?;
        key.legacy_verify(presented, expect, now).map(|verified| verified.path().to_owned())
    }

    fn verify(&self) -> Result<String, VerifyError> {
        self.verify_as(&key(), &expect(), now())
    }

    #[track_caller]
    fn is_accepted(&self) {
        assert!(self.verify().is_ok(), "{:?} for {self:?}", self.verify());
    }

    #[track_caller]
    fn is_refused(&self, code: &str) {
        let error = self.verify().expect_err(&self.target);
        assert_eq!(error.code(), code, "{error} for {self:?}");
    }
}
