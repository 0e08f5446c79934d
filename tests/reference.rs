//! The canonical form and the signature against a slow reading of the rules, line by line.
//!
//! The reference below is written from the documentation alone: it encodes, folds, sorts and joins with
//! the plainest code that follows the text, and hashes with other crates than the library does.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; AWS Identity
//! and Access Management User Guide, "Create a signed AWS API request".

use hmac::{Hmac, KeyInit, Mac};
use proptest::{collection::vec, prelude::*};
use sha2::{Digest, Sha256};
use valet_key::aws::{
    Credential, Expect, HeaderSigner, PathRule, Payload, Plus, Presented, Request, SigV4, StaticKey, TokenPlacement,
    UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::view::RequestView;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoG/token+with=signs and blanks";
const DATE: &str = "20231114T221320Z";
const REGION: &str = "eu-west-1";
const HOST: &str = "example.amazonaws.com";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

type Params = Vec<(Vec<u8>, Vec<u8>)>;
type Lines = Vec<(String, Vec<u8>)>;

/// Unreserved bytes stand for themselves, every other byte is `%XX` in upper case.
fn uri_encode(text: &[u8], keep_slash: bool) -> String {
    let mut encoded = String::new();
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'/' if keep_slash => encoded.push('/'),
            _ => encoded.extend(format!("%{byte:02X}").chars()),
        }
    }
    encoded
}

/// Every `%XX` is a byte; with `blank`, `+` is a blank.
fn uri_decode(text: &str, blank: bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            decoded.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            decoded.push(if blank && bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
        }
    }
    decoded
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

/// What is signed of a path that is sent like this.
fn canonical_path(wire: &str, rule: PathRule) -> String {
    match rule {
        PathRule::AsSent => wire.to_owned(),
        PathRule::EncodedTwice => uri_encode(wire.as_bytes(), true),
        PathRule::Normalized => normalize(wire),
        PathRule::NormalizedEncodedTwice => uri_encode(normalize(wire).as_bytes(), true),
        other => panic!("no rule is written down for {other:?}"),
    }
}

/// Each name and value encoded, then sorted by name, then by value.
fn canonical_query(params: &Params) -> String {
    let mut encoded: Vec<(String, String)> =
        params.iter().map(|(name, value)| (uri_encode(name, false), uri_encode(value, false))).collect();
    encoded.sort();
    let pairs: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Split at `&`, then at the first `=`, decoded once, and without the parameters that are not signed.
fn params_of(query: &str, without: &[&str], blank: bool) -> Params {
    if query.is_empty() {
        return Vec::new();
    }
    let split = query.split('&').map(|param| param.split_once('=').unwrap_or((param, "")));
    let signed = split.filter(|(name, _)| !without.contains(name));
    signed.map(|(name, value)| (uri_decode(name, blank), uri_decode(value, blank))).collect()
}

/// Names in lower case and sorted; the lines of a name joined with commas; white space trimmed and
/// collapsed.
fn canonical_headers(headers: &Lines) -> (Vec<u8>, String) {
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

fn scope(service: &str) -> String {
    format!("{}/{REGION}/{service}/aws4_request", &DATE[..8])
}

struct Signed {
    canonical_request: Vec<u8>,
    string_to_sign: String,
    signature: String,
}

fn sign(method: &str, path: &str, query: &str, headers: &Lines, payload: &str, service: &str) -> Signed {
    let (lines, names) = canonical_headers(headers);
    let mut canonical_request = format!("{method}\n{path}\n{query}\n").into_bytes();
    canonical_request.extend(lines);
    canonical_request.extend(format!("\n{names}\n{payload}").into_bytes());
    let digest = hex::encode(Sha256::digest(&canonical_request));
    let string_to_sign = format!("AWS4-HMAC-SHA256\n{DATE}\n{}\n{digest}", scope(service));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [&DATE[..8], REGION, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex::encode(hmac(&key, string_to_sign.as_bytes()));
    Signed { canonical_request, string_to_sign, signature }
}

/// The parameters of a presigned URL, but for the signature.
fn url_params(service: &str, names: &str, expires: u32, token: Option<&str>) -> Params {
    let (credential, expires) = (format!("{ID}/{}", scope(service)), expires.to_string());
    let mut params = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", DATE),
        ("X-Amz-Expires", &expires),
        ("X-Amz-SignedHeaders", names),
    ];
    params.extend(token.map(|token| ("X-Amz-Security-Token", token)));
    params.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn now() -> Timestamp {
    Timestamp::parse_iso_basic(DATE).unwrap()
}

fn key(temporary: bool) -> StaticKey {
    let mut credential = Credential::new(ID).unwrap();
    if temporary {
        credential = credential.with_session_token(TOKEN).unwrap();
    }
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn borrowed(lines: &Lines) -> Vec<(&str, &[u8])> {
    lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

fn host() -> (String, Vec<u8>) {
    ("host".to_owned(), HOST.into())
}

fn any_params() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-zA-Z~./é -]{1,6}", "\\PC{0,10}"), 0..6)
}

fn any_headers() -> impl Strategy<Value = Lines> {
    let value = vec(prop_oneof![0x20u8..0x7f, 0x80u8..=0xff, Just(b'\t'), Just(b' ')], 0..20);
    vec((prop_oneof!["[xX]-[a-cA-C]{1,2}", "x-amz-meta-[a-c]", "range", "[a-c]-?[a-c]?", "Content-MD5"], value), 0..8)
}

fn any_path() -> impl Strategy<Value = String> {
    prop_oneof!["/[a-z ./%é]{0,20}", "/\\PC{0,12}", "(/(\\.|\\.\\.|a|b c|)){1,8}/?"]
}

/// A query as some client might write it: in any order, with escapes where none are needed, in either
/// case, or left out.
fn any_wire_query() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9._~-]{1,3}",
        "%[0-9a-fA-F]{2}",
        "[!$'()*,;:@/?\\[\\]|^`{}<>\"\\\\]",
        Just("=".to_owned()),
        Just("+".to_owned()),
    ];
    let param = vec(piece, 1..6).prop_map(|pieces| pieces.concat());
    vec(param, 0..6).prop_map(|params| params.join("&"))
}

