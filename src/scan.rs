//! Looking at the bytes of a request target.
//!
//! Nearly every byte of a target stands for itself, so what is looked for is the others: eight bytes are held to a few ranges
//! by arithmetic on one number, and only those that fall outside are looked at one by one.

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

/// The value of each hex digit, and [`NO_DIGIT`] for any other byte.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
const HEX: [u8; 256] = {
    let mut hex = [NO_DIGIT; 256];
    let mut value = 0u8;
    while value < 10 {
        hex[(b'0' + value) as usize] = value;
        value += 1;
    }
    while value < 16 {
        hex[(b'a' - 10 + value) as usize] = value;
        hex[(b'A' - 10 + value) as usize] = value;
        value += 1;
    }
    hex
};

const NO_DIGIT: u8 = 0x80;

fn class(byte: u8) -> u8 {
    CLASS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Whether this byte stands for itself in the canonical spelling of a component.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    class(byte) & UNRESERVED != 0
}

/// Whether a request target may hold this byte.
pub(crate) fn is_visible(byte: u8) -> bool {
    class(byte) & VISIBLE != 0
}

/// The byte that the text behind a `%` stands for, if it begins with two hex digits.
#[inline]
pub(crate) fn escaped(behind: &[u8]) -> Option<u8> {
    let &[high, low] = behind.first_chunk()?;
    let value = |digit: u8| HEX.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let (high, low) = (value(high), value(low));
    ((high | low) & NO_DIGIT == 0).then_some(high << 4 | low)
}

/// Eight times the same byte.
pub(crate) const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Sets the upper bit of each byte that lies between these two; none of the bytes may have that bit.
const fn within(bytes: u64, from: u8, to: u8) -> u64 {
    (bytes + all(0x80 - from)) ^ (bytes + all(0x7f - to))
}

/// Which bytes are to be looked at, by their upper bits: everything but letters, digits, `-` and `.`.
pub(crate) const fn unusual(bytes: u64) -> u64 {
    let low = bytes & all(0x7f);
    let usual = within(low | all(0x20), b'a', b'z') | within(low, b'0', b'9') | within(low, b'-', b'.');
    (!usual | bytes) & all(0x80)
}

/// The same with `/`.
pub(crate) const fn unusual_in_path(bytes: u64) -> u64 {
    let low = bytes & all(0x7f);
    let usual = within(low | all(0x20), b'a', b'z') | within(low, b'-', b'9');
    (!usual | bytes) & all(0x80)
}

/// Whether a path has nothing but letters, digits, `-`, `.` and `/`, which is what most names of objects are.
pub(crate) fn is_usual_path(text: &[u8]) -> bool {
    let (eights, rest) = text.as_chunks();
    let found = eights.iter().fold(0, |found, eight| found | unusual_in_path(u64::from_le_bytes(*eight)));
    found == 0 && rest.iter().all(|&byte| is_unreserved(byte) || byte == b'/')
}

/// Which bytes are to be looked at in a query: `&`, `=`, and everything below `-` or behind `~`, thus `%`, `+`, and whatever no
/// target may hold.
pub(crate) const fn between_params(bytes: u64) -> u64 {
    let low = bytes & all(0x7f);
    let other_than_equals = (low ^ all(b'=')) + all(0x7f);
    (!(within(low, b'-', b'~') & other_than_equals) | bytes) & all(0x80)
}

/// Which bytes are to be looked at in a list of header names in lower case: everything but lower-case letters, digits, `-` and
/// `.`.
pub(crate) const fn between_names(bytes: u64) -> u64 {
    let low = bytes & all(0x7f);
    let usual = within(low, b'a', b'z') | within(low, b'0', b'9') | within(low, b'-', b'.');
    (!usual | bytes) & all(0x80)
}

