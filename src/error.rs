//! The three errors, by who must act: our caller, the peer and its operator, the holder of the key.
//!
//! No message holds a secret, a computed signature or unescaped bytes of a peer.

use crate::{
    clock::Timestamp,
    grant::{Constraint, plan::Form},
};
use alloc::string::String;

/// A time that cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not in the form that the field has.
    #[error("a time must have the form `YYYYMMDDTHHMMSSZ`")]
    Form,
    /// A day or time that no calendar has, or outside 1970 to 9999.
    #[error("a time must be a calendar date and time between 1970 and 9999")]
    OutOfRange,
}

/// A grant that cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// A lifetime of no time at all.
    #[error("a lifetime is at least 1 second")]
    ZeroLifetime,
    /// A justification that says nothing, or too much.
    #[error("a justification is one line of 1 to 500 bytes without control characters")]
    Justification,
    /// A constraint that no caller can do without.
    #[error("the {constraint} of a grant is never given up")]
    NeverGivenUp {
        /// The constraint.
        constraint: Constraint,
    },
    /// A request id that logs could not show as it is.
    #[error("a request id is 1 to 64 letters, digits and `-`")]
    RequestId,
}

/// Why no token was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The token form has no way to enforce a constraint, so issuing would drop it.
    #[error("{form} cannot enforce {constraint}; {instead}")]
    NotEnforceable {
        /// What would be dropped.
        constraint: Constraint,
        /// The token form that was asked for.
        form: &'static str,
        /// What could enforce it.
        instead: &'static str,
    },
    /// Broader than the default, and nobody said why.
    #[error("{what} needs a justification: call `because`")]
    Unjustified {
        /// What is broader than the default.
        what: &'static str,
    },
    /// An upload that neither says nor waives one of its bounds.
    #[error("an upload must say its {constraint}, or waive it by name with `any_...`")]
    Unbounded {
        /// The bound.
        constraint: Constraint,
    },
    /// A name or value that the service, the format or HTTP does not allow.
    #[error("{what} is invalid: {why}")]
    Invalid {
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header or parameter that belongs to the signer.
    #[error("`{name}` belongs to the signer and cannot be set")]
    Reserved {
        /// Its name.
        name: String,
    },
    /// A header that proxies change on the way, so that its signature would break.
    #[error("`{name}` may change on the way and must not be signed: send it unsigned")]
    NeverSigned {
        /// Its name.
        name: String,
    },
    /// A lifetime beyond what the service allows.
    #[error("a lifetime of {requested} s was asked for, but {service} allows at most {maximum} s")]
    LifetimeTooLong {
        /// In seconds.
        requested: u32,
        /// In seconds.
        maximum: u32,
        /// The service.
        service: String,
    },
    /// A transfer that takes longer than its data may be open, or than its service allows.
    #[error(
        "the transfer takes {needed} s, and its token may live {allowed} s: send it in parts of at most {largest_part} \
         bytes with a token for each, or say why it may live longer where the service allows that"
    )]
    NeedsParts {
        /// In seconds, with the factor for safety.
        needed: u64,
        /// In seconds.
        allowed: u32,
        /// What fits in one token, in bytes.
        largest_part: u64,
    },
    /// Something that has more characters than the service takes.
    #[error("{what}: found {found}, the limit is {limit}")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// Its characters.
        found: usize,
        /// The most characters.
        limit: usize,
    },
    /// The credential ends before the token would.
    #[error("the token would live until {token_ends}, but its credential ends at {credential_ends}")]
    OutlivesCredential {
        /// When the token would end.
        token_ends: Timestamp,
        /// When the credential ends.
        credential_ends: Timestamp,
    },
    /// The end of the token lies after the year 9999.
    #[error("the token would end after the year 9999")]
    TimeOverflow,
    /// The holder of the key could not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl IssueError {
    /// The same of another form than the one that is lowered like it.
    pub(crate) fn of(self, form: Form) -> Self {
        match self {
            Self::NotEnforceable { constraint, instead, .. } => {
                Self::NotEnforceable { constraint, form: form.name(), instead }
            }
            other => other,
        }
    }

    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotEnforceable { .. } => "not_enforceable",
            Self::Unjustified { .. } => "unjustified",
            Self::Unbounded { .. } => "unbounded",
            Self::Invalid { .. } => "invalid",
            Self::Reserved { .. } => "reserved",
            Self::NeverSigned { .. } => "never_signed",
            Self::LifetimeTooLong { .. } => "lifetime_too_long",
            Self::NeedsParts { .. } => "needs_parts",
            Self::TooLong { .. } => "too_long",
            Self::OutlivesCredential { .. } => "outlives_credential",
            Self::TimeOverflow => "time_overflow",
            Self::Key(error) => error.code(),
        }
    }
}

