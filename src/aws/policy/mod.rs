//! Session policies: the same grants, for a client that gets temporary credentials rather than a URL.
//!
//! ```text
//! Grants ──SessionGrants::to_policy(now)──▶ sts::SessionPolicy ──sts::SessionRequest::policy──▶ STS ──▶ temporary key
//! ```
//!
//! A session policy never gives anything: the session can do what both it and the role (or user) behind it allow. A
//! resource policy that names the session itself, rather than the role, is not narrowed by it.
//!
//! | of a grant | in the policy |
//! |---|---|
//! | read, create or overwrite, delete, tags | the action of S3 on the ARN of the object, or of all under the prefix |
//! | one version | the action for versions, `StringEquals s3:versionid` |
//! | create only | `s3:PutObject`, `Null s3:if-none-match false` |
//! | list, list versions | the action on the ARN of the bucket, `StringLike s3:prefix`, `s3:delimiter` and `s3:max-keys` if asked |
//! | abort, list parts, under a prefix | the action on the ARN of all under the prefix |
//! | encryption with keys of the provider, storage class | `StringEquals` on the header that says it |
//! | send, receive | `sqs:SendMessage` or `sqs:ReceiveMessage` on the ARN of the queue |
//! | client address | `IpAddress aws:SourceIp`; a request through a VPC endpoint has none and is refused |
//! | HTTPS | `Bool aws:SecureTransport true` |
//! | not before, lifetime | `aws:CurrentTime` |
//! | anything else | refused, with the form that could |
//!
//! Source: IAM User Guide, "Grammar of the IAM JSON policy language", "Condition operators" and "Policy variables"; Service
//! Authorization Reference, "Actions, resources, and condition keys" for Amazon S3 and Amazon SQS; STS API Reference,
//! `AssumeRole`.

mod limit;
mod lower;
mod marks;
mod write;

pub use self::limit::SessionBounds;

use self::{lower::Lowered, write::Deny};
use super::{Region, sts::SessionPolicy};
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Grant, Justification, Lifetime, OnShortCredential},
};
use alloc::vec::Vec;

/// Grants that one session is to have, and nothing else.
///
/// ```
/// use valet_key::aws::{Region, policy::SessionGrants, sts::SessionRequest};
/// use valet_key::{clock::Timestamp, grant::{Actions, Grant, Justification, Lifetime}};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let album = Grant::under("albums", "42/", Actions::READ | Actions::LIST)
///     .because(Justification::new("album download, ticket 4711")?)
///     .client_address("198.51.100.0/24");
/// let fifteen_minutes = Lifetime::minutes(15)?;
///
/// let policy = SessionGrants::new(Region::new("eu-west-1")?, fifteen_minutes).grant(album).to_policy(now)?;
/// assert_eq!(
///     policy.as_str(),
///     "{\"Version\":\"2012-10-17\",\"Statement\":[\
///      {\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::albums/42/*\",\"Condition\":{\
///      \"Bool\":{\"aws:SecureTransport\":\"true\"},\
///      \"DateLessThanEquals\":{\"aws:CurrentTime\":\"2023-11-14T22:28:20Z\"},\
///      \"IpAddress\":{\"aws:SourceIp\":\"198.51.100.0/24\"}}},\
///      {\"Effect\":\"Allow\",\"Action\":\"s3:ListBucket\",\"Resource\":\"arn:aws:s3:::albums\",\"Condition\":{\
///      \"Bool\":{\"aws:SecureTransport\":\"true\"},\
///      \"DateLessThanEquals\":{\"aws:CurrentTime\":\"2023-11-14T22:28:20Z\"},\
///      \"IpAddress\":{\"aws:SourceIp\":\"198.51.100.0/24\"},\
///      \"StringLike\":{\"s3:prefix\":\"42/*\"}}}]}"
/// );
/// let request = SessionRequest::assume_role("arn:aws:iam::123456789012:role/reader", "user-42")
///     .lives(fifteen_minutes)
///     .policy(policy);
/// # let _ = request;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Objects that are encrypted with a key of KMS need permissions on that key, which no grant gives: such a session cannot
/// read or write them.
#[derive(Clone, Debug)]
pub struct SessionGrants {
    region: Region,
    session: Lifetime,
    grants: Vec<Grant>,
    on_short_session: OnShortCredential,
    signed_within: Option<Lifetime>,
    plain_http: Option<Justification>,
}

impl SessionGrants {
    /// For a session of this length, as STS is asked for it, that is used in this region. Its partition is that of all
    /// ARNs.
    ///
    /// A grant ends at its own time, to the second, however long its session lives. One that would live longer than the session
    /// is refused, see [`Self::on_short_session`].
    #[must_use]
    pub const fn new(region: Region, session: Lifetime) -> Self {
        Self {
            region,
            session,
            grants: Vec::new(),
            on_short_session: OnShortCredential::Refuse,
            signed_within: None,
            plain_http: None,
        }
    }

    /// What to do with a grant that would live longer than the session: refuse it, or let it end with the session.
    #[must_use]
    pub const fn on_short_session(mut self, choice: OnShortCredential) -> Self {
        self.on_short_session = choice;
        self
    }

    /// One grant more.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// URLs and forms for S3 that are signed with the session's key are good for this long at most after their signing, to the
    /// week that S3 allows: `s3:signatureAge`.
    #[must_use]
    pub const fn signed_within(mut self, longest: Lifetime) -> Self {
        self.signed_within = Some(longest);
        self
    }

    /// Allows requests without TLS, such as to a server of one's own behind a proxy.
    #[must_use]
    pub fn allow_plain_http(mut self, why: Justification) -> Self {
        self.plain_http = Some(why);
        self
    }

    /// Why requests without TLS are allowed, if they are.
    #[must_use]
    pub const fn plain_http(&self) -> Option<&Justification> {
        self.plain_http.as_ref()
    }

    /// The policy that allows exactly these grants, in the fewest statements that its parts can be merged to without
    /// allowing more.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever of a grant a session policy cannot carry, with the form that can;
    /// [`IssueError::Unbounded`] for an upload that does not waive its size and type; [`IssueError::Unjustified`] for a long
    /// life without a reason; [`IssueError::Invalid`] for names and addresses that AWS does not take, and for no grant at
    /// all; [`IssueError::OutlivesCredential`] for a grant that lives longer than the session;
    /// [`IssueError::LifetimeTooLong`] for more than a week; [`IssueError::TimeOverflow`]; and
    /// [`IssueError::TooLong`] with the number of characters if they are more than 2,048: then ask for a session for each
    /// part of the grants.
    pub fn to_policy(&self, now: Timestamp) -> Result<SessionPolicy, IssueError> {
        if self.grants.is_empty() {
            return Err(IssueError::Invalid { what: "session policy", why: "it must allow at least one grant" });
        }
        let session_ends = now.checked_add(self.session.seconds()).ok_or(IssueError::TimeOverflow)?;
        let (region, https_only) = (&self.region, self.plain_http.is_none());
        let mut allowed = Vec::new();
        for grant in &self.grants {
            let ends = Lowered { grant, region, https_only }.end(session_ends, self.on_short_session, now)?;
            allowed.extend(grant.lowered(|grant| Lowered { grant, region, https_only }.atoms(ends))?);
        }
        let older = self.signed_within.map(|longest| Deny::older_signatures(longest, &allowed)).transpose()?;
        SessionPolicy::new(write::document(allowed, older.as_ref()))
    }
}
