//! Just enough of HTTP and of Redis' protocol to ask on one connection.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the error document says.
    pub(crate) fn code(&self) -> &str {
        let behind = self.body.split_once("<Code>").map_or("", |(_, behind)| behind);
        behind.split_once("</Code>").map_or("", |(code, _)| code)
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn ask(address: &str, head: &str, body: &[u8]) -> Answer {
    let mut stream = connect(address);
    stream.write_all(head.as_bytes()).unwrap();
    // One that refuses may have closed already: what it said is still there to be read.
    let _ = stream.write_all(body);
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

/// Uses a token at a gateway, whatever host its URL names.
pub(crate) fn send(address: &str, token: &Value, body: &[u8]) -> Answer {
    let (method, url) = (token["method"].as_str().unwrap(), token["url"].as_str().unwrap());
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut head = format!("{method} /{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for header in token["headers"].as_array().unwrap() {
        head.extend([header[0].as_str().unwrap(), ": ", header[1].as_str().unwrap(), "\r\n"]);
    }
    let body = if method == "PUT" { body } else { b"" };
    head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
    ask(address, &head, body)
}

pub(crate) fn get_json(address: &str, target: &str) -> (u16, Value) {
    let answer = ask(address, &format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"), b"");
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
}

pub(crate) fn post(address: &str, target: &str) -> u16 {
    let head = format!("POST {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    ask(address, &head, b"").status
}

/// A Redis by its address.
pub(crate) struct Redis(pub(crate) String);

impl Redis {
    /// The answer to a command, if it is a number or one text.
    fn command(&self, parts: &[&str]) -> String {
        let mut stream = connect(&self.0);
        let mut text = format!("*{}\r\n", parts.len());
        for part in parts {
            text.extend(["$", &part.len().to_string(), "\r\n", part, "\r\n"]);
        }
        stream.write_all(text.as_bytes()).unwrap();
        let (mut reader, mut line) = (BufReader::new(stream), String::new());
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end();
        match line.split_at(1) {
            (":", number) => number.to_owned(),
            ("$", length) => {
                let mut text = vec![0; length.parse().unwrap()];
                reader.read_exact(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            }
            _ => panic!("{parts:?}: {line}"),
        }
    }

    /// How many keys there are.
    pub(crate) fn size(&self) -> usize {
        self.command(&["DBSIZE"]).parse().unwrap()
    }

    /// Forgets who has asked how often.
    pub(crate) fn forget_rates(&self) {
        const FORGET: &str = "local keys = redis.call('KEYS', 'valet:rate:*') \
            for _, key in ipairs(keys) do redis.call('DEL', key) end return #keys";
        self.command(&["EVAL", FORGET, "0"]);
    }

    /// How many scripts were run by their hash, and how many other commands came from outside of scripts.
    pub(crate) fn scripts(&self) -> Calls {
        let stats = self.command(&["INFO", "commandstats"]);
        let calls = |name: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
            line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
        };
        let others = ["client|setinfo", "eval", "exec", "hello", "multi", "ping", "script|load", "select"];
        Calls(calls("evalsha"), others.into_iter().map(calls).sum())
    }
}

pub(crate) struct Calls(i64, i64);

impl std::ops::Sub for Calls {
    type Output = (i64, i64);

    fn sub(self, other: Self) -> (i64, i64) {
        (self.0 - other.0, self.1 - other.1)
    }
}
