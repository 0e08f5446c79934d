//! What the gateway does and answers as Azure Blob Storage: block blobs in one piece or in blocks.

use crate::{
    gateway::{BODY_LIMIT, Incoming, LAST_MODIFIED, Refusal, broken, escaped, xml_response},
    store::{Object, Store},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use percent_encoding::percent_decode_str;
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};
use valet_key::gateway::Facts;

type Uncommitted = HashMap<(String, String), BTreeMap<String, Vec<u8>>>;

/// Blocks that no list has made a blob of, by blob and id.
#[derive(Default)]
pub(crate) struct Blocks(Mutex<Uncommitted>);

impl Blocks {
    fn all(&self) -> MutexGuard<'_, Uncommitted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, blob: (String, String), id: String, bytes: Vec<u8>) -> Result<(), Refusal> {
        let mut all = self.all();
        let blocks = all.entry(blob).or_default();
        if blocks.keys().any(|other| other.len() != id.len()) {
            return Err(Refusal::new(400, "InvalidBlobOrBlock", "The ids of all blocks have the same length."));
        }
        let others = blocks.iter().filter(|(other, _)| **other != id).map(|(_, bytes)| bytes.len()).sum::<usize>();
        if others + bytes.len() > BODY_LIMIT || blocks.len() >= 50_000 {
            return Err(Refusal::new(413, "RequestBodyTooLarge", "The blocks are more than this gateway takes."));
        }
        blocks.insert(id, bytes);
        Ok(())
    }

    /// The content of a blob that consists of these blocks.
    fn joined(&self, blob: &(String, String), ids: &[String]) -> Result<Vec<u8>, Refusal> {
        let all = self.all();
        let mut bytes = Vec::new();
        for id in ids {
            let block = all.get(blob).and_then(|blocks| blocks.get(id));
            bytes.extend_from_slice(block.ok_or(Refusal::new(
                400,
                "InvalidBlockList",
                "The list names a block that is not here.",
            ))?);
            // A list may name a block again and again.
            if bytes.len() > BODY_LIMIT {
                return Err(Refusal::new(413, "RequestBodyTooLarge", "The blob is larger than this gateway takes."));
            }
        }
        Ok(bytes)
    }
}

/// Serves a verified request.
pub(crate) async fn serve(
    store: &Store,
    blocks: &Blocks,
    request: &Facts,
    parts: &Parts,
    body: Incoming,
) -> Result<Response, Refusal> {
    let (container, name) = (request.container().to_owned(), request.object().unwrap_or_default().to_owned());
    let not_here = || Refusal::new(501, "NotImplemented", "This gateway keeps whole block blobs only.");
    if container.is_empty() {
        return Err(not_here());
    }
    if !store.has_bucket(&container) {
        return Err(Refusal::new(404, "ContainerNotFound", "The container is not here."));
    }
    // What a request may do follows from its method and `comp`, but these would make another thing of it.
    let query = Query(parts.uri.query().unwrap_or_default());
    let another = ["x-ms-copy-source", "x-ms-tags", "x-ms-lease-id", "x-ms-encryption-key"];
    if another.iter().any(|name| parts.headers.contains_key(*name))
        || query.has_any(&["snapshot", "versionid", "deletetype"])?
    {
        return Err(not_here());
    }
    let uploads = Uploads { store, blocks, request, headers: &parts.headers, blob: (container, name) };
    let (container, name) = (&uploads.blob.0, &uploads.blob.1);
    match (request.operation(), name.as_str()) {
        ("GET list", "") => list(store, container, &query),
        (_, "") => Err(not_here()),
        ("GET" | "HEAD", name) => get(store, container, name, request, &parts.headers),
        ("GET blocklist", name) => uncommitted(store, blocks, (container, name), &query),
        ("PUT", _) => uploads.put_blob(body).await,
        ("PUT block", _) => uploads.put_block(&query, body).await,
        ("PUT blocklist", _) => uploads.put_block_list(body).await,
        ("DELETE", name) => {
            let object = store.get(container, name).ok_or_else(missing)?;
            check_conditions(&parts.headers, Some(&object))?;
            store.delete(container, name).map_err(|error| broken(&error))?;
            Ok(empty(StatusCode::ACCEPTED))
        }
        _ => Err(not_here()),
    }
}

