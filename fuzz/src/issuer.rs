//! Lines that an issuer reads: those of the logs of the clouds, and its own records.

use valet_key::{
    grant::RequestId,
    issuer::{
        AuditRecord, Chain,
        logs::{LogEntry, NotALogLine},
    },
    token::Fingerprint,
};

/// In the right form; no eight of its digits in a row are anywhere else.
const SIGNATURE: &str = "5e1d0c1c6ad1fcb5a0a19b7f2e8d4c6350718293a4b5c6d7e8f90123456789ab";

type Read = fn(&str) -> Result<LogEntry, NotALogLine>;

const LOGS: [Read; 4] = [LogEntry::s3_access, LogEntry::azure_resource, LogEntry::azure_classic, LogEntry::gcs_usage];

/// A line of each log for a request of this target.
fn lines(target: &str) -> [String; 4] {
    let entities = target.replace('&', "&amp;");
    [
        format!("o b [14/Nov/2023:22:14:15 +0000] 192.0.2.3 r ID REST.GET.OBJECT k \"GET {target} HTTP/1.1\" 200 - 1"),
        format!(
            "{{\"time\":\"2023-11-14T22:14:15Z\",\"operationName\":\"GetBlob\",\"statusCode\":200,\"uri\":\"{target}\"}}"
        ),
        format!(
            "1.0;2023-11-14T22:14:15Z;GetBlob;S;200;8;6;sas;;a;blob;\"{entities}\";\"k\";ID;0;192.0.2.3:1{}",
            ";".repeat(14)
        ),
        format!("\"1700000055000000\",\"192.0.2.3\",,,GET,\"{target}\",200,,,,,,,ID,GET_Object,b,k"),
    ]
}

fn is_bounded(entry: &LogEntry) -> bool {
    let texts = [Some(&entry.operation), entry.provider_id.as_ref(), entry.target.as_ref()];
    let id = entry.request_id.as_deref();
    texts.into_iter().flatten().all(|text| text.len() <= 1027) && id.is_none_or(|id| RequestId::new(id).is_ok())
}

/// The first line is read as one of each log. The rest, as far as it can be a target, goes into a line of each log with a
/// signature behind it: every log tells the same token of it, and shows no part of the signature.
///
/// # Panics
/// If it does not hold.
pub fn log_line(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    for read in LOGS {
        if let Ok(entry) = read(line) {
            assert!(is_bounded(&entry), "{entry:?}");
        }
    }
    let target: String = rest.chars().filter(|c| c.is_ascii_graphic() && !"\"\\<>".contains(*c)).take(4000).collect();
    let target = format!("/{target}{}X-Amz-Signature={SIGNATURE}", if target.contains('?') { '&' } else { '?' });
    let expected = Fingerprint::of(&target);
    let mut ids = Vec::new();
    for (read, line) in LOGS.into_iter().zip(lines(&target)) {
        let entry = read(&line).unwrap_or_else(|error| panic!("{error} in {line}"));
        assert!(is_bounded(&entry) && entry.was_accepted(), "{entry:?}");
        assert_eq!(entry.fingerprint, expected, "{line}");
        let shown = format!("{entry:?}").to_ascii_lowercase();
        let is_elsewhere = |part: &[u8]| rest.as_bytes().windows(part.len()).any(|it| it.eq_ignore_ascii_case(part));
        for part in SIGNATURE.as_bytes().windows(16).filter(|part| !is_elsewhere(part)) {
            assert!(!shown.as_bytes().windows(16).any(|it| it == part), "{shown}");
        }
        ids.push(entry.request_id);
    }
    // One is named alike in S3 and Cloud Storage.
    assert_eq!(ids[0], ids[3]);
}

/// A line that is a record is the same record when it is written and read again, alone and as the first of a chain.
///
/// # Panics
/// If it does not hold.
pub fn audit_record(data: &[u8]) {
    let Ok(line) = core::str::from_utf8(data) else { return };
    let record = AuditRecord::from_json(line);
    let chained = Chain::new().check(line);
    if let Ok(chained) = &chained {
        assert_eq!(record.as_ref(), Ok(chained));
    }
    let Ok(record) = record else { return };
    let written = record.to_json();
    assert!(written.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    assert_eq!(AuditRecord::from_json(&written).as_ref(), Ok(&record));
    let mut chain = Chain::new();
    let line = chain.append(&record);
    let mut read = Chain::new();
    assert_eq!(read.check(&line), Ok(record));
    assert_eq!(read, chain);
}
