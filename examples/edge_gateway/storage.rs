//! What is behind the gate: objects in memory. It acts on the verified facts and on nothing else.

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use valet_key::{
    gateway::{Facts, Provider},
    grant::Action,
    token::Verified,
};

/// The largest body that is taken.
const BODY_LIMIT: usize = 1 << 20;
/// The most objects that are kept.
const OBJECTS: usize = 10_000;

type Objects = HashMap<(String, String), Vec<u8>>;

#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Objects>>);

impl Store {
    fn with<T>(&self, act: impl FnOnce(&mut Objects) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) async fn serve(
    Extension(store): Extension<Store>,
    Extension(facts): Extension<Verified<Facts>>,
    request: Request,
) -> Response {
    let place = (facts.container().to_owned(), facts.object().unwrap_or_default().to_owned());
    let is_azure = facts.provider() == Provider::Azure;
    match facts.action() {
        Some(Action::Read) => match store.with(|objects| objects.get(&place).cloned()) {
            Some(bytes) => bytes.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Some(Action::Head) if store.with(|objects| objects.contains_key(&place)) => StatusCode::OK.into_response(),
        Some(Action::Head) => StatusCode::NOT_FOUND.into_response(),
        // The bytes of a resumable upload come in requests that this storage does not know.
        Some(Action::Upload | Action::Create) if facts.method() == "POST" => {
            StatusCode::NOT_IMPLEMENTED.into_response()
        }
        Some(Action::Upload | Action::Create) => {
            // Nothing is kept of a body that is not the signed one: the layer answers for it.
            let Ok(bytes) = to_bytes(request.into_body(), BODY_LIMIT).await else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            let done = store.with(|objects| {
                if facts.must_not_overwrite() && objects.contains_key(&place) {
                    return StatusCode::PRECONDITION_FAILED;
                }
                if objects.len() >= OBJECTS {
                    return StatusCode::INSUFFICIENT_STORAGE;
                }
                objects.insert(place, bytes.to_vec());
                if is_azure { StatusCode::CREATED } else { StatusCode::OK }
            });
            done.into_response()
        }
        Some(Action::Delete) => {
            store.with(|objects| objects.remove(&place));
            if is_azure { StatusCode::ACCEPTED } else { StatusCode::NO_CONTENT }.into_response()
        }
        _ => (StatusCode::NOT_IMPLEMENTED, Body::empty()).into_response(),
    }
}
