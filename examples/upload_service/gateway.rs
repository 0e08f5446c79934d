//! The storage gateway: verifies each request, then acts on the verified facts and on nothing else.

use crate::{
    Peer,
    azure::{self, Blocks},
    cloud::{self, Cloud},
    diagnosis::{self, Reader},
    form::{self, Forms},
    options::Options,
    resumable::{self, Resumables},
    s3::{self, Uploads},
    store::Store,
    traffic::Verdict,
    upload_server::Shared,
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
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use valet_key::{
    aws::S3Error,
    azure::StorageError,
    clock::{Clock, SystemClock},
    error::VerifyError,
    gateway::{BodyCheck, Gate, GateError, Provider},
    view::{HeaderLine, RequestView},
};

/// The largest body that is taken.
pub(crate) const BODY_LIMIT: usize = 64 << 20;
/// What the frames of a body in chunks may take beside it.
const FRAMES_LIMIT: u64 = 1 << 20;
/// How long a client may be silent in the middle of a body.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Gateway {
    gate: Arc<Gate>,
    /// What S3 expects of a form.
    forms: Option<Arc<Forms>>,
    reader: Arc<Reader>,
    store: Store,
    shared: Arc<Shared>,
    blocks: Arc<Blocks>,
    uploads: Arc<Uploads>,
    resumables: Arc<Resumables>,
    requests: Arc<AtomicU64>,
    origins: Arc<[String; 2]>,
}

pub(crate) fn router(options: &Options, store: Store, shared: Arc<Shared>) -> Result<Router, String> {
    let port = options.listen.rsplit(':').next().unwrap_or_default();
    let origins = [format!("http://{}", options.listen), format!("http://localhost:{port}")];
    let gateway = Gateway {
        gate: Arc::new(cloud::gate(options, &shared.revoked)?),
        forms: if options.cloud == Cloud::Aws { Some(Arc::new(Forms::new(options)?)) } else { None },
        reader: Arc::new(Reader::new(options)?),
        store,
        shared,
        blocks: Arc::default(),
        uploads: Arc::default(),
        resumables: Arc::new(Resumables::new(format!("http://{}", options.gateway), &options.secret_key)),
        requests: Arc::default(),
        origins: Arc::new(origins),
    };
    Ok(Router::new().fallback(handle).with_state(gateway))
}

/// Why a request is not served.
pub(crate) enum Refusal {
    /// It did not pass the gate, and if its signature was not right, this would have been signed.
    AtTheGate(GateError, Option<String>),
    /// It did, but cannot be done.
    Failed { status: u16, code: &'static str, message: &'static str, reason: String },
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self::Failed { status, code, message, reason: "served here".into() }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        Self::AtTheGate(error.into(), None)
    }
}

/// The error document of a cloud for a request that was what it should be, but cannot be done.
fn document(provider: Provider, status: u16, code: &'static str, message: &'static str, id: &str) -> String {
    match provider {
        Provider::Azure => StorageError::new(status, code, message).to_xml(id),
        // The error documents of these two have the same shape.
        _ => S3Error::new(status, code, message).to_xml(id),
    }
}

