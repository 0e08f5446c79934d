//! AWS: signatures in a query, in headers and in a form, session tokens, and keys that are not there.

use crate::pair::{Pair, Verify, behind, stopping_early, turned};
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
/// The digits of a signature.
const DIGITS: usize = 64;

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key(id: &str, secret: &str) -> StaticKey {
    StaticKey::new(id, secret).unwrap()
}

/// The target of a presigned URL.
fn target(key: &StaticKey) -> String {
    target_of(key, &UrlRequest::s3(&Grant::read(BUCKET, OBJECT), REGION).unwrap())
}

fn target_of(key: &StaticKey, request: &UrlRequest) -> String {
    let url = key.presign(request, now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

fn expect() -> Expect {
    Expect::new(REGION, "s3")
}

fn check(verifier: &Verifier, target: &str) -> Option<VerifyError> {
    verifier.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).err()
}

/// Looks at targets with a ring of that key.
fn verifier(key: StaticKey, expect: Expect) -> Verify {
    let verifier = Verifier::new(KeyRing::new().with(key), expect);
    Box::new(move |target| check(&verifier, target))
}

pub(crate) fn presigned() -> Pair {
    let text_of = |secret: &str| target(&key(ID, secret));
    Pair::of_signature(behind("X-Amz-Signature="), DIGITS, text_of, |secret| verifier(key(ID, secret), expect()))
}

/// The signature in `Authorization`.
pub(crate) fn headers() -> Pair {
    const PATH: &str = "/photos/2026/11/cat-1.jpg";
    const DATE: &str = "20231114T221320Z";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let text_of = |secret: &str| {
        let request = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().path(PATH);
        let signed = key(ID, secret).sign_headers(&request, now()).unwrap();
        let mut lines = signed.expose();
        lines.find(|(name, _)| name.eq_ignore_ascii_case("authorization")).unwrap().1.to_owned()
    };
    let verifier = |secret: &str| -> Verify {
        let verifier = Verifier::new(KeyRing::new().with(key(ID, secret)), expect());
        Box::new(move |authorization| {
            let headers = [
                ("host", HOST.as_bytes()),
                ("x-amz-content-sha256", EMPTY.as_bytes()),
                ("x-amz-date", DATE.as_bytes()),
                ("authorization", authorization.as_bytes()),
            ];
            verifier.verify(&RequestView::new("GET", PATH, &headers), now()).err()
        })
    };
    Pair::of_signature(behind(", Signature="), DIGITS, text_of, verifier)
}

/// The signature of a POST policy.
pub(crate) fn form() -> Pair {
    const FIELD: &str = "x-amz-signature";
    let fields = |secret: &str| -> Vec<(String, String)> {
        let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
        let grant = Grant::upload(BUCKET, OBJECT).content_type("image/jpeg").size(0..=1 << 20);
        let form = PostPolicy::at(&endpoint, &grant).unwrap().sign(&key(ID, secret), now()).unwrap();
        form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let text_of = |secret: &str| fields(secret).into_iter().find(|(name, _)| name == FIELD).unwrap().1;
    let verifier = |secret: &str| -> Verify {
        let (fields, ring) = (fields(secret), KeyRing::new().with(key(ID, secret)));
        Box::new(move |signature| {
            let of = |name: &str, value| if name == FIELD { signature } else { value };
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, of(name, value))).collect();
            let presented = PresentedForm::parse(&FormView::new(BUCKET, &fields)).ok()?;
            ring.verify_form(presented, &ExpectForm::new(REGION), now()).err()
        })
    };
    Pair::of_signature(behind(""), DIGITS, text_of, verifier)
}

fn temporary(token: &str) -> StaticKey {
    StaticKey::from_credential(Credential::new(ID).unwrap().with_session_token(token).unwrap(), SECRET).unwrap()
}

/// Session tokens of 400 bytes, of which each text has the first half of its own. A token is judged once the signature is right,
/// so every text is signed.
fn session_token(target: impl Fn(&StaticKey) -> String, expect: &Expect) -> Pair {
    let one = "FwoGZXIvYXdzEJr3x7Qk".repeat(20);
    let tokens = [turned(&one), one];
    let texts = [0, 1].map(|at| target(&temporary(&[&tokens[at][..200], &"0".repeat(200)].concat())));
    let new = |at: usize| {
        let (accepted, verifier) = (target(&temporary(&tokens[at])), verifier(temporary(&tokens[at]), expect.clone()));
        assert_eq!(verifier(&accepted), None);
        (accepted, verifier)
    };
    let leaking = [0, 1].map(|at| {
        let (accepted, verifier) = new(at);
        let start = accepted.find(&tokens[at]).unwrap();
        stopping_early(verifier, &accepted, start..start + 400)
    });
    let verdict = VerifyError::SessionToken { problem: "is not that of the key" };
    Pair::new(texts, [new(0).1, new(1).1], leaking, [&verdict; 2])
}

pub(crate) fn token_in_query() -> Pair {
    session_token(target, &expect())
}

/// A token that is added after signing, as for AWS IoT: the texts differ in the token alone.
pub(crate) fn token_after_signing() -> Pair {
    let target = |key: &StaticKey| {
        let request =
            Request::new("GET", &format!("https://{HOST}"), REGION, "iotdevicegateway").unwrap().path("/mqtt");
        target_of(key, &UrlRequest::new(request.session_token(TokenPlacement::AfterSigning)))
    };
    let expect = Expect::new(REGION, "iotdevicegateway").session_token(TokenPlacement::AfterSigning);
    session_token(target, &expect)
}

/// Whether the key of the scope was derived before the measurement, or is for every request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Derived {
    Before,
    EachTime,
}

/// A signature that is wrong, for a key that is there and for one that is not.
pub(crate) fn unknown_key(derived: Derived) -> Pair {
    let ids = [ID, OTHER_ID];
    let texts = ids.map(|id| target(&key(id, "the secret of somebody else")));
    let new = |id| {
        let verify = verifier(key(id, SECRET), expect());
        if derived == Derived::Before {
            assert_eq!(verify(&target(&key(id, SECRET))), None);
        }
        verify
    };
    // Without a decoy, reading would be all that happens to an unknown key.
    let leaking = ids.map(|id| {
        let verify = new(id);
        Box::new(move |target: &str| {
            let headers = [("host", HOST.as_bytes())];
            let view = RequestView::new("GET", target, &headers);
            let is_known = Presented::parse(&view).ok()?.access_key_id() == id;
            if is_known { verify(target) } else { Some(VerifyError::UnknownKey) }
        }) as Verify
    });
    Pair::new(texts, ids.map(new), leaking, [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey])
}
