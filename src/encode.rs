//! Percent-encoding, hex and base64, each with the one spelling that gets signed.
//!
//! The rule everywhere is RFC 3986: `A-Z a-z 0-9 - . _ ~` stand for themselves, every other byte is
//! `%XX` with upper-case digits. A blank is `%20`; `+` never means a blank here.

use crate::mac::Sink;
use alloc::{string::String, vec::Vec};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode};

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, with `/` kept as the separator of path segments.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Encodes one name or value of a query: `/` becomes `%2F`.
pub(crate) fn component(text: &[u8]) -> PercentEncode<'_> {
    percent_encoding::percent_encode(text, COMPONENT)
}

/// Encodes a path: `/` stays.
pub(crate) fn path(text: &[u8]) -> PercentEncode<'_> {
    percent_encoding::percent_encode(text, PATH)
}

/// Appends an encoded path; one that needs no escape is copied as it is.
pub(crate) fn push_path(path_text: &mut String, text: &str) {
    let scanned = scan(text.as_bytes(), 0, [b'%'; 2], Some(b'/'));
    if scanned.end == text.len() && scanned.spelling == Spelling::Canonical {
        path_text.push_str(text);
    } else {
        path_text.extend(path(text.as_bytes()));
    }
}

/// Encodes into anything that takes bytes.
pub(crate) fn put_all(sink: &mut impl Sink, pieces: PercentEncode<'_>) {
    for piece in pieces {
        sink.put(piece.as_bytes());
    }
}

/// How a piece of a request target is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Exactly as this crate would have written it.
    Canonical,
    /// Readable without doubt, but written in another way.
    Equivalent,
    /// A `%` without two hex digits after it, or a byte that no request target may hold.
    Malformed,
}

/// Character classes of a request target; see [`scan`].
const UNRESERVED: u8 = 1;
const VISIBLE: u8 = 2;
const UPPER_HEX: u8 = 4;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut b = 0u8;
    loop {
        let byte = b as usize;
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            class[byte] |= UNRESERVED;
        }
        // A `#` begins a fragment, which never reaches a server.
        if b.is_ascii_graphic() && b != b'#' {
            class[byte] |= VISIBLE;
        }
        if b.is_ascii_digit() || matches!(b, b'A'..=b'F') {
            class[byte] |= UPPER_HEX;
        }
        if b == 255 {
            break class;
        }
        b += 1;
    }
};

fn class(byte: u8) -> u8 {
    CLASS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Looks at a whole piece of a target, in which `separator` (if any) may stand for itself.
pub(crate) fn spelling(text: &str, separator: Option<u8>) -> Spelling {
    let scanned = scan(text.as_bytes(), 0, [b'#'; 2], separator);
    if scanned.end == text.len() { scanned.spelling } else { Spelling::Malformed }
}

/// Whether any byte is like this. It looks at all of them, which the compiler does many at a time.
pub(crate) fn any(bytes: &[u8], like_this: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(false, |found, &byte| found | like_this(byte))
}

/// What [`scan`] saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    /// Where it stopped.
    pub(crate) end: usize,
    pub(crate) spelling: Spelling,
    pub(crate) has_plus: bool,
    pub(crate) has_escape: bool,
}

/// Reads from `start` to the first of the two `stops` or the end, in one pass.
#[inline]
pub(crate) fn scan(text: &[u8], start: usize, stops: [u8; 2], separator: Option<u8>) -> Scanned {
    let (mut end, mut spelling, mut has_plus, mut has_escape) = (start, Spelling::Canonical, false, false);
    loop {
        // The loop that most bytes go through.
        let rest = text.get(end..).unwrap_or_default();
        end += rest.iter().position(|&byte| class(byte) & UNRESERVED == 0).unwrap_or(rest.len());
        let Some(&byte) = text.get(end) else { break };
        if Some(byte) == separator {
            end += 1;
        } else if stops.contains(&byte) {
            break;
        } else if byte == b'%' {
            has_escape = true;
            let digits = text.get(end + 1..).and_then(|rest| rest.first_chunk::<2>());
            let Some(&[high, low]) = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)) else {
                spelling = Spelling::Malformed;
                break;
            };
            let decoded = hex_digit(high) << 4 | hex_digit(low);
            let upper = class(high) & class(low) & UPPER_HEX != 0;
            if !upper || class(decoded) & UNRESERVED != 0 || Some(decoded) == separator {
                spelling = Spelling::Equivalent;
            }
            end += 3;
        } else if class(byte) & VISIBLE != 0 {
            spelling = Spelling::Equivalent;
            has_plus |= byte == b'+';
            end += 1;
        } else {
            spelling = Spelling::Malformed;
            break;
        }
    }
    Scanned { end, spelling, has_plus, has_escape }
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Percent-decodes once, as bytes.
///
/// A stray `%` stands for itself; callers have refused it with [`spelling`] before.
#[derive(Clone, Debug)]
pub(crate) struct Decoded<'a>(&'a [u8]);

