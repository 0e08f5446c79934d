//! What the gateway does for clients of Azure: blobs, in one piece or in blocks.

use crate::{
    gateway::{Gateway, Refusal, broken, read_body},
    store::Object,
};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use std::collections::BTreeMap;
use valet_key::{azure::SignedRequest, token::Verified};

/// Blocks that no list has named yet, by container, blob and id.
pub(crate) type Blocks = BTreeMap<(String, String, String), Vec<u8>>;
/// The most of them that are kept.
const MOST_BLOCKS: usize = 10_000;

pub(crate) async fn serve(
    gateway: &Gateway,
    request: &Verified<SignedRequest<'_>>,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let (container, name) = (request.container()?, request.name()?);
    if !gateway.store.has_bucket(&container) {
        return Err(Refusal::new(404, "ContainerNotFound", "The container is not here."));
    }
    match (request.method(), request.operation()) {
        ("GET" | "HEAD", "") => get(gateway, request, parts, &container, &name),
        ("PUT", "") => {
            let object = Object { bytes: read_body(body, None).await?, content_type: content_type(parts) };
            put(gateway, request, &container, &name, object)
        }
        ("PUT", "block") => {
            let id = block_id(parts)?;
            let bytes = read_body(body, None).await?;
            let mut blocks = gateway.blocks();
            if blocks.len() >= MOST_BLOCKS {
                return Err(Refusal::new(409, "BlockCountExceedsLimit", "Too many blocks wait for their list."));
            }
            blocks.insert((container, name, id), bytes);
            Ok(answer(StatusCode::CREATED))
        }
        ("PUT", "blocklist") => {
            let list = String::from_utf8_lossy(&read_body(body, None).await?).into_owned();
            let bytes = gateway.assemble(&container, &name, &list)?;
            put(gateway, request, &container, &name, Object { bytes, content_type: content_type(parts) })
        }
        ("DELETE", "") => {
            if gateway.store.get(&container, &name).is_none() {
                return Err(not_found());
            }
            gateway.store.delete(&container, &name).map_err(|error| broken(&error))?;
            Ok(answer(StatusCode::ACCEPTED))
        }
        _ => Err(Refusal::new(501, "NotImplemented", "This gateway keeps blobs, whole or in blocks.")),
    }
}

impl Gateway {
    /// Puts the blocks of a list together, and forgets those of this blob.
    fn assemble(&self, container: &str, name: &str, list: &str) -> Result<Vec<u8>, Refusal> {
        let invalid = || Refusal::new(400, "InvalidBlockList", "The list names a block that is not here.");
        let document = roxmltree::Document::parse(list)
            .map_err(|_| Refusal::new(400, "InvalidXmlDocument", "The list is not XML."))?;
        let mut blocks = self.blocks();
        let mut bytes = Vec::new();
        for id in document.root_element().children().filter(roxmltree::Node::is_element) {
            let key = (container.to_owned(), name.to_owned(), id.text().unwrap_or_default().to_owned());
            bytes.extend_from_slice(blocks.get(&key).ok_or_else(invalid)?);
        }
        blocks.retain(|(place, blob, _), _| place != container || blob != name);
        Ok(bytes)
    }
}

fn not_found() -> Refusal {
    Refusal::new(404, "BlobNotFound", "The blob is not here.")
}

/// The id of a block, decoded once. It is base64, so that nothing but its escapes needs care.
fn block_id(parts: &Parts) -> Result<String, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let id = query.split('&').find_map(|pair| pair.strip_prefix("blockid="));
    let id = id.map(|id| percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned());
    id.filter(|id| (1..=88).contains(&id.len())).ok_or(Refusal::new(
        400,
        "InvalidQueryParameterValue",
        "A block has an id of 1 to 64 bytes in base64.",
    ))
}

/// Nobody signed it, so that it counts only because the token says nothing else.
fn content_type(parts: &Parts) -> String {
    let header = parts.headers.get("x-ms-blob-content-type").or_else(|| parts.headers.get(header::CONTENT_TYPE));
    header.and_then(|value| value.to_str().ok()).unwrap_or("application/octet-stream").to_owned()
}

fn put(
    gateway: &Gateway,
    request: &Verified<SignedRequest<'_>>,
    container: &str,
    name: &str,
    object: Object,
) -> Result<Response, Refusal> {
    let etag = object.etag();
    let create_only = request.must_not_overwrite();
    if !gateway.store.put(container, name, object, create_only).map_err(|error| broken(&error))? {
        return Err(Refusal::new(
            403,
            "UnauthorizedBlobOverwrite",
            "The token may create the blob and not overwrite it.",
        ));
    }
    let mut response = answer(StatusCode::CREATED);
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

fn get(
    gateway: &Gateway,
    request: &Verified<SignedRequest<'_>>,
    parts: &Parts,
    container: &str,
    name: &str,
) -> Result<Response, Refusal> {
    let object = gateway.store.get(container, name).ok_or_else(not_found)?;
    let size = object.bytes.len();
    let range = parts.headers.get("x-ms-range").or_else(|| parts.headers.get(header::RANGE));
    let range = range.and_then(|value| value.to_str().ok()).and_then(|text| read_range(text, size));
    let mut response = answer(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    let (start, end) = match range {
        Some(Err(())) => return Err(Refusal::new(416, "InvalidRange", "The range lies outside of the blob.")),
        Some(Ok(range)) => range,
        None => (0, size),
    };
    let slice = object.bytes.get(start..end).unwrap_or_default();
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(header::HeaderName::from_static(name), value);
        }
    };
    set("content-type", &object.content_type);
    set("content-length", &slice.len().to_string());
    set("etag", &object.etag());
    set("accept-ranges", "bytes");
    set("x-ms-blob-type", "BlockBlob");
    // A stored page must not run here.
    set("x-content-type-options", "nosniff");
    if range.is_some() {
        set("content-range", &format!("bytes {start}-{}/{size}", end.saturating_sub(1)));
    }
    for header in request.response_headers() {
        let (name, value) = header?;
        if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    if request.method() != "HEAD" {
        *response.body_mut() = Body::from(slice.to_vec());
    }
    Ok(response)
}

/// Reads `bytes=from-[to]`; nothing for any other form, which is then ignored as HTTP allows.
fn read_range(text: &str, size: usize) -> Option<Result<(usize, usize), ()>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to = if to.is_empty() { size } else { to.parse::<usize>().ok()?.saturating_add(1).min(size) };
    Some(if from < to { Ok((from, to)) } else { Err(()) })
}

/// What every answer of the service carries.
fn answer(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-ms-request-id", "00000000-0000-0000-0000-000000000000"),
        ("x-ms-version", "2020-12-06"),
        ("x-ms-request-server-encrypted", "true"),
        ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        headers.insert(header::HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