/// Which bytes are to be looked at in the name or the value of a header: blanks, control characters, and everything that is not
/// ASCII.
pub(crate) const fn not_graphic(bytes: u64) -> u64 {
    (!within(bytes & all(0x7f), b'!', b'~') | bytes) & all(0x80)
}

/// Which bytes are to be looked at in the value of a header: those below a blank.
pub(crate) const fn below_blank(bytes: u64) -> u64 {
    within(bytes & all(0x7f), 0, b' ' - 1) & !bytes & all(0x80)
}

/// Where the first byte stands that `marked` says to look at.
#[inline]
pub(crate) fn first(text: &[u8], marked: impl Fn(u64) -> u64) -> Option<usize> {
    let (chunks, rest) = text.as_chunks::<8>();
    let mut start = 0;
    for eight in chunks {
        let marks = marked(u64::from_le_bytes(*eight));
        if marks != 0 {
            return Some(start + marks.trailing_zeros() as usize / 8);
        }
        start += 8;
    }
    if rest.is_empty() {
        return None;
    }
    let marks = marked(last_few(text, rest));
    (marks != 0).then(|| start + marks.trailing_zeros() as usize / 8)
}

/// Which bytes are this one, which is ASCII.
pub(crate) const fn equal(bytes: u64, byte: u8) -> u64 {
    let low = bytes & all(0x7f);
    !(((low ^ all(byte)) + all(0x7f)) | bytes) & all(0x80)
}

/// How many bytes stand before the first one that is this one, or all eight.
pub(crate) const fn until(bytes: u64, byte: u8) -> usize {
    equal(bytes, byte).trailing_zeros() as usize / 8
}

/// Where this byte, which is ASCII, first stands.
#[inline]
pub(crate) fn find(text: &[u8], byte: u8) -> Option<usize> {
    first(text, |eight| equal(eight, byte))
}

/// What stands before and behind the first of this byte, which is ASCII.
#[inline]
pub(crate) fn split_once(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = find(text.as_bytes(), byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Eight bytes of a text as one number, the first of them lowest; letters stand for those that it does not have.
#[inline]
pub(crate) fn eight(text: &[u8], start: usize) -> u64 {
    let rest = text.get(start..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| last_few(text, rest), |eight| u64::from_le_bytes(*eight))
}

/// Less than eight bytes at the end of a text, and letters behind them.
#[inline]
fn last_few(text: &[u8], rest: &[u8]) -> u64 {
    match text.last_chunk() {
        // They end the last eight bytes of the text, which are read at once.
        Some(eight) if !rest.is_empty() => {
            let bits = rest.len() * 8;
            u64::from_le_bytes(*eight) >> (64 - bits) | all(b'a') << bits
        }
        _ => short(rest),
    }
}

/// A text of less than eight bytes, and letters behind it.
#[inline]
fn short(text: &[u8]) -> u64 {
    few(text) | all(b'a') << (text.len() * 8)
}

/// A text of less than eight bytes, and zeros behind it.
#[inline]
fn few(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.last_chunk()) {
        // Where the first four and the last four are the same bytes, they are the same twice.
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << (text.len() * 8 - 32)
        }
        _ => text.iter().rev().fold(0, |eight, &byte| eight << 8 | u64::from(byte)),
    }
}

/// How a name begins that is compared without regard to ASCII case: eight bytes as one number, the first of them highest and
/// zeros behind a name that has less.
#[inline]
pub(crate) fn beginning(name: &[u8]) -> u64 {
    let eight = name.first_chunk().map_or_else(|| few(name), |eight| u64::from_le_bytes(*eight));
    let upper_case = within(eight & all(0x7f), b'A', b'Z') & !eight & all(0x80);
    (eight | upper_case >> 2).swap_bytes()
}

/// The bytes of a text that `marked` says to look at, each with its place.
pub(crate) struct Marks<'t, M> {
    text: &'t [u8],
    /// Where the eight bytes begin that are looked at.
    at: usize,
    /// Those of them that are still to come.
    left: u64,
    marked: M,
}

