//! For operators: tokens to try it with, and revocation.

use crate::{
    keeper::{Shared, now},
    options::{Options, text},
};
use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::Arc;
use valet_key::{gateway::Revocation, grant::Grant, token::Fingerprint};

type Admin = State<(Arc<Options>, Shared)>;
type Failure = (StatusCode, String);

pub(crate) fn router(options: Arc<Options>, shared: Shared) -> Router {
    Router::new()
        .route("/token/{action}/{container}/{*name}", get(token))
        .route("/revoke/{kind}/{*what}", post(revoke))
        .with_state((options, shared))
}

fn wrong(why: impl Into<String>) -> Failure {
    (StatusCode::BAD_REQUEST, why.into())
}

/// Issues a URL. `user=` and `use=` of the query become parameters that are signed.
async fn token(
    State((options, _)): Admin,
    Path((action, container, name)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let grant = match action.as_str() {
        "read" => Grant::read(container, name),
        "upload" => Grant::upload(container, name).any_size().any_content_type(),
        "delete" => Grant::delete(container, name),
        _ => return Err(wrong("read, upload or delete")),
    };
    let pairs = query.as_deref().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let params: Vec<_> = pairs.map(|(name, value)| (format!("x-{name}"), value.to_owned())).collect();
    let url = options.issue(grant, &params, now()).map_err(wrong)?;
    let headers: Vec<_> =
        url.required_headers().iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect();
    Ok(Json(json!({
        "method": url.method(),
        "url": url.expose(),
        "headers": headers,
        "fingerprint": url.fingerprint().to_string(),
    })))
}

/// Revokes for all gateways: `subject/ID`, `key/ID`, `token/FINGERPRINT`, `under/CONTAINER/PREFIX/` or `before/now`. `?before=now` leaves
/// what is issued from the next second on.
async fn revoke(
    State((options, shared)): Admin,
    Path((kind, what)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Failure> {
    let provider = options.cloud.provider();
    let next_second = now().saturating_add(1);
    let mut revocation = match kind.as_str() {
        "subject" => Revocation::subject(&what),
        "key" => Revocation::key(provider, &what),
        "token" => Revocation::fingerprint(&what.parse::<Fingerprint>().map_err(|error| wrong(text(error)))?),
        "under" => {
            let (container, prefix) = what.split_once('/').unwrap_or((&what, ""));
            Revocation::under(provider, container, prefix).map_err(|error| wrong(text(error)))?
        }
        "before" if what == "now" => Revocation::all_issued_before(next_second),
        _ => return Err(wrong("subject/ID, key/ID, token/FINGERPRINT, under/CONTAINER/PREFIX/ or before/now")),
    };
    match query.as_deref() {
        None => {}
        Some("before=now") => revocation = revocation.issued_before(next_second),
        Some(_) => return Err(wrong("before=now")),
    }
    shared.revoke(&revocation).await.map_err(|why| (StatusCode::SERVICE_UNAVAILABLE, why))?;
    Ok(StatusCode::NO_CONTENT)
}
