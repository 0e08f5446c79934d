//! Verifying: what was presented, and what is pending a signature.

use super::{
    canonical::{
        self, Algorithm, Amz, CHECKSUM_SHA256, PathRule, REGION_SET, REGION_SET_PARAM, StringToSign, must_sign,
    },
    expect::{Expect, Streams},
    fields::Claim,
    key::{Credential, Scope, ScopedKey, Signature, TokenKind},
    region_set::region_set_names,
    request::TokenPlacement,
    signed_request::SignedRequest,
    stream::{Announced, StreamMode},
};
use crate::{
    clock::Timestamp,
    encode::{PlusSign, Spelling},
    error::VerifyError,
    mac,
    target::{Target, has_dot_segment},
    token::Verified,
    v4::{
        canonical::{CanonicalRequest, Lines, Sorted, trimmed},
        fields::{Head, RawQuery},
        payload::{Payload, PayloadLine, UNSIGNED},
    },
    view::{HeaderLine, Limits, Plus, RequestView},
};
use alloc::{borrow::ToOwned, boxed::Box, vec::Vec};
use core::fmt;

/// What an error calls the region set.
pub(super) const REGION_SET_PART: &str = "region set";

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the query: a presigned URL.
    Presigned,
    /// In the `Authorization` header.
    Header,
}

/// A request that claims a signature: shape, size and fields were checked, nothing else.
///
/// Tells the access key id and the scope so that the caller can look the key up, in whatever way.
#[derive(Clone)]
pub struct Presented<'r> {
    pub(super) method: &'r str,
    pub(super) headers: &'r [HeaderLine<'r>],
    body_sha256: Option<[u8; 32]>,
    pub(super) host: &'r str,
    pub(super) path: &'r str,
    path_spelling: Spelling,
    pub(super) query: RawQuery<'r>,
    pub(super) content_sha256: Option<&'r [u8]>,
    chunk_limit: usize,
    pub(super) claim: Claim<'r>,
}

