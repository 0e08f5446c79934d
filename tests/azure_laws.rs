//! What holds for every token of Azure Storage, whatever its names.

use proptest::prelude::*;
use valet_key::azure::{
    AccountKey, BlobPermissions, DirectoryPermissions, Endpoint, Expect, FilePermissions, Inline, KeyRing, Presigner,
    Sas, Service, UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Grant, Justification};
use valet_key::view::RequestView;

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> AccountKey {
    AccountKey::new("myaccount", "c2VjcmV0").unwrap()
}

fn why() -> Justification {
    Justification::new("a law").unwrap()
}

/// What is verified: container, name, permissions, method.
type Facts = (String, String, String, String);

fn verify(service: Service, method: &str, url: &str, at: Timestamp) -> Result<Facts, VerifyError> {
    let mut ring = KeyRing::new();
    ring.insert(key()).unwrap();
    let verifier = Verifier::new(ring, Expect::new("myaccount", service).unwrap());
    let target = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap();
    let headers: [(&str, &[u8]); 1] = [("host", b"myaccount.core.windows.net")];
    let view = RequestView::new(method, target, &headers).over_https();
    let facts = verifier.verify(&view, at)?;
    Ok((facts.container()?, facts.name()?, facts.permissions(), facts.method().to_owned()))
}

fn is_dot(name: &str) -> bool {
    name.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// Names that the service takes, with everything that is encoded in them.
fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zA-Z0-9 +%&=?#~.'()!*;:,@$/_\u{e9}\u{1f600}-]{1,40}")
        .unwrap()
        .prop_filter("no segment of dots", |name| !is_dot(name))
}

proptest! {
    #[test]
    fn what_is_signed_is_verified_under_its_own_name(name in name()) {
        let url = key().issue(&UrlRequest::blob("photos", &name, Inline::new(BlobPermissions::READ)).unwrap(), now()).unwrap();
        let facts = verify(Service::Blob, "GET", url.expose(), now());
        prop_assert_eq!(facts, Ok(("photos".into(), name.clone(), "r".into(), "GET".into())));
        let url = key().issue(&UrlRequest::file("share", &name, Inline::new(FilePermissions::READ)).unwrap(), now()).unwrap();
        prop_assert_eq!(verify(Service::File, "GET", url.expose(), now()).map(|facts| facts.1), Ok(name));
    }

    #[test]
    fn one_changed_byte_is_refused_or_says_the_same(name in name(), at in any::<prop::sample::Index>(), with in 0x21u8..0x7f) {
        let url = key().issue(&UrlRequest::blob("photos", &name, Inline::new(BlobPermissions::READ)).unwrap(), now()).unwrap();
        let honest = verify(Service::Blob, "GET", url.expose(), now()).unwrap();
        let origin = "https://myaccount.blob.core.windows.net".len();
        let mut bytes = url.expose().as_bytes().to_vec();
        let at = origin + at.index(bytes.len() - origin);
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        let changed = String::from_utf8(bytes).unwrap();
        // An escape in other letters is another spelling of the same request, and nothing else is.
        if let Ok(facts) = verify(Service::Blob, "GET", &changed, now()) {
            prop_assert_eq!(facts, honest);
            prop_assert!(changed.eq_ignore_ascii_case(url.expose()), "{} {}", changed, url.expose());
        }
    }

    #[test]
    fn a_presigner_makes_what_one_request_makes(name in name(), after in 0u32..100_000) {
        let at = now().saturating_add(after);
        let mut presigner = Presigner::new(key(), &Endpoint::azure(), &Grant::read("photos", "any")).unwrap();
        let one = key().issue(&UrlRequest::storage(&Grant::read("photos", name.as_str())).unwrap(), at).unwrap();
        let mut url = String::new();
        prop_assert_eq!(presigner.presign_into(&name, at, &mut url), Ok(one.expires_at()));
        prop_assert_eq!(url, one.expose());
    }

    #[test]
    fn a_token_is_good_to_its_last_second_and_no_longer(after in -1000i64..2000) {
        let at = Timestamp::from_unix(now().unix() + after).unwrap();
        let terms = Inline::new(BlobPermissions::READ).start(now());
        let url = key().issue(&UrlRequest::blob("photos", "a", terms).unwrap(), now()).unwrap();
        let verdict = verify(Service::Blob, "GET", url.expose(), at);
        prop_assert_eq!(verdict.is_ok(), (0..=900).contains(&after));
    }

    #[test]
    fn a_directory_covers_what_is_below_it_and_nothing_beside(name in "[a-z]{1,6}(/[a-z]{1,6}){0,3}", other in "[a-z]{1,6}(/[a-z]{1,6}){0,3}") {
        let terms = Inline::new(DirectoryPermissions::READ);
        let request = UrlRequest::directory("photos", &name, terms).unwrap().because(why());
        let url = key().issue(&request, now()).unwrap();
        let of = |path: &str| url.expose().replacen(&format!("/photos/{name}?"), &format!("/photos/{path}?"), 1);
        let below = verify(Service::DataLake, "GET", &of(&format!("{name}/x")), now());
        prop_assert_eq!(below.map(|facts| facts.1), Ok(format!("{name}/x")));
        let beside = of(&format!("{name}x"));
        prop_assert!(verify(Service::DataLake, "GET", &beside, now()).is_err());
        let covered = other == name || other.starts_with(&format!("{name}/"));
        prop_assert_eq!(verify(Service::DataLake, "GET", &of(&other), now()).is_ok(), covered);
    }
}
