//! What was verified.

use super::{
    canonical::{Amz, CHECKSUM_SHA256, CONTENT_SHA256, PathRule},
    key::{Scope, ScopedKey},
    stream::ChunkVerifier,
    verify::{Finding, Form, Presented},
};
use crate::{
    clock::Timestamp,
    encode,
    error::VerifyError,
    mac::{Sha256, Sink},
    token::Fingerprint,
    v4::{
        Dialect,
        canonical::{normalized, params, trimmed},
        payload::{HeldTo, Payload, PayloadCheck, PayloadLine},
    },
    view::Plus,
};
use alloc::{borrow::Cow, boxed::Box, string::String};
use core::fmt;

/// The facts about a request that its signature covers.
///
/// Inside a [`Verified`](crate::token::Verified), they are true. Anything of the request that is not to be found here was not
/// signed, and must not decide anything.
#[derive(Clone)]
pub struct SignedRequest<'r> {
    pub(super) presented: Presented<'r>,
    pub(super) finding: Finding,
    /// The key goes with a body in chunks, each of which is signed with it.
    pub(super) key: Option<Box<ScopedKey>>,
}

impl<'r> SignedRequest<'r> {
    /// Where the signature stood.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.presented.claim.form
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.method
    }

    /// The host, as the client wrote it.
    #[must_use]
    pub const fn host(&self) -> &'r str {
        self.presented.host
    }

    /// The path that was signed, percent-encoded: normalised where the service normalises it. Route on
    /// this one and on no other reading.
    #[must_use]
    pub fn path(&self) -> Cow<'r, str> {
        match self.finding.rule {
            PathRule::AsSent | PathRule::EncodedTwice => Cow::Borrowed(self.presented.path),
            PathRule::Normalized | PathRule::NormalizedEncodedTwice => Cow::Owned(normalized(self.presented.path)),
        }
    }

    /// The path decoded once.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn decoded_path(&self) -> Result<String, VerifyError> {
        encode::decode(&self.path()).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
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
            .filter(|(name, _)| !Amz::PARAMS.contains(name))
            .map(move |(name, value)| Ok((text(name)?, text(value)?)))
    }

    /// The lines of a header in arrival order, or nothing if that header was not signed.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let signed = self.presented.claim.signed.iter().any(|signed| signed.eq_ignore_ascii_case(name));
        let lines = self.presented.headers.iter().filter(move |_| signed);
        lines.filter(move |(line, _)| line.eq_ignore_ascii_case(name)).map(|(_, value)| trimmed(value))
    }

    /// The lower-case names of the header lines that begin like this, in arrival order.
    pub(super) fn header_names(&self, prefix: &str) -> impl Iterator<Item = String> {
        let begins = move |name: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let lines = self.presented.headers.iter().filter(move |(name, _)| begins(name));
        lines.map(|(name, _)| name.to_ascii_lowercase())
    }

    /// Who signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.presented.access_key_id()
    }

    /// The scope that was signed for. That of `SigV4a` has no region: see [`region_set`](Self::region_set).
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

    /// The regions in which a request signed by `SigV4a` is good, as its signer listed them: that of the verifier is among
    /// them. Nothing for Signature Version 4, whose scope names its one region.
    #[must_use]
    pub fn region_set(&self) -> Option<&str> {
        self.presented.claim.region_set.as_deref()
    }

    /// Names this request for replay protection: two requests have the same name if and only if they were signed by the
    /// same key over the same text.
    ///
    /// It is the SHA-256 of the access key id, a line feed, and the string to sign. The signature is not part of it,
    /// since an ECDSA signature can be changed by anybody into another one that is as good. Keep it until
    /// [`expires_at`](Self::expires_at).
    #[must_use]
    pub fn replay_key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.put(self.access_key_id().as_bytes());
        hash.put(b"\n");
        hash.put(self.presented.string_to_sign(&self.finding).as_bytes());
        hash.finish()
    }

    /// Names the token for revocation and audit: what [`BearerUrl::fingerprint`](crate::token::BearerUrl::fingerprint)
    /// told when it was issued.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digits = self.presented.claim.signature;
        // INVARIANT: what was accepted has hexadecimal digits alone.
        Fingerprint::of_hex(digits).unwrap_or_else(|| Fingerprint::of_signature(digits))
    }

    /// What the signature says about a body that is sent as it is, or nothing for one that comes in
    /// [chunks](Self::chunks).
    #[must_use]
    pub fn payload(&self) -> Option<Payload> {
        self.finding.body.line.payload()
    }

    /// Holds the body to it. No body is accepted if it comes in chunks, which [`chunks`](Self::chunks) reads.
    #[must_use]
    pub fn payload_check(&self) -> PayloadCheck {
        let held_to = |line: PayloadLine| line.payload().and_then(Payload::digest);
        // What the header says holds even where it is not signed.
        let declared = || PayloadLine::parse::<Amz>(self.presented.content_sha256?).ok().and_then(held_to);
        let content = held_to(self.finding.body.line).or_else(declared);
        PayloadCheck::new(HeldTo {
            content: content.map(|digest| (digest, CONTENT_SHA256)),
            never: self.finding.body.stream.map(|_| CONTENT_SHA256),
            ..self.held_to_checksum()
        })
    }

    /// The reader of a body in chunks; nothing if the body is sent as it is.
    #[must_use]
    pub fn chunks(&self) -> Option<ChunkVerifier> {
        let claim = &self.presented.claim;
        // INVARIANT: a body in chunks goes with an HMAC, which has that length.
        let seed = claim.signature.first_chunk()?;
        let whole = PayloadCheck::new(self.held_to_checksum());
        let chain = (&claim.amz_date, &claim.scope);
        Some(ChunkVerifier::new(&self.finding.body.stream?, chain, seed, self.key.clone(), whole))
    }

    fn held_to_checksum(&self) -> HeldTo {
        let checksum = self.finding.body.checksum.map(|digest| (digest, CHECKSUM_SHA256));
        HeldTo { checksum, ..HeldTo::default() }
    }
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("form", &self.form())
            .field("method", &self.method())
            .field("host", &self.host())
            .field("path", &self.path())
            .field("access_key_id", &self.access_key_id())
            .field("scope", self.scope())
            .field("signed_at", &self.signed_at())
            .field("expires_at", &self.finding.expires_at)
            .finish_non_exhaustive()
    }
}
