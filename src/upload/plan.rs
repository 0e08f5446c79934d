//! Which bytes are which part.

use super::UploadError;
use alloc::vec::Vec;
use core::ops::Range;

/// How a large object gets to its cloud.
///
/// Source: Amazon S3 User Guide, "Multipart upload limits"; Cloud Storage documentation, "Resumable uploads"; Azure Storage
/// REST reference, "Put Block" and "Put Block List".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Parts of 5 MiB to 5 GiB, of which the last may be smaller; at most 10,000.
    S3Multipart,
    /// Chunks of any multiple of 256 KiB one after the other, of which the last may have any size and makes the object.
    GcsResumable,
    /// Blocks of at most 4,000 MiB; at most 50,000.
    AzureBlocks,
}

impl Protocol {
    /// The largest object: 5 TiB, everywhere.
    pub const MOST_BYTES: u64 = 5 << 40;
    /// The largest block of Azure before service version 2019-12-12: 100 MiB. For [`Upload::largest_part`](super::Upload::largest_part).
    pub const OLD_AZURE_BLOCK: u64 = 100 << 20;

    /// The smallest part but the last, in bytes. That of Azure is this crate's own choice.
    #[must_use]
    pub const fn least_part(self) -> u64 {
        match self {
            Self::S3Multipart => 5 << 20,
            Self::GcsResumable | Self::AzureBlocks => STEP,
        }
    }

    /// The largest part in bytes.
    #[must_use]
    pub const fn most_part(self) -> u64 {
        match self {
            Self::S3Multipart => 5 << 30,
            Self::GcsResumable => Self::MOST_BYTES,
            Self::AzureBlocks => 4000 << 20,
        }
    }

    /// How many parts there may be.
    #[must_use]
    pub const fn most_parts(self) -> u32 {
        match self {
            Self::S3Multipart => 10_000,
            Self::GcsResumable => u32::MAX,
            Self::AzureBlocks => 50_000,
        }
    }
}

/// What the size of a part is a multiple of: what Cloud Storage asks for, and no worse than another elsewhere.
pub(super) const STEP: u64 = 256 << 10;
/// Smaller parts cost more requests than they save in parts that are sent again.
const USUAL: u64 = 8 << 20;
/// About so many parts are enough.
const ENOUGH: u64 = 1000;

/// How often an object may be cut anew. Parts get smaller each time.
const MOST_STRETCHES: usize = 64;

/// What bounds the size of a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) protocol: Protocol,
    /// How many bytes are to be cut.
    pub(super) bytes: u64,
    /// How many numbers are left.
    pub(super) numbers: u32,
    /// What can be sent within the life of a token.
    pub(super) fits: u64,
    /// What can be sent within one that nobody had to give a reason for.
    pub(super) plain: u64,
    /// What the caller allows.
    pub(super) largest: u64,
}

impl Room {
    /// The size of the parts but the last.
    pub(super) fn part(&self) -> Result<u64, UploadError> {
        let up = |bytes: u64| bytes.div_ceil(STEP).saturating_mul(STEP);
        let fits = self.fits.min(self.largest).min(self.protocol.most_part());
        let most = fits / STEP * STEP;
        let by_number = if self.numbers == 0 { u64::MAX } else { up(self.bytes.div_ceil(u64::from(self.numbers))) };
        let least = self.protocol.least_part().max(by_number);
        if self.numbers > 0 && self.bytes <= fits && self.bytes <= least {
            // One part, which is the last, and as small as it is.
            return Ok(least);
        }
        if least > most {
            return Err(UploadError::DoesNotFit { least, fits });
        }
        let usual = up(self.bytes / ENOUGH).max(USUAL).min(self.plain / STEP * STEP);
        Ok(usual.clamp(least, most))
    }
}

/// Parts of one size, one after the other. The last may be smaller, and is if these are the last bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The number of the first.
    pub(super) first: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    /// In bytes, at least 1.
    pub(super) part: u64,
}

impl Stretch {
    /// How many parts. An object of nothing is one part of nothing.
    fn count(&self) -> u32 {
        let parts = (self.end.saturating_sub(self.start)).div_ceil(self.part.max(1)).max(1);
        u32::try_from(parts).unwrap_or(u32::MAX)
    }

