//! Reading the fields of a token.
//!
//! Everything here is about shape. Whatever can be read in two ways is refused, whatever is repeated is refused, and nothing
//! is decoded twice.

use super::{
    canonical::{Field, PARAMS},
    time::Moment,
};
use crate::{
    encode::{self, Decoded, Inline},
    error::VerifyError,
    mac::Sink,
    scan::{self, Marks},
    view::{Limits, Plus},
};
use alloc::string::String;
use core::ops::Range;

/// Parameters that are no part of a token but say what the request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Own {
    Comp,
    Restype,
    Resource,
    Action,
    Snapshot,
    ShareSnapshot,
    VersionId,
    DeleteType,
    PeekOnly,
    Directory,
}

const OWN: usize = Own::Directory as usize + 1;

impl Own {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "comp" => Self::Comp,
            "restype" => Self::Restype,
            "resource" => Self::Resource,
            "action" => Self::Action,
            "snapshot" => Self::Snapshot,
            "sharesnapshot" => Self::ShareSnapshot,
            "versionid" => Self::VersionId,
            "deletetype" => Self::DeleteType,
            "peekonly" => Self::PeekOnly,
            "directory" => Self::Directory,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Comp => "comp",
            Self::Restype => "restype",
            Self::Resource => "resource",
            Self::Action => "action",
            Self::Snapshot => "snapshot",
            Self::ShareSnapshot => "sharesnapshot",
            Self::VersionId => "versionid",
            Self::DeleteType => "deletetype",
            Self::PeekOnly => "peekonly",
            Self::Directory => "directory",
        }
    }
}

/// The two ends of a value in the query.
type Span = (usize, usize);

/// The same where it is kept.
type Place = (u16, u16);

fn place(start: usize, end: usize) -> Place {
    // INVARIANT: no limit allows a target of 64 KiB.
    (u16::try_from(start).unwrap_or(u16::MAX), u16::try_from(end).unwrap_or(u16::MAX))
}

/// What a value holds, as bits: an escape, one of a control character, one of no ASCII.
const ESCAPE: u8 = 1;
const CONTROL: u8 = 2;
const NOT_ASCII: u8 = 4;
/// A bare `+`.
const PLUS: u8 = 8;

#[cold]
const fn malformed() -> VerifyError {
    VerifyError::Malformed { what: "query", why: "it holds a bad escape, a `#`, or a byte that is not visible ASCII" }
}

/// Where a name or a value ends that begins there, and what it holds.
#[inline]
fn until(bytes: &[u8], start: usize, is_end: impl Fn(u8) -> bool) -> Result<(usize, u8), VerifyError> {
    let mut holds = 0;
    for (at, byte) in Marks::of(bytes, start, scan::between_params) {
        if is_end(byte) {
            return Ok((at, holds));
        }
        if byte == b'%' {
            let byte = scan::escaped(bytes.get(at + 1..).unwrap_or_default()).ok_or_else(malformed)?;
            holds |= ESCAPE;
            if byte.is_ascii_control() {
                holds |= CONTROL;
            } else if !byte.is_ascii() {
                holds |= NOT_ASCII;
            }
        } else if byte == b'+' {
            holds |= PLUS;
        } else if !scan::is_visible(byte) {
            return Err(malformed());
        }
    }
    Ok((bytes.len(), holds))
}

/// A query with the places of what matters in it.
#[derive(Clone, Copy)]
pub(super) struct Params<'r> {
    raw: &'r str,
    token: [Place; PARAMS],
    own: [Place; OWN],
    /// Which parameters of a token are there, which of them are empty, and which hold an escape, one of a control
    /// character, one of no ASCII.
    present: u64,
    empty: u64,
    escaped: u64,
    control: u64,
    not_ascii: u64,
    has_own: u16,
    pub(super) has_plus: bool,
    /// A parameter of another signature scheme.
    pub(super) foreign: Option<&'static str>,
}

impl<'r> Params<'r> {
    /// Reads a query.
    pub(super) fn read(raw: &'r str, limits: &Limits) -> Result<Self, VerifyError> {
        let mut params = Self::UNREAD;
        params.fill(raw, limits)?;
        Ok(params)
    }

