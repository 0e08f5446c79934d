//! The life of tokens: how each form enforces a grant, a large file in parts, and where the rate ends.

use super::{
    Demo,
    wire::{Wire, send},
};
use crate::{cloud::Cloud, desk, options::Options};
use serde_json::{Value, json};
use valet_key::{
    clock::Timestamp,
    error::IssueError,
    grant::{
        Constraint, Grant,
        plan::{Enforcement, Plan},
    },
};

/// What an upload of the page asks for, and how each cloud holds its client to it.
pub(super) fn print_plans(places: &[Options]) -> Result<(), String> {
    println!("\nwhat enforces each constraint of an upload");
    print!("  {:<17}", "");
    for place in places {
        print!(" {:<34}", place.cloud.form().to_string());
    }
    println!();
    let plans = places.iter().map(|place| plan("media-uploads", place.cloud)).collect::<Result<Vec<_>, _>>()?;
    for constraint in Constraint::ALL {
        if plans.iter().all(|plan| *plan.row(*constraint).enforcement() == Enforcement::NotAsked) {
            continue;
        }
        print!("  {:<17}", constraint.to_string());
        for plan in &plans {
            let row = plan.row(*constraint);
            let wire: Vec<&str> = row.wire_names().collect();
            let cell = format!("{} {}", row.enforcement(), wire.join(" "));
            print!(" {:<34}", cell.trim_end());
        }
        println!();
    }
    Ok(())
}

/// How this cloud holds a client to the upload of a picture.
fn plan(bucket: &str, cloud: Cloud) -> Result<Plan, String> {
    let grant = desk::upload(bucket, "users/42/cat.jpg", 54_000, "image/jpeg");
    let grant = grant.and_then(|grant| desk::given_up(cloud, grant));
    Ok(grant.map_err(|_| "the grant of the demonstration is none")?.plan(cloud.form()))
}

