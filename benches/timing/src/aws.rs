//! AWS: signatures in a query, in headers and in a form, session tokens, and keys that are not there.

use crate::pair::{Pair, turned, value_of};
use valet_key::{
    aws::{
        Credential, Endpoint, Expect, ExpectForm, FormView, KeyRing, PostPolicy, Presented, PresentedForm, Region,
        Request, SigV4, StaticKey, TokenPlacement, UrlRequest, Verifier,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::Grant,
    view::RequestView,
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const OTHER_ID: &str = "AKIAIOSFODNN7EXAMPLF";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "us-east-1";
const BUCKET: &str = "examplebucket";
const HOST: &str = "examplebucket.s3.us-east-1.amazonaws.com";
const OBJECT: &str = "photos/2026/11/cat-1.jpg";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key(id: &str) -> StaticKey {
    StaticKey::new(id, SECRET).unwrap()
}

/// The target of a presigned URL.
fn target(key: &StaticKey) -> String {
    let request = UrlRequest::s3(&Grant::read(BUCKET, OBJECT), REGION).unwrap();
    target_of(key, &request)
}

fn target_of(key: &StaticKey, request: &UrlRequest) -> String {
    let url = key.presign(request, now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

fn check(verifier: &Verifier, target: &str) -> Option<VerifyError> {
    verifier.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).err()
}

fn verifier(key: StaticKey, expect: Expect) -> Verifier {
    Verifier::new(KeyRing::new().with(key), expect)
}

fn expect() -> Expect {
    Expect::new(REGION, "s3")
}

/// A closure that can be had twice, as a pair needs it.
fn checked_by(verifier: Verifier) -> impl Fn(&str) -> Option<VerifyError> + Clone + 'static {
    let verifier = std::rc::Rc::new(verifier);
    move |target: &str| check(&verifier, target)
}

pub(crate) fn presigned() -> Pair {
    let accepted = target(&key(ID));
    let signature = value_of(&accepted, "X-Amz-Signature=");
    Pair::of_halves(&accepted, signature, &VerifyError::SignatureMismatch, checked_by(verifier(key(ID), expect())))
}

/// The signature in `Authorization`.
pub(crate) fn headers() -> Pair {
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/photos/cat.jpg");
    let signed = key(ID).sign_headers(&request, now()).unwrap();
    let lines: Vec<(&str, &str)> = signed.expose().collect();
    let of = |name: &str| lines.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).unwrap().1.to_owned();
    let (accepted, date, body) = (of("authorization"), of("x-amz-date"), of("x-amz-content-sha256"));
    let signature = value_of(&accepted, "Signature=");
    let verifier = std::rc::Rc::new(verifier(key(ID), expect()));
    Pair::of_halves(&accepted, signature, &VerifyError::SignatureMismatch, move |authorization| {
        let headers = [
            ("host", HOST.as_bytes()),
            ("x-amz-content-sha256", body.as_bytes()),
            ("x-amz-date", date.as_bytes()),
            ("authorization", authorization.as_bytes()),
        ];
        verifier.verify(&RequestView::new("GET", "/photos/cat.jpg", &headers), now()).err()
    })
}

/// The signature of a POST policy.
pub(crate) fn form() -> Pair {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let policy =
        PostPolicy::at(&endpoint, &Grant::upload(BUCKET, OBJECT).content_type("image/jpeg").size(0..=1 << 20)).unwrap();
    let form = policy.sign(&key(ID), now()).unwrap();
    let fields: Vec<(String, String)> =
        form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (_, accepted) = fields.iter().find(|(name, _)| name == "x-amz-signature").unwrap().clone();
    let ring = std::rc::Rc::new(KeyRing::new().with(key(ID)));
    Pair::of_halves(&accepted, 0..accepted.len(), &VerifyError::SignatureMismatch, move |signature| {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), if name == "x-amz-signature" { signature } else { value.as_str() }))
            .collect();
        let presented = PresentedForm::parse(&FormView::new(BUCKET, &fields)).ok()?;
        ring.verify_form(presented, &ExpectForm::new(REGION), now()).err()
    })
}

fn temporary(token: &str) -> StaticKey {
    StaticKey::from_credential(Credential::new(ID).unwrap().with_session_token(token).unwrap(), SECRET).unwrap()
}

/// Session tokens of 400 bytes: the right one, one with another first byte, and one with another last byte.
fn tokens() -> [String; 3] {
    let right = "FwoGZXIvYXdzEJr3x7Qk".repeat(20);
    let texts = [turned(&right, right.len() - 1..right.len()), turned(&right, 0..1)];
    let [wrong_last, wrong_first] = texts;
    [right, wrong_last, wrong_first]
}

const WRONG_TOKEN: VerifyError = VerifyError::SessionToken { problem: "is not that of the key" };

/// A token is judged once the signature is right, so both texts are signed, each with its own.
pub(crate) fn token_in_query() -> Pair {
    let [right, last, first] = tokens();
    let of = |token: &str| target(&temporary(token));
    let accepted = of(&right);
    let token = value_of(&accepted, "X-Amz-Security-Token=");
    let verify = checked_by(verifier(temporary(&right), expect()));
    assert_eq!(verify(&accepted), None);
    Pair::of_texts(&accepted, token, [of(&last), of(&first)], [&WRONG_TOKEN; 2], verify)
}

/// A token that is added after signing, as for AWS IoT: the texts differ in one byte of it and in nothing else.
pub(crate) fn token_after_signing() -> Pair {
    let [right, last, first] = tokens();
    let of = |token: &str| {
        let request =
            Request::new("GET", &format!("https://{HOST}"), REGION, "iotdevicegateway").unwrap().path("/mqtt");
        let request = UrlRequest::new(request.session_token(TokenPlacement::AfterSigning));
        target_of(&temporary(token), &request)
    };
    let accepted = of(&right);
    let token = value_of(&accepted, "X-Amz-Security-Token=");
    let expect = Expect::new(REGION, "iotdevicegateway").session_token(TokenPlacement::AfterSigning);
    let verify = checked_by(verifier(temporary(&right), expect));
    assert_eq!(verify(&accepted), None);
    Pair::of_texts(&accepted, token, [of(&last), of(&first)], [&WRONG_TOKEN; 2], verify)
}

/// Whether the key of the scope was derived before the measurement, or is for every request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Derived {
    Before,
    EachTime,
}

/// A signature that is wrong, for a key that is there and for one that is not.
pub(crate) fn unknown_key(derived: Derived) -> Pair {
    let accepted = target(&key(ID));
    let wrong = turned(&accepted, value_of(&accepted, "X-Amz-Signature="));
    let texts = [wrong.clone(), wrong.replace(ID, OTHER_ID)];
    let verdicts = [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey];
    let new = || {
        let verifier = verifier(key(ID), expect());
        if derived == Derived::Before {
            assert_eq!(check(&verifier, &accepted), None);
        }
        checked_by(verifier)
    };
    let verify = new();
    // Without a decoy, reading would be all that happens to an unknown key.
    Pair::with_control(texts, verdicts, new(), move |target| {
        let headers = [("host", HOST.as_bytes())];
        let view = RequestView::new("GET", target, &headers);
        if Presented::parse(&view).ok()?.access_key_id() == OTHER_ID {
            return Some(VerifyError::UnknownKey);
        }
        verify(target)
    })
}
