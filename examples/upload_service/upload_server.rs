//! The upload server: knows the users, decides what they may do, and hands out tokens. It never sees a
//! byte of a file.

use crate::{
    Peer,
    audit::{Log, Record},
    cloud::{Cloud, Signer},
    diagnosis,
    options::Options,
    revocation::{self, Revoked},
    rules::{self, Rule},
    savings,
    traffic::{Meter, Verdict},
};
use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use valet_key::{
    clock::{Clock, SystemClock, Timestamp},
    grant::{ContentDisposition, Grant, Justification},
    token::BearerUrl,
};

/// What the two servers know together beside the keys.
pub(crate) struct Shared {
    pub(crate) log: Log,
    pub(crate) revoked: Revoked,
    /// The upload server's, then one for each gateway.
    pub(crate) meters: Vec<Arc<Meter>>,
}

struct Server {
    places: Vec<(Cloud, Signer)>,
    buckets: Vec<String>,
    options: Options,
    shared: Arc<Shared>,
    /// The tokens that are out, by what names them.
    issued: Mutex<HashMap<String, Issued>>,
    /// What each file was said to be, which decides how sensitive it is.
    types: Mutex<HashMap<String, String>>,
    number: AtomicU64,
    because: Justification,
}

/// A token that somebody holds.
#[derive(Clone)]
struct Issued {
    user: String,
    resource: String,
    fingerprint: revocation::Fingerprint,
    expires_at: Timestamp,
}

pub(crate) fn router(places: &[Options], shared: Arc<Shared>) -> Result<Router, String> {
    let options = places.first().ok_or("there is no cloud")?.clone();
    let signers = places.iter().map(|place| Ok((place.cloud, Signer::new(place)?)));
    let because = Justification::new("plain HTTP on loopback, for this demonstration");
    let server = Server {
        places: signers.collect::<Result<_, String>>()?,
        buckets: options.buckets.clone(),
        shared,
        issued: Mutex::default(),
        types: Mutex::default(),
        number: AtomicU64::new(SystemClock.now().unix().unsigned_abs() * 1000),
        because: because.map_err(|error| error.to_string())?,
        options,
    };
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
        .route("/options", get(options_of))
        .route("/activity", get(activity))
        .route("/tokens/upload", post(upload))
        .route("/tokens/read", post(read))
        .route("/tokens/revoke", post(revoke))
        .route("/explain", post(explain))
        .with_state(Arc::new(server)))
}

/// Who asks, and from where.
struct Caller {
    user: String,
    client: String,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    /// A real service authenticates here. This one believes a header, so that the demonstration can be two people.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let named = parts.headers.get("x-user").and_then(|value| value.to_str().ok());
        let named = named.filter(|name| (1..=20).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_digit()));
        let client = parts.extensions.get().map(|Peer(address)| address.to_string()).unwrap_or_default();
        Ok(Self { user: named.unwrap_or("42").to_owned(), client })
    }
}

/// What a token would be for.
struct Wish<'w> {
    caller: &'w Caller,
    place: &'w (Cloud, Signer),
    action: &'static str,
    bucket: &'w str,
    key: String,
    rule: Rule,
}

impl Wish<'_> {
    fn record(&self, decision: &'static str, why: &str) -> Record {
        Record {
            at: SystemClock.now(),
            decision,
            user: self.caller.user.clone(),
            action: self.action,
            resource: format!("{}/{}", self.bucket, self.key),
            form: "",
            classification: rules::class_name(self.rule.classification),
            lifetime: None,
            fingerprint: String::new(),
            request_id: String::new(),
            client: self.caller.client.clone(),
            why: why.to_owned(),
        }
    }
}

fn text<'v>(asked: &'v Value, field: &str) -> &'v str {
    asked[field].as_str().unwrap_or_default()
}

fn answer(status: StatusCode, why: &str) -> Response {
    let mut response = (status, Json(json!({ "error": why }))).into_response();
    response.extensions_mut().insert(Verdict(why.to_owned()));
    response
}

