//! The client side without a browser: the four steps, then what an attacker would try.

mod azure;
mod gcs;
mod life;
mod v4;
mod wire;

use self::wire::{Reply, Wire, send};
use crate::{
    cloud::{self, Cloud},
    diagnosis,
    options::Options,
};
use serde_json::{Value, json};
use std::process::ExitCode;
use valet_key::{
    clock::{Clock, SystemClock, Timestamp},
    explain::Cause,
    grant::{Grant, Justification},
    multi,
    token::BearerUrl,
};

/// Runs everything on each cloud and tells whether all went as expected.
pub(crate) fn run(places: &[Options]) -> Result<ExitCode, String> {
    let (mut tried, mut surprises) = (0, 0);
    life::print_plans(places)?;
    for options in places {
        println!("\n{}", options.cloud.title());
        let mut demo = Demo::new(options)?;
        demo.four_steps()?;
        match options.cloud {
            Cloud::Aws | Cloud::Gcs => demo.attacks()?,
            Cloud::Azure => demo.attacks_on_azure()?,
        }
        demo.once(SystemClock.now())?;
        demo.plans_hold()?;
        demo.classes()?;
        demo.in_parts()?;
        demo.too_many()?;
        (tried, surprises) = (tried + demo.tried, surprises + demo.surprises);
    }
    println!("\n{} of {tried} as expected", tried - surprises);
    Ok(if surprises == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Demo<'o> {
    options: &'o Options,
    signer: multi::Cloud<'static>,
    because: Justification,
    bucket: &'o str,
    tried: usize,
    surprises: usize,
}

impl<'o> Demo<'o> {
    fn new(options: &'o Options) -> Result<Self, String> {
        Ok(Self {
            options,
            signer: cloud::signer(options)?,
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
        self.ask_as("42", path, wish)
    }

    /// Asks the upload server as one of its users.
    fn ask_as(&self, user: &str, path: &str, wish: &Value) -> Result<Value, String> {
        let mut wish = wish.clone();
        wish["cloud"] = self.options.cloud.id().into();
        let wire = Wire::new("POST", path).header("content-type", "application/json").header("x-user", user);
        let wire = wire.body(wish.to_string().as_bytes());
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

    /// What the page would show of counts and records.
    fn activity(&self) -> Result<Value, String> {
        let reply = send(&self.options.listen, &Wire::new("GET", "/activity"), None)?;
        serde_json::from_slice(&reply.body).map_err(|error| error.to_string())
    }

    /// How many bytes this server has taken in.
    fn taken(&self, server: &str) -> Result<u64, String> {
        let activity = self.activity()?;
        let meters = activity["traffic"].as_array().into_iter().flatten();
        let meter = meters.into_iter().find(|meter| meter["name"] == server);
        meter.and_then(|meter| meter["bytes_in"].as_u64()).ok_or_else(|| format!("nobody counts for the {server}"))
    }

    fn four_steps(&mut self) -> Result<(), String> {
        println!("\nthe four steps");
        let on_azure = self.options.cloud == Cloud::Azure;
        let file = b"a picture, as far as this demonstration is concerned. ".repeat(1000);
        let gateway = format!("gateway of {}", self.options.cloud.title());
        let before = [self.taken("upload server")?, self.taken(&gateway)?];
        let wish =
            json!({ "bucket": self.bucket, "name": "cat.jpg", "size": file.len(), "content_type": "image/jpeg" });
        let token = self.ask("/tokens/upload", &wish)?;
        self.report("1-2 ask the upload server for a token", "200", &token["status"].to_string());
        let token = &token["answer"];
        let upload = self.use_token(token)?.body(&file);
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
        let after = [self.taken("upload server")?, self.taken(&gateway)?];
        let asked = after[0] - before[0];
        self.report("    the upload server took two short questions", "true", &(asked < 500).to_string());
        // Twice: the gateway reads what it refuses, so that the client learns why.
        let came = after[1] - before[1];
        self.report(
            "    the gateway took the file, and once more to refuse it",
            &(2 * file.len()).to_string(),
            &came.to_string(),
        );
        self.revoked(&link["answer"])?;
        self.not_granted()
    }

    /// A link that is taken back before it expires.
    fn revoked(&mut self, link: &Value) -> Result<(), String> {
        let download = self.use_token(link)?;
        let taken_back = json!({ "id": link["id"] });
        let theirs = self.ask_as("43", "/tokens/revoke", &taken_back)?["status"].to_string();
        self.report("    revoke another user's link", "404", &theirs);
        let still = self.gateway(&download)?.verdict();
        self.report("    so it is still good", "200", &still);
        let revoked = self.ask("/tokens/revoke", &taken_back)?["status"].to_string();
        self.report("    revoke it", "200", &revoked);
        let code = if self.options.cloud == Cloud::Azure { "403 AuthenticationFailed" } else { "403 AccessDenied" };
        let refused = self.gateway(&download)?.verdict();
        self.report("    a revoked link, long before it expires", code, &refused);
        Ok(())
    }

    /// What the upload server gives nobody a token for.
    fn not_granted(&mut self) -> Result<(), String> {
        for (what, wish) in [
            ("    ask for a bucket that is not there", json!({ "bucket": "other", "name": "a", "size": 1 })),
            ("    ask to upload nothing", json!({ "bucket": self.bucket, "name": "a", "size": 0 })),
            ("    ask to upload far too much", json!({ "bucket": self.bucket, "name": "a", "size": 1_u64 << 40 })),
        ] {
            let refused = self.ask("/tokens/upload", &wish)?["status"].to_string();
            self.report(what, if wish["size"] == 0 { "400" } else { "403" }, &refused);
        }
        let theirs = json!({ "bucket": self.bucket, "key": "users/43/tax.pdf" });
        let refused = self.ask("/tokens/read", &theirs)?["status"].to_string();
        self.report("    ask for another user's file", "403", &refused);
        Ok(())
    }

    /// Says why a request that was made of one of these got this answer: what the issuer of a token would tell its user.
    /// Whether a cause was found.
    fn explain(&self, issued: &[&Wire], sent: &Wire, got: &Reply) -> bool {
        let signature = |wire: &Wire| {
            let is_signature = |param: &&str| param.starts_with("sig=") || param.contains("-Signature=");
            wire.target.split(['?', '&']).find(is_signature).map(str::to_owned)
        };
        let base = issued.iter().find(|wire| signature(wire).is_some_and(|known| sent.target.contains(&known)));
        let Some(base) = base.filter(|_| got.status >= 400) else { return false };
        let url = format!("http://{}{}", self.options.gateway, base.target);
        match diagnosis::explanation(&base.method, &url, &String::from_utf8_lossy(&got.body)) {
            Ok(found) if found.cause() != Cause::Unknown => {
                println!("          {}: {}", found.cause().code(), found.cause().advice());
                true
            }
            _ => false,
        }
    }

    /// A signed URL of our own making, with a key that may be right or wrong.
    fn signed(&self, grant: &Grant, signer: &multi::Cloud<'_>, now: Timestamp) -> Result<Wire, String> {
        let grant = grant.clone().because(self.because.clone());
        let token = signer.issue(&grant, now).map_err(|error| error.to_string())?;
        Ok(self.wire(token.bearer_url().ok_or("a form where a URL was expected")?))
    }

    /// The request that a URL allows, without a body.
    fn wire(&self, url: &BearerUrl) -> Wire {
        let origin = format!("http://{}", self.options.gateway);
        let mut wire = Wire::new(url.method(), url.expose().strip_prefix(&origin).unwrap_or_default());
        for (name, value) in url.required_headers() {
            wire = wire.header(name, &String::from_utf8_lossy(value));
        }
        wire
    }
}
