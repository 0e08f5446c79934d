//! No secret, signature or token shows in any `Debug`, error, record or count.

use super::{Office, SECRET, Signer, at, photos_only, s3_url, sign, subject};
use std::{fmt::Debug, sync::Arc};
use valet_key::{
    error::IssueError,
    grant::Grant,
    issuer::{Ask, AuditRecord, Chain, Issuer, JsonLines, MemorySink, Unlimited, unbounded},
    token::BearerUrl,
};

/// Whether sixteen characters in a row of a secret are in a text.
#[track_caller]
fn hides(text: &str, secrets: &[&str]) {
    let text = text.to_ascii_lowercase();
    for secret in secrets {
        assert!(secret.len() >= 16, "{secret} is too short to be looked for");
        for part in secret.to_ascii_lowercase().as_bytes().windows(16) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!text.contains(part), "{part} shows in {text}");
        }
    }
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn signature(url: &BearerUrl) -> &str {
    url.expose().rsplit_once("X-Amz-Signature=").unwrap().1
}

#[test]
fn the_search_finds_what_is_planted() {
    assert!(std::panic::catch_unwind(|| hides(&format!("a {SECRET}"), &[SECRET])).is_err());
    assert!(std::panic::catch_unwind(|| hides(&SECRET[10..30].to_uppercase(), &[SECRET])).is_err());
    hides("nothing", &[SECRET]);
}

#[test]
fn everything_around_a_token_hides_it() {
    let (office, jane, grant) = (Office::new(), subject("jane"), Grant::read("photos", "cat.jpg"));
    let ask = Ask::new(&jane, &grant);
    let (issued, mut lease) = office.issuer.issue_leased(&ask).unwrap();
    let second = office.issuer.refresh(&mut lease, &ask).unwrap();
    let signatures = [signature(issued.token()), signature(second.token()), SECRET];
    let pass = office.issuer.authorise(&ask).unwrap();
    for text in [
        shown(&issued),
        shown(&lease),
        shown(&pass),
        shown(&office.issuer),
        shown(&office.sink),
        shown(&office.counters),
        shown(&ask),
        shown(&jane),
        shown(&issued.fingerprint()),
        issued.fingerprint().to_string(),
    ] {
        hides(&text, &signatures);
    }
    drop(pass);
    let lines = Arc::new(JsonLines::chained(Vec::new(), Chain::new()));
    for record in office.sink.records() {
        hides(&(shown(&record) + &record.to_json()), &signatures);
        hides(&shown(&lines), &signatures);
        hides(&(shown(&Chain::new()) + &Chain::new().append(&record)), &signatures);
    }
}

#[test]
fn a_token_that_comes_in_by_a_name_or_an_error_does_not_go_on_record() {
    let url = s3_url(&Grant::read("photos", "cat.jpg"), at(0));
    let text = url.expose();
    let (jane, sink) = (subject(text.get(..200).unwrap_or(text)), Arc::new(MemorySink::new(9)));
    let issuer = Issuer::new(sign as Signer, photos_only, Unlimited, sink.clone(), at(0));
    let grant = Grant::read(text, text).version(text).request_id(text);
    let refused = issuer.issue(&Ask::new(&jane, &grant).session(text)).unwrap_err();
    assert_eq!(refused.code(), "other_bucket");
    drop(issuer.authorise(&Ask::new(&jane, &Grant::read("photos", text))).unwrap());
    for record in sink.records() {
        hides(&(shown(&record) + &record.to_json()), &[signature(&url)]);
    }
    assert_eq!(sink.records().len(), 2);
    // A signature behind so much text that it is cut within.
    let long = format!("{}X-Amz-Signature={}", "a".repeat(1024 - 16 - 30), signature(&url));
    let issuer = Issuer::new((), unbounded, Unlimited, sink.clone(), at(0));
    drop(issuer.authorise(&Ask::new(&subject("jane"), &Grant::read("photos", long))).unwrap());
    hides(&sink.records()[2].to_json(), &[signature(&url)]);
}

#[test]
fn errors_hide_what_they_are_about() {
    let url = s3_url(&Grant::read("photos", "cat.jpg"), at(0));
    let text = url.expose();
    let record = AuditRecord::from_json(text).unwrap_err();
    let chain = Chain::new().check(text).unwrap_err();
    let fingerprint = text.parse::<valet_key::token::Fingerprint>().unwrap_err();
    let issuer = Issuer::new((), unbounded, Unlimited, MemorySink::new(9), at(0));
    let (jane, grant) = (subject("jane"), Grant::read("photos", "cat.jpg"));
    let over = Issuer::new((), unbounded, Unlimited, MemorySink::new(0), at(0));
    let failure = over.authorise(&Ask::new(&jane, &grant)).unwrap().complete(url.clone()).unwrap_err();
    let failed = issuer.authorise(&Ask::new(&jane, &grant)).unwrap().fail(IssueError::TimeOverflow);
    for text in [
        format!("{record} {record:?} {chain} {chain:?} {fingerprint} {fingerprint:?}"),
        format!("{failure} {failure:?} {failed} {failed:?}"),
    ] {
        hides(&text, &[signature(&url)]);
    }
}
