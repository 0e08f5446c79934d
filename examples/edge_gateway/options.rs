//! The command line, and the gate that it asks for.

use std::sync::Arc;
use valet_key::{
    aws::{self, SigV4},
    azure::{self, Sas},
    clock::Timestamp,
    gateway::{Facts, Gate, Provider, SingleUse},
    gcs::{self, GoogV4},
    grant::{Action, Grant, Justification, Lifetime},
    issuer::Gcra,
    token::BearerUrl,
};

pub(crate) const USAGE: &str = "\
usage: edge_gateway [options]
  --listen ADDRESS      for clients, default 127.0.0.1:8081
  --admin ADDRESS       for operators, default 127.0.0.1:9081: whoever reaches it can do anything
  --origin URL          where clients believe to be, the same on every gateway; default http://edge.localhost
  --redis URL           what the gateways share, default redis://127.0.0.1:6379/
  --cloud NAME          s3 (default), gcs or azure
  --rate COUNT/SECONDS  requests of one subject on all gateways, default 1000/60; 0/1 for no limit";

/// Published examples, which guard nothing outside this program.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const AZURE_SECRET: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const ACCOUNT: &str = "devstoreaccount1";
const REGION: &str = "us-east-1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cloud {
    S3,
    Gcs,
    Azure,
}

impl Cloud {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
        }
    }

    pub(crate) const fn provider(self) -> Provider {
        match self {
            Self::S3 => Provider::Aws,
            Self::Gcs => Provider::Gcs,
            Self::Azure => Provider::Azure,
        }
    }
}

pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) admin: String,
    pub(crate) origin: String,
    /// It may hold a password.
    pub(crate) redis: String,
    pub(crate) cloud: Cloud,
    /// So many requests in so many seconds, and as many at once; nothing is no limit.
    pub(crate) rate: Option<Gcra>,
}

/// Reads `COUNT/SECONDS`.
fn rate(text: &str) -> Result<Option<Gcra>, String> {
    let numbers = text.split_once('/').and_then(|(count, seconds)| Some((count.parse().ok()?, seconds.parse().ok()?)));
    let (count, seconds) = numbers.ok_or_else(|| format!("--rate {text}: it must be COUNT/SECONDS"))?;
    let period = Lifetime::from_seconds(seconds).map_err(|error| format!("--rate {text}: {error}"))?;
    if count == 0 {
        return Ok(None);
    }
    Gcra::new(count, period, count).map(Some).map_err(|error| format!("--rate {text}: {error}"))
}

impl Options {
    /// `None` when help was asked for.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            listen: "127.0.0.1:8081".into(),
            admin: "127.0.0.1:9081".into(),
            origin: "http://edge.localhost".into(),
            redis: "redis://127.0.0.1:6379/".into(),
            cloud: Cloud::S3,
            rate: rate("1000/60")?,
        };
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--listen" => options.listen = value()?,
                "--admin" => options.admin = value()?,
                "--origin" => options.origin = value()?,
                "--redis" => options.redis = value()?,
                "--cloud" => {
                    let name = value()?;
                    let known = [Cloud::S3, Cloud::Gcs, Cloud::Azure].into_iter().find(|cloud| cloud.name() == name);
                    options.cloud = known.ok_or_else(|| format!("unknown cloud {name}: s3, gcs or azure"))?;
                }
                "--rate" => options.rate = rate(&value()?)?,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {flag}\n{USAGE}")),
            }
        }
        Ok(Some(options))
    }

    /// Uploads use their token up, and so does whatever says that it is for one use.
    pub(crate) fn gate(&self) -> Result<Gate, String> {
        let writes = |facts: &Facts| matches!(facts.action(), Some(Action::Upload | Action::Create));
        let host = self.origin.split_once("://").map_or("", |(_, host)| host);
        let gate = match self.cloud {
            Cloud::S3 => {
                let ring = aws::KeyRing::new().with(s3_key()?);
                Gate::aws(aws::Verifier::new(ring, aws::Expect::new(REGION, "s3").allow_streams()), self.s3()?)
            }
            Cloud::Gcs => {
                let ring = gcs::KeyRing::new().with(gcs_key()?);
                Gate::gcs(gcs::Verifier::new(ring, gcs::Expect::new().host(host)), self.gcs()?)
            }
            Cloud::Azure => {
                let mut ring = azure::KeyRing::new();
                ring.insert(azure_key()?).map_err(text)?;
                let expect = azure::Expect::new(ACCOUNT, azure::Service::Blob).map_err(text)?;
                Gate::azure(azure::Verifier::new(ring, expect.host(host).account_in_path()))
            }
        };
        Ok(gate.single_use(SingleUse::When(Arc::new(writes))))
    }

    fn s3(&self) -> Result<aws::Endpoint, String> {
        aws::Endpoint::custom(&self.origin, aws::Region::new(REGION).map_err(text)?).map_err(text)
    }

    fn gcs(&self) -> Result<gcs::Endpoint, String> {
        gcs::Endpoint::custom(&self.origin).map_err(text)
    }

    /// A URL for that grant, with parameters of its own where the cloud signs them.
    pub(crate) fn issue(&self, grant: Grant, params: &[(String, String)], now: Timestamp) -> Result<BearerUrl, String> {
        let why = Justification::new("an example on loopback").map_err(text)?;
        let grant = grant.because(why).lives(Lifetime::DEFAULT);
        match self.cloud {
            Cloud::S3 => {
                let mut request = aws::Request::at(&self.s3()?, &grant, aws::Payload::Unsigned).map_err(text)?;
                for (name, value) in params {
                    request = request.query(name, value);
                }
                s3_key()?.presign(&aws::UrlRequest::new(request), now).map_err(text)
            }
            Cloud::Gcs => {
                let mut request = gcs::UrlRequest::at(&self.gcs()?, &grant).map_err(text)?;
                for (name, value) in params {
                    request = request.query(name, value);
                }
                gcs_key()?.signed_url(&request, now).map_err(text)
            }
            Cloud::Azure if !params.is_empty() => Err("a token of Azure signs no parameters".into()),
            Cloud::Azure => {
                let endpoint = azure::Endpoint::emulator(&self.origin).map_err(text)?;
                let request = azure::UrlRequest::at(&endpoint, &grant).map_err(text)?;
                azure_key()?.issue(&request.protocol(azure::Protocol::HttpsOrHttp), now).map_err(text)
            }
        }
    }
}

fn s3_key() -> Result<aws::StaticKey, String> {
    aws::StaticKey::new("AKIAVALETKEYEXAMPLE0", SECRET).map_err(text)
}

fn gcs_key() -> Result<gcs::HmacKey, String> {
    gcs::HmacKey::new("GOOGVALETKEYEXAMPLE0", SECRET).map_err(text)
}

fn azure_key() -> Result<azure::AccountKey, String> {
    azure::AccountKey::new(ACCOUNT, AZURE_SECRET).map_err(text)
}

pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
