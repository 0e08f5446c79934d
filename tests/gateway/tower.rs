//! The layer: what a service behind it sees, and what a client is told.

use crate::clouds::{CLOUDS, Wire, at, aws_key, gate, gcs_key, issue, now};
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;
use valet_key::aws::{Payload, Request as AwsRequest, SigV4, SignedHeaders, Stream};
use valet_key::gateway::{
    Answer, BodyError, CheckedBody, Connection, Facts, GateLayer, Keeper, Provider, Question, SingleUse,
};
use valet_key::gcs::GoogV4;
use valet_key::grant::Grant;
use valet_key::token::Verified;

/// A body that arrives in these pieces.
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    fn of(body: &[u8], size: usize) -> Self {
        Self(body.chunks(size).map(Bytes::copy_from_slice).collect())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the service behind the layer came to see.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Sight>>);

#[derive(Default)]
struct Sight {
    calls: usize,
    bytes: Vec<u8>,
    failed: bool,
}

/// A service that reads what it gets and is content with everything.
#[derive(Clone, Default)]
struct Content(Seen);

impl<B> Service<Request<CheckedBody<B>>> for Content
where
    B: Body + Send + 'static,
    B::Data: Send,
    CheckedBody<B>: Body<Data = Bytes, Error = BodyError> + Send,
{
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<CheckedBody<B>>) -> Self::Future {
        let seen = self.0.clone();
        Box::pin(async move {
            assert!(request.extensions().get::<Verified<Facts>>().is_some());
            seen.0.lock().unwrap().calls += 1;
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => seen.0.lock().unwrap().bytes.extend(frame.into_data().unwrap_or_default()),
                    Err(_) => seen.0.lock().unwrap().failed = true,
                }
            }
            assert!(body.is_end_stream() && body.frame().await.is_none());
            Ok(Response::new("stored".to_owned()))
        })
    }
}

fn request<B>(wire: &Wire, body: B) -> Request<B> {
    let mut request = Request::builder().method(wire.method.as_str()).uri(wire.target());
    for (name, value) in &wire.headers {
        request = request.header(name, value.as_slice());
    }
    request.body(body).unwrap()
}

fn https(_: &http::Extensions) -> Connection {
    Connection { https: true, ..Connection::default() }
}

fn layer(cloud: Provider) -> GateLayer<valet_key::gateway::OwnStores> {
    GateLayer::new(Arc::new(gate(cloud).single_use(SingleUse::Always))).clock(now()).connection(https)
}

