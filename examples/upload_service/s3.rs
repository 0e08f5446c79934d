//! What the gateway does and answers as S3, and as the XML API of Google Cloud Storage: objects in one piece or in parts.

use crate::{
    gateway::{BODY_LIMIT, Incoming, LAST_MODIFIED, Refusal, broken, escaped, xml_response},
    resumable::Resumables,
    store::{Object, Store},
};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};
use valet_key::gateway::{Facts, Provider};

/// The most uploads in parts that are under way.
const MOST_UPLOADS: usize = 1000;
const EPOCH: &str = "1970-01-01T00:00:00.000Z";

/// An object that is still being sent in parts.
struct Upload {
    bucket: String,
    key: String,
    content_type: String,
    metadata: Vec<(String, String)>,
    create_only: bool,
    parts: BTreeMap<u16, Object>,
}

/// Uploads that nobody has completed, by id.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<(u64, HashMap<String, Upload>)>);

impl Uploads {
    fn all(&self) -> MutexGuard<'_, (u64, HashMap<String, Upload>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, upload: Upload) -> Result<String, Refusal> {
        let mut all = self.all();
        if all.1.len() >= MOST_UPLOADS {
            return Err(Refusal::new(503, "SlowDown", "Too many uploads are under way."));
        }
        all.0 += 1;
        // Nobody gains anything by guessing it: whatever names it is signed.
        let id = format!("upload-{}", all.0);
        all.1.insert(id.clone(), upload);
        Ok(id)
    }

    /// Does something with an upload of that object.
    fn with<T>(
        &self,
        (bucket, key): (&str, &str),
        id: &str,
        act: impl FnOnce(&mut Upload) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut all = self.all();
        match all.1.get_mut(id).filter(|upload| upload.bucket == bucket && upload.key == key) {
            Some(upload) => act(upload),
            None => Err(no_such_upload()),
        }
    }

    fn remove(&self, (bucket, key): (&str, &str), id: &str) -> Result<Upload, Refusal> {
        self.with((bucket, key), id, |_| Ok(()))?;
        self.all().1.remove(id).ok_or_else(no_such_upload)
    }
}

fn no_such_upload() -> Refusal {
    Refusal::new(404, "NoSuchUpload", "The upload is not here.")
}

/// A verified request, and what it acts on.
struct Served<'s> {
    store: &'s Store,
    uploads: &'s Uploads,
    request: &'s Facts,
    parts: &'s Parts,
    bucket: &'s str,
    key: &'s str,
}

