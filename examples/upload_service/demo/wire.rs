//! Requests as they go onto the wire, byte for byte: a client that would not send what it should not is no attacker.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// A request as it goes onto the wire, byte for byte.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Wire {
    pub(super) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(super) fn target(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.target = change(&self.target);
        self
    }
}

/// A reply: status, error code and message if any, body.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) body: Vec<u8>,
    head: String,
}

impl Reply {
    /// A header, if it is there.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn verdict(&self) -> String {
        format!("{} {}", self.status, self.code).trim_end().to_owned()
    }
}

fn io(error: &std::io::Error) -> String {
    format!("the connection failed: {error}")
}

/// Sends a request to `address`, cutting the body short if told so.
pub(super) fn send(address: &str, wire: &Wire, cut: Option<usize>) -> Result<Reply, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| io(&error))?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(|error| io(&error))?;
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", wire.method, wire.target);
    let mut headers = wire.headers.clone();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        headers.push(("host".into(), address.into()));
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) && !wire.body.is_empty() {
        headers.push(("content-length".into(), wire.body.len().to_string()));
    }
    for (name, value) in &headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).map_err(|error| io(&error))?;
    // A server that has answered already may stop reading, which is no failure.
    let _ = stream.write_all(&wire.body[..cut.unwrap_or(wire.body.len())]);
    if cut.is_some() {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = bytes.get(end + 4..).unwrap_or_default().to_vec();
    let text = String::from_utf8_lossy(&body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    let (code, message) = (element("Code").unwrap_or_default(), element("Message").unwrap_or_default());
    Ok(Reply { status, code, message, body, head })
}
