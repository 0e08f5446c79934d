//! What an upload refuses.

use crate::{clock::Timestamp, error::IssueError};

/// Why an upload session did not do what it was asked for. It is what it was before.
///
/// No message holds an upload id, a session URI, a name or a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// What is to be uploaded cannot be.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// No part that the service takes can be sent within the life of a token.
    #[error(
        "a part has at least {least} bytes, and {fits} can be sent within the life of a token: say why one may live longer"
    )]
    DoesNotFit {
        /// In bytes.
        least: u64,
        /// In bytes.
        fits: u64,
    },
    /// Asked for at another point of the upload.
    #[error("an upload that is {state} cannot {asked}")]
    NotNow {
        /// Where the upload is.
        state: &'static str,
        /// What was asked for.
        asked: &'static str,
    },
    /// Nobody knows what became of the last request: look before another one is made.
    #[error("it is not known what became of {what}: look first")]
    LookFirst {
        /// Which request.
        what: &'static str,
    },
    /// The session is over, and has to be cleaned up.
    #[error("the upload session ended at {at}")]
    Ended {
        /// The last second at which it was of use.
        at: Timestamp,
    },
    /// Somebody else's session.
    #[error("the upload session belongs to another user")]
    NotOwner,
    /// No such part, or one that nobody was told to send.
    #[error("part {number} is none that was given out")]
    UnknownPart {
        /// Its number, the first being 1.
        number: u32,
    },
    /// A part of another size than it was given out with.
    #[error("part {number} has {expected} bytes, and {found} were acknowledged")]
    PartSize {
        /// Its number, the first being 1.
        number: u32,
        /// In bytes.
        found: u64,
        /// In bytes.
        expected: u64,
    },
    /// A part that was acknowledged before, with another tag.
    #[error("part {number} was acknowledged before with another `ETag`")]
    OtherTag {
        /// Its number, the first being 1.
        number: u32,
    },
    /// A tag that is missing, too much, or none.
    #[error("the `ETag` of part {number} {problem}")]
    Tag {
        /// Its number, the first being 1.
        number: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Cloud Storage cannot have received so much, or has received more.
    #[error("{found} bytes were acknowledged, where {least} to {most} can be")]
    Received {
        /// In bytes.
        found: u64,
        /// In bytes.
        least: u64,
        /// In bytes.
        most: u64,
    },
    /// Parts are missing.
    #[error("{missing} bytes are missing, the first of them in part {number}")]
    Incomplete {
        /// The first part that is missing, the first being 1.
        number: u32,
        /// In bytes.
        missing: u64,
    },
    /// A token that was renewed more often than any upload needs.
    #[error("the token of part {number} was renewed {limit} times")]
    TooManyRefreshes {
        /// Its number, the first being 1.
        number: u32,
        /// How often a token may be renewed.
        limit: u32,
    },
    /// Tokens are out that could still change what is given up.
    #[error("tokens of this upload are good until {until}: clean up again then")]
    TokensOut {
        /// The last second at which one is good.
        until: Timestamp,
    },
    /// An object of this session's making has another size than was asked for.
    #[error("the object has {found} bytes instead of {expected}")]
    ObjectSize {
        /// In bytes.
        found: u64,
        /// In bytes.
        expected: u64,
    },
    /// An answer that is none to the question, or cannot be one.
    #[error("what was seen is no answer to what was looked for: {why}")]
    Answer {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The session URI was not saved with the session, or is another one.
    #[error("the session URI {problem}")]
    SessionUri {
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl UploadError {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Issue(error) => error.code(),
            Self::DoesNotFit { .. } => "does_not_fit",
            Self::NotNow { .. } => "not_now",
            Self::LookFirst { .. } => "look_first",
            Self::Ended { .. } => "ended",
            Self::NotOwner => "not_owner",
            Self::UnknownPart { .. } => "unknown_part",
            Self::PartSize { .. } => "part_size",
            Self::OtherTag { .. } => "other_tag",
            Self::Tag { .. } => "tag",
            Self::Received { .. } => "received",
            Self::Incomplete { .. } => "incomplete",
            Self::TooManyRefreshes { .. } => "too_many_refreshes",
            Self::TokensOut { .. } => "tokens_out",
            Self::ObjectSize { .. } => "object_size",
            Self::Answer { .. } => "answer",
            Self::SessionUri { .. } => "session_uri",
        }
    }
}
