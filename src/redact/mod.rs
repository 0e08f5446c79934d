//! Secrets out of log lines, URLs, header dumps, XML and JSON, of every scheme that this crate speaks.
//!
//! ```
//! use valet_key::redact::redact;
//!
//! let line = "GET /cat.jpg?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124&X-Amz-Signature=5e1d0c1c6ad1fcb5a0a1 403";
//! assert_eq!(
//!     redact(line),
//!     "GET /cat.jpg?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124&X-Amz-Signature=REDACTED 403"
//! );
//! ```
//!
//! Found are signatures, session tokens, signed policies, secret, private and user delegation keys, passwords in URLs, bearer tokens, login tokens, the ids of
//! resumable uploads and the keys of customer-provided encryption, by the names that stand before them or by how they begin. Names are read in any
//! letter case, with `-` or `_`, and behind percent-encoding of any depth, JSON and XML escapes. What tells which
//! key and which resource stays: access key ids, key names, paths, times, permissions.
//!
//! No text is an error. In doubt more is left out than needed: up to the end of the word, the quotes or the line. A
//! secret without a name that does not begin like one cannot be found: use
//! [`Secret`](crate::secret::Secret) for what is never meant to be text, and this for what already is.

mod names;
mod scan;
mod unit;

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;
use scan::{Scanner, Step};

/// What stands for a secret.
const MARK: &str = "REDACTED";

/// The text with `REDACTED` for every secret in it.
///
/// Takes time in proportion to the text, and allocates nothing if nothing is found. See the [module](self) for what is.
///
/// ```
/// use std::borrow::Cow;
/// use valet_key::redact::redact;
///
/// assert_eq!(redact("Authorization: Bearer ya29.a0Af"), "Authorization: Bearer REDACTED");
/// assert_eq!(redact("next=%2Fblob%3Fsp%3Dr%26sig%3Dab%252Bcd%253D%26sv%3D2022"), "next=%2Fblob%3Fsp%3Dr%26sig%3DREDACTED%26sv%3D2022");
/// assert!(matches!(redact("404 for /cat.jpg"), Cow::Borrowed("404 for /cat.jpg")));
/// ```
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    match redact_bytes(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // Values begin and end with an ASCII character or the text, so no other is cut.
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
    }
}

/// [`redact`] for text in any encoding that has ASCII in it.
///
/// ```
/// use valet_key::redact::redact_bytes;
///
/// assert_eq!(*redact_bytes(b"\xff?sig=abcd&se=1"), *b"\xff?sig=REDACTED&se=1");
/// ```
#[must_use]
pub fn redact_bytes(text: &[u8]) -> Cow<'_, [u8]> {
    let mut decided = 0;
    let mut redacted: Option<Vec<u8>> = None;
    run(text, &mut |step| match step {
        Step::Keep(len) => {
            if let Some(redacted) = &mut redacted {
                redacted.extend_from_slice(text.get(decided..decided + len).unwrap_or_default());
            }
            decided += len;
        }
        Step::Drop(len) => decided += len,
        Step::Mark => redacted
            .get_or_insert_with(|| text.get(..decided).unwrap_or_default().to_vec())
            .extend_from_slice(MARK.as_bytes()),
    });
    redacted.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn run(text: &[u8], tell: &mut impl FnMut(Step)) {
    let mut scanner = Scanner::new();
    scanner.read(text, tell);
    scanner.finish(tell);
}

/// Shows a text without its secrets, in any macro that formats, and without an allocation.
///
/// ```
/// use valet_key::redact::Redacted;
///
/// let url = "https://a.blob.core.windows.net/c/b?sp=r&sig=c2lnbmF0dXJl";
/// assert_eq!(format!("{}", Redacted(url)), "https://a.blob.core.windows.net/c/b?sp=r&sig=REDACTED");
/// assert_eq!(format!("{:?}", Redacted("sig=c2ln\n")), r#""sig=REDACTED\n""#);
/// ```
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut kept, mut decided) = (0, 0);
        let mut result = Ok(());
        let text = self.0;
        run(text.as_bytes(), &mut |step| match step {
            Step::Keep(len) => decided += len,
            Step::Drop(len) => {
                decided += len;
                kept = decided;
            }
            Step::Mark => {
                let before = text.get(kept..decided).unwrap_or_default();
                result = result.and_then(|()| f.write_str(before)).and_then(|()| f.write_str(MARK));
                kept = decided;
            }
        });
        result.and_then(|()| f.write_str(text.get(kept..).unwrap_or_default()))
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*redact(self.0), f)
    }
}