async fn handle(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let origin = gateway.allowed_origin(&parts);
    let number = gateway.requests.fetch_add(1, Ordering::Relaxed);
    let id = format!("00000000-0000-0000-0000-{number:012x}");
    let mut response = if parts.method == "OPTIONS" {
        preflight(&parts, origin.is_some())
    } else {
        gateway.serve(&parts, body).await.unwrap_or_else(|refusal| gateway.refused(&refusal, &id))
    };
    if gateway.gate.provider() == Provider::Azure {
        azure::finish(&mut response, &parts, &id);
    }
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Location, Range"));
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
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE"));
    if let Some(wanted) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        // Whatever it is, the signature decides whether it is welcome.
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

impl Gateway {
    fn refused(&self, refusal: &Refusal, id: &str) -> Response {
        let provider = self.gate.provider();
        let (status, code, xml, reason) = match refusal {
            Refusal::AtTheGate(error, computed) => {
                let told = error.answer(provider, id);
                let xml = computed.iter().fold(told.body, |xml, computed| diagnosis::with_detail(&xml, computed));
                (told.status, told.code, xml, format!("{}: {error}", error.code()))
            }
            Refusal::Failed { status, code, message, reason } => {
                (*status, *code, document(provider, *status, code, message, id), reason.clone())
            }
        };
        let mut response = Response::new(Body::from(xml));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if provider == Provider::Azure {
            response.headers_mut().insert("x-ms-error-code", HeaderValue::from_static(code));
        }
        response.extensions_mut().insert(Verdict(format!("{code} ({reason})")));
        response
    }

    fn allowed_origin(&self, parts: &Parts) -> Option<HeaderValue> {
        let origin = parts.headers.get(header::ORIGIN)?;
        self.origins.iter().any(|allowed| origin == allowed.as_str()).then(|| origin.clone())
    }

    async fn serve(&self, parts: &Parts, body: Body) -> Result<Response, Refusal> {
        if let (Some(forms), true) = (&self.forms, form::is_form(parts)) {
            return form::serve(&self.store, forms, &self.shared.revoked, parts, body).await;
        }
        if let (Provider::Gcs, Some(id)) = (self.gate.provider(), resumable::session_of(parts)) {
            return self.resumables.serve(&self.store, id, parts, body).await;
        }
        let lines: Vec<HeaderLine<'_>> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let target = parts.uri.to_string();
        let mut view = RequestView::new(parts.method.as_str(), &target, &lines);
        if let Some(Peer(address)) = parts.extensions.get() {
            view = view.from_address(*address);
        }
        let now = SystemClock.now();
        let (facts, check) = match self.gate.admit(&view, now) {
            Ok(admitted) => admitted.into_parts(),
            Err(error) => {
                let is_mismatch = error == GateError::Unverified(VerifyError::SignatureMismatch);
                let computed = if is_mismatch { self.reader.computed(&view, now) } else { None };
                linger(body).await;
                return Err(Refusal::AtTheGate(error, computed));
            }
        };

        // From here on only what was verified counts.
        let body = Incoming { body, check: Some(check) };
        if facts.provider() == Provider::Azure {
            return azure::serve(&self.store, &self.blocks, &facts, parts, body).await;
        }
        s3::serve(&self.store, (&self.uploads, &self.resumables), &facts, parts, body).await
    }
}

/// When every object was last modified: the store does not remember.
pub(crate) const LAST_MODIFIED: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

/// A body, and what it is held to.
pub(crate) struct Incoming {
    pub(crate) body: Body,
    /// Nothing, where the body needs no signature.
    pub(crate) check: Option<BodyCheck>,
}

/// Takes in a little of the body of a request that is refused: a client that is still sending when the connection closes
/// may never read why.
async fn linger(mut body: Body) {
    let take = async {
        let mut left = 1usize << 20;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.into_data().map_or(0, |data| data.len()));
            if left == 0 {
                break;
            }
        }
    };
    // Whether it ended or not, the answer goes out now.
    let _ = tokio::time::timeout(Duration::from_secs(1), take).await;
}

fn too_large() -> Refusal {
    Refusal::new(400, "EntityTooLarge", "The body is larger than this gateway takes.")
}

impl Incoming {
    /// Takes the body in, and lets go of it only once it is whole and the one that was signed.
    pub(crate) async fn read(mut self) -> Result<Vec<u8>, Refusal> {
        let expected = http_body::Body::size_hint(&self.body).exact();
        let in_chunks = self.check.as_ref().is_some_and(BodyCheck::is_framed);
        // A body in chunks says in a header of its own how long it is without their frames.
        if expected.is_none() && !in_chunks {
            return Err(Refusal::new(411, "MissingContentLength", "A Content-Length is required."));
        }
        let limit = BODY_LIMIT as u64 + if in_chunks { FRAMES_LIMIT } else { 0 };
        if expected.is_some_and(|expected| expected > limit) {
            return Err(too_large());
        }
        let (mut bytes, mut arrived) = (Vec::new(), 0u64);
        loop {
            let frame = match tokio::time::timeout(PATIENCE, self.body.frame()).await {
                Err(_) => return Err(Refusal::new(400, "RequestTimeout", "The client sent nothing for too long.")),
                Ok(Some(Err(_))) => return Err(incomplete()),
                Ok(None) => break,
                Ok(Some(Ok(frame))) => frame,
            };
            let piece: Bytes = frame.into_data().unwrap_or_default();
            arrived += piece.len() as u64;
            match &mut self.check {
                None => bytes.extend_from_slice(&piece),
                Some(check) => {
                    let mut piece = &*piece;
                    while let Some(verified) = check.next(&mut piece)? {
                        bytes.extend_from_slice(verified);
                    }
                }
            }
            if bytes.len() > BODY_LIMIT || arrived > limit {
                return Err(too_large());
            }
        }
        if expected.is_some_and(|expected| arrived != expected) {
            return Err(incomplete());
        }
        self.check.map_or(Ok(()), BodyCheck::finish)?;
        Ok(bytes)
    }
}

fn incomplete() -> Refusal {
    Refusal::new(400, "IncompleteBody", "The body ended before its length.")
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