fn any_rule() -> impl Strategy<Value = PathRule> {
    prop_oneof![
        Just(PathRule::AsSent),
        Just(PathRule::EncodedTwice),
        Just(PathRule::Normalized),
        Just(PathRule::NormalizedEncodedTwice),
    ]
}

/// Both profiles as they are, and each with another path rule than its own.
fn any_profile() -> impl Strategy<Value = (&'static str, PathRule)> {
    prop_oneof![
        3 => Just(("s3", PathRule::AsSent)),
        3 => Just(("sqs", PathRule::NormalizedEncodedTwice)),
        1 => any_rule().prop_map(|rule| ("s3", rule)),
        1 => any_rule().prop_map(|rule| ("sqs", rule)),
    ]
}

fn build(
    method: &str,
    (service, rule): (&str, PathRule),
    path: &str,
    params: &[(String, String)],
    headers: &Lines,
) -> Request {
    let mut request = Request::new(method, &format!("https://{HOST}"), REGION, service).unwrap();
    request = request.path(path).path_rule(rule).allow_dot_segments();
    for (name, value) in params {
        request = request.query(name, value);
    }
    for (name, value) in headers {
        request = request.header(name, value.as_slice());
    }
    request
}

fn expect((service, rule): (&str, PathRule)) -> Expect {
    Expect::new(REGION, service).path_rule(rule).allow_dot_segments()
}

fn bytes(params: &[(String, String)]) -> Params {
    params.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes())).collect()
}

/// The payload line, and the headers that carry it.
fn payload_line(payload: Option<Payload>, without: &str) -> (String, bool) {
    match payload {
        None => (without.to_owned(), false),
        Some(Payload::Unsigned) => (UNSIGNED.to_owned(), false),
        Some(Payload::Empty) => (hex::encode(Sha256::digest(b"")), true),
        Some(Payload::Sha256(digest)) => (hex::encode(digest), true),
        Some(other) => panic!("no line is written down for {other:?}"),
    }
}

