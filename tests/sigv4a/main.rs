//! `SigV4a`: the rules of the threat list by number, laws, planted secrets, and what only this algorithm has.
#![cfg(feature = "sigv4a")]

mod laws;
mod malleable;
mod secrets;
mod threats;

use valet_key::aws::{Expect, RegionSet, Request, UrlRequest, v4a};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::Grant;
use valet_key::token::Fingerprint;
use valet_key::view::RequestView;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> v4a::StaticKey {
    v4a::StaticKey::new(ID, SECRET).unwrap()
}

fn expect() -> Expect {
    Expect::new(REGION, "s3")
}

fn everywhere() -> RegionSet {
    RegionSet::everywhere()
}

/// A request as it arrives.
#[derive(Clone, Debug)]
struct Arriving {
    method: &'static str,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Arriving {
    /// A URL for one object, good in `regions`.
    fn presigned(regions: &str) -> Self {
        Self::presigned_by(&key(), regions)
    }

    fn presigned_by(key: &v4a::StaticKey, regions: &str) -> Self {
        let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
        let url = key.presign(&request.region_set(RegionSet::new(regions).unwrap()), now()).unwrap();
        let target = url.expose().strip_prefix(ORIGIN).unwrap().to_owned();
        Self { method: "GET", target, headers: vec![("host".to_owned(), HOST.into())] }
    }

    fn header_signed(regions: &str) -> Self {
        Self::header_signed_by(&key(), regions)
    }

    fn header_signed_by(key: &v4a::StaticKey, regions: &str) -> Self {
        let request = Request::new("GET", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg");
        let signed = key.sign_headers(&request.region_set(RegionSet::new(regions).unwrap()), now()).unwrap();
        let mut headers = vec![("host".to_owned(), HOST.into())];
        headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.into())));
        Self { method: "GET", target: signed.target().to_owned(), headers }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn set(mut self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        let line = self.headers.iter_mut().find(|(known, _)| known == name).unwrap();
        line.1 = change(std::str::from_utf8(&line.1).unwrap()).into_bytes();
        self
    }

    fn without(mut self, name: &str) -> Self {
        let count = self.headers.len();
        self.headers.retain(|(known, _)| known != name);
        assert!(self.headers.len() < count, "{name} is not there");
        self
    }

    fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.target.contains(from), "{from} is not in {}", self.target);
        self.target = self.target.replacen(from, to, 1);
        self
    }

    /// The signature, and a way to put another in its place.
    fn signature(&self) -> &str {
        let authorization = self.headers.iter().find(|(name, _)| name == "authorization");
        let carrier = authorization.map_or(self.target.as_str(), |(_, value)| std::str::from_utf8(value).unwrap());
        carrier.rsplit('=').next().unwrap()
    }

    fn with_signature(&self, other: &str) -> Self {
        let ours = self.signature().to_owned();
        let mut changed = self.clone();
        changed.target = changed.target.replace(&ours, other);
        for (_, value) in &mut changed.headers {
            *value = String::from_utf8(value.clone()).unwrap().replace(&ours, other).into_bytes();
        }
        changed
    }

    fn with_view<T>(&self, f: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let lines: Vec<(&str, &[u8])> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        f(&RequestView::new(self.method, &self.target, &lines))
    }

    /// What the key says, from its secret and from its public half: the same. Tells the replay key.
    fn verify_as(&self, key: &v4a::StaticKey, expect: &Expect, now: Timestamp) -> Result<[u8; 32], VerifyError> {
        self.with_view(|view| {
            let presented = v4a::Presented::parse(view)?;
            let by_public = presented
                .clone()
                .check(key.credential(), expect, now)
                .and_then(|pending| pending.accept_public(&key.public_key()));
            let by_secret = key.verify(presented, expect, now).map(|verified| {
                assert_eq!(
                    Some(verified.fingerprint()),
                    Fingerprint::of(&format!("X-Amz-Signature={}", self.signature()))
                );
                verified.replay_key()
            });
            assert_eq!(by_public.map(|verified| verified.replay_key()), by_secret);
            by_secret
        })
    }

    fn verify(&self) -> Result<[u8; 32], VerifyError> {
        self.verify_as(&key(), &expect(), now())
    }

    #[track_caller]
    fn is_accepted(&self) {
        assert!(self.verify().is_ok(), "{:?} for {self:?}", self.verify());
    }

    #[track_caller]
    fn is_refused(&self, is: impl Fn(&VerifyError) -> bool) -> VerifyError {
        let error = self.verify().expect_err(&self.target);
        assert!(is(&error), "{error:?} for {self:?}");
        error
    }
}
