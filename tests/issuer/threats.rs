//! The rules of the threat list that stand around a key, by number: each refuses, and its neighbour accepts.

use super::{Office, REGION, SECRET, at, split, subject, why};
use valet_key::{
    aws::{Credential, OnShortCredential, SigV4, StaticKey, UrlRequest},
    clock::Timestamp,
    error::IssueError,
    grant::{Grant, Lifetime},
    issuer::{
        Ask, AuditRecord, Gcra, Issuer, Limited, MemorySink, RateLimit, RateLimiter, Refused, Subject, Unlimited,
        logs::LogEntry, unbounded,
    },
    token::Fingerprint,
};

#[test]
fn r20_no_refresh_outlives_the_credential() {
    let clock = super::Hand::default();
    let credential = Credential::new("ASIAIOSFODNN7EXAMPLE")
        .unwrap()
        .with_session_token("a token of the session")
        .unwrap()
        .expiring(at(1000));
    let issuer = |on_short| {
        let key = StaticKey::from_credential(credential.clone(), SECRET).unwrap();
        let holder = move |grant: &Grant, now: Timestamp| {
            key.presign(&UrlRequest::s3(grant, REGION)?.on_short_credential(on_short), now)
        };
        Issuer::new(holder, unbounded, Unlimited, MemorySink::latest(1), clock.clone())
    };
    let (jane, grant) = (subject("jane"), Grant::read("photos", "cat.jpg"));
    let ask = Ask::new(&jane, &grant);
    let strict = issuer(OnShortCredential::Refuse);
    let (_, mut lease) = strict.issue_leased(&ask).unwrap();
    clock.set(100);
    assert_eq!(strict.refresh(&mut lease, &ask).unwrap().expires_at(), at(1000));
    clock.set(101);
    let refused = strict.refresh(&mut lease, &ask).unwrap_err();
    assert!(matches!(refused, Refused::Issue(IssueError::OutlivesCredential { .. })), "{refused:?}");
    assert_eq!(issuer(OnShortCredential::Clamp).refresh(&mut lease, &ask).unwrap().expires_at(), at(1000));
}

#[test]
fn r49_no_two_subjects_share_a_rate() {
    let limit = RateLimit::new(Gcra::new(1, Lifetime::WEEK, 1).unwrap());
    let names = [("a", "bc"), ("ab", "c"), ("", "abc"), ("a b", "c"), ("a", "b c")];
    for (tenant, user) in names {
        assert_eq!(limit.take(&Subject::new(tenant, user).unwrap(), 1, at(0)), Ok(()), "{tenant:?} {user:?}");
    }
    for (tenant, user) in names {
        assert!(limit.take(&Subject::new(tenant, user).unwrap(), 1, at(0)).is_err());
    }
    assert!(Subject::new("a\n", "b").is_err() && Subject::new("a", &"b".repeat(257)).is_err());
    assert!(Subject::new("a", &"b".repeat(256)).is_ok());
}

#[test]
fn r50_a_fingerprint_is_of_bytes_and_a_full_store_fails_closed() {
    let digits = "5e1d0c1c6ad1fcb5a0a19b7f2e8d4c6350718293a4b5c6d7e8f90123456789ab";
    let of = |digits: &str| Fingerprint::of(&format!("/?X-Amz-Signature={digits}"));
    assert!(of(digits).is_some());
    assert_eq!(of(digits), of(&digits.to_uppercase()));
    assert_eq!(of(digits), of(&digits.replace('5', "%35")));
    assert_ne!(of(digits), of(&digits.replace('5', "6")));
    let limit = RateLimit::new(Gcra::HOURLY).max_subjects(1);
    let taken: Vec<_> = (0..500).map(|n| limit.take(&subject(&n.to_string()), 1, at(0))).collect();
    assert_eq!(taken.iter().filter(|it| it.is_ok()).count(), 16);
    assert!(taken.iter().all(|it| matches!(it, Ok(()) | Err(Limited::Full))));
    assert!((0..500).any(|n| limit.take(&subject(&n.to_string()), 1, at(0)).is_ok()), "who is known goes on");
}

#[test]
fn r53_no_line_is_longer_than_it_may_be() {
    let line = |padding: usize| {
        let line =
            "o b [14/Nov/2023:22:14:15 +0000] 192.0.2.3 r ID REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - ".to_owned();
        let padding = padding - line.len();
        line + &"x".repeat(padding)
    };
    assert!(LogEntry::s3_access(&line(64 << 10)).is_ok());
    assert!(LogEntry::s3_access(&line((64 << 10) + 1)).is_err());
    let office = Office::new();
    drop(office.issuer.authorise(&Ask::new(&subject("jane"), &Grant::read("photos", "cat.jpg"))).unwrap());
    let record = office.sink.records()[0].to_json();
    let padded = |length: usize| record.clone() + &" ".repeat(length - record.len());
    assert!(AuditRecord::from_json(&padded(64 << 10)).is_ok());
    assert!(AuditRecord::from_json(&padded((64 << 10) + 1)).is_err());
    // A hostile name makes no long record, and a hundred nested lists no deep recursion.
    let grant = Grant::read("photos", "\u{1f511}".repeat(1 << 20));
    drop(office.issuer.authorise(&Ask::new(&subject("jane"), &grant)).unwrap());
    assert!(office.sink.records()[1].to_json().len() < 8 << 10);
    assert!(LogEntry::azure_resource(&"[".repeat(60_000)).is_err());
}

#[test]
fn r55_no_record_holds_a_url() {
    let office = Office::new();
    let token = office.issuer.issue(&Ask::new(&subject("jane"), &Grant::read("photos", "cat.jpg"))).unwrap();
    let line = office.sink.records()[0].to_json();
    assert!(!line.contains(split(token.token().expose()).1) && !line.contains("X-Amz"));
    assert!(line.contains(&token.fingerprint().to_string()));
}

#[test]
fn r56_audit_text_is_escaped_and_bounded() {
    let office = Office::new();
    let name = "a\r\n{\"outcome\":\"issued\"}\u{2028}\u{7f}";
    drop(office.issuer.issue(&Ask::new(&subject("jane"), &Grant::read("photos", name).because(why()))));
    let line = office.sink.records()[0].to_json();
    assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
    assert_eq!(AuditRecord::from_json(&line).unwrap().name, name);
    let long = Grant::read("photos", "n".repeat(2000)).request_id("i".repeat(2000));
    drop(office.issuer.authorise(&Ask::new(&subject("jane"), &long).session(&"s".repeat(2000))).unwrap());
    let record = &office.sink.records()[1];
    for text in [&record.name, record.request_id.as_ref().unwrap(), record.session.as_ref().unwrap()] {
        assert_eq!((text.chars().count(), text.ends_with('\u{2026}')), (1025, true));
    }
}
