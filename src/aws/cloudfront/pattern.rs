//! Which URLs a policy is for: `*` is any run of characters, `?` is one, `\?` is the `?` before a query.
//!
//! ```text
//! [protocol]://[domain]/[path]\?[query]
//! ```
//!
//! A wildcard matches within its own section. A `*` at the end of the path also covers the query, and one at the end of
//! the domain covers whatever follows.
//!
//! Source: CloudFront Developer Guide, "Create a signed URL using a custom policy", wildcard characters.

use alloc::{borrow::ToOwned, string::String};
use core::ops::Range;

/// The URL, or the pattern of URLs, that a policy names in `Resource`.
///
/// ```
/// use valet_key::aws::cloudfront::Pattern;
///
/// let videos = Pattern::parse("https://d111111abcdef8.cloudfront.net/training/*")?;
/// assert!(videos.matches("https://d111111abcdef8.cloudfront.net/training/2026/a.mp4?quality=high"));
/// assert!(!videos.matches("https://d111111abcdef8.cloudfront.net/other/a.mp4"));
/// assert!(!videos.matches("http://d111111abcdef8.cloudfront.net/training/a.mp4"));
///
/// // A wildcard in the path does not reach into the query.
/// let page = Pattern::parse("https://www.example.com/hello*world")?;
/// assert!(page.matches("https://www.example.com/hello-world"));
/// assert!(!page.matches("https://www.example.com/hello?world"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    sections: Option<Sections>,
}

/// The text is no pattern of URLs that is read in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a resource {0}")]
pub struct NotAPattern(pub(super) &'static str);

/// Where the sections lie; none of them for `*`, which is every URL.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sections {
    protocol: Range<usize>,
    domain: Range<usize>,
    path: Range<usize>,
    query: Option<Range<usize>>,
}

/// The parts of a URL.
#[derive(Clone, Copy)]
pub(super) struct Parts<'u> {
    pub(super) protocol: &'u str,
    pub(super) domain: &'u str,
    pub(super) path: &'u str,
    pub(super) query: Option<&'u str>,
}

impl<'u> Parts<'u> {
    pub(super) fn of(url: &'u str) -> Option<Self> {
        let (protocol, rest) = url.split_once("://")?;
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (domain, path) = before_query.split_at_checked(before_query.find('/').unwrap_or(before_query.len()))?;
        Some(Self { protocol, domain, path, query })
    }
}

impl Pattern {
    /// Reads a resource: `*`, or an `http` or `https` URL in visible ASCII in which any section may have wildcards.
    ///
    /// # Errors
    /// [`NotAPattern`] for anything else: another protocol than `http`, `https`, `http*` and `*`, no domain, a `"`, a `#`, a `\`
    /// that is not part of `\?`. What the guide only mentions in passing is not read either: a pattern without `://`, which
    /// stands for every protocol.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        if text == "*" {
            return Ok(Self { text: text.to_owned(), sections: None });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#')) {
            return Err(NotAPattern("is visible ASCII without `\"` and `#`"));
        }
        if text.split('\\').skip(1).any(|behind| !behind.starts_with('?')) {
            return Err(NotAPattern("has `\\` before `?` only"));
        }
        let protocol_end = text.find("://").ok_or(NotAPattern("is `*`, or has a protocol and `://`"))?;
        let protocol = text.get(..protocol_end).unwrap_or_default();
        if !matches!(protocol, "http" | "https" | "http*" | "*") {
            return Err(NotAPattern("begins with `http://`, `https://`, `http*://` or `*://`"));
        }
        let domain_start = protocol_end.saturating_add("://".len());
        let rest = text.get(domain_start..).unwrap_or_default();
        let domain_end = domain_start.saturating_add(rest.find('/').unwrap_or(rest.len()));
        let domain = text.get(domain_start..domain_end).unwrap_or_default();
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]*?".contains(&byte);
        if domain.is_empty() || !domain.bytes().all(named) {
            return Err(NotAPattern("has a domain, with a path behind it if it has a query"));
        }
        let behind = text.get(domain_end..).unwrap_or_default();
        let query = behind.find("\\?").map(|at| domain_end.saturating_add(at));
        let path = domain_end..query.unwrap_or(text.len());
        let query = query.map(|at| at.saturating_add("\\?".len())..text.len());
        let sections = Sections { protocol: 0..protocol_end, domain: domain_start..domain_end, path, query };
        Ok(Self { text: text.to_owned(), sections: Some(sections) })
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn section(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Whether it is for one host over one protocol, however many paths.
    #[must_use]
    pub fn names_one_host(&self) -> bool {
        let Some(sections) = &self.sections else { return false };
        ![&sections.protocol, &sections.domain].iter().any(|range| self.section(range).contains(['*', '?']))
    }

    /// Whether it leaves nothing but HTTPS.
    pub(super) fn is_https(&self) -> bool {
        self.sections.as_ref().is_some_and(|sections| self.section(&sections.protocol) == "https")
    }

    /// Whether a URL is among those that it is for.
    ///
    /// The URL is the request's own, without the parameters that belong to CloudFront. A resource that is spelled as the
    /// URL is always matches, with an unescaped `?` too, because that is what a canned policy holds; elsewhere an
    /// unescaped `?` stands for one character of its section.
    ///
    /// Takes time in the product of both lengths at most.
    #[must_use]
    pub fn matches(&self, url: &str) -> bool {
        let Some(sections) = &self.sections else { return true };
        if self.text == url {
            return true;
        }
        let Some(parts) = Parts::of(url) else { return false };
        let (domain, path) = (self.section(&sections.domain), self.section(&sections.path));
        let path_matches = match path {
            // SPEC: a `*` at the end of the domain implies one for path and query.
            "" if domain.ends_with('*') => true,
            // SPEC: a domain alone is its root.
            "" => parts.path == "/",
            path => glob(path, parts.path),
        };
        let query_matches = match (&sections.query, parts.query) {
            (Some(query), Some(found)) => glob(self.section(query), found),
            // `\?*` is what a `*` at the end of a path stands for, and that matches without a query too.
            (Some(query), None) => self.section(query) == "*",
            // SPEC: a `*` at the end of the path implies one for the query.
            (None, Some(_)) => (if path.is_empty() { domain } else { path }).ends_with('*'),
            (None, None) => true,
        };
        glob(self.section(&sections.protocol), parts.protocol)
            && glob(domain, parts.domain)
            && path_matches
            && query_matches
    }
}

