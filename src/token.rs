//! What comes out: a bearer string with what its user needs to know, and proof of a verification.

mod fingerprint;

pub use self::fingerprint::{Fingerprint, NotAFingerprint};

use crate::{clock::Timestamp, encode, secret::Secret};
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, ops::Deref};

/// A URL that is itself the permission: whoever holds it can use it.
///
/// `Debug` shows where it points and until when, without the query; there is no `Display`. The URL is
/// read through [`expose`](Self::expose).
#[derive(Clone)]
pub struct BearerUrl {
    url: Secret<String>,
    method: Cow<'static, str>,
    expires_at: Timestamp,
    required_headers: Vec<(String, Vec<u8>)>,
}

impl BearerUrl {
    pub(crate) fn new(
        url: String,
        method: impl Into<Cow<'static, str>>,
        expires_at: Timestamp,
        required_headers: Vec<(String, Vec<u8>)>,
    ) -> Self {
        Self { url: Secret::new(url), method: method.into(), expires_at, required_headers }
    }

    /// The URL, to hand to the one client that it is for. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose()
    }

    /// What stands behind the `?`, for clients that take the token apart from the address. Do not log it.
    #[must_use]
    pub fn expose_query(&self) -> &str {
        self.expose().split_once('?').map_or("", |(_, query)| query)
    }

    /// The method that the URL was made for.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The last second at which a request may begin: the least of what was asked for and the end of the
    /// credential.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The headers that the client must send exactly as they stand here, lower-case names in order.
    /// `host` is not among them, since every HTTP client writes it from the URL.
    #[must_use]
    pub fn required_headers(&self) -> &[(String, Vec<u8>)] {
        &self.required_headers
    }

    /// Names the URL for audit and revocation, and is no token: a verifier finds the same of the request that it accepts.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.expose()).unwrap_or_else(|| Fingerprint::of_whole(self.expose()))
    }

    /// What a browser needs the bucket's CORS configuration to allow before it can use this URL.
    #[must_use]
    pub fn cors(&self) -> CorsRule<'_> {
        CorsRule {
            method: &self.method,
            headers: self.required_headers.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }
}

impl fmt::Debug for BearerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerUrl")
            .field("method", &self.method)
            .field("resource", &self.expose().split('?').next().unwrap_or_default())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A text that is itself the permission: whoever holds it can use it, wherever its service takes it.
///
/// `Debug` shows what it is for and until when; there is no `Display`. The text is read through
/// [`expose`](Self::expose).
#[derive(Clone)]
pub struct BearerToken {
    text: Secret<String>,
    resource: String,
    expires_at: Timestamp,
}

impl BearerToken {
    pub(crate) const fn new(text: String, resource: String, expires_at: Timestamp) -> Self {
        Self { text: Secret::new(text), resource, expires_at }
    }

    /// The token, to hand to the one client that it is for. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// What it is for, which is no secret.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The last second at which it is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Names the token for audit and revocation, and is no token: a verifier finds the same of a token that it accepts.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        // The logins of EKS and of Kafka are URLs in base64.
        let inner = || {
            let text = self.expose().strip_prefix("k8s-aws-v1.").unwrap_or(self.expose());
            String::from_utf8(encode::from_base64url(text)?).ok().map(Secret::new)
        };
        Fingerprint::of(self.expose())
            .or_else(|| Fingerprint::of(inner()?.expose()))
            .unwrap_or_else(|| Fingerprint::of_whole(self.expose()))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("resource", &self.resource)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The CORS permission that a browser asks for before it uses a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRule<'t> {
    /// `AllowedMethods`.
    pub method: &'t str,
    /// `AllowedHeaders`.
    pub headers: Vec<&'t str>,
}

impl CorsRule<'_> {
    /// `ExposeHeaders`: what a page must be able to read back. Multipart uploads need the `ETag`.
    pub const EXPOSE: [&'static str; 1] = ["ETag"];
}

/// Proof that a signature was checked and held, with the facts that it covers.
///
/// Only this crate makes one, and only from an accepted signature, so a function that takes
/// `&Verified<T>` cannot be called for a request that was not checked.
///
/// ```compile_fail,E0624
/// let forged = valet_key::token::Verified::new("nobody vouches for this");
/// ```
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub(crate) const fn new(facts: T) -> Self {
        Self(facts)
    }

    /// Gives up the proof and keeps the facts.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