impl<'a> Decoded<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        if first == b'%'
            && let Some((&[high, low], rest)) = rest.split_first_chunk::<2>()
        {
            self.0 = rest;
            return Some(hex_digit(high) << 4 | hex_digit(low));
        }
        Some(first)
    }
}

/// Percent-decodes once into text; `None` if the bytes are not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    String::from_utf8(Decoded::of(text).collect::<Vec<u8>>()).ok()
}

/// How a bare `+` of a query is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlusSign {
    Plus,
    Blank,
}

impl PlusSign {
    /// Compares two spellings once each is encoded by the one rule.
    pub(crate) fn compare(self, left: &str, right: &str) -> core::cmp::Ordering {
        if spelling(left, None) == Spelling::Canonical && spelling(right, None) == Spelling::Canonical {
            return left.cmp(right);
        }
        Recoded::of(left, self).cmp(Recoded::of(right, self))
    }
}

/// The canonical spelling of a component, byte by byte.
#[derive(Clone, Debug)]
pub(crate) struct Recoded<'a> {
    rest: &'a [u8],
    plus: PlusSign,
    /// The rest of an escape that has begun: up to two digits, the next one last.
    pending: [Option<u8>; 2],
}

impl<'a> Recoded<'a> {
    pub(crate) fn of(text: &'a str, plus: PlusSign) -> Self {
        Self { rest: text.as_bytes(), plus, pending: [None; 2] }
    }
}

impl Iterator for Recoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let Some(digit) = self.pending[1].take() {
            self.pending.swap(0, 1);
            return Some(digit);
        }
        let mut decoded = Decoded(self.rest);
        let byte = match decoded.next()? {
            b'+' if self.rest.first() == Some(&b'+') && self.plus == PlusSign::Blank => b' ',
            byte => byte,
        };
        self.rest = decoded.0;
        if class(byte) & UNRESERVED != 0 {
            return Some(byte);
        }
        let upper = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        self.pending = [Some(upper(byte & 15)), Some(upper(byte >> 4))];
        Some(b'%')
    }
}

/// Lower-case hex of a digest, without a branch or a table that depends on it.
pub(crate) fn hex_lower(digest: &[u8; 32]) -> [u8; 64] {
    let digit = |nibble: u8| b'0' + nibble + u8::from(nibble > 9) * (b'a' - b'0' - 10);
    let mut text = [0; 64];
    for ([high, low], byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(digest) {
        *high = digit(byte >> 4);
        *low = digit(byte & 15);
    }
    text
}

/// Reads 64 lower-case hex digits; any other spelling is `None`.
pub(crate) fn from_hex_lower(text: &[u8]) -> Option<[u8; 32]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).ok()?;
    Some(digest)
}

/// Base64 with padding, RFC 4648 section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64::encode_string(bytes)
}

/// 32 bytes in base64.
pub(crate) fn base64_of_digest(digest: &[u8; 32]) -> [u8; 44] {
    use base64ct::Encoding;
    let mut text = [b'='; 44];
    // INVARIANT: 32 bytes become 44 characters.
    let _ = base64ct::Base64::encode(digest, &mut text);
    text
}

/// Appends 32 bytes in base64, encoded as the value of a query parameter.
pub(crate) fn push_base64_component(text: &mut String, digest: &[u8; 32]) {
    let (mut escaped, mut length) = ([0; 3 * 44], 0);
    for byte in base64_of_digest(digest) {
        let (piece, taken): ([u8; 3], usize) = match byte {
            b'+' => (*b"%2B", 3),
            b'/' => (*b"%2F", 3),
            b'=' => (*b"%3D", 3),
            byte => ([byte, 0, 0], 1),
        };
        if let Some(slot) = escaped.get_mut(length..length + 3) {
            slot.copy_from_slice(&piece);
        }
        length += taken;
    }
    text.push_str(core::str::from_utf8(escaped.get(..length).unwrap_or_default()).unwrap_or_default());
}

/// Reads base64 with padding, in its one spelling; anything else is `None`.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64ct::Encoding;
    base64ct::Base64::decode_vec(text).ok()
}

/// Reads the value of a query parameter that is 32 bytes in base64 with padding, in its one spelling once its escapes are
/// decoded: the text, which says as much as the bytes. Anything else is `None`.
pub(crate) fn digest_base64(value: &str) -> Option<[u8; 44]> {
    let mut text = [0; 44];
    let mut rest = value.as_bytes();
    for slot in &mut text {
        *slot = match *rest {
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = rest.get(3..)?;
                hex_digit(high) << 4 | hex_digit(low)
            }
            [byte, ..] => {
                rest = rest.get(1..)?;
                byte
            }
            [] => return None,
        };
    }
    let [digits @ .., last, b'='] = &text else { return None };
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    // The last digit has two bits that belong to no byte: they are zero in one spelling only.
    let is_canonical = rest.is_empty() && b"AEIMQUYcgkosw048".contains(last) && !any(digits, |byte| !is_digit(byte));
    is_canonical.then_some(text)
}

