//! No secret, session token, signature or string to sign shows in any `Debug`, `Display` or error.
//!
//! Recognisable values are planted wherever a secret goes in, what must come out of them is computed, and
//! every text that the crate can be made to write is searched for all of it: in either letter case, in
//! hex, base64 and percent-encoding, and as the list of numbers that bytes print as.

use crate::planted::Planted;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use valet_key::aws::{
    Credential, Endpoint, Expect, HeaderSigner, KeyRing, Payload, Presented, Presigner, Region, Request, S3Error,
    Scope, ScopedKey, SigV4, Signature, SignedHeaders, StaticKey, TokenPlacement, UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::Grant;
use valet_key::secret::Secret;
use valet_key::token::BearerUrl;
use valet_key::view::{Limits, RequestView};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn long_term() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn scope() -> Scope {
    Scope::new(now(), REGION, "s3").unwrap()
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Every key on the way from the secret to the signing key, and that one last.
fn derived_keys() -> Vec<[u8; 32]> {
    let first = format!("AWS4{SECRET}");
    let mut keys = vec![hmac(first.as_bytes(), scope().date().as_bytes())];
    for part in [REGION, "s3", "aws4_request"] {
        let last = keys[keys.len() - 1];
        keys.push(hmac(&last, part.as_bytes()));
    }
    keys
}

fn all_planted() -> Planted {
    derived_keys().iter().fold(Planted::new(&[SECRET, TOKEN]), |planted, key| planted.and_bytes(key))
}

/// What the peer is told, by default and in detail.
#[track_caller]
fn is_hidden_by_refusal(planted: &Planted, error: &VerifyError) {
    planted.is_hidden_by_error(error);
    planted.is_not_in(error.code());
    for answer in [S3Error::from(error), S3Error::detailed(error)] {
        planted.is_hidden_by(&answer);
        planted.is_not_in(&answer.to_xml("request"));
    }
}

fn signature_of(text: &str) -> &str {
    &text[text.len() - 64..]
}

fn read_cat() -> UrlRequest {
    UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap()
}

fn sign_cat() -> SignedHeaders {
    key().sign_headers(&Request::new("GET", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg"), now()).unwrap()
}

fn target_of(url: &BearerUrl) -> String {
    url.expose().strip_prefix(ORIGIN).unwrap().to_owned()
}

#[test]
fn the_search_finds_what_is_there() {
    let found = |text: String| std::panic::catch_unwind(move || all_planted().is_not_in(&text)).is_err();
    let hidden = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let shown = [
        format!("a {SECRET} b"),
        SECRET.to_ascii_uppercase(),
        format!("{:?}", SECRET.as_bytes()),
        format!("{:#?}", derived_keys()[3]),
        hex::encode_upper(derived_keys()[0]),
        TOKEN.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"),
        TOKEN[..20].to_owned(),
    ]
    .map(found);
    let clean = found("nothing of the kind".to_owned());
    std::panic::set_hook(hidden);
    assert_eq!((shown, clean), ([true; 7], false));
}

#[test]
fn a_secret_hides_what_it_holds() {
    let planted = all_planted();
    planted.is_hidden_by(&Secret::from(SECRET));
    planted.is_hidden_by(&Secret::new(SECRET.as_bytes().to_vec()));
    planted.is_hidden_by(&Secret::new(derived_keys()[3]));
    planted.is_hidden_by(&Some((1, Secret::from(TOKEN))));
    assert_eq!(format!("{:?}", Secret::from(SECRET)), "[redacted]");
    assert_eq!(Secret::from(SECRET).expose(), SECRET);
}

#[test]
fn a_holder_hides_its_secret() {
    let planted = all_planted();
    planted.is_hidden_by(&key());
    planted.is_hidden_by(key().credential());
    planted.is_hidden_by(&key().credential().session_token());
    planted.is_hidden_by(&key().derive_scoped(&scope()));
    let signing_key = Secret::new(derived_keys()[3]);
    let edge = ScopedKey::from_signing_key(key().credential().clone(), scope(), &signing_key);
    planted.is_hidden_by(&edge);
    planted.is_hidden_by(&scope());
    planted.is_hidden_by(&(Box::new(key()) as Box<dyn SigV4>));
    planted.is_hidden_by(&std::sync::Arc::new(key()));
    // It keeps derived keys from one call to the next, and hides them too.
    let warm = key();
    warm.presign(&read_cat(), now()).unwrap();
    planted.is_hidden_by(&warm);
    planted.is_hidden_by(&KeyRing::new().with(warm));
    // The edge has the planted key, so this search looks for the right thing.
    let (whole, part) = (key().presign(&read_cat(), now()).unwrap(), edge.presign(&read_cat(), now()).unwrap());
    assert_eq!(whole.expose(), part.expose());
}

#[test]
fn what_issues_hides_its_secret_and_what_it_makes() {
    for placement in [TokenPlacement::Signed, TokenPlacement::AfterSigning] {
        let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
        let grant = Grant::read("photos", "cat.jpg");
        let request = Request::new("GET", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").session_token(placement);
        let url_request = UrlRequest::new(request.clone());
        let prepared = url_request.prepare(key().credential(), now()).unwrap();
        let url = key().presign(&url_request, now()).unwrap();
        let signature = key().sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let planted = all_planted()
            .and(signature_of(url.expose()))
            .and_bytes(prepared.string_to_sign().as_bytes())
            .and(prepared.string_to_sign().as_str().lines().last().unwrap());
        planted.is_hidden_by(&signature);
        planted.is_hidden_by(&Signature::from_hex(signature_of(url.expose())).unwrap());
        planted.is_hidden_by(prepared.string_to_sign());
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(&url);
        planted.is_hidden_by(&url.cors());
        planted.is_hidden_by(&request);
        planted.is_hidden_by(&url_request);
        planted.is_hidden_by(&grant);
        planted.is_hidden_by(&endpoint);
        let mut presigner = Presigner::new(key(), &endpoint, &grant).unwrap();
        planted.is_hidden_by(&presigner);
        presigner.presign("cat.jpg", now()).unwrap();
        planted.is_hidden_by(&presigner);

        let prepared = request.prepare_headers(key().credential(), now()).unwrap();
        let signed = key().sign_headers(&request, now()).unwrap();
        let planted = all_planted()
            .and(signature_of(signed.authorization()))
            .and(signed.authorization())
            .and(prepared.string_to_sign().as_str().lines().last().unwrap());
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(&signed);
        let mut of_headers = HeaderSigner::new(key(), REGION, "s3").unwrap();
        let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
        let mut authorization = String::new();
        of_headers.sign_into("GET", "/cat.jpg", &host, Payload::Empty, now(), &mut authorization).unwrap();
        planted.and(signature_of(&authorization)).is_hidden_by(&of_headers);
    }
}

#[test]
fn what_verifies_hides_the_token_it_reads() {
    let url = key().presign(&read_cat(), now()).unwrap();
    let target = target_of(&url);
    let signed = sign_cat();
    let mut in_header = vec![("host", HOST.as_bytes())];
    in_header.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let in_query = vec![("host", HOST.as_bytes())];
    let expect = Expect::new(REGION, "s3");
    let ring = || KeyRing::new().with(key()).with(StaticKey::new("AKIAOTHER", SECRET).unwrap());
    for (target, lines, signature) in [
        (target.as_str(), &in_query, signature_of(&target)),
        ("/cat.jpg", &in_header, signature_of(signed.authorization())),
    ] {
        let planted = all_planted().and(signature);
        let view = RequestView::new("GET", target, lines);
        planted.is_hidden_by(&view);
        let presented = Presented::parse(&view).unwrap();
        planted.is_hidden_by(&presented);
        let pending = presented.clone().check(key().credential(), &expect, now()).unwrap();
        let planted = planted.and(pending.string_to_sign().as_str().lines().last().unwrap());
        planted.is_hidden_by(&pending);
        let verified = key().verify(presented, &expect, now()).unwrap();
        planted.is_hidden_by(&verified.payload_check());
        planted.is_hidden_by(&verified.payload());
        planted.is_hidden_by(&verified);
        planted.is_hidden_by(&verified.clone().into_inner());
        planted.is_hidden_by(&expect);
        planted.is_hidden_by(&ring());
        planted.is_hidden_by(&Limits::DEFAULT);
        let judge = Verifier::new(ring(), expect.clone());
        planted.is_hidden_by(&judge);
        assert!(judge.verify(&view, now()).is_ok());
        planted.is_hidden_by(&judge);
    }
}

#[test]
fn a_view_hides_the_token_of_a_malformed_target() {
    let target = target_of(&key().presign(&read_cat(), now()).unwrap());
    let planted = all_planted().and(signature_of(&target));
    let lines = [("host", HOST.as_bytes())];
    let (path, query) = target.split_once('?').unwrap();
    for malformed in [
        format!("{path}&{query}"),
        format!("{path}%3F{query}"),
        format!("{path}#{query}"),
        format!("{path};{query}"),
        format!("{path}{query}"),
        query.to_owned(),
        format!("/{query}"),
        format!("{path}/{query}"),
        format!("https://{HOST}&{query}"),
    ] {
        let view = RequestView::new("GET", &malformed, &lines);
        planted.is_hidden_by(&view);
    }
}

#[cfg(feature = "http")]
#[test]
fn the_head_of_an_http_request_hides_its_token() {
    use valet_key::view::HttpHead;

    let url = key().presign(&read_cat(), now()).unwrap();
    let request = http::Request::get(url.expose()).header("host", HOST).body(()).unwrap();
    let (parts, ()) = request.into_parts();
    let head = HttpHead::new(&parts);
    all_planted().and(signature_of(url.expose())).is_hidden_by(&head);
    all_planted().and(signature_of(url.expose())).is_hidden_by(&head.view());

    let signed = sign_cat();
    let mut builder = http::Request::get("/cat.jpg").header("host", HOST);
    for (name, value) in signed.expose() {
        builder = builder.header(name, value);
    }
    let (parts, ()) = builder.body(()).unwrap().into_parts();
    let head = HttpHead::new(&parts);
    all_planted().and(signature_of(signed.authorization())).is_hidden_by(&head);
}

#[test]
fn no_error_tells_the_signature_that_would_have_been_right() {
    for (key, secret_target) in [
        (key(), target_of(&key().presign(&read_cat(), now()).unwrap())),
        (long_term(), target_of(&long_term().presign(&read_cat(), now()).unwrap())),
    ] {
        let right = signature_of(&secret_target);
        let wrong = "ab".repeat(32);
        let planted = all_planted().and(right).and(&wrong);
        let verifier = Verifier::new(KeyRing::new().with(key), Expect::new(REGION, "s3"));
        let mut refused = 0;
        let forged = secret_target.replace(right, &wrong);
        // Whatever is broken, and wherever: a byte left out, a byte changed, the lot cut short.
        let mut targets = vec![forged.clone()];
        for at in 0..forged.len() {
            targets.push(format!("{}{}", &forged[..at], &forged[at + 1..]));
            targets.push(format!("{}\u{1}{}", &forged[..at], &forged[at + 1..]));
            targets.push(forged[..at].to_owned());
        }
        for target in &targets {
            for (name, value) in [("host", HOST), ("authorization", TOKEN), ("x-amz-acl", SECRET)] {
                let lines = [("host", HOST.as_bytes()), (name, value.as_bytes())];
                let lines = if name == "host" { &lines[..1] } else { &lines[..] };
                let error = verifier.verify(&RequestView::new("GET", target, lines), now()).unwrap_err();
                is_hidden_by_refusal(&planted, &error);
                refused += 1;
            }
        }
        assert!(refused > 1000, "only {refused} requests were refused");
    }
}

/// A request that is refused at that time: its target and its header lines.
type Refused = (String, Vec<(String, String)>, Timestamp);

fn lines_with(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Requests with a presigned URL, each broken in one way.
fn broken_urls() -> Vec<Refused> {
    let target = target_of(&key().presign(&read_cat(), now()).unwrap());
    let right = signature_of(&target);
    let host = || lines_with(&[("host", HOST)]);
    let mut broken: Vec<Refused> = Vec::new();
    for (name, value) in [
        ("authorization", &*format!("AWS4-HMAC-SHA256 {right}")),
        ("x-amz-security-token", TOKEN),
        ("x-amz-meta-token", TOKEN),
        (&*format!("{TOKEN}:"), "a"),
        ("x-amz-content-sha256", TOKEN),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-date", TOKEN),
        ("host", TOKEN),
        ("x-other", &*format!("{TOKEN}\r\n")),
    ] {
        broken.push((target.clone(), lines_with(&[("host", HOST), (name, value)]), now()));
    }
    broken.push((target.clone(), lines_with(&[("host", TOKEN)]), now()));
    broken.push((target.clone(), Vec::new(), now()));
    broken.push((target.clone(), host(), now().saturating_add(901)));
    broken.push((target.clone(), host(), now().saturating_sub(901)));
    for more in [
        &*format!("a={}", "a".repeat(20_000)),
        &*format!("X-Amz-Signature={right}"),
        &*format!("x-amz-signature={right}"),
        &*format!("Signature={right}"),
        &*format!("X-Goog-Signature={right}"),
        "a=+",
        "a=%",
    ] {
        broken.push((format!("{target}&{more}"), host(), now()));
    }
    for (from, to) in [
        ("X-Amz-Credential=", &*format!("X-Amz-Credential={SECRET}%2F")),
        ("X-Amz-Expires=900", &*format!("X-Amz-Expires={right}")),
        ("X-Amz-Expires=900", "X-Amz-Expires=0"),
        ("SignedHeaders=host", "SignedHeaders=host%3Bx-token"),
        ("SignedHeaders=host", &*format!("SignedHeaders={SECRET}")),
        ("AWS4-HMAC-SHA256", TOKEN),
        (ID, &SECRET[..12]),
        ("eu-west-1%2F", "us-east-1%2F"),
        ("X-Amz-Date=20231114", "X-Amz-Date=20231115"),
        ("/cat.jpg", "/c%61t.jpg"),
        ("/cat.jpg", "/x/../cat.jpg"),
        ("/cat.jpg", "/dog.jpg"),
        ("PLANTEDtoken", "PLANTEDTOKEN"),
    ] {
        assert!(target.contains(from), "{from}");
        broken.push((target.replace(from, to), host(), now()));
    }
    broken.push((format!("https://{TOKEN}{target}"), host(), now()));
    broken.push((format!("/{right}"), host(), now()));
    broken
}

/// Requests with signed headers, each broken in one way.
fn broken_headers() -> Vec<Refused> {
    let signed = sign_cat();
    let authorization = signed.authorization();
    let right = signature_of(authorization);
    let whole = || {
        let mut lines = lines_with(&[("host", HOST)]);
        lines.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.to_owned())));
        lines
    };
    let without = |name: &str| -> Vec<(String, String)> { whole().into_iter().filter(|(n, _)| n != name).collect() };
    let mut broken: Vec<Refused> = Vec::new();
    for (name, value) in [
        ("authorization", &*format!("Bearer {TOKEN}")),
        ("authorization", TOKEN),
        ("authorization", &authorization.replace("Signature=", "Signatur=")),
        ("authorization", &authorization.to_ascii_uppercase()),
        ("authorization", &format!("{authorization}0")),
        ("authorization", &format!("{authorization}, Signature={right}")),
        ("x-amz-security-token", &TOKEN.to_ascii_uppercase()),
        ("x-amz-date", right),
    ] {
        let mut lines = without(name);
        lines.extend(lines_with(&[(name, value)]));
        broken.push(("/cat.jpg".to_owned(), lines, now()));
    }
    for name in ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "host"] {
        broken.push(("/cat.jpg".to_owned(), without(name), now()));
    }
    let mut twice = whole();
    twice.extend(lines_with(&[("authorization", authorization)]));
    broken.push(("/cat.jpg".to_owned(), twice, now()));
    broken.push(("/cat.jpg".to_owned(), whole(), now().saturating_add(901)));
    for target in ["/dog.jpg", "/cat.jpg?X-Amz-Date=1", "/cat.jpg?a", "/cat.jpg?%"] {
        broken.push((target.to_owned(), whole(), now()));
    }
    broken
}

/// What is refused although the signature is right, for the sake of the key or the body.
fn refusals_of_the_rightly_signed() -> Vec<VerifyError> {
    let target = target_of(&key().presign(&read_cat(), now()).unwrap());
    let no_token = target_of(&long_term().presign(&read_cat(), now()).unwrap());
    let expect = Expect::new(REGION, "s3");
    let lines = [("host", HOST.as_bytes())];
    let refuse = |key: &dyn SigV4, target: &str, at| {
        key.verify(Presented::parse(&RequestView::new("GET", target, &lines)).unwrap(), &expect, at).unwrap_err()
    };
    let ended = StaticKey::from_credential(Credential::new(ID).unwrap().expiring(now()), SECRET).unwrap();
    let tomorrow = Scope::new(now().saturating_add(86_400), REGION, "s3").unwrap();
    let signed = sign_cat();
    let mut in_header = vec![("host", HOST.as_bytes())];
    in_header.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let presented = Presented::parse(&RequestView::new("GET", "/cat.jpg", &in_header)).unwrap();
    let mut body = key().verify(presented, &expect, now()).unwrap().payload_check();
    body.update(SECRET.as_bytes());
    vec![
        refuse(&long_term(), &target, now()),
        refuse(&key(), &no_token, now()),
        refuse(&ended, &no_token, now().saturating_add(1)),
        refuse(&StaticKey::new("AKIAOTHER", SECRET).unwrap(), &no_token, now()),
        refuse(&long_term().derive_scoped(&tomorrow), &no_token, now()),
        body.finish().unwrap_err(),
    ]
}

#[test]
fn every_kind_of_refusal_hides_what_the_request_held() {
    const ALL: &str = "algorithm ambiguous_path ambiguous_plus credential_expired expired field_count field_form host \
        key_out_of_scope lifetime malformed not_signed not_yet_valid other_key payload_mismatch payload_mode scope \
        scope_date session_token signature_mismatch signed_header_missing skewed too_large two_mechanisms unknown_key \
        unsigned_header";
    let planted = all_planted()
        .and(signature_of(key().presign(&read_cat(), now()).unwrap().expose()))
        .and(signature_of(long_term().presign(&read_cat(), now()).unwrap().expose()))
        .and(signature_of(sign_cat().authorization()));
    let judges = [
        Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3")),
        Verifier::new(KeyRing::new().with(long_term()), Expect::new(REGION, "s3").host("photos.example")),
        Verifier::new(KeyRing::new(), Expect::new(REGION, "s3")),
    ];
    let mut errors = refusals_of_the_rightly_signed();
    for (target, lines, at) in broken_urls().into_iter().chain(broken_headers()) {
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let view = RequestView::new("GET", &target, &lines);
        errors.extend(judges.iter().map(|judge| judge.verify(&view, at).unwrap_err()));
    }
    for error in &errors {
        is_hidden_by_refusal(&planted, error);
    }
    let missed: Vec<&str> =
        ALL.split_whitespace().filter(|kind| errors.iter().all(|error| error.code() != *kind)).collect();
    assert!(missed.is_empty(), "no request was refused for {missed:?}");
}

#[test]
fn no_error_of_a_signer_tells_its_secret() {
    let planted = all_planted();
    let request =
        |name: &str| Request::new("GET", "https://example.amazonaws.com", REGION, "s3").unwrap().header(name, SECRET);
    for name in ["authorization", "user-agent", "x-amz-date", "bad name", "host", "te"] {
        let error = key().sign_headers(&request(name).payload(Payload::Empty), now()).unwrap_err();
        planted.is_hidden_by_error(&error);
        let error = key().presign(&UrlRequest::new(request(name)), now()).unwrap_err();
        planted.is_hidden_by_error(&error);
    }
    let error = key().sign_headers(&request("x-a").header("x-b", format!("{SECRET}\n")), now()).unwrap_err();
    planted.is_hidden_by_error(&error);
    let error = key().sign_headers(&request("x-a").query("X-Amz-Signature", SECRET), now()).unwrap_err();
    planted.is_hidden_by_error(&error);
    let error = key().sign_headers(&request("x-a").path(TOKEN), now()).unwrap_err();
    planted.is_hidden_by_error(&error);
    let error = key().sign_headers(&request("x-a").encoded_path(format!("/{TOKEN}")), now()).unwrap_err();
    planted.is_hidden_by_error(&error);
    let mut of_headers = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let host: (&str, &[u8]) = ("host", HOST.as_bytes());
    for (target, headers) in [
        (format!("/?X-Amz-Security-Token={TOKEN}"), vec![host]),
        (format!("/?{TOKEN}"), vec![host]),
        (SECRET.to_owned(), vec![host]),
        ("/".to_owned(), vec![host, ("authorization", SECRET.as_bytes())]),
        ("/".to_owned(), vec![host, ("x-a", b"PLANTEDsecretPLANTEDsecret\n")]),
        ("/".to_owned(), vec![("x-a", SECRET.as_bytes())]),
    ] {
        let mut authorization = String::new();
        let error =
            of_headers.sign_into("GET", &target, &headers, Payload::Empty, now(), &mut authorization).unwrap_err();
        planted.is_hidden_by_error(&error);
        assert_eq!(authorization, "");
    }
    let ended = key().credential().clone().expiring(now());
    let ended = StaticKey::from_credential(ended, SECRET).unwrap();
    planted.is_hidden_by_error(&ended.presign(&read_cat(), now()).unwrap_err());
    let tomorrow = now().saturating_add(86_400);
    planted.is_hidden_by_error(&key().derive_scoped(&scope()).presign(&read_cat(), tomorrow).unwrap_err());
}

#[test]
fn no_error_about_a_key_tells_the_key() {
    let planted = all_planted();
    let plain = || Credential::new("AKIA").unwrap();
    planted.is_hidden_by_error(&StaticKey::from_credential(plain(), SECRET.repeat(40)).unwrap_err());
    for token in [format!("{TOKEN}\n"), format!(" {TOKEN}"), TOKEN.repeat(300)] {
        planted.is_hidden_by_error(&plain().with_session_token(token).unwrap_err());
    }
    // A secret put where the id goes.
    planted.is_hidden_by_error(&Credential::new(format!("{SECRET}/{TOKEN}")).unwrap_err());
    planted.is_hidden_by_error(&StaticKey::new(format!("{SECRET}\n"), "a").unwrap_err());
    let url = key().presign(&read_cat(), now()).unwrap();
    let planted = planted.and(signature_of(url.expose()));
    for broken in [&signature_of(url.expose())[1..], &signature_of(url.expose()).to_ascii_uppercase()] {
        planted.is_hidden_by_error(&Signature::from_hex(broken).unwrap_err());
    }
    planted.is_hidden_by_error(&Scope::new(now(), SECRET, TOKEN).unwrap_err());
    planted.is_hidden_by_error(&Timestamp::parse_iso_basic(SECRET).unwrap_err());
    planted.is_hidden_by_error(&Request::new("GET", url.expose(), REGION, "s3").unwrap_err());
}

/// The searches of this file, but the longest, for the list of what was searched.
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
pub(crate) fn search_everything() {
    a_secret_hides_what_it_holds();
    a_holder_hides_its_secret();
    what_issues_hides_its_secret_and_what_it_makes();
    what_verifies_hides_the_token_it_reads();
    a_view_hides_the_token_of_a_malformed_target();
    #[cfg(feature = "http")]
    the_head_of_an_http_request_hides_its_token();
    every_kind_of_refusal_hides_what_the_request_held();
    no_error_of_a_signer_tells_its_secret();
    no_error_about_a_key_tells_the_key();
}
