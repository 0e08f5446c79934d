//! The gate in front of an HTTP service.

use super::{Admission, Answer, CheckedBody, Facts, Gate, GateError, Question, Refusal, body::Verdict};
use crate::{
    clock::{Clock, SystemClock},
    error::VerifyError,
    metrics::Event,
    token::Verified,
    view::HttpHead,
};
use http_body::Body;
use std::{
    boxed::Box,
    fmt, format,
    future::{Future, Ready, ready},
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    pin::Pin,
    string::String,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// Who answers the [`Question`] of a gate: the stores of this process, or a function that asks a shared one.
///
/// ```
/// use valet_key::gateway::{Answer, Keeper, Question};
///
/// fn is_keeper(_: &impl Keeper) {}
/// is_keeper(&|question: Question| async move {
///     // One command to the store goes here; whatever goes wrong is `Answer::Lost`.
///     if question.single_use.is_some() { Answer::Lost } else { Answer::Clear }
/// });
/// ```
pub trait Keeper: Send + Sync + 'static {
    /// The answer when it comes.
    type Answering: Future<Output = Answer> + Send;

    /// Asks.
    fn ask(&self, question: Question) -> Self::Answering;
}

impl<F, A> Keeper for F
where
    F: Fn(Question) -> A + Send + Sync + 'static,
    A: Future<Output = Answer> + Send,
{
    type Answering = A;

    fn ask(&self, question: Question) -> A {
        self(question)
    }
}

/// The stores of this process, as the [`Gate`] has them.
#[derive(Clone, Debug)]
pub struct OwnStores(Arc<Gate>);

impl Keeper for OwnStores {
    type Answering = Ready<Answer>;

    fn ask(&self, question: Question) -> Ready<Answer> {
        ready(self.0.ask(&question))
    }
}

/// What somebody vouches for about the connection that a request came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// Whether it is HTTPS.
    pub https: bool,
}

type Watch = dyn Fn(&str, Result<&Facts, &GateError>) + Send + Sync;
type Vouch = dyn Fn(&http::Extensions) -> Connection + Send + Sync;

/// Puts a [`Gate`] in front of an HTTP service, of axum, hyper or whatever else speaks `tower`.
///
/// A request that passes gets [`Verified`]`<`[`Facts`]`>` into its extensions, and a [`CheckedBody`] in place of its body. One
/// that does not is answered in the provider's own form, and so is one whose body turns out not to be the signed one while the
/// service reads it, whatever the service answers. A service that does not read the body to its end does not have it checked.
///
/// It must be the first to see a request: what another layer has rewritten (a path without its first segment, say) was not
/// signed.
///
/// ```
/// use std::sync::Arc;
/// use valet_key::gateway::{Facts, Gate, GateLayer};
/// use valet_key::token::Verified;
///
/// async fn serve(facts: axum::Extension<Verified<Facts>>) -> String {
///     format!("{}/{}", facts.container(), facts.object().unwrap_or_default())
/// }
///
/// fn app(gate: Gate) -> axum::Router {
///     axum::Router::new().fallback(serve).layer(GateLayer::new(Arc::new(gate)))
/// }
/// # let _ = app;
/// ```
pub struct GateLayer<K> {
    gate: Arc<Gate>,
    keeper: Arc<K>,
    clock: Arc<dyn Clock>,
    connection: Arc<Vouch>,
    watch: Option<Arc<Watch>>,
    ids: Arc<Ids>,
}

/// Names for requests: none comes twice, and none says how many there were.
#[derive(Default)]
struct Ids(RandomState, AtomicU64);

impl Ids {
    fn next(&self) -> String {
        format!("{:016X}", self.0.hash_one(self.1.fetch_add(1, Ordering::Relaxed)))
    }
}

impl GateLayer<OwnStores> {
    /// With the stores of this process.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Self {
        let keeper = OwnStores(Arc::clone(&gate));
        Self::asking(gate, keeper)
    }
}

impl<K: Keeper> GateLayer<K> {
    /// With a store that this asks. The stores of the gate are not.
    #[must_use]
    pub fn asking(gate: Arc<Gate>, keeper: K) -> Self {
        Self {
            gate,
            keeper: Arc::new(keeper),
            clock: Arc::new(SystemClock),
            connection: Arc::new(|_| Connection::default()),
            watch: None,
            ids: Arc::default(),
        }
    }

    /// With another clock than that of the system.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What is known about the connection, from the extensions that a server or a layer before this one has put there. Without it
    /// no address is known and nothing came over HTTPS, so that tokens which require either are refused.
    #[must_use]
    pub fn connection(mut self, vouch: impl Fn(&http::Extensions) -> Connection + Send + Sync + 'static) -> Self {
        self.connection = Arc::new(vouch);
        self
    }