    /// No query yet: [`fill`](Self::fill) reads one where it is kept.
    pub(super) const UNREAD: Self = Self {
        raw: "",
        token: [(0, 0); PARAMS],
        own: [(0, 0); OWN],
        present: 0,
        empty: 0,
        escaped: 0,
        control: 0,
        not_ascii: 0,
        has_own: 0,
        has_plus: false,
        foreign: None,
    };

    /// Reads the query: split at `&`, then at the first `=`, and decoded once where it is looked at.
    #[inline]
    pub(super) fn fill(&mut self, raw: &'r str, limits: &Limits) -> Result<(), VerifyError> {
        self.raw = raw;
        let bytes = raw.as_bytes();
        let (mut start, mut count, mut seen) = (0, 0usize, 0);
        while start < bytes.len() {
            count += 1;
            if count > limits.params {
                return Err(VerifyError::TooLarge { what: "query parameters", found: count, limit: limits.params });
            }
            let (field, name_end) = if let Some((field, end)) = Field::before_equals(bytes, start) {
                (Some(field), end)
            } else {
                let (end, holds) = until(bytes, start, |byte| matches!(byte, b'=' | b'&'))?;
                seen |= holds;
                (Field::at(bytes, start, end), end)
            };
            let (mut value, mut holds) = ((name_end, name_end), 0);
            if bytes.get(name_end) == Some(&b'=') {
                // A further `=` is part of the value.
                let (end, found) = until(bytes, name_end + 1, |byte| byte == b'&')?;
                (value, holds) = ((name_end + 1, end), found);
                seen |= holds;
            }
            match field {
                Some(field) => self.take_field(field, holds, value)?,
                None => self.take_other((start, name_end), value)?,
            }
            start = value.1 + 1;
        }
        self.has_plus = seen & PLUS != 0;
        Ok(())
    }

    #[inline]
    fn take_field(&mut self, field: Field, holds: u8, (start, end): Span) -> Result<(), VerifyError> {
        let bit = field.bit();
        if self.present & bit != 0 {
            return Err(VerifyError::FieldCount { field: field.name(), found: 2 });
        }
        self.present |= bit;
        if start == end {
            self.empty |= bit;
        }
        if holds != 0 {
            let bit_if = |kind: u8| if holds & kind == 0 { 0 } else { bit };
            self.escaped |= bit_if(ESCAPE);
            self.control |= bit_if(CONTROL);
            self.not_ascii |= bit_if(NOT_ASCII);
        }
        if let Some(slot) = self.token.get_mut(field as usize) {
            *slot = place(start, end);
        }
        Ok(())
    }

    fn take_other(&mut self, name: Span, (start, end): Span) -> Result<(), VerifyError> {
        let name = self.raw.get(name.0..name.1).unwrap_or_default();
        if let Some(own) = Own::of(name) {
            if self.has(own) {
                return Err(VerifyError::FieldCount { field: own.name(), found: 2 });
            }
            self.has_own |= 1 << own as u8;
            if let Some(slot) = self.own.get_mut(own as usize) {
                *slot = place(start, end);
            }
            return Ok(());
        }
        // Everything that matters here is ours in another spelling, or begins with a letter of another provider's.
        if !name.bytes().any(|byte| byte == b'%' || byte.is_ascii_uppercase())
            && !name.starts_with(['a', 'g', 's', 'x'])
        {
            return Ok(());
        }
        if is_foreign(name) {
            self.foreign = Some("parameters of another provider");
        }
        refuse_disguised(name)
    }

