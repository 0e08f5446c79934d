//! From a grant for a single use to the gate that holds its token to it.

use crate::clouds::{Wire, aws_key, azure_key, gcs_key, now};
use valet_key::aws::{self, SigV4};
use valet_key::azure;
use valet_key::error::{IssueError, VerifyError};
use valet_key::gateway::{Gate, GateError, Provider};
use valet_key::gcs::{self, GoogV4};
use valet_key::grant::{Constraint, Grant, Justification};
use valet_key::multi::Cloud;
use valet_key::view::RequestView;

const CLOUDS: [Provider; 2] = [Provider::Aws, Provider::Gcs];
const GATE: &str = "https://gate.example.com";

fn region() -> aws::Region {
    aws::Region::new("eu-west-1").unwrap()
}

fn s3() -> aws::Endpoint {
    aws::Endpoint::custom(GATE, region()).unwrap().behind_gate()
}

fn storage() -> gcs::Endpoint {
    gcs::Endpoint::custom(GATE).unwrap().behind_gate()
}

fn gate(cloud: Provider) -> Gate {
    if cloud == Provider::Aws {
        let ring = aws::KeyRing::new().with(aws_key());
        Gate::aws(aws::Verifier::new(ring, aws::Expect::new("eu-west-1", "s3")), s3())
    } else {
        let ring = gcs::KeyRing::new().with(gcs_key());
        Gate::gcs(gcs::Verifier::new(ring, gcs::Expect::new().host("gate.example.com")), storage())
    }
}

fn issue(cloud: Provider, grant: &Grant) -> Wire {
    Wire::of(&if cloud == Provider::Aws {
        aws_key().presign(&aws::UrlRequest::at(&s3(), grant).unwrap(), now()).unwrap()
    } else {
        gcs_key().signed_url(&gcs::UrlRequest::at(&storage(), grant).unwrap(), now()).unwrap()
    })
}

fn once() -> Grant {
    Grant::read("photos", "42/cat.jpg").single_use()
}

fn upload() -> Grant {
    Grant::upload("photos", "42/cat.jpg").exact_size(5).content_type("image/png").single_use()
}

fn is_good_once(wire: &Wire, gate: &Gate) {
    assert_eq!(wire.url.matches("x-use=once").count(), 1, "{}", wire.target());
    assert!(wire.admit(gate, now()).unwrap().facts().is_marked_single_use());
    assert_eq!(wire.admit(gate, now()).unwrap_err(), GateError::Replayed);
}

#[test]
fn a_grant_for_a_single_use_is_good_once_behind_a_gate() {
    for cloud in CLOUDS {
        let gate = gate(cloud);
        for grant in [once(), once().request_id("0a8f2c11-2f5e-4f7c-9a44-5f0e6f6a1b2c"), upload()] {
            is_good_once(&issue(cloud, &grant), &gate);
        }
        let more = issue(cloud, &Grant::read("photos", "42/cat.jpg"));
        assert!(more.admit(&gate, now()).is_ok() && more.admit(&gate, now()).is_ok());
    }
    // Without a word of it in the gate's own rules, and whichever way the token was issued.
    for cloud in [Cloud::aws_at(aws_key(), s3()), Cloud::gcs_at(gcs_key(), storage())] {
        let provider = if matches!(cloud, Cloud::Aws { .. }) { Provider::Aws } else { Provider::Gcs };
        let token = cloud.issue(&once(), now()).unwrap();
        assert_eq!(token.expose_url(), issue(provider, &once()).url);
    }
}

