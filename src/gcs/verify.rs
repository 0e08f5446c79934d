//! Verifying: what was presented, what is pending a signature, what was verified.

#[cfg(feature = "rsa")]
use super::rsa::PublicKey;
use super::{
    Plus,
    canonical::{CONTENT_SHA256, Goog, LENGTH_RANGE, MUST_SIGN, RESUMABLE, StringToSign},
    fields::Claim,
    key::{Algorithm, Credential, Scope, Signature, push_hex},
    sign::METHODS,
};
use crate::{
    clock::Timestamp,
    encode::{self, PlusSign, Spelling},
    error::VerifyError,
    grant::Lifetime,
    head::is_same_name,
    mac,
    origin::without_port,
    target::{Target, has_dot_segment},
    token::{Fingerprint, Verified},
    v4::{
        Dialect,
        canonical::{CanonicalRequest, Lines, PathRule, Sorted, params, trimmed},
        fields::{Head, RawQuery},
        payload::{HeldTo, PayloadCheck, UNSIGNED},
    },
    view::{HeaderLine, Limits, RequestView},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::{gcs::Expect, grant::Lifetime};
///
/// let expect = Expect::new().host("storage.googleapis.com").max_lifetime(Lifetime::minutes(15)?);
/// # let _ = expect;
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expect {
    host: Option<String>,
    location: Option<String>,
    skew: u32,
    max_lifetime: Lifetime,
    plus: Plus,
    dot_segments: bool,
    recode_path: bool,
    signs_port: bool,
}

impl Default for Expect {
    fn default() -> Self {
        Self::new()
    }
}

impl Expect {
    /// The strictest reading of everything.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            host: None,
            location: None,
            skew: 15 * 60,
            max_lifetime: Lifetime::WEEK,
            plus: Plus::Refuse,
            dot_segments: false,
            recode_path: false,
            signs_port: false,
        }
    }

    /// Requests for this host alone, with its port if it is not the default one; compared without regard
    /// to ASCII case. Without it any signed host is accepted, and the caller has to look at
    /// [`SignedRequest::host`].
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Requests with this location in their scope alone. Cloud Storage itself does not look at it.
    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// How far the clocks may differ, in seconds: at most 900, which is the default. It never extends
    /// the life of a URL.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest lifetime, at most a week, which is the default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// How a bare `+` in the query is read.
    #[must_use]
    pub const fn plus(mut self, plus: Plus) -> Self {
        self.plus = plus;
        self
    }

    /// Accepts `.` and `..` as whole segments of the path. Only for a store that takes them as names.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Accepts paths that are not in canonical spelling, decoded once and encoded again: then several
    /// spellings of a path share a signature. `%2F` stays refused.
    #[must_use]
    pub const fn recode_path(mut self) -> Self {
        self.recode_path = true;
        self
    }

    /// Takes the host as signed with its port. By default the port of the `Host` header is not part of
    /// what is signed, as in Google's conformance tests.
    #[must_use]
    pub const fn sign_port(mut self) -> Self {
        self.signs_port = true;
        self
    }
}

