//! The upload server: knows the users, decides what they may do, and hands out tokens. It never sees a
//! byte of a file.

use crate::{
    Peer,
    audit::Log,
    desk::{self, Caller, Desk, Failure},
    diagnosis,
    options::Options,
    parts::{self, Sessions},
    rules::Rule,
    savings,
    traffic::Meter,
};
use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{HeaderValue, header, request::Parts},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use valet_key::{
    clock::{Clock, SystemClock},
    gateway::{Revocation, RevocationList},
    issuer::{Issued, Subject},
    multi::Token,
    token::Fingerprint,
};

/// What the two servers know together beside the keys.
pub(crate) struct Shared {
    pub(crate) log: Arc<Log>,
    pub(crate) revoked: Arc<RevocationList>,
    /// The upload server's, then one for each gateway.
    pub(crate) meters: Vec<Arc<Meter>>,
}

pub(crate) struct Server {
    pub(crate) desk: Desk,
    pub(crate) sessions: Sessions,
    shared: Arc<Shared>,
    proxy_price: f64,
    number: AtomicU64,
}

pub(crate) fn router(places: &[Options], shared: Arc<Shared>) -> Result<Router, String> {
    let desk = Desk::new(places, &shared.log)?;
    let number = AtomicU64::new(SystemClock.now().unix().unsigned_abs() * 1000);
    let proxy_price = places.first().ok_or("there is no cloud")?.proxy_price;
    let server = Server { desk, sessions: Sessions::default(), shared, proxy_price, number };
    let gateways: Vec<String> = places.iter().map(|place| format!("http://{}", place.gateway)).collect();
    // The page may talk to these servers, and nothing else may run in it.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' {}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        gateways.join(" ")
    );
    let policy = HeaderValue::from_str(&policy).map_err(|error| error.to_string())?;
    let file = |content_type: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, content_type)], text) })
    };
    let page =
        get(move || async move { ([(header::CONTENT_SECURITY_POLICY, policy)], Html(include_str!("page.html"))) });
    Ok(Router::new()
        .route("/", page)
        .route("/page.css", file("text/css", include_str!("page.css")))
        .route("/page.js", file("text/javascript", include_str!("page.js")))
        .route("/options", get(options))
        .route("/activity", get(activity))
        .route("/tokens/upload", post(upload))
        .route("/tokens/read", post(read))
        .route("/tokens/revoke", post(revoke))
        .route("/uploads/begin", post(parts::begin))
        .route("/uploads/sent", post(parts::sent))
        .route("/uploads/renew", post(parts::renew))
        .route("/explain", post(explain))
        .with_state(Arc::new(server)))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    /// A real service authenticates here. This one believes a header, so that the demonstration can be two people.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let named = parts.headers.get("x-user").and_then(|value| value.to_str().ok());
        let named = named.filter(|name| (1..=20).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_digit()));
        let address = parts.extensions.get().map(|Peer(address)| *address);
        let subject = Subject::new("", named.unwrap_or("42"));
        Ok(Self { subject: subject.unwrap_or_else(|_| unreachable!("digits are a name")), address })
    }
}

pub(crate) fn text<'v>(asked: &'v Value, field: &str) -> &'v str {
    asked[field].as_str().unwrap_or_default()
}

async fn options(State(server): State<Arc<Server>>) -> Json<Value> {
    let desk = &server.desk;
    let clouds = desk.places.iter().map(|place| json!({ "id": place.cloud.id(), "title": place.cloud.title() }));
    let buckets = desk.buckets.iter().map(|name| json!({ "name": name, "rule": Rule::of(name).describe() }));
    Json(json!({
        "clouds": clouds.collect::<Vec<_>>(), "buckets": buckets.collect::<Vec<_>>(), "whole": parts::WHOLE,
        "limit": format!("Each user may have {} tokens an hour, over all clouds.", desk.rate),
        "prices": savings::assumption(server.proxy_price),
    }))
}

async fn activity(State(server): State<Arc<Server>>) -> Json<Value> {
    let meters = &server.shared.meters;
    let counts = server.desk.metrics.snapshot();
    Json(json!({
        "traffic": meters.iter().map(|meter| meter.to_json()).collect::<Vec<_>>(),
        "saved": savings::of(meters, server.proxy_price),
        "tokens": { "issued": counts.issued, "refreshed": counts.refreshed },
        "audit": server.shared.log.to_json(),
    }))
}

impl Server {
    /// The name of a new file. It is ours: the user chooses its last part, and only from harmless characters.
    pub(crate) fn new_key(&self, caller: &Caller, name: &str) -> String {
        let harmless = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
        let name: String = name.chars().take(80).map(harmless).collect();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        format!("users/{}/{number}-{}", caller.subject.user(), name.trim_start_matches('.'))
    }
}

/// The content type that was asked for, or that of any bytes.
pub(crate) fn content_type(asked: &Value) -> &str {
    match text(asked, "content_type") {
        "" => "application/octet-stream",
        content_type => content_type,
    }
}

async fn upload(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, Failure> {
    let place = &server.desk.places[server.desk.place(&asked)?];
    let size = asked["size"].as_u64().filter(|size| *size > 0).ok_or(Failure::Asked("a file has at least one byte"))?;
    let key = server.new_key(&caller, text(&asked, "name"));
    let grant = desk::upload(text(&asked, "bucket"), &key, size, content_type(&asked))?;
    Ok(Json(told(&place.issue_upload(&server.desk, &caller, grant)?, &key)))
}

async fn read(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, Failure> {
    let place = &server.desk.places[server.desk.place(&asked)?];
    let (bucket, key) = (text(&asked, "bucket"), text(&asked, "key"));
    let grant = desk::read(place.cloud, &server.shared.log, bucket, key)?;
    Ok(Json(told(&place.issue(&caller, &grant)?, key)))
}

async fn revoke(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, Failure> {
    let unknown = || Failure::NotFound("no token of yours has that name");
    let fingerprint: Fingerprint = text(&asked, "id").parse().map_err(|_| unknown())?;
    let of = server.shared.log.token(caller.subject.user(), fingerprint).ok_or_else(unknown)?;
    let now = SystemClock.now();
    let revoked = server.shared.revoked.revoke(&Revocation::fingerprint(&fingerprint), now);
    revoked.map_err(|error| Failure::Cloud(error.to_string()))?;
    server.shared.log.revoked(now, caller.address.map(|address| address.to_string()).unwrap_or_default(), of);
    Ok(Json(json!({ "revoked": fingerprint.to_string() })))
}

/// Tells whoever was refused why. Nothing is looked up: the URL and the answer are what the caller has anyway.
async fn explain(Json(asked): Json<Value>) -> Response {
    match diagnosis::explanation(text(&asked, "method"), text(&asked, "url"), text(&asked, "answer")) {
        Ok(found) => Json(json!({ "cause": found.cause().code(), "advice": found.cause().advice() })).into_response(),
        Err(_) => Failure::Asked("that is no answer of a cloud").into_response(),
    }
}

/// A token as its user needs it.
pub(crate) fn told(issued: &Issued<Token>, key: &str) -> Value {
    let token = issued.token();
    json!({
        "url": token.expose_url(), "method": token.method(), "headers": headers(token), "key": key,
        "id": issued.fingerprint().to_string(), "form": token.form().code(), "now": issued.issued_at().unix(),
        "expires_at": issued.expires_at().unix(), "refresh_at": issued.refresh_at().unix(),
    })
}

/// The headers that a client has to send with a token.
pub(crate) fn headers(token: &Token) -> serde_json::Map<String, Value> {
    let headers = token.required_headers().iter();
    headers.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into())).collect()
}
