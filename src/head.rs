//! The header lines of a request, looked at before anything is done with them.

use crate::{
    encode,
    error::VerifyError,
    scan,
    target::is_method,
    view::{HeaderLine, Limits, RequestView},
};

/// The lines, if there are not too many, behind a method that is one.
pub(crate) fn lines<'r>(view: &RequestView<'r>, limits: &Limits) -> Result<&'r [HeaderLine<'r>], VerifyError> {
    let lines = view.headers();
    if lines.len() > limits.header_lines {
        return Err(VerifyError::TooLarge { what: "header lines", found: lines.len(), limit: limits.header_lines });
    }
    if !is_method(view.method()) {
        return Err(VerifyError::Malformed { what: "method", why: "it must be 1 to 32 letters" });
    }
    Ok(lines)
}

/// Holds one line to its size and to what a line may hold.
#[inline]
pub(crate) fn check_line(name: &str, value: &[u8], limits: &Limits) -> Result<(), VerifyError> {
    let not_in_name = |eight| scan::not_graphic(eight) | scan::equal(eight, b':');
    if name.is_empty() || scan::first(name.as_bytes(), not_in_name).is_some() {
        return Err(VerifyError::Malformed { what: "header name", why: "it must be visible ASCII" });
    }
    if name.len().max(value.len()) > limits.header_value {
        let name_is_too_long = name.len() > limits.header_value;
        let (what, found) = if name_is_too_long { ("header name", name.len()) } else { ("header value", value.len()) };
        return Err(VerifyError::TooLarge { what, found, limit: limits.header_value });
    }
    let has_control = scan::first(value, scan::below_blank).is_some();
    if has_control && encode::any(value, |byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(VerifyError::Malformed { what: "header value", why: "it holds CR, LF or NUL" });
    }
    Ok(())
}

/// The one `Host`, given the last one and how many there are.
pub(crate) fn host(last: Option<&[u8]>, count: usize) -> Result<&str, VerifyError> {
    core::str::from_utf8(host_bytes(last, count)?).map_err(|_| NO_HOST)
}

const NO_HOST: VerifyError = VerifyError::FieldForm { field: "Host", expected: "a host with an optional port" };

/// The same as bytes, which are visible ASCII.
pub(crate) fn host_bytes(last: Option<&[u8]>, count: usize) -> Result<&[u8], VerifyError> {
    let Some(host) = last.filter(|_| count == 1) else {
        return Err(VerifyError::FieldCount { field: "Host", found: count });
    };
    let host = trimmed(host);
    if host.is_empty() || scan::first(host, scan::not_graphic).is_some() {
        return Err(NO_HOST);
    }
    Ok(host)
}

/// Whether two header names are the same. Most of them arrive in lower case, which is what they are compared with.
#[inline]
pub(crate) fn is_same_name(left: &str, right: &str) -> bool {
    left.len() == right.len() && (left == right || left.eq_ignore_ascii_case(right))
}

/// A header value without the blanks and tabs around it: the white space of HTTP, and no other.
pub(crate) fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(first) = value.iter().position(|byte| !blank(byte)) else { return &[] };
    let last = value.iter().rposition(|byte| !blank(byte)).unwrap_or(first);
    value.get(first..=last).unwrap_or_default()
}
