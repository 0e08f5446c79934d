//! What the peers do, one fact for each test, the good ones too. Where we do otherwise, the test shows that beside it.

mod aws_sigv4;
mod azure_storage_sas;
mod object_store;
mod reqsign;
mod rusty_s3;
mod s3s;
mod scratchstack;

use valet_key::{
    aws::{Endpoint, Expect, KeyRing, Region, SigV4 as _, StaticKey, UrlRequest, Verifier},
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::Grant,
    view::RequestView,
};
use valet_key_peers::work::{BUCKET, HOST, ID, REGION, SECRET};

#[test]
fn every_output_that_is_measured_is_ours() {
    let operations = valet_key_peers::operations();
    let names: Vec<&str> = operations.iter().flat_map(|operation| &operation.contenders).map(|who| who.name).collect();
    for peer in [
        "aws-sigv4",
        "azure_storage_sas",
        "object_store",
        "reqsign-aws-v4",
        "reqsign-azure-storage",
        "reqsign-google",
        "rusty-s3",
        "s3s-sigv4",
        "scratchstack-aws-signature",
    ] {
        assert!(names.iter().any(|name| name.starts_with(peer)), "{peer} is not measured");
    }
}

const WEEK: u64 = 604_800;

fn our_key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

/// Our URL for an object, or why there is none.
fn our_url(name: &str, at: Timestamp) -> Result<String, IssueError> {
    let request = UrlRequest::at(&Endpoint::aws(Region::new(REGION).unwrap()), &Grant::read(BUCKET, name))?;
    Ok(our_key().presign(&request, at)?.expose().to_owned())
}

/// What our verifier says to a GET with these header lines besides `host`.
fn our_verdict(service: &str, url: &str, lines: &[(&str, &str)], at: Timestamp) -> Result<(), VerifyError> {
    let target = url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let lines: Vec<(&str, &[u8])> =
        [("host", HOST)].iter().chain(lines).map(|(name, value)| (*name, value.as_bytes())).collect();
    let verifier = Verifier::new(KeyRing::new().with(our_key()), Expect::new(REGION, service));
    verifier.verify(&RequestView::new("GET", target, &lines), at).map(|_| ())
}