impl<'r> Presented<'r> {
    /// Reads a request within the default [`Limits`].
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a signature, [`VerifyError::TooLarge`] past a limit, and for a
    /// request that cannot be read in one way only: [`VerifyError::TwoMechanisms`],
    /// [`VerifyError::FieldCount`], [`VerifyError::FieldForm`], [`VerifyError::Malformed`],
    /// [`VerifyError::Algorithm`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        Self::parse_within(view, &Limits::DEFAULT)
    }

    /// Reads a request within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    #[inline]
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        Self::parse_as(Algorithm::HmacSha256, view, limits)
    }

    /// Reads a request that is signed by that algorithm and no other.
    #[inline]
    pub(super) fn parse_as(algorithm: Algorithm, view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let head = Head::read::<Amz>(view, limits)?;
        let target = Target::split(view.target(), limits)?;
        if head.authorization.is_none() && target.query.is_empty() {
            return Err(VerifyError::NotSigned);
        }
        let (query, reserved) = RawQuery::read::<Amz>(target.query, limits)?;
        let host = head.host()?;
        if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        let claim = match (head.authorization, reserved.any()) {
            (Some(_), true) => {
                return Err(VerifyError::TwoMechanisms { first: "Authorization", second: "X-Amz-* parameters" });
            }
            (Some(authorization), false) => {
                Claim::from_header(algorithm, authorization, &head, view.headers(), limits)?
            }
            (None, true) => Claim::from_query(algorithm, &reserved, &head, view.headers(), limits)?,
            (None, false) if reserved.foreign.is_some() => {
                return Err(VerifyError::Algorithm { field: "X-Amz-Algorithm", expected: algorithm.as_str() });
            }
            (None, false) => return Err(VerifyError::NotSigned),
        };
        if let Some(second) = reserved.foreign {
            return Err(VerifyError::TwoMechanisms { first: algorithm.as_str(), second });
        }
        if !claim.signed.host {
            return Err(VerifyError::UnsignedHeader { name: "host".to_owned() });
        }
        Ok(Self {
            method: view.method(),
            headers: view.headers(),
            body_sha256: view.body_digest(),
            host,
            path: target.path,
            path_spelling: target.path_spelling,
            query,
            content_sha256: head.content_sha256,
            chunk_limit: limits.chunk,
            claim,
        })
    }

    /// The access key id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.claim.access_key_id
    }

    /// The scope that the request names. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.claim.scope
    }

    /// Where the signature stands.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.claim.form
    }

    /// Whether a header is among those that are signed.
    pub(super) fn signs(&self, name: &str) -> bool {
        self.claim.signed.iter().any(|signed| signed == name)
    }

    /// Checks everything that needs no secret: scope, time, host, path, payload mode, signed headers.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another key than `credential`;
    /// [`VerifyError::Scope`], [`VerifyError::ScopeDate`], [`VerifyError::Lifetime`],
    /// [`VerifyError::Expired`], [`VerifyError::NotYetValid`], [`VerifyError::Skewed`],
    /// [`VerifyError::Host`], [`VerifyError::AmbiguousPath`], [`VerifyError::AmbiguousPlus`],
    /// [`VerifyError::PayloadMode`], [`VerifyError::UnsignedHeader`],
    /// [`VerifyError::SignedHeaderMissing`].
    pub fn check(self, credential: &Credential, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        if self.access_key_id() != credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let finding = self.examine(expect, now)?;
        let string_to_sign = self.string_to_sign(&finding);
        Ok(Pending { presented: self, finding, string_to_sign, credential: credential.clone(), now })
    }

    /// The part of [`check`](Self::check) that is the same for every key.
    #[inline]
    pub(super) fn examine(&self, expect: &Expect, now: Timestamp) -> Result<Finding, VerifyError> {
        self.check_scope(expect)?;
        let expires_at = self.check_time(expect, now)?;
        if expect.host.as_ref().is_some_and(|host| !host.eq_ignore_ascii_case(self.host)) {
            return Err(VerifyError::Host);
        }
        self.check_path(expect)?;
        if self.query.has_plus && expect.plus == Plus::Refuse {
            return Err(VerifyError::AmbiguousPlus);
        }
        let body = self.check_payload(expect)?;
        let mut finding = Finding {
            rule: expect.path_rule,
            plus: expect.plus,
            token_placement: expect.token_placement,
            expires_at,
            body,
            dot_segments: expect.dot_segments,
            digest: [0; 32],
        };
        finding.digest = self.canonical(&finding, &self.sorted_headers()).digest()?;
        Ok(finding)
    }

    /// What the signature is of, if it is right.
    #[inline]
    pub(super) fn string_to_sign(&self, finding: &Finding) -> StringToSign {
        StringToSign::new(&self.claim.amz_date, &self.claim.scope, &finding.digest)
    }

    /// Compares the signature, and if it is right holds the credential to the request.
    pub(super) fn judge(
        &self,
        expected: &Signature,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        if !mac::equal(&expected.hex(), self.claim.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        self.judge_credential(credential, now)
    }

    /// The same for a public key, which says for itself whether a signature is right.
    #[cfg(feature = "sigv4a")]
    pub(super) fn judge_public(
        &self,
        string_to_sign: &StringToSign,
        credential: &Credential,
        now: Timestamp,
        is_right: impl FnOnce(&StringToSign, &[u8]) -> Result<(), VerifyError>,
    ) -> Result<(), VerifyError> {
        is_right(string_to_sign, self.claim.signature)?;
        self.judge_credential(credential, now)
    }

    /// Holds the credential to the request.
    ///
    /// INVARIANT: called only after the signature was found to be right.
    fn judge_credential(&self, credential: &Credential, now: Timestamp) -> Result<(), VerifyError> {
        // What is wrong with a credential is told only to those who hold its key.
        let token = match (credential.token(), self.claim.session_token) {
            (None, None) => None,
            (None, Some(_)) => Some("is not expected with a long-term key"),
            (Some(_), None) => Some("is missing"),
            (Some((kind, _)), Some(theirs)) if kind != theirs.kind => {
                Some("is sent by another name than that of the key")
            }
            (Some((_, ours)), Some(theirs)) => (!theirs.equals(ours)).then_some("is not that of the key"),
        };
        if let Some(problem) = token {
            return Err(VerifyError::SessionToken { problem });
        }
        match credential.expires_at() {
            Some(ended_at) if now > ended_at => Err(VerifyError::CredentialExpired { ended_at, now }),
            _ => Ok(()),
        }
    }

    /// The key goes with a body in chunks, each of which is signed with it.
    ///
    /// INVARIANT: called only after `judge` agreed, for a signature that was made with that key.
    #[inline]
    pub(super) fn verified(
        self,
        finding: Finding,
        key: impl FnOnce(&Scope) -> Option<ScopedKey>,
    ) -> Verified<SignedRequest<'r>> {
        let stream = finding.body.stream;
        let key = if stream.is_some_and(|stream| stream.is_signed()) { key(&self.claim.scope) } else { None };
        Verified::new(SignedRequest { key: key.map(Box::new), finding, presented: self })
    }

    fn canonical<'a>(&'a self, finding: &'a Finding, lines: &'a Sorted<'a>) -> CanonicalRequest<'a> {
        const SIGNATURE: &[&str] = &["X-Amz-Signature"];
        const SIGNATURE_AND_TOKEN: &[&str] = &["X-Amz-Signature", "X-Amz-Security-Token"];
        let after = finding.token_placement == TokenPlacement::AfterSigning;
        let token_in_query =
            self.claim.session_token.is_some_and(|token| token.is_in_query() && token.kind == TokenKind::Security);
        let without = match self.claim.form {
            Form::Header => &[],
            Form::Presigned if after && token_in_query => SIGNATURE_AND_TOKEN,
            Form::Presigned => SIGNATURE,
        };
        let plus = if finding.plus == Plus::Blank { PlusSign::Blank } else { PlusSign::Plus };
        CanonicalRequest {
            method: self.method,
            path: self.path,
            path_spelling: self.path_spelling,
            rule: finding.rule,
            query: self.query.canonical(without, plus),
            lines,
            signed: self.claim.signed,
            must_sign: must_sign(finding.rule == PathRule::AsSent, !after),
            payload: finding.body.line.as_bytes(),
            // There is one such line, whose value is that without white space.
            host: Some(self.host),
        }
    }

    fn sorted_headers(&self) -> Sorted<'r> {
        Lines::new(self.headers, &[]).sorted()
    }

    const fn scope_field(&self) -> &'static str {
        match self.claim.form {
            Form::Presigned => "X-Amz-Credential",
            Form::Header => "Authorization",
        }
    }

    fn check_scope(&self, expect: &Expect) -> Result<(), VerifyError> {
        let field = self.scope_field();
        if let Some(region_set) = &self.claim.region_set {
            if !region_set_names(region_set, &expect.region) {
                let (expected, found) = (expect.region.clone(), region_set.clone().into_owned());
                let field = match self.claim.form {
                    Form::Presigned => REGION_SET_PARAM,
                    Form::Header => REGION_SET,
                };
                return Err(VerifyError::Scope { field, part: REGION_SET_PART, expected, found });
            }
        } else if expect.region.as_bytes() != self.claim.scope.region_bytes() {
            let (expected, found) = (expect.region.clone(), self.claim.scope.region().to_owned());
            return Err(VerifyError::Scope { field, part: "region", expected, found });
        }
        if expect.service.as_bytes() != self.claim.scope.service_bytes() {
            let (expected, found) = (expect.service.clone(), self.claim.scope.service().to_owned());
            return Err(VerifyError::Scope { field, part: "service", expected, found });
        }
        if self.claim.scope.date_bytes() != self.claim.amz_date.get(..8).unwrap_or_default() {
            return Err(VerifyError::ScopeDate { field, signed_at: self.claim.signed_at });
        }
        let is_s3_session = self.claim.session_token.is_some_and(|token| token.kind == TokenKind::S3Session);
        if is_s3_session && expect.service != canonical::S3_EXPRESS {
            return Err(VerifyError::SessionToken { problem: "is one of S3 Express One Zone, for another service" });
        }
        Ok(())
    }

    /// Holds the request to its time, and tells the last second at which it is good.
    fn check_time(&self, expect: &Expect, now: Timestamp) -> Result<Timestamp, VerifyError> {
        match self.claim.form {
            Form::Presigned => {
                let maximum = expect.max_lifetime.seconds();
                if !(1..=maximum).contains(&self.claim.lifetime) {
                    return Err(VerifyError::Lifetime { found: self.claim.lifetime, maximum });
                }
                let valid_from = self.claim.signed_at.saturating_sub(expect.skew);
                let life =
                    expect.fixed_life.map_or(self.claim.lifetime, |life| life.min(expect.max_lifetime).seconds());
                let expired_at = self.claim.signed_at.saturating_add(life);
                if now < valid_from {
                    return Err(VerifyError::NotYetValid { valid_from, now });
                }
                if now > expired_at {
                    return Err(VerifyError::Expired { expired_at, now });
                }
                Ok(expired_at)
            }
            Form::Header => {
                if now.seconds_since(self.claim.signed_at).unsigned_abs() > u64::from(expect.skew) {
                    return Err(VerifyError::Skewed { signed_at: self.claim.signed_at, now, allowed: expect.skew });
                }
                Ok(self.claim.signed_at.saturating_add(expect.skew))
            }
        }
    }

    fn check_path(&self, expect: &Expect) -> Result<(), VerifyError> {
        if !expect.dot_segments && has_dot_segment(self.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        if expect.path_rule.encodes_twice() {
            return Ok(());
        }
        if self.path_spelling == Spelling::Canonical {
            return Ok(());
        }
        // `%2F` is a byte of a name to some servers and a separator to others.
        if self.path.as_bytes().windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2f")) {
            return Err(VerifyError::AmbiguousPath { why: "`%2F` is not `/`" });
        }
        if !expect.recode_path {
            return Err(VerifyError::AmbiguousPath { why: "it is not percent-encoded as it is signed" });
        }
        Ok(())
    }

    /// Finds the payload line and what the body will be held to.
    fn check_payload(&self, expect: &Expect) -> Result<Body, VerifyError> {
        let declared = self.content_sha256.map(PayloadLine::parse::<Amz>).transpose()?;
        let is_s3 = canonical::is_s3(&expect.service);
        let hashed = || match self.body_sha256 {
            Some(digest) => Payload::Sha256(digest).line(),
            None => Payload::Empty.line(),
        };
        let line = match (self.claim.form, declared) {
            (Form::Header, None) if is_s3 => {
                return Err(VerifyError::FieldCount { field: "x-amz-content-sha256", found: 0 });
            }
            (_, Some(PayloadLine::Stream(mode))) if self.claim.form == Form::Presigned || !is_s3 => {
                // SPEC: a presigned URL never switches to a body in chunks, signed or not.
                return Err(VerifyError::PayloadMode { mode });
            }
            (Form::Header, Some(declared)) => declared,
            // SPEC: only a signed header changes what a presigned URL says about its body.
            (Form::Presigned, Some(declared)) if self.claim.signed.content_sha256 => declared,
            (Form::Presigned, _) if is_s3 => PayloadLine::Unsigned,
            _ => hashed(),
        };
        if matches!(line, PayloadLine::Unsigned) && !expect.unsigned_payload {
            return Err(VerifyError::PayloadMode { mode: UNSIGNED });
        }
        if self.query.content_sha256.is_some_and(|value| value != UNSIGNED) {
            // Some servers take the parameter as the payload line and others ignore it.
            return Err(VerifyError::PayloadMode { mode: "X-Amz-Content-Sha256 parameter" });
        }
        Ok(Body { line, checksum: self.signed_checksum()?, stream: self.stream(line, expect)? })
    }

    fn stream(&self, line: PayloadLine, expect: &Expect) -> Result<Option<Announced>, VerifyError> {
        let PayloadLine::Stream(literal) = line else { return Ok(None) };
        let mode = StreamMode::of_literal(literal.as_bytes())
            .filter(|_| self.claim.scope.algorithm() == Algorithm::HmacSha256);
        let mode = mode.filter(|mode| match expect.streams {
            Streams::Refuse => false,
            Streams::Signed => mode.is_signed(),
            Streams::Any => true,
        });
        let mode = mode.ok_or(VerifyError::PayloadMode { mode: literal })?;
        Announced::read(self.headers, mode, self.chunk_limit).map(Some)
    }

    fn signed_checksum(&self) -> Result<Option<[u8; 32]>, VerifyError> {
        const NAME: &str = CHECKSUM_SHA256;
        if !self.claim.signed.checksum_sha256 {
            return Ok(None);
        }
        let values = || self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(NAME));
        if values().next().is_none() {
            // The canonical request says so.
            return Ok(None);
        }
        let mut all = values();
        let (Some((_, value)), None) = (all.next(), all.next()) else {
            return Err(VerifyError::FieldCount { field: NAME, found: values().count() });
        };
        let mut digest = [0; 32];
        match <base64ct::Base64 as base64ct::Encoding>::decode(trimmed(value), &mut digest) {
            Ok(decoded) if decoded.len() == 32 => Ok(Some(digest)),
            _ => Err(VerifyError::FieldForm { field: NAME, expected: "32 bytes in base64" }),
        }
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("form", &self.claim.form)
            .field("access_key_id", &self.access_key_id())
            .field("scope", &self.claim.scope)
            .field("signed_at", &self.claim.signed_at)
            .finish_non_exhaustive()
    }
}

