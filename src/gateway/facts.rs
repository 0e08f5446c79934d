//! What a verified request is about, in one shape for all providers.

use crate::{
    clock::Timestamp,
    grant::{Action, Actions, CopySource, plan::Provider},
    policy::Brings,
    token::Fingerprint,
};
use std::{fmt, string::String, vec::Vec};

/// What a request is about, whoever's token it carries: facts that the signature covers, and nothing else.
///
/// Inside a [`Verified`](crate::token::Verified) they are true. It owns its text, so that it can go into the extensions of a
/// request.
///
/// | fact | AWS | Cloud Storage | Azure |
/// |---|---|---|---|
/// | [`key_id`](Self::key_id) | access key id | account or access id | object id of the delegation key's owner, or the account |
/// | [`subject`](Self::subject) | signed parameter `x-user` | signed parameter `x-user` | `saoid`, else `suoid`, else `sduoid` |
/// | [`correlation_id`](Self::correlation_id) | signed parameter `x-request-id` | signed header `x-goog-custom-audit-request-id` | `scid` |
/// | [`issued_at`](Self::issued_at) | date of the signature | date of the signature | `st`, if there is one |
/// | single use | signed parameter `x-use=once` | signed parameter `x-use=once` | not marked |
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and nobody passes them by place")]
pub struct Facts {
    pub(super) provider: Provider,
    pub(super) method: String,
    pub(super) operation: String,
    pub(super) action: Option<Action>,
    pub(super) sets_tags: bool,
    pub(super) container: String,
    pub(super) object: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) source: Option<CopySource>,
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) response_headers: Vec<(String, String)>,
    pub(super) key_id: String,
    pub(super) subject: Option<String>,
    pub(super) correlation_id: Option<String>,
    pub(super) issued_at: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
    pub(super) fingerprint: Fingerprint,
    pub(super) replay_key: [u8; 32],
    pub(super) marked_single_use: bool,
    pub(super) must_not_overwrite: bool,
    pub(super) brings: Brings,
    /// Data Lake and Files store the media type that a header of their own tells.
    pub(super) stores_own_type: bool,
}

impl Facts {
    /// Whose rules it follows.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What the provider calls the operation, for records: `GetObject`, for example; the method where it has no name.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The action of a grant that it is; nothing for an operation that no grant can be for.
    #[must_use]
    pub const fn action(&self) -> Option<Action> {
        self.action
    }

    /// All that it needs to be allowed: [`action`](Self::action), and [`Action::WriteTags`] for an upload with tags. Nothing for an
    /// operation, or a header like that of an ACL, that no grant can be for.
    #[must_use]
    pub fn actions(&self) -> Option<Actions> {
        let action = Actions::from(self.action?);
        Some(if self.sets_tags { action | Action::WriteTags.into() } else { action })
    }

    /// The bucket, container, share, queue or table; empty for the service itself.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The raw name of the object in it, decoded once. Route on this and on no other reading.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// What the names of a listing begin with; nothing for the listing of all names, and always with a token of Azure, which
    /// does not cover it.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// What a copy reads, where the signature covers that.
    #[must_use]
    pub const fn source(&self) -> Option<&CopySource> {
        self.source.as_ref()
    }

    /// A signed parameter, decoded once, such as `uploadId`. A token of Azure covers none.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The lines of a signed header in arrival order, by name in any letters. What was sent beside the signature is not
    /// among them, a session token is not either, and a token of Azure covers none.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The headers that the answer has to come with: `Content-Disposition` and such, by lower-case name.
    pub fn response_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.response_headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The key that signed.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// For whom the token was issued, if it says.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The id that the issuer gave it, if any.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// When its life begins, by the clock of the signer, if it says.
    #[must_use]
    pub const fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Names the token in records without being it: what its issuer was told too.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Whether the token itself says that it is good for one use.
    #[must_use]
    pub const fn is_marked_single_use(&self) -> bool {
        self.marked_single_use
    }

    /// Whether it may make something new but must not overwrite what is there: the caller has to look.
    #[must_use]
    pub const fn must_not_overwrite(&self) -> bool {
        self.must_not_overwrite
    }

    /// The names that it reads or writes, each with its container: the object or the prefix of a listing, then what a copy
    /// reads.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let name = self.object.as_deref().or(self.prefix.as_deref()).unwrap_or_default();
        let source = self.source.as_ref().map(|source| (source.container(), source.name()));
        core::iter::once((self.container.as_str(), name)).chain(source)
    }
}

impl fmt::Debug for Facts {
    /// Parameters may hold what an upload is found by, so they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("provider", &self.provider)
            .field("operation", &self.operation)
            .field("action", &self.action)
            .field("container", &self.container)
            .field("object", &self.object)
            .field("key_id", &self.key_id)
            .field("subject", &self.subject)
            .field("correlation_id", &self.correlation_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