fn any_payload() -> impl Strategy<Value = Option<Payload>> {
    prop_oneof![
        Just(None),
        Just(Some(Payload::Empty)),
        any::<[u8; 32]>().prop_map(|digest| Some(Payload::Sha256(digest))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn presigned_urls_follow_the_rules(
        method in "[A-Z]{3,6}",
        profile in any_profile(),
        path in any_path(),
        params in any_params(),
        headers in any_headers(),
        payload in any_payload(),
        expires in 1u32..=900,
        temporary in any::<bool>(),
        after in any::<bool>(),
    ) {
        let (service, rule) = profile;
        let mut request = build(&method, profile, &path, &params, &headers);
        if let Some(payload) = payload {
            request = request.payload(payload);
        }
        if after {
            request = request.session_token(TokenPlacement::AfterSigning);
        }
        let url = UrlRequest::new(request).lives(valet_key::grant::Lifetime::from_seconds(expires).unwrap());

        let wire = uri_encode(path.as_bytes(), true);
        let empty = hex::encode(Sha256::digest(b""));
        let (line, in_header) = payload_line(payload, if service == "s3" { UNSIGNED } else { &empty });
        let mut lines = headers.clone();
        lines.push(host());
        if service == "s3" && in_header {
            lines.push(("x-amz-content-sha256".to_owned(), line.clone().into_bytes()));
        }
        let (_, names) = canonical_headers(&lines);
        let token = (temporary && !after).then_some(TOKEN);
        let mut all = bytes(&params);
        all.extend(url_params(service, &names, expires, token));
        let query = canonical_query(&all);
        let expected = sign(&method, &canonical_path(&wire, rule), &query, &lines, &line, service);

        let key = key(temporary);
        let prepared = url.prepare(key.credential(), now()).unwrap();
        prop_assert_eq!(prepared.scope().as_str(), scope(service));
        prop_assert_eq!(prepared.canonical_request(), &expected.canonical_request[..]);
        prop_assert_eq!(prepared.string_to_sign().as_str(), &expected.string_to_sign);
        let added = if temporary && after {
            format!("&X-Amz-Security-Token={}", uri_encode(TOKEN.as_bytes(), false))
        } else {
            String::new()
        };
        let target = format!("{wire}?{query}{added}&X-Amz-Signature={}", expected.signature);
        let made = key.presign(&url, now()).unwrap();
        prop_assert_eq!(made.expose(), format!("https://{HOST}{target}"));

        // And the verifier reads the same out of it.
        let sent = borrowed(&lines);
        let mut view = RequestView::new(&method, &target, &sent);
        if let (true, Some(Payload::Sha256(digest))) = (service != "s3", payload) {
            view = view.body_sha256(digest);
        }
        let presented = Presented::parse(&view).unwrap();
        let mut expect = expect(profile);
        if after {
            expect = expect.session_token(TokenPlacement::AfterSigning);
        }
        let pending = presented.clone().check(key.credential(), &expect, now()).unwrap();
        prop_assert_eq!(pending.canonical_request(), expected.canonical_request);
        prop_assert_eq!(pending.string_to_sign().as_str(), expected.string_to_sign);
        prop_assert_eq!(key.verify(presented, &expect, now()).map(|_| ()), Ok(()));
    }

    #[test]
    fn signed_headers_follow_the_rules(
        method in "[A-Z]{3,6}",
        profile in any_profile(),
        path in any_path(),
        params in any_params(),
        headers in any_headers(),
        payload in any_payload(),
        temporary in any::<bool>(),
    ) {
        let (service, rule) = profile;
        let mut request = build(&method, profile, &path, &params, &headers);
        if let Some(payload) = payload {
            request = request.payload(payload);
        }
        let wire = uri_encode(path.as_bytes(), true);
        let (line, _) = payload_line(payload, &hex::encode(Sha256::digest(b"")));
        let mut lines = headers.clone();
        lines.push(host());
        lines.push(("X-Amz-Date".to_owned(), DATE.into()));
        if service == "s3" {
            lines.push(("x-amz-content-sha256".to_owned(), line.clone().into_bytes()));
        }
        if temporary {
            lines.push(("x-amz-security-token".to_owned(), TOKEN.into()));
        }
        let (_, names) = canonical_headers(&lines);
        let query = canonical_query(&bytes(&params));
        let expected = sign(&method, &canonical_path(&wire, rule), &query, &lines, &line, service);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ID}/{}, SignedHeaders={names}, Signature={}",
            scope(service), expected.signature
        );

        let key = key(temporary);
        let prepared = request.prepare_headers(key.credential(), now()).unwrap();
        prop_assert_eq!(prepared.scope().as_str(), scope(service));
        prop_assert_eq!(prepared.canonical_request(), &expected.canonical_request[..]);
        prop_assert_eq!(prepared.string_to_sign().as_str(), &expected.string_to_sign);
        let signed = key.sign_headers(&request, now()).unwrap();
        prop_assert_eq!(signed.authorization(), &authorization);
        let target = if query.is_empty() { wire } else { format!("{wire}?{query}") };
        prop_assert_eq!(signed.target(), &target);

        lines.push(("Authorization".to_owned(), authorization.into_bytes()));
        let sent = borrowed(&lines);
        let mut view = RequestView::new(&method, &target, &sent);
        if let (true, Some(Payload::Sha256(digest))) = (service != "s3", payload) {
            view = view.body_sha256(digest);
        }
        let presented = Presented::parse(&view).unwrap();
        let pending = presented.clone().check(key.credential(), &expect(profile), now()).unwrap();
        prop_assert_eq!(pending.canonical_request(), expected.canonical_request);
        prop_assert_eq!(pending.string_to_sign().as_str(), expected.string_to_sign);
        prop_assert_eq!(key.verify(presented, &expect(profile), now()).map(|_| ()), Ok(()));
    }

    #[test]
    fn a_query_in_any_spelling_is_read_by_the_rules(
        query in any_wire_query(),
        headers in any_headers(),
        in_header in any::<bool>(),
        blank in any::<bool>(),
    ) {
        let plus = if blank { Plus::Blank } else { Plus::Literal };
        let expect = Expect::new(REGION, "s3").plus(plus);
        let empty = hex::encode(Sha256::digest(b""));
        let mut lines = headers;
        lines.push(host());
        let separator = if query.is_empty() { "" } else { "&" };
        let zeros = "0".repeat(64);
        let (target, line) = if in_header {
            lines.push(("x-amz-date".to_owned(), DATE.into()));
            lines.push(("x-amz-content-sha256".to_owned(), empty.clone().into_bytes()));
            (format!("/cat.jpg?{query}"), empty)
        } else {
            let (_, names) = canonical_headers(&lines);
            let own = canonical_query(&url_params("s3", &names, 900, None));
            (format!("/cat.jpg?{query}{separator}X-Amz-Signature={zeros}&{own}"), UNSIGNED.to_owned())
        };
        let (_, names) = canonical_headers(&lines);
        let mut sent = lines.clone();
        if in_header {
            let value = format!("AWS4-HMAC-SHA256 Credential={ID}/{}, SignedHeaders={names}, Signature={zeros}", scope("s3"));
            sent.push(("authorization".to_owned(), value.into_bytes()));
        }
        let without: &[&str] = if in_header { &[] } else { &["X-Amz-Signature"] };
        let (_, wire_query) = target.split_once('?').unwrap();
        let canonical = canonical_query(&params_of(wire_query, without, blank));
        let expected = sign("GET", "/cat.jpg", &canonical, &lines, &line, "s3");

        let sent = borrowed(&sent);
        let presented = Presented::parse(&RequestView::new("GET", &target, &sent)).unwrap();
        let key = key(false);
        let pending = presented.clone().check(key.credential(), &expect, now()).unwrap();
        prop_assert_eq!(pending.canonical_request(), expected.canonical_request);
        prop_assert_eq!(pending.string_to_sign().as_str(), expected.string_to_sign);
        prop_assert_eq!(key.verify(presented, &expect, now()).map(|_| ()), Err(VerifyError::SignatureMismatch));
        // The default is not to guess what a bare `+` means.
        let strict = Presented::parse(&RequestView::new("GET", &target, &sent)).unwrap();
        let strict = strict.check(key.credential(), &Expect::new(REGION, "s3"), now()).map(|_| ());
        prop_assert_eq!(strict, if query.contains('+') { Err(VerifyError::AmbiguousPlus) } else { Ok(()) });

        // The fast signer of headers reads a target in the same way.
        if in_header && !query.contains('+') {
            let signed: Vec<(&str, &[u8])> =
                sent.iter().copied().filter(|(name, _)| !name.starts_with("x-amz-") || name.starts_with("x-amz-meta")).collect();
            let signed: Vec<(&str, &[u8])> = signed.into_iter().filter(|(name, _)| *name != "authorization").collect();
            let mut authorization = String::new();
            let mut signer = HeaderSigner::new(key, REGION, "s3").unwrap();
            signer.sign_into("GET", &target, &signed, Payload::Empty, now(), &mut authorization).unwrap();
            prop_assert!(authorization.ends_with(&expected.signature));
        }
    }
}