/// What every answer of Azure has.
pub(crate) fn finish(response: &mut Response, parts: &Parts, id: &str) {
    let headers = response.headers_mut();
    set(headers, "x-ms-request-id", id);
    let version = parts.headers.get("x-ms-version").cloned();
    headers.insert("x-ms-version", version.unwrap_or(HeaderValue::from_static("2020-12-06")));
    if let Some(theirs) = parts.headers.get("x-ms-client-request-id") {
        headers.insert("x-ms-client-request-id", theirs.clone());
    }
}

fn missing() -> Refusal {
    Refusal::new(404, "BlobNotFound", "The blob is not here.")
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The query beside the token, which no signature covers: it may choose among what is allowed, never widen it.
struct Query<'q>(&'q str);

impl Query<'_> {
    fn get(&self, name: &str) -> Result<Option<String>, Refusal> {
        let plain = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
        let mut found = None;
        for param in self.0.split('&') {
            let (known, value) = param.split_once('=').unwrap_or((param, ""));
            if plain(known).is_ok_and(|known| known == name) {
                // Neither the first nor the last of two is what was meant.
                let value = plain(value).ok().filter(|_| found.is_none());
                found = Some(value.ok_or(Refusal::new(
                    400,
                    "InvalidQueryParameterValue",
                    "A parameter stands here once, and in UTF-8.",
                ))?);
            }
        }
        Ok(found)
    }

    fn has_any(&self, names: &[&str]) -> Result<bool, Refusal> {
        names.iter().try_fold(false, |has, name| Ok(has | self.get(name)?.is_some()))
    }
}

/// `If-Match` and `If-None-Match`, with one entity tag or `*`.
fn check_conditions(headers: &HeaderMap, object: Option<&Object>) -> Result<(), Refusal> {
    let etag = object.map(Object::etag);
    let matches = |tag: &str| etag.as_deref().is_some_and(|etag| tag == "*" || tag == etag);
    if text(headers, "if-match").is_some_and(|tag| !matches(tag)) {
        return Err(Refusal::new(412, "ConditionNotMet", "The blob is not the one that was meant."));
    }
    match text(headers, "if-none-match") {
        Some("*") if etag.is_some() => Err(Refusal::new(409, "BlobAlreadyExists", "The blob exists already.")),
        Some(tag) if matches(tag) => {
            Err(Refusal::new(412, "ConditionNotMet", "The blob is the one that was not meant."))
        }
        _ => Ok(()),
    }
}

/// The bytes that `x-ms-range` or `Range` asks for, if any.
fn range(headers: &HeaderMap, size: usize) -> Result<Option<Range<usize>>, Refusal> {
    let Some(asked) = text(headers, "x-ms-range").or_else(|| text(headers, "range")) else { return Ok(None) };
    let form = || Refusal::new(400, "InvalidHeaderValue", "The range is `bytes=first-last` or `bytes=first-`.");
    let (first, last) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(form)?;
    let first: usize = first.parse().map_err(|_| form())?;
    let last: usize = if last.is_empty() { usize::MAX } else { last.parse().map_err(|_| form())? };
    if first >= size || last < first {
        return Err(Refusal::new(416, "InvalidRange", "The blob has no such bytes."));
    }
    Ok(Some(first..last.min(size - 1) + 1))
}

