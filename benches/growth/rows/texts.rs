//! Tickets, log lines, records, redaction and explanations.

use super::{Input, Row, now};
use valet_key::explain::{Answer, Signed, explain};
use valet_key::grant::{Actions, Grant, Justification};
use valet_key::issuer::{AuditRecord, logs::LogEntry};
use valet_key::policy::Bounds;
use valet_key::redact::redact_bytes;
use valet_key::secret::Secret;
use valet_key::ticket::{Caveat, Ticket, TicketKey, TicketKeys, TicketRequest};

pub(crate) const ROWS: &[Row] = &[
    ("ticket caveats", 8, |n| {
        let key = || TicketKey::new("k1", &Secret::new([7; 32])).unwrap();
        let ticket =
            TicketRequest::new(&Grant::read("photos", "cat.jpg"), "user-42").issue(&key(), [1; 16], now()).unwrap();
        let narrow = |ticket: Ticket, at: usize| {
            ticket.narrow(Caveat::NotBefore(now().saturating_sub(u32::try_from(64 - at).unwrap())))
        };
        let text = (0..n).fold(ticket, |ticket, at| narrow(ticket, at).unwrap()).expose().to_owned();
        let keys = TicketKeys::new(key());
        Input::new(text.len(), move || assert!(keys.redeem(&text, now()).is_ok()))
    }),
    ("ticket letters", 4_000, |n| {
        let text = format!("vkt1_{}", "AAAA".repeat(n / 4));
        Input::new(text.len(), move || assert!(Ticket::parse(&text).is_err()))
    }),
    ("redact nothing to hide", 20_000, |n| redaction("nothing of the kind ".repeat(n / 20))),
    ("redact names that are almost ones", 20_000, |n| redaction("X-Amz-Signatur=sig sig".repeat(n / 22))),
    ("redact names without a value", 20_000, |n| redaction("X-Amz-Signature=".repeat(n / 16))),
    ("redact a name after the other", 20_000, |n| redaction("sig=sig=".repeat(n / 8))),
    ("redact escapes of escapes", 20_000, |n| redaction(format!("X-Amz-Signature%{}3D", "25".repeat(n / 2)))),
    ("redact one long value", 20_000, |n| redaction(format!("X-Amz-Signature={}", "a".repeat(n)))),
    ("redact blanks behind a name", 20_000, |n| redaction(format!("Authorization:{}", " ".repeat(n)))),
    ("redact quotes", 20_000, |n| redaction("\\\"SecretAccessKey\\\":\\\"".repeat(n / 23))),
    ("redact a key in PEM without an end", 20_000, |n| redaction("-----BEGIN PRIVATE KEY-----\n".repeat(n / 28))),
    ("redact elements", 20_000, |n| redaction("<SessionToken>".repeat(n / 14))),
    ("redact a form without a boundary", 20_000, |n| redaction("name=\"policy\"\r\n\r\n".repeat(n / 17))),
    ("explain long texts", 10_000, |n| {
        let ours = format!("GET\n/{}\n\nhost:a\n\nhost\nUNSIGNED-PAYLOAD", "a".repeat(n));
        explanation(ours.clone(), ours.replace("aaaa\n", "aaab\n"))
    }),
    ("explain many parameters", 1_000, |n| {
        let query = |last: &str| format!("GET\n/k\n{}{last}=1\nhost:a\n\nhost\nUNSIGNED-PAYLOAD", "a=1&".repeat(n));
        explanation(query("a"), query("b"))
    }),
    ("explain escapes", 3_000, |n| {
        let path = |text: &str| format!("GET\n/{}\n\nhost:a\n\nhost\nUNSIGNED-PAYLOAD", text.repeat(n));
        explanation(path("%2F"), path("%252F"))
    }),
    ("explain many lines", 1_000, |n| {
        let lines = |value: &str| {
            let lines: String = (0..n).map(|at| format!("x-amz-meta-{at}:{value}\n")).collect();
            format!("GET\n/k\n\n{lines}\nhost\nUNSIGNED-PAYLOAD")
        };
        explanation(lines("a"), lines("b"))
    }),
    ("explain an answer of elements", 100, |n| {
        let text = format!("<Error><Code>a</Code>{}</Error>", "<a>bbbbbbbbbbbbbbbbbbbb</a>".repeat(n));
        Input::new(text.len(), move || assert!(Answer::parse(&text).is_ok()))
    }),
    ("explain an answer of attributes", 200, |n| {
        let attributes: String = (0..n).map(|at| format!(" a{at}=\"{}\"", "b".repeat(100))).collect();
        let text = format!("<Error{attributes}><Code>a</Code></Error>");
        Input::new(text.len(), move || assert!(Answer::parse(&text).is_ok()))
    }),
    ("explain an answer of entities", 5_000, |n| {
        let text = format!("<Error><Code>a</Code><Message>{}</Message></Error>", "&amp;".repeat(n));
        Input::new(text.len(), move || assert!(Answer::parse(&text).is_ok()))
    }),
    ("log lines of S3", 2_000, |n| {
        log(
            LogEntry::s3_access,
            format!(
                "o b [14/Nov/2023:22:14:15 +0000] 192.0.2.3 r ID REST.GET.OBJECT k \"GET /k?{}X-Amz-Signature=00 HTTP/1.1\" 200 - 1",
                "a=%41&".repeat(n)
            ),
        )
    }),
    ("log lines of Azure", 2_000, |n| {
        log(
            LogEntry::azure_resource,
            format!(
                "{{\"time\":\"2023-11-14T22:14:15Z\",\"operationName\":\"GetBlob\",\"statusCode\":200,\"uri\":\"/k?{}\"}}",
                "a=%41&".repeat(n)
            ),
        )
    }),
    ("log lines of classic Azure", 2_000, |n| {
        log(
            LogEntry::azure_classic,
            format!(
                "1.0;2023-11-14T22:14:15Z;GetBlob;S;200;8;6;sas;;a;blob;\"/k?{}\";\"k\";ID;0;192.0.2.3:1{}",
                "a=%41&amp;".repeat(n),
                ";".repeat(14)
            ),
        )
    }),
    ("log lines of Google", 2_000, |n| {
        log(
            LogEntry::gcs_usage,
            format!(
                "\"1700000055000000\",\"192.0.2.3\",,,GET,\"/k?{}\",200,,,,,,,ID,GET_Object,b,k",
                "a=%41&\"\"".repeat(n)
            ),
        )
    }),
    ("records", 2_000, |n| {
        let line = format!("{{\"a\":[{}1]}}", "{},".repeat(n));
        Input::json(line.len(), move || assert!(AuditRecord::from_json(&line).is_err()))
    }),
    ("bounds", 500, |n| {
        let why = || Justification::new("a test").unwrap();
        let bounds = (0..n)
            .fold(Bounds::new(), |bounds, at| bounds.under("photos", format!("{at:04}/"), Actions::READ).unwrap());
        let grant = Grant::read("photos", "zzzz/cat.jpg").because(why());
        Input::new(n * 5, move || assert!(!bounds.permits(&grant).is_allowed()))
    }),
];

fn redaction(text: String) -> Input {
    Input::new(text.len(), move || drop(redact_bytes(text.as_bytes())))
}

fn explanation(ours: String, theirs: String) -> Input {
    const TO_SIGN: &[u8] = b"AWS4-HMAC-SHA256\n20231114T221320Z\n20231114/eu-west-1/s3/aws4_request\nabc";
    Input::new(ours.len() + theirs.len(), move || {
        let answer = Answer::forms(
            theirs.as_bytes(),
            b"AWS4-HMAC-SHA256\n20231114T221320Z\n20231114/eu-west-1/s3/aws4_request\nabd",
        )
        .unwrap();
        assert!(explain(&Signed::request(ours.as_bytes(), TO_SIGN), &answer).is_ok());
    })
}

fn log(read: fn(&str) -> Result<LogEntry, valet_key::issuer::logs::NotALogLine>, line: String) -> Input {
    Input::new(line.len(), move || assert!(read(&line).is_ok()))
}