/// The reference itself against two published signatures, so that it is not merely the library again.
#[test]
fn the_reference_gives_the_published_signatures() {
    // Amazon S3 API Reference: GET test.txt with a range, and the same object in a presigned URL.
    let published = |canonical: &str, date: &str| {
        let digest = hex::encode(Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{date}\n20130524/us-east-1/s3/aws4_request\n{digest}");
        let key = ["20130524", "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| hmac(&key, part.as_bytes()));
        hex::encode(hmac(&key, text.as_bytes()))
    };
    let empty = hex::encode(Sha256::digest(b""));
    let lines: Lines = [
        ("Host", "examplebucket.s3.amazonaws.com"),
        ("Range", "bytes=0-9"),
        ("x-amz-content-sha256", &empty),
        ("x-amz-date", "20130524T000000Z"),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into();
    let (text, names) = canonical_headers(&lines);
    let text = String::from_utf8(text).unwrap();
    let ranged = format!("GET\n/test.txt\n\n{text}\n{names}\n{empty}");
    assert_eq!(
        published(&ranged, "20130524T000000Z"),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
    let params: Params = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
        ("X-Amz-Date", "20130524T000000Z"),
        ("X-Amz-Expires", "86400"),
        ("X-Amz-SignedHeaders", "host"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into();
    let (text, names) = canonical_headers(&lines[..1].to_vec());
    let text = String::from_utf8(text).unwrap();
    let presigned = format!("GET\n/test.txt\n{}\n{text}\n{names}\n{UNSIGNED}", canonical_query(&params));
    assert_eq!(
        published(&presigned, "20130524T000000Z"),
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}