/// Text of at most `N` bytes, kept where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Inline<const N: usize> {
    bytes: [u8; N],
    // INVARIANT: at most N.
    length: u16,
}

impl<const N: usize> Inline<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// Appends, or says that there is no room.
    pub(crate) fn push(&mut self, more: &[u8]) -> Option<()> {
        let start = usize::from(self.length);
        let end = start.checked_add(more.len())?;
        self.bytes.get_mut(start..end)?.copy_from_slice(more);
        self.length = u16::try_from(end).ok()?;
        Some(())
    }

    /// Decodes a piece of a target; `None` if it is too long.
    pub(crate) fn decoded(text: &str) -> Option<Self> {
        let mut inline = Self::new();
        let mut slots = inline.bytes.iter_mut();
        let mut length = 0;
        for byte in Decoded::of(text) {
            *slots.next()? = byte;
            length += 1;
        }
        inline.length = length;
        Some(inline)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..usize::from(self.length)).unwrap_or_default()
    }

    /// The text, or nothing if it is not UTF-8.
    pub(crate) fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn unreserved_characters_stay_and_everything_else_is_upper_case_hex() {
        assert_eq!(component(b"AZaz09-._~").to_string(), "AZaz09-._~");
        assert_eq!(component("a b/c+\u{fc}".as_bytes()).to_string(), "a%20b%2Fc%2B%C3%BC");
        assert_eq!(path(b"a b/c+").to_string(), "a%20b/c%2B");
    }

    #[test]
    fn spelling_tells_canonical_from_equivalent_from_malformed() {
        for (text, separator, expected) in [
            ("a%20b", None, Spelling::Canonical),
            ("%2F", None, Spelling::Canonical),
            ("%2F", Some(b'/'), Spelling::Equivalent),
            ("a/b", Some(b'/'), Spelling::Canonical),
            ("a/b", None, Spelling::Equivalent),
            ("%2f", None, Spelling::Equivalent),
            ("%41", None, Spelling::Equivalent),
            ("a+b", None, Spelling::Equivalent),
            ("%", None, Spelling::Malformed),
            ("%4", None, Spelling::Malformed),
            ("%4G", None, Spelling::Malformed),
            ("%G4", None, Spelling::Malformed),
            ("a b", None, Spelling::Malformed),
            ("\u{fc}", None, Spelling::Malformed),
            ("a\0", None, Spelling::Malformed),
        ] {
            assert_eq!(spelling(text, separator), expected, "{text}");
        }
    }

    #[test]
    fn base64_of_a_digest_has_one_spelling() {
        let digest: [u8; 32] = core::array::from_fn(|i| u8::try_from(i * 73 % 256).unwrap());
        let text = base64_of_digest(&digest);
        assert_eq!(core::str::from_utf8(&text).unwrap(), base64(&digest));
        let mut component = String::new();
        push_base64_component(&mut component, &digest);
        assert_eq!(component, super::component(&text).to_string());
        assert_eq!(digest_base64(&component), Some(text));
        assert_eq!(digest_base64(&base64(&digest)), Some(text));
        assert_eq!(digest_base64(&component.to_lowercase()).filter(|lower| *lower == text), None);
        let plain = base64(&digest);
        for other in [
            String::new(),
            plain.trim_end_matches('=').into(),
            plain.clone() + "=",
            plain.clone() + "A",
            plain.replacen(plain.chars().next().unwrap(), "-", 1),
            plain.replacen(plain.chars().next().unwrap(), "%", 1),
            // The last digit with a bit that belongs to no byte.
            alloc::format!("{}{}=", &plain[..42], char::from(plain.as_bytes()[42] + 1)),
        ] {
            assert_eq!(digest_base64(&other), None, "{other}");
        }
    }

    #[test]
    fn hex_is_lower_case_both_ways() {
        let digest: [u8; 32] = core::array::from_fn(|i| u8::try_from(i * 9 % 256).unwrap());
        let text = hex_lower(&digest);
        assert_eq!(hex::encode(digest).as_bytes(), text);
        assert_eq!(from_hex_lower(&text), Some(digest));
        assert_eq!(from_hex_lower(&text.to_ascii_uppercase()), None);
        assert_eq!(from_hex_lower(&text[..63]), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_canonical_and_decodes_to_itself(text in ".*") {
            let encoded = component(text.as_bytes()).to_string();
            prop_assert_eq!(spelling(&encoded, None), Spelling::Canonical);
            prop_assert_eq!(decode(&encoded), Some(text));
        }

        #[test]
        fn recoding_any_readable_spelling_gives_the_canonical_one(text in "([!-~]|%[0-9a-fA-F]{2}){0,40}") {
            prop_assume!(spelling(&text, None) != Spelling::Malformed);
            let decoded: Vec<u8> = Decoded::of(&text).collect();
            let recoded: Vec<u8> = Recoded::of(&text, PlusSign::Plus).collect();
            prop_assert_eq!(component(&decoded).to_string().into_bytes(), recoded);
        }
    }
}
