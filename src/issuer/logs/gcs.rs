//! Usage logs of Cloud Storage.
//!
//! Source: Cloud Storage documentation, "Usage logs & storage logs", "Access and storage log format".

use super::{LONGEST, LONGEST_TARGET, LogEntry, LogSource, NotALogLine, Traces, address, said, status};
use crate::clock::Timestamp;
use alloc::{string::String, vec::Vec};

const fn not(why: &'static str) -> NotALogLine {
    NotALogLine { log: "the usage log of Cloud Storage", why }
}

impl LogEntry {
    /// Reads a line of a usage log of Cloud Storage: comma-separated values with the 17 fields `time_micros` to `cs_object`, in
    /// the order in which they are documented. The first line of a file, which names them, is no entry.
    ///
    /// These logs show parameters and no headers. So a token is told by its fingerprint; the id that a signed URL carries as
    /// `x-goog-custom-audit-request-id` is in Cloud Audit Logs.
    ///
    /// # Errors
    /// [`NotALogLine`] for a line of more than 64 KiB, with a control character, with fewer fields, or with one that cannot be
    /// read.
    pub fn gcs_usage(line: &str) -> Result<Self, NotALogLine> {
        if line.len() > LONGEST {
            return Err(not("it is longer than 64 KiB"));
        }
        if line.chars().any(char::is_control) {
            return Err(not("it holds a control character"));
        }
        let fields = values(line)?;
        let [micros, caller, _, _, _, uri, code, _, _, _, _, _, _, id, operation, _, _, ..] = fields.as_slice() else {
            return Err(not("a field is missing"));
        };
        if uri.len() > LONGEST_TARGET {
            return Err(not("its URI is too long"));
        }
        let traces = Traces::read(uri, "x-request-id", None);
        Ok(Self {
            source: LogSource::GcsUsage,
            at: time(micros).ok_or(not("its time cannot be read"))?,
            operation: said(operation, "").ok_or(not("it names no operation"))?,
            status: status(code),
            client_address: address(caller),
            provider_id: said(id, ""),
            request_id: traces.request_id,
            fingerprint: traces.fingerprint,
            target: Some(traces.target).filter(|target| !target.is_empty()),
        })
    }
}

/// Microseconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    let is_number = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let micros: i64 = text.parse().ok().filter(|_| is_number)?;
    Timestamp::from_unix(micros / 1_000_000).ok()
}

/// Values between commas, in quotes that are doubled within.
///
/// Source: RFC 4180.
fn values(line: &str) -> Result<Vec<String>, NotALogLine> {
    /// More than there ever were.
    const MOST: usize = 64;
    let (mut values, mut rest) = (Vec::new(), Some(line));
    while let Some(mut left) = rest {
        if values.len() >= MOST {
            return Err(not("it has too many fields"));
        }
        let mut value = String::new();
        let mut is_quoted = false;
        while let Some(quoted) = left.strip_prefix('"') {
            // Two quotes in a row are one that belongs to the value.
            if is_quoted {
                value.push('"');
            }
            let (piece, behind) = quoted.split_once('"').ok_or(not("a quote does not end"))?;
            value.push_str(piece);
            (is_quoted, left) = (true, behind);
        }
        let (plain, behind) = match left.split_once(',') {
            Some((plain, behind)) => (plain, Some(behind)),
            None => (left, None),
        };
        if plain.contains('"') || (is_quoted && !plain.is_empty()) {
            return Err(not("a quote is within a field, or something behind it"));
        }
        value.push_str(plain);
        values.push(value);
        rest = behind;
    }
    Ok(values)
}
