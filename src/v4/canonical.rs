//! The canonical request: every byte of a request that is signed.
//!
//! ```text
//! METHOD \n path \n query \n (name:value \n)* \n signed;headers \n payload
//! ```
//!
//! Signing and verifying both write through [`CanonicalRequest::put`], into a hash when it has to be
//! fast and into a buffer when somebody wants to read it.

use super::Dialect;
pub(crate) use crate::encode::params;
pub(crate) use crate::head::trimmed;
use crate::{
    encode::{self, PlusSign, Recoded, Spelling},
    error::VerifyError,
    head::is_same_name,
    mac::{Sha256, Sink},
    scan::{self, Marks},
    view::{HEADER_LINES_CEILING, HeaderLine, PARAMS_CEILING},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::cmp::Ordering;

/// How the path that is sent becomes the path that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathRule {
    /// As sent: S3 and its kin. An object name is encoded once and never normalised.
    AsSent,
    /// Encoded once more, not normalised.
    EncodedTwice,
    /// Normalised as in RFC 3986 section 5.2.4, with empty segments dropped.
    Normalized,
    /// Normalised, then encoded once more: every AWS service but S3.
    NormalizedEncodedTwice,
}

impl PathRule {
    pub(crate) const fn normalizes(self) -> bool {
        matches!(self, Self::Normalized | Self::NormalizedEncodedTwice)
    }

    pub(crate) const fn encodes_twice(self) -> bool {
        matches!(self, Self::EncodedTwice | Self::NormalizedEncodedTwice)
    }
}

/// The query as it will be signed.
#[derive(Clone, Copy)]
pub(crate) enum Query<'a> {
    /// Canonical where it stands, in up to two pieces that surround the signature.
    Canonical([&'a str; 2]),
    /// Written in another way: decoded, encoded and sorted on the fly.
    Equivalent {
        raw: &'a str,
        /// What is left out: the signature itself, and a session token that was added after signing.
        without: &'static [&'static str],
        /// How a bare `+` is read.
        plus: PlusSign,
    },
}

/// The names of the signed headers, sorted and lower-case, separated by `;` or, in a query, `%3B`.
#[derive(Clone, Copy)]
pub(crate) struct SignedNames<'a> {
    list: &'a str,
    pub(crate) host: bool,
    pub(crate) content_sha256: bool,
    pub(crate) checksum_sha256: bool,
}

impl<'a> SignedNames<'a> {
    /// Takes the list of a peer, unless it is not in the documented form: lower-case names in strictly
    /// ascending order.
    pub(crate) fn parse<D: Dialect>(list: &'a str, field: &'static str, limit: usize) -> Result<Self, VerifyError> {
        const FORM: &str = "lower-case header names in ascending order, each once, separated by `;`";
        if list == "host" && limit > 0 {
            // What most presigned URLs sign, and nothing else.
            return Ok(Self { host: true, ..Self::written(list) });
        }
        let mut names = Self::written(list);
        let (mut before, mut start, mut found) = ("", Some(0), 0usize);
        while let Some(at) = start {
            found = found.saturating_add(1);
            let mut is_plain = true;
            let name;
            (name, start) = name_at(list, at, |byte| {
                is_plain &= byte == b'_' || (D::SLASH_IN_HEADER_NAMES && byte == b'/');
            });
            if name.is_empty() || !is_plain || (found > 1 && name <= before) {
                return Err(VerifyError::FieldForm { field, expected: FORM });
            }
            names.host |= name == "host";
            names.content_sha256 |= name == D::CONTENT_SHA256;
            names.checksum_sha256 |= name == D::CHECKSUM_SHA256;
            before = name;
        }
        if found > limit {
            return Err(VerifyError::TooLarge { what: "signed headers", found, limit });
        }
        Ok(names)
    }