async fn options_of(State(server): State<Arc<Server>>) -> Json<Value> {
    let clouds = server.places.iter().map(|(cloud, _)| json!({ "id": cloud.id(), "title": cloud.title() }));
    let buckets = server.buckets.iter().map(|name| json!({ "name": name, "rule": rules::describe(name) }));
    Json(json!({
        "clouds": clouds.collect::<Vec<_>>(), "buckets": buckets.collect::<Vec<_>>(),
        "prices": savings::assumption(server.options.proxy_price),
    }))
}

async fn activity(State(server): State<Arc<Server>>) -> Json<Value> {
    let meters = &server.shared.meters;
    Json(json!({
        "traffic": meters.iter().map(|meter| meter.to_json()).collect::<Vec<_>>(),
        "saved": savings::of(meters, server.options.proxy_price),
        "audit": server.shared.log.to_json(),
    }))
}

async fn upload(State(server): State<Arc<Server>>, caller: Caller, Json(asked): Json<Value>) -> Response {
    let Some(place) = server.place(&asked) else { return answer(StatusCode::BAD_REQUEST, "there is no such cloud") };
    let (bucket, content_type) = (text(&asked, "bucket"), text(&asked, "content_type"));
    let (size, rule) = (asked["size"].as_u64().unwrap_or_default(), Rule::of(bucket, content_type));
    // The name is ours: the user chooses its last part, and only from harmless characters.
    let harmless = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let name: String = text(&asked, "name").chars().take(80).map(harmless).collect();
    let number = server.number.fetch_add(1, Ordering::Relaxed);
    let key = format!("users/{}/{number}-{}", caller.user, name.trim_start_matches('.'));
    let wish = Wish { caller: &caller, place, action: "upload", bucket, key, rule };
    if !server.buckets.iter().any(|known| known == bucket) {
        return server.refuse(&wish, "there is no such bucket");
    }
    if let Some(why) = wish.rule.refuses(size, content_type) {
        return server.refuse(&wish, &why);
    }
    let lifetime = match wish.rule.upload_lifetime(size) {
        Ok(lifetime) => lifetime,
        Err(error) => return server.refuse(&wish, &error.to_string()),
    };
    let content_type = if content_type.is_empty() { "application/octet-stream" } else { content_type };
    let grant = Grant::create(bucket, wish.key.as_str()).lives(lifetime);
    let mut types = server.types.lock().unwrap_or_else(PoisonError::into_inner);
    types.insert(wish.key.clone(), content_type.to_owned());
    drop(types);
    server.grant(&wish, &place.0.hold(grant, size, content_type))
}

async fn read(State(server): State<Arc<Server>>, caller: Caller, Json(asked): Json<Value>) -> Response {
    let Some(place) = server.place(&asked) else { return answer(StatusCode::BAD_REQUEST, "there is no such cloud") };
    let (bucket, key) = (text(&asked, "bucket"), text(&asked, "key"));
    let known = server.types.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    let rule = Rule::of(bucket, &known.unwrap_or_default());
    let wish = Wish { caller: &caller, place, action: "read", bucket, key: key.to_owned(), rule };
    if !server.buckets.iter().any(|known| known == bucket) || !key.starts_with(&format!("users/{}/", caller.user)) {
        return server.refuse(&wish, "that file is not yours");
    }
    let file_name = key.rsplit('/').next().unwrap_or_default();
    let grant = Grant::read(bucket, key)
        .disposition(&ContentDisposition::attachment(file_name))
        .lives(wish.rule.read_lifetime());
    server.grant(&wish, &grant)
}

