//! The storage gateway: verifies each request, then acts on the verified facts and on nothing else.

use crate::{
    Peer,
    azure::{self, Blocks},
    cloud::{Signed, Verifier},
    options::Options,
    store::{Object, Store},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use http_body_util::BodyExt;
use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use valet_key::{
    aws::PayloadCheck,
    clock::{Clock, SystemClock},
    error::VerifyError,
    view::{HeaderLine, RequestView},
};

/// The largest body that is taken.
pub(crate) const BODY_LIMIT: usize = 64 << 20;
/// How long a client may be silent in the middle of a body.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Gateway {
    verifier: Arc<Verifier>,
    store: Store,
    blocks: Arc<Blocks>,
    requests: Arc<AtomicU64>,
    origins: Arc<[String; 2]>,
}

pub(crate) fn router(options: &Options, store: Store) -> Result<Router, String> {
    let port = options.listen.rsplit(':').next().unwrap_or_default();
    let origins = [format!("http://{}", options.listen), format!("http://localhost:{port}")];
    let gateway = Gateway {
        verifier: Arc::new(Verifier::new(options)?),
        store,
        blocks: Arc::default(),
        requests: Arc::default(),
        origins: Arc::new(origins),
    };
    Ok(Router::new().fallback(handle).with_state(gateway))
}

/// Why a request is not served.
pub(crate) enum Refusal {
    /// It was not what it should be.
    Unverified(VerifyError),
    /// It was, but cannot be done.
    Failed { status: u16, code: &'static str, message: &'static str, reason: String },
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self::Failed { status, code, message, reason: "served here".into() }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        Self::Unverified(error)
    }
}

