//! What a signed URL asks of Cloud Storage, by its path, method and query.

use crate::clouds::{gcs_key, now};
use valet_key::error::VerifyError;
use valet_key::gcs::{Endpoint, Expect, GoogV4, Presented, StorageRequest, UrlRequest};
use valet_key::grant::{Action, Grant, Justification};
use valet_key::view::RequestView;

/// Signs it, verifies it, and reads it as an endpoint does.
fn read(request: &UrlRequest, method: &str, endpoint: &Endpoint) -> Result<StorageRequest, VerifyError> {
    let url = gcs_key().signed_url(request, now()).unwrap();
    let (host, target) = url.expose().strip_prefix("https://").unwrap().split_once('/').unwrap();
    let target = format!("/{target}");
    let mut headers: Vec<(&str, &[u8])> = vec![("host", host.as_bytes())];
    headers.extend(url.required_headers().iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let presented = Presented::parse(&RequestView::new(method, &target, &headers)).unwrap();
    gcs_key().verify(presented, &Expect::new(), now()).unwrap().storage_request(endpoint)
}

fn get() -> UrlRequest {
    UrlRequest::storage(&Grant::read("photos", "42/a b+%41\u{e9}.jpg")).unwrap()
}

fn google() -> Endpoint {
    Endpoint::google()
}

#[test]
fn every_place_of_a_bucket_is_found_again() {
    let bound = || Endpoint::bound("https://cdn.example.com", "photos").unwrap();
    let grant = Grant::read("photos", "42/a b.jpg");
    for (endpoint, others) in [
        (google(), [google().virtual_hosted(), bound()]),
        (google().virtual_hosted(), [google(), bound()]),
        (bound(), [google(), google().virtual_hosted()]),
    ] {
        let request = UrlRequest::at(&endpoint, &grant).unwrap();
        let found = read(&request, "GET", &endpoint).unwrap();
        assert_eq!(
            (found.bucket(), found.object(), found.action()),
            ("photos", Some("42/a b.jpg"), Some(Action::Read))
        );
        for other in others {
            assert_eq!(read(&request, "GET", &other).unwrap_err(), VerifyError::Host);
        }
    }
}

#[test]
fn a_name_is_decoded_once() {
    assert_eq!(read(&get(), "GET", &google()).unwrap().object(), Some("42/a b+%41\u{e9}.jpg"));
}

#[test]
fn what_the_query_says_is_of_the_operation_or_refused() {
    let found = read(&get().query("generation", "17").query("x-own", "1"), "GET", &google()).unwrap();
    assert_eq!(
        (found.param("generation"), found.param("x-own"), found.action()),
        (Some("17"), Some("1"), Some(Action::Read))
    );
    for (name, value) in [
        ("acl", ""),
        ("tagging", ""),
        ("compose", ""),
        ("uploadId", "1"),
        ("uploads", ""),
        ("prefix", "42/"),
        ("restore", ""),
        ("surprise", ""),
        ("x-goog-user-project", "other"),
    ] {
        let refused = read(&get().query(name, value), "GET", &google());
        assert!(matches!(refused, Err(VerifyError::Operation { .. })), "{name}: {refused:?}");
    }
}

#[test]
fn a_copy_tells_its_source() {
    let why = Justification::new("a test of copies").unwrap();
    let put = |value: &str| {
        let grant = Grant::upload("photos", "42/b").any_size().any_content_type().because(why.clone());
        UrlRequest::storage(&grant).unwrap().header("x-goog-copy-source", value)
    };
    for value in ["/scans/7/a%20b.pdf", "scans/7/a%20b.pdf"] {
        let found = read(&put(value), "PUT", &google()).unwrap();
        let source = found.source().unwrap();
        assert_eq!((found.action(), source.container(), source.name()), (Some(Action::Copy), "scans", "7/a b.pdf"));
    }
    for value in ["scans", "/", "//a", "scans/", "scans/%ff", "SCANS/a"] {
        assert!(read(&put(value), "PUT", &google()).is_err(), "{value}");
    }
    let elsewhere = get().header("x-goog-copy-source", "scans/a");
    assert!(matches!(read(&elsewhere, "GET", &google()), Err(VerifyError::Operation { .. })));
}

#[test]
fn listings_and_what_no_grant_is_for() {
    let why = Justification::new("a test of listings").unwrap();
    let list = UrlRequest::storage(&Grant::list("photos", "42/").because(why)).unwrap();
    let found = read(&list, "GET", &google()).unwrap();
    assert_eq!((found.action(), found.object(), found.prefix()), (Some(Action::List), None, Some("42/")));
    assert!(!found.must_not_overwrite());
    let create = UrlRequest::storage(&Grant::create("photos", "new").any_size().any_content_type()).unwrap();
    assert!(read(&create, "PUT", &google()).unwrap().must_not_overwrite());
}
