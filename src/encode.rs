//! Percent-encoding, hex and base64, each with the one spelling that gets signed.
//!
//! The rule everywhere is RFC 3986: `A-Z a-z 0-9 - . _ ~` stand for themselves, every other byte is
//! `%XX` with upper-case digits. A blank is `%20`; `+` never means a blank here.

#[cfg(feature = "azure")]
pub(crate) use crate::scan::has_escape;
pub(crate) use crate::scan::{Spelling, any, any_pair, scan, spelling};
use crate::{
    mac::{Sink, Text},
    scan::{self, is_unreserved},
};
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

/// Whether every byte of a path stands for itself.
pub(crate) fn is_plain_path(text: &str) -> bool {
    let scanned = scan(text.as_bytes(), 0, [b'%'; 2], Some(b'/'));
    scanned.end == text.len() && scanned.spelling == Spelling::Canonical
}

/// Appends an encoded path; one that needs no escape is copied as it is.
pub(crate) fn push_path(path_text: &mut String, text: &str) {
    if scan::is_usual_path(text.as_bytes()) || is_plain_path(text) {
        path_text.push_str(text);
    } else {
        path_text.extend(path(text.as_bytes()));
    }
}

/// Appends an encoded component; one that needs no escape is copied as it is.
pub(crate) fn push_component(component_text: &mut String, text: &str) {
    if spelling(text, None) == Spelling::Canonical && !scan::has_escape(text) {
        component_text.push_str(text);
    } else {
        component_text.extend(component(text.as_bytes()));
    }
}

/// Writes text into an XML element.
pub(crate) fn push_xml(xml: &mut String, text: impl IntoIterator<Item = char>) {
    for c in text {
        match c {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            c if c.is_control() => xml.push('?'),
            c => xml.push(c),
        }
    }
}

/// Encodes into anything that takes bytes.
pub(crate) fn put_all(sink: &mut impl Sink, pieces: PercentEncode<'_>) {
    for piece in pieces {
        sink.put(piece.as_bytes());
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
            && let Some(byte) = scan::escaped(rest)
        {
            self.0 = rest.get(2..).unwrap_or_default();
            return Some(byte);
        }
        Some(first)
    }
}