async fn text(response: Response<axum::body::Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn an_axum_service_sees_verified_facts_and_a_client_the_providers_errors() {
    async fn serve(facts: Extension<Verified<Facts>>) -> String {
        format!("{} {}/{}", facts.action().unwrap(), facts.container(), facts.object().unwrap_or_default())
    }
    for cloud in CLOUDS {
        let mut app = Router::new().fallback(serve).layer(layer(cloud));
        let mut send = |wire: &Wire| app.call(request(wire, axum::body::Body::empty()));
        let wire = issue(cloud, &Grant::read("photos", "42/a b.jpg"));
        assert_eq!(text(send(&wire).await.unwrap()).await, (200, "read photos/42/a b.jpg".to_owned()));

        let replayed = send(&wire).await.unwrap();
        assert_eq!(replayed.headers()["content-type"], "application/xml");
        let (status, body) = text(replayed).await;
        let code = if cloud == Provider::Azure { "AuthenticationFailed" } else { "AccessDenied" };
        assert!(status == 403 && body.contains(&format!("<Code>{code}</Code>")), "{cloud:?} {body}");

        let mut forged = issue(cloud, &Grant::read("photos", "other.jpg"));
        forged.url = forged.url.replace("other", "secret");
        let (status, body) = text(send(&forged).await.unwrap()).await;
        let code = if cloud == Provider::Azure { "AuthenticationFailed" } else { "SignatureDoesNotMatch" };
        assert!(status == 403 && body.contains(&format!("<Code>{code}</Code>")), "{cloud:?} {body}");
    }
}

#[tokio::test]
async fn a_token_for_https_needs_somebody_who_vouches_for_it() {
    let plain = GateLayer::new(Arc::new(gate(Provider::Azure))).clock(now());
    let mut service = plain.layer(Content::default());
    let wire = issue(Provider::Azure, &Grant::read("photos", "cat.jpg"));
    let response = service.call(request(&wire, Pieces::of(b"", 1))).await.unwrap();
    assert_eq!((response.status().as_u16(), service_calls(&response)), (403, false));
    assert!(response.body().contains("AuthorizationProtocolMismatch"));
}

fn service_calls(response: &Response<String>) -> bool {
    response.body() == "stored"
}

/// A signed upload as it goes over the wire, with its framed body.
fn upload(payload: Payload, body: &[u8]) -> Wire {
    let request = AwsRequest::new("PUT", "https://photos.s3.eu-west-1.amazonaws.com", "eu-west-1", "s3").unwrap();
    let signed = aws_key().sign_headers(&request.path("/cat.txt").payload(payload), now()).unwrap();
    assert!(body.len() < 1 << 20);
    wire(&signed)
}

fn wire(signed: &SignedHeaders) -> Wire {
    let mut headers = vec![("host".to_owned(), b"photos.s3.eu-west-1.amazonaws.com".to_vec())];
    headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    let url = format!("https://photos.s3.eu-west-1.amazonaws.com{}", signed.target());
    Wire { method: "PUT".to_owned(), url, headers }
}

async fn put(wire: &Wire, body: &[u8], size: usize) -> (Response<String>, Sight) {
    let content = Content::default();
    let mut service = layer(Provider::Aws).layer(content.clone());
    let response = service.call(request(wire, Pieces::of(body, size))).await.unwrap();
    let sight = std::mem::take(&mut *content.0.0.lock().unwrap());
    (response, sight)
}

fn sha256(body: &[u8]) -> Payload {
    use sha2::{Digest, Sha256};
    Payload::Sha256(Sha256::digest(body).into())
}

#[tokio::test]
async fn a_hashed_body_is_whole_before_its_last_piece_comes_out() {
    let body = b"Welcome to Amazon S3.".as_slice();
    let wire = upload(sha256(body), body);
    for size in [1, 7, 20, 21, 1000] {
        let (response, sight) = put(&wire, body, size).await;
        assert!(response.status() == 200 && service_calls(&response));
        assert_eq!((sight.bytes.as_slice(), sight.failed), (body, false));

        for wrong in [&b"Welcome to Amazon S4."[..], b"Welcome to Amazon S3", b"Welcome to Amazon S3.."] {
            let (response, sight) = put(&wire, wrong, size).await;
            // The service was content, and the client is told nevertheless.
            assert_eq!(response.status().as_u16(), 400);
            assert!(response.body().contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{}", response.body());
            assert!(sight.failed && sight.calls == 1);
            assert!(sight.bytes.len() < wrong.len() && wrong.starts_with(&sight.bytes));
        }
        let (response, sight) = put(&wire, b"", size).await;
        assert_eq!((response.status().as_u16(), sight.calls), (400, 0), "its end was known before it began");
    }
}

#[tokio::test]
async fn an_unsigned_body_goes_through_at_once() {
    let body = b"whatever".as_slice();
    let (response, sight) = put(&upload(Payload::Unsigned, body), body, 3).await;
    assert_eq!((response.status().as_u16(), sight.bytes.as_slice()), (200, body));
}

#[tokio::test]
async fn no_byte_of_a_chunk_comes_out_before_its_signature_is_right() {
    let body: Vec<u8> = (0..20_000u32).map(|it| it.to_le_bytes()[0]).collect();
    let stream = Stream::signed(20_000).chunk_size(8 << 10).unwrap();
    let origin = "https://photos.s3.eu-west-1.amazonaws.com";
    let asked = AwsRequest::new("PUT", origin, "eu-west-1", "s3").unwrap().path("/cat.txt").stream(stream);
    let signed = aws_key().sign_headers(&asked, now()).unwrap();
    let mut chunker = signed.chunk_signer().unwrap();
    let mut framed = Vec::new();
    let mut starts = Vec::new();
    for chunk in body.chunks(8 << 10) {
        let frame = chunker.chunk(&aws_key(), chunk).unwrap();
        framed.extend_from_slice(frame.before());
        starts.push(framed.len());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(frame.after());
    }
    framed.extend_from_slice(&chunker.finish(&aws_key()).unwrap());

    let wire = wire(&signed);
    for size in [1000, 8192, 100_000] {
        let (response, sight) = put(&wire, &framed, size).await;
        assert_eq!((response.status().as_u16(), sight.bytes == body), (200, true));
        for (at_chunk, start) in starts.iter().enumerate() {
            let mut wrong = framed.clone();
            wrong[start + 10] ^= 1;
            let (response, sight) = put(&wire, &wrong, size).await;
            assert!(response.status().as_u16() == 403 && response.body().contains("SignatureDoesNotMatch"));
            let right = at_chunk * (8 << 10);
            assert!(sight.failed && sight.bytes.len() <= right && body.starts_with(&sight.bytes));
        }
        let (response, sight) = put(&wire, &framed[..framed.len() - 5], size).await;
        assert!(response.status() == 400 && sight.bytes.len() < body.len(), "{}", response.body());
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_ends_early() {
    let grant = Grant::upload("photos", "new.jpg").size(2..=4).content_type("image/png");
    let wire = issue(Provider::Gcs, &grant);
    for (length, status, code) in [
        (1, 400, "EntityTooSmall"),
        (2, 200, ""),
        (4, 200, ""),
        (5, 400, "EntityTooLarge"),
        (900, 400, "EntityTooLarge"),
    ] {
        let content = Content::default();
        let mut service = layer(Provider::Gcs).layer(content.clone());
        let body = vec![b'a'; length];
        let response = service.call(request(&wire, Pieces::of(&body, 1))).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{length}");
        assert!(response.body().contains(code));
        assert!(content.0.0.lock().unwrap().bytes.len() <= 4);
    }
    assert_eq!(gcs_key().credential().id(), "GOOG1EXAMPLE");
}

/// A store that answers with whatever comes next.
struct Scripted(Arc<Mutex<Vec<Answer>>>, Arc<AtomicUsize>);

impl Keeper for Scripted {
    type Answering = Ready<Answer>;

    fn ask(&self, question: Question) -> Ready<Answer> {
        assert!(question.single_use.is_some());
        self.1.fetch_add(1, Ordering::Relaxed);
        ready(self.0.lock().unwrap().pop().unwrap_or(Answer::Lost))
    }
}

#[tokio::test]
async fn a_shared_store_is_asked_once_and_only_for_what_is_verified() {
    let (script, asked) = (Arc::new(Mutex::new(vec![])), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watched = Arc::clone(&seen);
    let gate = Arc::new(gate(Provider::Aws).single_use(SingleUse::Always));
    let keeper = Scripted(Arc::clone(&script), Arc::clone(&asked));
    let mut service = GateLayer::asking(gate, keeper)
        .clock(at(1))
        .watch(move |id, what| {
            assert_eq!(id.len(), 16);
            let code = match what {
                Ok(facts) => facts.operation().to_owned(),
                Err(error) => error.code().to_owned(),
            };
            watched.lock().unwrap().push(code);
        })
        .layer(Content::default());
    let wire = issue(Provider::Aws, &Grant::read("photos", "cat.jpg"));
    for (answer, status, code, name) in [
        (Answer::Clear, 200, "stored", "GetObject"),
        (Answer::Replayed, 403, "AccessDenied", "replayed"),
        (Answer::Revoked, 403, "AccessDenied", "revoked"),
        (Answer::RateLimited { retry_after: 9 }, 503, "SlowDown", "rate_limited"),
        (Answer::Lost, 503, "ServiceUnavailable", "store_lost"),
        (Answer::Full, 503, "ServiceUnavailable", "store_full"),
    ] {
        script.lock().unwrap().push(answer);
        let response = service.call(request(&wire, Empty::<Bytes>::new())).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert!(response.body().contains(code), "{}", response.body());
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(
            retry.as_deref(),
            match status {
                503 if code == "SlowDown" => Some("9"),
                503 => Some("1"),
                _ => None,
            }
        );
        assert_eq!(seen.lock().unwrap().pop().as_deref(), Some(name));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 6);
    let mut forged = wire;
    forged.method = "DELETE".into();
    let response = service.call(request(&forged, Full::new(Bytes::new()))).await.unwrap();
    assert_eq!((response.status().as_u16(), asked.load(Ordering::Relaxed)), (403, 6));
}