    /// A list that this crate wrote, or that was parsed before: its escapes are separators.
    pub(crate) const fn written(list: &'a str) -> Self {
        Self { list, host: false, content_sha256: false, checksum_sha256: false }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut rest = Some(self.list);
        core::iter::from_fn(move || {
            let list = rest?;
            let end = scan::first(list.as_bytes(), |eight| scan::equal(eight, b';') | scan::equal(eight, b'%'));
            let (name, behind) = list.split_at_checked(end.unwrap_or(list.len()))?;
            rest = behind.strip_prefix(';').or_else(|| behind.get(3..));
            Some(name)
        })
    }

    fn put(self, sink: &mut impl Sink) {
        if !self.list.as_bytes().contains(&b'%') {
            return sink.put(self.list.as_bytes());
        }
        for (at, name) in self.iter().enumerate() {
            if at > 0 {
                sink.put_byte(b';');
            }
            sink.put(name.as_bytes());
        }
    }
}

/// The name of a list that begins at `start`, and where the next one does. Shows `other` each byte of the name that is no
/// lower-case letter, digit, `-` or `.`.
#[inline]
fn name_at(list: &str, start: usize, mut other: impl FnMut(u8)) -> (&str, Option<usize>) {
    let bytes = list.as_bytes();
    for (at, byte) in Marks::of(bytes, start, scan::between_names) {
        let separator = match byte {
            b';' => 1,
            b'%' if matches!(bytes.get(at + 1..at + 3), Some(b"3B" | b"3b")) => 3,
            _ => {
                other(byte);
                continue;
            }
        };
        return (list.get(start..at).unwrap_or_default(), Some(at + separator));
    }
    (list.get(start..).unwrap_or_default(), None)
}

/// Header lines from up to two places, and their order by name.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    sent: &'a [HeaderLine<'a>],
    added: &'a [HeaderLine<'a>],
}

impl<'a> Lines<'a> {
    pub(crate) const fn new(sent: &'a [HeaderLine<'a>], added: &'a [HeaderLine<'a>]) -> Self {
        Self { sent, added }
    }

    fn get(&self, at: u8) -> HeaderLine<'a> {
        let at = usize::from(at);
        self.sent.get(at).or_else(|| self.added.get(at - self.sent.len())).copied().unwrap_or_default()
    }

    /// The lines by lower-case name, those of one name in arrival order.
    #[inline]
    pub(crate) fn sorted(&self) -> Sorted<'a> {
        let count = (self.sent.len() + self.added.len()).min(HEADER_LINES_CEILING);
        let mut sorted = Sorted { lines: *self, order: [0; HEADER_LINES_CEILING], count };
        if count > 1 {
            self.sort(sorted.order.get_mut(..count).unwrap_or_default());
        }
        sorted
    }

    /// Most names differ in their first seven bytes, which are read once and are one number with the place of the line.
    fn sort(&self, order: &mut [u8]) {
        let mut keys = [0u64; HEADER_LINES_CEILING];
        let keys = keys.get_mut(..order.len()).unwrap_or_default();
        let place = |key: u64| (key & 0xff) as u8;
        for (key, at) in keys.iter_mut().zip(0u8..=255) {
            *key = scan::beginning(self.get(at).0.as_bytes()) & !0xff | u64::from(at);
        }
        keys.sort_unstable_by(|left, right| {
            let by_name = || compare_names(self.get(place(*left)).0, self.get(place(*right)).0);
            (left >> 8).cmp(&(right >> 8)).then_with(by_name).then(left.cmp(right))
        });
        for (slot, key) in order.iter_mut().zip(keys) {
            *slot = place(*key);
        }
    }
}

/// See [`Lines::sorted`].
pub(crate) struct Sorted<'a> {
    lines: Lines<'a>,
    /// INVARIANT: no more than 256 lines come here, so that a byte tells each.
    order: [u8; HEADER_LINES_CEILING],
    count: usize,
}

impl<'a> Sorted<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = HeaderLine<'a>> {
        self.order.iter().take(self.count).map(|&at| self.lines.get(at))
    }

    /// Appends the names, each once, lower-case, joined with `;`.
    pub(crate) fn push_names(&self, list: &mut String) {
        let mut before = "";
        for (name, _) in self.iter() {
            if !name.eq_ignore_ascii_case(before) {
                if !before.is_empty() {
                    list.push(';');
                }
                let start = list.len();
                list.push_str(name);
                list.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
            }
            before = name;
        }
    }
}

