//! What of a signed text may be shown. What is not known to be harmless is described by its length.

use crate::redact::redact;
use alloc::{format, string::String};

/// The longest text that is shown, in characters.
const SHOWN: usize = 120;
/// How much of it stands before the first difference.
const BEFORE: usize = 40;

/// Fields whose values hold no secret: those of the protocols, and headers that every server logs.
const HARMLESS: &[&str] = &[
    "method",
    "path",
    "signed headers",
    "payload",
    "algorithm",
    "date",
    "scope date",
    "region",
    "service",
    "terminator",
    "canonicalized resource",
    "account",
    "snapshot",
    "lines",
    "line",
    "host",
    "content-type",
    "content-length",
    "content-md5",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "user-agent",
    "accept",
    "accept-encoding",
    "via",
    "verb",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-acl",
    "x-amz-decoded-content-length",
    "x-amz-storage-class",
    "x-goog-date",
    "x-goog-algorithm",
    "x-goog-credential",
    "x-goog-expires",
    "x-goog-signedheaders",
    "x-goog-content-sha256",
    "x-goog-content-length-range",
    "x-goog-resumable",
    "x-goog-acl",
    "x-ms-date",
    "x-ms-version",
    "x-ms-blob-type",
    "x-id",
    "prefix",
    "delimiter",
    "partnumber",
    "list-type",
    "response-content-type",
    "response-content-disposition",
    "response-cache-control",
    "response-content-encoding",
    "response-content-language",
    "response-expires",
    "sv",
    "ss",
    "srt",
    "sp",
    "st",
    "se",
    "sip",
    "spr",
    "ses",
    "sr",
    "si",
    "sdd",
    "tn",
    "rscc",
    "rscd",
    "rsce",
    "rscl",
    "rsct",
    "skoid",
    "sktid",
    "skt",
    "ske",
    "sks",
    "skv",
    "scid",
    "comp",
    "restype",
];

/// The name of a field, as it may be shown.
pub(super) fn name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.; ".contains(&byte);
    if !name.is_empty() && name.len() <= 40 && name.bytes().all(plain) {
        return name.into();
    }
    format!("[a name of {} bytes]", name.len())
}

/// The value of a field, as it may be shown, from a little before the first byte that differs from `other`.
pub(super) fn value(field: &str, text: &str, other: &str) -> String {
    if !HARMLESS.iter().any(|known| known.eq_ignore_ascii_case(field)) {
        return format!("[{} bytes]", text.len());
    }
    // Where a query has slipped into the path of a request, its secrets have come with it.
    let (shown, other) = (redact(text), redact(other));
    let same = shown.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    let start = same.saturating_sub(BEFORE);
    let mut result = String::new();
    if start > 0 {
        result.push('…');
    }
    result.extend(shown.chars().skip(start).take(SHOWN).flat_map(char::escape_debug));
    if shown.chars().nth(start.saturating_add(SHOWN)).is_some() {
        result.push('…');
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_as_a_secret_is_not_shown() {
        for text in ["/a?X-Amz-Signature=abcdef", "x-amz-security-token:abcdef", "/a?s%69g=abcdef", "/a?s%2569g=abcdef"]
        {
            assert!(!value("path", text, "").contains("abcdef"), "{text}");
        }
        assert_eq!(value("x-amz-meta-a", "abcdef", ""), "[6 bytes]");
        assert_eq!(value("path", "/a%20b", "/a+b"), "/a%20b");
        assert_eq!(value("host", "a\nb\u{1b}", ""), "a\\nb\\u{1b}");
        assert!(value("path", &"ä".repeat(1000), "").len() < 300);
        assert_eq!(name("x-id"), "x-id");
        assert_eq!(name("\u{1b}[2J"), "[a name of 4 bytes]");
    }
}
