//! A request that lacks only the word of a store.

use super::{StoreKey, error::GateError, facts::Facts};
use crate::{clock::Timestamp, error::VerifyError, token::Verified};
#[cfg(any(feature = "aws", feature = "gcs"))]
use std::boxed::Box;
use std::{fmt, vec::Vec};

/// What only a store can tell about a request, as plain data.
///
/// A shared store answers it in one step, so that nothing can come between: first the revocations, then the rate, then the
/// use. Where one of them refuses, the ones behind it are left alone, or a request that was told to come again later would find
/// its one use gone.
///
/// For Redis that is one script: `GET` each of [`revocations`](Self::revocations) and compare with
/// [`issued_at`](Self::issued_at); the rate of [`rate_key`](Self::rate_key) as the operator sets it; and for
/// [`single_use`](Self::single_use) `SET key 1 NX PX ttl`. The example `edge_gateway` has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The entries that the request may be under, at most 42. It is revoked if one is there whose value is larger than
    /// [`issued_at`](Self::issued_at): see [`Revocation::watermark`](super::Revocation::watermark).
    pub revocations: Vec<StoreKey>,
    /// When the life of the token began, in seconds since 1970; `-1` if it does not say, which every entry is larger than.
    pub issued_at: i64,
    /// For whom requests are counted: the subject of the token, or else its key.
    pub rate_key: StoreKey,
    /// The name of the use, and for how many seconds from now it must be remembered; nothing if the token may be used again.
    pub single_use: Option<(StoreKey, u32)>,
    /// When the question was asked.
    pub now: Timestamp,
}

impl Question {
    /// Whether an entry with that value, the largest of those that are there, revokes the token.
    #[must_use]
    pub const fn is_revoked_by(&self, watermark: i64) -> bool {
        watermark > self.issued_at
    }
}

/// What a store says to a [`Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// No entry revokes it, the rate allows it, and if the question names a use, nobody had come with it, and from now on
    /// somebody has.
    Clear,
    /// An entry revokes it.
    Revoked,
    /// There were too many requests.
    RateLimited {
        /// After how many seconds another one is allowed.
        retry_after: u32,
    },
    /// The use was there already.
    Replayed,
    /// The store has no room left for the use.
    Full,
    /// The store did not answer, or not in time, or with something else.
    Lost,
}

/// A request whose signature and bounds are right, and that lacks only the word of a store. It is made by
/// [`Gate::check`](super::Gate::check).
///
/// What it is about comes out of [`decide`](Self::decide) alone.
#[must_use = "a request is admitted by `decide` alone"]
pub struct Admission {
    pub(super) facts: Facts,
    pub(super) body: BodyCheck,
    pub(super) question: Question,
}

impl Admission {
    /// What a store has to tell.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Admits the request, or not.
    ///
    /// # Errors
    /// [`GateError::Revoked`], [`GateError::RateLimited`], [`GateError::Replayed`] and [`GateError::Store`].
    pub fn decide(self, answer: Answer) -> Result<Admitted, GateError> {
        GateError::of(answer)?;
        Ok(Admitted { facts: Verified::new(self.facts), body: self.body })
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("question", &self.question).finish_non_exhaustive()
    }
}

/// A request that may be served, once its body has turned out to be the signed one.
#[must_use = "its body is still to be checked"]
#[derive(Debug)]
pub struct Admitted {
    facts: Verified<Facts>,
    body: BodyCheck,
}

impl Admitted {
    /// What it is about.
    #[must_use]
    pub const fn facts(&self) -> &Verified<Facts> {
        &self.facts
    }

    /// What it is about, and what its body is held to.
    pub fn into_parts(self) -> (Verified<Facts>, BodyCheck) {
        (self.facts, self.body)
    }
}

/// What the body of a request is held to.
#[must_use = "a body that nobody checks is not the signed one"]
#[non_exhaustive]
pub enum BodyCheck {
    /// The token says nothing about a body: those of Azure do not.
    Free,
    /// A digest or a range of sizes, if any was signed: nothing may act on the body before its end.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    Whole(Box<crate::v4::payload::PayloadCheck>),
    /// Chunks with signatures or a checksum of their own.
    #[cfg(feature = "aws")]
    Chunks(Box<crate::aws::ChunkVerifier>),
}

impl BodyCheck {
    /// Takes in a piece as it arrived, and hands out what may be kept of it to `keep`: at once where nothing is signed or the
    /// whole body is, chunk by chunk where each has its signature. Only [`finish`](Self::finish) says that it was the
    /// signed one.
    ///
    /// # Errors
    /// Those of [`ChunkVerifier::next`](crate::aws::ChunkVerifier::next), and [`VerifyError::Size`] as soon as a body is
    /// larger than it may be.
    #[cfg_attr(not(feature = "aws"), allow(clippy::unnecessary_wraps, reason = "AWS alone has chunks"))]
    pub fn take(&mut self, piece: &[u8], mut keep: impl FnMut(&[u8])) -> Result<(), VerifyError> {
        match self {
            Self::Free => keep(piece),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Self::Whole(check) => {
                check.update(piece);
                if check.is_too_long() {
                    return check.as_ref().clone().finish();
                }
                keep(piece);
            }
            #[cfg(feature = "aws")]
            Self::Chunks(chunks) => {
                let mut piece = piece;
                while let Some(verified) = chunks.next(&mut piece)? {
                    keep(verified);
                }
            }
        }
        Ok(())
    }

    /// Says whether the body was whole and the signed one.
    ///
    /// # Errors
    /// [`VerifyError::PayloadMismatch`] and [`VerifyError::Size`]; for chunks those of
    /// [`ChunkVerifier::finish`](crate::aws::ChunkVerifier::finish).
    pub fn finish(self) -> Result<(), VerifyError> {
        match self {
            Self::Free => Ok(()),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Self::Whole(check) => check.finish(),
            #[cfg(feature = "aws")]
            Self::Chunks(chunks) => chunks.finish(),
        }
    }
}

impl fmt::Debug for BodyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "Free",
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Self::Whole(_) => "Whole",
            #[cfg(feature = "aws")]
            Self::Chunks(_) => "Chunks",
        })
    }
}
