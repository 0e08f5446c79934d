//! Records as lines: written, read back, chained, and broken in any way.

use super::{Office, REGION, at, s3_key, s3_url, subject};
use proptest::prelude::*;
use std::{io, sync::Arc};
use valet_key::{
    aws::{
        SigV4,
        auth_token::Login,
        sqs::{MessageRequest, Queue},
    },
    grant::Grant,
    issuer::{
        Ask, AuditRecord, AuditSink, Bearer, BrokenChain, Chain, Issuer, JsonLines, MemorySink, Subject, Unlimited,
        unbounded,
    },
};

/// The record of a request for anything.
fn record(user: &str, container: &str, name: &str, id: &str) -> AuditRecord {
    let sink = Arc::new(MemorySink::new(1));
    let issuer = Issuer::new((), unbounded, Unlimited, sink.clone(), at(0));
    let grant = Grant::read(container, name).version(id).request_id(id);
    drop(issuer.authorise(&Ask::new(&Subject::new("t", user).unwrap(), &grant).session(id)).unwrap());
    sink.records().remove(0)
}

fn records(count: usize) -> Vec<AuditRecord> {
    (0..count).map(|number| record("jane", "photos", &format!("cat-{number}.jpg"), "id")).collect()
}

fn check(lines: &[String]) -> Result<Chain, BrokenChain> {
    let mut chain = Chain::new();
    lines.iter().try_for_each(|line| chain.check(line).map(drop))?;
    Ok(chain)
}

#[test]
fn a_record_is_one_line_of_json_that_other_readers_read() {
    let office = Office::new();
    let grant = Grant::read("photos", "caf\u{e9} \"1\"\n.jpg").request_id("req-1");
    let issued = office.issuer.issue(&Ask::new(&subject("jane"), &grant).session("s-1")).unwrap();
    let line = office.sink.records()[0].to_json();
    assert!(line.is_ascii() && !line.contains('\n'));
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (member, value) in [
        ("at", "2023-11-14T22:13:20Z"),
        ("outcome", "issued"),
        ("tenant", "acme"),
        ("user", "jane"),
        ("session", "s-1"),
        ("request_id", "req-1"),
        ("container", "photos"),
        ("kind", "object"),
        ("name", "caf\u{e9} \"1\"\n.jpg"),
        ("classification", "confidential"),
        ("form", "s3_url"),
        ("key_id", "AKIAIOSFODNN7EXAMPLE"),
        ("expires_at", "2023-11-14T22:28:20Z"),
        ("fingerprint", &issued.fingerprint().to_string()),
    ] {
        assert_eq!(json[member], value, "{member}");
    }
    assert_eq!(
        (json["schema"].as_u64(), json["lifetime"].as_u64(), json["count"].as_u64()),
        (Some(1), Some(900), Some(1))
    );
    assert_eq!(json["actions"], serde_json::json!(["read"]));
    assert_eq!(AuditRecord::from_json(&line).unwrap(), office.sink.records()[0]);
}

#[test]
fn what_is_no_record_is_refused() {
    let line = records(1)[0].to_json();
    assert!(AuditRecord::from_json(&line).is_ok());
    for other in [
        String::new(),
        "{}".into(),
        "[]".into(),
        format!("{line} {line}"),
        line.replace("\"schema\":1", "\"schema\":2"),
        line.replace("\"schema\":1", "\"schema\":\"1\""),
        line.replace("\"schema\":1", "\"schema\":1.0"),
        line.replace("\"schema\":1,", ""),
        line.replace("\"at\"", "\"when\""),
        line.replace("\"outcome\":\"abandoned\"", "\"outcome\":\"lost\""),
        line.replace("\"user\":\"jane\"", "\"user\":7"),
        line.replace("\"user\":\"jane\"", "\"user\":\"jane\",\"user\":\"jane\""),
        line.replace("\"user\":\"jane\"", "\"user\":\"jane\",\"mood\":\"good\""),
        line.replace("\"user\":\"jane\"", &format!("\"user\":\"{}\"", "j".repeat(2000))),
        line.replace("\"actions\":[\"read\"]", "\"actions\":[7]"),
        line.replace("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.0Z"),
        line.replace("2023-11-14T22:13:20Z", "2023-11-14"),
        line.replace("\"count\":1", "\"count\":-1"),
        line.replace("\"count\":1", "\"count\":1,\"fingerprint\":\"abc\""),
        line.replace("\"count\":1", "\"count\":1,\"client_address\":\"here\""),
        format!("{line}{}", " ".repeat(64 << 10)),
    ] {
        assert_ne!(other, line);
        let error = AuditRecord::from_json(&other).expect_err(&other);
        assert!(!error.to_string().contains("jane"));
    }
}