/// The parameters of a raw query: split at `&`, then at the first `=`.
pub(crate) fn params(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    raw.split('&').filter(|_| !raw.is_empty()).map(|param| param.split_once('=').unwrap_or((param, "")))
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
    /// Compares two spellings, neither of them malformed, as they would compare in canonical spelling.
    pub(crate) fn compare(self, left: &str, right: &str) -> core::cmp::Ordering {
        let (mut left, mut right) = (Recoded::of(left, self), Recoded::of(right, self));
        loop {
            let (left, right) = (left.next_decoded(), right.next_decoded());
            if left != right {
                // A `%` comes before whatever stands for itself, and the digits of two escapes compare as their bytes do.
                let rank = |byte| (is_unreserved(byte), byte);
                return left.map(rank).cmp(&right.map(rank));
            }
            if left.is_none() {
                return core::cmp::Ordering::Equal;
            }
        }
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

    /// The next byte that is encoded.
    #[inline]
    fn next_decoded(&mut self) -> Option<u8> {
        let mut decoded = Decoded(self.rest);
        let byte = match decoded.next()? {
            b'+' if self.rest.first() == Some(&b'+') && self.plus == PlusSign::Blank => b' ',
            byte => byte,
        };
        self.rest = decoded.0;
        Some(byte)
    }
}

impl Iterator for Recoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let Some(digit) = self.pending[1].take() {
            self.pending.swap(0, 1);
            return Some(digit);
        }
        let byte = self.next_decoded()?;
        if is_unreserved(byte) {
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

/// What the 43 digits of 32 bytes stand for, eight in a number and the first of them highest; zeros behind them.
fn sixes_of_digest(digest: &[u8; 32]) -> [u64; 6] {
    let six_bytes = |at: usize| {
        let eight = digest.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        sixes(u64::from_be_bytes(eight) >> 16)
    };
    let [.., high, low] = *digest;
    let last = sixes(u64::from(u16::from_be_bytes([high, low])) << 32);
    [six_bytes(0), six_bytes(6), six_bytes(12), six_bytes(18), six_bytes(24), last]
}

/// Spreads 48 bits over eight bytes, six to each.
const fn sixes(bits: u64) -> u64 {
    let halves = (bits & 0xff_ffff) | (bits & 0xffff_ff00_0000) << 8;
    let quarters = (halves & 0x0fff_0000_0fff) | (halves & 0x00ff_f000_00ff_f000) << 4;
    (quarters & 0x003f_003f_003f_003f) | (quarters & 0x0fc0_0fc0_0fc0_0fc0) << 2
}

/// The digits of eight times six bits: `A-Z`, `a-z`, `0-9`, `+`, `/`.
fn base64_digits(sixes: u64) -> [u8; 8] {
    // From the first digit of a range on there is more or less to add; no byte overflows into the next one.
    let more = sixes + scan::all(b'A') + from(sixes, 26) * u64::from(b'a' - b'Z' - 1) + from(sixes, 63) * 3;
    (more - from(sixes, 52) * 75 - from(sixes, 62) * 15).to_be_bytes()
}

/// One in each byte that is not below `first`; none of the bytes may be above 63.
const fn from(sixes: u64, first: u8) -> u64 {
    ((sixes + scan::all(0x80 - first)) >> 7) & scan::all(1)
}

/// Appends 32 bytes in base64, encoded as the value of a query parameter. No table depends on them, and no branch but where an
/// escape stands.
pub(crate) fn push_base64_component(text: &mut String, digest: &[u8; 32]) {
    // 43 digits and the padding, each of which can be written as an escape.
    let mut written = Text::<{ 44 * 3 }>::new();
    let [eights @ .., last] = sixes_of_digest(digest);
    for sixes in eights {
        let digits = base64_digits(sixes);
        // `+` and `/` are the last two digits, and most eight have neither.
        if from(sixes, 62) == 0 {
            written.put(&digits);
        } else {
            for digit in digits {
                put_base64_digit(&mut written, digit);
            }
        }
    }
    for digit in base64_digits(last).into_iter().take(3) {
        put_base64_digit(&mut written, digit);
    }
    written.put(b"%3D");
    text.push_str(written.bytes().and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default());
}

fn put_base64_digit(written: &mut impl Sink, digit: u8) {
    match digit {
        b'+' => written.put(b"%2B"),
        b'/' => written.put(b"%2F"),
        digit => written.put_byte(digit),
    }
}

/// Reads base64 with padding, in its one spelling; anything else is `None`.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64ct::Encoding;
    base64ct::Base64::decode_vec(text).ok()
}

/// The six bits of each digit of base64, and 64 for any other byte.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
const SIX_BITS: [u8; 256] = {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut six = [64; 256];
    let mut at = 0u8;
    while at < 64 {
        six[DIGITS[at as usize] as usize] = at;
        at += 1;
    }
    six
};

/// Reads the value of a query parameter that is 32 bytes in base64 with padding, in its one spelling once its escapes are
/// decoded; anything else is `None`. It takes a time that depends on the value, so that is no way to read a secret.
pub(crate) fn digest_from_base64(value: &str) -> Option<[u8; 32]> {
    let mut rest = value.as_bytes();
    let mut digest = [0; 32];
    for slot in digest.as_chunks_mut::<3>().0 {
        // Four digits that stand for themselves are read at once.
        let four = rest.first_chunk::<4>().map(|four| four.map(six_bits));
        let four = match four.filter(|[a, b, c, d]| a | b | c | d < 64) {
            Some(four) => {
                rest = rest.get(4..)?;
                four
            }
            None => [next_six(&mut rest)?, next_six(&mut rest)?, next_six(&mut rest)?, next_six(&mut rest)?],
        };
        let [_, bytes @ ..] = together(four);
        *slot = bytes;
    }
    // Three digits are two bytes and two bits that belong to no byte: they are zero in one spelling only.
    let three = [next_six(&mut rest)?, next_six(&mut rest)?, next_six(&mut rest)?, 0];
    let [_, bytes @ .., spare] = together(three);
    *digest.last_chunk_mut()? = bytes;
    let is_padded = rest == b"=" || (rest.len() == 3 && Decoded(rest).eq([b'=']));
    (is_padded && spare == 0).then_some(digest)
}

fn six_bits(digit: u8) -> u32 {
    u32::from(SIX_BITS.get(usize::from(digit)).copied().unwrap_or(64))
}

/// Four times six bits, in the lower three of four bytes.
const fn together([a, b, c, d]: [u32; 4]) -> [u8; 4] {
    (a << 18 | b << 12 | c << 6 | d).to_be_bytes()
}

/// The six bits of a digit, which may be written as an escape.
fn next_six(rest: &mut &[u8]) -> Option<u32> {
    let (&byte, mut behind) = rest.split_first()?;
    let mut six = six_bits(byte);
    if byte == b'%' {
        six = six_bits(scan::escaped(behind)?);
        behind = behind.get(2..)?;
    }
    *rest = behind;
    Some(six).filter(|six| *six < 64)
}

/// Base64url without padding, RFC 4648 section 5.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64UrlUnpadded::encode_string(bytes)
}