    /// The value of a parameter of a token, as sent.
    #[inline]
    pub(super) fn get(&self, field: Field) -> Option<&'r str> {
        if self.present & field.bit() == 0 {
            return None;
        }
        let (start, end) = self.token.get(field as usize).copied()?;
        self.raw.get(usize::from(start)..usize::from(end))
    }

    /// Where it stands, if it is there.
    #[inline]
    fn place(&self, field: Field) -> Option<Range<usize>> {
        if self.present & field.bit() == 0 {
            return None;
        }
        let (start, end) = self.token.get(field as usize).copied()?;
        Some(usize::from(start)..usize::from(end))
    }

    /// The same as bytes, which takes no look at where a character ends.
    #[inline]
    pub(super) fn bytes(&self, field: Field) -> Option<&'r [u8]> {
        self.raw.as_bytes().get(self.place(field)?)
    }

    /// The same, or an error.
    pub(super) fn required(&self, field: Field) -> Result<&'r str, VerifyError> {
        self.get(field).ok_or_else(|| VerifyError::FieldCount { field: field.name(), found: 0 })
    }

    /// The value of another parameter, as sent.
    pub(super) fn own(&self, own: Own) -> Option<&'r str> {
        if !self.has(own) {
            return None;
        }
        let (start, end) = self.own.get(own as usize).copied()?;
        self.raw.get(usize::from(start)..usize::from(end))
    }

    pub(super) const fn has(&self, own: Own) -> bool {
        self.has_own & (1 << own as u8) != 0
    }

    /// Whether a parameter of a token is there.
    pub(super) const fn holds(&self, field: Field) -> bool {
        self.present & field.bit() != 0
    }

    /// The parameters of a token that are there, as bits.
    pub(super) const fn present(&self) -> u64 {
        self.present
    }

    /// The first field among these bits that is there with an empty value, if one is.
    pub(super) fn first_empty(&self, among: u64) -> Option<Field> {
        fields_of(self.empty & among).next()
    }

    /// The fields of a token whose values hold escapes of something else than ASCII.
    pub(super) fn not_ascii(&self) -> impl Iterator<Item = (Field, &'r str)> {
        fields_of(self.not_ascii).filter_map(|field| Some((field, self.get(field)?)))
    }

    /// Writes the decoded value of a parameter of a token, if it is there.
    #[inline]
    pub(super) fn put(&self, field: Field, plus: Plus, sink: &mut impl Sink) -> Result<(), VerifyError> {
        let Some(place) = self.place(field) else { return Ok(()) };
        if !self.has_plus && self.control & field.bit() == 0 {
            if self.escaped & field.bit() == 0 {
                sink.put_part(self.raw.as_bytes(), place);
                return Ok(());
            }
            let mut rest = self.raw.as_bytes().get(place).unwrap_or_default();
            if let Some(text) = Inline::<64>::decoded(rest) {
                sink.put(text.bytes());
                return Ok(());
            }
            while let Some(at) = scan::find(rest, b'%') {
                sink.put_part(rest, 0..at);
                rest = rest.get(at + 1..).unwrap_or_default();
                sink.put_byte(scan::escaped(rest).unwrap_or_default());
                rest = rest.get(2..).unwrap_or_default();
            }
            sink.put(rest);
            return Ok(());
        }
        put_decoded(sink, self.get(field).unwrap_or_default(), plus, field.name())
    }

    /// The value of a parameter of a token as a time.
    pub(super) fn moment(&self, field: Field) -> Option<Moment> {
        let value = self.bytes(field)?;
        if self.escaped & field.bit() == 0 { Moment::parse(value) } else { Moment::parse_escaped(value) }
    }

    /// The decoded value of a parameter of a token, or nothing if it is longer than `room`.
    #[inline]
    pub(super) fn short<'b, const N: usize>(&self, field: Field, room: &'b mut Inline<N>) -> Option<&'b [u8]>
    where
        'r: 'b,
    {
        let value = self.bytes(field).unwrap_or_default();
        if self.escaped & field.bit() == 0 {
            return (value.len() <= N).then_some(value);
        }
        *room = Inline::decoded(value)?;
        Some(room.bytes())
    }

    /// Every parameter with its value, as sent.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'r str, &'r str)> + use<'r> {
        self.raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// The fields of a set.
pub(super) fn fields_of(mut bits: u64) -> impl Iterator<Item = Field> {
    core::iter::from_fn(move || {
        let at = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        Field::params().get(at).copied()
    })
}