/// A signed URL as it arrived: shape, size and fields were checked, nothing else.
///
/// Tells who claims to have signed, so that the caller can look the key up, in whatever way.
#[derive(Clone)]
pub struct Presented<'r> {
    method: &'r str,
    headers: &'r [HeaderLine<'r>],
    host: &'r str,
    path: &'r str,
    path_spelling: Spelling,
    query: RawQuery<'r>,
    content_sha256: Option<&'r [u8]>,
    claim: Claim<'r>,
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
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let head = Head::read::<Goog>(view, limits)?;
        let target = Target::split(view.target(), limits)?;
        if head.authorization.is_none() && target.query.is_empty() {
            return Err(VerifyError::NotSigned);
        }
        let (query, reserved) = RawQuery::read::<Goog>(target.query, limits)?;
        let host = head.host()?;
        if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        if head.authorization.is_some() {
            return Err(if reserved.any() {
                VerifyError::TwoMechanisms { first: "Authorization", second: "X-Goog-* parameters" }
            } else {
                VerifyError::Algorithm { field: "Authorization", expected: "a signed URL" }
            });
        }
        if !reserved.any() {
            return Err(match reserved.foreign {
                Some(_) => VerifyError::Algorithm {
                    field: "X-Goog-Algorithm",
                    expected: "GOOG4-RSA-SHA256 or GOOG4-HMAC-SHA256",
                },
                None => VerifyError::NotSigned,
            });
        }
        let claim = Claim::from_query(&reserved, &head, limits)?;
        if let Some(second) = reserved.foreign {
            return Err(VerifyError::TwoMechanisms { first: "X-Goog-* parameters", second });
        }
        if head.foreign {
            return Err(VerifyError::TwoMechanisms { first: "X-Goog-* parameters", second: "x-amz-* headers" });
        }
        Ok(Self {
            method: view.method(),
            headers: view.headers(),
            host,
            path: target.path,
            path_spelling: target.path_spelling,
            query,
            content_sha256: head.content_sha256,
            claim,
        })
    }

    /// The account or access id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.claim.id
    }

    /// The algorithm that the request names. The key decides which one is right.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.claim.algorithm
    }

    /// The scope that the request names. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.claim.scope
    }

    /// Whether the request names this credential and its algorithm.
    pub(super) fn names(&self, credential: &Credential) -> Result<(), VerifyError> {
        if self.id() != credential.id() {
            return Err(VerifyError::OtherKey);
        }
        if self.claim.algorithm != credential.algorithm() {
            let expected = credential.algorithm().as_str();
            return Err(VerifyError::Algorithm { field: "X-Goog-Algorithm", expected });
        }
        Ok(())
    }

    /// Checks everything that needs no secret: scope, time, host, method, path, signed headers.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] or [`VerifyError::Algorithm`] if the request names another key or
    /// algorithm than `credential`; [`VerifyError::Scope`], [`VerifyError::ScopeDate`],
    /// [`VerifyError::Lifetime`], [`VerifyError::Expired`], [`VerifyError::NotYetValid`],
    /// [`VerifyError::Host`], [`VerifyError::Malformed`], [`VerifyError::AmbiguousPath`],
    /// [`VerifyError::AmbiguousPlus`], [`VerifyError::UnsignedHeader`],
    /// [`VerifyError::SignedHeaderMissing`].
    pub fn check(self, credential: &Credential, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        self.names(credential)?;
        let finding = self.examine(expect, now)?;
        let string_to_sign = self.string_to_sign(&finding);
        Ok(Pending { presented: self, finding, string_to_sign, credential: credential.clone(), now })
    }

    /// The part of [`check`](Self::check) that is the same for every key.
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
        if !METHODS.contains(&self.method) {
            return Err(VerifyError::Malformed {
                what: "method",
                why: "a signed URL is for DELETE, GET, HEAD, POST or PUT",
            });
        }
        let mut finding =
            Finding { plus: expect.plus, signs_port: expect.signs_port, expires_at, size: None, digest: [0; 32] };
        finding.digest = self.canonical(&finding, &self.sorted_headers()).digest()?;
        // From here on every `x-goog-*` header is known to be signed.
        if self.method == "POST" && self.signed_value(RESUMABLE)? != Some(b"start") {
            return Err(VerifyError::Malformed {
                what: "method",
                why: "POST with a signed URL starts a resumable upload: `x-goog-resumable: start`",
            });
        }
        if let Some(range) = self.signed_value(LENGTH_RANGE)? {
            const EXPECTED: &str = "two numbers of bytes in ascending order, separated by `,`";
            let size = read_range(range).ok_or(VerifyError::FieldForm { field: LENGTH_RANGE, expected: EXPECTED })?;
            finding.size = Some(size);
        }
        Ok(finding)
    }

    /// What the signature is of, if it is right.
    pub(super) fn string_to_sign(&self, finding: &Finding) -> StringToSign {
        StringToSign::of_request(self.claim.algorithm, &self.claim.date, &self.claim.scope, &finding.digest)
    }

    /// Compares the signature, and if it is right holds the key to its own end.
    pub(super) fn judge(
        &self,
        expected: &Signature,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let expected = expected.of(self.claim.algorithm)?.bytes();
        let equal = if let Ok(digest) = <&[u8; 32]>::try_from(expected) {
            mac::equal(&encode::hex_lower(digest), self.claim.signature.as_bytes())
        } else {
            let mut hex = String::with_capacity(1024);
            push_hex(&mut hex, expected);
            mac::equal(hex.as_bytes(), self.claim.signature.as_bytes())
        };
        if !equal {
            return Err(VerifyError::SignatureMismatch);
        }
        alive(credential.expires_at(), now)
    }

    /// The same with the public half of an RSA key.
    #[cfg(feature = "rsa")]
    pub(super) fn judge_public(&self, string_to_sign: &StringToSign, key: &PublicKey) -> Result<(), VerifyError> {
        let mut bytes = [0; 512];
        let signature = bytes.get_mut(..self.claim.signature.len() / 2).ok_or(VerifyError::SignatureMismatch)?;
        hex::decode_to_slice(self.claim.signature, signature).map_err(|_| VerifyError::SignatureMismatch)?;
        key.verify(string_to_sign.as_bytes(), signature)
    }

    /// INVARIANT: called only after `judge` or `judge_public` agreed.
    pub(super) const fn verified(self, finding: Finding) -> Verified<SignedRequest<'r>> {
        Verified::new(SignedRequest { presented: self, finding })
    }

    fn canonical<'a>(&'a self, finding: &Finding, lines: &'a Sorted<'a>) -> CanonicalRequest<'a> {
        const SIGNATURE: &[&str] = &["X-Goog-Signature"];
        let plus = if finding.plus == Plus::Blank { PlusSign::Blank } else { PlusSign::Plus };
        // SPEC: only a signed header changes what a signed URL says about its body.
        let content = self.content_sha256.filter(|_| self.claim.signs_content_sha256);
        CanonicalRequest {
            method: self.method,
            path: self.path,
            path_spelling: self.path_spelling,
            rule: PathRule::AsSent,
            query: self.query.canonical(SIGNATURE, plus),
            lines,
            signed: self.claim.signed(),
            must_sign: MUST_SIGN,
            payload: content.unwrap_or(UNSIGNED.as_bytes()),
            host: (!finding.signs_port).then(|| without_port(self.host)),
        }
    }

    fn sorted_headers(&self) -> Sorted<'r> {
        Lines::new(self.headers, &[]).sorted()
    }

    /// The value of a header that counts only once, if it was signed.
    fn signed_value(&self, name: &'static str) -> Result<Option<&'r [u8]>, VerifyError> {
        let mut lines = self.headers.iter().filter(|(line, _)| is_same_name(line, name));
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Ok(Some(trimmed(value))),
            (Some(_), Some(_)) => {
                Err(VerifyError::FieldCount { field: name, found: 2usize.saturating_add(lines.count()) })
            }
        }
    }

    fn check_scope(&self, expect: &Expect) -> Result<(), VerifyError> {
        const FIELD: &str = "X-Goog-Credential";
        if let Some(expected) = expect.location.as_ref().filter(|location| *location != self.claim.scope.location()) {
            let found = self.claim.scope.location().to_owned();
            return Err(VerifyError::Scope { field: FIELD, part: "location", expected: expected.clone(), found });
        }
        if self.claim.scope.date_bytes() != self.claim.date.get(..8).unwrap_or_default() {
            return Err(VerifyError::ScopeDate { field: FIELD, signed_at: self.claim.signed_at });
        }
        Ok(())
    }

    /// Holds the request to its time, and tells the last second at which it is good.
    fn check_time(&self, expect: &Expect, now: Timestamp) -> Result<Timestamp, VerifyError> {
        let maximum = expect.max_lifetime.seconds();
        if !(1..=maximum).contains(&self.claim.lifetime) {
            return Err(VerifyError::Lifetime { found: self.claim.lifetime, maximum });
        }
        let valid_from = self.claim.signed_at.saturating_sub(expect.skew);
        let expired_at = self.claim.signed_at.saturating_add(self.claim.lifetime);
        if now < valid_from {
            return Err(VerifyError::NotYetValid { valid_from, now });
        }
        if now > expired_at {
            return Err(VerifyError::Expired { expired_at, now });
        }
        Ok(expired_at)
    }

    fn check_path(&self, expect: &Expect) -> Result<(), VerifyError> {
        if !expect.dot_segments && has_dot_segment(self.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
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
}

/// What is wrong with a key is told only to those who hold it.
pub(super) fn alive(key_ends: Option<Timestamp>, now: Timestamp) -> Result<(), VerifyError> {
    match key_ends {
        Some(ended_at) if now > ended_at => Err(VerifyError::CredentialExpired { ended_at, now }),
        _ => Ok(()),
    }
}

fn read_range(text: &[u8]) -> Option<RangeInclusive<u64>> {
    let text = core::str::from_utf8(text).ok()?;
    let (least, most) = text.split_once(',')?;
    let number = |text: &str| {
        let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let (least, most): (u64, u64) = (number(least)?, number(most)?);
    (least <= most).then_some(least..=most)
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("algorithm", &self.claim.algorithm)
            .field("id", &self.id())
            .field("scope", &self.claim.scope)
            .field("signed_at", &self.claim.signed_at)
            .finish_non_exhaustive()
    }
}

/// What a check without a key found.
#[derive(Clone)]
pub(super) struct Finding {
    plus: Plus,
    signs_port: bool,
    expires_at: Timestamp,
    size: Option<RangeInclusive<u64>>,
    /// Of the canonical request.
    digest: [u8; 32],
}

/// A signed URL that lacks only the check of its signature.
#[derive(Clone)]
pub struct Pending<'r> {
    presented: Presented<'r>,
    finding: Finding,
    string_to_sign: StringToSign,
    credential: Credential,
    now: Timestamp,
}

