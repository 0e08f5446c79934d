//! The next cloud when a holder fails, never a weaker token, and no holder that is asked while it is down.
#![cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]

use proptest::prelude::*;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use valet_key::aws::{self, SigV4};
use valet_key::azure;
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError};
use valet_key::gcs;
use valet_key::grant::{CopySource, Grant, Justification, Lifetime};
use valet_key::multi::{Circuit, Cloud, Failover, FailoverError, Outcome, Site};

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_700_000_000 + seconds).unwrap()
}

/// A holder that can be switched off, and counts how often it is asked.
#[derive(Debug)]
struct Switched {
    key: aws::StaticKey,
    is_down: AtomicBool,
    asked: AtomicUsize,
}

impl Switched {
    fn new() -> Arc<Self> {
        let key = aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", SECRET).unwrap();
        Arc::new(Self { key, is_down: AtomicBool::new(false), asked: AtomicUsize::new(0) })
    }

    fn down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

impl SigV4 for Switched {
    fn credential(&self) -> &aws::Credential {
        self.key.credential()
    }

    fn sign(&self, scope: &aws::Scope, message: &aws::StringToSign) -> Result<aws::Signature, KeyError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Err(KeyError::Holder("it does not answer".to_owned()));
        }
        self.key.sign(scope, message)
    }
}

fn amazon(holder: &Arc<Switched>) -> Site<'static> {
    Site::new("amazon", Cloud::aws(Arc::clone(holder), "eu-west-1").unwrap())
}

fn google() -> Site<'static> {
    Site::new("google", Cloud::gcs(gcs::HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()))
}

fn microsoft() -> Site<'static> {
    Site::new("microsoft", Cloud::azure(azure::AccountKey::new("account", "c2VjcmV0").unwrap()))
}

fn read() -> Grant {
    Grant::read("photos", "cat.jpg")
}

fn sites(tried: &[valet_key::multi::Attempt]) -> Vec<&str> {
    tried.iter().map(|attempt| attempt.site.as_str()).collect()
}

#[test]
fn the_first_holder_that_signs_is_taken() {
    let holder = Switched::new();
    let mut clouds = Failover::new(amazon(&holder)).or(google()).or(microsoft());
    let issued = clouds.issue(&read(), at(0)).unwrap();
    assert_eq!((issued.site.as_str(), issued.tried.len()), ("amazon", 0));

    holder.down(true);
    let issued = clouds.issue(&read(), at(1)).unwrap();
    assert_eq!((issued.site.as_str(), sites(&issued.tried)), ("google", vec!["amazon"]));
    assert_eq!(issued.tried[0].outcome, Outcome::Holder(KeyError::Holder("it does not answer".to_owned())));
}