fn is_foreign(name: &str) -> bool {
    let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    begins("X-Amz-") || begins("X-Goog-") || ["AWSAccessKeyId", "GoogleAccessId", "Signature"].iter().any(is)
}

/// Refuses a name that is one of ours in another spelling: a server that folds it would read what this one does not.
fn refuse_disguised(name: &str) -> Result<(), VerifyError> {
    // No name that matters is longer.
    let Some(mut plain) = Inline::<16>::decoded(name.as_bytes()) else { return Ok(()) };
    plain.bytes_mut().make_ascii_lowercase();
    let Some(text) = plain.as_str() else { return Ok(()) };
    match Field::of(text).map(Field::name).or_else(|| Own::of(text).map(Own::name)) {
        Some(field) => Err(VerifyError::FieldForm { field, expected: "spelled exactly like this" }),
        None => Ok(()),
    }
}

/// Writes a value decoded, and refuses what would shift the lines that are signed.
pub(super) fn put_decoded(
    sink: &mut impl Sink,
    value: &str,
    plus: Plus,
    field: &'static str,
) -> Result<(), VerifyError> {
    if plus != Plus::Blank && !encode::has_escape(value) {
        sink.put(value.as_bytes());
        return Ok(());
    }
    let mut rest = value;
    while let Some(at) = rest.bytes().position(|byte| byte == b'%' || (byte == b'+' && plus == Plus::Blank)) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or_default();
        sink.put(plain.as_bytes());
        let is_plus = from.starts_with('+');
        let (escape, after) = from.split_at_checked(if is_plus { 1 } else { 3 }).unwrap_or_default();
        let byte = if is_plus { b' ' } else { Decoded::of(escape).next().unwrap_or_default() };
        if byte.is_ascii_control() {
            return Err(VerifyError::FieldForm { field, expected: "text without control characters" });
        }
        sink.put_byte(byte);
        rest = after;
    }
    sink.put(rest.as_bytes());
    Ok(())
}

/// A name or value decoded, byte by byte.
pub(super) fn decoded(text: &str, plus: Plus) -> impl Iterator<Item = u8> {
    let between = if plus == Plus::Blank { b' ' } else { b'+' };
    text.split('+')
        .enumerate()
        .flat_map(move |(at, piece)| (at > 0).then_some(between).into_iter().chain(Decoded::of(piece)))
}

/// A text of at most `N` bytes that is written piece by piece; nothing once it is longer.
pub(super) struct Short<const N: usize>(Option<Inline<N>>);

impl<const N: usize> Short<N> {
    pub(super) const fn new() -> Self {
        Self(Some(Inline::new()))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_ref().and_then(Inline::as_str)
    }
}

impl<const N: usize> Sink for Short<N> {
    fn put(&mut self, bytes: &[u8]) {
        if self.0.as_mut().is_some_and(|text| text.push(bytes).is_none()) {
            self.0 = None;
        }
    }
}

/// A short text decoded in place; nothing if it is too long, or not UTF-8.
pub(super) fn short_text<const N: usize>(value: &str, plus: Plus) -> Option<Inline<N>> {
    let mut text = Inline::new();
    for byte in decoded(value, plus) {
        text.push(&[byte])?;
    }
    text.as_str().is_some().then_some(text)
}

/// Whether this is the name of a field of a token, in any letters.
pub(super) fn is_field(name: &str) -> bool {
    // No field has a longer name.
    let mut folded = Inline::<8>::new();
    if folded.push(name.as_bytes()).is_none() {
        return false;
    }
    folded.bytes_mut().make_ascii_lowercase();
    folded.as_str().and_then(Field::of).is_some()
}

/// A list of names with commas between, decoded.
pub(super) struct Names(Inline<1024>);

