use crate::{WEEK, our_url};
use ::object_store::{
    aws::AwsCredential, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, path::Path, signer::Signer,
};
use http::Method;
use pollster::block_on;
use std::time::Duration;
use valet_key::{
    gcs::{Expect, GoogV4 as _, KeyRing, ServiceAccountKey, Verifier},
    view::RequestView,
};
use valet_key_peers::{
    agree::param,
    aws,
    gcs::longer_key_file,
    http::Answer,
    work::{ACCOUNT, ACCOUNT_KEY, BUCKET, ID, KEY_FILE, LIFE, OBJECT, SECRET, clock, now},
};

fn signed(store: &impl Signer, method: Method, name: &str) -> String {
    block_on(store.signed_url(method, &Path::from(name), LIFE)).unwrap().to_string()
}

fn azure() -> impl Signer + std::fmt::Debug {
    MicrosoftAzureBuilder::new()
        .with_access_key(ACCOUNT_KEY)
        .with_account(ACCOUNT)
        .with_container_name(BUCKET)
        .with_http_connector(Answer(String::new()))
        .build()
        .unwrap()
}

fn google(base: Option<&str>) -> impl Signer {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(BUCKET)
        .with_service_account_key(longer_key_file())
        .with_http_connector(Answer(String::new()));
    if let Some(base) = base {
        builder = builder.with_base_url(base);
    }
    builder.build().unwrap()
}

#[test]
fn object_store_azure_sas_is_for_one_blob_and_one_permission() {
    for (method, permission) in [(Method::GET, "r"), (Method::PUT, "w"), (Method::DELETE, "d")] {
        let url = signed(&azure(), method, OBJECT);
        assert_eq!((param(&url, "sr").as_str(), param(&url, "sp").as_str()), ("b", permission));
    }
}

#[test]
fn object_store_azure_sas_for_head_allows_nothing() {
    assert_eq!(param(&signed(&azure(), Method::HEAD, OBJECT), "sp"), "");
}

#[test]
fn object_store_azure_sas_leaves_the_protocol_open() {
    assert!(!signed(&azure(), Method::GET, OBJECT).contains("spr="));
}

#[test]
fn object_store_azure_sas_begins_now() {
    // A service whose clock is behind refuses it until then.
    let url = signed(&azure(), Method::GET, OBJECT);
    let start = valet_key_peers::work::from_iso(&param(&url, "st"));
    assert!((0..=5).contains(&clock().seconds_since(start)));
}

#[test]
fn object_store_collapses_doubled_slashes_and_names_another_object() {
    let path = |url: &str| url.split_once('?').unwrap().0.to_owned();
    let store = aws::object_store();
    assert_eq!(path(&signed(&store, Method::GET, "a//b.txt")), path(&signed(&store, Method::GET, "a/b.txt")));
    assert_ne!(path(&our_url("a//b.txt", now()).unwrap()), path(&our_url("a/b.txt", now()).unwrap()));
}

#[test]
fn object_store_never_folds_dot_segments() {
    let url = signed(&aws::object_store(), Method::GET, "users/1/../2/secret.txt");
    assert!(url.split_once('?').unwrap().0.ends_with("/users/1/%252E%252E/2/secret.txt"), "{url}");
}

#[test]
fn object_store_hides_the_secret_in_debug() {
    let credential =
        AwsCredential { key_id: ID.to_owned(), secret_key: SECRET.to_owned(), token: Some("session-token".to_owned()) };
    let text = format!("{credential:?}");
    assert!(!text.contains(SECRET) && !text.contains("session-token"));
    assert!(!format!("{:?}", aws::object_store()).contains(SECRET));
    assert!(!format!("{:?}", azure()).contains(ACCOUNT_KEY));
}

#[test]
fn object_store_signs_lifetimes_that_s3_refuses_and_google_does() {
    let life = Duration::from_secs(WEEK + 1);
    let url = block_on(aws::object_store().signed_url(Method::GET, &Path::from(OBJECT), life)).unwrap();
    assert_eq!(param(url.as_str(), "X-Amz-Expires"), "604801");
    assert!(block_on(google(None).signed_url(Method::GET, &Path::from(OBJECT), life)).is_err());
}

#[test]
fn object_store_signs_googles_host_for_every_endpoint() {
    let accepts = |url: &str| {
        let account = ServiceAccountKey::from_json(KEY_FILE).unwrap();
        let mut ring = KeyRing::new();
        ring.set_account(account.credential().clone(), [account.public_key()]).unwrap();
        let (host, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let lines: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
        Verifier::new(ring, Expect::new().host(host))
            .verify(&RequestView::new("GET", &format!("/{path}"), &lines), clock())
            .is_ok()
    };
    assert!(accepts(&signed(&google(None), Method::GET, OBJECT)));
    assert!(!accepts(&signed(&google(Some("https://storage.example.com")), Method::GET, OBJECT)));
}
