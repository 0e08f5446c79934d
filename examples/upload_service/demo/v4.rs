//! What an attacker would try with tokens of S3 and of Google Cloud Storage.

use super::{
    Demo,
    wire::{Wire, send},
};
use crate::{
    cloud::{self, Cloud},
    gateway::BODY_LIMIT,
    options::Options,
};
use valet_key::{
    aws::{Endpoint, Payload, Region, Request, SigV4, StaticKey},
    clock::{Clock, SystemClock, Timestamp},
    grant::{Grant, Lifetime},
};

impl Demo<'_> {
    #[expect(clippy::too_many_lines, reason = "one line for each attack")]
    pub(super) fn attacks(&mut self) -> Result<(), String> {
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
        let other_key = cloud::signer_with(self.options, id, "another secret")?;
        let unknown = cloud::signer_with(self.options, either("AKIAUNKNOWN", "GOOGUNKNOWN"), secret)?;
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
        let mut explained = 0;
        for (what, wire, expected) in cases {
            let got = self.gateway(&wire)?;
            self.report(what, expected, &got.verdict());
            if self.explain(&[&get, &put], &wire, &got) {
                explained += 1;
            } else if !got.message.is_empty() {
                println!("          {}", got.message);
            }
        }
        self.report("refusals of which the issuer can tell the cause", either("10", "9"), &explained.to_string());
        match self.options.cloud {
            Cloud::Aws => self.signed_headers(now)?,
            Cloud::Gcs | Cloud::Azure => {
                self.signed_body(now)?;
                self.resumable(now)?;
            }
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
        let wire = self.signed(read, &cloud::signer(&options)?, now)?;
        Ok(("a token for another region", wire, "400 AuthorizationQueryParametersError"))
    }

    fn week(&self, read: &Grant, now: Timestamp) -> Result<Wire, String> {
        let week = Lifetime::from_seconds(604_800).map_err(|error| error.to_string())?;
        self.signed(&read.clone().lives(week), &self.signer, now)
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