impl Names {
    /// Reads them; nothing if they are too long, not UTF-8, or hold control characters.
    pub(super) fn read(value: &str, plus: Plus) -> Option<Self> {
        short_text(value, plus).filter(|names| !names.bytes().iter().any(u8::is_ascii_control)).map(Self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.as_str().unwrap_or_default().split(',')
    }
}

/// A value decoded as text.
pub(super) fn text(value: &str, plus: Plus, field: &'static str) -> Result<String, VerifyError> {
    let mut bytes = alloc::vec::Vec::with_capacity(value.len());
    put_decoded(&mut bytes, value, plus, field)?;
    String::from_utf8(bytes).map_err(|_| VerifyError::FieldForm { field, expected: "UTF-8" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Params<'_>, VerifyError> {
        Params::read(raw, &Limits::DEFAULT)
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let params = read("comp=list&sv=2020-12-06&sig=a%3D=b&x=1&sp=&restype=container").unwrap();
        assert_eq!(params.get(Field::Version), Some("2020-12-06"));
        assert_eq!(params.get(Field::Signature), Some("a%3D=b"));
        assert_eq!(params.get(Field::Permissions), Some(""));
        assert_eq!(params.get(Field::Expiry), None);
        assert_eq!((params.own(Own::Comp), params.own(Own::Restype)), (Some("list"), Some("container")));
        assert_eq!((params.first_empty(u64::MAX), params.not_ascii().count()), (Some(Field::Permissions), 0));
        assert!(!params.has_plus && params.foreign.is_none());
        for name in
            ["x-amz-signature", "X-Goog-Date", "AWSAccessKeyId", "awsaccesskeyid", "GoogleAccessId", "signature"]
        {
            assert!(read(&[name, "=1"].concat()).unwrap().foreign.is_some(), "{name}");
        }
        assert!(read("api-version=1&group=1&signatures=1&aws=1").unwrap().foreign.is_none());
    }

    #[test]
    fn repeated_and_disguised_names_are_refused() {
        for (raw, field) in [("sig=a&sig=b", "sig"), ("se=1&sv=2&se=1", "se"), ("comp=a&comp=b", "comp")] {
            assert_eq!(read(raw).err(), Some(VerifyError::FieldCount { field, found: 2 }), "{raw}");
        }
        for (raw, field) in [("SIG=a", "sig"), ("s%69g=a", "sig"), ("Comp=a", "comp"), ("%53%56=1", "sv")] {
            let expected = "spelled exactly like this";
            assert_eq!(read(raw).err(), Some(VerifyError::FieldForm { field, expected }), "{raw}");
        }
        for raw in ["Sigma=1", "x%20y=1", "%73ignatures=1", "NextMarker=a"] {
            assert!(read(raw).is_ok(), "{raw}");
        }
        for raw in ["sig=%", "sig=%4", "a b", "x=\u{fc}", "x=1#", "sv\0=2020-12-06", "sig\0=a", "sig\0"] {
            assert!(matches!(read(raw), Err(VerifyError::Malformed { .. })), "{raw}");
        }
    }

    #[test]
    fn every_field_is_known_in_any_letters() {
        for field in Field::params() {
            assert!(is_field(field.name()) && is_field(&field.name().to_ascii_uppercase()), "{field:?}");
        }
        for name in ["", "s", "sigs", "skdutid2", "x-ms-date", "\u{fc}"] {
            assert!(!is_field(name), "{name}");
        }
    }

    #[test]
    fn names_are_as_long_as_they_may_be() {
        let read = |text: &str| Names::read(text, Plus::Literal).map(|names| names.iter().count());
        assert_eq!((read("a,b"), read("a,"), read("")), (Some(2), Some(2), Some(1)));
        assert_eq!((read(&"a".repeat(1024)), read(&"a".repeat(1025))), (Some(1), None));
        assert!(read("a%0Ab").is_none() && read("%FF").is_none());
    }

    #[test]
    fn decoded_values_hold_no_control_characters() {
        let of = |value: &str| text(value, Plus::Literal, "sp");
        assert_eq!(of("a%20b%2F%C3%BC"), Ok("a b/\u{fc}".into()));
        assert_eq!(text("a+b", Plus::Blank, "sp"), Ok("a b".into()));
        for value in ["a%0Ab", "%00", "a%0D", "%7F"] {
            assert!(of(value).is_err(), "{value}");
        }
        assert!(of("%FF").is_err());
    }
}
