//! What a verified request says.

use super::{
    Plus,
    addressed::Addressed,
    canonical::Field,
    fields::{Own, text},
    permissions::Letters,
    resource::{KeyRange, Kind, Service},
    verify::{Life, Presented},
    version::Version,
};
use crate::{clock::Timestamp, encode, error::VerifyError, grant::Action, token::Fingerprint};
use alloc::string::String;
use core::fmt;

/// How the headers begin that name what a copy reads.
const SOURCE: &str = "x-ms-copy-source";

/// What a verifier found out about a request.
#[derive(Clone, Copy)]
pub(super) struct Facts<'r> {
    pub(super) plus: Plus,
    pub(super) service: Service,
    pub(super) addressed: Addressed<'r>,
    pub(super) letters: Letters,
    pub(super) life: Life,
    pub(super) is_create_only: bool,
}

/// The facts about a request that its token covers.
///
/// Inside a [`Verified`](crate::token::Verified), they are true: method and path are allowed, in time, from this client. A shared access signature
/// covers no headers but those that it names, and no body.
#[derive(Clone)]
pub struct SignedRequest<'r> {
    pub(super) presented: Presented<'r>,
    pub(super) facts: Facts<'r>,
}

impl<'r> SignedRequest<'r> {
    /// Names the token for revocation, replay protection and audit: what
    /// [`BearerUrl::fingerprint`](crate::token::BearerUrl::fingerprint) told when it was issued.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_signature(&self.presented.signature)
    }

    /// The method, which the permissions of the token allow on this resource.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.view.method()
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.facts.service
    }

    /// What kind of resource the token is for; nothing for an account SAS.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        self.presented.form.kind()
    }

    /// Whether a user delegation key signed.
    #[must_use]
    pub const fn is_delegated(&self) -> bool {
        !self.presented.is_of_account_key()
    }

    /// The container, share, queue or table that the request is about; empty for the service itself.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn container(&self) -> Result<String, VerifyError> {
        decoded(self.facts.addressed.container)
    }

    /// The blob, file, directory or message in it, decoded once; empty for the container itself. Route on this and on no
    /// other reading.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn name(&self) -> Result<String, VerifyError> {
        decoded(self.facts.addressed.name)
    }

    /// What the query says that the request does (`comp`, or `action` in Data Lake Storage); empty if it says nothing.
    #[must_use]
    pub fn operation(&self) -> &'r str {
        let own = if self.facts.service == Service::DataLake { Own::Action } else { Own::Comp };
        self.presented.params.own(own).unwrap_or_default()
    }

    /// The action of a grant that the request is, if a grant can be for it. One that makes something new is
    /// [`Action::Create`] if it must not overwrite; one that names a source to copy is [`Action::Copy`], though nothing of
    /// the token covers the source.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        let copies = self
            .presented
            .view
            .headers()
            .iter()
            .any(|(name, _)| name.get(..SOURCE.len()).is_some_and(|start| start.eq_ignore_ascii_case(SOURCE)));
        let action = self.presented.operation(self.facts.service, &self.facts.addressed).action()?;
        Some(match action {
            Action::Upload | Action::UploadPart | Action::Append if copies => Action::Copy,
            Action::Upload if self.facts.is_create_only => Action::Create,
            other => other,
        })
    }

    /// Whether a header of the request sets tags beside what it does.
    #[must_use]
    pub const fn sets_tags(&self) -> bool {
        self.presented.features.sets_tags
    }

    /// The object id of the identity whose user delegation key signed; nothing if an account key did.
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn delegator(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::KeyObject)
    }

    /// Whether the request may make something new but must not overwrite what is there: the caller has to look.
    #[must_use]
    pub const fn must_not_overwrite(&self) -> bool {
        self.facts.is_create_only
    }

    /// The letters of the permissions, in the order of the service.
    #[must_use]
    pub fn permissions(&self) -> String {
        let order = self.kind().map_or("rwdxylacuptfi", |kind| kind.orders()[0]);
        self.facts.letters.in_order(order).collect()
    }

    /// The service version of the token.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.presented.version
    }

    /// The first second at which the token is good, if it says.
    #[must_use]
    pub const fn starts_at(&self) -> Option<Timestamp> {
        self.facts.life.starts_at
    }

    /// The last second at which the same request is accepted again: the end of the token or of its key.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        // INVARIANT: no token without an end is accepted.
        self.facts.life.ends_at.unwrap_or(Timestamp::EPOCH)
    }

    /// The entities of a table that the token reaches. For anything but one named entity the caller has to hold the request
    /// to it.
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] if it cannot be read.
    pub fn key_range(&self) -> Result<KeyRange, VerifyError> {
        self.presented.key_range(self.facts.plus)
    }

    /// The scope that uploads must be encrypted in (`ses`).
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] if it cannot be read, as for the others below.
    pub fn encryption_scope(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::EncryptionScope)
    }

    /// The id that the logs show beside each use (`scid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn correlation_id(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::Correlation)
    }

    /// The stored access policy that completed the token (`si`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn policy_id(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::Identifier)
    }

    /// The object id of the user whom the owner of the delegation key has authorised (`saoid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn authorized_agent(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::AuthorizedObject)
    }

    /// The object id of the user for whom access control lists have to be checked (`suoid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn unauthorized_agent(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::UnauthorizedObject)
    }

    /// The object id of the user who has to present a token of his own (`sduoid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn delegated_user(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::DelegatedObject)
    }

    /// The headers that a download must come with, by name.
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] in place of one that cannot be read.
    pub fn response_headers(&self) -> impl Iterator<Item = Result<(&'static str, String), VerifyError>> {
        const HEADERS: [(Field, &str); 5] = [
            (Field::CacheControl, "Cache-Control"),
            (Field::ContentDisposition, "Content-Disposition"),
            (Field::ContentEncoding, "Content-Encoding"),
            (Field::ContentLanguage, "Content-Language"),
            (Field::ContentType, "Content-Type"),
        ];
        HEADERS.into_iter().filter_map(|(field, name)| self.text(field).transpose().map(|text| Ok((name, text?))))
    }

    fn text(&self, field: Field) -> Result<Option<String>, VerifyError> {
        let value = self.presented.params.get(field);
        value.map(|value| text(value, self.facts.plus, field.name())).transpose()
    }
}

fn decoded(text: &str) -> Result<String, VerifyError> {
    encode::decode(text).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method())
            .field("service", &self.service())
            .field("form", &self.presented.form)
            .field("permissions", &self.permissions())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
