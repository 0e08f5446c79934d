//! Parts that may arrive in any order: which were given out, and which are there.

use super::{
    UploadError,
    plan::{Plan, Protocol},
};
use crate::clock::Timestamp;
use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

/// How many tokens of one upload may be out at a time.
pub(super) const MOST_OUT: usize = 100;
/// The longest `ETag`. Those of S3 have 32 digits, or a few more.
const MOST_TAG: usize = 128;

/// A token that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) issued_at: Timestamp,
    /// In seconds.
    pub(super) lifetime: u32,
    /// How often it was renewed.
    pub(super) renewed: u32,
}

impl Ticket {
    pub(super) fn ends_at(&self) -> Timestamp {
        self.issued_at.saturating_add(self.lifetime)
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now > self.ends_at()
    }
}

/// What S3 calls a part by when the object is made of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Of a block, which has none, and of a part that is not there.
    None,
    /// The usual one, 32 hexadecimal digits.
    Digest([u8; 16]),
    /// Another one, without its quotes.
    Other(Box<str>),
}

impl Tag {
    pub(super) fn parse(protocol: Protocol, number: u32, tag: Option<&str>) -> Result<Self, UploadError> {
        let wrong = |problem| Err(UploadError::Tag { number, problem });
        let tag = match (protocol, tag) {
            (Protocol::S3Multipart, Some(tag)) => tag,
            (Protocol::S3Multipart, None) => return wrong("is missing, and S3 makes no object without it"),
            (_, None) => return Ok(Self::None),
            (_, Some(_)) => return wrong("is not known to this service"),
        };
        let bare = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        if bare.is_empty() || bare.len() > MOST_TAG || !bare.bytes().all(is_plain) {
            return wrong("must be 1 to 128 visible characters of ASCII, in quotes or not");
        }
        let mut digest = [0; 16];
        let is_lower = !bare.bytes().any(|byte| byte.is_ascii_uppercase());
        Ok(match hex::decode_to_slice(bare, &mut digest) {
            Ok(()) if is_lower => Self::Digest(digest),
            _ => Self::Other(bare.into()),
        })
    }

    /// Without its quotes.
    pub(super) fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Digest(digest) => hex::encode(digest),
            Self::Other(text) => text.as_ref().into(),
        }
    }
}

/// Parts, by number. A bit for each that is there, and a tag where the service has tags: less than 300 KiB for 10,000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) plan: Plan,
    bits: Vec<u64>,
    tags: Vec<Tag>,
    /// How many bytes are there.
    received: u64,
    pub(super) out: BTreeMap<u32, Ticket>,
    /// The highest number that was ever given out or seen.
    pub(super) highest: u32,
    /// Whether what is there was looked at, and nothing was given out since.
    pub(super) looked_at: bool,
}

fn place(number: u32) -> Option<(usize, u64)> {
    let at = number.checked_sub(1)?;
    Some((usize::try_from(at / 64).ok()?, 1 << (at % 64)))
}

impl Parts {
    pub(super) const fn new(plan: Plan) -> Self {
        Self {
            plan,
            bits: Vec::new(),
            tags: Vec::new(),
            received: 0,
            out: BTreeMap::new(),
            highest: 0,
            looked_at: false,
        }
    }

    pub(super) fn has(&self, number: u32) -> bool {
        place(number).is_some_and(|(word, bit)| self.bits.get(word).is_some_and(|bits| bits & bit != 0))
    }

