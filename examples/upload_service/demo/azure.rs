//! What an attacker would try with tokens of Azure.

use super::{Demo, wire::Wire};
use crate::{cloud, gateway::BODY_LIMIT};
use valet_key::{
    azure::{AccountKey, Endpoint, Sas, UrlRequest},
    clock::{Clock, SystemClock, Timestamp},
    grant::{Grant, Lifetime},
};

impl Demo<'_> {
    #[expect(clippy::too_many_lines, reason = "one line for each attack")]
    pub(super) fn attacks_on_azure(&mut self) -> Result<(), String> {
        const FAILED: &str = "403 AuthenticationFailed";
        const PERMISSION: &str = "403 AuthorizationPermissionMismatch";
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let now = SystemClock.now();
        let at = |seconds: i64| Timestamp::from_unix(now.unix() + seconds).map_err(|error| text(&error));
        let body: &[u8] = b"twelve bytes";
        let name = "attacks/file.txt";
        let upload = Grant::upload(self.bucket, name).any_size().any_content_type();
        let put = self.signed(&upload, &self.signer, now)?.body(body);
        let read = Grant::read(self.bucket, name);
        let get = self.signed(&read, &self.signer, now)?;
        let create = Grant::create(self.bucket, name).any_size().any_content_type();
        let create = self.signed(&create, &self.signer, now)?.body(body);

        println!("\nwhat is allowed");
        let stored = self.gateway(&put)?.verdict();
        self.report("upload", "201", &stored);
        let read_back = self.gateway(&get)?;
        self.report("read", "200", &read_back.verdict());
        self.report("    and it is the same file", "true", &(read_back.body == body).to_string());
        let part = self.gateway(&get.clone().header("range", "bytes=0-5"))?;
        self.report("read a range", "206 twelve", &format!("{} {}", part.status, String::from_utf8_lossy(&part.body)));
        self.in_blocks(&put, &get)?;
        let week = Lifetime::from_seconds(604_800).map_err(|error| text(&error))?;
        let week = self.signed(&read.clone().lives(week), &self.signer, now)?;
        let read_late = self.gateway(&week)?.verdict();
        self.report("a week, asked for and justified", "200", &read_late);

        println!("\nwhat no token of Azure's account keys forbids");
        let larger = self.gateway(&put.clone().body(b"thirteen byte"))?.verdict();
        self.report("a larger file: nothing of Azure bounds it", "201", &larger);
        let typed = self.gateway(&put.clone().header("x-ms-blob-content-type", "text/html"))?.verdict();
        self.report("another content type: nothing binds it", "201", &typed);
        let respelt = self.gateway(&get.clone().target(|target| target.replacen("file", "%66ile", 1)))?.verdict();
        self.report("another spelling of the same name", "200", &respelt);
        let slash = self.gateway(&get.clone().target(|target| target.replacen("attacks/", "attacks%2F", 1)))?.verdict();
        self.report("an escaped slash: the same name to Azure", "200", &slash);

        println!("\nwhat an attacker would try");
        let (id, secret) = (&self.options.access_key, &self.options.secret_key);
        let other_key = cloud::signer_with(self.options, id, "YW5vdGhlciBzZWNyZXQ=")?;
        let other_account = cloud::signer_with(self.options, "otheraccount", secret)?;
        let change = |wire: &Wire, from: &str, to: &str| wire.clone().target(|target| target.replacen(from, to, 1));
        let more = |wire: &Wire, param: &str| wire.clone().target(|target| format!("{target}&{param}"));
        let method = |wire: &Wire, method: &str| Wire { method: method.into(), ..wire.clone() };
        let value = |wire: &Wire, param: &str, to: &str| wire.clone().target(|target| with_value(target, param, to));
        let other_account = self.signed(&read, &other_account, now)?;
        let cases: Vec<(&str, Wire, &str)> = vec![
            ("another blob", change(&get, "file.txt", "other.txt"), FAILED),
            ("another container", change(&get, self.bucket, "another-container"), FAILED),
            (
                "the container itself",
                change(&more(&get, "restype=container&comp=list"), "/attacks/file.txt", ""),
                FAILED,
            ),
            ("a changed permission `sp`", value(&get, "sp", "rwd"), FAILED),
            ("a changed expiry `se`", value(&get, "se", "2099-01-01T00%3A00%3A00Z"), FAILED),
            ("a changed resource `sr`", value(&get, "sr", "c"), FAILED),
            ("a changed protocol `spr`", value(&get, "spr", "https"), FAILED),
            ("a changed version `sv`", value(&get, "sv", "2021-12-02"), FAILED),
            ("a parameter twice", more(&get, "sp=r"), FAILED),
            ("a file name that was not signed", more(&get, "rscd=inline"), FAILED),
            ("a deletion with a read token", method(&get, "DELETE"), PERMISSION),
            (
                "an upload with a read token",
                method(&get, "PUT").header("x-ms-blob-type", "BlockBlob").body(body),
                PERMISSION,
            ),
            (
                "a block with a read token",
                more(&method(&get, "PUT"), "comp=block&blockid=QQ%3D%3D").body(body),
                PERMISSION,
            ),
            ("a read with an upload token", method(&put, "GET").body(b""), PERMISSION),
            ("a deletion with an upload token", method(&put, "DELETE").body(b""), PERMISSION),
            ("tags with an upload token", put.clone().header("x-ms-tags", "a=b"), PERMISSION),
            ("an overwrite with a token that creates", create.clone(), "403 UnauthorizedBlobOverwrite"),
            ("a block with a token that creates", more(&create, "comp=block&blockid=QQ%3D%3D"), PERMISSION),
            ("an access list", more(&method(&put, "PUT"), "comp=acl"), "403 AuthorizationFailure"),
            (
                "a copy of another blob",
                put.clone().header("x-ms-copy-source", "http://127.0.0.1/secure-invoices/a"),
                "501 NotImplemented",
            ),
            ("the required header left out", put.clone().without("x-ms-blob-type"), "400 MissingRequiredHeader"),
            ("a token signed with another key", self.signed(&read, &other_key, now)?, FAILED),
            ("a token of another account", other_account.clone(), "400 InvalidUri"),
            ("the same, sent to this account", change(&other_account, "/otheraccount/", &format!("/{id}/")), FAILED),
            ("an expired token", self.signed(&read, &self.signer, at(-901)?)?, FAILED),
            ("a token from the future", self.signed(&read.clone().not_before(at(600)?), &self.signer, now)?, FAILED),
            ("a token for HTTPS only, over HTTP", self.https_only(&read, now)?, "403 AuthorizationProtocolMismatch"),
            (
                "a token for another address",
                self.signed(&read.clone().client_address("203.0.113.7"), &self.signer, now)?,
                "403 AuthorizationSourceIPMismatch",
            ),
            ("no token at all", get.clone().target(without_query), "401 NoAuthenticationInformation"),
            ("a token without its signature", get.clone().target(without_signature), FAILED),
            ("dots in the path", change(&get, "attacks/", "attacks/../attacks/"), "400 InvalidUri"),
            ("escaped dots in the path", change(&get, "attacks/", "attacks/%2e%2e/attacks/"), "400 InvalidUri"),
            (
                "query and header at once",
                get.clone().header("authorization", "SharedKey devstoreaccount1:AAAA"),
                "400 InvalidAuthenticationInfo",
            ),
        ];
        let mut explained = 0;
        for (what, wire, expected) in cases {
            let got = self.gateway(&wire)?;
            self.report(what, expected, &got.verdict());
            if self.explain(&[&get, &put, &create], &wire, &got) {
                explained += 1;
            } else if !got.message.is_empty() {
                println!("          {}", got.message);
            }
        }
        self.report("refusals of which the issuer can tell the cause", "17", &explained.to_string());
        let huge = put.header("content-length", &(BODY_LIMIT + 1).to_string());
        let refused = self.gateway(&huge)?.verdict();
        self.report("a body beyond the gateway's limit", "413 RequestBodyTooLarge", &refused);
        let delete = self.signed(&Grant::delete(self.bucket, name), &self.signer, now)?;
        let deleted = self.gateway(&delete)?.verdict();
        self.report("a deletion with a token for it", "202", &deleted);
        let gone = self.gateway(&get)?.verdict();
        self.report("    and the file is gone", "404 BlobNotFound", &gone);
        Ok(())
    }

    /// The same upload token, block by block.
    fn in_blocks(&mut self, put: &Wire, get: &Wire) -> Result<(), String> {
        let comp = |query: &str, body: &[u8]| put.clone().target(|target| format!("{target}&{query}")).body(body);
        for (id, body) in [("QQ%3D%3D", b"twelve"), ("Qg%3D%3D", b" bytes")] {
            let stored = self.gateway(&comp(&format!("comp=block&blockid={id}"), body))?.verdict();
            self.report("a block", "201", &stored);
        }
        let unknown = b"<BlockList><Latest>Qw==</Latest></BlockList>";
        let refused = self.gateway(&comp("comp=blocklist", unknown))?.verdict();
        self.report("a list with a block that is not there", "400 InvalidBlockList", &refused);
        let list = b"<BlockList><Latest>QQ==</Latest><Latest>Qg==</Latest></BlockList>";
        let stored = self.gateway(&comp("comp=blocklist", list))?.verdict();
        self.report("the list of blocks", "201", &stored);
        let same = self.gateway(get)?.body == b"twelve bytes";
        self.report("    and it is the same file", "true", &same.to_string());
        Ok(())
    }

    /// A token as it is made unless somebody says otherwise.
    fn https_only(&self, read: &Grant, now: Timestamp) -> Result<Wire, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let origin = format!("https://{}", self.options.gateway);
        let endpoint = Endpoint::emulator(&origin).map_err(|error| text(&error))?;
        let key = AccountKey::new(self.options.access_key.as_str(), self.options.secret_key.as_str())
            .map_err(|error| text(&error))?;
        let request = UrlRequest::at(&endpoint, read).map_err(|error| text(&error))?;
        let url = key.issue(&request, now).map_err(|error| text(&error))?;
        Ok(Wire::new("GET", url.expose().strip_prefix(&origin).unwrap_or_default()))
    }
}

/// The target with another value of one parameter.
fn with_value(target: &str, param: &str, to: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let params = query.split('&').map(|it| match it.split_once('=') {
        Some((name, _)) if name == param => format!("{name}={to}"),
        _ => it.to_owned(),
    });
    format!("{path}?{}", params.collect::<Vec<_>>().join("&"))
}

fn without_query(target: &str) -> String {
    target.split('?').next().unwrap_or_default().to_owned()
}

fn without_signature(target: &str) -> String {
    target.split("&sig=").next().unwrap_or_default().to_owned()
}
