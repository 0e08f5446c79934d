//! Any AWS service by the general profile: normalised paths that are encoded twice, bodies by their hash, tokens where the
//! service wants them. The bytes are in `tests/vectors/aws/services.json`; here is what a verifier makes of them.

use valet_key::aws::{
    Credential, Expect, PathRule, Payload, Presented, Request, SigV4, StaticKey, TokenPlacement, UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::view::RequestView;

const ID: &str = "AKIDEXAMPLE";
const TOKEN: &str = "FwoG/token+with=signs";
const REGION: &str = "eu-west-1";
const HOST: &str = "svc.example.test";
/// The SHA-256 of `hello`.
const HELLO: [u8; 32] = [
    0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16, 0x1e,
    0x5c, 0x1f, 0xa7, 0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24,
];

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, "secret").unwrap()
}

fn temporary() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, "secret").unwrap()
}

fn request(service: &str, path: &str) -> Request {
    Request::new("GET", &format!("https://{HOST}"), REGION, service).unwrap().path(path)
}

/// A request as it is sent.
#[derive(Clone)]
struct Sent {
    target: String,
    lines: Vec<(String, String)>,
    body: Option<[u8; 32]>,
}

impl Sent {
    fn url(key: &StaticKey, request: Request) -> Self {
        let url = key.presign(&UrlRequest::new(request), now()).unwrap();
        let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
        let mut lines = vec![("host".to_owned(), HOST.to_owned())];
        let required = url.required_headers().iter();
        lines.extend(required.map(|(name, value)| (name.clone(), String::from_utf8(value.clone()).unwrap())));
        Self { target, lines, body: None }
    }

    fn headers(key: &StaticKey, request: &Request) -> Self {
        let signed = key.sign_headers(request, now()).unwrap();
        let mut lines = vec![("host".to_owned(), HOST.to_owned())];
        lines.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.to_owned())));
        Self { target: signed.target().to_owned(), lines, body: None }
    }

    fn with_body(mut self, digest: [u8; 32]) -> Self {
        self.body = Some(digest);
        self
    }

    /// Tells the path and the payload that were signed.
    fn verify(&self, key: &StaticKey, expect: &Expect) -> Result<(String, Payload), VerifyError> {
        let lines: Vec<(&str, &[u8])> = self.lines.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let mut view = RequestView::new("GET", &self.target, &lines);
        if let Some(digest) = self.body {
            view = view.body_sha256(digest);
        }
        key.verify(Presented::parse(&view)?, expect, now()).map(|it| (it.path().into_owned(), it.payload().unwrap()))
    }
}

#[test]
fn any_service_name_is_issued_and_verified_in_both_forms() {
    for service in ["sqs", "execute-api", "bedrock", "my_service-2", "A", &"s".repeat(40)] {
        for sent in [Sent::url(&key(), request(service, "/")), Sent::headers(&key(), &request(service, "/"))] {
            assert_eq!(sent.verify(&key(), &Expect::new(REGION, service)), Ok(("/".to_owned(), Payload::Empty)));
            let other = Expect::new(REGION, "another");
            assert!(matches!(sent.verify(&key(), &other), Err(VerifyError::Scope { part: "service", .. })));
        }
    }
    for service in ["", "a/b", "a b", "\u{e4}", &"s".repeat(41)] {
        assert!(Request::new("GET", "https://a.example", REGION, service).is_err(), "{service}");
    }
}

#[test]
fn r05_what_is_normalised_is_one_path_and_what_is_told_is_that_path() {
    let expect = Expect::new(REGION, "execute-api");
    let sent = Sent::url(&key(), request("execute-api", "/a b//c"));
    assert_eq!(sent.verify(&key(), &expect).unwrap().0, "/a%20b/c");
    // Another spelling of the same path shares its signature, and is told as the same path.
    let same = Sent { target: sent.target.replacen("//c", "/c", 1), ..sent.clone() };
    assert_eq!(same.verify(&key(), &expect).unwrap().0, "/a%20b/c");
    // An escape is signed as it stands, so that another one is another path.
    for (from, to) in [("%20", "%2520"), ("/c", "%2Fc"), ("/a", "/%61")] {
        let other = Sent { target: sent.target.replacen(from, to, 1), ..sent.clone() };
        assert_eq!(other.verify(&key(), &expect), Err(VerifyError::SignatureMismatch), "{to}");
    }
    // A store that does not normalise says so on both sides.
    let exact = Expect::new(REGION, "execute-api").path_rule(PathRule::EncodedTwice);
    assert_eq!(sent.verify(&key(), &exact), Err(VerifyError::SignatureMismatch));
    let sent = Sent::url(&key(), request("execute-api", "/a b//c").path_rule(PathRule::EncodedTwice));
    assert_eq!(sent.verify(&key(), &exact).unwrap().0, "/a%20b//c");
}

