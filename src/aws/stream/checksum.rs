//! The checksums that a trailer carries.

use crate::{
    encode,
    mac::{Sha256, Sink},
};
use alloc::string::String;
#[cfg(feature = "checksums")]
use crc::{Algorithm, CRC_32_ISCSI, CRC_32_ISO_HDLC, Crc, Digest, Table};

/// A checksum of a body, as S3 names it.
///
/// Clients send CRC-32 or CRC-64/NVME unless they are told otherwise, which needs the feature `checksums`
/// (on by default); SHA-1 needs the feature `legacy`. What a build does not know it refuses, so a checksum is
/// never passed over unread.
///
/// Source: Amazon S3 User Guide, "Checking object integrity".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// `x-amz-checksum-crc32`
    #[cfg(feature = "checksums")]
    Crc32,
    /// `x-amz-checksum-crc32c`
    #[cfg(feature = "checksums")]
    Crc32c,
    /// `x-amz-checksum-crc64nvme`
    #[cfg(feature = "checksums")]
    Crc64Nvme,
    /// `x-amz-checksum-sha1`
    #[cfg(feature = "legacy")]
    Sha1,
    /// `x-amz-checksum-sha256`
    Sha256,
}

impl Checksum {
    const ALL: &[Self] = &[
        #[cfg(feature = "checksums")]
        Self::Crc32,
        #[cfg(feature = "checksums")]
        Self::Crc32c,
        #[cfg(feature = "checksums")]
        Self::Crc64Nvme,
        #[cfg(feature = "legacy")]
        Self::Sha1,
        Self::Sha256,
    ];

    /// The header, or the line of the trailer, that carries it.
    #[must_use]
    pub const fn header_name(self) -> &'static str {
        match self {
            #[cfg(feature = "checksums")]
            Self::Crc32 => "x-amz-checksum-crc32",
            #[cfg(feature = "checksums")]
            Self::Crc32c => "x-amz-checksum-crc32c",
            #[cfg(feature = "checksums")]
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            #[cfg(feature = "legacy")]
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// How many bytes it has.
    pub(super) const fn length(self) -> usize {
        match self {
            #[cfg(feature = "checksums")]
            Self::Crc32 | Self::Crc32c => 4,
            #[cfg(feature = "checksums")]
            Self::Crc64Nvme => 8,
            #[cfg(feature = "legacy")]
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The checksum of that header, if it is one that this build computes.
    pub(super) fn of_header(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|checksum| name.eq_ignore_ascii_case(checksum.header_name().as_bytes()))
    }
}

// The large tables, which take sixteen bytes at a step: with the small ones a checksum costs several signatures.
#[cfg(feature = "checksums")]
static CRC_32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
#[cfg(feature = "checksums")]
static CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
#[cfg(feature = "checksums")]
static CRC_64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// CRC-64/NVME, as the catalogue of parametrised CRC algorithms has it: the oldest catalogue that `crc` admits has not.
///
/// Source: NVM Command Set Specification, "64b CRC Definition".
#[cfg(feature = "checksums")]
const CRC_64_NVME: Algorithm<u64> = Algorithm {
    width: 64,
    poly: 0xad93_d235_94c9_3659,
    init: u64::MAX,
    refin: true,
    refout: true,
    xorout: u64::MAX,
    check: 0xae8b_1486_0a79_9888,
    residue: 0xf310_303b_2b6f_6e42,
};

/// One that is being computed.
#[derive(Clone)]
pub(super) enum Running {
    #[cfg(feature = "checksums")]
    Crc32(Digest<'static, u32, Table<16>>),
    #[cfg(feature = "checksums")]
    Crc64(Digest<'static, u64, Table<16>>),
    #[cfg(feature = "legacy")]
    Sha1(sha1::Sha1),
    Sha256(Sha256),
}

impl Running {
    pub(super) fn new(checksum: Checksum) -> Self {
        match checksum {
            #[cfg(feature = "checksums")]
            Checksum::Crc32 => Self::Crc32(CRC_32.digest()),
            #[cfg(feature = "checksums")]
            Checksum::Crc32c => Self::Crc32(CRC_32C.digest()),
            #[cfg(feature = "checksums")]
            Checksum::Crc64Nvme => Self::Crc64(CRC_64.digest()),
            #[cfg(feature = "legacy")]
            Checksum::Sha1 => Self::Sha1(sha1::Digest::new()),
            Checksum::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        match self {
            #[cfg(feature = "checksums")]
            Self::Crc32(digest) => digest.update(piece),
            #[cfg(feature = "checksums")]
            Self::Crc64(digest) => digest.update(piece),
            #[cfg(feature = "legacy")]
            Self::Sha1(hash) => sha1::Digest::update(hash, piece),
            Self::Sha256(hash) => hash.put(piece),
        }
    }

    /// The value of the header: base64 with padding, a CRC with its highest byte first.
    pub(super) fn finish(self) -> String {
        match self {
            #[cfg(feature = "checksums")]
            Self::Crc32(digest) => encode::base64(&digest.finalize().to_be_bytes()),
            #[cfg(feature = "checksums")]
            Self::Crc64(digest) => encode::base64(&digest.finalize().to_be_bytes()),
            #[cfg(feature = "legacy")]
            Self::Sha1(hash) => encode::base64(&sha1::Digest::finalize(hash)),
            Self::Sha256(hash) => encode::base64(&hash.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(checksum: Checksum, bytes: &[u8]) -> String {
        let mut running = Running::new(checksum);
        bytes.chunks(7).for_each(|piece| running.update(piece));
        running.finish()
    }

    /// The check values of the catalogue of parametrised CRC algorithms, and FIPS 180-4.
    #[test]
    fn every_checksum_has_its_published_check_value() {
        #[cfg(feature = "checksums")]
        for (checksum, value) in
            [(Checksum::Crc32, "y/Q5Jg=="), (Checksum::Crc32c, "4waSgw=="), (Checksum::Crc64Nvme, "rosUhgp5mIg=")]
        {
            assert_eq!(of(checksum, b"123456789"), value, "{checksum:?}");
        }
        #[cfg(feature = "legacy")]
        assert_eq!(of(Checksum::Sha1, b"abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        assert_eq!(of(Checksum::Sha256, b"abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn a_checksum_is_found_by_its_header_and_has_the_length_of_its_value() {
        for checksum in Checksum::ALL.iter().copied() {
            assert_eq!(Checksum::of_header(checksum.header_name().as_bytes()), Some(checksum));
            assert_eq!(encode::from_base64(&of(checksum, b"")).unwrap().len(), checksum.length());
        }
        for other in ["", "x-amz-checksum-", "x-amz-checksum-md5", "x-amz-checksum-crc32 ", "x-amz-meta-a"] {
            assert_eq!(Checksum::of_header(other.as_bytes()), None, "{other}");
        }
    }
}
