//! Bodies that are sent to S3 in chunks: signed as they go out, verified as they come in.
//!
//! ```text
//! sign     Request ──stream──▶ SignedHeaders ──chunk_signer──▶ ChunkSigner ──chunk*, finish──▶ the framed body
//! verify   SignedRequest ──chunks──▶ ChunkVerifier ──next*, finish──▶ the bytes that were signed
//! ```
//!
//! The signature of the request is the first link of a chain: each chunk is signed together with the
//! signature before it, and so is the trailer that may follow them.
//!
//! Only a request that is signed in its headers can announce such a body. Event streams
//! (`STREAMING-AWS4-HMAC-SHA256-EVENTS`) are not bodies of S3 and are not spoken here.
//!
//! Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring
//! Payload in Multiple Chunks" and "... Including Trailing Headers".

mod canonical;
mod checksum;
mod frame;
mod head;
mod sign;
mod verify;

pub use self::{
    checksum::Checksum,
    head::Stream,
    sign::{ChunkFrame, ChunkSigner, PreparedChunk, PreparedTrailer},
    verify::{ChunkStep, ChunkVerifier, PendingChunk},
};

pub(super) use self::{
    head::{Announced, check_encoding},
    sign::Seed,
};

/// How a body in chunks is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamMode {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: each chunk is signed.
    Signed,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: each chunk is signed, and so is a checksum behind them.
    SignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: a checksum behind the chunks, and no signature at all.
    UnsignedTrailer,
}

impl StreamMode {
    const ALL: [Self; 3] = [Self::Signed, Self::SignedTrailer, Self::UnsignedTrailer];

    /// The value of `x-amz-content-sha256`.
    #[must_use]
    pub const fn literal(self) -> &'static str {
        match self {
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    pub(super) fn of_literal(literal: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.literal().as_bytes() == literal)
    }

    /// Whether the chunks are signed.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Signed | Self::SignedTrailer)
    }

    /// Whether a trailer follows the chunks.
    #[must_use]
    pub const fn has_trailer(self) -> bool {
        matches!(self, Self::SignedTrailer | Self::UnsignedTrailer)
    }
}

/// The least that a chunk holds, unless it is the last one with data.
const MIN_CHUNK: u64 = 8 << 10;

pub(super) const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
const TRAILER: &str = "x-amz-trailer";