    fn numbers(&self) -> Range<u32> {
        self.first..self.first.saturating_add(self.count())
    }

    fn range(&self, number: u32) -> Option<Range<u64>> {
        if !self.numbers().contains(&number) {
            return None;
        }
        let start = self.start.checked_add(u64::from(number.checked_sub(self.first)?).checked_mul(self.part)?)?;
        Some(start..start.saturating_add(self.part).min(self.end))
    }
}

/// All parts of an object, in the order of its bytes, which is that of their numbers too. Numbers may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    bytes: u64,
    stretches: Vec<Stretch>,
}

impl Plan {
    pub(super) fn new(room: &Room) -> Result<Self, UploadError> {
        let part = room.part()?;
        let nothing = room.bytes == 0 && room.protocol != Protocol::S3Multipart;
        let all = Stretch { first: 1, start: 0, end: room.bytes, part };
        Ok(Self { bytes: room.bytes, stretches: if nothing { Vec::new() } else { [all].into() } })
    }

    /// What was saved, if it is a plan.
    #[cfg(any(feature = "serde", test))]
    pub(super) fn restored(protocol: Protocol, bytes: u64, stretches: Vec<Stretch>) -> Option<Self> {
        if stretches.len() > MOST_STRETCHES {
            return None;
        }
        let (mut at, mut number) = (0, 1);
        for (index, stretch) in stretches.iter().enumerate() {
            let is_last = index.checked_add(1) == Some(stretches.len());
            let is_whole = stretch.end.checked_sub(stretch.start)?.is_multiple_of(stretch.part.max(1));
            let part_fits = (protocol.least_part()..=protocol.most_part()).contains(&stretch.part);
            if stretch.start != at || stretch.first < number || !part_fits || !(is_last || is_whole) {
                return None;
            }
            if stretch.start == stretch.end && bytes > 0 {
                return None;
            }
            at = stretch.end;
            number = stretch.numbers().end;
        }
        let is_plan = at == bytes && number <= protocol.most_parts().saturating_add(1);
        let has_parts = !stretches.is_empty() || (bytes == 0 && protocol != Protocol::S3Multipart);
        (is_plan && has_parts).then_some(Self { bytes, stretches })
    }

    #[cfg(feature = "serde")]
    pub(super) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Which bytes a part has.
    pub(super) fn range(&self, number: u32) -> Option<Range<u64>> {
        self.stretches.iter().find_map(|stretch| stretch.range(number))
    }

