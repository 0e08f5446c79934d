//! A request with a body, signed in its headers.

use super::{Payload, PreparedHeaders, Request, SigV4, SignedHeaders, key::Credential};
use crate::{clock::Timestamp, error::IssueError, mac::Sha256, secret::Secret};
use alloc::string::{String, ToString};
use core::fmt;

/// A POST request with its body, whose hash is signed: a call of an API whose parameters stand in the body.
///
/// It is good for 15 minutes around its signing, as often as it is sent.
#[derive(Clone)]
pub struct Call {
    request: Request,
    content_type: &'static str,
    target: Option<String>,
    body: Secret<String>,
}

impl Call {
    pub(super) fn new(request: Request, content_type: &'static str, target: Option<String>, body: String) -> Self {
        let mut request =
            request.header("content-type", content_type).payload(Payload::Sha256(Sha256::digest(body.as_bytes())));
        if let Some(target) = &target {
            request = request.header("x-amz-target", target.as_str());
        }
        Self { request, content_type, target, body: Secret::new(body) }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// Where to send it.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a path that cannot be sent.
    pub fn url(&self) -> Result<String, IssueError> {
        Ok(self.request.origin.to_string() + &self.request.wire_path()?)
    }

    /// What to send. It may hold what is not for a log.
    #[must_use]
    pub fn expose_body(&self) -> &str {
        self.body.expose()
    }

    /// The headers that are signed and have to be sent exactly so, beside those that signing adds.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let target = self.target.as_deref().map(|target| ("x-amz-target", target));
        core::iter::once(("content-type", self.content_type)).chain(target)
    }

    /// Prepares the headers that sign it: no secret, no I/O.
    ///
    /// # Errors
    /// As [`Request::prepare_headers`].
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<PreparedHeaders, IssueError> {
        self.request.prepare_headers(credential, now)
    }

    /// Makes the headers that sign it, to be added to [`headers`](Self::headers).
    ///
    /// # Errors
    /// As [`SigV4::sign_headers`].
    pub fn sign(&self, key: &(impl SigV4 + ?Sized), now: Timestamp) -> Result<SignedHeaders, IssueError> {
        let prepared = self.prepare(key.credential(), now)?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("request", &self.request)
            .field("body_bytes", &self.body.expose().len())
            .finish_non_exhaustive()
    }
}
