//! The client side without a browser: the four steps, then what an attacker would try.

mod azure;

use crate::{
    cloud::{Cloud, Signer},
    gateway::BODY_LIMIT,
    options::Options,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    process::ExitCode,
    time::Duration,
};
use valet_key::{
    aws::{Endpoint, Payload, Region, Request, SigV4, StaticKey},
    clock::{Clock, SystemClock, Timestamp},
    grant::{Grant, Justification, Lifetime},
};

/// Runs everything on each cloud and tells whether all went as expected.
pub(crate) fn run(places: &[Options]) -> Result<ExitCode, String> {
    let (mut tried, mut surprises) = (0, 0);
    for options in places {
        println!("\n{}", options.cloud.title());
        let mut demo = Demo::new(options)?;
        demo.four_steps()?;
        match options.cloud {
            Cloud::Aws | Cloud::Gcs => demo.attacks()?,
            Cloud::Azure => demo.attacks_on_azure()?,
        }
        (tried, surprises) = (tried + demo.tried, surprises + demo.surprises);
    }
    println!("\n{} of {tried} as expected", tried - surprises);
    Ok(if surprises == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Demo<'o> {
    options: &'o Options,
    signer: Signer,
    because: Justification,
    bucket: &'o str,
    tried: usize,
    surprises: usize,
}

/// A request as it goes onto the wire, byte for byte.
#[derive(Clone)]
struct Wire {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Wire {
    fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    fn target(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.target = change(&self.target);
        self
    }
}

/// A reply: status, error code and message if any, body.
struct Reply {
    status: u16,
    code: String,
    message: String,
    body: Vec<u8>,
}

impl Reply {
    fn verdict(&self) -> String {
        format!("{} {}", self.status, self.code).trim_end().to_owned()
    }
}

fn io(error: &std::io::Error) -> String {
    format!("the connection failed: {error}")
}

/// Sends a request to `address`, cutting the body short if told so.
fn send(address: &str, wire: &Wire, cut: Option<usize>) -> Result<Reply, String> {
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
    Ok(Reply { status, code, message, body })
}

impl<'o> Demo<'o> {
    fn new(options: &'o Options) -> Result<Self, String> {
        Ok(Self {
            options,
            signer: Signer::new(options)?,
            because: Justification::new("an attack, for this demonstration").map_err(|error| error.to_string())?,
            bucket: &options.buckets[0],
            tried: 0,
            surprises: 0,
        })
    }

    fn report(&mut self, what: &str, expected: &str, got: &str) {
        let good = expected == got;
        self.tried += 1;
        self.surprises += usize::from(!good);
        let mark = if good { "ok      " } else { "SURPRISE" };
        println!("{mark}  {what:<58} {got}");
        if !good {
            println!("          expected {expected}");
        }
    }

    fn gateway(&self, wire: &Wire) -> Result<Reply, String> {
        send(&self.options.gateway, wire, None)
    }

    fn ask(&self, path: &str, wish: &Value) -> Result<Value, String> {
        let mut wish = wish.clone();
        wish["cloud"] = self.options.cloud.id().into();
        let wire = Wire::new("POST", path).header("content-type", "application/json").body(wish.to_string().as_bytes());
        let reply = send(&self.options.listen, &wire, None)?;
        let answer: Value = serde_json::from_slice(&reply.body).map_err(|error| format!("{path}: {error}"))?;
        Ok(json!({ "status": reply.status, "answer": answer }))
    }

    /// The request that a token allows, without a body.
    fn use_token(&self, token: &Value) -> Result<Wire, String> {
        let url = token["url"].as_str().ok_or("the token has no URL")?;
        let origin = format!("http://{}", self.options.gateway);
        let target = url.strip_prefix(&origin).ok_or("the token is for another host")?;
        let mut wire = Wire::new(token["method"].as_str().unwrap_or_default(), target);
        for (name, value) in token["headers"].as_object().into_iter().flatten() {
            wire = wire.header(name, value.as_str().unwrap_or_default());
        }
        Ok(wire)
    }

    fn four_steps(&mut self) -> Result<(), String> {
        println!("\nthe four steps");
        let on_azure = self.options.cloud == Cloud::Azure;
        let file = b"a picture, as far as this demonstration is concerned";
        let wish =
            json!({ "bucket": self.bucket, "name": "cat.jpg", "size": file.len(), "content_type": "image/jpeg" });
        let token = self.ask("/tokens/upload", &wish)?;
        self.report("1-2 ask the upload server for a token", "200", &token["status"].to_string());
        let token = &token["answer"];
        let upload = self.use_token(token)?.body(file);
        let stored = self.gateway(&upload)?.verdict();
        self.report("3-4 send the file to the gateway", if on_azure { "201" } else { "200" }, &stored);
        let link = self.ask("/tokens/read", &json!({ "bucket": self.bucket, "key": token["key"] }))?;
        let download = self.use_token(&link["answer"])?;
        let got = self.gateway(&download)?;
        self.report("    read it back", "200", &got.verdict());
        self.report("    and it is the same file", "true", &(got.body == file).to_string());
        let again = self.gateway(&download)?.verdict();
        self.report("    read it again: a URL is good until it expires", "200", &again);
        let exists = if on_azure { "403 UnauthorizedBlobOverwrite" } else { "412 PreconditionFailed" };
        let replayed = self.gateway(&upload)?.verdict();
        self.report("    upload again: the token creates, it never overwrites", exists, &replayed);
        for (what, wish) in [
            ("    ask for a bucket that is not there", json!({ "bucket": "other", "name": "a", "size": 1 })),
            ("    ask to upload nothing", json!({ "bucket": self.bucket, "name": "a", "size": 0 })),
            ("    ask to upload far too much", json!({ "bucket": self.bucket, "name": "a", "size": 1_u64 << 40 })),
        ] {
            let refused = self.ask("/tokens/upload", &wish)?["status"].to_string();
            self.report(what, "403", &refused);
        }
        let theirs = json!({ "bucket": self.bucket, "key": "users/43/tax.pdf" });
        let refused = self.ask("/tokens/read", &theirs)?["status"].to_string();
        self.report("    ask for another user's file", "403", &refused);
        Ok(())
    }

    /// A signed URL of our own making, with a key that may be right or wrong.
    fn signed(&self, grant: &Grant, signer: &Signer, now: Timestamp) -> Result<Wire, String> {
        let grant = grant.clone().because(self.because.clone());
        let url = signer.issue(&grant, now).map_err(|error| error.to_string())?;
        let origin = format!("http://{}", self.options.gateway);
        let mut wire = Wire::new(url.method(), url.expose().strip_prefix(&origin).unwrap_or_default());
        for (name, value) in url.required_headers() {
            wire = wire.header(name, &String::from_utf8_lossy(value));
        }
        Ok(wire)
    }

    #[expect(clippy::too_many_lines, reason = "one line for each attack")]
    fn attacks(&mut self) -> Result<(), String> {
        const MISMATCH: &str = "403 SignatureDoesNotMatch";
        const DENIED: &str = "403 AccessDenied";
        // Where the clouds answer in words of their own.
        let (x, on_s3) = match self.options.cloud {
            Cloud::Aws => ("X-Amz", true),
            Cloud::Gcs | Cloud::Azure => ("X-Goog", false),
        };
        let either = |s3, gcs| if on_s3 { s3 } else { gcs };
        let malformed = either("400 AuthorizationQueryParametersError", "400 MalformedSecurityHeader");
        let unsigned = either(DENIED, "400 MalformedSecurityHeader");
        let left_out = either(MISMATCH, "400 MalformedSecurityHeader");
        let header = |name: &str| format!("{}-{name}", x.to_lowercase());
        let now = SystemClock.now();
        let body: &[u8] = b"twelve bytes";
        let upload = Grant::upload(self.bucket, "attacks/file.txt").exact_size(12).content_type("text/plain");
        let put = self.signed(&upload, &self.signer, now)?.body(body);
        let read = Grant::read(self.bucket, "attacks/file.txt");
        let get = self.signed(&read, &self.signer, now)?;
        let at = |seconds: i64| Timestamp::from_unix(now.unix() + seconds).map_err(|error| error.to_string());

        println!("\nwhat is allowed");
        let stored = self.gateway(&put)?.verdict();
        self.report("upload", "200", &stored);
        let read_back = self.gateway(&get)?.verdict();
        self.report("read", "200", &read_back);

        println!("\nwhat an attacker would try");
        let (id, secret) = (&self.options.access_key, &self.options.secret_key);
        let other_key = Signer::with_key(self.options, id, "another secret")?;
        let unknown = Signer::with_key(self.options, either("AKIAUNKNOWN", "GOOGUNKNOWN"), secret)?;
        let lives = |life: &str| {
            let (from, to) = (format!("{x}-Expires=900"), format!("{x}-Expires={life}"));
            get.clone().target(|target| target.replacen(&from, &to, 1))
        };
        let again = |param: &str| get.clone().target(|target| format!("{target}&{param}=900"));
        let path = |from: &str, to: &str| get.clone().target(|target| target.replacen(from, to, 1));
        let method = |wire: &Wire, method: &str| Wire { method: method.into(), ..wire.clone() };
        let cases: Vec<(&str, Wire, &str)> = vec![
            ("another object", path("file.txt", "other.txt"), MISMATCH),
            ("another bucket", path(self.bucket, "another-bucket"), MISMATCH),
            ("a longer life", lives("901"), MISMATCH),
            ("one more parameter", again("versionId"), MISMATCH),
            ("a parameter twice", again(&format!("{x}-Expires")), malformed),
            ("a parameter twice, in other letters", again(&header("expires")), malformed),
            ("a deletion with a read token", method(&get, "DELETE"), MISMATCH),
            ("an upload with a read token", method(&get, "PUT").body(body), MISMATCH),
            ("a read with an upload token", method(&put, "GET").body(b""), MISMATCH),
            (
                "a larger file",
                put.clone().header("content-length", "13").body(b"thirteen byte"),
                either(MISMATCH, "400 EntityTooLarge"),
            ),
            ("another content type", put.clone().header("content-type", "text/html"), MISMATCH),
            ("a signed header left out", put.clone().without("content-type"), left_out),
            ("an unsigned header that changes rights", put.clone().header(&header("acl"), "public-read"), unsigned),
            (
                "an unsigned header that copies another object",
                put.clone().header(&header("copy-source"), "/secure-invoices/a"),
                unsigned,
            ),
            ("a token signed with another secret", self.signed(&read, &other_key, now)?, MISMATCH),
            ("a token of an unknown key", self.signed(&read, &unknown, now)?, MISMATCH),
            ("an expired token", self.signed(&read, &self.signer, at(-901)?)?, either(DENIED, "400 ExpiredToken")),
            ("a token from the future", self.signed(&read, &self.signer, at(1000)?)?, DENIED),
            ("a lifetime beyond a week", lives("604801"), malformed),
            ("no signature at all", Wire::new("GET", &format!("/{}/attacks/file.txt", self.bucket)), DENIED),
            ("dots in the path", path("attacks/", "attacks/../attacks/"), "400 InvalidURI"),
            ("escaped dots in the path", path("attacks/", "attacks/%2e%2e/attacks/"), "400 InvalidURI"),
            ("an escaped slash", path("attacks/", "attacks%2F"), "400 InvalidURI"),
            ("another spelling of the same path", path("file", "%66ile"), "400 InvalidURI"),
            ("another host", get.clone().header("host", "elsewhere.example"), MISMATCH),
            ("a signature in capitals", get.clone().target(capital_signature), malformed),
            (
                "query and header at once",
                get.clone().header("authorization", "AWS4-HMAC-SHA256 Credential=a"),
                "400 InvalidArgument",
            ),
            (
                "a streamed payload on a signed URL",
                put.clone().header(&header("content-sha256"), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
                either("501 NotImplemented", "400 MalformedSecurityHeader"),
            ),
            (
                "a header of another cloud",
                put.clone().header(either("x-goog-acl", "x-amz-acl"), "public-read"),
                // S3 ignores Google's headers; Google refuses Amazon's.
                either("200", "400 ExcessHeaderValues"),
            ),
            self.elsewhere(&read, now)?,
            ("a week, asked for and justified", self.week(&read, now)?, "200"),
        ];
        for (what, wire, expected) in cases {
            let got = self.gateway(&wire)?;
            self.report(what, expected, &got.verdict());
            if !got.message.is_empty() {
                println!("          {}", got.message);
            }
        }
        match self.options.cloud {
            Cloud::Aws => self.signed_headers(now)?,
            Cloud::Gcs | Cloud::Azure => self.signed_body(now)?,
        }
        let huge = Grant::upload(self.bucket, "attacks/huge").any_size().any_content_type();
        let huge = self.signed(&huge, &self.signer, now)?.header("content-length", &(BODY_LIMIT + 1).to_string());
        let refused = self.gateway(&huge)?.verdict();
        self.report("a body beyond the gateway's limit", "400 EntityTooLarge", &refused);
        Ok(())
    }

    /// A token that says another place than this gateway's.
    fn elsewhere(&self, read: &Grant, now: Timestamp) -> Result<(&'static str, Wire, &'static str), String> {
        if self.options.cloud == Cloud::Gcs {
            let wire = self.signed(read, &self.signer, now)?;
            let other = wire.target(|target| target.replacen("%2Fauto%2F", "%2Fmars-north1%2F", 1));
            return Ok(("a token with its location changed", other, "403 SignatureDoesNotMatch"));
        }
        let options = Options { region: "mars-north-1".into(), ..self.options.clone() };
        let wire = self.signed(read, &Signer::new(&options)?, now)?;
        Ok(("a token for another region", wire, "400 AuthorizationQueryParametersError"))
    }

    fn week(&self, read: &Grant, now: Timestamp) -> Result<Wire, String> {
        let week = Lifetime::from_seconds(604_800).map_err(|error| error.to_string())?;
        self.signed(&read.clone().lives(week), &self.signer, now)
    }

    /// Uploads that sign the digest of their body in `x-goog-content-sha256`.
    fn signed_body(&mut self, now: Timestamp) -> Result<(), String> {
        use sha2::Digest;
        let good: &[u8] = b"the body that was signed";
        let name = "attacks/body.txt";
        let grant = Grant::upload(self.bucket, name).size(1..=100).any_content_type();
        let put = self.signed(&grant.sha256(sha2::Sha256::digest(good).into()), &self.signer, now)?;
        let other = self.gateway(&put.clone().body(b"the body that was not..."))?.verdict();
        self.report("signed digest: another body", "400 BadDigest", &other);
        let whole = put.body(good);
        send(&self.options.gateway, &whole, Some(10))?;
        let stored = self.signed(&Grant::read(self.bucket, name), &self.signer, now)?;
        let missing = self.gateway(&stored)?.verdict();
        self.report("signed digest: half a body, and nothing is stored", "404 NoSuchKey", &missing);
        let stored_now = self.gateway(&whole)?.verdict();
        self.report("signed digest: the right body", "200", &stored_now);
        Ok(())
    }

    /// Requests signed in their headers, whose bodies are not what was signed.
    fn signed_headers(&mut self, now: Timestamp) -> Result<(), String> {
        use sha2::Digest;
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let good: &[u8] = b"the body that was signed";
        let name = "attacks/body.txt";
        let key = StaticKey::new(self.options.access_key.as_str(), self.options.secret_key.as_str())
            .map_err(|error| text(&error))?;
        let region = Region::new(&self.options.region).map_err(|error| text(&error))?;
        let endpoint =
            Endpoint::custom(&format!("http://{}", self.options.gateway), region).map_err(|error| text(&error))?;
        let grant = Grant::upload(self.bucket, name).any_size().any_content_type().because(self.because.clone());
        let digest = Payload::Sha256(sha2::Sha256::digest(good).into());
        let request = Request::at(&endpoint, &grant, digest).map_err(|error| text(&error))?;
        let put_at = |at| -> Result<Wire, String> {
            let signed = key.sign_headers(&request, at).map_err(|error| text(&error))?;
            Ok(signed.expose().fold(Wire::new("PUT", signed.target()), |wire, (name, value)| wire.header(name, value)))
        };
        let put = put_at(now)?;
        let other = self.gateway(&put.clone().body(b"the body that was not..."))?.verdict();
        self.report("signed headers: another body", "400 XAmzContentSHA256Mismatch", &other);
        let whole = put.body(good);
        send(&self.options.gateway, &whole, Some(10))?;
        let stored = self.signed(&Grant::read(self.bucket, name), &self.signer, now)?;
        let missing = self.gateway(&stored)?.verdict();
        self.report("signed headers: half a body, and nothing is stored", "404 NoSuchKey", &missing);
        let refused = self.gateway(&put_at(now.saturating_sub(901))?.body(good))?.verdict();
        self.report("signed headers: 15 minutes old", "403 RequestTimeTooSkewed", &refused);
        let stored_now = self.gateway(&whole)?.verdict();
        self.report("signed headers: the right body", "200", &stored_now);
        Ok(())
    }
}

fn capital_signature(target: &str) -> String {
    let (head, signature) = target.split_at(target.len() - 64);
    // A digit has no capitals, so make sure that there is a letter.
    format!("{head}{}A", signature[..63].to_ascii_uppercase())
}
