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
    mac::BegunMac,
    target::has_dot_segment,
    token::BearerUrl,
    v4::{
        template::UrlTemplate,
        varied::{PathEnd, Varied},
    },
};
use alloc::string::{String, ToString};
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
    pub(super) template: UrlTemplate<Goog>,
    /// The encoded path before the object's name.
    pub(super) prefix: String,
    name: PathEnd,
    /// The URL of this second without the name.
    varied: Varied,
    dot_segments: bool,
    stamp: Option<Stamp>,
    pub(super) expires_at: Timestamp,
}

#[derive(Clone)]
struct Stamp {
    at: Timestamp,
    scope: Scope,
    string_to_sign: StringToSign,
    /// The key of the scope, if the holder gives it out, and the string to sign up to its digest.
    key: Option<(ScopedKey, BegunMac)>,
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
        let prefix = encode::path(request.bucket_path.as_bytes()).to_string();
        let (name, varied, expires_at) = (PathEnd::behind(&prefix), Varied::new(), Timestamp::EPOCH);
        let dot_segments = grant.dot_segments;
        Ok(Self { holder, request, template, prefix, name, varied, dot_segments, stamp: None, expires_at })
    }

    /// Makes the URL for one object, and tells its last good second. `url` is overwritten; its memory is
    /// reused.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a name that Cloud Storage does not take,
    /// [`IssueError::OutlivesCredential`] if the key ends first, and [`IssueError::Key`].
    pub fn presign_into(&mut self, name: &str, now: Timestamp, url: &mut String) -> Result<Timestamp, IssueError> {
        self.move_to(now)?;
        check_object(name)?;
        self.name.set(name);
        self.check_dot_segments(self.name.segments())?;
        write_url(&self.holder, self.stamp.as_mut(), &self.varied, self.name.as_str(), url)?;
        Ok(self.expires_at)
    }

    pub(super) fn check_dot_segments(&self, path: &str) -> Result<(), IssueError> {
        if !self.dot_segments && has_dot_segment(path) { Err(dot_segment()) } else { Ok(()) }
    }

    /// Makes one URL of many.
    pub(super) fn write_url(&mut self, varied: &Varied, piece: &str, url: &mut String) -> Result<(), IssueError> {
        write_url(&self.holder, self.stamp.as_mut(), varied, piece, url)
    }

    /// Makes the URL for one object as a token of its own.
    ///
    /// # Errors
    /// As [`presign_into`](Self::presign_into).
    pub fn presign(&mut self, name: &str, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let mut url = String::new();
        self.presign_into(name, now, &mut url)?;
        Ok(self.token(url))
    }

    pub(super) fn token(&self, url: String) -> BearerUrl {
        self.template.token(url, self.expires_at)
    }

    /// Moves to another second ahead of its first URL: the date is written, and on another day the key derived.
    ///
    /// # Errors
    /// [`IssueError::OutlivesCredential`] if the key ends first, and [`IssueError::TimeOverflow`].
    pub fn move_to(&mut self, now: Timestamp) -> Result<(), IssueError> {
        if self.stamp.as_ref().is_some_and(|stamp| stamp.at == now) {
            return Ok(());
        }
        let credential = self.holder.credential();
        let scope = self.request.scope(now)?;
        let expires_at = self.request.set_time(&mut self.template, credential, now)?;
        let kept = self.stamp.take().filter(|stamp| stamp.scope == scope).and_then(|stamp| stamp.key);
        let string_to_sign = StringToSign::of_request(credential.algorithm(), &now.iso_basic(), &scope, &[0; 32]);
        let (kept, over) = kept.unzip();
        let key = kept.or_else(|| self.holder.scoped(&scope)).map(|key| {
            let begun = key.begin(&string_to_sign, over);
            (key, begun)
        });
        self.template.vary_path(&self.prefix, &mut self.varied);
        self.expires_at = expires_at;
        self.stamp = Some(Stamp { at: now, scope, string_to_sign, key });
        Ok(())
    }
}

fn write_url<K: GoogV4>(
    holder: &K,
    stamp: Option<&mut Stamp>,
    varied: &Varied,
    piece: &str,
    url: &mut String,
) -> Result<(), IssueError> {
    // INVARIANT: `move_to` ran first.
    let stamp = stamp.ok_or(IssueError::TimeOverflow)?;
    let digest = varied.digest(piece);
    if let Some((_, begun)) = &stamp.key {
        let signature = encode::hex_lower(&begun.mac(&encode::hex_lower(&digest)));
        varied.write_url(piece, signature.len(), url);
        url.push_str(core::str::from_utf8(&signature).unwrap_or_default());
        return Ok(());
    }
    stamp.string_to_sign.set_digest(&digest);
    let signature = holder.sign(&stamp.scope, &stamp.string_to_sign)?;
    let signature = signature.of(holder.credential().algorithm())?.bytes();
    varied.write_url(piece, 2 * signature.len(), url);
    push_hex(url, signature);
    Ok(())
}

impl<K: GoogV4> fmt::Debug for Presigner<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner").field("holder", &self.holder).finish_non_exhaustive()
    }
}