fn get(store: &Store, container: &str, name: &str, request: &Facts, asked: &HeaderMap) -> Result<Response, Refusal> {
    let object = store.get(container, name).ok_or_else(missing)?;
    check_conditions(asked, Some(&object))?;
    let (size, reads) = (object.bytes.len(), request.method() == "GET");
    let part = if reads { range(asked, size)? } else { None };
    let wanted = part.clone().unwrap_or(0..size);
    let mut response =
        Response::new(Body::from(if reads { object.bytes[wanted.clone()].to_vec() } else { Vec::new() }));
    let headers = response.headers_mut();
    set(headers, "content-type", &object.content_type);
    set(headers, "content-length", &wanted.len().to_string());
    set(headers, "accept-ranges", "bytes");
    set(headers, "etag", &object.etag());
    set(headers, "last-modified", LAST_MODIFIED);
    set(headers, "x-ms-blob-type", "BlockBlob");
    set(headers, "x-ms-server-encrypted", "true");
    // A stored page must not run here.
    set(headers, "x-content-type-options", "nosniff");
    for (name, value) in request.response_headers() {
        set(headers, name, value);
    }
    if part.is_some() {
        set(headers, "content-range", &format!("bytes {}-{}/{size}", wanted.start, wanted.end - 1));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The three ways to write a blob.
struct Uploads<'u> {
    store: &'u Store,
    blocks: &'u Blocks,
    request: &'u Facts,
    headers: &'u HeaderMap,
    blob: (String, String),
}

impl Uploads<'_> {
    async fn put_blob(&self, body: Incoming) -> Result<Response, Refusal> {
        match text(self.headers, "x-ms-blob-type") {
            Some("BlockBlob") => {}
            Some(_) => return Err(Refusal::new(501, "NotImplemented", "This gateway keeps block blobs only.")),
            None => return Err(Refusal::new(400, "MissingRequiredHeader", "The header x-ms-blob-type is required.")),
        }
        let bytes = self.body(body).await?;
        self.store_whole(bytes)
    }

    async fn put_block(&self, query: &Query<'_>, body: Incoming) -> Result<Response, Refusal> {
        let id = query.get("blockid")?.filter(|id| (1..=88).contains(&id.len()));
        let id = id.ok_or(Refusal::new(
            400,
            "InvalidQueryParameterValue",
            "The id of a block is up to 64 bytes in base64.",
        ))?;
        let bytes = self.body(body).await?;
        self.blocks.put(self.blob.clone(), id, bytes)?;
        Ok(created())
    }

    async fn put_block_list(&self, body: Incoming) -> Result<Response, Refusal> {
        let list = self.body(body).await?;
        let ids =
            block_ids(&list).ok_or(Refusal::new(400, "InvalidXmlDocument", "The list of blocks cannot be read."))?;
        let bytes = self.blocks.joined(&self.blob, &ids)?;
        self.store_whole(bytes)
    }

    async fn body(&self, body: Incoming) -> Result<Vec<u8>, Refusal> {
        // A digest that nobody compares would be a false promise.
        if ["content-md5", "x-ms-content-crc64", "x-ms-structured-body"]
            .iter()
            .any(|name| self.headers.contains_key(*name))
        {
            return Err(Refusal::new(501, "NotImplemented", "This gateway checks no digests."));
        }
        body.read().await.map_err(in_words_of_azure)
    }

    fn store_whole(&self, bytes: Vec<u8>) -> Result<Response, Refusal> {
        let (container, name) = &self.blob;
        check_conditions(self.headers, self.store.get(container, name).as_deref())?;
        // An unsigned content type is the client's word, so it does not count.
        let object = Object { bytes, content_type: "application/octet-stream".into(), metadata: Vec::new() };
        let etag = object.etag();
        let if_new = text(self.headers, "if-none-match") == Some("*");
        let create_only = self.request.must_not_overwrite();
        if !self.store.put(container, name, object, create_only || if_new).map_err(|error| broken(&error))? {
            return Err(if create_only {
                Refusal::new(403, "UnauthorizedBlobOverwrite", "The token does not allow to overwrite a blob.")
            } else {
                Refusal::new(409, "BlobAlreadyExists", "The blob exists already.")
            });
        }
        self.blocks.all().remove(&self.blob);
        let mut response = created();
        set(response.headers_mut(), "etag", &etag);
        set(response.headers_mut(), "last-modified", LAST_MODIFIED);
        Ok(response)
    }
}

