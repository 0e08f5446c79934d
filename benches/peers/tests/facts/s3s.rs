use s3s_sigv4::{AmzDate, Payload, PresignedUrlV4};
use valet_key::{
    aws::{Request, SigV4 as _},
    error::VerifyError,
};
use valet_key_peers::{
    aws::url_at,
    aws_verify::s3s_presigned,
    work::{AMZ_DATE, HOST, REGION, SECONDS, SECRET, now},
};

fn pairs(url: &str) -> Vec<(String, String)> {
    let (_, query) = url.split_once('?').unwrap();
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.replace("%2F", "/")))
        .collect()
}

#[test]
fn s3s_refuses_a_repeated_parameter() {
    let mut pairs = pairs(&url_at(now()));
    assert!(PresignedUrlV4::parse(&pairs, 604_800).is_ok());
    let last = pairs.last().unwrap().clone();
    pairs.push(last);
    assert!(PresignedUrlV4::parse(&pairs, 604_800).is_err());
}

#[test]
fn s3s_refuses_a_longer_life_than_its_caller_allows() {
    let pairs = pairs(&url_at(now()));
    assert!(PresignedUrlV4::parse(&pairs, 900).is_ok());
    assert!(PresignedUrlV4::parse(&pairs, 899).is_err());
}

#[test]
fn s3s_shows_the_signature_in_debug() {
    let pairs = pairs(&url_at(now()));
    let signature = &pairs.last().unwrap().1;
    assert!(format!("{:?}", PresignedUrlV4::parse(&pairs, 604_800).unwrap()).contains(signature));
}

#[test]
fn s3s_leaves_the_time_to_its_caller() {
    // There is no function that takes one: the check is in our code around it.
    let signing_key = s3s_sigv4::derive_signing_key(SECRET, &AmzDate::parse(AMZ_DATE).unwrap(), REGION, "s3");
    let url = url_at(now());
    let target = url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    assert!(s3s_presigned(target, &signing_key, SECONDS + 900));
    assert!(!s3s_presigned(target, &signing_key, SECONDS + 901));
    assert!(PresignedUrlV4::parse(&pairs(&url), 604_800).is_ok());
    let ours = crate::our_verdict("s3", &url, &[], now().saturating_add(901));
    assert!(matches!(ours, Err(VerifyError::Expired { .. })));
}

#[test]
fn s3s_sorts_parameters_of_one_name_in_the_order_they_came_and_not_by_value() {
    let canonical = |pairs: &[(&str, &str)]| {
        let lines = [("host", HOST)];
        s3s_sigv4::create_canonical_request("GET", "/", pairs, lines.as_slice(), Payload::Unsigned)
    };
    assert_eq!(canonical(&[("a", "2"), ("a", "1")]).lines().nth(2), Some("a=2&a=1"));
    // AWS sorts by value then.
    let request =
        Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().query("a", "2").query("a", "1");
    let prepared = request.prepare_headers(crate::our_key().credential(), now()).unwrap();
    let ours = String::from_utf8(prepared.canonical_request().to_vec()).unwrap();
    assert_eq!(ours.lines().nth(2), Some("a=1&a=2"));
}