async fn handle(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let origin = gateway.allowed_origin(&parts);
    let path = parts.uri.path().to_owned();
    let number = gateway.requests.fetch_add(1, Ordering::Relaxed);
    let id = format!("00000000-0000-0000-0000-{number:012x}");
    let mut response = if parts.method == "OPTIONS" {
        preflight(&parts, origin.is_some())
    } else {
        gateway.serve(&parts, body).await.unwrap_or_else(|refusal| gateway.refused(&refusal, &id))
    };
    if matches!(*gateway.verifier, Verifier::Azure(_)) {
        azure::finish(&mut response, &parts, &id);
    }
    // Never the query: it is a bearer token.
    let verdict = response.extensions_mut().remove::<Verdict>().map_or("ok".into(), |verdict| verdict.0);
    eprintln!("gateway: {} {path} -> {} {verdict}", parts.method, response.status().as_u16());
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// What a browser asks before it sends a file to another origin.
fn preflight(parts: &Parts, allowed: bool) -> Response {
    let mut response = Response::new(Body::empty());
    if !allowed {
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    }
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, PUT, DELETE"));
    if let Some(wanted) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        // Whatever it is, the signature decides whether it is welcome.
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Why a request was refused, for the log.
#[derive(Clone)]
struct Verdict(String);

impl Gateway {
    fn refused(&self, refusal: &Refusal, id: &str) -> Response {
        let (told, reason) = match refusal {
            Refusal::Unverified(error) => (self.verifier.told(error, id), format!("{}: {error}", error.code())),
            Refusal::Failed { status, code, message, reason } => {
                (self.verifier.failed(*status, code, message, id), reason.clone())
            }
        };
        let mut response = Response::new(Body::from(told.xml));
        *response.status_mut() = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if let Verifier::Azure(_) = *self.verifier {
            response.headers_mut().insert("x-ms-error-code", HeaderValue::from_static(told.code));
        }
        response.extensions_mut().insert(Verdict(format!("{} ({reason})", told.code)));
        response
    }

    fn allowed_origin(&self, parts: &Parts) -> Option<HeaderValue> {
        let origin = parts.headers.get(header::ORIGIN)?;
        self.origins.iter().any(|allowed| origin == allowed.as_str()).then(|| origin.clone())
    }

    async fn serve(&self, parts: &Parts, body: Body) -> Result<Response, Refusal> {
        let lines: Vec<HeaderLine<'_>> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let target = parts.uri.to_string();
        let mut view = RequestView::new(parts.method.as_str(), &target, &lines);
        if let Some(Peer(address)) = parts.extensions.get() {
            view = view.from_address(*address);
        }
        let request = self.verifier.verify(&view, SystemClock.now())?;

        // From here on only what was verified counts.
        if let Signed::Azure(request) = &request {
            return azure::serve(&self.store, &self.blocks, request, parts, body).await;
        }
        let path = request.decoded_path()?;
        let below = path.strip_prefix('/').unwrap_or_default();
        let (bucket, key) = below.split_once('/').unwrap_or((below, ""));
        let params = request.params()?;
        if bucket.is_empty() {
            return Ok(self.list_buckets());
        }
        if !self.store.has_bucket(bucket) {
            return Err(Refusal::new(404, "NoSuchBucket", "The bucket is not here."));
        }
        if params.iter().any(|(name, _)| matches!(&**name, "uploads" | "uploadId" | "partNumber" | "tagging" | "acl")) {
            return Err(Refusal::new(501, "NotImplemented", "This gateway keeps whole objects only."));
        }
        match (request.method(), key) {
            ("GET", "") => Ok(self.list(bucket, &params)),
            ("HEAD", "") => Ok(Response::new(Body::empty())),
            ("PUT", "") => Err(Refusal::new(409, "BucketAlreadyOwnedByYou", "The bucket is already here.")),
            ("GET" | "HEAD", key) => self.get(bucket, key, &request, &params),
            ("PUT", key) => self.put(bucket, key, &request, body).await,
            ("DELETE", key) if !key.is_empty() => {
                self.store.delete(bucket, key).map_err(|error| broken(&error))?;
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok(response)
            }
            _ => Err(Refusal::new(405, "MethodNotAllowed", "The method is not allowed here.")),
        }
    }

    fn get(
        &self,
        bucket: &str,
        key: &str,
        request: &Signed<'_>,
        params: &[(String, String)],
    ) -> Result<Response, Refusal> {
        let object = self.store.get(bucket, key).ok_or(Refusal::new(404, "NoSuchKey", "The object is not here."))?;
        let bytes = if request.method() == "HEAD" { Vec::new() } else { object.bytes.clone() };
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        let mut set = |name: header::HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::CONTENT_TYPE, &object.content_type);
        set(header::CONTENT_LENGTH, &object.bytes.len().to_string());
        set(header::ETAG, &object.etag());
        set(header::LAST_MODIFIED, LAST_MODIFIED);
        // A stored page must not run here.
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        for (name, value) in params {
            match name.as_str() {
                "response-content-disposition" => set(header::CONTENT_DISPOSITION, value),
                "response-content-type" => set(header::CONTENT_TYPE, value),
                "response-cache-control" => set(header::CACHE_CONTROL, value),
                _ => {}
            }
        }
        Ok(response)
    }

    async fn put(&self, bucket: &str, key: &str, request: &Signed<'_>, body: Body) -> Result<Response, Refusal> {
        let bytes = read_body(body, request.payload_check()).await?;
        // An unsigned content type is the client's word, so it does not count.
        let content_type = request.header("content-type").unwrap_or_else(|| "application/octet-stream".into());
        let object = Object { bytes, content_type };
        let etag = object.etag();
        if !self.store.put(bucket, key, object, request.creates_only()).map_err(|error| broken(&error))? {
            return Err(Refusal::new(412, "PreconditionFailed", "The object exists already."));
        }
        let mut response = Response::new(Body::empty());
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        Ok(response)
    }

    fn list_buckets(&self) -> Response {
        let mut xml = String::from("<ListAllMyBucketsResult><Owner><ID>valet</ID></Owner><Buckets>");
        for bucket in self.store.buckets() {
            let _ =
                write!(xml, "<Bucket><Name>{}</Name><CreationDate>{EPOCH}</CreationDate></Bucket>", escaped(bucket));
        }
        xml.push_str("</Buckets></ListAllMyBucketsResult>");
        xml_response(&xml)
    }

    fn list(&self, bucket: &str, params: &[(String, String)]) -> Response {
        let param = |name: &str| params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if param("location").is_some() {
            return xml_response("<LocationConstraint/>");
        }
        let prefix = param("prefix").unwrap_or_default();
        let delimiter = param("delimiter").filter(|text| !text.is_empty());
        let mut folders: Vec<String> = Vec::new();
        let (mut contents, mut count) = (String::new(), 0);
        for (key, object) in self.store.list(bucket, prefix) {
            let below = key.strip_prefix(prefix).unwrap_or(&key);
            if let Some(end) = delimiter.and_then(|delimiter| below.find(delimiter).map(|at| at + delimiter.len())) {
                let folder = format!("{prefix}{}", &below[..end]);
                if folders.last() != Some(&folder) {
                    folders.push(folder);
                }
                continue;
            }
            count += 1;
            let (size, etag) = (object.bytes.len(), escaped(&object.etag()));
            let _ = write!(
                contents,
                "<Contents><Key>{}</Key><LastModified>{EPOCH}</LastModified><ETag>{etag}</ETag><Size>{size}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                escaped(&key)
            );
        }
        for folder in &folders {
            let _ = write!(contents, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(folder));
        }
        xml_response(&format!(
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name><Prefix>{}</Prefix>\
             <KeyCount>{}</KeyCount><MaxKeys>100000</MaxKeys><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>",
            escaped(bucket),
            escaped(prefix),
            count + folders.len()
        ))
    }
}

/// When every object was last modified: the store does not remember.
pub(crate) const LAST_MODIFIED: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
const EPOCH: &str = "1970-01-01T00:00:00.000Z";

/// Takes a body in, and lets go of it only once it is whole and the one that was signed.
pub(crate) async fn read_body(mut body: Body, mut check: Option<PayloadCheck>) -> Result<Vec<u8>, Refusal> {
    let expected = http_body::Body::size_hint(&body).exact();
    let expected = expected.ok_or(Refusal::new(411, "MissingContentLength", "A Content-Length is required."))?;
    let too_large = || Refusal::new(400, "EntityTooLarge", "The body is larger than this gateway takes.");
    if expected > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        let frame = match tokio::time::timeout(PATIENCE, body.frame()).await {
            Err(_) => return Err(Refusal::new(400, "RequestTimeout", "The client sent nothing for too long.")),
            Ok(Some(Err(_))) => return Err(Refusal::new(400, "IncompleteBody", "The body ended before its length.")),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
        };
        let piece: Bytes = frame.into_data().unwrap_or_default();
        if bytes.len() + piece.len() > BODY_LIMIT {
            return Err(too_large());
        }
        if let Some(check) = &mut check {
            check.update(&piece);
            if check.is_too_long() {
                break;
            }
        }
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() as u64 != expected && !check.as_ref().is_some_and(PayloadCheck::is_too_long) {
        return Err(Refusal::new(400, "IncompleteBody", "The body ended before its length."));
    }
    if let Some(check) = check {
        check.finish()?;
    }
    Ok(bytes)
}

pub(crate) fn broken(error: &std::io::Error) -> Refusal {
    let message = "The object could not be kept.";
    Refusal::Failed { status: 500, code: "InternalError", message, reason: error.to_string() }
}

pub(crate) fn xml_response(xml: &str) -> Response {
    let mut response = Response::new(Body::from(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