/// Why a holder did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A derived key was asked to sign for another day, region or service.
    #[error("this key signs for scope `{key}` only, not for `{asked}`")]
    OutOfScope {
        /// The scope of the key.
        key: String,
        /// The scope that was asked for.
        asked: String,
    },
    /// A credential or signature that does not have the form it must have.
    #[error("{what} is invalid: {why}")]
    Invalid {
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A remote or hardware holder failed; the text is the holder's and must hold no secret.
    #[error("the key holder failed: {0}")]
    Holder(String),
}

impl KeyError {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OutOfScope { .. } => "key_out_of_scope",
            Self::Invalid { .. } => "key_invalid",
            Self::Holder(_) => "key_holder",
        }
    }
}

/// Why a request was refused.
///
/// The variant and its fields are for logs and audit records. What the peer is told is decided by the
/// provider's mapping, for example [`aws::S3Error`](crate::aws::S3Error), which by default does not
/// tell an unknown key from a wrong signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A part of the request is larger than its limit.
    #[error("{what}: found {found}, the limit is {limit}")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The largest size.
        limit: usize,
    },
    /// The request carries no signature at all.
    #[error("the request is not signed")]
    NotSigned,
    /// Two mechanisms at once, of which servers might check one and obey the other.
    #[error("only one authentication mechanism is allowed, found {first} and {second}")]
    TwoMechanisms {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A field that must be there once is missing or repeated.
    #[error("`{field}` must appear exactly once, found {found}")]
    FieldCount {
        /// The field.
        field: &'static str,
        /// How often it is there.
        found: usize,
    },
    /// A field is there but cannot be read.
    #[error("`{field}` must be {expected}")]
    FieldForm {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A part of the request that is not part of the signature scheme cannot be read.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The scheme or algorithm is not the one that is verified here.
    #[error("unsupported algorithm in `{field}`: only `{expected}` is accepted")]
    Algorithm {
        /// Where it stands.
        field: &'static str,
        /// The accepted one.
        expected: &'static str,
    },
    /// The scope names another region or service, or the region set of `SigV4a` does not name the region.
    #[error("the {part} of the credential scope in `{field}` must be `{expected}`, found `{found}`")]
    Scope {
        /// Where the scope stands.
        field: &'static str,
        /// Which part of the scope.
        part: &'static str,
        /// What it must be.
        expected: String,
        /// What it is: letters, digits, `-` and `_` only, in a region set `*` and `,` too.
        found: String,
    },
    /// The date of the scope is not the date of the request.
    #[error("the date of the credential scope in `{field}` must be the day of the request time {signed_at}")]
    ScopeDate {
        /// Where the scope stands.
        field: &'static str,
        /// The request time.
        signed_at: Timestamp,
    },
    /// A lifetime outside 1 s to the configured maximum.
    #[error("the lifetime must be 1 to {maximum} s, found {found} s")]
    Lifetime {
        /// In seconds.
        found: u32,
        /// In seconds.
        maximum: u32,
    },
    /// Its lifetime is over.
    #[error("expired at {expired_at}, checked at {now}")]
    Expired {
        /// The last second at which it was good.
        expired_at: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// Its lifetime has not begun.
    #[error("not valid before {valid_from}, checked at {now}")]
    NotYetValid {
        /// The first second at which it is good, skew included.
        valid_from: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// A header-signed request that is too old or from the future.
    #[error("signed at {signed_at}, checked at {now}: more than {allowed} s apart")]
    Skewed {
        /// The request time.
        signed_at: Timestamp,
        /// The time of the check.
        now: Timestamp,
        /// In seconds.
        allowed: u32,
    },
    /// The credential's own life is over.
    #[error("the credential ended at {ended_at}, checked at {now}")]
    CredentialExpired {
        /// The last second at which it was good.
        ended_at: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// The host is not one that this verifier serves.
    #[error("the host of the request is not the expected one")]
    Host,
    /// A header that must be signed arrived unsigned.
    #[error("header `{name}` arrived but is not among the signed headers")]
    UnsignedHeader {
        /// Its lower-case name, cut at 64 bytes.
        name: String,
    },
    /// A signed header did not arrive.
    #[error("signed header `{name}` did not arrive")]
    SignedHeaderMissing {
        /// Its lower-case name, cut at 64 bytes.
        name: String,
    },
    /// The path can be read in two ways.
    #[error("the path is ambiguous: {why}")]
    AmbiguousPath {
        /// How.
        why: &'static str,
    },
    /// A bare `+` in the query, which some servers read as a blank.
    #[error("a bare `+` in the query is ambiguous: `%2B` or `%20` is expected")]
    AmbiguousPlus,
    /// A payload mode that this verifier does not accept for this request.
    #[error("payload mode `{mode}` is not accepted here")]
    PayloadMode {
        /// The mode.
        mode: &'static str,
    },
    /// The body is not the one that was signed.
    #[error("the body does not match the signed {what}")]
    PayloadMismatch {
        /// What it was held to.
        what: &'static str,
    },
    /// A body that is sent in chunks is not framed as its mode says, or ends too early.
    #[error("the chunks of the body are malformed: {why}")]
    Framing {
        /// What is wrong with them.
        why: &'static str,
    },
    /// A chunk is smaller than the service takes, and is not the last one.
    #[error("chunk {chunk} holds {found} bytes, but only the last chunk may hold less than {least}")]
    ChunkSize {
        /// Which chunk, the first being 1.
        chunk: u64,
        /// In bytes.
        found: u64,
        /// In bytes.
        least: u64,
    },
    /// The trailer behind the last chunk is not the one that was announced.
    #[error("the trailer is malformed: {why}")]
    Trailer {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The body is smaller or larger than what was signed allows. One that was given up for its size counts as far
    /// as it was read.
    #[error("the body has {found} bytes, and `{field}` allows {least} to {most}")]
    Size {
        /// Where the bounds stand.
        field: &'static str,
        /// In bytes.
        found: u64,
        /// In bytes.
        least: u64,
        /// In bytes.
        most: u64,
    },
    /// A field of a form that is missing, or is not what it must be.
    #[error("the form field `{field}` {problem}")]
    FormField {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The policy of a form cannot be read, or not in one way only.
    #[error("the policy document is malformed: {why}")]
    PolicyDocument {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A form does not meet its own policy.
    #[error("the policy is not met: {why}")]
    Policy {
        /// Which condition.
        why: String,
    },
    /// The token does not reach so far: another service, kind of resource, resource, or range of keys.
    #[error("`{field}` does not cover the requested {what}")]
    NotCovered {
        /// The field of the token that says how far it reaches.
        field: &'static str,
        /// What was asked for.
        what: &'static str,
    },
    /// The token has none of the permissions, or its rule none of the rights, that the operation needs.
    #[error("the operation needs {needed}, which `{field}` does not give")]
    Permission {
        /// The field of the token that gives permissions.
        field: &'static str,
        /// What would do.
        needed: &'static str,
    },
    /// A request that no token of this kind is for, or that this verifier does not know.
    #[error("there is no such operation: {why}")]
    Operation {
        /// What about it.
        why: &'static str,
    },
    /// The client comes from an address that the token does not allow, or nobody vouches for its address.
    #[error("the address of the client {problem}")]
    ClientAddress {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The token is for HTTPS and the request did not come over it.
    #[error("the token is for HTTPS only")]
    PlainHttp,
    /// The stored access policy that the token names cannot complete it.
    #[error("the stored access policy {problem}")]
    StoredPolicy {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No key of this id is known.
    #[error("the access key id is unknown")]
    UnknownKey,
    /// The request was signed for another key than the one that it is checked with.
    #[error("the access key id is not that of the key")]
    OtherKey,
    /// The signature is wrong.
    #[error("the signature does not match")]
    SignatureMismatch,
    /// The session token is missing, unexpected or wrong.
    #[error("the session token {problem}")]
    SessionToken {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The holder of the key failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl VerifyError {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotSigned => "not_signed",
            Self::TwoMechanisms { .. } => "two_mechanisms",
            Self::FieldCount { .. } => "field_count",
            Self::FieldForm { .. } => "field_form",
            Self::Malformed { .. } => "malformed",
            Self::Algorithm { .. } => "algorithm",
            Self::Scope { .. } => "scope",
            Self::ScopeDate { .. } => "scope_date",
            Self::Lifetime { .. } => "lifetime",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Skewed { .. } => "skewed",
            Self::CredentialExpired { .. } => "credential_expired",
            Self::Host => "host",
            Self::UnsignedHeader { .. } => "unsigned_header",
            Self::SignedHeaderMissing { .. } => "signed_header_missing",
            Self::AmbiguousPath { .. } => "ambiguous_path",
            Self::AmbiguousPlus => "ambiguous_plus",
            Self::PayloadMode { .. } => "payload_mode",
            Self::PayloadMismatch { .. } => "payload_mismatch",
            Self::Framing { .. } => "framing",
            Self::ChunkSize { .. } => "chunk_size",
            Self::Trailer { .. } => "trailer",
            Self::Size { .. } => "size",
            Self::FormField { .. } => "form_field",
            Self::PolicyDocument { .. } => "policy_document",
            Self::Policy { .. } => "policy",
            Self::NotCovered { .. } => "not_covered",
            Self::Permission { .. } => "permission",
            Self::Operation { .. } => "operation",
            Self::ClientAddress { .. } => "client_address",
            Self::PlainHttp => "plain_http",
            Self::StoredPolicy { .. } => "stored_policy",
            Self::UnknownKey => "unknown_key",
            Self::OtherKey => "other_key",
            Self::SignatureMismatch => "signature_mismatch",
            Self::SessionToken { .. } => "session_token",
            Self::Key(error) => error.code(),
        }
    }
}