/// One piece of a section.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Run,
    One,
    Byte(u8),
}

/// The piece at the start of a pattern, and what is behind it.
fn piece(pattern: &[u8]) -> Option<(Piece, &[u8])> {
    match pattern {
        [b'\\', b'?', rest @ ..] => Some((Piece::Byte(b'?'), rest)),
        [b'*', rest @ ..] => Some((Piece::Run, rest)),
        [b'?', rest @ ..] => Some((Piece::One, rest)),
        [byte, rest @ ..] => Some((Piece::Byte(*byte), rest)),
        [] => None,
    }
}

/// Whether the whole of a text matches. Goes back to the last `*` alone, which suffices: an earlier one that took more
/// could only leave less for what follows.
fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // What to try again with: the pattern behind the last `*`, and the text that it has not taken yet.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (piece(pattern), text.split_first()) {
            (Some((Piece::Run, rest)), _) => {
                again = Some((rest, text));
                pattern = rest;
                continue;
            }
            (Some((Piece::One, rest)), Some((_, behind))) => {
                (pattern, text) = (rest, behind);
                continue;
            }
            (Some((Piece::Byte(wanted), rest)), Some((&found, behind))) if wanted == found => {
                (pattern, text) = (rest, behind);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((rest, [_, behind @ ..])) = again else { return false };
        again = Some((rest, behind));
        (pattern, text) = (rest, behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString, vec, vec::Vec};
    use proptest::prelude::*;

    const HOST: &str = "https://d1.cloudfront.net";

    fn verdict(pattern: &str, url: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(url)
    }

    #[test]
    fn wildcards_match_as_the_guide_says() {
        for (pattern, url, expected) in [
            ("/a/*", "/a/b/c.jpg", true),
            ("/a/*", "/a/", true),
            ("/a/*", "/a", false),
            ("/a/*", "/ab", false),
            ("/a/*", "/a/b?x=1", true),
            ("/a/?.jpg", "/a/b.jpg", true),
            ("/a/?.jpg", "/a/bb.jpg", false),
            ("/a/?.jpg", "/a/.jpg", false),
            ("/*game_download.zip*", "/game_download.zip", true),
            ("/*game_download.zip*", "/example_game_download.zip?license=yes", true),
            ("/x.html\\?q=*", "/x.html?q=", true),
            ("/x.html\\?q=*", "/x.html?q=1&r=2", true),
            ("/x.html\\?q=*", "/x.html", false),
            ("/x.html\\?q=*", "/x.html?r=1&q=1", false),
            ("/a\\?b\\?c", "/a?b?c", true),
            ("/a\\?b?c", "/a?bxc", true),
            ("", "/", true),
            ("", "/a", false),
            ("", "/?x=1", false),
            ("*", "/", true),
            ("*", "/a?x=1", true),
            ("/a.b", "/aXb", false),
            ("/A", "/a", false),
        ] {
            assert_eq!(verdict(&format!("{HOST}{pattern}"), &format!("{HOST}{url}")), expected, "{pattern} {url}");
        }
        for (pattern, url, expected) in [
            ("*", "http://anything.example/at?all", true),
            ("http://*", "http://any.example/x?y", true),
            ("http://*", "https://any.example/x", false),
            ("http*://*/v-?.mp4", "https://any.example/v-1.mp4", true),
            ("*://a.example/x", "http://a.example/x", true),
            ("https://*.example/x", "https://a.b.example/x", true),
            ("https://*.example/x", "https://evil.com/.example/x", false),
            ("https://*.example/x", "https://evil.com?.example/x", false),
            ("https://a.example*", "https://a.example.evil.com/x?y", true),
            ("https://a.example/*", "https://a.example.evil.com/x", false),
            ("https://a.example/*", "https://a.example:8443/x", false),
        ] {
            assert_eq!(verdict(pattern, url), expected, "{pattern} {url}");
        }
    }

    #[test]
    fn what_the_guide_leaves_open_is_read_strictly() {
        // An unescaped `?` is one character of the path. Only the URL itself, letter for letter, is an exception.
        assert!(verdict("https://a.example/x?q=1", "https://a.example/x?q=1"));
        assert!(verdict("https://a.example/x?q=1", "https://a.example/xyq=1"));
        assert!(!verdict("https://a.example/x?q=*", "https://a.example/x?q=1"));
        // A query that is there and empty is not a query that is not there.
        assert!(verdict("https://a.example/x\\?", "https://a.example/x?"));
        assert!(!verdict("https://a.example/x\\?", "https://a.example/x"));
        assert!(!verdict("https://a.example/x", "https://a.example/x?"));
        assert!(verdict("https://a.example/x\\?*", "https://a.example/x"));
        assert!(!verdict("https://a.example/x\\?**", "https://a.example/x"));
        for text in [
            "",
            "**",
            "*example.com",
            "example.com/x",
            "rtmp-stream/file.mp4",
            "ftp://a.example/x",
            "htt://a.example/x",
            "HTTPS://a.example/x",
            "http?://a.example/x",
            "https*://a.example/x",
            "h*://a.example/x",
            "https:///x",
            "https://",
            "https://a.example\\?x=1",
            "https://a.example/x\\",
            "https://a.example/x\\*",
            "https://a.example/x\\\\?",
            "https://a.example/x#y",
            "https://a.example/\"x",
            "https://a.example/x y",
            "https://a.example/\u{fc}",
            "https://user@a.example/x",
            "https://a.example/\n",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn breadth_is_seen() {
        for (text, one_host, https) in [
            ("*", false, false),
            ("https://a.example/*", true, true),
            ("https://a.example/x\\?y=1", true, true),
            ("http://a.example/x", true, false),
            ("http*://a.example/x", false, false),
            ("https://*.example/x", false, true),
            ("https://a?.example/x", false, true),
        ] {
            let pattern = Pattern::parse(text).unwrap();
            assert_eq!((pattern.names_one_host(), pattern.is_https()), (one_host, https), "{text}");
        }
    }

    #[test]
    fn no_pattern_takes_more_than_the_product_of_both_lengths() {
        // Exponential matching would not end here.
        let pattern = format!("{HOST}/{}b", "*a".repeat(2_000));
        let url = format!("{HOST}/{}", "a".repeat(8_000));
        assert!(!verdict(&pattern, &url));
    }

    /// By its definition, which takes any time: what is left of the pattern at each place of the text.
    fn slow(pattern: &[Piece], text: &[u8]) -> bool {
        let mut reached = vec![vec![false; text.len() + 1]; pattern.len() + 1];
        reached[pattern.len()][text.len()] = true;
        for at in (0..pattern.len()).rev() {
            for place in (0..=text.len()).rev() {
                reached[at][place] = match pattern[at] {
                    Piece::Run => reached[at + 1][place] || (place < text.len() && reached[at][place + 1]),
                    Piece::One => place < text.len() && reached[at + 1][place + 1],
                    Piece::Byte(byte) => place < text.len() && text[place] == byte && reached[at + 1][place + 1],
                };
            }
        }
        reached[0][0]
    }

    proptest! {
        #[test]
        fn a_section_matches_as_its_definition_says(pattern in "[ab*?]{0,12}", text in "[ab?]{0,16}") {
            let mut pieces = Vec::new();
            let mut rest = pattern.as_bytes();
            while let Some((piece, behind)) = piece(rest) {
                pieces.push(piece);
                rest = behind;
            }
            prop_assert_eq!(glob(&pattern, &text), slow(&pieces, text.as_bytes()));
        }

        #[test]
        fn a_url_without_wildcards_matches_itself_alone(path in "(/[a-z.]{0,6}){1,3}", other in "(/[a-z.]{0,6}){1,3}") {
            let url = format!("{HOST}{path}");
            prop_assert!(verdict(&url, &url));
            prop_assert_eq!(verdict(&url, &format!("{HOST}{other}")), path == other);
            prop_assert_eq!(Pattern::parse(&url).unwrap().as_str().to_string(), url);
        }
    }
}
