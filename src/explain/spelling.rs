//! How two spellings of one text differ.

use super::Cause;
use crate::encode;
use alloc::{borrow::Cow, string::String, vec::Vec};

/// What turned one percent-encoded text into the other, if it is one of the known ways.
pub(super) fn of_encoded(ours: &str, theirs: &str) -> Option<Cause> {
    if as_blank(ours) == as_blank(theirs) && (has_plus(ours) || has_plus(theirs)) {
        return Some(Cause::PlusForBlank);
    }
    if upper_escapes(ours) == upper_escapes(theirs) {
        return Some(Cause::LowerCaseEscapes);
    }
    if is_escaped_again(ours, theirs) || is_escaped_again(theirs, ours) {
        return Some(Cause::EncodedTwice);
    }
    let same = encode::decode(ours).is_some_and(|decoded| Some(decoded) == encode::decode(theirs));
    same.then_some(Cause::EscapedDifferently)
}

/// Whether `twice` is `once` with its escapes escaped again.
pub(super) fn is_escaped_again(once: &str, twice: &str) -> bool {
    once.contains('%') && twice.contains("%25") && twice.replace("%25", "%") == once
}

/// All ways to write a blank or a plus sign as one.
fn as_blank(text: &str) -> String {
    text.replace("%20", " ").replace("%2B", " ").replace("%2b", " ").replace('+', " ")
}

/// The text that all spellings of it come to.
pub(super) fn skeleton(text: &str) -> String {
    let text = as_blank(text).replace("%25", "%");
    as_blank(&encode::decode(&text).unwrap_or(text))
}

fn has_plus(text: &str) -> bool {
    text.contains('+') || text.contains("%2B") || text.contains("%2b")
}

fn upper_escapes(text: &str) -> Vec<u8> {
    let mut left = 0;
    text.bytes()
        .map(|byte| {
            let is_digit = left > 0;
            left = if byte == b'%' { 2 } else { left.max(1) - 1 };
            if is_digit { byte.to_ascii_uppercase() } else { byte }
        })
        .collect()
}

/// What turned one path into the other.
pub(super) fn of_path(ours: &str, theirs: &str) -> Cause {
    if let Some(cause) = of_encoded(ours, theirs) {
        return cause;
    }
    if ours.trim_end_matches('/') == theirs.trim_end_matches('/') {
        return if merged(ours) == merged(theirs) { Cause::SlashesMerged } else { Cause::TrailingSlash };
    }
    if merged(ours) == merged(theirs) {
        return Cause::SlashesMerged;
    }
    let has_dots = |path: &str| path.split('/').any(|segment| segment == "." || segment == "..");
    if (has_dots(ours) || has_dots(theirs)) && folded(ours) == folded(theirs) {
        return Cause::DotSegmentsFolded;
    }
    if without_prefix(ours, theirs).or_else(|| without_prefix(theirs, ours)).is_some() {
        return Cause::PathPrefix;
    }
    Cause::Path
}

/// What stands before `short` in `long`, if that is whole segments.
pub(super) fn without_prefix<'a>(long: &'a str, short: &str) -> Option<&'a str> {
    let prefix = long.strip_suffix(short)?;
    (short.starts_with('/') && prefix.len() > 1).then_some(prefix)
}

fn merged(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !text.ends_with('/') {
            text.push(c);
        }
    }
    text
}

fn folded(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            ".." => drop(segments.pop()),
            "." | "" => {}
            segment => segments.push(segment),
        }
    }
    segments
}

/// What turned one host into the other.
pub(super) fn of_host(ours: &str, theirs: &str) -> Cause {
    let name = |host: &str| -> String {
        let host = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        host.map(|(name, _)| name.to_ascii_lowercase()).unwrap_or_default()
    };
    let spelled = |host: &str| host.to_ascii_lowercase().trim_end_matches('.').into();
    let (ours_spelled, theirs_spelled): (String, String) = (spelled(ours), spelled(theirs));
    if ours_spelled == theirs_spelled {
        return Cause::HostSpelling;
    }
    let (ours_name, theirs_name) = (name(ours), name(theirs));
    let bare = |name: String, spelled: String| if name.is_empty() { spelled } else { name };
    if bare(ours_name, ours_spelled) == bare(theirs_name, theirs_spelled) {
        return Cause::PortInHost;
    }
    Cause::HostChanged
}

/// What turned the value of a header into the other.
pub(super) fn of_header(name: &str, ours: &str, theirs: &str) -> Cause {
    let is_token = name.ends_with("-token");
    let encoded = of_encoded(ours, theirs);
    match name {
        "host" => of_host(ours, theirs),
        "content-type" => Cause::ContentType,
        "content-length" | "x-amz-decoded-content-length" => Cause::ContentLength,
        "date" | "x-amz-date" | "x-goog-date" | "x-ms-date" => Cause::DateChanged,
        "x-amz-content-sha256" | "x-goog-content-sha256" => of_payload(ours, theirs),
        "content-encoding" if ours.contains("aws-chunked") != theirs.contains("aws-chunked") => Cause::ChunkedReframing,
        _ if is_token && encoded == Some(Cause::EncodedTwice) => Cause::TokenEncodedTwice,
        _ if is_token => Cause::TokenChanged,
        _ if without_blanks(ours) == without_blanks(theirs) => Cause::HeaderBlanks,
        _ if ours.eq_ignore_ascii_case(theirs) => Cause::HeaderCase,
        _ => encoded.unwrap_or(Cause::HeaderChanged),
    }
}

fn without_blanks(text: &str) -> Cow<'_, str> {
    if text.contains([' ', '\t']) { text.replace([' ', '\t'], "").into() } else { text.into() }
}

/// What turned one payload line into the other.
pub(super) fn of_payload(ours: &str, theirs: &str) -> Cause {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let either = |test: &dyn Fn(&str) -> bool| test(ours) || test(theirs);
    if either(&|line| line.starts_with("STREAMING-")) {
        Cause::ChunkedReframing
    } else if either(&|line| line == "UNSIGNED-PAYLOAD") {
        Cause::UnsignedPayload
    } else if ours == EMPTY {
        Cause::EmptyPayload
    } else {
        Cause::PayloadHash
    }
}