async fn revoke(State(server): State<Arc<Server>>, caller: Caller, Json(asked): Json<Value>) -> Response {
    let id = text(&asked, "id");
    let all = server.issued.lock().unwrap_or_else(PoisonError::into_inner);
    let issued = all.get(id).filter(|issued| issued.user == caller.user).cloned();
    drop(all);
    let Some(issued) = issued else {
        return answer(StatusCode::NOT_FOUND, "no token of yours has that name");
    };
    let now = SystemClock.now();
    server.shared.revoked.add(issued.fingerprint, issued.expires_at, now);
    server.shared.log.write(Record {
        at: now,
        decision: "revoked",
        user: caller.user,
        action: "",
        resource: issued.resource,
        form: "",
        classification: "",
        lifetime: None,
        fingerprint: hex::encode(&issued.fingerprint[..6]),
        request_id: id.to_owned(),
        client: caller.client,
        why: "asked for on the page".into(),
    });
    Json(json!({ "revoked": id })).into_response()
}

/// Tells whoever was refused why. Nothing is looked up: the URL and the answer are what the caller has anyway.
async fn explain(Json(asked): Json<Value>) -> Response {
    match diagnosis::explanation(text(&asked, "method"), text(&asked, "url"), text(&asked, "answer")) {
        Ok(found) => Json(json!({ "cause": found.cause().code(), "advice": found.cause().advice() })).into_response(),
        Err(error) => answer(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

impl Server {
    /// The cloud that is asked for, or the only one there is.
    fn place(&self, asked: &Value) -> Option<&(Cloud, Signer)> {
        match (asked["cloud"].as_str(), self.places.as_slice()) {
            (None, [only]) => Some(only),
            (Some(id), places) => places.iter().find(|(cloud, _)| cloud.id() == id),
            (None, _) => None,
        }
    }

    fn refuse(&self, wish: &Wish<'_>, why: &str) -> Response {
        self.shared.log.write(wish.record("refused", why));
        answer(StatusCode::FORBIDDEN, why)
    }

    fn grant(&self, wish: &Wish<'_>, grant: &Grant) -> Response {
        let (now, (cloud, signer)) = (SystemClock.now(), wish.place);
        let id = format!("{}-{}", wish.action, self.number.fetch_add(1, Ordering::Relaxed));
        let grant = grant.clone().classified(wish.rule.classification).because(self.because.clone());
        // Tokens of an Azure account key have no place for an id. Those of Google have it in a header, which a link that is
        // clicked does not send.
        let has_place = match cloud {
            Cloud::Aws => true,
            Cloud::Gcs => wish.action != "read",
            Cloud::Azure => false,
        };
        let grant = if has_place { grant.request_id(id.as_str()) } else { grant };
        let url = match signer.issue(&grant, now) {
            Ok(url) => url,
            Err(error) => return self.refuse(wish, &error.to_string()),
        };
        let Some(fingerprint) = revocation::fingerprint(url.expose_query()) else {
            return self.refuse(wish, "a token that could not be revoked");
        };
        let lifetime = u32::try_from(url.expires_at().unix() - now.unix()).unwrap_or_default();
        self.shared.log.write(Record {
            form: cloud.form(),
            lifetime: Some(lifetime),
            fingerprint: hex::encode(&fingerprint[..6]),
            request_id: id.clone(),
            ..wish.record("granted", self.because.as_str())
        });
        let resource = format!("{}/{}", wish.bucket, wish.key);
        let issued = Issued { user: wish.caller.user.clone(), resource, fingerprint, expires_at: url.expires_at() };
        let mut all = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, issued| issued.expires_at >= now);
        all.insert(id.clone(), issued);
        Json(told(&url, &wish.key, &id, now)).into_response()
    }
}

/// A token as its user needs it.
fn told(url: &BearerUrl, key: &str, id: &str, now: Timestamp) -> Value {
    let headers: serde_json::Map<String, Value> = url
        .required_headers()
        .iter()
        .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()))
        .collect();
    json!({
        "url": url.expose(), "method": url.method(), "headers": headers, "key": key, "id": id,
        "expires_at": url.expires_at().unix(), "now": now.unix(),
    })
}