fn compare_names(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    scan::beginning(left).cmp(&scan::beginning(right)).then_with(|| {
        left.iter().skip(8).map(u8::to_ascii_lowercase).cmp(right.iter().skip(8).map(u8::to_ascii_lowercase))
    })
}

/// Which arriving headers must be signed: every one of the provider's but the one whose value is the
/// payload line itself, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MustSign {
    /// The provider's headers begin like this.
    pub(crate) prefix: &'static str,
    /// The header that carries the payload line.
    pub(crate) content_sha256: &'static str,
    /// A header that may be added after signing.
    pub(crate) unless: Option<&'static str>,
    /// `content-md5`, which storage acts on.
    pub(crate) content_md5: bool,
}

impl MustSign {
    fn applies(self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // SPEC: `x-amzn-*` is another prefix, free to be added by proxies.
        if name.get(..self.prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(self.prefix)) {
            !is(self.content_sha256) && !self.unless.is_some_and(is)
        } else {
            self.content_md5 && is("content-md5")
        }
    }
}

/// The parts of a canonical request.
pub(crate) struct CanonicalRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) path_spelling: Spelling,
    pub(crate) rule: PathRule,
    pub(crate) query: Query<'a>,
    pub(crate) lines: &'a Sorted<'a>,
    pub(crate) signed: SignedNames<'a>,
    pub(crate) must_sign: MustSign,
    pub(crate) payload: &'a [u8],
    /// What is signed in place of the `host` line, where its port is not part of it.
    pub(crate) host: Option<&'a str>,
}

impl CanonicalRequest<'_> {
    /// Writes the canonical request, and holds the arriving headers against the signed list on the way:
    /// both are sorted, so one pass finds what is missing and what is unsigned.
    pub(crate) fn put(&self, sink: &mut impl Sink) -> Result<(), VerifyError> {
        sink.put(self.method.as_bytes());
        sink.put_byte(b'\n');
        put_path(sink, self.path, self.path_spelling, self.rule);
        sink.put_byte(b'\n');
        put_query(sink, self.query);
        self.put_tail(sink)
    }

    /// Everything behind the query, which is the same for many requests of one kind.
    pub(crate) fn put_tail(&self, sink: &mut impl Sink) -> Result<(), VerifyError> {
        sink.put_byte(b'\n');
        self.put_headers(sink)?;
        sink.put_byte(b'\n');
        self.signed.put(sink);
        sink.put_byte(b'\n');
        sink.put(self.payload);
        Ok(())
    }

    fn put_headers(&self, sink: &mut impl Sink) -> Result<(), VerifyError> {
        let unsigned = |name: &str| {
            if self.must_sign.applies(name) { Err(VerifyError::UnsignedHeader { name: shown(name) }) } else { Ok(()) }
        };
        let mut lines = self.lines.iter().peekable();
        for signed in self.signed.iter() {
            let mut here = false;
            while let Some(&(name, value)) = lines.peek() {
                let order = if is_same_name(name, signed) {
                    Ordering::Equal
                } else if here {
                    // Both lists ascend, so whatever follows its lines comes later.
                    break;
                } else {
                    compare_names(name, signed)
                };
                match order {
                    Ordering::Less => unsigned(name)?,
                    Ordering::Equal => {
                        if here {
                            sink.put_byte(b',');
                        } else {
                            sink.put(signed.as_bytes());
                            sink.put_byte(b':');
                            here = true;
                        }
                        match self.host {
                            Some(host) if signed == "host" => sink.put(host.as_bytes()),
                            _ => put_header_value(sink, value),
                        }
                    }
                    Ordering::Greater => break,
                }
                lines.next();
            }
            if !here {
                return Err(VerifyError::SignedHeaderMissing { name: shown(signed) });
            }
            sink.put_byte(b'\n');
        }
        lines.try_for_each(|(name, _)| unsigned(name))
    }

    pub(crate) fn to_vec(&self) -> Result<Vec<u8>, VerifyError> {
        let mut text = Vec::new();
        self.put(&mut text)?;
        Ok(text)
    }

    pub(crate) fn digest(&self) -> Result<[u8; 32], VerifyError> {
        let mut hash = Sha256::new();
        self.put(&mut hash)?;
        Ok(hash.finish())
    }
}