    pub(super) fn tag(&self, number: u32) -> Option<&Tag> {
        self.tags.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Takes a part of the plan for there.
    pub(super) fn put(&mut self, number: u32, tag: Tag) {
        let (Some((word, bit)), Some(at)) = (place(number), number.checked_sub(1)) else { return };
        if !self.has(number) {
            self.received = self.received.saturating_add(self.bytes(number).unwrap_or_default());
        }
        if self.bits.len() <= word {
            self.bits.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= bit;
        }
        if tag != Tag::None {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            if self.tags.len() <= at {
                self.tags.resize(at.saturating_add(1), Tag::None);
            }
            if let Some(place) = self.tags.get_mut(at) {
                *place = tag;
            }
        }
        self.out.remove(&number);
        self.highest = self.highest.max(number);
    }

    /// Takes nothing for there.
    pub(super) fn forget(&mut self) {
        self.bits.clear();
        self.tags.clear();
        self.received = 0;
        self.looked_at = false;
    }

    /// The parts that are there, in order.
    pub(super) fn there(&self) -> impl Iterator<Item = u32> {
        self.plan.numbers().filter(|number| self.has(*number))
    }

    pub(super) fn bytes(&self, number: u32) -> Option<u64> {
        self.plan.range(number).map(|range| range.end.saturating_sub(range.start))
    }

    /// How many bytes are there.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// The first part that is not there and is of use, in no more steps than one for each 64 that are there.
    fn first_absent(&self, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        for run in self.plan.runs() {
            let mut number = run.start;
            while number < run.end {
                let word = place(number).filter(|(_, bit)| *bit == 1).and_then(|(word, _)| self.bits.get(word));
                if word == Some(&u64::MAX) {
                    number = number.saturating_add(64);
                } else if !self.has(number) && is_wanted(number) {
                    return Some(number);
                } else {
                    number = number.saturating_add(1);
                }
            }
        }
        None
    }

    /// The first part that is missing, and how many bytes are.
    pub(super) fn missing(&self) -> Option<(u32, u64)> {
        let bytes = self.plan.bytes().saturating_sub(self.received);
        self.first_absent(|_| true).map(|number| (number, bytes))
    }

    /// The next part to give out: one that is missing and has no token that is still good, and new ones only as long as not
    /// too many are out.
    pub(super) fn next(&self, now: Timestamp) -> Option<u32> {
        self.first_absent(|number| match self.out.get(&number) {
            Some(ticket) => ticket.is_over(now),
            None => self.out.len() < MOST_OUT,
        })
    }

    /// Whether everything from this part on can be cut anew: nothing of it is there, or on its way with a good token.
    pub(super) fn can_cut(&self, from: u32, now: Timestamp) -> bool {
        let is_under_way = |number: &u32| self.out.get(number).is_some_and(|ticket| !ticket.is_over(now));
        self.plan.has_room()
            && !self
                .plan
                .numbers()
                .filter(|number| *number >= from)
                .any(|number| self.has(number) || is_under_way(&number))
    }

    /// Cuts everything from this part on anew, with numbers that nobody has a token for.
    pub(super) fn cut(&mut self, from: u32, part: u64) {
        let Some(range) = self.plan.range(from) else { return };
        self.out.retain(|number, _| *number < from);
        self.plan.cut(range.start, self.highest.saturating_add(1), part);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::plan::Room, *};

    #[test]
    fn ten_thousand_parts_are_small_and_exact() {
        let room = Room {
            protocol: Protocol::S3Multipart,
            bytes: Protocol::MOST_BYTES,
            numbers: 10_000,
            fits: u64::MAX,
            plain: u64::MAX,
            largest: 525 << 20,
        };
        let mut parts = Parts::new(Plan::new(&room).unwrap());
        assert_eq!(parts.plan.numbers().count(), 9987);
        for number in (1..=9987).rev() {
            assert!(!parts.has(number));
            parts.put(number, Tag::Digest([7; 16]));
        }
        assert_eq!((parts.received(), parts.missing()), (Protocol::MOST_BYTES, None));
        assert_eq!(parts.bits.len(), 157);
        assert!(core::mem::size_of::<Tag>() <= 24);
        assert_eq!(parts.tags.len(), 9987);
        assert!(!parts.has(9988) && !parts.has(0));
    }

    #[test]
    fn a_tag_is_the_same_in_quotes_and_without_and_bounded() {
        let parse = |tag: &str| Tag::parse(Protocol::S3Multipart, 1, Some(tag));
        let digest = "9e107d9d372bb6826bd81d3542a419d6";
        assert_eq!(parse(&alloc::format!("\"{digest}\"")), parse(digest));
        assert_eq!(parse(digest).unwrap().text(), digest);
        // Another spelling is another tag.
        assert_ne!(parse(&digest.to_uppercase()), parse(digest));
        assert_eq!(parse(&digest.to_uppercase()).unwrap().text(), digest.to_uppercase());
        assert!(parse(&"a".repeat(128)).is_ok());
        for tag in ["", "\"\"", "a b", "a\"b", "é", "a\r\nb", &"a".repeat(129)] {
            assert!(parse(tag).is_err(), "{tag}");
        }
        assert!(Tag::parse(Protocol::S3Multipart, 1, None).is_err());
        assert!(Tag::parse(Protocol::AzureBlocks, 1, Some(digest)).is_err());
    }
}
