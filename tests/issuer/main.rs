//! Around a key: bounds, rate, audit, refresh, what the logs of the clouds tell, and what never shows.
#![cfg(all(feature = "std", feature = "aws", feature = "azure", feature = "gcs"))]

mod fingerprints;
mod logs;
mod office;
mod records;
mod secrets;
mod threats;

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use valet_key::{
    aws::{Expect, KeyRing, SigV4, StaticKey, UrlRequest, Verifier},
    azure::{self, AccountKey, Service},
    clock::{Clock, Timestamp},
    error::IssueError,
    gcs::{self, HmacKey},
    grant::{Grant, Justification, Lifetime},
    issuer::{AuditRecord, AuditSink, Denied, Gcra, Issuer, MemorySink, Outcome, RateLimit, SinkFailure, Subject},
    metrics::Counters,
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

fn subject(user: &str) -> Subject {
    Subject::new("acme", user).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

/// A clock that is set by hand.
#[derive(Clone, Debug, Default)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// Keeps no record.
#[derive(Debug)]
struct Broken;

impl AuditSink for Broken {
    fn append(&self, _: &AuditRecord) -> Result<(), SinkFailure> {
        Err(SinkFailure::new("the disk is full"))
    }
}

fn photos_only(_: &Subject, grant: &Grant) -> Result<(), Denied> {
    let is_photo = grant.container() == "photos";
    if is_photo { Ok(()) } else { Err(Denied::new("other_bucket", format!("{} is none of yours", grant.container()))) }
}

type Signer = fn(&Grant, Timestamp) -> Result<BearerUrl, IssueError>;

/// An issuer of S3 URLs, and what it is made of.
struct Office {
    issuer: Issuer<Signer>,
    clock: Hand,
    sink: Arc<MemorySink>,
    counters: Arc<Counters>,
    /// How many tokens were signed.
    signed: fn() -> usize,
}

thread_local! {
    static SIGNED: Cell<usize> = const { Cell::new(0) };
}

fn sign(grant: &Grant, now: Timestamp) -> Result<BearerUrl, IssueError> {
    SIGNED.set(SIGNED.get() + 1);
    s3_key().presign(&UrlRequest::s3(grant, REGION)?, now)
}

impl Office {
    fn new() -> Self {
        let (clock, sink, counters) = (Hand::default(), Arc::new(MemorySink::new(1000)), Arc::new(Counters::new()));
        let limit = RateLimit::new(Gcra::new(100, Lifetime::minutes(60).unwrap(), 3).unwrap());
        let issuer =
            Issuer::new(sign as Signer, photos_only, limit, sink.clone(), clock.clone()).metrics(counters.clone());
        Self { issuer, clock, sink, counters, signed: || SIGNED.get() }
    }

    /// Outcomes and codes of all records.
    fn outcomes(&self) -> Vec<(Outcome, String)> {
        self.sink.records().into_iter().map(|it| (it.outcome, it.code.unwrap_or_default().into_owned())).collect()
    }
}