/// A header name for an error: header names are checked to be visible ASCII before they come here.
fn shown(name: &str) -> String {
    name.chars().take(64).map(|c| c.to_ascii_lowercase()).collect()
}

/// Writes the canonical path of a path that is spelled like this.
pub(crate) fn put_path(sink: &mut impl Sink, path: &str, spelling: Spelling, rule: PathRule) {
    let path = if path.is_empty() { "/" } else { path };
    if rule.normalizes() && needs_normalizing(path) {
        put_segments(sink, &normalized(path), spelling, rule);
    } else {
        put_segments(sink, path, spelling, rule);
    }
}

fn put_segments(sink: &mut impl Sink, path: &str, spelling: Spelling, rule: PathRule) {
    if rule.encodes_twice() {
        return encode::put_all(sink, encode::path(path.as_bytes()));
    }
    if spelling == Spelling::Canonical {
        return sink.put(path.as_bytes());
    }
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            sink.put_byte(b'/');
        }
        put_recoded(sink, segment, PlusSign::Plus);
    }
}

fn needs_normalizing(path: &str) -> bool {
    let segments = path.strip_prefix('/').unwrap_or(path);
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    path != "/" && segments.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

/// Drops empty and `.` segments and resolves `..`; a `/` at the end stays.
pub(crate) fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut text = String::with_capacity(path.len());
    for segment in &kept {
        text.push('/');
        text.push_str(segment);
    }
    if kept.is_empty() || path.ends_with('/') {
        text.push('/');
    }
    text
}

fn put_recoded(sink: &mut impl Sink, text: &str, plus: PlusSign) {
    if is_canonical(text) {
        sink.put(text.as_bytes());
    } else {
        Recoded::of(text, plus).for_each(|byte| sink.put_byte(byte));
    }
}

fn is_canonical(text: &str) -> bool {
    encode::spelling(text, None) == Spelling::Canonical
}

fn put_query(sink: &mut impl Sink, query: Query<'_>) {
    match query {
        Query::Canonical([before, after]) => {
            sink.put(before.as_bytes());
            if !before.is_empty() && !after.is_empty() {
                sink.put_byte(b'&');
            }
            sink.put(after.as_bytes());
        }
        Query::Equivalent { raw, without, plus } => put_query_sorted(sink, raw, without, plus),
    }
}

fn put_query_sorted(sink: &mut impl Sink, raw: &str, without: &[&str], plus: PlusSign) {
    let mut sorted = [("", ""); PARAMS_CEILING];
    let mut count = 0;
    let mut all_canonical = true;
    for (slot, param) in sorted.iter_mut().zip(params(raw).filter(|(name, _)| !without.contains(name))) {
        *slot = param;
        count += 1;
        all_canonical = all_canonical && is_canonical(param.0) && is_canonical(param.1);
    }
    let sorted = sorted.get_mut(..count).unwrap_or_default();
    sorted.sort_unstable_by(|left, right| {
        // What is canonical compares as it stands.
        if all_canonical {
            left.cmp(right)
        } else {
            plus.compare(left.0, right.0).then_with(|| plus.compare(left.1, right.1))
        }
    });
    for (at, (name, value)) in sorted.iter().enumerate() {
        if at > 0 {
            sink.put_byte(b'&');
        }
        put_recoded(sink, name, plus);
        sink.put_byte(b'=');
        put_recoded(sink, value, plus);
    }
}

/// Writes a header value without white space around it and with single blanks inside.
pub(crate) fn put_header_value(sink: &mut impl Sink, value: &[u8]) {
    if is_tidy(value) {
        return sink.put(value);
    }
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            sink.put_byte(b' ');
        }
        sink.put(word);
    }
}