/// What is signed of the body, and what the body will be held to.
#[derive(Clone, Copy)]
pub(super) struct Body {
    pub(super) line: PayloadLine,
    pub(super) checksum: Option<[u8; 32]>,
    pub(super) stream: Option<Announced>,
}

/// What a check without a key found.
#[derive(Clone)]
pub(super) struct Finding {
    pub(super) rule: PathRule,
    pub(super) plus: Plus,
    token_placement: TokenPlacement,
    pub(super) expires_at: Timestamp,
    pub(super) body: Body,
    pub(super) dot_segments: bool,
    /// Of the canonical request.
    digest: [u8; 32],
}

/// A request that lacks only the comparison of its signature.
#[derive(Clone)]
pub struct Pending<'r> {
    presented: Presented<'r>,
    finding: Finding,
    string_to_sign: StringToSign,
    credential: Credential,
    now: Timestamp,
}

impl<'r> Pending<'r> {
    /// The scope that the signature belongs to: its region and service are the expected ones, its date
    /// that of the request.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.presented.claim.scope
    }

    /// What the expected signature is made from, with the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The canonical request as this verifier reads it. Header values may hold any byte.
    #[must_use]
    pub fn canonical_request(&self) -> Vec<u8> {
        self.presented.canonical(&self.finding, &self.presented.sorted_headers()).to_vec().unwrap_or_default()
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree,
    /// [`VerifyError::SessionToken`] or [`VerifyError::CredentialExpired`] if the credential does not
    /// go with the request.
    #[inline]
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        self.accept_with(expected, |_| None)
    }

    /// The same with the key that the expected signature was made with, if it is at hand.
    #[inline]
    pub(super) fn accept_with(
        self,
        expected: &Signature,
        key: impl FnOnce(&Scope) -> Option<ScopedKey>,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        self.presented.judge(expected, &self.credential, self.now)?;
        Ok(self.presented.verified(self.finding, key))
    }

    /// Takes the word of a public key for the presented signature.
    #[cfg(feature = "sigv4a")]
    pub(super) fn accept_if(
        self,
        is_right: impl FnOnce(&StringToSign, &[u8]) -> Result<(), VerifyError>,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        self.presented.judge_public(&self.string_to_sign, &self.credential, self.now, is_right)?;
        Ok(self.presented.verified(self.finding, |_| None))
    }
}

impl fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("presented", &self.presented)
            .field("expires_at", &self.finding.expires_at)
            .finish_non_exhaustive()
    }
}