    /// The numbers, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.runs().flatten()
    }

    /// The numbers, in runs of those that follow each other.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u32>> {
        self.stretches.iter().map(Stretch::numbers)
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it may be cut once more.
    pub(super) fn has_room(&self) -> bool {
        self.stretches.len() < MOST_STRETCHES
    }

    /// Cuts what begins at a part anew, with numbers from `first`.
    pub(super) fn cut(&mut self, from: u64, first: u32, part: u64) {
        for stretch in &mut self.stretches {
            stretch.end = stretch.end.min(from).max(stretch.start);
        }
        self.stretches.retain(|stretch| stretch.start < from && stretch.start < stretch.end);
        self.stretches.push(Stretch { first, start: from, end: self.bytes, part });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Protocol; 3] = [Protocol::S3Multipart, Protocol::GcsResumable, Protocol::AzureBlocks];

    fn room(protocol: Protocol, bytes: u64) -> Room {
        Room { protocol, bytes, numbers: protocol.most_parts(), fits: u64::MAX, plain: u64::MAX, largest: u64::MAX }
    }

    fn count(plan: &Plan) -> u32 {
        u32::try_from(plan.numbers().count()).unwrap()
    }

    #[test]
    fn any_size_up_to_five_tebibytes_is_cut_within_the_limits() {
        let sizes = [0, 1, STEP, (5 << 20) - 1, 5 << 20, (5 << 20) + 1, 8 << 20, 100 << 20, 5 << 30, (1 << 40) + 7];
        for protocol in ALL {
            for bytes in sizes.into_iter().chain([Protocol::MOST_BYTES - 1, Protocol::MOST_BYTES]) {
                let plan = Plan::new(&room(protocol, bytes)).unwrap();
                assert!(count(&plan) <= 1311, "{protocol:?} {bytes}");
                let ranges: Vec<_> = plan.numbers().map(|number| plan.range(number).unwrap()).collect();
                let mut at = 0;
                for (index, range) in ranges.iter().enumerate() {
                    assert_eq!(range.start, at);
                    let len = range.end - range.start;
                    assert!(len <= protocol.most_part());
                    assert!(index + 1 == ranges.len() || (len >= protocol.least_part() && len % STEP == 0));
                    at = range.end;
                }
                assert_eq!(at, bytes);
                assert!(plan.range(0).is_none() && plan.range(count(&plan) + 1).is_none());
                assert_eq!(Plan::restored(protocol, bytes, plan.stretches.clone()), Some(plan));
            }
        }
        assert_eq!(Plan::new(&room(Protocol::S3Multipart, 0)).unwrap().range(1), Some(0..0));
        assert_eq!(count(&Plan::new(&room(Protocol::AzureBlocks, 0)).unwrap()), 0);
    }

    #[test]
    fn a_part_is_no_larger_than_its_token_allows_and_never_smaller_than_the_service_takes() {
        let s3 = |bytes, fits, numbers| Room { numbers, fits, ..room(Protocol::S3Multipart, bytes) }.part();
        assert_eq!(s3(1 << 30, 30_720_000, 10_000), Ok(8 << 20));
        assert_eq!(s3(1 << 30, 6 << 20, 10_000), Ok(6 << 20));
        assert!(matches!(s3(1 << 30, (5 << 20) - 1, 10_000), Err(UploadError::DoesNotFit { least: 5_242_880, .. })));
        // A longer token is for what does not fit into a plain one.
        let justified = |bytes| Room { plain: 10 << 20, ..room(Protocol::S3Multipart, bytes) }.part();
        assert_eq!((justified(20 << 30), justified(1 << 40)), (Ok(10 << 20), Ok(110_100_480)));
        // The one part of a small object may be smaller than the least.
        assert_eq!(s3(1000, 1000, 10_000), Ok(5 << 20));
        assert!(s3(1000, 999, 10_000).is_err());
        // Few numbers that are left want large parts.
        assert_eq!(s3(100 << 20, u64::MAX, 2), Ok(50 << 20));
        assert!(s3(100 << 20, 40 << 20, 2).is_err());
        assert!(s3(100 << 20, u64::MAX, 0).is_err());
        let old = Room { largest: Protocol::OLD_AZURE_BLOCK, ..room(Protocol::AzureBlocks, Protocol::MOST_BYTES) };
        assert_eq!(
            old.part().map(|part| part <= 100 << 20),
            Err(UploadError::DoesNotFit { least: 110_100_480, fits: 100 << 20 })
        );
    }

    #[test]
    fn what_is_cut_anew_keeps_the_order_of_bytes_and_numbers() {
        let mut plan = Plan::new(&Room { fits: 16 << 20, ..room(Protocol::S3Multipart, 100 << 20) }).unwrap();
        assert_eq!(count(&plan), 13);
        plan.cut(16 << 20, 6, 5 << 20);
        assert_eq!(plan.range(2), Some((8 << 20)..(16 << 20)));
        assert_eq!(plan.range(3), None);
        assert_eq!(plan.range(6), Some((16 << 20)..(21 << 20)));
        assert_eq!(plan.numbers().last().and_then(|last| plan.range(last)).map(|range| range.end), Some(100 << 20));
        assert!(Plan::restored(Protocol::S3Multipart, 100 << 20, plan.stretches.clone()).is_some());
        plan.cut(0, 30, 6 << 20);
        assert_eq!((plan.stretches.len(), plan.range(30)), (1, Some(0..(6 << 20))));
        let mut gap = plan.clone();
        gap.stretches[0].start = 1;
        assert_eq!(Plan::restored(Protocol::S3Multipart, 100 << 20, gap.stretches), None);
    }
}
