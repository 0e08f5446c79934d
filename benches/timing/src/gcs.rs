//! Cloud Storage: signatures of HMAC keys, and keys that are not there.

use crate::pair::{Pair, turned, value_of};
use valet_key::{
    clock::Timestamp,
    error::VerifyError,
    gcs::{Expect, GoogV4, HmacKey, KeyRing, Presented, UrlRequest, Verifier},
    grant::Grant,
    view::RequestView,
};

const ID: &str = "GOOG1EXAMPLEA";
const OTHER_ID: &str = "GOOG1EXAMPLEB";
const HOST: &str = "storage.googleapis.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> HmacKey {
    HmacKey::new(ID, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

fn target() -> String {
    let request = UrlRequest::storage(&Grant::read("examplebucket", "photos/2026/11/cat-1.jpg")).unwrap();
    let url = key().signed_url(&request, now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

fn verify() -> impl Fn(&str) -> Option<VerifyError> + Clone + 'static {
    let verifier = std::rc::Rc::new(Verifier::new(KeyRing::new().with(key()), Expect::new()));
    move |target: &str| verifier.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).err()
}

pub(crate) fn signature() -> Pair {
    let accepted = target();
    Pair::of_halves(&accepted, value_of(&accepted, "X-Goog-Signature="), &VerifyError::SignatureMismatch, verify())
}

/// A signature that is wrong, for a key that is there and for one that is not.
pub(crate) fn unknown_key() -> Pair {
    let accepted = target();
    let wrong = turned(&accepted, value_of(&accepted, "X-Goog-Signature="));
    let texts = [wrong.clone(), wrong.replace(ID, OTHER_ID)];
    let (verify, again) = (verify(), verify());
    for verify in [&verify, &again] {
        assert_eq!(verify(&accepted), None);
    }
    // Without a decoy, reading would be all that happens to an unknown key.
    Pair::with_control(texts, [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey], verify, move |target| {
        let headers = [("host", HOST.as_bytes())];
        let view = RequestView::new("GET", target, &headers);
        if Presented::parse(&view).ok()?.id() == OTHER_ID {
            return Some(VerifyError::UnknownKey);
        }
        again(target)
    })
}