impl<'t, M: Fn(u64) -> u64> Marks<'t, M> {
    /// From `start` on.
    #[inline]
    pub(crate) fn of(text: &'t [u8], start: usize, marked: M) -> Self {
        let mut marks = Self { text, at: start, left: 0, marked };
        marks.left = marks.of_eight();
        marks
    }

    #[inline]
    fn of_eight(&self) -> u64 {
        (self.marked)(eight(self.text, self.at))
    }
}

impl<M: Fn(u64) -> u64> Iterator for Marks<'_, M> {
    type Item = (usize, u8);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.left == 0 {
            self.at += 8;
            if self.at >= self.text.len() {
                return None;
            }
            self.left = self.of_eight();
        }
        let at = self.at + self.left.trailing_zeros() as usize / 8;
        self.left &= self.left - 1;
        Some((at, *self.text.get(at)?))
    }
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

/// Whether `first` stands before any byte like this, looked for in the same way.
pub(crate) fn any_pair(bytes: &[u8], first: u8, then_like_this: impl Fn(u8) -> bool) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    bytes.iter().zip(behind).fold(false, |found, (&byte, &next)| found | ((byte == first) & then_like_this(next)))
}

/// Whether a text has a `%`.
pub(crate) fn has_escape(text: &str) -> bool {
    any(text.as_bytes(), |byte| byte == b'%')
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
    if separator == Some(b'/') {
        look(text, Marks::of(text, start, unusual_in_path), stops, separator)
    } else {
        look(text, Marks::of(text, start, unusual), stops, separator)
    }
}

