//! How the upload server itself talks to a cloud: to begin an upload in parts, to look, and to finish it. No file goes this way.

use axum::{
    body::Body,
    http::{HeaderMap, Request, Uri},
};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{future::Future, time::Duration};
use tokio::net::TcpStream;
use valet_key::upload::{MARK, Protocol, Seen, SeenPart, Task};

/// The most that an answer may have.
const MOST: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// What a cloud answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: String,
}

/// Sends one request to a gateway.
pub(crate) async fn send(
    (method, url): (&str, &str),
    headers: impl Iterator<Item = (String, String)>,
    body: String,
) -> Result<Answer, String> {
    let uri: Uri = url.parse().map_err(|_| "a URL that is none")?;
    let host = uri.authority().ok_or("a URL without a host")?.to_string();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = Request::builder().method(method).uri(target).header("host", &host);
    for (name, value) in headers.filter(|(name, _)| name != "content-length") {
        request = request.header(name, value);
    }
    let request =
        request.header("content-length", body.len()).body(Body::from(body)).map_err(|error| error.to_string())?;
    patiently(async {
        let stream = TcpStream::connect(&host).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MOST).collect().await.map_err(|error| error.to_string())?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    })
    .await
}

async fn patiently<T>(what: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, what).await.map_err(|_| "the cloud did not answer".to_owned())?
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let document = roxmltree::Document::parse(self.body.trim_start_matches('\u{feff}')).ok()?;
        let found = document.descendants().find(|node| node.tag_name().name() == name)?;
        found.text().map(str::to_owned)
    }

    /// What the session has to know of it.
    pub(crate) fn seen<T>(
        &self,
        task: &Task,
        protocol: Protocol,
        tell: impl FnOnce(&Seen<'_>) -> T,
    ) -> Result<T, String> {
        let is_gone = matches!(self.status, 404 | 410 | 499);
        match (task, protocol) {
            (Task::LookAtObject, _) if is_gone => Ok(tell(&Seen::NoObject)),
            (Task::LookAtObject, _) if self.is_success() => {
                let size = self.header("content-length").and_then(|size| size.parse().ok());
                let bytes = size.ok_or("the object has no size")?;
                let mut prefixes = ["x-amz-meta-", "x-goog-meta-", "x-ms-meta-"].iter();
                let mark = prefixes.find_map(|prefix| self.header(&format!("{prefix}{MARK}")));
                Ok(tell(&Seen::Object { bytes, mark }))
            }
            (Task::LookAtParts, _) if is_gone => Ok(tell(&Seen::Gone)),
            (Task::LookAtParts, Protocol::GcsResumable) if self.status == 308 => {
                let last = self.header("range").and_then(|range| range.rsplit_once('-')?.1.parse::<u64>().ok());
                Ok(tell(&Seen::Received(last.map_or(0, |last| last + 1))))
            }
            (Task::LookAtParts, Protocol::GcsResumable) if self.is_success() => Ok(tell(&Seen::Finished)),
            (Task::LookAtParts, _) if self.is_success() => self.seen_parts(tell),
            _ => Err(format!("{} in answer to a look", self.status)),
        }
    }

    /// The parts that S3 lists, or the blocks that Azure does.
    fn seen_parts<T>(&self, tell: impl FnOnce(&Seen<'_>) -> T) -> Result<T, String> {
        let document = roxmltree::Document::parse(self.body.trim_start_matches('\u{feff}'));
        let document = document.map_err(|error| error.to_string())?;
        let listed = document.descendants().filter(|node| matches!(node.tag_name().name(), "Part" | "Block"));
        let parts = listed.map(|node| {
            let text =
                |names: [&str; 2]| node.children().find(|child| names.contains(&child.tag_name().name()))?.text();
            let bytes = text(["Size", ""])?.parse().ok()?;
            Some(SeenPart { name: text(["PartNumber", "Name"])?, bytes, etag: text(["ETag", ""]) })
        });
        let parts: Option<Vec<SeenPart<'_>>> = parts.collect();
        Ok(tell(&Seen::Parts(&parts.ok_or("a list that cannot be read")?)))
    }
}
