//! Every token of every scheme against every verifier, method, key, host and resource: only its own cell is
//! accepted.

#![cfg(all(feature = "aws", feature = "gcs", feature = "rsa", feature = "legacy"))]

#[path = "confusion/aws.rs"]
mod amazon;
#[cfg(feature = "azure")]
#[path = "confusion/azure.rs"]
mod azure;

use valet_key::aws::{self, SigV4};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::gcs::{self, GoogV4};
use valet_key::grant::Grant;
use valet_key::view::RequestView;

const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"];
const S3_HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const GOOGLE: &str = "storage.googleapis.com";
const GOOGLE_VIRTUAL: &str = "photos.storage.googleapis.com";
/// The same id in both clouds, and secrets that are the same too: nothing but the scheme tells them apart.
const ID: &str = "GOOG1EXAMPLE";
const SECRET: &str = "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn account_key() -> gcs::ServiceAccountKey {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-service-account.json");
    gcs::ServiceAccountKey::from_json(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn other_public_key() -> gcs::PublicKey {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/other-certificate.pem");
    gcs::PublicKey::from_pem(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A token in use: one request.
#[derive(Clone)]
struct Token {
    name: &'static str,
    method: String,
    host: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Token {
    fn from_url(name: &'static str, url: &valet_key::token::BearerUrl) -> Self {
        let (host, path) = url.expose().split_once("://").unwrap().1.split_once('/').unwrap();
        Self {
            name,
            method: url.method().to_owned(),
            host: host.to_owned(),
            target: format!("/{path}"),
            headers: url.required_headers().to_vec(),
        }
    }
}

fn s3_endpoint() -> aws::Endpoint {
    aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap())
}

fn interop_endpoint() -> aws::Endpoint {
    aws::Endpoint::custom("https://storage.googleapis.com", aws::Region::new("auto").unwrap()).unwrap()
}

fn upload() -> Grant {
    Grant::upload("photos", "cat.jpg").exact_size(3).content_type("image/jpeg")
}

fn read() -> Grant {
    Grant::read("photos", "cat.jpg")
}

fn tokens() -> Vec<Token> {
    let aws_key = aws::StaticKey::new(ID, SECRET).unwrap();
    let hmac = gcs::HmacKey::new(ID, SECRET).unwrap();
    let rsa = account_key();
    let s3 = |grant: &Grant| aws_key.presign(&aws::UrlRequest::at(&s3_endpoint(), grant).unwrap(), now()).unwrap();
    let interop =
        |grant: &Grant| aws_key.presign(&aws::UrlRequest::at(&interop_endpoint(), grant).unwrap(), now()).unwrap();
    let google = |key: &dyn GoogV4, endpoint: &gcs::Endpoint, grant: &Grant| {
        key.signed_url(&gcs::UrlRequest::at(endpoint, grant).unwrap(), now()).unwrap()
    };
    let (path, host) = (gcs::Endpoint::google(), gcs::Endpoint::google().virtual_hosted());
    let resumable = gcs::UrlRequest::resumable(&path, &upload()).unwrap();
    let legacy = |method: &str| {
        let request = gcs::LegacyUrlRequest::new(method, &path, "photos", "cat.jpg").unwrap();
        rsa.legacy_signed_url(&request, now()).unwrap()
    };
    let legacy_hmac = gcs::LegacyUrlRequest::new("GET", &path, "photos", "cat.jpg").unwrap();
    let legacy_hmac = hmac.legacy_signed_url(&legacy_hmac, now()).unwrap();
    let request = aws::Request::at(&s3_endpoint(), &read(), aws::Payload::Empty).unwrap();
    let signed = aws_key.sign_headers(&request, now()).unwrap();
    let in_headers = Token {
        name: "S3 in headers",
        method: "GET".to_owned(),
        host: S3_HOST.to_owned(),
        target: signed.target().to_owned(),
        headers: signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
    };
    vec![
        Token::from_url("S3 read", &s3(&read())),
        Token::from_url("S3 upload", &s3(&upload())),
        in_headers,
        Token::from_url("interop read", &interop(&read())),
        Token::from_url("HMAC read", &google(&hmac, &path, &read())),
        Token::from_url("HMAC upload", &google(&hmac, &path, &upload())),
        Token::from_url("HMAC resumable", &hmac.signed_url(&resumable, now()).unwrap()),
        Token::from_url("HMAC read by host", &google(&hmac, &host, &read())),
        Token::from_url("RSA read", &google(&rsa, &path, &read())),
        Token::from_url("RSA delete", &google(&rsa, &path, &Grant::delete("photos", "cat.jpg"))),
        Token::from_url("V2 read", &legacy("GET")),
        Token::from_url("V2 delete", &legacy("DELETE")),
        Token::from_url("V2-HMAC read", &legacy_hmac),
    ]
}

type Check = Box<dyn Fn(&RequestView<'_>) -> bool>;

/// Verifiers, each with the beginnings of the names of the tokens that are its own.
fn verifiers() -> Vec<(&'static str, &'static [&'static str], Check)> {
    let aws = |secret: &str, expect: aws::Expect| -> Check {
        let ring = aws::KeyRing::new().with(aws::StaticKey::new(ID, secret).unwrap());
        let verifier = aws::Verifier::new(ring, expect);
        Box::new(move |view| verifier.verify(view, now()).is_ok())
    };
    let google = |ring: gcs::KeyRing, expect: gcs::Expect| -> Check {
        let verifier = gcs::Verifier::new(ring, expect);
        Box::new(move |view| verifier.verify(view, now()).is_ok())
    };
    let hmac = |secret: &str| gcs::KeyRing::new().with(gcs::HmacKey::new(ID, secret).unwrap());
    let rsa = |public: gcs::PublicKey| {
        let mut ring = gcs::KeyRing::new();
        ring.set_account(account_key().credential().clone(), [public]).unwrap();
        ring
    };
    let legacy = |public: gcs::PublicKey| -> Check {
        let credential = account_key().credential().clone();
        Box::new(move |view| {
            let presented = gcs::LegacyPresented::parse(view);
            let pending = presented.and_then(|it| it.check(&credential, &gcs::LegacyExpect::new(GOOGLE), now()));
            pending.and_then(|pending| pending.accept_public(&public)).is_ok()
        })
    };
    let legacy_hmac = |secret: &str| -> Check {
        let key = gcs::HmacKey::new(ID, secret).unwrap();
        Box::new(move |view| {
            let presented = gcs::LegacyPresented::parse(view);
            presented.and_then(|it| key.legacy_verify(it, &gcs::LegacyExpect::new(GOOGLE), now())).is_ok()
        })
    };
    let own = account_key().public_key();
    vec![
        ("S3", &["S3"], aws(SECRET, aws::Expect::new("eu-west-1", "s3").host(S3_HOST))),
        ("S3 with another secret", &[], aws("another", aws::Expect::new("eu-west-1", "s3").host(S3_HOST))),
        ("S3 elsewhere", &[], aws(SECRET, aws::Expect::new("us-east-1", "s3").host(S3_HOST))),
        ("SQS", &[], aws(SECRET, aws::Expect::new("eu-west-1", "sqs").host(S3_HOST))),
        ("interop", &["interop"], aws(SECRET, aws::Expect::new("auto", "s3").host(GOOGLE))),
        (
            "HMAC",
            &["HMAC read", "HMAC upload", "HMAC resumable"],
            google(hmac(SECRET), gcs::Expect::new().host(GOOGLE)),
        ),
        ("HMAC by host", &["HMAC read by host"], google(hmac(SECRET), gcs::Expect::new().host(GOOGLE_VIRTUAL))),
        ("HMAC with another secret", &[], google(hmac("another"), gcs::Expect::new().host(GOOGLE))),
        ("RSA", &["RSA"], google(rsa(own.clone()), gcs::Expect::new().host(GOOGLE))),
        ("RSA with another key", &[], google(rsa(other_public_key()), gcs::Expect::new().host(GOOGLE))),
        ("V2", &["V2"], legacy(own)),
        ("V2-HMAC", &["V2-HMAC"], legacy_hmac(SECRET)),
        ("V2-HMAC with another secret", &[], legacy_hmac("another")),
        ("V2 with another key", &[], legacy(other_public_key())),
    ]
}

fn sees(check: &Check, token: &Token) -> bool {
    let mut lines: Vec<(&str, &[u8])> = vec![("host", token.host.as_bytes())];
    lines.extend(token.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    check(&RequestView::new(&token.method, &token.target, &lines))
}

/// Whether a token belongs to a verifier: `HMAC read by host` does not belong to `HMAC read`.
fn is_own(own: &[&str], token: &Token) -> bool {
    own.iter().any(|name| token.name == *name || (!name.contains(' ') && token.name.split(' ').next() == Some(*name)))
}

#[test]
fn a_token_is_accepted_by_its_own_verifier_for_its_own_request_alone() {
    let (tokens, verifiers) = (tokens(), verifiers());
    let (mut accepted, mut cells) = (0, 0);
    for token in &tokens {
        for (verifier, own, check) in &verifiers {
            for method in METHODS {
                let own_path = token.target.split('?').next().unwrap();
                for path in [own_path, "/photos/cat.jpg", "/cat.jpg", "/invoices/cat.jpg", "/photos/dog.jpg", "/"] {
                    for host in [&token.host, S3_HOST, GOOGLE, GOOGLE_VIRTUAL] {
                        let (_, query) = token.target.split_once('?').unwrap_or((&token.target, ""));
                        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
                        let used = Token { method: method.to_owned(), host: host.to_owned(), target, ..token.clone() };
                        // V2 signs no host, but its verifier serves one.
                        let right = used.method == token.method && path == own_path && *host == token.host;
                        let expected = right && is_own(own, token);
                        cells += 1;
                        accepted += usize::from(expected);
                        assert_eq!(
                            sees(check, &used),
                            expected,
                            "{} at {verifier}: {method} {path} of {host}",
                            token.name
                        );
                    }
                }
            }
        }
    }
    // Each token has a verifier; a path or host that is its own appears more than once in the lists above.
    assert!(accepted >= tokens.len() && cells > 20_000, "{accepted} of {cells}");
}

#[test]
fn the_query_of_one_token_is_of_no_use_beside_that_of_another() {
    let (tokens, verifiers) = (tokens(), verifiers());
    for token in &tokens {
        for other in tokens.iter().filter(|other| other.name != token.name) {
            let (Some((path, query)), Some((_, more))) = (token.target.split_once('?'), other.target.split_once('?'))
            else {
                continue;
            };
            for target in [format!("{path}?{query}&{more}"), format!("{path}?{more}&{query}")] {
                let mut both = Token { target, ..token.clone() };
                both.headers.extend(other.headers.iter().cloned());
                for (verifier, _, check) in &verifiers {
                    assert!(!sees(check, &both), "{} with {} at {verifier}", token.name, other.name);
                }
            }
        }
    }
}

#[test]
fn a_form_is_accepted_by_its_own_verifier_for_its_own_object_alone() {
    let (hmac, rsa) = (gcs::HmacKey::new(ID, SECRET).unwrap(), account_key());
    let other_hmac = gcs::HmacKey::new(ID, "another").unwrap();
    let grant = Grant::upload("photos", "cat.jpg").size(1..=9).content_type("image/jpeg");
    let policy = gcs::PostPolicy::at(&gcs::Endpoint::google(), &grant).unwrap();
    let forms = [("HMAC", policy.sign(&hmac, now()).unwrap()), ("RSA", policy.sign(&rsa, now()).unwrap())];
    let holders: [(&str, bool, &dyn GoogV4); 3] =
        [("HMAC", true, &hmac), ("HMAC", false, &other_hmac), ("RSA", true, &rsa)];
    for (scheme, form) in &forms {
        for (algorithm, is_right, holder) in holders {
            for bucket in ["photos", "invoices"] {
                for key in ["cat.jpg", "dog.jpg"] {
                    let fields: Vec<(&str, &str)> =
                        form.fields().map(|(name, value)| (name, if name == "key" { key } else { value })).collect();
                    let presented = gcs::PresentedForm::parse(&gcs::FormView::new(bucket, &fields)).unwrap();
                    let verdict = presented.check(holder.credential(), &gcs::ExpectForm::new(), now()).and_then(|it| {
                        let expected = holder.sign(it.scope(), it.string_to_sign())?;
                        it.accept(&expected)
                    });
                    let expected = is_right && algorithm == *scheme && bucket == "photos" && key == "cat.jpg";
                    assert_eq!(verdict.is_ok(), expected, "{scheme} at {algorithm}: {bucket}/{key}");
                }
            }
        }
    }
    // A ring finds the right key, and an unknown one is no more than unknown.
    let mut ring = gcs::KeyRing::new().with(gcs::HmacKey::new(ID, SECRET).unwrap());
    ring.set_account(rsa.credential().clone(), [other_public_key(), rsa.public_key()]).unwrap();
    let mut others = gcs::KeyRing::new().with(gcs::HmacKey::new(ID, "another").unwrap());
    others.set_account(rsa.credential().clone(), [other_public_key()]).unwrap();
    for (scheme, form) in &forms {
        let fields: Vec<(&str, &str)> = form.fields().collect();
        let verify = |ring: &gcs::KeyRing| {
            let presented = gcs::PresentedForm::parse(&gcs::FormView::new("photos", &fields)).unwrap();
            ring.verify_form(presented, &gcs::ExpectForm::new(), now()).map(|form| form.key().to_owned())
        };
        assert_eq!(verify(&ring).as_deref(), Ok("cat.jpg"), "{scheme}");
        assert_eq!(verify(&others), Err(VerifyError::SignatureMismatch), "{scheme}");
        assert_eq!(verify(&gcs::KeyRing::new()), Err(VerifyError::UnknownKey), "{scheme}");
    }
    // The signature of a form is none of a URL, and the other way round.
    let (_, form) = &forms[0];
    let field = |name: &str| form.fields().find(|(known, _)| *known == name).unwrap().1;
    let query = [
        ("X-Goog-Algorithm", field("x-goog-algorithm")),
        ("X-Goog-Credential", field("x-goog-credential")),
        ("X-Goog-Date", field("x-goog-date")),
        ("X-Goog-Expires", "900"),
        ("X-Goog-SignedHeaders", "host"),
        ("X-Goog-Signature", field("x-goog-signature")),
    ]
    .map(|(name, value)| format!("{name}={}", value.replace('/', "%2F")))
    .join("&");
    let target = format!("/photos/cat.jpg?{query}");
    let ring = gcs::KeyRing::new().with(hmac);
    let lines: [(&str, &[u8]); 1] = [("host", GOOGLE.as_bytes())];
    for method in METHODS {
        let view = RequestView::new(method, &target, &lines);
        let verdict = ring.verify(gcs::Presented::parse(&view).unwrap(), &gcs::Expect::new(), now());
        assert!(verdict.is_err(), "{method}");
    }
}

#[test]
fn no_key_is_taken_for_one_of_another_kind() {
    assert!(gcs::HmacKey::new("AKIAEXAMPLE", SECRET).is_err());
    assert!(gcs::HmacKey::new("a@b.example", SECRET).is_err());
    assert!(gcs::Credential::service_account(ID).is_err());
    let hmac = gcs::Credential::hmac_key(ID).unwrap();
    let account = account_key().credential().clone();
    assert!(gcs::HmacKey::from_credential(account.clone(), SECRET).is_err());
    assert!(gcs::KeyRing::new().set_account(hmac.clone(), [other_public_key()]).is_err());
    assert!(gcs::SignBlob::new(&hmac).is_err());
    // A signature of one kind does not finish what was prepared for the other.
    let request = gcs::UrlRequest::storage(&read()).unwrap();
    let (of_hmac, of_rsa) = (gcs::Signature::hmac([0; 32]), gcs::Signature::rsa([0; 256]).unwrap());
    assert!(request.prepare(&hmac, now()).unwrap().finish(&of_rsa).is_err());
    assert!(request.prepare(&account, now()).unwrap().finish(&of_hmac).is_err());
}