/// Reads base64url without padding, in its one spelling; anything else is `None`.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    use base64ct::Encoding;
    base64ct::Base64UrlUnpadded::decode_vec(text).ok()
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
    #[inline]
    pub(crate) fn decoded(text: &[u8]) -> Option<Self> {
        let (mut inline, mut rest, mut filled) = (Self::new(), text, 0);
        // Eight bytes are copied, of which those before an escape count.
        while let (Some(eight), Some(slot)) = (rest.first_chunk::<8>(), inline.room_for_eight(filled)) {
            *slot = *eight;
            let plain = scan::until(u64::from_le_bytes(*eight), b'%');
            filled += plain;
            rest = rest.get(plain..)?;
            if plain < 8 {
                let mut decoded = Decoded(rest);
                *inline.bytes.get_mut(filled)? = decoded.next()?;
                (rest, filled) = (decoded.0, filled + 1);
            }
        }
        for byte in Decoded(rest) {
            *inline.bytes.get_mut(filled)? = byte;
            filled += 1;
        }
        inline.length = u16::try_from(filled).ok()?;
        Some(inline)
    }

    fn room_for_eight(&mut self, from: usize) -> Option<&mut [u8; 8]> {
        self.bytes.get_mut(from..)?.first_chunk_mut()
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
    fn base64_of_a_digest_has_one_spelling() {
        let digest: [u8; 32] = core::array::from_fn(|i| u8::try_from(i * 73 % 256).unwrap());
        let mut component = String::new();
        push_base64_component(&mut component, &digest);
        assert_eq!(component, super::component(base64(&digest).as_bytes()).to_string());
        assert_eq!(digest_from_base64(&component), Some(digest));
        assert_eq!(digest_from_base64(&base64(&digest)), Some(digest));
        assert_ne!(digest_from_base64(&component.to_lowercase()), Some(digest));
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
            assert_eq!(digest_from_base64(&other), None, "{other}");
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
        fn any_digest_is_the_same_in_base64_as_with_the_library(digest: [u8; 32]) {
            let mut escaped = String::new();
            push_base64_component(&mut escaped, &digest);
            prop_assert_eq!(&escaped, &super::component(base64(&digest).as_bytes()).to_string());
            prop_assert_eq!(digest_from_base64(&escaped), Some(digest));
        }

        #[test]
        fn what_is_read_as_a_digest_is_what_the_library_reads(text in "[A-Za-z0-9+/-]{42}[A-Za-z0-9]=?") {
            let theirs = from_base64(&text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            prop_assert_eq!(digest_from_base64(&text), theirs);
        }

        #[test]
        fn what_is_encoded_is_canonical_and_decodes_to_itself(text in ".*") {
            let encoded = component(text.as_bytes()).to_string();
            prop_assert_eq!(spelling(&encoded, None), Spelling::Canonical);
            prop_assert_eq!(decode(&encoded), Some(text));
        }

        #[test]
        fn spellings_compare_as_the_canonical_ones_do(
            left in "([!-~]|%[0-9a-fA-F]{2}){0,6}",
            right in "([!-~]|%[0-9a-fA-F]{2}){0,6}",
            shared in "([!-~]|%[0-9a-fA-F]{2}){0,6}",
        ) {
            let (left, right) = (alloc::format!("{shared}{left}"), alloc::format!("{shared}{right}"));
            prop_assume!(spelling(&left, None) != Spelling::Malformed && spelling(&right, None) != Spelling::Malformed);
            for plus in [PlusSign::Plus, PlusSign::Blank] {
                let expected = Recoded::of(&left, plus).cmp(Recoded::of(&right, plus));
                prop_assert_eq!(plus.compare(&left, &right), expected);
            }
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
