//! The emulator as a peer: where it is, requests as they stand, and its answers told apart.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};
use valet_key::{
    azure::{
        AccountKey, AccountPermissions, AccountRequest, AuthorizedRequest, BlobPermissions, ContainerPermissions,
        Endpoint, Inline, ResourceTypes, Sas, Service, Services, SharedKeyRequest, UrlRequest,
    },
    clock::{Clock, SystemClock, Timestamp},
    grant::Justification,
};

pub(crate) const ACCOUNT: &str = "devstoreaccount1";
/// The key that every copy of the emulator has.
pub(crate) const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
pub(crate) const BLOCK_BLOB: (&str, &str) = ("x-ms-blob-type", "BlockBlob");

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn why() -> Justification {
    Justification::new("a test against an emulator").unwrap()
}

/// What has to become of a request.
#[derive(Clone, Copy)]
pub(crate) enum Want {
    /// 2xx.
    Yes,
    /// 403: the signature, or the time.
    BadToken,
    /// 403: the token is good, and does not allow this.
    Beyond,
    /// The signature of the whole request: 400, since Azurite then looks for a bearer token where Azure says 403.
    BadKey,
    /// 2xx, and this in its body.
    Body(&'static str),
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// The text of the first such element.
    pub(crate) fn element(&self, name: &str) -> &str {
        element(&self.body, name)
    }

    pub(crate) fn is(&self, want: Want) -> bool {
        let is_good = (200..300).contains(&self.status);
        match want {
            Want::Yes => is_good,
            Want::Body(text) => is_good && self.body.contains(text),
            Want::BadToken => {
                self.status == 403 && matches!(&*self.code, "AuthenticationFailed" | "AuthorizationFailure")
            }
            Want::BadKey => self.status == 400 && self.code == "InvalidAuthenticationInfo",
            Want::Beyond => {
                self.status == 403 && self.code.starts_with("Authorization") && self.code != "AuthorizationFailure"
            }
        }
    }
}

pub(crate) fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let inner = text.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
    inner.split_once(&format!("</{name}>")).map_or("", |(inner, _)| inner)
}

pub(crate) struct Azurite {
    pub(crate) cert: String,
    pub(crate) blob: Endpoint,
    pub(crate) queue: Endpoint,
    pub(crate) table: Endpoint,
    pub(crate) key: AccountKey,
    pub(crate) wrong: AccountKey,
    pub(crate) cases: usize,
    pub(crate) failed: Vec<String>,
}

impl Azurite {
    pub(crate) fn from_env() -> Option<Self> {
        let env = |name: &str| std::env::var(format!("VALET_KEY_AZURITE_{name}")).ok();
        let endpoint = |name| env(name).map(|origin| Endpoint::emulator(&origin).unwrap());
        Some(Self {
            cert: env("CERT")?,
            blob: endpoint("BLOB")?,
            queue: endpoint("QUEUE")?,
            table: endpoint("TABLE")?,
            key: AccountKey::new(ACCOUNT, KEY).unwrap(),
            wrong: AccountKey::new(ACCOUNT, KEY.replace('E', "F")).unwrap(),
            cases: 0,
            failed: Vec::new(),
        })
    }

