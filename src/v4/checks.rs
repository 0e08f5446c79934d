//! What may be part of a request at all, whoever signs it.

use super::Dialect;
use crate::{encode, error::IssueError, scan, target::is_method};

/// Headers that proxies and HTTP stacks write or change.
///
/// Source: AWS Common Runtime (aws-c-auth), and IAM User Guide, "Create a signed AWS API request".
const NEVER_SIGNED: [&str; 14] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

pub(crate) fn check_method(method: &str) -> Result<(), IssueError> {
    if is_method(method) {
        Ok(())
    } else {
        Err(IssueError::Invalid { what: "method", why: "it must be 1 to 32 letters" })
    }
}

pub(crate) fn check_header<D: Dialect>(name: &str, value: &[u8], reserved: &[&str]) -> Result<(), IssueError> {
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    if !is_header_name::<D>(name) {
        return Err(IssueError::Invalid { what: "header name", why: "it must be letters, digits, `-`, `_` or `.`" });
    }
    if reserved.iter().any(is) {
        return Err(IssueError::Reserved { name: name.into() });
    }
    if NEVER_SIGNED.iter().any(is) {
        return Err(IssueError::NeverSigned { name: name.into() });
    }
    if encode::any(value, |byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(IssueError::Invalid { what: "header value", why: "it holds CR, LF or NUL" });
    }
    Ok(())
}

fn is_header_name<D: Dialect>(name: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') || (D::SLASH_IN_HEADER_NAMES && byte == b'/')
    };
    !name.is_empty() && !encode::any(name.as_bytes(), |byte| !plain(byte))
}

/// Whether this names a region or a service: letters, digits, `-` and `_`.
pub(crate) fn is_name(text: &str, longest: usize) -> bool {
    let to_look_at = |eight| scan::unusual(eight) | scan::equal(eight, b'.');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=longest).contains(&text.len())
        && (scan::first(text.as_bytes(), to_look_at).is_none() || text.bytes().all(is_plain))
}

/// Whether this names a key: visible ASCII without the `/` that ends it in a credential.
pub(crate) fn is_key_id(text: &str, longest: usize) -> bool {
    let not_in_id = |eight| scan::not_graphic(eight) | scan::equal(eight, b'/');
    (1..=longest).contains(&text.len()) && scan::first(text.as_bytes(), not_in_id).is_none()
}

/// A part number of a multipart upload.
pub(crate) fn check_part(number: u16) -> Result<(), IssueError> {
    if (1..=10_000).contains(&number) {
        return Ok(());
    }
    Err(IssueError::Invalid { what: "part number", why: "it must be 1 to 10000" })
}

/// An id that the service gave out, of a version or an upload. An empty one would make another request of it, on
/// servers that take an empty parameter for none.
pub(crate) fn check_id(what: &'static str, id: &str) -> Result<(), IssueError> {
    if (1..=1024).contains(&id.len()) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    Err(IssueError::Invalid { what, why: "it must be 1 to 1024 bytes without control characters" })
}
