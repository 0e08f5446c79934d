//! Why no token was handed out.

use super::{Limited, SinkFailure};
use crate::{clock::Timestamp, error::IssueError, grant::Constraint};
use alloc::string::String;

/// Why no token was handed out. Whoever asked learns no more than that and a status: the rest is for the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The grant lies outside the bounds.
    #[error(transparent)]
    Bounds(#[from] Denied),
    /// The subject has had its share, or nobody can say whether it has.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// A token cannot be refreshed.
    #[error(transparent)]
    Refresh(#[from] NotRefreshable),
    /// The holder of the key made none.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The holder made one that lives longer than the grant, or than the session in which it was refreshed.
    #[error("the token would live until {token_ends}, the grant ends at {grant_ends}")]
    TooLong {
        /// When the token ends.
        token_ends: Timestamp,
        /// When it has to end.
        grant_ends: Timestamp,
    },
    /// The holder made one that was over before it could be handed out.
    #[error("the token ended at {token_ends}, and now it is {now}")]
    Over {
        /// When the token ended.
        token_ends: Timestamp,
        /// The time.
        now: Timestamp,
    },
    /// The requests of a batch come from several subjects.
    #[error("a batch is of one subject")]
    SeveralSubjects,
    /// It could not be put on record.
    #[error(transparent)]
    Audit(#[from] SinkFailure),
}

impl Refused {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Bounds(denied) => denied.code(),
            Self::Limited(limited) => limited.code(),
            Self::Refresh(why) => why.code(),
            Self::Issue(error) => error.code(),
            Self::TooLong { .. } => "token_too_long",
            Self::Over { .. } => "token_over",
            Self::SeveralSubjects => "several_subjects",
            Self::Audit(_) => "unaudited",
        }
    }
}

/// Why a grant is not given to a subject: a stable name, and a sentence for the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Denied {
    code: &'static str,
    why: String,
}

impl Denied {
    /// A code for metrics, which names nobody, and the reason for the audit record.
    #[must_use]
    pub fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// Why a token is not refreshed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRefreshable {
    /// Another subject, or another session, than that of the token before.
    #[error("the token was issued to another subject or session")]
    Other,
    /// It allows more than the token before.
    #[error("a refresh never widens: the {constraint} would")]
    Wider {
        /// What would be wider.
        constraint: Constraint,
    },
    /// A token for one use would be two.
    #[error("a token for one use cannot be refreshed")]
    SingleUse,
    /// The session is over, or would be before the token.
    #[error("the session ends at {session_ends}, the token would at {token_ends}")]
    SessionOver {
        /// When the session ends.
        session_ends: Timestamp,
        /// When the token would end.
        token_ends: Timestamp,
    },
    /// It has been refreshed too often.
    #[error("it was refreshed {limit} times, which is the most in a session")]
    TooOften {
        /// The most.
        limit: u32,
    },
}

impl NotRefreshable {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Other => "refresh_other",
            Self::Wider { .. } => "refresh_wider",
            Self::SingleUse => "refresh_single_use",
            Self::SessionOver { .. } => "refresh_session_over",
            Self::TooOften { .. } => "refresh_too_often",
        }
    }
}