    /// One request, as it stands here: no redirects, no folding of paths, no headers that `curl` would add.
    pub(crate) fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "--http1.1", "--path-as-is", "--globoff", "--noproxy", "*", "--max-time", "20"]);
        curl.args(["--cacert", &self.cert, "-H", "Expect:"]);
        if method == "HEAD" {
            curl.arg("--head");
        } else {
            curl.args(["-X", method]);
        }
        if !matches!(method, "GET" | "HEAD" | "DELETE") || !body.is_empty() {
            curl.args(["--data-binary", "@-"]);
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                curl.args(["-H", "Content-Type:"]);
            }
        }
        for (name, value) in headers {
            curl.args(["-H", &format!("{name}: {value}")]);
        }
        curl.args(["--url", url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = curl.spawn().expect("curl runs");
        child.stdin.take().unwrap().write_all(body.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, code: String::new(), headers, body: body.to_owned() };
        if status >= 300 || status == 0 {
            let codes = [answer.header("x-ms-error-code"), answer.element("Code"), table_code(body)];
            let code = codes.iter().find(|code| !code.is_empty()).map_or("", |code| code).to_owned();
            answer.code = code;
        }
        answer
    }

    pub(crate) fn case(&mut self, name: &str, want: Want, answer: Answer) -> Answer {
        self.holds(name, answer.is(want), &format!("{} {}", answer.status, answer.code));
        answer
    }

    pub(crate) fn holds(&mut self, name: &str, holds: bool, detail: &str) {
        self.cases += 1;
        let word = if holds { "as expected" } else { "NOT AS EXPECTED" };
        println!("{word}: {name}: {}", detail.trim());
        if !holds {
            self.failed.push(name.to_owned());
        }
    }

    /// Something that Azurite reads otherwise than the service, so that its word on it says nothing about us. It is not
    /// counted, and it fails once Azurite begins to look.
    pub(crate) fn overlooks(&mut self, name: &str, expected: &str, answer: &Answer) {
        let got = format!("{} {}", answer.status, answer.code).trim_end().to_owned();
        println!("not counted: {name}: {got}");
        if got != expected {
            self.failed.push(format!("{name}: {got}, no longer {expected}"));
        }
    }

    pub(crate) fn send_signed(&self, request: &AuthorizedRequest, body: &str) -> Answer {
        let mut headers: Vec<_> = request.headers().iter().map(|(name, value)| (&**name, &**value)).collect();
        headers.push(("authorization", request.expose_authorization()));
        // Tables answer in JSON only when asked to, and sign no such header.
        if request.url().contains("/Tables") {
            headers.push(("accept", "application/json;odata=nometadata"));
        }
        self.send(request.method(), request.url(), &headers, body)
    }

    /// A URL of the blob service.
    pub(crate) fn url(&self, key: &dyn Sas, request: &UrlRequest) -> String {
        self.url_at(key, request, now())
    }

    pub(crate) fn url_at(&self, key: &dyn Sas, request: &UrlRequest, now: Timestamp) -> String {
        Self::issue(key, &self.blob, request, now)
    }

    pub(crate) fn issue(key: &dyn Sas, endpoint: &Endpoint, request: &UrlRequest, now: Timestamp) -> String {
        key.issue(&request.clone().endpoint(endpoint).because(why()), now).unwrap().expose().to_owned()
    }

    pub(crate) fn blob_url(&self, container: &str, name: &str, letters: &str) -> String {
        self.url(&self.key, &blob(container, name, letters))
    }

    pub(crate) fn account_url(&self, service: Service, types: &str, letters: &str, path: &str) -> String {
        let (services, endpoint) = match service {
            Service::Queue => (Services::QUEUE, &self.queue),
            Service::Table => (Services::TABLE, &self.table),
            _ => (Services::BLOB, &self.blob),
        };
        let (types, letters) = (ResourceTypes::parse(types).unwrap(), AccountPermissions::parse(letters).unwrap());
        let token = AccountRequest::new(services, types, letters, why()).issue(&self.key, now()).unwrap();
        // The address comes from a Shared Key request: an account SAS names none.
        let address = SharedKeyRequest::for_target("GET", service, path).unwrap().endpoint(endpoint);
        let address = self.key.authorize(&address, now()).unwrap().url().to_owned();
        let separator = if address.contains('?') { '&' } else { '?' };
        format!("{address}{separator}{}", token.expose())
    }

    pub(crate) fn shared_key(
        &self,
        key: &AccountKey,
        method: &str,
        target: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = SharedKeyRequest::for_target(method, Service::Blob, target).unwrap().endpoint(&self.blob);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let signed = key.authorize(&request.content_length(body.len() as u64), now()).unwrap();
        self.send_signed(&signed, body)
    }
}

/// The code of an error of a table, which is in JSON or XML of its own.
pub(crate) fn table_code(body: &str) -> &str {
    let json = body.split_once("\"code\":\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(code, _)| code);
    if json.is_empty() { element(body, "code") } else { json }
}

pub(crate) fn blob(container: &str, name: &str, letters: &str) -> UrlRequest {
    UrlRequest::blob(container, name, Inline::new(BlobPermissions::parse(letters).unwrap())).unwrap()
}

pub(crate) fn container(name: &str, letters: &str) -> UrlRequest {
    UrlRequest::container(name, Inline::new(ContainerPermissions::parse(letters).unwrap())).unwrap()
}

/// The same token at another path and with more in its query.
pub(crate) fn at(url: &str, path: impl Fn(&str) -> String, more: &str) -> String {
    let (before, query) = url.split_once('?').unwrap();
    format!("{}?{more}{query}", path(before))
}

pub(crate) fn with(url: &str, more: &str) -> String {
    at(url, str::to_owned, more)
}

pub(crate) fn swap(url: &str, from: &str, to: &str) -> String {
    let (before, query) = url.split_once('?').unwrap();
    assert!(before.contains(from), "{before} has no {from}");
    format!("{}?{query}", before.replace(from, to))
}