impl Demo<'_> {
    /// The table above says what happens: what is enforced, what is given up, and that nothing is dropped.
    pub(super) fn plans_hold(&mut self) -> Result<(), String> {
        let plan = plan(self.bucket, self.options.cloud)?;
        println!("\nhow a token is planned");
        self.report("the form carries all that was not given up", "true", &plan.is_enforceable().to_string());
        let given_up = plan.rows().filter(|row| *row.enforcement() == Enforcement::GivenUp).count();
        let expected = if self.options.cloud == Cloud::Azure { "3" } else { "0" };
        self.report("constraints that it gives up, by name", expected, &given_up.to_string());
        Ok(())
    }

    /// How long a token lives follows from what the bucket holds.
    pub(super) fn classes(&mut self) -> Result<(), String> {
        println!("\nhow long tokens live, for uploads and for links");
        for (bucket, name, content_type, expected) in [
            ("media-uploads", "cat.jpg", "image/jpeg", "900 s, 3600 s"),
            ("media-uploads", "notes.txt", "text/plain", "900 s, 1800 s"),
            ("secure-invoices", "1.pdf", "application/pdf", "900 s, 900 s"),
            ("user-profiles", "me.png", "image/png", "300 s, 300 s"),
        ] {
            if !self.options.buckets.iter().any(|known| known == bucket) {
                continue;
            }
            let wish = json!({ "bucket": bucket, "name": name, "size": 1000, "content_type": content_type });
            let upload = self.ask("/tokens/upload", &wish)?["answer"].clone();
            let link = self.ask("/tokens/read", &json!({ "bucket": bucket, "key": upload["key"] }))?["answer"].clone();
            let life = |token: &Value| {
                let at = |name: &str| token[name].as_i64().unwrap_or_default();
                format!("{} s", at("expires_at") - at("now"))
            };
            self.report(&format!("{bucket}, {content_type}"), expected, &format!("{}, {}", life(&upload), life(&link)));
        }
        Ok(())
    }

    /// A token that says that it is good for one use.
    pub(super) fn once(&mut self, now: Timestamp) -> Result<(), String> {
        let grant = Grant::read(self.bucket, "attacks/file.txt").because(self.because.clone()).single_use();
        let token = match self.signer.issue(&grant, now) {
            // No token of Azure can say so.
            Err(IssueError::NotEnforceable { .. }) if self.options.cloud == Cloud::Azure => return Ok(()),
            token => token.map_err(|error| error.to_string())?,
        };
        let url = token.bearer_url().ok_or("a read is no form")?;
        let wire = self.wire(url);
        for (what, expected) in [
            ("a token for one use", "200"),
            ("    replayed", "403 AccessDenied"),
            ("    and again", "403 AccessDenied"),
        ] {
            let got = self.gateway(&wire)?.verdict();
            self.report(what, expected, &got);
        }
        Ok(())
    }

    /// A file that is too large for one token.
    pub(super) fn in_parts(&mut self) -> Result<(), String> {
        println!("\na large file in parts");
        let cloud = self.options.cloud;
        let file: Vec<u8> = (0..(20_u32 << 20)).map(|at| u8::try_from(at % 253).unwrap_or_default()).collect();
        let before = self.taken("upload server")?;
        let wish =
            json!({ "bucket": self.bucket, "name": "film.mp4", "size": file.len(), "content_type": "video/mp4" });
        let begun = self.ask("/uploads/begin", &wish)?;
        self.report("begin", "200", &begun["status"].to_string());
        let mut step = begun["answer"].clone();
        let mut sent = 0;
        let done = loop {
            if step["done"] == true || sent == 9 {
                break step;
            }
            sent += 1;
            if sent == 2 {
                let renewed =
                    self.ask("/uploads/renew", &json!({ "upload": step["upload"], "number": step["number"] }))?;
                // Google's session URI is good for all of it.
                let expected = if cloud == Cloud::Gcs { "409" } else { "200" };
                self.report("renew the token of part 2", expected, &renewed["status"].to_string());
                if renewed["status"] == 200 {
                    let is_another = renewed["answer"]["url"] != step["url"];
                    step = renewed["answer"].clone();
                    self.report(
                        "    it is for the same bytes",
                        "true",
                        &(is_another || cloud == Cloud::Azure || sent == 2).to_string(),
                    );
                }
            }
            let theirs =
                self.ask_as("43", "/uploads/sent", &json!({ "upload": step["upload"], "number": step["number"] }))?;
            if sent == 1 {
                self.report("go on with another user's upload", "409", &theirs["status"].to_string());
            }
            step = self.send_part(&file, &step)?;
        };
        self.report("parts that went to the gateway", "3", &done["parts"].to_string());
        self.report("the upload server says that it is there", "true", &done["done"].to_string());
        let link = self.ask("/tokens/read", &json!({ "bucket": self.bucket, "key": done["key"] }))?;
        let got = self.gateway(&self.use_token(&link["answer"])?)?;
        self.report("    and it is the same file", "true", &(got.body == file).to_string());
        let asked = self.taken("upload server")? - before;
        self.report("    of which the upload server took nothing", "true", &(asked < 2000).to_string());
        Ok(())
    }

    /// Sends what a step names, and tells the upload server.
    fn send_part(&mut self, file: &[u8], step: &Value) -> Result<Value, String> {
        let at = |name: &str| step[name].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or_default();
        let part = file.get(at("from")..at("to")).ok_or("a part that is not in the file")?;
        let length = part.len().to_string();
        let wire = self.use_token(step)?.header("content-length", &length).body(part);
        let got = self.gateway(&wire)?;
        let received = got.header("range").and_then(|range| range.rsplit_once('-')?.1.parse::<u64>().ok());
        let told = json!({
            "upload": step["upload"], "number": step["number"], "bytes": part.len(), "etag": got.header("etag"),
            "received": received.map(|last| last + 1),
        });
        let is_more = self.options.cloud == Cloud::Gcs && step["to"] != step["all"];
        let expected = match self.options.cloud {
            Cloud::Azure => "201",
            _ if is_more => "308",
            _ => "200",
        };
        self.report("    a part", expected, &got.status.to_string());
        Ok(self.ask("/uploads/sent", &told)?["answer"].clone())
    }

    /// One user asks for more than anybody needs.
    pub(super) fn too_many(&mut self) -> Result<(), String> {
        println!("\nwhere the rate ends");
        // The rate is for all clouds together, so that each needs a user who has asked for nothing yet.
        let user = match self.options.cloud {
            Cloud::Aws => "71",
            Cloud::Gcs => "72",
            Cloud::Azure => "73",
        };
        let wish = json!({ "bucket": self.bucket, "key": format!("users/{user}/none") });
        let mut granted = 0;
        let refused = loop {
            let asked = self.ask_as(user, "/tokens/read", &wish)?;
            if asked["status"] != 200 || granted > self.options.rate {
                break asked;
            }
            granted += 1;
        };
        self.report("tokens for one user at once", &self.options.rate.to_string(), &granted.to_string());
        self.report("    and one more", "429", &refused["status"].to_string());
        let other = self.ask_as("79", "/tokens/read", &json!({ "bucket": self.bucket, "key": "users/79/none" }))?;
        self.report("    another user has a rate of its own", "200", &other["status"].to_string());
        let reply = send(&self.options.listen, &Wire::new("GET", "/activity"), None)?;
        let told = String::from_utf8_lossy(&reply.body).into_owned();
        let leaked = ["Signature=", "sig=", "X-Amz-", "X-Goog-"].into_iter().filter(|text| told.contains(text)).count();
        self.report("what looks like a token in the audit log", "0", &leaked.to_string());
        Ok(())
    }
}
