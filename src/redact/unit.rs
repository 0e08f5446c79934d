//! Text as the characters that it stands for, behind any layers of escapes.

/// The longest escape that is read as one.
const LONGEST: usize = 16;

/// One character, and how it was spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// In ASCII; 0x80 and more for whatever is not.
    pub(super) byte: u8,
    /// How often it is percent-encoded: 0 for `=`, 1 for `%3D`, 2 for `%253D`.
    pub(super) level: u8,
    /// How many backslashes, or an entity, stand for it. Matters for quotes alone.
    pub(super) slashes: u8,
}

impl Unit {
    const fn plain(byte: u8) -> Self {
        Self { byte, level: 0, slashes: 0 }
    }

    pub(super) const fn is_quote(self) -> bool {
        matches!(self.byte, b'"' | b'\'' | b'`')
    }

    pub(super) const fn is_word(self) -> bool {
        self.byte.is_ascii_alphanumeric() || matches!(self.byte, b'-' | b'_')
    }

    /// `+` is a blank in a form, and `%20` is one in the end.
    pub(super) const fn is_blank(self) -> bool {
        self.byte.is_ascii_whitespace() || self.byte == b'+'
    }
}

enum Read {
    /// A character in so many bytes. What stands behind it has not been read.
    Unit(Unit, usize),
    /// It depends on what follows.
    More,
    /// The first byte is only itself.
    Itself,
}

/// Takes bytes one by one, and never holds more than [`LONGEST`] of them.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    held: [u8; LONGEST],
    len: usize,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self { held: [0; LONGEST], len: 0 }
    }

    /// Reads one byte more, and tells the characters that are complete with the bytes of each.
    pub(super) fn push(&mut self, byte: u8, tell: &mut impl FnMut(Unit, usize)) {
        if self.len == 0 && !matches!(byte, b'%' | b'\\' | b'&') {
            return tell(Unit::plain(byte), 1);
        }
        if let Some(place) = self.held.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
        self.drain(false, tell);
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self, tell: &mut impl FnMut(Unit, usize)) {
        self.drain(true, tell);
    }

    fn drain(&mut self, at_the_end: bool, tell: &mut impl FnMut(Unit, usize)) {
        while let Some(held @ [first, ..]) = self.held.get(..self.len) {
            let (unit, used) = match read(held) {
                // What fills the buffer and is still not complete is no escape.
                Read::More if !at_the_end && self.len < LONGEST => return,
                Read::Unit(unit, used) => (unit, used),
                Read::More | Read::Itself => (Unit::plain(*first), 1),
            };
            self.held.copy_within(used..self.len, 0);
            self.len -= used;
            tell(unit, used);
        }
    }
}

