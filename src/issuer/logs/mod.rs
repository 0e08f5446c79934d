//! What the logs of the clouds say about the use of a token, and which record it belongs to.
//!
//! ```text
//! line ──LogEntry::{s3_access, azure_resource, azure_classic, gcs_usage}──▶ LogEntry
//! (AuditRecords, LogEntry) ──Join::find──▶ Match
//! ```
//!
//! ```
//! use valet_key::issuer::logs::LogEntry;
//!
//! let line = concat!(
//!     "79a5 photos [06/Feb/2026:00:01:57 +0000] 192.0.2.3 79a5 DD6CC733AEXAMPLE REST.GET.OBJECT cat.jpg ",
//!     "\"GET /cat.jpg?x-request-id=req-8f2c&X-Amz-Signature=5e1d0c1c6ad1fcb5a0a15e1d0c1c6ad1 HTTP/1.1\" ",
//!     "200 - 4406 4406 41 28 \"-\" \"curl/8.5\" - host= SigV4 TLS_AES_128_GCM_SHA256 QueryString ",
//!     "photos.s3.eu-west-1.amazonaws.com TLSv1.3 - - eu-west-1",
//! );
//! let entry = LogEntry::s3_access(line)?;
//! assert_eq!(entry.request_id.as_deref(), Some("req-8f2c"));
//! assert_eq!(entry.target.as_deref(), Some("/cat.jpg?x-request-id=req-8f2c&X-Amz-Signature=REDACTED"));
//! # Ok::<(), valet_key::issuer::logs::NotALogLine>(())
//! ```
//!
//! A line of a log can hold a token that is still good. An entry keeps its fingerprint and no more of it.
//!
//! What a log says of a request that was [refused](LogEntry::was_accepted) is what the client wrote, and proves nothing.

mod azure;
mod gcs;
mod join;
mod s3;

pub use self::join::{Join, Match};

use super::record::text;
use crate::{clock::Timestamp, encode, grant::is_request_id, token::Fingerprint};
use alloc::string::String;
use core::net::{IpAddr, SocketAddr};

/// The longest line that is read, in bytes.
const LONGEST: usize = 64 << 10;
/// The longest target of a request in it.
const LONGEST_TARGET: usize = 32 << 10;

/// Which log an entry is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogSource {
    /// Server access logs of S3.
    S3Access,
    /// Resource logs of Azure Storage in Azure Monitor.
    AzureResource,
    /// Logs of Azure Storage Analytics.
    AzureClassic,
    /// Usage logs of Cloud Storage.
    GcsUsage,
}

/// The line is not one of that log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a line of {log}: {why}")]
pub struct NotALogLine {
    log: &'static str,
    why: &'static str,
}

/// One use of a token, or of something else, as a log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Which log it is from.
    pub source: LogSource,
    /// When the request came, or in logs of Cloud Storage when it was done.
    pub at: Timestamp,
    /// What was done, in the words of the log: `REST.GET.OBJECT`, `GetBlob`, `GET_Object`.
    pub operation: String,
    /// The HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// Where the request came from.
    pub client_address: Option<IpAddr>,
    /// The id that the provider gave the request.
    pub provider_id: Option<String>,
    /// The id that its token was given: [`RequestId`](crate::grant::RequestId).
    pub request_id: Option<String>,
    /// The name of its token, where the log shows the signature.
    pub fingerprint: Option<Fingerprint>,
    /// What was asked for, without secrets.
    pub target: Option<String>,
}

impl LogEntry {
    /// Whether the provider accepted the request, so that its signature was right: its status is below 400.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }
}

/// What a target tells of its token.
struct Traces {
    request_id: Option<String>,
    fingerprint: Option<Fingerprint>,
    target: String,
}

impl Traces {
    /// Reads a target, with the parameter of the request id and another one that has to be there for it to count.
    fn read(target: &str, id: &str, beside: Option<&str>) -> Self {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let request_id = only(query, id).filter(|_| beside.is_none_or(|name| only(query, name).is_some()));
        let request_id = request_id.and_then(encode::decode).filter(|id| is_request_id(id));
        Self { request_id, fingerprint: Fingerprint::of(target), target: text(target) }
    }
}

/// The value of a parameter that is there once.
fn only<'q>(query: &'q str, wanted: &str) -> Option<&'q str> {
    let mut values = query.split('&').filter_map(|param| match param.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case(wanted) => Some(value),
        _ => None,
    });
    values.next().filter(|_| values.next().is_none())
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// A status of three digits.
fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| text.len() == 3 && (100..=599).contains(status))
}

/// What a field says, if it says something.
fn said(field: &str, nothing: &str) -> Option<String> {
    (!field.is_empty() && field != nothing).then(|| text(field))
}
