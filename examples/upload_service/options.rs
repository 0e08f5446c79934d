//! The command line.

use crate::{cloud::Cloud, savings};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: upload_service [options]
  --listen ADDRESS      upload server, default 127.0.0.1:8080 (--demo: 127.0.0.1:0)
  --gateway ADDRESS     storage gateway, default 127.0.0.1:9000 (--demo: 127.0.0.1:0); for all clouds at once the
                        first of three, at ports in a row
  --cloud NAME          aws (default, also: s3), gcs, azure or all: which tokens are issued and verified
  --access-key ID       default AKIAVALETKEYEXAMPLE0, or GOOGVALETKEYEXAMPLE0;
                        for azure the account, default devstoreaccount1
  --secret-key SECRET   default a published example; it guards nothing outside this program;
                        for azure in base64
  --region NAME         default us-east-1; S3 only
  --bucket NAME         may be repeated; default media-uploads, secure-invoices, user-profiles
  --data DIR            keep files there; default in memory
  --rate COUNT          how many tokens a user may have an hour, and at once; default 100
  --proxy-price USD     what 1 GB through a server costs, for what is saved; default 0.053
  --demo                run the client and its attacks, then exit: 0 if all went as expected";

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) gateway: String,
    pub(crate) cloud: Cloud,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) region: String,
    pub(crate) buckets: Vec<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) proxy_price: f64,
    pub(crate) rate: u32,
    pub(crate) demo: bool,
}

impl Options {
    /// The options for each cloud that was asked for, or `None` when help was.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Option<Vec<Self>>, String> {
        let (mut listen, mut gateway, mut access_key, mut secret_key) = (None, None, None, None);
        let mut clouds = vec![Cloud::Aws];
        let mut options = Self {
            listen: String::new(),
            gateway: String::new(),
            cloud: Cloud::Aws,
            access_key: String::new(),
            secret_key: String::new(),
            region: "us-east-1".into(),
            buckets: Vec::new(),
            data: None,
            proxy_price: savings::DEFAULT_PRICE,
            rate: 100,
            demo: false,
        };
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--listen" => listen = Some(value()?),
                "--gateway" => gateway = Some(value()?),
                "--cloud" => clouds = Cloud::parse(&value()?)?,
                "--access-key" => access_key = Some(value()?),
                "--secret-key" => secret_key = Some(value()?),
                "--region" => options.region = value()?,
                "--bucket" => options.buckets.push(value()?),
                "--data" => options.data = Some(value()?.into()),
                "--proxy-price" => {
                    let price = value()?.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0);
                    options.proxy_price = price.ok_or("--proxy-price needs a number of USD")?;
                }
                "--rate" => {
                    let rate = value()?.parse().ok().filter(|rate| *rate > 0);
                    options.rate = rate.ok_or("--rate needs a number of tokens")?;
                }
                "--demo" => options.demo = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        if let Some(bad) = options.buckets.iter().find(|name| !is_bucket(name)) {
            return Err(format!(
                "{bad:?} is no bucket name: 3 to 63 of a-z, 0-9, `.` and `-`, a letter or digit at each end"
            ));
        }
        if options.buckets.is_empty() {
            options.buckets = ["media-uploads", "secure-invoices", "user-profiles"].map(String::from).into();
        }
        if clouds.len() > 1 && (access_key.is_some() || secret_key.is_some()) {
            return Err("a key is a key of one cloud: choose it with --cloud".into());
        }
        let default = |port: u16| format!("127.0.0.1:{}", if options.demo { 0 } else { port });
        options.listen = listen.unwrap_or_else(|| default(8080));
        let gateway = gateway.unwrap_or_else(|| default(9000));
        let places = (0..).zip(clouds).map(|(place, cloud)| {
            Ok(Self {
                cloud,
                gateway: above(&gateway, place)?,
                access_key: access_key.clone().unwrap_or_else(|| cloud.default_access_key().into()),
                secret_key: secret_key.clone().unwrap_or_else(|| cloud.default_secret_key().into()),
                // Each has its own files.
                data: options.data.as_ref().map(|data| if place == 0 { data.clone() } else { data.join(cloud.id()) }),
                ..options.clone()
            })
        });
        Ok(Some(places.collect::<Result<_, String>>()?))
    }
}

/// The address so many ports further on; port 0 stays.
fn above(address: &str, more: u16) -> Result<String, String> {
    let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = split.ok_or_else(|| format!("{address} has no port"))?;
    let port = if port == 0 { Some(0) } else { port.checked_add(more) };
    Ok(format!("{host}:{}", port.ok_or_else(|| format!("there are no {more} ports above {address}"))?))
}

/// A name that is a folder of its own and nothing else.
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(plain) && name.bytes().last().is_some_and(plain);
    (3..=63).contains(&name.len())
        && ends
        && !name.contains("..")
        && name.bytes().all(|b| plain(b) || b == b'.' || b == b'-')
}