fn read(held: &[u8]) -> Read {
    match held {
        [b'%', rest @ ..] => percent(rest),
        [b'\\', ..] => backslashes(held),
        [b'&', rest @ ..] => entity(rest),
        [byte, ..] => Read::Unit(Unit::plain(*byte), 1),
        [] => Read::More,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// `%3D`, `%253D`, `%25253D`: a percent sign that is itself encoded begins an escape if two digits follow.
fn percent(mut rest: &[u8]) -> Read {
    let mut used = 1;
    let mut level = 1;
    loop {
        let Some((digits, behind)) = rest.split_at_checked(2) else {
            let open = hex(rest).is_some();
            return match (open, level) {
                (true, _) => Read::More,
                (false, 1) => Read::Itself,
                (false, _) => Read::Unit(Unit { byte: b'%', level: level - 1, slashes: 0 }, used),
            };
        };
        match hex(digits) {
            Some(0x25) => {
                used += 2;
                level += 1;
                rest = behind;
            }
            Some(value) => return Read::Unit(Unit { byte: ascii(value), level, slashes: 0 }, used + 2),
            None if level == 1 => return Read::Itself,
            None => return Read::Unit(Unit { byte: b'%', level: level - 1, slashes: 0 }, used),
        }
    }
}

fn ascii(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(0x80)
}

/// `\"`, `\/`, `\n`, `\u0026`, `\x26`, each behind as many backslashes as there are layers.
fn backslashes(held: &[u8]) -> Read {
    let count = held.iter().take_while(|byte| **byte == b'\\').count();
    let slashes = u8::try_from(count).unwrap_or(u8::MAX);
    let unit = |byte| Unit { byte, level: 0, slashes };
    let numbered = |digits: usize| match held.get(count + 1..count + 1 + digits) {
        Some(found) => match hex(found) {
            Some(value) => Read::Unit(unit(ascii(value)), count + 1 + digits),
            None => Read::Itself,
        },
        None if held.get(count + 1..).is_some_and(|found| hex(found).is_some()) => Read::More,
        None => Read::Itself,
    };
    match held.get(count) {
        None => Read::More,
        Some(b'u') => numbered(4),
        Some(b'x') => numbered(2),
        Some(b'n') => Read::Unit(unit(b'\n'), count + 1),
        Some(b'r') => Read::Unit(unit(b'\r'), count + 1),
        Some(b't') => Read::Unit(unit(b'\t'), count + 1),
        Some(byte @ (b'"' | b'\'' | b'/')) => Read::Unit(unit(*byte), count + 1),
        Some(_) => Read::Itself,
    }
}

/// `&amp;` and its like, `&#38;`, `&#x26;`.
fn entity(rest: &[u8]) -> Read {
    const NAMED: [(&[u8], u8); 5] =
        [(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"apos;", b'\'')];
    let unit = |byte| Unit { byte, level: 0, slashes: 1 };
    for (name, byte) in NAMED {
        if rest.starts_with(name) {
            return Read::Unit(unit(byte), 1 + name.len());
        }
        if name.starts_with(rest) {
            return Read::More;
        }
    }
    let [b'#', rest @ ..] = rest else { return Read::Itself };
    let (radix, digits, before) = match rest {
        [b'x' | b'X', digits @ ..] => (16, digits, 3),
        digits => (10, digits, 2),
    };
    let mut value = 0u32;
    for (read, digit) in digits.iter().enumerate() {
        match char::from(*digit).to_digit(radix) {
            Some(digit) => value = value.saturating_mul(radix).saturating_add(digit),
            None if *digit == b';' && read > 0 => return Read::Unit(unit(ascii(value)), before + read + 1),
            None => return Read::Itself,
        }
    }
    Read::More
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec::Vec};

    fn units(text: &str) -> Vec<(Unit, usize)> {
        let mut units = Vec::new();
        let mut reader = Reader::new();
        let mut tell = |unit, used| units.push((unit, used));
        text.bytes().for_each(|byte| reader.push(byte, &mut tell));
        reader.finish(&mut tell);
        assert_eq!(units.iter().map(|(_, used)| used).sum::<usize>(), text.len(), "{text}");
        units
    }

    fn decoded(text: &str) -> String {
        units(text).iter().map(|(unit, _)| char::from(unit.byte)).collect()
    }

    #[test]
    fn every_layer_of_escapes_is_read() {
        for text in ["a=b", "a%3Db", "a%3db", "a%253Db", "a%25253db", r"a\u003db", r"a\\u003Db", r"a\x3db", "a&#61;b"] {
            assert_eq!(decoded(text), "a=b", "{text}");
        }
        assert_eq!(decoded("a&#x3D;b&amp;c&lt;&gt;&quot;&apos;"), "a=b&c<>\"'");
        assert_eq!(decoded(r#"\"\\\"\/"#), "\"\"/");
        let levels: Vec<u8> = units("=%3D%253D").iter().map(|(unit, _)| unit.level).collect();
        assert_eq!(levels, [0, 1, 2]);
        let slashes: Vec<u8> = units(r#""\"\\\""#).iter().map(|(unit, _)| unit.slashes).collect();
        assert_eq!(slashes, [0, 1, 3]);
    }

    #[test]
    fn what_is_no_escape_is_itself() {
        for text in
            ["100%", "%", "%zz", "%2", "%4z", r"\", r"\\", r"\q", r"\u00zz", "&", "&x", "a&b=c", "&#;", "&#x;", "&am"]
        {
            assert_eq!(decoded(text), text);
        }
        assert_eq!(decoded("%25"), "%25", "nothing follows that it could encode");
        assert_eq!(decoded("%25zz"), "%zz");
        assert_eq!(decoded("%%3D"), "%=");
        let long = "%".to_owned() + &"25".repeat(40);
        assert_eq!(units(&long).iter().map(|(_, used)| used).sum::<usize>(), 81);
        units(&"\\".repeat(100));
        units(&alloc::format!("&#{}", "0".repeat(100)));
    }

    use alloc::borrow::ToOwned;
}
