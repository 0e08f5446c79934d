//! Cloud Storage: signatures of HMAC keys, and keys that are not there.

use crate::pair::{Pair, Verify, behind};
use valet_key::{
    clock::Timestamp,
    error::VerifyError,
    gcs::{Expect, GoogV4, HmacKey, KeyRing, Presented, UrlRequest, Verifier},
    grant::Grant,
    view::RequestView,
};

const ID: &str = "GOOG1EXAMPLEA";
const OTHER_ID: &str = "GOOG1EXAMPLEB";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const HOST: &str = "storage.googleapis.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn target(id: &str, secret: &str) -> String {
    let request = UrlRequest::storage(&Grant::read("examplebucket", "photos/2026/11/cat-1.jpg")).unwrap();
    let url = HmacKey::new(id, secret).unwrap().signed_url(&request, now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

/// Looks at targets with a ring of that key, which was derived before.
fn verifier(id: &str, secret: &str) -> Verify {
    let verifier = Verifier::new(KeyRing::new().with(HmacKey::new(id, secret).unwrap()), Expect::new());
    let verify = move |target: &str| {
        verifier.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).err()
    };
    assert_eq!(verify(&target(id, secret)), None);
    Box::new(verify)
}

pub(crate) fn signature() -> Pair {
    Pair::of_signature(behind("X-Goog-Signature="), 64, |secret| target(ID, secret), |secret| verifier(ID, secret))
}

/// A signature that is wrong, for a key that is there and for one that is not.
pub(crate) fn unknown_key() -> Pair {
    let ids = [ID, OTHER_ID];
    let texts = ids.map(|id| target(id, "the secret of somebody else"));
    // Without a decoy, reading would be all that happens to an unknown key.
    let leaking = ids.map(|id| {
        let verify = verifier(id, SECRET);
        Box::new(move |target: &str| {
            let headers = [("host", HOST.as_bytes())];
            let view = RequestView::new("GET", target, &headers);
            let is_known = Presented::parse(&view).ok()?.id() == id;
            if is_known { verify(target) } else { Some(VerifyError::UnknownKey) }
        }) as Verify
    });
    let verdicts = [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey];
    Pair::new(texts, ids.map(|id| verifier(id, SECRET)), leaking, verdicts)
}