    /// Tells this what was decided on each request, for logs and metrics: the id that the answer carries, and the facts or the
    /// reason. What a body turns out to be comes as a second call for the same request.
    #[must_use]
    pub fn watch(mut self, watch: impl Fn(&str, Result<&Facts, &GateError>) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    fn saw(&self, id: &str, what: Result<&Facts, &GateError>) {
        if let Some(watch) = &self.watch {
            watch(id, what);
        }
    }

    fn refuse<R: From<String>>(&self, id: &str, error: &GateError) -> http::Response<R> {
        self.saw(id, Err(error));
        response(error.answer(self.gate.provider(), id))
    }

    fn refuse_body<R: From<String>>(&self, id: &str, error: VerifyError) -> http::Response<R> {
        self.gate.heard(&Event::Rejected { code: error.code() });
        self.refuse(id, &error.into())
    }

    fn check(&self, parts: &http::request::Parts) -> Result<Admission, GateError> {
        let head = HttpHead::new(parts);
        let connection = (self.connection)(&parts.extensions);
        let mut view = head.view();
        if let Some(address) = connection.address {
            view = view.from_address(address);
        }
        if connection.https {
            view = view.over_https();
        }
        self.gate.check(&view, self.clock.now())
    }

    /// Lets a request through to `serve`, or not.
    async fn pass<B, R, E, S>(&self, request: http::Request<B>, serve: S) -> Result<http::Response<R>, E>
    where
        B: Body,
        R: From<String>,
        S: AsyncFnOnce(http::Request<CheckedBody<B>>) -> Result<http::Response<R>, E>,
    {
        let (mut parts, body) = request.into_parts();
        let id = self.ids.next();
        let admitted = match self.check(&parts) {
            Ok(admission) => {
                let answer = self.keeper.ask(admission.question().clone()).await;
                admission.decide(answer)
            }
            Err(error) => Err(error),
        };
        let (facts, check) = match admitted {
            Ok(admitted) => admitted.into_parts(),
            Err(error) => return Ok(self.refuse(&id, &error)),
        };
        self.saw(&id, Ok(&facts));
        let verdict = Verdict::default();
        let body = match CheckedBody::new(body, check, Arc::clone(&verdict)) {
            Ok(body) => body,
            Err(error) => return Ok(self.refuse_body(&id, error)),
        };
        parts.extensions.insert::<Verified<Facts>>(facts);
        let response = serve(http::Request::from_parts(parts, body)).await?;
        match verdict.get() {
            Some(error) => Ok(self.refuse_body(&id, error.clone())),
            None => Ok(response),
        }
    }
}

fn response<R: From<String>>(refusal: Refusal) -> http::Response<R> {
    let mut response = http::Response::new(R::from(refusal.body));
    *response.status_mut() = http::StatusCode::from_u16(refusal.status).unwrap_or(http::StatusCode::FORBIDDEN);
    for (name, value) in refusal.headers {
        if let Ok(value) = http::HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl<K> Clone for GateLayer<K> {
    fn clone(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            keeper: Arc::clone(&self.keeper),
            clock: Arc::clone(&self.clock),
            connection: Arc::clone(&self.connection),
            watch: self.watch.clone(),
            ids: Arc::clone(&self.ids),
        }
    }
}

impl<K> fmt::Debug for GateLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateLayer").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl<S, K> Layer<S> for GateLayer<K> {
    type Service = GateService<S, K>;

    fn layer(&self, inner: S) -> GateService<S, K> {
        GateService { inner, layer: Arc::new(self.clone()) }
    }
}

/// A service behind a gate: see [`GateLayer`].
pub struct GateService<S, K> {
    inner: S,
    layer: Arc<GateLayer<K>>,
}

impl<S, K, B, R> Service<http::Request<B>> for GateService<S, K>
where
    S: Service<http::Request<CheckedBody<B>>, Response = http::Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    K: Keeper,
    B: Body + Send + 'static,
    R: From<String>,
{
    type Response = http::Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // The one that was found ready is the one to call.
        let next = self.inner.clone();
        let mut inner = core::mem::replace(&mut self.inner, next);
        let layer = Arc::clone(&self.layer);
        Box::pin(async move { layer.pass(request, async |request| inner.call(request).await).await })
    }
}

impl<S: Clone, K> Clone for GateService<S, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: Arc::clone(&self.layer) }
    }
}

impl<S, K> fmt::Debug for GateService<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateService").field("layer", &self.layer).finish_non_exhaustive()
    }
}
