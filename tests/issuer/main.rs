//! Around a key: bounds, rate, audit, refresh, what the logs of the clouds tell, and what never shows.
#![cfg(all(feature = "std", feature = "aws", feature = "azure", feature = "gcs"))]

mod fingerprints;

use valet_key::{
    aws::{Expect, KeyRing, SigV4, StaticKey, UrlRequest, Verifier},
    azure::{self, AccountKey, Service},
    clock::Timestamp,
    gcs::{self, HmacKey},
    grant::Grant,
    token::{BearerUrl, Fingerprint},
    view::RequestView,
};

const REGION: &str = "eu-west-1";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_700_000_000 + seconds).unwrap()
}

fn s3_key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", SECRET).unwrap()
}

fn gcs_key() -> HmacKey {
    HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

fn azure_key() -> AccountKey {
    AccountKey::new(
        "myaccount",
        "BwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRg==",
    )
    .unwrap()
}

fn s3_url(grant: &Grant, now: Timestamp) -> BearerUrl {
    s3_key().presign(&UrlRequest::s3(grant, REGION).unwrap(), now).unwrap()
}

/// What stands before the path and from the path on.
fn split(url: &str) -> (&str, &str) {
    let host = url.strip_prefix("https://").unwrap();
    host.split_at(host.find('/').unwrap())
}

/// The name of the token that a gateway finds.
fn verified(url: &BearerUrl, now: Timestamp) -> Fingerprint {
    let (host, target) = split(url.expose());
    let mut headers: Vec<(&str, &[u8])> = vec![("host", host.as_bytes())];
    headers.extend(url.required_headers().iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let view = RequestView::new(url.method(), target, &headers).over_https();
    if host.contains(".amazonaws.") {
        let verifier = Verifier::new(KeyRing::new().with(s3_key()), Expect::new(REGION, "s3"));
        verifier.verify(&view, now).unwrap().fingerprint()
    } else if host.contains(".core.windows.net") {
        let mut ring = azure::KeyRing::new();
        ring.insert(azure_key()).unwrap();
        let expect = azure::Expect::new("myaccount", Service::Blob).unwrap();
        azure::Verifier::new(ring, expect).verify(&view, now).unwrap().fingerprint()
    } else {
        let verifier = gcs::Verifier::new(gcs::KeyRing::new().with(gcs_key()), gcs::Expect::new());
        verifier.verify(&view, now).unwrap().fingerprint()
    }
}