/// [`redact`] for a text that comes in pieces: a secret that is cut anywhere is still found.
///
/// Holds some hundred bytes at most, whatever comes. What it writes, in all, is what [`redact_bytes`] makes of the
/// whole.
///
/// ```
/// use valet_key::redact::Redactor;
///
/// let (mut redactor, mut log) = (Redactor::new(), Vec::new());
/// for piece in ["?X-Amz-Sig", "nature=5e1d", "0c1c&X-Amz-Date=2026"] {
///     redactor.push(piece.as_bytes(), &mut log);
/// }
/// redactor.finish(&mut log);
/// assert_eq!(log, b"?X-Amz-Signature=REDACTED&X-Amz-Date=2026");
/// ```
#[derive(Clone)]
pub struct Redactor {
    scanner: Scanner,
    /// What is not decided about of the pieces so far.
    open: Vec<u8>,
}

impl Redactor {
    /// At the beginning of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { scanner: Scanner::new(), open: Vec::new() }
    }

    /// Reads one piece more, and appends to `output` what is certain.
    pub fn push(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        let mut decided = 0;
        let open = &self.open;
        self.scanner.read(piece, &mut |step| write(step, open, piece, &mut decided, output));
        let from_piece = decided.saturating_sub(self.open.len());
        self.open.drain(..decided.min(self.open.len()));
        self.open.extend_from_slice(piece.get(from_piece..).unwrap_or_default());
    }

    /// Reads the end, and appends the rest.
    pub fn finish(mut self, output: &mut Vec<u8>) {
        let mut decided = 0;
        let open = &self.open;
        self.scanner.finish(&mut |step| write(step, open, &[], &mut decided, output));
    }
}

/// Takes a step in the text that is `open` and then `piece`.
fn write(step: Step, open: &[u8], piece: &[u8], decided: &mut usize, output: &mut Vec<u8>) {
    match step {
        Step::Keep(len) => {
            let end = *decided + len;
            output.extend_from_slice(open.get(*decided..end.min(open.len())).unwrap_or_default());
            let in_piece = decided.saturating_sub(open.len())..end.saturating_sub(open.len());
            output.extend_from_slice(piece.get(in_piece).unwrap_or_default());
            *decided = end;
        }
        Step::Drop(len) => *decided += len,
        Step::Mark => output.extend_from_slice(MARK.as_bytes()),
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_held_whatever_comes() {
        for unit in
            ["%25", "%2525253D", "\\", "&#x0000041;", "a", "Authorization: ", "s=", "Bearer ", "\u{1f511}", "<a", "\""]
        {
            for before in ["", "s=", "Authorization: ", "signature: ", "-----BEGIN PRIVATE KEY-----", "sig=\"", "<sig>"]
            {
                let text = String::from(before) + &unit.repeat(3000);
                let (mut redactor, mut output) = (Redactor::new(), Vec::new());
                for byte in text.bytes() {
                    redactor.push(&[byte], &mut output);
                    assert!(redactor.open.len() <= 33 * 16, "{} bytes of {before}{unit}", redactor.open.len());
                }
                redactor.finish(&mut output);
                assert_eq!(String::from_utf8(output).unwrap(), *redact(&text));
            }
        }
    }

    #[test]
    fn a_private_key_that_does_not_end_hides_no_more_than_a_key() {
        let text = String::from("-----BEGIN PRIVATE KEY-----") + &"\u{1f511}".repeat(20_000) + " and on";
        assert_eq!(redact(&text), "-----BEGIN PRIVATE KEY-----REDACTED and on");
    }
}