#[test]
fn a_presigner_says_it_of_every_object_and_part() {
    let mut aws = aws::Presigner::new(aws_key(), &s3(), &once()).unwrap();
    let mut gcs = gcs::Presigner::new(gcs_key(), &storage(), &once()).unwrap();
    let gates = CLOUDS.map(gate);
    for name in ["42/a b.jpg", "42/cat.jpg"] {
        is_good_once(&Wire::of(&aws.presign(name, now()).unwrap()), &gates[0]);
        is_good_once(&Wire::of(&gcs.presign(name, now()).unwrap()), &gates[1]);
    }
    let part = Grant::upload_part("photos", "42/cat.mp4", "upload-1", 1).exact_size(5).any_content_type().single_use();
    let mut parts = aws::Presigner::new(aws_key(), &s3(), &part).unwrap();
    let urls: Vec<_> = parts.part_urls("42/dog.mp4", "upload-2", 1..=12, now()).unwrap().map(Result::unwrap).collect();
    assert_eq!(urls.len(), 12);
    for url in urls {
        is_good_once(&Wire::of(&url), &gates[0]);
    }
}

#[test]
fn signed_headers_cover_it_too() {
    let request = aws::Request::at(&s3(), &once(), aws::Payload::Empty).unwrap();
    let signed = aws_key().sign_headers(&request, now()).unwrap();
    assert_eq!(signed.target(), "/photos/42/cat.jpg?x-use=once");
    let mut headers: Vec<(&str, &[u8])> = vec![("host", b"gate.example.com")];
    headers.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let view = RequestView::new("GET", signed.target(), &headers).over_https();
    let without = RequestView::new("GET", "/photos/42/cat.jpg", &headers).over_https();
    let gate = gate(Provider::Aws);
    assert_eq!(gate.admit(&without, now()).unwrap_err(), GateError::Unverified(VerifyError::SignatureMismatch));
    assert!(gate.admit(&view, now()).is_ok());
    assert_eq!(gate.admit(&view, now()).unwrap_err(), GateError::Replayed);
}

#[test]
fn the_signature_covers_the_mark() {
    for cloud in CLOUDS {
        let (wire, gate) = (issue(cloud, &once()), gate(cloud));
        for (from, to) in [("x-use=once&", ""), ("x-use=once", "x-use=many"), ("x-use=once", "X-Use=once")] {
            // The last parameter has no `&` behind it.
            let from = if wire.url.contains(from) { from } else { "&x-use=once" };
            let changed = Wire { url: wire.url.replacen(from, to, 1), ..wire.clone() };
            assert_ne!(changed.url, wire.url);
            let refused = changed.admit(&gate, now()).unwrap_err();
            assert_eq!(refused, GateError::Unverified(VerifyError::SignatureMismatch), "{cloud:?} {to}");
        }
        assert!(wire.admit(&gate, now()).is_ok(), "what was refused has used nothing up");
    }
}

#[test]
fn nowhere_else_is_a_token_for_a_single_use_issued() {
    let aws = |origin: &str| aws::Endpoint::custom(origin, region()).unwrap();
    let gcs = |origin: &str| gcs::Endpoint::custom(origin).unwrap();
    let mut refused = Vec::new();
    for endpoint in [
        aws::Endpoint::aws(region()),
        // The cloud's own hosts, whatever is said of them.
        aws::Endpoint::aws(region()).behind_gate(),
        aws("https://s3.eu-west-1.amazonaws.com").behind_gate(),
        aws("https://S3.amazonaws.com.:443/").behind_gate(),
        aws(GATE),
    ] {
        refused.push(aws::UrlRequest::at(&endpoint, &once()).err());
        refused.push(aws::Request::at(&endpoint, &once(), aws::Payload::Empty).err());
        refused.push(aws::Presigner::new(aws_key(), &endpoint, &once()).err());
        refused.push(aws::PostPolicy::at(&endpoint, &upload()).err());
        refused.push(Cloud::aws_at(aws_key(), endpoint).issue(&upload(), now()).err());
    }
    for endpoint in [
        gcs::Endpoint::google(),
        gcs::Endpoint::google().behind_gate(),
        gcs::Endpoint::google().behind_gate().virtual_hosted(),
        gcs::Endpoint::universe("example.goog").unwrap().behind_gate(),
        gcs("https://storage.googleapis.com:443").behind_gate(),
        gcs::Endpoint::bound("https://photos.storage.googleapis.com", "photos").unwrap().behind_gate(),
        gcs(GATE),
    ] {
        refused.push(gcs::UrlRequest::at(&endpoint, &once()).err());
        refused.push(gcs::Presigner::new(gcs_key(), &endpoint, &once()).err());
        refused.push(gcs::PostPolicy::at(&endpoint, &upload()).err());
        refused.push(Cloud::gcs_at(gcs_key(), endpoint).issue(&upload(), now()).err());
    }
    // Forms, and sessions that a URL starts, are nothing that a gate counts.
    refused.push(aws::PostPolicy::at(&s3(), &upload()).err());
    refused.push(gcs::PostPolicy::at(&storage(), &upload()).err());
    refused.push(gcs::UrlRequest::resumable(&storage(), &upload()).err());
    for error in refused {
        let error = error.expect("an error");
        assert!(matches!(error, IssueError::NotEnforceable { constraint: Constraint::SingleUse, .. }), "{error}");
        assert!(error.to_string().contains("`Endpoint::behind_gate`"), "{error}");
    }
    // No parameter of Azure's could say it.
    for refused in [
        azure::UrlRequest::storage(&once()).err(),
        azure::UrlRequest::at(&azure::Endpoint::emulator(GATE).unwrap(), &once()).err(),
        Cloud::azure(azure_key()).issue(&once(), now()).err(),
    ] {
        assert!(matches!(refused, Some(IssueError::NotEnforceable { constraint: Constraint::SingleUse, .. })));
    }
}