/// Whether all white space of a value are single blanks between words.
fn is_tidy(value: &[u8]) -> bool {
    // No blank stands at the beginning, nor behind another one.
    let mut no_blank_at = 0;
    for (at, byte) in Marks::of(value, 0, scan::not_graphic) {
        match byte {
            b' ' if at != no_blank_at && at + 1 != value.len() => no_blank_at = at + 1,
            b' ' | b'\t' => return false,
            _ => {}
        }
    }
    true
}

/// One encoded `name=value` pair of a query that is being made.
pub(crate) type Pair = (String, String);

/// Encodes a pair by the one rule.
pub(crate) fn pair(name: &str, value: &str) -> Pair {
    (encode::component(name.as_bytes()).to_string(), encode::component(value.as_bytes()).to_string())
}

/// Appends pairs that are in canonical order: by encoded name, then by encoded value.
pub(crate) fn push_pairs(text: &mut String, pairs: &[Pair]) {
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::Plain, *};
    use alloc::vec;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = vec![];
        write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn paths_follow_the_rule_of_their_service() {
        for (rule, path, expected) in [
            (PathRule::AsSent, "", "/"),
            (PathRule::AsSent, "//a/../b", "//a/../b"),
            (PathRule::AsSent, "/test$file.text", "/test%24file.text"),
            (PathRule::AsSent, "/a%20b", "/a%20b"),
            (PathRule::NormalizedEncodedTwice, "/a%20b", "/a%2520b"),
            (PathRule::NormalizedEncodedTwice, "/a/./b/../c", "/a/c"),
            (PathRule::NormalizedEncodedTwice, "//a//b//", "/a/b/"),
            (PathRule::NormalizedEncodedTwice, "/./", "/"),
            (PathRule::NormalizedEncodedTwice, "/..", "/"),
            (PathRule::EncodedTwice, "//example//", "//example//"),
            (PathRule::Normalized, "/a/../%20", "/%20"),
        ] {
            assert_eq!(
                text(|sink| put_path(sink, path, encode::spelling(path, Some(b'/')), rule)),
                expected,
                "{rule:?} {path}"
            );
        }
    }

    #[test]
    fn a_query_is_sorted_by_encoded_name_then_value() {
        for (raw, expected) in [
            ("Param-3=Value3&Param=Value2", "Param=Value2&Param-3=Value3"),
            ("a=2&a=1&b", "a=1&a=2&b="),
            ("%C3%BC=1&z=2", "%C3%BC=1&z=2"),
            ("%7e=1&a=%2f;", "a=%2F%3B&~=1"),
            ("k=a=b", "k=a%3Db"),
            ("X-Amz-Signature=00&a=1", "a=1"),
        ] {
            let query = Query::Equivalent { raw, without: &["X-Amz-Signature"], plus: PlusSign::Plus };
            assert_eq!(text(|sink| put_query(sink, query)), expected, "{raw}");
        }
    }

    #[test]
    fn header_values_are_trimmed_and_inner_blanks_collapse_even_in_quotes() {
        for (value, expected) in
            [("  a  b ", "a b"), ("\"a   b\tc\"", "\"a b c\""), ("", ""), (" \t ", ""), ("a b", "a b")]
        {
            assert_eq!(text(|sink| put_header_value(sink, value.as_bytes())), expected);
        }
    }

    #[test]
    fn signed_names_are_read_in_both_spellings_and_no_other() {
        for list in ["host", "a;host", "a%3Bhost", "a%3bhost"] {
            assert!(SignedNames::parse::<Plain>(list, "SignedHeaders", 2).is_ok_and(|names| names.host), "{list}");
        }
        for list in ["", "host;", ";host", "host;host", "host;a", "Host", "a%3Ahost", "a%3", "a host", "h\u{f6}st"] {
            assert!(SignedNames::parse::<Plain>(list, "SignedHeaders", 2).is_err(), "{list}");
        }
        assert!(SignedNames::parse::<Plain>("a;b;c", "SignedHeaders", 2).is_err());
    }
}