impl<'r> Pending<'r> {
    /// The scope that the signature belongs to; its date is that of the request.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.presented.claim.scope
    }

    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The canonical request as this verifier reads it. Header values may hold any byte.
    #[must_use]
    pub fn canonical_request(&self) -> Vec<u8> {
        self.presented.canonical(&self.finding, &self.presented.sorted_headers()).to_vec().unwrap_or_default()
    }

    /// Compares the presented signature with the expected one, in constant time. That is how HMAC is
    /// checked; RSA signatures are deterministic, so that whoever holds the private key can check them so
    /// too.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree,
    /// [`VerifyError::CredentialExpired`] if the key has ended.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        self.presented.judge(expected, &self.credential, self.now)?;
        Ok(self.presented.verified(self.finding))
    }

    /// Checks the presented signature with a public key of the account.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    #[cfg(feature = "rsa")]
    pub fn accept_public(self, key: &PublicKey) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if self.presented.claim.algorithm != Algorithm::RsaSha256 {
            return Err(VerifyError::SignatureMismatch);
        }
        self.presented.judge_public(&self.string_to_sign, key)?;
        alive(self.credential.expires_at(), self.now)?;
        Ok(self.presented.verified(self.finding))
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

/// The facts about a request that its signature covers.
///
/// Inside a [`Verified`], they are true. Anything of the request that is not to be found here was not
/// signed, and must not decide anything.
#[derive(Clone)]
pub struct SignedRequest<'r> {
    presented: Presented<'r>,
    finding: Finding,
}