#[test]
fn every_change_of_a_chain_shows() {
    let mut chain = Chain::new();
    let lines: Vec<String> = records(5).iter().map(|record| chain.append(record)).collect();
    assert_eq!(check(&lines), Ok(chain));
    assert_eq!(chain.count(), 5);
    for at in 0..4 {
        let mut changed = lines.clone();
        changed[at] = changed[at].replace("jane", "joe");
        let next = u64::try_from(at).unwrap() + 2;
        assert_eq!(check(&changed), Err(BrokenChain::Previous { line: next }), "changed");
        let mut removed = lines.clone();
        removed.remove(at);
        assert_eq!(check(&removed), Err(BrokenChain::Sequence { line: next - 1 }), "removed");
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert_eq!(check(&swapped), Err(BrokenChain::Sequence { line: next - 1 }), "swapped");
        let mut twice = lines.clone();
        twice.insert(at, lines[at].clone());
        assert_eq!(check(&twice), Err(BrokenChain::Sequence { line: next }), "twice");
    }
    // The last line, and lines that are cut off, show in the head alone.
    let mut changed = lines.clone();
    changed[4] = changed[4].replace("jane", "joe");
    assert_ne!(check(&changed).unwrap(), chain);
    assert_ne!(check(&lines[..4]).unwrap(), chain);
    assert!(matches!(check(&["{}".into()]), Err(BrokenChain::Line { line: 1, .. })));
    assert!(matches!(check(&[records(1)[0].to_json()]), Err(BrokenChain::Sequence { line: 1 })));
    // What was written elsewhere goes on where it was told to.
    let mut resumed = Chain::resume(5, *chain.head());
    let sixth = resumed.append(&records(1)[0]);
    assert_eq!(chain.check(&sixth).unwrap(), records(1)[0]);
    assert_eq!(chain, resumed);
}

/// Takes so many bytes.
struct Disk(Vec<u8>, usize);

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.1 - self.0.len());
        self.0.extend_from_slice(&bytes[..taken]);
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_of_lines_is_a_chain_and_nothing_follows_a_failure() {
    let sink = JsonLines::chained(Disk(Vec::new(), 2000), Chain::new());
    let records = records(9);
    let kept = records.iter().take_while(|record| sink.append(record).is_ok()).count();
    assert!((2..9).contains(&kept), "{kept}");
    let head = sink.chain().unwrap();
    assert_eq!(head.count(), u64::try_from(kept).unwrap());
    let after = sink.append(&records[0]).unwrap_err();
    assert_eq!(after.to_string(), "the audit record could not be written: a record before it could not be written");
    let file = String::from_utf8(sink.into_inner().0).unwrap();
    let lines: Vec<String> = file.lines().take(kept).map(str::to_owned).collect();
    assert_eq!(check(&lines), Ok(head));

    let plain = JsonLines::new(Vec::new());
    for record in &records {
        plain.append(record).unwrap();
    }
    assert_eq!(plain.chain(), None);
    let file = String::from_utf8(plain.into_inner()).unwrap();
    let read: Vec<AuditRecord> = file.lines().map(|line| AuditRecord::from_json(line).unwrap()).collect();
    assert_eq!(read, records);
}

proptest! {
    /// Whatever names hold, a record is one line, reads back, and is no longer than it may be.
    #[test]
    fn any_record_reads_back(user in "[^\\pC]{1,60}", container in "\\PC{0,2000}", name in ".{0,2000}", id in ".{0,200}") {
        let record = record(&user, &container, &name, &id);
        let line = record.to_json();
        prop_assert!(line.is_ascii() && !line.contains(['\n', '\r']) && line.len() < 64 << 10);
        prop_assert_eq!(AuditRecord::from_json(&line).unwrap(), record.clone());
        let mut chain = Chain::new();
        let chained = chain.append(&record);
        prop_assert_eq!(Chain::new().check(&chained).unwrap(), record);
    }

    #[test]
    fn one_changed_byte_breaks_the_chain(place: proptest::sample::Index, with in 0x20u8..0x7f, count in 2..4usize) {
        let mut chain = Chain::new();
        let mut lines: Vec<String> = records(count).iter().map(|record| chain.append(record)).collect();
        let at = place.index(lines[0].len());
        prop_assume!(lines[0].as_bytes()[at] != with);
        lines[0].replace_range(at..=at, &char::from(with).to_string());
        prop_assert!(check(&lines).is_err());
    }
}

#[test]
fn a_presigned_url_of_another_service_is_not_one_of_s3() {
    let queue = Queue::new("123456789012", "orders", REGION).unwrap();
    let queue = s3_key().presign(&MessageRequest::receive(&queue).in_url().unwrap(), at(0)).unwrap();
    assert_eq!((queue.form(), queue.key_id().as_deref()), ("sqs_request", Some("AKIAIOSFODNN7EXAMPLE")));
    let database = Login::rds("db.example.com", 5432, "jane", REGION).unwrap().issue(&s3_key(), at(0)).unwrap();
    assert_eq!((database.form(), database.key_id().as_deref()), ("aws_presigned_url", Some("AKIAIOSFODNN7EXAMPLE")));
    let object = s3_url(&Grant::read("photos", "cat.jpg"), at(0));
    assert_eq!((object.form(), object.key_id().as_deref()), ("s3_url", Some("AKIAIOSFODNN7EXAMPLE")));
}
