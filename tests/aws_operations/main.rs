//! Every operation of S3 that a grant can be for, issued from the grant and read back from the verified request.
//!
//! The cases in `tests/vectors/aws/operations` always run. When `VALET_KEY_VECTORS` names a directory of published
//! files, each presigned URL of those is read to the operation that its library was asked for, and issued from a grant
//! wherever one says the same.

mod issued;
mod laws;
mod secrets;
mod threats;

use valet_key::{
    aws::{Endpoint, Expect, Presented, Region, S3Request, SigV4, StaticKey, UrlRequest},
    clock::Timestamp,
    error::VerifyError,
    grant::{Grant, Justification},
    token::BearerUrl,
    view::RequestView,
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";
const BUCKET: &str = "photos";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint::aws(Region::new(REGION).unwrap())
}

fn issue(grant: &Grant) -> BearerUrl {
    key().presign(&UrlRequest::at(&endpoint(), grant).unwrap(), now()).unwrap()
}

/// A request as it arrives.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Sent {
    /// What a client sends that was given this URL.
    fn with(url: &BearerUrl) -> Self {
        let (_, rest) = url.expose().split_once("://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        let mut headers = vec![("host".to_owned(), host.as_bytes().to_vec())];
        headers.extend(url.required_headers().iter().cloned());
        Self { method: url.method().to_owned(), target: target.to_owned(), headers }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// Verifies, and looks at what it asks for.
    fn read_at<T>(
        &self,
        endpoint: &Endpoint,
        expect: &Expect,
        now: Timestamp,
        look: impl FnOnce(&S3Request<'_>) -> T,
    ) -> Result<T, VerifyError> {
        let lines: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new(&self.method, &self.target, &lines))?;
        let verified = key().verify(presented, expect, now)?;
        verified.s3_request(endpoint).map(|request| look(&request))
    }

    fn read<T>(&self, look: impl FnOnce(&S3Request<'_>) -> T) -> Result<T, VerifyError> {
        self.read_at(&endpoint(), &Expect::new(REGION, "s3"), now(), look)
    }

    fn operation(&self) -> Result<&'static str, VerifyError> {
        self.read(|request| request.operation().name())
    }

    fn covered_by(&self, grant: &Grant) -> Result<(), VerifyError> {
        self.read(|request| request.covered_by(grant)).unwrap()
    }
}
