//! Shared Key and user delegation keys: every case of the official clients at every stage, the rules of a verifier under
//! their numbers, what holds for every input, answers of every kind, and the secrets that must not show.
//!
//! What the official clients sign in another way than the documents is known by a rule with its reason; such a case that
//! passes fails the run.

#![cfg(feature = "azure")]

mod answers;
mod case;
mod laws;
mod secrets;
mod threats;

use case::Case;
use std::collections::BTreeSet;
use valet_key::{
    azure::{
        AccountKey, AuthorizedRequest, ExpectSharedKey, PresentedRequest, Service, SharedKeyFacts, SharedKeyRequest,
    },
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
    view::{HeaderLine, Limits, RequestView},
};

const KEY: &str = "c2VjcmV0LXNoYXJlZC1rZXktb2YtYW4tYWNjb3VudC10aGF0LWlzLW5vbmUtMDEyMzQ1Njc4OS1hYmNkZWY=";
const HOST: &str = "myaccount.blob.core.windows.net";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> AccountKey {
    AccountKey::new("myaccount", KEY).unwrap()
}

fn expect() -> ExpectSharedKey {
    ExpectSharedKey::new("myaccount", Service::Blob).unwrap()
}

/// A request as it arrives.
#[derive(Clone, Debug)]
struct Arriving {
    method: String,
    target: String,
    lines: Vec<(String, Vec<u8>)>,
}

impl Arriving {
    /// What a client makes of a signed request.
    fn of(signed: &AuthorizedRequest) -> Self {
        let (_, rest) = signed.url().split_once("://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        let mut lines: Vec<(String, Vec<u8>)> =
            signed.headers().iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        lines.push(("Host".into(), host.into()));
        lines.push(("Content-Length".into(), signed.content_length().to_string().into()));
        lines.push(("Authorization".into(), signed.expose_authorization().into()));
        Self { method: signed.method().into(), target: target.into(), lines }
    }

    fn signed(request: &SharedKeyRequest) -> Self {
        Self::of(&key().authorize(request, now()).unwrap())
    }

    fn set(&mut self, name: &str, value: &str) {
        match self.lines.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some(line) => line.1 = value.into(),
            None => self.lines.push((name.into(), value.into())),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        self.lines.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    fn drop(&mut self, name: &str) {
        self.lines.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Parses it and hands it over.
    fn see<T>(&self, look: impl FnOnce(PresentedRequest<'_>) -> Result<T, VerifyError>) -> Result<T, VerifyError> {
        self.see_within(&Limits::DEFAULT, look)
    }

    fn see_within<T>(
        &self,
        limits: &Limits,
        look: impl FnOnce(PresentedRequest<'_>) -> Result<T, VerifyError>,
    ) -> Result<T, VerifyError> {
        let lines: Vec<HeaderLine<'_>> =
            self.lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        look(PresentedRequest::parse_within(&RequestView::new(&self.method, &self.target, &lines), limits)?)
    }

    fn verify(&self, expect: &ExpectSharedKey, now: Timestamp) -> Result<Facts, VerifyError> {
        self.see(|presented| Ok(Facts::of(&key().verify_request(presented, expect, now)?)))
    }

    #[track_caller]
    fn is_refused(&self, code: &str) {
        let error = self.verify(&expect(), now()).expect_err(&format!("accepted: {self:?}"));
        assert_eq!(error.code(), code, "{error}");
    }
}

/// Everything that a verifier tells, to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    method: String,
    raw_path: String,
    path: String,
    queries: Vec<(String, String)>,
    headers: Vec<(String, Vec<u8>)>,
    content_length: Option<u64>,
    content_md5: Option<[u8; 16]>,
    content_type: Option<String>,
    version: Option<&'static str>,
    expires_at: Timestamp,
}

impl Facts {
    fn of(facts: &Verified<SharedKeyFacts<'_>>) -> Self {
        let headers =
            ["content-encoding", "content-language", "content-type", "if-match", "if-none-match", "x-ms-meta-a"];
        let header = |name: &str| facts.header(name).map(|value| (name.to_owned(), value.to_vec()));
        Self {
            method: facts.method().to_owned(),
            raw_path: facts.raw_path().to_owned(),
            path: facts.path().unwrap(),
            queries: facts.queries().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            headers: headers.into_iter().filter_map(header).collect(),
            content_length: facts.content_length(),
            content_md5: facts.content_md5(),
            content_type: facts.content_type().map(str::to_owned),
            version: facts.version().map(valet_key::azure::Version::as_str),
            expires_at: facts.expires_at(),
        }
    }
}

#[test]
fn every_case_of_the_official_clients_is_issued_and_verified() {
    let cases = Case::read(include_str!("../vectors/azure/shared-key.json"));
    assert!(!cases.is_empty(), "no cases");
    let (mut passed, mut verified, mut quirks, mut names, mut surprises) = (0, 0, 0, BTreeSet::new(), Vec::new());
    for case in &cases {
        if !names.insert(case.name()) {
            surprises.push(format!("{} is there twice", case.name()));
        }
        match (case.run(), case.known()) {
            (Ok(()), None) if case.is_only_verified() => verified += 1,
            (Ok(()), None) => passed += 1,
            (Err(_), Some(reason)) => {
                quirks += 1;
                println!("  {}: known not to match: {reason}", case.name());
            }
            (Ok(()), Some(_)) => surprises.push(format!("{}: passes, though it is known not to match", case.name())),
            (Err(stage), None) => surprises.push(format!("{}: {stage}", case.name())),
        }
    }
    println!("{} cases, {passed} match, {verified} only verified, {quirks} known not to match", cases.len());
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}
