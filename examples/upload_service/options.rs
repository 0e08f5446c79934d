//! The command line.

use crate::cloud::Cloud;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: upload_service [options]
  --listen ADDRESS      upload server, default 127.0.0.1:8080 (--demo: 127.0.0.1:0)
  --gateway ADDRESS     storage gateway, default 127.0.0.1:9000 (--demo: 127.0.0.1:0)
  --cloud NAME          s3 (default), gcs or azure: which tokens are issued and verified
  --access-key ID       default AKIAVALETKEYEXAMPLE0, or GOOGVALETKEYEXAMPLE0;
                        for azure the account, default devstoreaccount1
  --secret-key SECRET   default a published example; it guards nothing outside this program;
                        for azure in base64
  --region NAME         default us-east-1; S3 only
  --bucket NAME         may be repeated; default media-uploads, secure-invoices, user-profiles
  --data DIR            keep files there; default in memory
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
    pub(crate) demo: bool,
}

impl Options {
    /// `None` when help was asked for.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut listen, mut gateway, mut access_key, mut secret_key) = (None, None, None, None);
        let mut options = Self {
            listen: String::new(),
            gateway: String::new(),
            cloud: Cloud::S3,
            access_key: String::new(),
            secret_key: String::new(),
            region: "us-east-1".into(),
            buckets: Vec::new(),
            data: None,
            demo: false,
        };
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--listen" => listen = Some(value()?),
                "--gateway" => gateway = Some(value()?),
                "--cloud" => options.cloud = Cloud::parse(&value()?)?,
                "--access-key" => access_key = Some(value()?),
                "--secret-key" => secret_key = Some(value()?),
                "--region" => options.region = value()?,
                "--bucket" => options.buckets.push(value()?),
                "--data" => options.data = Some(value()?.into()),
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
        options.access_key = access_key.unwrap_or_else(|| options.cloud.default_access_key().into());
        options.secret_key = secret_key.unwrap_or_else(|| options.cloud.default_secret_key().into());
        let default = |port: u16| format!("127.0.0.1:{}", if options.demo { 0 } else { port });
        options.listen = listen.unwrap_or_else(|| default(8080));
        options.gateway = gateway.unwrap_or_else(|| default(9000));
        Ok(Some(options))
    }
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