impl<'r> SignedRequest<'r> {
    /// Names the token for revocation, replay protection and audit: what
    /// [`BearerUrl::fingerprint`](crate::token::BearerUrl::fingerprint) told when it was issued.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digits = self.presented.claim.signature.as_bytes();
        // INVARIANT: what was accepted has hexadecimal digits alone.
        Fingerprint::of_hex(digits).unwrap_or_else(|| Fingerprint::of_signature(digits))
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.method
    }

    /// The host, as the client wrote it. Its port was signed only if the verifier expects that.
    #[must_use]
    pub const fn host(&self) -> &'r str {
        self.presented.host
    }

    /// The path that was signed, percent-encoded. Route on this one and on no other reading.
    #[must_use]
    pub const fn path(&self) -> &'r str {
        self.presented.path
    }

    /// The path decoded once.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn decoded_path(&self) -> Result<String, VerifyError> {
        encode::decode(self.path()).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
    }

    /// The signed query parameters, decoded once, without those of the signature scheme.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] in place of a parameter that is not UTF-8.
    pub fn params(&self) -> impl Iterator<Item = Result<(String, String), VerifyError>> {
        let blank = self.finding.plus == Plus::Blank;
        let text = move |text: &str| {
            let text = if blank { encode::decode(&text.replace('+', " ")) } else { encode::decode(text) };
            text.ok_or(VerifyError::Malformed { what: "query", why: "it is not UTF-8" })
        };
        params(self.presented.query.raw)
            .filter(|(name, _)| !Goog::PARAMS.contains(name))
            .map(move |(name, value)| Ok((text(name)?, text(value)?)))
    }

    /// The lines of a header in arrival order, or nothing if that header was not signed.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let signed = self.presented.claim.signed().iter().any(|signed| signed.eq_ignore_ascii_case(name));
        let lines = self.presented.headers.iter().filter(move |_| signed);
        lines.filter(move |(line, _)| line.eq_ignore_ascii_case(name)).map(|(_, value)| trimmed(value))
    }

    /// Who signed: an account's e-mail address or the access id of an HMAC key.
    #[must_use]
    pub fn id(&self) -> &str {
        self.presented.id()
    }

    /// The scope that was signed for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.presented.claim.scope
    }

    /// When it was signed, by the clock of the signer.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.presented.claim.signed_at
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.finding.expires_at
    }

    /// Whether the request starts a resumable upload.
    #[must_use]
    pub fn starts_resumable(&self) -> bool {
        self.presented.method == "POST"
    }

    /// How many bytes the upload may have, from a signed `x-goog-content-length-range`. A resumable upload
    /// has to be held to it when its bytes arrive.
    #[must_use]
    pub const fn size(&self) -> Option<&RangeInclusive<u64>> {
        self.finding.size.as_ref()
    }

    /// Holds the body to a signed `x-goog-content-sha256` and `x-goog-content-length-range`. One that starts a
    /// resumable upload must be empty.
    #[must_use]
    pub fn payload_check(&self) -> PayloadCheck {
        let content = self.presented.content_sha256.filter(|value| *value != UNSIGNED.as_bytes());
        let digest = content.and_then(encode::from_hex_lower);
        // The request that starts a resumable upload has no body: its bytes come later.
        let size = if self.starts_resumable() {
            Some((0..=0, RESUMABLE))
        } else {
            self.finding.size.clone().map(|size| (size, LENGTH_RANGE))
        };
        PayloadCheck::new(HeldTo {
            content: digest.map(|digest| (digest, CONTENT_SHA256)),
            size,
            // No body has a digest that is none.
            never: (content.is_some() && digest.is_none()).then_some(CONTENT_SHA256),
            ..HeldTo::default()
        })
    }
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method())
            .field("host", &self.host())
            .field("path", &self.path())
            .field("id", &self.id())
            .field("scope", self.scope())
            .field("signed_at", &self.signed_at())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_sizes_is_two_ascending_numbers() {
        assert_eq!(read_range(b"0,104857600"), Some(0..=104_857_600));
        assert_eq!(read_range(b"5,5"), Some(5..=5));
        for text in [
            &b""[..],
            b"5",
            b"5,",
            b",5",
            b"6,5",
            b"0, 5",
            b"+0,5",
            b"-1,5",
            b"0,99999999999999999999",
            b"1,2,3",
            b"\xff,1",
        ] {
            assert_eq!(read_range(text), None, "{text:?}");
        }
    }
}
