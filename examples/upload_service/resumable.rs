//! Resumable uploads of Google Cloud Storage: a signed request starts one and gets a session URI, and the bytes go there
//! without any further signature.

use crate::{
    gateway::{BODY_LIMIT, Incoming, Refusal},
    s3,
    store::{Object, Store},
};
use axum::{
    body::Body,
    http::{StatusCode, header, request::Parts},
    response::Response,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Mutex, MutexGuard, PoisonError},
};
use valet_key::{
    clock::{Clock, SystemClock},
    gateway::Facts,
};

/// The most uploads that are under way.
const MOST_UPLOADS: usize = 1000;
/// Every chunk but the last is a multiple of it.
const STEP: usize = 256 << 10;

/// An object of which more is to come.
struct Upload {
    bucket: String,
    key: String,
    content_type: String,
    metadata: Vec<(String, String)>,
    create_only: bool,
    size: Option<RangeInclusive<u64>>,
    bytes: Vec<u8>,
    /// The entity tag of the object that it made.
    made: Option<String>,
}

/// Uploads under way, by the id in their session URIs.
pub(crate) struct Resumables {
    origin: String,
    secret: Vec<u8>,
    all: Mutex<(u64, HashMap<String, Upload>)>,
}

/// The id, if the request goes to a session URI.
pub(crate) fn session_of(parts: &Parts) -> Option<&str> {
    parts.uri.query()?.strip_prefix("upload_id=").filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What a chunk says of itself: which bytes it has, and how many the object will have.
struct ContentRange {
    bytes: Option<RangeInclusive<usize>>,
    whole: Option<usize>,
}

impl ContentRange {
    fn of(parts: &Parts) -> Option<Self> {
        let value = parts.headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
        let (bytes, whole) = value.strip_prefix("bytes ")?.split_once('/')?;
        let bytes = match bytes {
            "*" => None,
            range => {
                let (first, last) = range.split_once('-')?;
                Some(first.parse().ok()?..=last.parse().ok()?)
            }
        };
        let whole = if whole == "*" { None } else { Some(whole.parse().ok()?) };
        Some(Self { bytes, whole })
    }
}

fn invalid(message: &'static str) -> Refusal {
    Refusal::new(400, "InvalidArgument", message)
}

fn no_such_upload() -> Refusal {
    Refusal::new(404, "NoSuchUpload", "The upload is not here.")
}

impl Resumables {
    pub(crate) fn new(origin: String, secret: &str) -> Self {
        Self { origin, secret: secret.as_bytes().to_vec(), all: Mutex::default() }
    }

    fn all(&self) -> MutexGuard<'_, (u64, HashMap<String, Upload>)> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever has an id may send the object, so nobody may guess one.
    fn id(&self, number: u64) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(format!("upload {number} {}", SystemClock.now().unix()).as_bytes());
        Some(hex::encode(mac.finalize().into_bytes()))
    }

    /// Starts an upload of what the signed request allows.
    pub(crate) fn start(
        &self,
        request: &Facts,
        (bucket, key): (&str, &str),
        metadata: Vec<(String, String)>,
    ) -> Result<Response, Refusal> {
        let content_type =
            s3::header_text(request, "content-type").unwrap_or_else(|| "application/octet-stream".into());
        let mut all = self.all();
        if all.1.len() >= MOST_UPLOADS {
            return Err(Refusal::new(503, "SlowDown", "Too many uploads are under way."));
        }
        all.0 += 1;
        let id = self.id(all.0).ok_or_else(no_such_upload)?;
        let upload = Upload {
            bucket: bucket.into(),
            key: key.into(),
            content_type,
            metadata,
            create_only: request.must_not_overwrite(),
            size: size_of(request),
            bytes: Vec::new(),
            made: None,
        };
        all.1.insert(id.clone(), upload);
        let mut response = s3::empty(StatusCode::CREATED);
        let name = percent_encoding::utf8_percent_encode(key, NAME);
        s3::set(&mut response, "location", &format!("{}/{bucket}/{name}?upload_id={id}", self.origin));
        Ok(response)
    }

    /// Serves a request to a session URI.
    pub(crate) async fn serve(&self, store: &Store, id: &str, parts: &Parts, body: Body) -> Result<Response, Refusal> {
        if parts.method == "DELETE" {
            self.all().1.remove(id).ok_or_else(no_such_upload)?;
            return Ok(s3::empty(StatusCode::from_u16(499).unwrap_or(StatusCode::NO_CONTENT)));
        }
        if parts.method != "PUT" {
            return Err(Refusal::new(405, "MethodNotAllowed", "The method is not allowed here."));
        }
        let range = match ContentRange::of(parts) {
            Some(range) => Some(range),
            None if parts.headers.contains_key(header::CONTENT_RANGE) => {
                return Err(invalid("Content-Range is `bytes first-last/all`, with `*` for what is not known."));
            }
            // Without one the body is the whole object.
            None => None,
        };
        let chunk = Incoming { body, check: None }.read().await?;
        let mut all = self.all();
        let upload = all.1.get_mut(id).ok_or_else(no_such_upload)?;
        // Who lost the last answer asks again.
        let is_question = chunk.is_empty() && range.as_ref().is_some_and(|range| range.bytes.is_none());
        if let Some(etag) = &upload.made {
            return if is_question { Ok(finished(etag)) } else { Err(no_such_upload()) };
        }
        if upload.take(range.as_ref(), &chunk)? {
            return Ok(upload.received());
        }
        let (bytes, content_type) = (std::mem::take(&mut upload.bytes), upload.content_type.clone());
        let object = Object { bytes, content_type, metadata: std::mem::take(&mut upload.metadata) };
        let etag = object.etag();
        s3::keep(store, (&upload.bucket, &upload.key), object, upload.create_only)?;
        upload.made = Some(etag.clone());
        Ok(finished(&etag))
    }
}