#[test]
fn r27_a_body_is_held_to_its_hash_without_a_header() {
    let expect = Expect::new(REGION, "sqs");
    let request = request("sqs", "/").payload(Payload::Sha256(HELLO));
    for sent in [Sent::url(&key(), request.clone()), Sent::headers(&key(), &request)] {
        assert!(!sent.lines.iter().any(|(name, _)| name == "x-amz-content-sha256"));
        let verified = sent.clone().with_body(HELLO).verify(&key(), &expect).unwrap();
        assert_eq!(verified.1, Payload::Sha256(HELLO));
        assert_eq!(sent.clone().with_body([7; 32]).verify(&key(), &expect), Err(VerifyError::SignatureMismatch));
        assert_eq!(sent.verify(&key(), &expect), Err(VerifyError::SignatureMismatch), "an empty body");
    }
}

#[test]
fn r28_an_unsigned_payload_is_said_in_a_signed_header_and_expected_by_name() {
    // Amazon VPC Lattice takes no other.
    let lattice = || request("vpc-lattice-svcs", "/x").payload(Payload::Unsigned);
    assert!(matches!(
        key().presign(&UrlRequest::new(lattice()), now()),
        Err(IssueError::Invalid { what: "payload", .. })
    ));
    assert!(key().sign_headers(&lattice(), now()).is_err());
    let strict = Expect::new(REGION, "vpc-lattice-svcs");
    let expect = strict.clone().allow_unsigned_payload();
    for sent in
        [Sent::url(&key(), lattice().with_content_sha256()), Sent::headers(&key(), &lattice().with_content_sha256())]
    {
        assert!(sent.lines.contains(&("x-amz-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned())));
        assert_eq!(sent.verify(&key(), &expect).unwrap().1, Payload::Unsigned);
        assert_eq!(sent.verify(&key(), &strict), Err(VerifyError::PayloadMode { mode: "UNSIGNED-PAYLOAD" }));
    }
    // An unsigned header changes nothing.
    let mut sent = Sent::url(&key(), request("vpc-lattice-svcs", "/x"));
    sent.lines.push(("x-amz-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
    assert_eq!(sent.verify(&key(), &expect).unwrap().1, Payload::Empty);
}

#[test]
fn r24_a_token_is_where_the_service_wants_it_and_nowhere_else() {
    // AWS IoT over WebSocket.
    let after = || request("iotdevicegateway", "/mqtt").session_token(TokenPlacement::AfterSigning);
    let signed = || request("iotdevicegateway", "/mqtt");
    let expect = Expect::new(REGION, "iotdevicegateway");
    let expect_after = expect.clone().session_token(TokenPlacement::AfterSigning);
    let pairs = [
        (Sent::url(&temporary(), after()), Sent::url(&temporary(), signed())),
        (Sent::headers(&temporary(), &after()), Sent::headers(&temporary(), &signed())),
    ];
    for (after, signed) in pairs {
        assert!(after.verify(&temporary(), &expect_after).is_ok());
        assert!(signed.verify(&temporary(), &expect).is_ok());
        assert!(after.verify(&temporary(), &expect).is_err(), "it is not signed");
        // It is not covered by the signature, but it is held to the key's own all the same.
        let in_lines = after.lines.iter().map(|(name, value)| (name.clone(), value.replace(TOKEN, "another")));
        let forged =
            Sent { target: after.target.replace("FwoG%2Ftoken", "another"), lines: in_lines.collect(), body: None };
        assert!(matches!(forged.verify(&temporary(), &expect_after), Err(VerifyError::SessionToken { .. })));
        assert!(matches!(after.verify(&key(), &expect_after), Err(VerifyError::SessionToken { .. })));
    }
    let url = Sent::url(&temporary(), after());
    let (_, last) = url.target.split_once("&X-Amz-SignedHeaders=host&").unwrap();
    assert!(last.starts_with("X-Amz-Security-Token=FwoG%2Ftoken%2Bwith%3Dsigns&X-Amz-Signature="), "{last}");
}
