//! Signing at speed: what stays the same from one token to the next is made once.

use super::{
    Endpoint, GoogV4,
    canonical::{Goog, StringToSign},
    endpoint::check_object,
    key::{Scope, ScopedKey, push_hex},
    sign::{UrlRequest, dot_segment},
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Grant, Resource},
    mac::Sha256,
    target::has_dot_segment,
    token::BearerUrl,
    v4::template::UrlTemplate,
};
use alloc::string::String;
use core::fmt;

/// Makes signed URLs for many objects under one grant.
///
/// Give it a grant for one object; each call then makes the same grant for another object of the same
/// bucket. The derived key is kept for the day, the date for the second, the rest for good.
///
/// ```
/// use valet_key::gcs::{Endpoint, GoogV4, HmacKey, Presigner, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
///
/// let mut presigner = Presigner::new(&key, &Endpoint::google(), &Grant::read("photos", "any"))?;
/// let mut url = String::new();
/// presigner.presign_into("2026/cat.jpg", now, &mut url)?;
///
/// let one = key.signed_url(&UrlRequest::storage(&Grant::read("photos", "2026/cat.jpg"))?, now)?;
/// assert_eq!(url, one.expose());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Presigner<K> {
    holder: K,
    request: UrlRequest,
    template: UrlTemplate<Goog>,
    /// The encoded path before the object's name.
    prefix: String,
    path: String,
    dot_segments: bool,
    stamp: Option<Stamp>,
    expires_at: Timestamp,
}

#[derive(Clone)]
struct Stamp {
    at: Timestamp,
    scope: Scope,
    string_to_sign: StringToSign,
    key: Option<ScopedKey>,
}

impl<K: GoogV4> Presigner<K> {
    /// Prepares whatever does not depend on the object or the time.
    ///
    /// # Errors
    /// As [`UrlRequest::at`], and [`IssueError::Invalid`] if the grant is not about one object, or names a
    /// version or digest, which no two objects share.
    pub fn new(holder: K, endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        if !matches!(grant.resource(), Resource::Object { version: None, .. }) || grant.sha256.is_some() {
            return Err(IssueError::Invalid {
                what: "grant",
                why: "it must be about any one object: no version and no digest, which belong to one alone",
            });
        }
        let request = UrlRequest::at(endpoint, grant)?;
        // INVARIANT: a grant never leads to an `x-goog-date` header, so that the time does not matter here.
        let template = request.template(holder.credential(), Timestamp::EPOCH)?;
        let mut path = String::new();
        path.extend(encode::path(request.bucket_path.as_bytes()));
        let dot_segments = grant.dot_segments;
        let expires_at = Timestamp::EPOCH;
        Ok(Self { holder, request, template, prefix: path.clone(), path, dot_segments, stamp: None, expires_at })
    }

    /// Makes the URL for one object, and tells its last good second. `url` is overwritten; its memory is
    /// reused.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a name that Cloud Storage does not take,
    /// [`IssueError::OutlivesCredential`] if the key ends first, and [`IssueError::Key`].
    pub fn presign_into(&mut self, name: &str, now: Timestamp, url: &mut String) -> Result<Timestamp, IssueError> {
        if self.stamp.as_ref().is_none_or(|stamp| stamp.at != now) {
            self.move_to(now)?;
        }
        check_object(name)?;
        self.path.clear();
        self.path.push_str(&self.prefix);
        encode::push_path(&mut self.path, name);
        if !self.dot_segments && has_dot_segment(&self.path) {
            return Err(dot_segment());
        }
        let mut hash = Sha256::new();
        self.template.put_canonical(&self.path, &mut hash);
        // INVARIANT: `move_to` ran first.
        let stamp = self.stamp.as_mut().ok_or(IssueError::TimeOverflow)?;
        stamp.string_to_sign.set_digest(&hash.finish());
        if let Some(key) = &stamp.key {
            let signature = key.sign_hex(&stamp.string_to_sign);
            url.clear();
            self.template.push_url(&self.path, url);
            UrlTemplate::<Goog>::push_signature(url, &signature);
            return Ok(self.expires_at);
        }
        let signature = self.holder.sign(&stamp.scope, &stamp.string_to_sign)?;
        let signature = signature.of(self.holder.credential().algorithm())?;
        url.clear();
        self.template.push_url(&self.path, url);
        UrlTemplate::<Goog>::push_signature(url, b"");
        push_hex(url, signature.bytes());
        Ok(self.expires_at)
    }

    /// Makes the URL for one object as a token of its own.
    ///
    /// # Errors
    /// As [`presign_into`](Self::presign_into).
    pub fn presign(&mut self, name: &str, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let mut url = String::with_capacity(1024);
        let expires_at = self.presign_into(name, now, &mut url)?;
        Ok(self.template.token(url, expires_at))
    }

    /// Moves to another second: a new date, and on another day a new key.
    fn move_to(&mut self, now: Timestamp) -> Result<(), IssueError> {
        let credential = self.holder.credential();
        self.expires_at = self.request.set_time(&mut self.template, credential, now)?;
        let scope = self.request.scope(now)?;
        let kept = self.stamp.take().filter(|stamp| stamp.scope == scope).and_then(|stamp| stamp.key);
        let key = kept.or_else(|| self.holder.scoped(&scope));
        let string_to_sign = StringToSign::of_request(credential.algorithm(), &now.iso_basic(), &scope, &[0; 32]);
        self.stamp = Some(Stamp { at: now, scope, string_to_sign, key });
        Ok(())
    }
}

impl<K: GoogV4> fmt::Debug for Presigner<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner").field("holder", &self.holder).finish_non_exhaustive()
    }
}
