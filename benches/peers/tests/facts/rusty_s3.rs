use crate::{WEEK, our_key, our_url};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use std::time::Duration;
use valet_key::{
    aws::{Request, SigV4 as _, UrlRequest},
    error::IssueError,
    grant::{Justification, Lifetime},
};
use valet_key_peers::{
    agree::param,
    aws::rusty_bucket,
    work::{HOST, ID, REGION, SECONDS, SECRET, now},
};

fn presigned(name: &str, life: u64) -> String {
    let credentials = Credentials::new(ID, SECRET);
    let at = jiff::Timestamp::from_second(SECONDS).unwrap();
    rusty_bucket().get_object(Some(&credentials), name).sign_with_time(Duration::from_secs(life), &at).to_string()
}

#[test]
fn rusty_s3_folds_dot_segments_and_signs_for_another_object() {
    let (folded, _) =
        presigned("users/1/../2/secret.txt", 900).split_once('?').map(|(url, _)| (url.to_owned(), ())).unwrap();
    assert_eq!(folded, presigned("users/2/secret.txt", 900).split_once('?').unwrap().0);
    assert!(matches!(our_url("users/1/../2/secret.txt", now()), Err(IssueError::Invalid { .. })));
}

#[test]
fn rusty_s3_signs_for_another_bucket_after_dot_segments_in_path_style() {
    let endpoint = "https://s3.us-east-1.amazonaws.com".parse().unwrap();
    let bucket = Bucket::new(endpoint, UrlStyle::Path, "mine", REGION).unwrap();
    assert_eq!(bucket.object_url("../theirs/secret.txt").path(), "/theirs/secret.txt");
}

#[test]
fn rusty_s3_signs_for_the_bucket_when_the_key_is_empty() {
    let credentials = Credentials::new(ID, SECRET);
    let bucket = rusty_bucket();
    let url = bucket.delete_object(Some(&credentials), "").sign(Duration::from_secs(900));
    assert_eq!(url.path(), "/");
    assert!(matches!(our_url("", now()), Err(IssueError::Invalid { .. })));
}

#[test]
fn rusty_s3_keeps_doubled_slashes() {
    assert_eq!(presigned("a//b.txt", 900), our_url("a//b.txt", now()).unwrap());
}

#[test]
fn rusty_s3_writes_in_the_url_what_it_signed() {
    // A space, a plus, and letters beyond ASCII.
    let name = "a b+c/\u{fc}\u{1f600}.txt";
    assert_eq!(presigned(name, 900), our_url(name, now()).unwrap());
}

#[test]
fn rusty_s3_signs_lifetimes_that_s3_refuses() {
    assert_eq!(param(&presigned("a", WEEK + 1), "X-Amz-Expires"), "604801");
    assert_eq!(param(&presigned("a", 0), "X-Amz-Expires"), "0");
    assert!(Lifetime::from_seconds(0).is_err());
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/a");
    let request = request.because(Justification::new("a partner polls once a week").unwrap());
    let request = UrlRequest::new(request).lives(Lifetime::from_seconds(604_801).unwrap());
    assert!(matches!(our_key().presign(&request, now()), Err(IssueError::LifetimeTooLong { .. })));
}

#[test]
fn rusty_s3_hides_the_secret_in_debug() {
    assert!(!format!("{:?}", Credentials::new(ID, SECRET)).contains(SECRET));
}

#[test]
fn rusty_s3_returns_a_url_that_shows_its_signature_in_debug() {
    let credentials = Credentials::new(ID, SECRET);
    let url = rusty_bucket().get_object(Some(&credentials), "a").sign(Duration::from_secs(900));
    assert!(format!("{url:?}").contains(&param(url.as_str(), "X-Amz-Signature")));
}

#[test]
fn rusty_s3_puts_a_bucket_with_dots_in_front_of_the_host() {
    let endpoint = "https://s3.us-east-1.amazonaws.com".parse().unwrap();
    let bucket = Bucket::new(endpoint, UrlStyle::VirtualHost, "my.bucket", REGION).unwrap();
    // The certificate of `*.s3.us-east-1.amazonaws.com` does not cover it.
    assert_eq!(bucket.base_url().host_str(), Some("my.bucket.s3.us-east-1.amazonaws.com"));
}