fn created() -> Response {
    let mut response = empty(StatusCode::CREATED);
    set(response.headers_mut(), "x-ms-request-server-encrypted", "true");
    response
}

/// The ids in a `BlockList`. Blocks of a blob that is there already are not kept apart, so `Committed` is not read.
fn block_ids(xml: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(xml).ok()?;
    let document = roxmltree::Document::parse(text.trim_start_matches('\u{feff}')).ok()?;
    let list = document.root_element();
    if !list.has_tag_name("BlockList") {
        return None;
    }
    let blocks = list.children().filter(roxmltree::Node::is_element);
    blocks
        .map(|block| match block.tag_name().name() {
            "Latest" | "Uncommitted" => block.text().map(|id| id.trim().to_owned()),
            _ => None,
        })
        .collect()
}

fn in_words_of_azure(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Failed { code: "EntityTooLarge", message, .. } => Refusal::new(413, "RequestBodyTooLarge", message),
        Refusal::Failed { code: "MissingContentLength", message, .. } => {
            Refusal::new(411, "MissingContentLengthHeader", message)
        }
        Refusal::Failed { code: "RequestTimeout", message, .. } => Refusal::new(408, "OperationTimedOut", message),
        Refusal::Failed { code: "IncompleteBody", message, .. } => Refusal::new(400, "InvalidInput", message),
        other => other,
    }
}

/// The blocks of a blob that no list has made one of.
fn uncommitted(
    store: &Store,
    blocks: &Blocks,
    (container, name): (&str, &str),
    query: &Query<'_>,
) -> Result<Response, Refusal> {
    if query.get("blocklisttype")?.as_deref() != Some("uncommitted") {
        return Err(Refusal::new(501, "NotImplemented", "This gateway lists uncommitted blocks alone."));
    }
    let all = blocks.all();
    let known = all.get(&(container.to_owned(), name.to_owned()));
    if known.is_none() && store.get(container, name).is_none() {
        return Err(missing());
    }
    let mut listed = String::new();
    for (id, bytes) in known.into_iter().flatten() {
        let _ = write!(listed, "<Block><Name>{}</Name><Size>{}</Size></Block>", escaped(id), bytes.len());
    }
    Ok(xml_response(&format!(
        "<BlockList><CommittedBlocks/><UncommittedBlocks>{listed}</UncommittedBlocks></BlockList>"
    )))
}

fn list(store: &Store, container: &str, query: &Query<'_>) -> Result<Response, Refusal> {
    // An answer that leaves these out would say that there is nothing else.
    if query.has_any(&["delimiter", "marker", "maxresults", "startfrom", "include", "showonly"])? {
        return Err(Refusal::new(501, "NotImplemented", "This gateway lists whole containers, or what has a prefix."));
    }
    let prefix = query.get("prefix")?.unwrap_or_default();
    let mut blobs = String::new();
    for (name, object) in store.list(container, &prefix) {
        let _ = write!(
            blobs,
            "<Blob><Name>{}</Name><Properties><Last-Modified>{LAST_MODIFIED}</Last-Modified><Etag>{}</Etag>\
             <Content-Length>{}</Content-Length><Content-Type>{}</Content-Type><BlobType>BlockBlob</BlobType>\
             </Properties></Blob>",
            escaped(&name),
            escaped(&object.etag()),
            object.bytes.len(),
            escaped(&object.content_type)
        );
    }
    let mut response = xml_response(&format!(
        "<EnumerationResults ContainerName=\"{}\"><Prefix>{}</Prefix><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>",
        escaped(container),
        escaped(&prefix)
    ));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