#[test]
fn a_host_of_its_own_is_that_of_a_gate_in_any_style() {
    let aws = |origin: &str| aws::Endpoint::custom(origin, region()).unwrap();
    for endpoint in
        [s3().virtual_hosted(), aws(GATE).virtual_hosted().behind_gate(), aws("https://notamazonaws.com").behind_gate()]
    {
        assert!(aws::UrlRequest::at(&endpoint, &once()).is_ok(), "{endpoint:?}");
    }
    for endpoint in [
        storage().virtual_hosted(),
        storage().sign_port(),
        gcs::Endpoint::bound(GATE, "photos").unwrap().behind_gate(),
        gcs::Endpoint::custom("https://googleapis.com.example").unwrap().behind_gate(),
    ] {
        assert!(gcs::UrlRequest::at(&endpoint, &once()).is_ok(), "{endpoint:?}");
    }
}

#[test]
fn a_single_use_that_was_given_up_is_enforced_where_it_can_be() {
    let why = Justification::new("a link that may be opened again").unwrap();
    let grant = once().unenforced(Constraint::SingleUse, why).unwrap();
    let own = aws::UrlRequest::at(&aws::Endpoint::aws(region()), &grant).unwrap();
    assert!(!aws_key().presign(&own, now()).unwrap().expose().contains("x-use"));
    let own = gcs::UrlRequest::storage(&grant).unwrap();
    assert!(!gcs_key().signed_url(&own, now()).unwrap().expose().contains("x-use"));
    for cloud in CLOUDS {
        is_good_once(&issue(cloud, &grant), &gate(cloud));
    }
}

#[test]
fn a_grant_for_a_single_use_covers_a_marked_request_alone() {
    let covered = |wire: &Wire, endpoint: &aws::Endpoint, grant: &Grant| {
        wire.with(|view| {
            let presented = aws::Presented::parse(view).unwrap();
            let verified = aws_key().verify(presented, &aws::Expect::new("eu-west-1", "s3"), now()).unwrap();
            verified.s3_request(endpoint).unwrap().covered_by(grant)
        })
    };
    let (marked, plain) = (issue(Provider::Aws, &once()), issue(Provider::Aws, &Grant::read("photos", "42/cat.jpg")));
    assert_eq!(covered(&marked, &s3(), &once()), Ok(()));
    assert!(matches!(covered(&plain, &s3(), &once()), Err(VerifyError::NotCovered { .. })));
    let open = aws::Endpoint::custom(GATE, region()).unwrap();
    assert!(matches!(covered(&marked, &open, &once()), Err(VerifyError::NotCovered { .. })));
}
