//! Signing: prepared without a secret, finished with a signature.

use super::Signature;
use crate::{
    aws::{self, BearerUrl, Credential, Request, Scope, SignedHeaders, StringToSign, UrlRequest, canonical::Algorithm},
    clock::Timestamp,
    error::IssueError,
};

impl UrlRequest {
    /// Prepares the URL for a key of `SigV4a`: no secret, no I/O. It is good in the region set of the request, or in its
    /// one region.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_v4a(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        self.prepare_as(Algorithm::EcdsaP256Sha256, credential, now).map(Prepared)
    }
}

impl Request {
    /// Prepares the headers that sign this request, for a key of `SigV4a`: no secret, no I/O. It is good in the region set
    /// of the request, or in its one region.
    ///
    /// # Errors
    /// As [`prepare_headers`](Self::prepare_headers).
    pub fn prepare_headers_v4a(&self, credential: &Credential, now: Timestamp) -> Result<PreparedHeaders, IssueError> {
        self.prepare_headers_as(Algorithm::EcdsaP256Sha256, credential, now).map(PreparedHeaders)
    }
}

/// A URL that lacks only its signature.
#[derive(Clone, Debug)]
pub struct Prepared(aws::Prepared);

impl Prepared {
    /// The scope of the request, which has no region.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.0.scope()
    }

    /// What to sign: with ECDSA on P-256, over the SHA-256 of this text.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        self.0.string_to_sign()
    }

    /// The canonical request, to compare with what a server says it computed. Header values may hold any byte.
    #[must_use]
    pub fn canonical_request(&self) -> &[u8] {
        self.0.canonical_request()
    }

    /// Appends the signature.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> BearerUrl {
        self.0.finish_with(signature.hex().as_bytes())
    }
}

/// Signing headers that lack only their signature.
#[derive(Clone, Debug)]
pub struct PreparedHeaders(aws::PreparedHeaders);

impl PreparedHeaders {
    /// The scope of the request, which has no region.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.0.scope()
    }

    /// What to sign: with ECDSA on P-256, over the SHA-256 of this text.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        self.0.string_to_sign()
    }

    /// The canonical request, to compare with what a server says it computed. Header values may hold any byte.
    #[must_use]
    pub fn canonical_request(&self) -> &[u8] {
        self.0.canonical_request()
    }

    /// Puts the signature in.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> SignedHeaders {
        self.0.finish_with(signature.hex().as_bytes())
    }
}
