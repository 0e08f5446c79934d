//! The canonical form and the signature against a slow reading of the rules, line by line.

use hmac::{Hmac, KeyInit, Mac};
use proptest::{collection::vec, prelude::*};
use sha2::{Digest, Sha256};
use valet_key::aws::{Expect, Payload, Presented, Request, SigV4, StaticKey, UrlRequest};
use valet_key::clock::Timestamp;
use valet_key::view::RequestView;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20231114T221320Z";
const HOST: &str = "example.amazonaws.com";

/// Unreserved bytes stand for themselves, every other byte is `%XX` in upper case.
fn uri_encode(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'/' if keep_slash => encoded.push('/'),
            _ => encoded.extend(format!("%{byte:02X}").chars()),
        }
    }
    encoded
}

/// Empty and `.` segments go, `..` takes the one before with it, a slash at the end stays.
fn normalize(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        if segment == ".." {
            kept.pop();
        } else if !segment.is_empty() && segment != "." {
            kept.push(segment);
        }
    }
    let mut normal = format!("/{}", kept.join("/"));
    if path.ends_with('/') && !normal.ends_with('/') {
        normal.push('/');
    }
    normal
}

fn canonical_query(params: &[(String, String)]) -> String {
    let mut encoded: Vec<(String, String)> =
        params.iter().map(|(name, value)| (uri_encode(name, false), uri_encode(value, false))).collect();
    encoded.sort();
    let pairs: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Names in lower case and sorted; the lines of a name joined with commas; white space trimmed and
/// collapsed.
fn canonical_headers(headers: &[(String, Vec<u8>)]) -> (Vec<u8>, String) {
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let mut text = Vec::new();
    for name in &names {
        let values: Vec<Vec<u8>> = headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| {
                let words: Vec<&[u8]> =
                    value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
                words.join(&b' ')
            })
            .collect();
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend(values.join(&b','));
        text.push(b'\n');
    }
    (text, names.join(";"))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

struct Signed {
    canonical_request: Vec<u8>,
    string_to_sign: String,
    signature: String,
}

fn sign(path: &str, query: &str, headers: &[(String, Vec<u8>)], payload: &str, service: &str) -> Signed {
    let (lines, names) = canonical_headers(headers);
    let mut canonical_request = format!("GET\n{path}\n{query}\n").into_bytes();
    canonical_request.extend(lines);
    canonical_request.extend(format!("\n{names}\n{payload}").into_bytes());
    let scope = format!("{}/eu-west-1/{service}/aws4_request", &DATE[..8]);
    let digest = hex::encode(Sha256::digest(&canonical_request));
    let string_to_sign = format!("AWS4-HMAC-SHA256\n{DATE}\n{scope}\n{digest}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [&DATE[..8], "eu-west-1", service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex::encode(hmac(&key, string_to_sign.as_bytes()));
    Signed { canonical_request, string_to_sign, signature }
}

fn any_params() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-zA-Z~./é -]{1,6}", "\\PC{0,10}"), 0..6)
}

fn any_headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let value = vec(prop_oneof![0x20u8..0x7f, 0x80u8..=0xff, Just(b'\t'), Just(b' ')], 0..20);
    vec((prop_oneof!["[xX]-[a-cA-C]{1,2}", "x-amz-meta-[a-c]", "range"], value), 0..6)
}

fn build(service: &str, path: &str, params: &[(String, String)], headers: &[(String, Vec<u8>)]) -> Request {
    let mut request = Request::new("GET", &format!("https://{HOST}"), "eu-west-1", service).unwrap();
    request = request.path(path).allow_dot_segments();
    for (name, value) in params {
        request = request.query(name, value);
    }
    for (name, value) in headers {
        request = request.header(name, value.as_slice());
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_forms_and_both_profiles_follow_the_rules(
        path in prop_oneof!["/[a-z ./%é]{0,20}", "/\\PC{0,12}"],
        params in any_params(),
        headers in any_headers(),
        s3 in any::<bool>(),
    ) {
        let service = if s3 { "s3" } else { "sqs" };
        let key = StaticKey::new(ID, SECRET).unwrap();
        let now = Timestamp::parse_iso_basic(DATE).unwrap();
        let request = build(service, &path, &params, &headers);
        let wire = uri_encode(&path, true);
        let canonical_path = if s3 { wire } else { uri_encode(&normalize(&wire), true) };
        let empty = hex::encode(Sha256::digest(b""));
        let mut lines = headers.clone();
        lines.push(("host".to_owned(), HOST.as_bytes().to_vec()));

        // In the query.
        let (_, names) = canonical_headers(&lines);
        let mut all = params.clone();
        let scope = format!("{}/eu-west-1/{service}/aws4_request", &DATE[..8]);
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &format!("{ID}/{scope}")),
            ("X-Amz-Date", DATE),
            ("X-Amz-Expires", "900"),
            ("X-Amz-SignedHeaders", &names),
        ] {
            all.push((name.to_owned(), value.to_owned()));
        }
        let payload = if s3 { "UNSIGNED-PAYLOAD" } else { &empty };
        let expected = sign(&canonical_path, &canonical_query(&all), &lines, payload, service);
        let prepared = UrlRequest::new(request.clone()).prepare(key.credential(), now).unwrap();
        prop_assert_eq!(prepared.canonical_request(), &expected.canonical_request[..]);
        prop_assert_eq!(prepared.string_to_sign().as_str(), &expected.string_to_sign);
        let url = key.presign(&UrlRequest::new(request.clone()), now).unwrap();
        prop_assert!(url.expose().ends_with(&expected.signature));
        let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
        let sent: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("GET", target, &sent)).unwrap();
        let expect = Expect::new("eu-west-1", service).allow_dot_segments();
        let pending = presented.check(key.credential(), &expect, now).unwrap();
        prop_assert_eq!(pending.canonical_request(), expected.canonical_request);

        // In the header.
        lines.push(("x-amz-date".to_owned(), DATE.as_bytes().to_vec()));
        if s3 {
            lines.push(("x-amz-content-sha256".to_owned(), empty.clone().into_bytes()));
        }
        let expected = sign(&canonical_path, &canonical_query(&params), &lines, &empty, service);
        let request = request.payload(Payload::Empty);
        let prepared = request.prepare_headers(key.credential(), now).unwrap();
        prop_assert_eq!(prepared.canonical_request(), &expected.canonical_request[..]);
        let signed = key.sign_headers(&request, now).unwrap();
        prop_assert!(signed.authorization().ends_with(&expected.signature));
    }
}