#[test]
fn a_holder_that_failed_is_left_alone_and_then_asked_again() {
    let holder = Switched::new();
    let mut clouds = Failover::new(amazon(&holder)).or(google());
    let mut site_at = |seconds| clouds.issue(&read(), at(seconds)).unwrap().site;
    holder.down(true);
    // Failures at 0, 5 and 15 keep it out for 5, 10 and 20 seconds.
    for (seconds, asked) in [(0, 1), (1, 0), (4, 0), (5, 1), (6, 0), (14, 0), (15, 1), (34, 0)] {
        assert_eq!((site_at(seconds).as_str(), holder.asked()), ("google", asked), "{seconds}");
    }
    holder.down(false);
    assert_eq!((site_at(34).as_str(), holder.asked()), ("google", 0));
    assert_eq!((site_at(35).as_str(), holder.asked()), ("amazon", 1));
    // It starts anew.
    holder.down(true);
    for (seconds, asked) in [(36, 1), (40, 0), (41, 1)] {
        assert_eq!((site_at(seconds).as_str(), holder.asked()), ("google", asked), "{seconds}");
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_a_holder_out() {
    let mut circuit = Circuit::new();
    circuit.failed(at(100_000));
    assert_eq!(circuit.open_until(at(100_000)), Some(at(100_005)));
    assert_eq!(circuit.open_until(at(99_706)), Some(at(100_005)));
    assert_eq!(circuit.open_until(at(99_704)), None);
}

#[test]
fn no_cloud_is_asked_to_do_without_a_restriction() {
    let holder = Switched::new();
    let bounded = Grant::upload("photos", "cat.jpg").content_type("image/jpeg").size(1..=7);
    // Azure cannot bound a size: it is passed over, and Cloud Storage can.
    let mut clouds = Failover::new(amazon(&holder)).or(microsoft()).or(google());
    holder.down(true);
    let issued = clouds.issue(&bounded, at(0)).unwrap();
    assert_eq!((issued.site.as_str(), sites(&issued.tried)), ("google", vec!["amazon", "microsoft"]));
    assert!(matches!(issued.tried[1].outcome, Outcome::NotCarried(IssueError::NotEnforceable { .. })));
    assert!(
        issued
            .token
            .required_headers()
            .iter()
            .any(|(name, value)| { name == "x-goog-content-length-range" && value == b"1,7" })
    );
    // With nobody else there is no token.
    let mut clouds = Failover::new(amazon(&holder)).or(microsoft());
    assert!(matches!(clouds.issue(&bounded, at(0)), Err(FailoverError::Exhausted { .. })));
}

#[test]
fn what_the_first_cloud_cannot_carry_is_refused_whether_its_holder_is_up_or_down() {
    let holder = Switched::new();
    let mut clouds = Failover::new(amazon(&holder)).or(microsoft());
    // Azure could bind the address.
    let bound = read().client_address("198.51.100.7");
    for (seconds, is_down) in [(0, false), (1, true), (2, true), (3, false)] {
        holder.down(is_down);
        let _ = clouds.issue(&read(), at(seconds)).unwrap();
        let asked = holder.asked();
        match clouds.issue(&bound, at(seconds)) {
            Err(FailoverError::Refused { site, error: IssueError::NotEnforceable { .. } }) => {
                assert_eq!(site, "amazon");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(holder.asked(), 0, "{asked}");
    }
    for grant in [Grant::upload("photos", "a"), read().lives(Lifetime::minutes(16).unwrap()), Grant::read("x", "a")] {
        assert!(matches!(clouds.issue(&grant, at(9)), Err(FailoverError::Refused { .. })));
    }
}

#[test]
fn containers_have_the_names_of_their_cloud() {
    let holder = Switched::new();
    holder.down(true);
    let mapped = google().container("photos", "photos-standby").container("albums", "albums-standby");
    let mut clouds = Failover::new(amazon(&holder)).or(mapped);
    let issued = clouds.issue(&read(), at(0)).unwrap();
    assert!(issued.token.expose_url().starts_with("https://storage.googleapis.com/photos-standby/cat.jpg?"));
    // Where names are given, others are nobody's.
    match clouds.issue(&Grant::read("invoices", "1.pdf"), at(1)) {
        Err(FailoverError::Exhausted { tried, retry_at }) => {
            assert_eq!(tried[0].outcome, Outcome::BackingOff { until: at(5) });
            assert_eq!((&tried[1].outcome, retry_at), (&Outcome::NoContainer, Some(at(5))));
        }
        other => panic!("{other:?}"),
    }
    let mut clouds = Failover::new(google().container("photos", "photos-standby")).or(amazon(&holder));
    assert!(matches!(
        clouds.issue(&Grant::read("invoices", "1.pdf"), at(1)),
        Err(FailoverError::Refused { error: IssueError::Invalid { what: "container", .. }, .. })
    ));
}

#[test]
fn the_source_of_a_copy_has_the_name_of_its_cloud_too() {
    let holder = Switched::new();
    let mut clouds = Failover::new(amazon(&holder).container("photos", "photos-eu").container("inbox", "inbox-eu"));
    let why = Justification::new("virus scan passed").unwrap();
    let copy = |from: &str| Grant::copy(CopySource::new(from, "a"), "photos", "a").because(why.clone());
    let issued = clouds.issue(&copy("inbox"), at(0)).unwrap();
    let source = issued.token.required_headers().iter().find(|(name, _)| name == "x-amz-copy-source").unwrap();
    assert_eq!(String::from_utf8_lossy(&source.1).trim_start_matches('/'), "inbox-eu/a");
    assert!(matches!(clouds.issue(&copy("elsewhere"), at(0)), Err(FailoverError::Refused { .. })));
}

#[test]
fn a_credential_that_ends_too_early_goes_to_the_next_cloud() {
    let credential = aws::Credential::new("ASIAIOSFODNN7EXAMPLE").unwrap().expiring(at(300));
    let key = aws::StaticKey::from_credential(credential, SECRET).unwrap();
    let short = Site::new("amazon", Cloud::aws(key, "eu-west-1").unwrap());
    let mut clouds = Failover::new(short).or(google());
    let issued = clouds.issue(&read(), at(0)).unwrap();
    assert_eq!(issued.site, "google");
    assert!(matches!(issued.tried[0].outcome, Outcome::Credential(IssueError::OutlivesCredential { .. })));
    let brief = read().lives(Lifetime::minutes(5).unwrap());
    assert_eq!(clouds.issue(&brief, at(0)).unwrap().site, "amazon");
}

#[test]
fn errors_tell_what_happened_and_no_secret() {
    let holder = Switched::new();
    holder.down(true);
    let mut clouds = Failover::new(amazon(&holder));
    let error = clouds.issue(&read(), at(0)).unwrap_err();
    assert_eq!(error.to_string(), "no cloud issued a token, 1 tried");
    let FailoverError::Exhausted { tried, retry_at } = &error else { panic!() };
    assert_eq!(tried[0].outcome.to_string(), "the key holder failed: it does not answer");
    assert_eq!(*retry_at, Some(at(5)));
    let refused = clouds.issue(&Grant::upload("photos", "a"), at(0)).unwrap_err();
    assert!(refused.to_string().starts_with("amazon: an upload must say its size"), "{refused}");
    let mut clouds = clouds.or(google());
    let issued = clouds.issue(&read(), at(0)).unwrap();
    let signature = issued.token.expose_url().rsplit('=').next().unwrap();
    let shown = format!("{clouds:?} {error:?} {refused:?} {issued:?}");
    assert!(!shown.contains("PLANTED") && !shown.contains(&signature[..16]), "{shown}");
}

proptest! {
    /// However often and whenever a holder fails, it is asked again after its longest wait, and never within its shortest.
    #[test]
    fn waits_stay_within_their_bounds(steps in proptest::collection::vec((0u32..1000, any::<bool>()), 0..60)) {
        let (shortest, longest) = (Lifetime::from_seconds(3).unwrap(), Lifetime::from_seconds(100).unwrap());
        let mut circuit = Circuit::waiting(shortest, longest);
        let mut now = at(0);
        for (wait, works) in steps {
            now = now.saturating_add(wait);
            if works {
                circuit.worked();
                prop_assert_eq!(circuit.open_until(now), None);
            } else {
                circuit.failed(now);
                let until = circuit.open_until(now).unwrap().seconds_since(now);
                prop_assert!((3..=100).contains(&until), "{}", until);
                prop_assert_eq!(circuit.open_until(now.saturating_add(100)), None);
            }
        }
    }
}