#[inline]
fn look(text: &[u8], marks: impl Iterator<Item = (usize, u8)>, stops: [u8; 2], separator: Option<u8>) -> Scanned {
    let mut scanned = Scanned { end: text.len(), spelling: Spelling::Canonical, has_plus: false, has_escape: false };
    for (at, byte) in marks {
        if Some(byte) == separator || is_unreserved(byte) {
            continue;
        }
        if stops.contains(&byte) {
            scanned.end = at;
            break;
        }
        if byte == b'%' {
            scanned.has_escape = true;
            let digits = text.get(at + 1..).and_then(<[u8]>::first_chunk::<2>);
            let Some((&[high, low], decoded)) = digits.and_then(|digits| Some((digits, escaped(digits)?))) else {
                return Scanned { end: at, spelling: Spelling::Malformed, ..scanned };
            };
            let is_upper = class(high) & class(low) & UPPER_HEX != 0;
            if !is_upper || is_unreserved(decoded) || Some(decoded) == separator {
                scanned.spelling = Spelling::Equivalent;
            }
        } else if is_visible(byte) {
            scanned.spelling = Spelling::Equivalent;
            scanned.has_plus |= byte == b'+';
        } else {
            return Scanned { end: at, spelling: Spelling::Malformed, ..scanned };
        }
    }
    scanned
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn nothing_is_passed_over(eight: [u8; 8]) {
            let bytes = u64::from_le_bytes(eight);
            let marked = |marks: u64| marks.to_le_bytes().map(|mark| mark == 0x80);
            for (at, byte) in eight.into_iter().enumerate() {
                let usual = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
                prop_assert_eq!(marked(unusual(bytes))[at], !usual);
                prop_assert_eq!(marked(unusual_in_path(bytes))[at], !usual && byte != b'/');
                let in_name = usual && !byte.is_ascii_uppercase();
                prop_assert_eq!(marked(between_names(bytes))[at], !in_name);
                prop_assert_eq!(marked(not_graphic(bytes))[at], !byte.is_ascii_graphic());
                prop_assert_eq!(marked(below_blank(bytes))[at], byte < b' ');
                prop_assert_eq!(marked(equal(bytes, b'%'))[at], byte == b'%');
                prop_assert_eq!(marked(between_params(bytes))[at], !matches!(byte, b'-'..=b'~') || byte == b'=');
            }
        }

        #[test]
        fn a_usual_path_needs_no_escape(text in "[a-c0-9./_~-]{0,30}[ -~]{0,2}[a-z/]{0,12}") {
            let is_plain = |byte: u8| is_unreserved(byte) || byte == b'/';
            let usual = text.bytes().all(|byte| is_plain(byte) && !matches!(byte, b'_' | b'~'));
            prop_assert!(!usual || is_usual_path(text.as_bytes()));
            prop_assert!(!is_usual_path(text.as_bytes()) || text.bytes().all(is_plain));
        }

        #[test]
        fn a_text_is_split_where_the_library_splits_it(text in "[a-zA-Z0-9/&=\u{fc}-]{0,30}") {
            for byte in [b'/', b'&', b'=', b'-'] {
                prop_assert_eq!(split_once(&text, byte), text.split_once(char::from(byte)));
            }
        }

        #[test]
        fn the_first_mark_is_the_first_of_all_marks(text: Vec<u8>) {
            prop_assert_eq!(first(&text, unusual), Marks::of(&text, 0, unusual).next().map(|(at, _)| at));
        }

        #[test]
        fn a_beginning_compares_as_its_bytes_do(left in "[!-~]{0,10}", right in "[!-~]{0,10}") {
            let eight = |text: &str| text.bytes().take(8).map(|byte| byte.to_ascii_lowercase()).collect::<Vec<u8>>();
            prop_assert_eq!(beginning(left.as_bytes()).cmp(&beginning(right.as_bytes())), eight(&left).cmp(&eight(&right)));
        }

        #[test]
        fn marks_are_those_of_looking_at_each_byte(text: Vec<u8>, start in 0..12usize) {
            let each = || (0..).zip(text.iter().copied()).skip(start);
            let expected: Vec<_> = each().filter(|&(_, byte)| !is_unreserved(byte)).collect();
            let found: Vec<_> = Marks::of(&text, start, unusual).filter(|&(_, byte)| !is_unreserved(byte)).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_scan_says_what_looking_at_each_byte_says(
            text in "([!-~]|%[0-9a-fA-F]{2}|[a-zA-Z0-9/._~-]{1,12}){0,20}[ \u{fc}%]?",
            start in 0..4usize,
        ) {
            let (text, start) = (text.as_bytes(), start.min(text.len()));
            for (stops, separator) in [([b'&'; 2], None), ([b'=', b'&'], None), ([b'?'; 2], Some(b'/'))] {
                let found = scan(text, start, stops, separator);
                let found = (found.end, found.spelling, found.has_plus, found.has_escape);
                prop_assert_eq!(found, byte_by_byte(text, start, stops, separator));
            }
        }
    }

    fn byte_by_byte(text: &[u8], start: usize, stops: [u8; 2], separator: Option<u8>) -> (usize, Spelling, bool, bool) {
        let (mut at, mut spelling, mut plus, mut escape) = (start, Spelling::Canonical, false, false);
        while let Some(&byte) = text.get(at).filter(|byte| !stops.contains(byte)) {
            let digits = text.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            escape |= byte == b'%';
            plus |= byte == b'+';
            if !byte.is_ascii_graphic() || byte == b'#' || (byte == b'%' && digits.is_none()) {
                return (at, Spelling::Malformed, plus, escape);
            }
            if let (b'%', Some(digits)) = (byte, digits) {
                let digits = core::str::from_utf8(digits).unwrap();
                let decoded = u8::from_str_radix(digits, 16).unwrap();
                if digits != digits.to_uppercase() || is_unreserved(decoded) || Some(decoded) == separator {
                    spelling = Spelling::Equivalent;
                }
                at += 3;
                continue;
            }
            if !is_unreserved(byte) && Some(byte) != separator {
                spelling = Spelling::Equivalent;
            }
            at += 1;
        }
        (at, spelling, plus, escape)
    }
}
