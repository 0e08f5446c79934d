//! A request that lacks only the word of a store.

use super::{StoreKey, error::GateError, facts::Facts};
use crate::{
    clock::Timestamp,
    error::VerifyError,
    metrics::{Event, Metrics},
    token::Verified,
};
#[cfg(any(feature = "aws", feature = "gcs"))]
use std::boxed::Box;
use std::{fmt, sync::Arc, vec::Vec};

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
    pub(super) metrics: Option<Arc<dyn Metrics>>,
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
        let verdict = GateError::of(answer);
        if let Some(metrics) = &self.metrics {
            let left = self.facts.expires_at().seconds_since(self.question.now).max(0);
            let seconds_left = u32::try_from(left).unwrap_or(u32::MAX);
            metrics.record(&match &verdict {
                Ok(()) => Event::Verified { seconds_left },
                Err(error) => Event::Rejected { code: error.code() },
            });
        }
        verdict?;
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

/// What the body of a request is held to: what its token says, and the largest upload that the bounds allow.
#[must_use = "a body that nobody checks is not the signed one"]
pub struct BodyCheck {
    kind: Kind,
    /// The most bytes, without frames.
    largest: Option<u64>,
    kept: u64,
}

enum Kind {
    /// The token says nothing about a body: those of Azure do not.
    Free,
    /// A digest or a range of sizes, if any was signed.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    Whole(Box<crate::v4::payload::PayloadCheck>),
    /// Chunks with signatures or a checksum of their own.
    #[cfg(feature = "aws")]
    Chunks(Box<crate::aws::ChunkVerifier>),
}

impl BodyCheck {
    const fn new(kind: Kind) -> Self {
        Self { kind, largest: None, kept: 0 }
    }

    #[cfg(feature = "azure")]
    pub(super) const fn free() -> Self {
        Self::new(Kind::Free)
    }

    #[cfg(any(feature = "aws", feature = "gcs"))]
    pub(super) fn whole(check: crate::v4::payload::PayloadCheck) -> Self {
        Self::new(if check.is_free() { Kind::Free } else { Kind::Whole(Box::new(check)) })
    }

    #[cfg(feature = "aws")]
    pub(super) fn chunks(chunks: crate::aws::ChunkVerifier) -> Self {
        Self::new(Kind::Chunks(Box::new(chunks)))
    }

    pub(super) fn within(self, largest: Option<u64>) -> Self {
        Self { largest, ..self }
    }

    /// Whether something is known about the body only at its end, so that a piece of it is to be held back until then.
    #[must_use]
    pub const fn ends_with_a_check(&self) -> bool {
        !matches!(self.kind, Kind::Free)
    }

    /// Whether the body comes in frames that are not handed out.
    #[must_use]
    pub const fn is_framed(&self) -> bool {
        match self.kind {
            #[cfg(feature = "aws")]
            Kind::Chunks(_) => true,
            _ => false,
        }
    }

    /// Takes from `input`, and hands out the next bytes that may be kept: at once where nothing is signed or the whole body is,
    /// chunk by chunk where each has its signature. `None` means that it needs more input; all of `input` was taken then.
    /// Only [`finish`](Self::finish) says that the body was the signed one, so that nothing may act on it before.
    ///
    /// # Errors
    /// Those of [`ChunkVerifier::next`](crate::aws::ChunkVerifier::next), and [`VerifyError::Size`] as soon as a body is
    /// larger than it may be.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<&'s [u8]>, VerifyError> {
        let piece: Option<&'s [u8]> = match &mut self.kind {
            Kind::Free => Some(core::mem::take(input)),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Kind::Whole(check) => {
                let piece = core::mem::take(input);
                check.update(piece);
                if check.is_too_long() {
                    check.as_ref().clone().finish()?;
                }
                Some(piece)
            }
            #[cfg(feature = "aws")]
            Kind::Chunks(chunks) => chunks.next(input)?,
        };
        let piece = piece.filter(|piece| !piece.is_empty());
        self.kept = self.kept.saturating_add(piece.map_or(0, |piece| piece.len() as u64));
        match self.largest {
            Some(most) if self.kept > most => {
                Err(VerifyError::Size { field: "content-length", found: self.kept, least: 0, most })
            }
            _ => Ok(piece),
        }
    }

    /// Says whether the body was whole and the signed one.
    ///
    /// # Errors
    /// [`VerifyError::PayloadMismatch`] and [`VerifyError::Size`]; for chunks those of
    /// [`ChunkVerifier::finish`](crate::aws::ChunkVerifier::finish).
    pub fn finish(self) -> Result<(), VerifyError> {
        match self.kind {
            Kind::Free => Ok(()),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Kind::Whole(check) => check.finish(),
            #[cfg(feature = "aws")]
            Kind::Chunks(chunks) => chunks.finish(),
        }
    }
}

impl fmt::Debug for BodyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyCheck")
            .field("ends_with_a_check", &self.ends_with_a_check())
            .field("largest", &self.largest)
            .finish_non_exhaustive()
    }
}
