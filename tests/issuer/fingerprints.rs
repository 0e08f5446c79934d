//! Whoever sees a token finds the same name for it.

use super::{REGION, at, azure_key, gcs_key, s3_key, s3_url, split, verified};
use std::collections::BTreeSet;
use valet_key::{
    aws::{self, Region, SigV4, auth_token::Login, sts::StsEndpoint},
    azure::{self, Sas},
    gcs::{self, GoogV4},
    grant::Grant,
    token::{BearerUrl, Fingerprint},
};

fn gcs_url(grant: &Grant) -> BearerUrl {
    gcs_key().signed_url(&gcs::UrlRequest::storage(grant).unwrap(), at(0)).unwrap()
}

fn azure_url(grant: &Grant) -> BearerUrl {
    azure_key().issue(&azure::UrlRequest::at(&azure::Endpoint::azure(), grant).unwrap(), at(0)).unwrap()
}

#[test]
fn the_issuer_the_gateway_and_the_log_find_the_same_name() {
    let mut names = BTreeSet::new();
    let grants =
        [Grant::read("photos", "cat.jpg"), Grant::read("photos", "dog +%41.jpg"), Grant::delete("photos", "cat.jpg")];
    for url in grants.iter().flat_map(|grant| [s3_url(grant, at(0)), gcs_url(grant), azure_url(grant)]) {
        let name = url.fingerprint();
        assert_eq!(verified(&url, at(60)), name, "{url:?}");
        for text in [url.expose(), split(url.expose()).1, url.expose_query()] {
            assert_eq!(Fingerprint::of(text), Some(name), "{url:?}");
        }
        assert!(!url.expose().contains(&name.to_string()));
        assert!(names.insert(name), "two tokens have one name");
    }
    assert_eq!(names.len(), 9);
    // The same once more is the same token, one second later it is another.
    assert!(names.contains(&s3_url(&grants[0], at(0)).fingerprint()));
    assert!(!names.contains(&s3_url(&grants[0], at(1)).fingerprint()));
}

#[test]
fn a_form_has_the_name_that_its_verifier_finds() {
    let endpoint = aws::Endpoint::aws(Region::new(REGION).unwrap());
    let policy = aws::PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(1..=9);
    let form = policy.sign(&s3_key(), at(0)).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let presented = aws::PresentedForm::parse(&aws::FormView::new("photos", &fields)).unwrap();
    let found = s3_key().verify_form(presented, &aws::ExpectForm::new(REGION), at(1)).unwrap();
    assert_eq!(found.fingerprint(), form.fingerprint());
    let other = policy.sign(&s3_key(), at(1)).unwrap();
    assert_ne!(other.fingerprint(), form.fingerprint());

    let policy = gcs::PostPolicy::new(&gcs::Endpoint::google(), "photos", "cat.jpg").unwrap().size(1..=9);
    let form = policy.sign(&gcs_key(), at(0)).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let presented = gcs::PresentedForm::parse(&gcs::FormView::new("photos", &fields)).unwrap();
    let found = gcs::KeyRing::new().with(gcs_key()).verify_form(presented, &gcs::ExpectForm::new(), at(1)).unwrap();
    assert_eq!(found.fingerprint(), form.fingerprint());
}

#[test]
fn logins_in_base64_have_the_name_of_the_url_in_them() {
    let cluster = Login::eks("prod", &StsEndpoint::regional(Region::new(REGION).unwrap())).unwrap();
    let token = cluster.issue(&s3_key(), at(0)).unwrap();
    assert!(token.expose().starts_with("k8s-aws-v1."));
    assert_eq!(Fingerprint::of(token.expose()), None);
    let other = cluster.issue(&s3_key(), at(0)).unwrap();
    assert_eq!(token.fingerprint(), other.fingerprint());
    assert_ne!(token.fingerprint(), cluster.issue(&s3_key(), at(1)).unwrap().fingerprint());
}
