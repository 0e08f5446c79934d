//! Signing at speed: what stays the same from one token to the next is made once.

use super::{
    Endpoint, Prepared, PreparedKey, Sas, StringToSign, UrlRequest,
    key::Signature,
    resource::check_path,
    sign::{Parts, dot_segment, push_signature},
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Grant, Resource},
    mac::Sink,
    target::has_dot_segment,
    token::BearerUrl,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

/// Makes tokens for many blobs under one grant.
///
/// Give it a grant for one blob; each call then makes the same grant for another blob of the same container. The keyed hash
/// is kept for good and what depends on the time for the second.
///
/// ```
/// use valet_key::azure::{AccountKey, Endpoint, Presigner, Sas, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
///
/// let mut presigner = Presigner::new(&key, &Endpoint::azure(), &Grant::read("photos", "any"))?;
/// let mut url = String::new();
/// presigner.presign_into("2026/cat.jpg", now, &mut url)?;
///
/// let one = key.issue(&UrlRequest::storage(&Grant::read("photos", "2026/cat.jpg"))?, now)?;
/// assert_eq!(url, one.expose());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Presigner<K> {
    holder: K,
    key: Option<PreparedKey>,
    request: UrlRequest,
    stamp: Option<Stamp>,
}

/// The texts around the name of a blob, as of one second.
#[derive(Clone)]
struct Stamp {
    at: Timestamp,
    expires_at: Timestamp,
    /// What is signed before and behind the name.
    signed: [Vec<u8>; 2],
    /// The URL before and behind the name.
    url: [String; 2],
    method: String,
    required: Vec<(String, Vec<u8>)>,
}

/// A name that stands for itself in what is signed and in a URL.
const PLACE: &str = "name";

impl<K: Sas> Presigner<K> {
    /// Prepares whatever does not depend on the blob or the time.
    ///
    /// # Errors
    /// As [`UrlRequest::at`], and [`IssueError::Invalid`] if the grant is not about one blob, or names a version, which no
    /// two blobs share.
    pub fn new(holder: K, endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        if !matches!(grant.resource(), Resource::Object { version: None, .. }) {
            return Err(IssueError::Invalid { what: "grant", why: "it must be about any one blob, without a version" });
        }
        let mut request = UrlRequest::at(endpoint, grant)?;
        PLACE.clone_into(&mut request.resource.path);
        Ok(Self { key: holder.prepared_key(), holder, request, stamp: None })
    }

    /// Makes the URL for one blob, and tells its last good second. `url` is overwritten; its memory is reused.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a name that the service does not take, those of [`UrlRequest::prepare`], and
    /// [`IssueError::Key`].
    pub fn presign_into(&mut self, name: &str, now: Timestamp, url: &mut String) -> Result<Timestamp, IssueError> {
        if self.stamp.as_ref().is_none_or(|stamp| stamp.at != now) {
            self.move_to(now)?;
        }
        // Nothing that stands for itself is refused.
        let is_plain = encode::is_plain_path(name) && (1..=1024).contains(&name.len());
        if !is_plain {
            check_path(name)?;
        }
        // INVARIANT: `move_to` ran first.
        let stamp = self.stamp.as_ref().ok_or(IssueError::TimeOverflow)?;
        let ([signed_before, signed_behind], [url_before, url_behind]) = (&stamp.signed, &stamp.url);
        let signature = if let Some(key) = &self.key {
            Signature::new(key.hmac().mac_of(|hash| {
                hash.put(signed_before);
                hash.put(name.as_bytes());
                hash.put(signed_behind);
            }))
        } else {
            let text = [signed_before.as_slice(), name.as_bytes(), signed_behind.as_slice()].concat();
            self.holder.sign(&StringToSign::new(text))?
        };
        url.clear();
        url.push_str(url_before);
        let start = url.len().saturating_sub(1);
        if is_plain {
            url.push_str(name);
        } else {
            encode::push_path(url, name);
        }
        if !self.request.allows_dot_segments() && has_dot_segment(url.get(start..).unwrap_or_default()) {
            url.clear();
            return Err(dot_segment());
        }
        url.push_str(url_behind);
        push_signature(url, &signature);
        Ok(stamp.expires_at)
    }

    /// Makes the URL for one blob as a token of its own.
    ///
    /// # Errors
    /// As [`presign_into`](Self::presign_into).
    pub fn presign(&mut self, name: &str, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let mut url = String::with_capacity(512);
        let expires_at = self.presign_into(name, now, &mut url)?;
        let stamp = self.stamp.as_ref().ok_or(IssueError::TimeOverflow)?;
        Ok(BearerUrl::new(url, stamp.method.clone(), expires_at, stamp.required.clone()))
    }

    /// Moves to another second: cuts what is prepared for a blob of that name where the name stands.
    fn move_to(&mut self, now: Timestamp) -> Result<(), IssueError> {
        let prepared = self.request.prepare(self.holder.credential(), now)?;
        self.stamp = Some(Stamp::cut(now, prepared).ok_or(IssueError::TimeOverflow)?);
        Ok(())
    }
}

impl Stamp {
    /// Cuts where the name ends the path, and the line of the canonicalized resource.
    fn cut(at: Timestamp, prepared: Prepared) -> Option<Self> {
        let Parts { url, method, required, expires_at, string_to_sign } = prepared.into_parts();
        let text = string_to_sign.as_bytes();
        let line_feeds = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        // INVARIANT: the canonicalized resource is the fourth line of every layout for blobs.
        let end = line_feeds.take(4).last()?;
        let before = text.get(..end)?.strip_suffix(PLACE.as_bytes())?;
        let (path, query) = url.split_at_checked(url.find('?')?)?;
        Some(Self {
            at,
            expires_at,
            signed: [before.to_vec(), text.get(end..)?.to_vec()],
            url: [path.strip_suffix(PLACE)?.to_owned(), query.to_owned()],
            method,
            required,
        })
    }
}

impl<K: Sas> fmt::Debug for Presigner<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner").field("holder", &self.holder).finish_non_exhaustive()
    }
}
