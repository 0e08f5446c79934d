//! The upload server: knows the users, decides what they may do, and hands out tokens. It never sees a
//! byte of a file.

use crate::{
    cloud::{Cloud, Signer},
    gateway::BODY_LIMIT,
    options::Options,
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use valet_key::{
    clock::{Clock, SystemClock},
    grant::{Classification, ContentDisposition, Grant, Justification},
};

#[derive(Clone)]
struct Server {
    cloud: Cloud,
    signer: Arc<Signer>,
    buckets: Arc<Vec<String>>,
    uploads: Arc<AtomicU64>,
    because: Justification,
}

pub(crate) fn router(options: &Options) -> Result<Router, String> {
    let because = Justification::new("plain HTTP on loopback, for this demonstration");
    let server = Server {
        cloud: options.cloud,
        signer: Arc::new(Signer::new(options)?),
        buckets: Arc::new(options.buckets.clone()),
        uploads: Arc::default(),
        because: because.map_err(|error| error.to_string())?,
    };
    let buckets = options.buckets.iter().fold(String::new(), |html, bucket| html + "<option>" + bucket + "</option>");
    let page = include_str!("page.html").replace("<!-- buckets -->", &buckets);
    Ok(Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route("/tokens/upload", post(upload))
        .route("/tokens/read", post(read))
        .with_state(server))
}

/// The user that a session would name. A real service authenticates here.
const USER: &str = "42";

/// What each bucket takes: how sensitive it is, which types, how many bytes.
fn rules(bucket: &str) -> (Classification, &'static [&'static str], usize) {
    match bucket {
        "secure-invoices" => (Classification::Pii, &["application/pdf"], 10 << 20),
        "user-profiles" => (Classification::Confidential, &["image/png", "image/jpeg", "image/webp"], 5 << 20),
        _ => (Classification::Confidential, &[], BODY_LIMIT),
    }
}

fn refuse(why: impl Into<String>) -> Response {
    (StatusCode::FORBIDDEN, Json(json!({ "error": why.into() }))).into_response()
}

async fn upload(State(server): State<Server>, Json(asked): Json<Value>) -> Response {
    let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
    let (bucket, content_type) = (text("bucket"), text("content_type"));
    if !server.buckets.contains(&bucket) {
        return refuse("there is no such bucket");
    }
    let (classification, types, limit) = rules(&bucket);
    let Some(size) = asked["size"].as_u64().filter(|size| (1..=limit as u64).contains(size)) else {
        return refuse(format!("a file here has 1 to {limit} bytes"));
    };
    if !types.is_empty() && !types.contains(&content_type.as_str()) {
        return refuse(format!("a file here is one of: {}", types.join(", ")));
    }
    // The name is ours: the user chooses its last part, and only from harmless characters.
    let harmless = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let name: String = text("name").chars().take(80).map(harmless).collect();
    let number = server.uploads.fetch_add(1, Ordering::Relaxed) + SystemClock.now().unix().unsigned_abs() * 1000;
    let key = format!("users/{USER}/{number}-{}", name.trim_start_matches('.'));
    let content_type = if content_type.is_empty() { "application/octet-stream".to_owned() } else { content_type };
    let grant = Grant::create(bucket, key.as_str())
        .classified(classification)
        .lives(classification.cap().min(valet_key::grant::Lifetime::DEFAULT));
    let grant = server.cloud.hold(grant, size, content_type);
    // Tokens of an Azure account key have no place for an id.
    let grant = if server.cloud == Cloud::Azure { grant } else { grant.request_id(format!("upload-{number}")) };
    server.answer(&grant, &key)
}

async fn read(State(server): State<Server>, Json(asked): Json<Value>) -> Response {
    let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
    let (bucket, key) = (text("bucket"), text("key"));
    if !server.buckets.contains(&bucket) || !key.starts_with(&format!("users/{USER}/")) {
        return refuse("that file is not yours");
    }
    let file_name = key.rsplit('/').next().unwrap_or_default();
    let (classification, ..) = rules(&bucket);
    let grant = Grant::read(bucket, key.as_str())
        .disposition(&ContentDisposition::attachment(file_name))
        .classified(classification)
        .lives(classification.cap().min(valet_key::grant::Lifetime::DEFAULT));
    server.answer(&grant, &key)
}

impl Server {
    fn answer(&self, grant: &Grant, key: &str) -> Response {
        let grant = grant.clone().because(self.because.clone());
        let now = SystemClock.now();
        match self.signer.issue(&grant, now) {
            Ok(url) => {
                // The redacted form is what may be logged.
                eprintln!("upload server: issued {url:?}");
                let headers: serde_json::Map<String, Value> = url
                    .required_headers()
                    .iter()
                    .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()))
                    .collect();
                Json(json!({
                    "url": url.expose(), "method": url.method(), "headers": headers, "key": key,
                    "expires_at": url.expires_at().unix(), "now": now.unix(),
                }))
                .into_response()
            }
            Err(error) => {
                eprintln!("upload server: issued nothing: {error}");
                (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))).into_response()
            }
        }
    }
}