/// Serves a verified request.
pub(crate) async fn serve(
    store: &Store,
    (uploads, resumables): (&Uploads, &Resumables),
    request: &Facts,
    parts: &Parts,
    body: Incoming,
) -> Result<Response, Refusal> {
    let (bucket, key) = (request.container(), request.object().unwrap_or_default());
    if bucket.is_empty() {
        return if request.method() == "GET" { Ok(list_buckets(store)) } else { Err(not_here()) };
    }
    if !store.has_bucket(bucket) {
        return Err(Refusal::new(404, "NoSuchBucket", "The bucket is not here."));
    }
    let served = Served { store, uploads, request, parts, bucket, key };
    served.refuse_what_is_not_done()?;
    if key.is_empty() {
        return served.bucket();
    }
    match (request.method(), served.param("uploadId"), served.param("partNumber")) {
        ("POST", None, None) if request.provider() == Provider::Gcs => {
            body.read().await?;
            let (_, metadata) = served.description();
            resumables.start(request, served.object(), metadata)
        }
        ("POST", None, None) if served.param("uploads").is_some() => served.begin(),
        _ if served.param("uploads").is_some() => Err(not_here()),
        ("PUT", Some(id), Some(number)) => served.put_part(id, number, body).await,
        ("POST", Some(id), None) => served.complete(id, body).await,
        ("GET", Some(id), None) => served.list_parts(id),
        ("DELETE", Some(id), None) => {
            uploads.remove((bucket, key), id)?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        (_, Some(_), _) | (_, _, Some(_)) => Err(not_here()),
        ("GET" | "HEAD", None, None) => served.get(),
        ("PUT", None, None) => served.put(body).await,
        ("DELETE", None, None) => {
            store.delete(bucket, key).map_err(|error| broken(&error))?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::new(405, "MethodNotAllowed", "The method is not allowed here.")),
    }
}

/// The value of a header, if it was signed.
pub(crate) fn header_text(request: &Facts, name: &str) -> Option<String> {
    request.header(name).next().map(|value| String::from_utf8_lossy(value).into_owned())
}

fn not_here() -> Refusal {
    Refusal::new(501, "NotImplemented", "This gateway keeps whole objects and uploads in parts only.")
}

pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(crate) fn set(response: &mut Response, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

impl Served<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.request.param(name)
    }

    fn object(&self) -> (&str, &str) {
        (self.bucket, self.key)
    }

    /// Refuses what would make another request of it than the one that is served.
    fn refuse_what_is_not_done(&self) -> Result<(), Refusal> {
        const PARAMS: [&str; 16] = [
            "acl",
            "attributes",
            "cors",
            "delete",
            "legal-hold",
            "lifecycle",
            "object-lock",
            "policy",
            "restore",
            "retention",
            "select",
            "tagging",
            "torrent",
            "versionId",
            "versions",
            "website",
        ];
        const HEADERS: [&str; 6] =
            ["copy-source", "tagging", "object-lock", "server-side-encryption", "grant-", "write-offset"];
        let has_param = PARAMS.iter().any(|name| self.param(name).is_some());
        let has_header = self.parts.headers.keys().any(|name| {
            let rest = name.as_str().strip_prefix("x-amz-").or_else(|| name.as_str().strip_prefix("x-goog-"));
            rest.is_some_and(|rest| HEADERS.iter().any(|header| rest.starts_with(header)))
        });
        if has_param || has_header { Err(not_here()) } else { Ok(()) }
    }

    fn bucket(&self) -> Result<Response, Refusal> {
        match self.request.method() {
            "GET" if self.param("location").is_some() => Ok(xml_response("<LocationConstraint/>")),
            "GET" if self.param("uploads").is_some() => Err(not_here()),
            "GET" => self.list(),
            "HEAD" => Ok(Response::new(Body::empty())),
            "PUT" => Err(Refusal::new(409, "BucketAlreadyOwnedByYou", "The bucket is already here.")),
            _ => Err(Refusal::new(405, "MethodNotAllowed", "The method is not allowed here.")),
        }
    }

    fn get(&self) -> Result<Response, Refusal> {
        let missing = || Refusal::new(404, "NoSuchKey", "The object is not here.");
        let object = self.store.get(self.bucket, self.key).ok_or_else(missing)?;
        let size = object.bytes.len();
        let range = self.range(size)?;
        let slice = object.bytes.get(range.clone().unwrap_or(0..size)).unwrap_or_default();
        let is_head = self.request.method() == "HEAD";
        let mut response = Response::new(Body::from(if is_head { Vec::new() } else { slice.to_vec() }));
        set(&mut response, "content-type", &object.content_type);
        set(&mut response, "content-length", &slice.len().to_string());
        set(&mut response, "etag", &object.etag());
        set(&mut response, "last-modified", LAST_MODIFIED);
        set(&mut response, "accept-ranges", "bytes");
        // A stored page must not run here.
        set(&mut response, "x-content-type-options", "nosniff");
        for (name, value) in &object.metadata {
            set(&mut response, name, value);
        }
        if let Some(Range { start, end }) = range {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, "content-range", &format!("bytes {start}-{}/{size}", end - 1));
        }
        for (name, value) in self.request.response_headers() {
            if matches!(name, "content-disposition" | "content-type" | "cache-control") {
                set(&mut response, name, value);
            }
        }
        Ok(response)
    }

    /// The bytes that `Range` asks for, if any: nobody has to sign it, since it never asks for more.
    fn range(&self, size: usize) -> Result<Option<Range<usize>>, Refusal> {
        let asked = self.parts.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let Some((first, last)) = asked.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
            return Ok(None);
        };
        let outside = || Refusal::new(416, "InvalidRange", "The object has no such bytes.");
        let number = |text: &str| text.parse::<usize>().map_err(|_| outside());
        let range = match (first, last) {
            ("", last) => size.saturating_sub(number(last)?)..size,
            (first, "") => number(first)?..size,
            (first, last) => number(first)?..number(last)?.saturating_add(1).min(size),
        };
        if range.start < range.end { Ok(Some(range)) } else { Err(outside()) }
    }

    /// What the client says of the object, as far as it signed it: an unsigned content type is anybody's word.
    fn description(&self) -> (String, Vec<(String, String)>) {
        let content_type =
            header_text(self.request, "content-type").unwrap_or_else(|| "application/octet-stream".into());
        let is_metadata = |name: &&HeaderName| {
            let name = name.as_str();
            name.starts_with("x-amz-meta-") || name.starts_with("x-goog-meta-")
        };
        let names = self.parts.headers.keys().filter(is_metadata);
        let metadata =
            names.filter_map(|name| Some((name.as_str().to_owned(), header_text(self.request, name.as_str())?)));
        (content_type, metadata.collect())
    }

    async fn put(&self, body: Incoming) -> Result<Response, Refusal> {
        let bytes = body.read().await?;
        let (content_type, metadata) = self.description();
        let object = Object { bytes, content_type, metadata };
        let etag = object.etag();
        keep(self.store, self.object(), object, self.request.must_not_overwrite())?;
        let mut response = empty(StatusCode::OK);
        set(&mut response, "etag", &etag);
        Ok(response)
    }

    fn begin(&self) -> Result<Response, Refusal> {
        let (content_type, metadata) = self.description();
        let (bucket, key) = (self.bucket.to_owned(), self.key.to_owned());
        let create_only = self.request.must_not_overwrite();
        let upload = Upload { bucket, key, content_type, metadata, create_only, parts: BTreeMap::new() };
        let id = self.uploads.begin(upload)?;
        Ok(xml_response(&format!(
            "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>{}</Bucket>\
             <Key>{}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
            escaped(self.bucket),
            escaped(self.key)
        )))
    }

    async fn put_part(&self, id: &str, number: &str, body: Incoming) -> Result<Response, Refusal> {
        let number = number.parse().ok().filter(|number| (1..=10_000).contains(number));
        let number = number.ok_or(Refusal::new(400, "InvalidArgument", "A part has a number from 1 to 10000."))?;
        self.uploads.with(self.object(), id, |_| Ok(()))?;
        let bytes = body.read().await?;
        let part = Object { bytes, content_type: String::new(), metadata: Vec::new() };
        let etag = part.etag();
        self.uploads.with(self.object(), id, |upload| {
            let others = upload.parts.iter().filter(|(other, _)| **other != number);
            if others.map(|(_, part)| part.bytes.len()).sum::<usize>() + part.bytes.len() > BODY_LIMIT {
                return Err(Refusal::new(400, "EntityTooLarge", "The parts are more than this gateway takes."));
            }
            upload.parts.insert(number, part);
            Ok(())
        })?;
        let mut response = empty(StatusCode::OK);
        set(&mut response, "etag", &etag);
        Ok(response)
    }

    async fn complete(&self, id: &str, body: Incoming) -> Result<Response, Refusal> {
        let list = body.read().await?;
        let malformed = || Refusal::new(400, "MalformedXML", "The list of parts cannot be read.");
        let list = String::from_utf8(list).map_err(|_| malformed())?;
        let list = roxmltree::Document::parse(&list).map_err(|_| malformed())?;
        let invalid = || Refusal::new(400, "InvalidPart", "A part is not here, or is another one.");
        let bytes = self.uploads.with(self.object(), id, |upload| {
            let (mut bytes, mut before) = (Vec::new(), 0);
            for part in list.root_element().children().filter(|child| child.has_tag_name_of("Part")) {
                let text = |name: &str| part.children().find(|child| child.has_tag_name_of(name))?.text();
                let number = text("PartNumber").and_then(|text| text.parse().ok()).ok_or_else(malformed)?;
                let found = upload.parts.get(&number).ok_or_else(invalid)?;
                let etag = text("ETag").ok_or_else(malformed)?;
                if etag.trim_matches('"') != found.etag().trim_matches('"') {
                    return Err(invalid());
                }
                if number <= before {
                    return Err(Refusal::new(400, "InvalidPartOrder", "The parts are listed in ascending order."));
                }
                before = number;
                bytes.extend_from_slice(&found.bytes);
            }
            if before == 0 { Err(malformed()) } else { Ok(bytes) }
        })?;
        let upload = self.uploads.remove(self.object(), id)?;
        let object = Object { bytes, content_type: upload.content_type, metadata: upload.metadata };
        let etag = object.etag();
        keep(self.store, self.object(), object, upload.create_only || self.request.must_not_overwrite())?;
        Ok(xml_response(&format!(
            "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>{}</Bucket>\
             <Key>{}</Key><ETag>{}</ETag></CompleteMultipartUploadResult>",
            escaped(self.bucket),
            escaped(self.key),
            escaped(&etag)
        )))
    }

    fn list_parts(&self, id: &str) -> Result<Response, Refusal> {
        let parts = self.uploads.with(self.object(), id, |upload| {
            let mut parts = String::new();
            for (number, part) in &upload.parts {
                let _ = write!(
                    parts,
                    "<Part><PartNumber>{number}</PartNumber><LastModified>{EPOCH}</LastModified><ETag>{}</ETag>\
                     <Size>{}</Size></Part>",
                    escaped(&part.etag()),
                    part.bytes.len()
                );
            }
            Ok(parts)
        })?;
        Ok(xml_response(&format!(
            "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>{}</Bucket><Key>{}</Key>\
             <UploadId>{}</UploadId><IsTruncated>false</IsTruncated>{parts}</ListPartsResult>",
            escaped(self.bucket),
            escaped(self.key),
            escaped(id)
        )))
    }

    fn list(&self) -> Result<Response, Refusal> {
        let prefix = self.param("prefix").unwrap_or_default();
        let delimiter = self.param("delimiter").filter(|text| !text.is_empty());
        let after = ["continuation-token", "start-after", "marker"].iter().find_map(|name| self.param(name));
        let most = match self.param("max-keys").map(str::parse::<usize>) {
            None => 1000,
            Some(Ok(most)) => most.min(1000),
            Some(Err(_)) => return Err(Refusal::new(400, "InvalidArgument", "`max-keys` is a number.")),
        };
        // Keys, and what stands for all that is in a folder.
        let mut entries: BTreeMap<String, Option<(usize, String)>> = BTreeMap::new();
        for (key, object) in self.store.list(self.bucket, prefix) {
            let below = key.strip_prefix(prefix).unwrap_or(&key);
            match delimiter.and_then(|delimiter| below.find(delimiter).map(|at| at + delimiter.len())) {
                Some(end) => entries.insert(format!("{prefix}{}", below.get(..end).unwrap_or_default()), None),
                None => entries.insert(key, Some((object.bytes.len(), object.etag()))),
            };
        }
        let mut left = entries.iter().filter(|(name, _)| after.is_none_or(|after| name.as_str() > after)).peekable();
        let (mut contents, mut last, mut count) = (String::new(), "", 0);
        for (name, entry) in left.by_ref().take(most) {
            let key = escaped(name);
            let _ = match entry {
                None => write!(contents, "<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"),
                Some((size, etag)) => write!(
                    contents,
                    "<Contents><Key>{key}</Key><LastModified>{EPOCH}</LastModified><ETag>{}</ETag><Size>{size}</Size>\
                     <StorageClass>STANDARD</StorageClass></Contents>",
                    escaped(etag)
                ),
            };
            (last, count) = (name, count + 1);
        }
        let is_truncated = left.peek().is_some() && count > 0;
        let next = if is_truncated {
            let last = escaped(last);
            format!("<NextContinuationToken>{last}</NextContinuationToken><NextMarker>{last}</NextMarker>")
        } else {
            String::new()
        };
        Ok(xml_response(&format!(
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name><Prefix>{}</Prefix>\
             <KeyCount>{count}</KeyCount><MaxKeys>{most}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>{next}\
             {contents}</ListBucketResult>",
            escaped(self.bucket),
            escaped(prefix)
        )))
    }
}

/// Names of elements, whatever namespace they are in.
trait Named {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for roxmltree::Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

pub(crate) fn keep(
    store: &Store,
    (bucket, key): (&str, &str),
    object: Object,
    create_only: bool,
) -> Result<(), Refusal> {
    if store.put(bucket, key, object, create_only).map_err(|error| broken(&error))? {
        Ok(())
    } else {
        Err(Refusal::new(412, "PreconditionFailed", "The object exists already."))
    }
}

pub(crate) fn escaped_component(text: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

fn list_buckets(store: &Store) -> Response {
    let mut xml = String::from("<ListAllMyBucketsResult><Owner><ID>valet</ID></Owner><Buckets>");
    for bucket in store.buckets() {
        let _ = write!(xml, "<Bucket><Name>{}</Name><CreationDate>{EPOCH}</CreationDate></Bucket>", escaped(bucket));
    }
    xml.push_str("</Buckets></ListAllMyBucketsResult>");
    xml_response(&xml)
}
