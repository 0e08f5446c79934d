//! CloudFront signed URLs and cookies: every published case at every stage, the rules of a verifier under their numbers, what
//! holds for every input, and the secrets that must not show.
//!
//! The cases in `tests/vectors/aws/cloudfront/cases.json` always run. When `VALET_KEY_VECTORS` names a directory of published files,
//! those of CloudFront run whole. What is known not to match says why, by a rule and not by a list of names; such a case that
//! passes fails the run, and so does a file without cases.

#![cfg(all(feature = "aws", feature = "rsa", feature = "ecdsa", feature = "legacy"))]

mod case;
mod keys;
mod laws;
#[path = "../secrets/planted.rs"]
mod planted;
mod published;
mod secrets;
mod threats;

use case::Case;
use std::{collections::BTreeSet, path::Path};
use valet_key::{
    aws::cloudfront::{
        Credential, Expect, KeyRing, PolicyRequest, Presented, PublicKey, SignedRequest, SigningKey, Verifier,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::Justification,
    token::Verified,
    view::{HeaderLine, RequestView},
};

pub(crate) const HOST: &str = "d111111abcdef8.cloudfront.net";
pub(crate) const ID: &str = "K2JCJMDEHXQW5F";
/// 2026-01-01T17:45:00Z
pub(crate) const NOW: i64 = 1_767_289_500;

pub(crate) fn key_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/keys").join(name);
    std::fs::read_to_string(path).unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds).unwrap()
}

pub(crate) fn why() -> Justification {
    Justification::new("a test").unwrap()
}

pub(crate) fn rsa_key() -> SigningKey {
    SigningKey::from_rsa_pem(Credential::rsa(ID).unwrap(), &key_file("cloudfront-rsa.pem")).unwrap()
}

pub(crate) fn ec_key() -> SigningKey {
    SigningKey::from_ec_pem(Credential::ecdsa(ID).unwrap(), &key_file("cloudfront-ec.pem")).unwrap()
}

pub(crate) fn ring() -> KeyRing {
    let public = PublicKey::from_rsa_pem(&key_file("cloudfront-rsa-public.pem")).unwrap();
    KeyRing::new().with(Credential::rsa(ID).unwrap(), public).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(ring(), Expect::new(HOST))
}

/// Protocol, host, and path with query.
pub(crate) fn split(url: &str) -> (&str, &str, &str) {
    let (protocol, rest) = url.split_once("://").unwrap();
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    (protocol, host, if target.is_empty() { "/" } else { target })
}

/// A request for a URL, as an edge gets it.
pub(crate) fn with_view<T>(url: &str, cookies: &[&str], f: impl FnOnce(RequestView<'_>) -> T) -> T {
    let (protocol, host, target) = split(url);
    let mut headers: Vec<HeaderLine<'_>> = vec![("host", host.as_bytes())];
    headers.extend(cookies.iter().map(|line| ("cookie", line.as_bytes())));
    let view = RequestView::new("GET", target, &headers);
    f(if protocol == "https" { view.over_https() } else { view })
}

/// The verdict on a URL.
pub(crate) fn verdict(url: &str) -> Result<(), VerifyError> {
    verdict_at(url, at(0))
}

pub(crate) fn verdict_at(url: &str, now: Timestamp) -> Result<(), VerifyError> {
    with_view(url, &[], |view| verifier().verify(&view, now).map(drop))
}

/// A signed URL for one URL of our host.
pub(crate) fn signed(path: &str) -> String {
    let request = PolicyRequest::for_url(&format!("https://{HOST}{path}")).unwrap();
    rsa_key().signed_url(&request, at(0)).unwrap().expose().to_owned()
}

/// A URL with this custom policy, whatever it says, and the right signature over it.
pub(crate) fn with_policy(path: &str, policy: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    let signature = case::encoded(&case::sign_elsewhere(&key_file("cloudfront-rsa.pem"), policy.as_bytes()));
    let policy = case::encoded(policy.as_bytes());
    format!(
        "https://{HOST}{path}{separator}Policy={policy}&Signature={signature}&Key-Pair-Id={ID}&Hash-Algorithm=SHA256"
    )
}

/// What was verified of a URL.
pub(crate) fn facts<T>(url: &str, f: impl FnOnce(&Verified<SignedRequest<'_>>) -> T) -> T {
    with_view(url, &[], |view| f(&ring().verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(0)).unwrap()))
}

fn run(source: &str, cases: &[Case], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut passed, mut verified, mut quirks, mut names) = (0, 0, 0, BTreeSet::new());
    for case in cases {
        if !names.insert(&case.name) {
            surprises.push(format!("{source}: {} is there twice", case.name));
        }
        match (case.run(), case.known()) {
            (Ok(()), None) if case.only_verified => verified += 1,
            (Ok(()), None) => passed += 1,
            (Err(_), Some(reason)) => {
                quirks += 1;
                println!("  {}: known not to match: {reason}", case.name);
            }
            (Ok(()), Some(_)) => surprises.push(format!("{}: passes, though it is known not to match", case.name)),
            (Err(stage), None) => surprises.push(format!("{source}: {}: {stage}", case.name)),
        }
    }
    println!("{source}: {} cases, {passed} match, {verified} only verified, {quirks} known not to match", cases.len());
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn our_own_cases_match() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/cloudfront/cases.json");
    let list: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<Case> = list.iter().map(Case::from_json).collect();
    for (case, value) in cases.iter().zip(&list) {
        assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
        assert_eq!(case.known(), None, "{}", case.name);
    }
    let mut surprises = Vec::new();
    run("cloudfront.json", &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn published_files_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws run");
        return;
    };
    let mut surprises = Vec::new();
    for (source, cases) in published::all(&Path::new(&folder).join("cloudfront")) {
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}