fn finished(etag: &str) -> Response {
    let mut response = s3::empty(StatusCode::OK);
    s3::set(&mut response, "etag", etag);
    response
}

/// How many bytes the object may have, if that was signed.
fn size_of(request: &Facts) -> Option<RangeInclusive<u64>> {
    let range = s3::header_text(request, "x-goog-content-length-range")?;
    let (least, most) = range.split_once(',')?;
    Some(least.trim().parse().ok()?..=most.trim().parse().ok()?)
}

/// What stands as it is in a path.
const NAME: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Upload {
    /// Takes a chunk, and tells whether more is to come.
    fn take(&mut self, range: Option<&ContentRange>, chunk: &[u8]) -> Result<bool, Refusal> {
        let (first, whole) = match range {
            None => (0, Some(chunk.len())),
            // A question about what arrived; of an object of which all did, it is the end.
            Some(ContentRange { bytes: None, whole }) if chunk.is_empty() => {
                return Ok(whole.is_none_or(|whole| whole != self.bytes.len()));
            }
            Some(ContentRange { bytes: Some(bytes), whole })
                if bytes.end().checked_sub(*bytes.start()).is_some_and(|more| more + 1 == chunk.len()) =>
            {
                (*bytes.start(), *whole)
            }
            Some(_) => return Err(invalid("Content-Range is not that of the body.")),
        };
        if first != self.bytes.len() {
            return Err(Refusal::new(503, "InvalidRange", "The chunk does not begin where the last one ended."));
        }
        let end = first + chunk.len();
        if whole.is_some_and(|whole| whole < end) || (whole != Some(end) && !chunk.len().is_multiple_of(STEP)) {
            return Err(invalid("Every chunk but the last is a multiple of 256 KiB."));
        }
        let most = self.size.as_ref().map_or(u64::MAX, |size| *size.end());
        if end > BODY_LIMIT || whole.unwrap_or(end).max(end) as u64 > most {
            return Err(Refusal::new(400, "EntityTooLarge", "The object is larger than was signed or is taken."));
        }
        let least = self.size.as_ref().map_or(0, |size| *size.start());
        if whole.is_some_and(|whole| (whole as u64) < least) {
            return Err(Refusal::new(400, "EntityTooSmall", "The object is smaller than was signed."));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(whole != Some(end))
    }

    /// How much arrived.
    fn received(&self) -> Response {
        let mut response = s3::empty(StatusCode::PERMANENT_REDIRECT);
        if let Some(last) = self.bytes.len().checked_sub(1) {
            s3::set(&mut response, "range", &format!("bytes=0-{last}"));
        }
        response
    }
}
