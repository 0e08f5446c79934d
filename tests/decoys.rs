//! A key ring checks what names an unknown key against a decoy, whose secret everybody can read in the source. Whoever signs with
//! that is a stranger all the same.

#![cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]

use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::Grant;
use valet_key::view::RequestView;
use valet_key::{aws, azure, gcs};

const DECOY: &str = "a decoy signs nothing that is accepted";
const UNKNOWN: Option<VerifyError> = Some(VerifyError::UnknownKey);

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn read() -> Grant {
    Grant::read("examplebucket", "photos/cat.jpg")
}

fn upload() -> Grant {
    Grant::upload("examplebucket", "photos/cat.jpg").content_type("image/png").size(1..=100)
}

/// The rest of a URL behind `https://` and the host.
fn split(url: &str) -> (String, String) {
    let (host, rest) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    (host.to_owned(), format!("/{rest}"))
}

#[test]
fn a_request_to_aws_that_the_decoy_signed_is_that_of_an_unknown_key() {
    use aws::SigV4;
    let key = |id, secret| aws::StaticKey::new(id, secret).unwrap();
    let ring = aws::KeyRing::new().with(key("AKIAKNOWN", "secret"));
    let verifier = aws::Verifier::new(ring, aws::Expect::new("eu-west-1", "s3"));
    let verdict = |key: &aws::StaticKey| {
        let url = key.presign(&aws::UrlRequest::s3(&read(), "eu-west-1").unwrap(), now()).unwrap();
        let (host, target) = split(url.expose());
        verifier.verify(&RequestView::new("GET", &target, &[("host", host.as_bytes())]), now()).err()
    };
    // Before and after a key was derived for the scope, with which the decoy's is.
    for _ in 0..2 {
        assert_eq!(verdict(&key("AKIAUNKNOWN", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("DECOY", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("AKIAKNOWN", DECOY)), Some(VerifyError::SignatureMismatch));
        assert_eq!(verdict(&key("AKIAKNOWN", "secret")), None);
    }
}

#[test]
fn a_form_for_s3_that_the_decoy_signed_is_that_of_an_unknown_key() {
    let key = |id, secret| aws::StaticKey::new(id, secret).unwrap();
    let ring = aws::KeyRing::new().with(key("AKIAKNOWN", "secret"));
    let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
    let verdict = |key: &aws::StaticKey| {
        let form = aws::PostPolicy::at(&endpoint, &upload()).unwrap().sign(key, now()).unwrap();
        let fields: Vec<(&str, &str)> = form.fields().collect();
        let presented = aws::PresentedForm::parse(&aws::FormView::new("examplebucket", &fields)).unwrap();
        ring.verify_form(presented, &aws::ExpectForm::new("eu-west-1"), now()).err()
    };
    for _ in 0..2 {
        assert_eq!(verdict(&key("AKIAUNKNOWN", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("DECOY", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("AKIAKNOWN", "secret")), None);
    }
}

#[test]
fn a_request_to_cloud_storage_that_the_decoy_signed_is_that_of_an_unknown_key() {
    use gcs::GoogV4;
    let key = |id, secret| gcs::HmacKey::new(id, secret).unwrap();
    let verifier = gcs::Verifier::new(gcs::KeyRing::new().with(key("GOOG1KNOWN", "secret")), gcs::Expect::new());
    let verdict = |key: &gcs::HmacKey| {
        let url = key.signed_url(&gcs::UrlRequest::storage(&read()).unwrap(), now()).unwrap();
        let (host, target) = split(url.expose());
        verifier.verify(&RequestView::new("GET", &target, &[("host", host.as_bytes())]), now()).err()
    };
    for _ in 0..2 {
        assert_eq!(verdict(&key("GOOG1UNKNOWN", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("GOOGDECOY", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("GOOG1KNOWN", DECOY)), Some(VerifyError::SignatureMismatch));
        assert_eq!(verdict(&key("GOOG1KNOWN", "secret")), None);
    }
}

#[test]
fn a_form_for_cloud_storage_that_the_decoy_signed_is_that_of_an_unknown_key() {
    let key = |id, secret| gcs::HmacKey::new(id, secret).unwrap();
    let ring = gcs::KeyRing::new().with(key("GOOG1KNOWN", "secret"));
    let verdict = |key: &gcs::HmacKey| {
        let policy = gcs::PostPolicy::at(&gcs::Endpoint::google(), &upload()).unwrap();
        let form = policy.sign(key, now()).unwrap();
        let fields: Vec<(&str, &str)> = form.fields().collect();
        let presented = gcs::PresentedForm::parse(&gcs::FormView::new("examplebucket", &fields)).unwrap();
        ring.verify_form(presented, &gcs::ExpectForm::new(), now()).err()
    };
    for _ in 0..2 {
        assert_eq!(verdict(&key("GOOG1UNKNOWN", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("GOOGDECOY", DECOY)), UNKNOWN);
        assert_eq!(verdict(&key("GOOG1KNOWN", "secret")), None);
    }
}

/// The key of a delegation to that owner. The decoy's text in base64 is a key for Azure.
fn delegated(ids: [&str; 2], window: [&str; 2], base64: &str) -> azure::UserDelegationKey {
    let delegation = azure::Delegation::new(ids, window, "b", "2020-12-06").unwrap();
    azure::UserDelegationKey::new("examplestorage", delegation, base64).unwrap()
}

const OWNER: [&str; 2] = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
const DAY: [&str; 2] = ["2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z"];
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn azure_verdict(key: &azure::UserDelegationKey) -> Option<VerifyError> {
    use azure::Sas;
    let mut ring = azure::KeyRing::new();
    ring.insert_delegated(delegated(OWNER, DAY, KEY), now()).unwrap();
    let expect = azure::Expect::new("examplestorage", azure::Service::Blob).unwrap();
    let url = key.issue(&azure::UrlRequest::storage(&read()).unwrap(), now()).unwrap();
    let (host, target) = split(url.expose());
    let headers = [("host", host.as_bytes())];
    let view = RequestView::new("GET", &target, &headers).over_https();
    azure::Verifier::new(ring, expect).verify(&view, now()).err()
}

#[test]
fn a_request_to_azure_that_the_decoy_signed_is_that_of_an_unknown_key() {
    let decoy = "YSBkZWNveSBzaWducyBub3RoaW5nIHRoYXQgaXMgYWNjZXB0ZWQ=";
    assert_eq!(azure_verdict(&delegated(["33333333-3333-3333-3333-333333333333", OWNER[1]], DAY, decoy)), UNKNOWN);
    assert_eq!(azure_verdict(&delegated(OWNER, DAY, decoy)), Some(VerifyError::SignatureMismatch));
    assert_eq!(azure_verdict(&delegated(OWNER, DAY, KEY)), None);
}

/// A user delegation key is found by all of its fields, and one that differs in any of them is another.
#[test]
fn a_delegation_that_differs_in_one_field_is_unknown() {
    let changed = [
        (["11111111-1111-1111-1111-111111111112", OWNER[1]], DAY),
        (["21111111-1111-1111-1111-111111111111", OWNER[1]], DAY),
        ([OWNER[0], "22222222-2222-2222-2222-222222222223"], DAY),
        (OWNER, ["2023-11-14T00:00:01Z", DAY[1]]),
        (OWNER, [DAY[0], "2023-11-15T00:00:01Z"]),
    ];
    for (ids, window) in changed {
        assert_eq!(azure_verdict(&delegated(ids, window, KEY)), UNKNOWN, "{ids:?} {window:?}");
    }
}
