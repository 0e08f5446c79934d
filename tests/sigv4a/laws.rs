//! What holds for every input: what is signed is accepted, and nothing else is.

use super::{HOST, ORIGIN, REGION, expect, key, later, now};
use proptest::{prelude::*, sample::Index};
use valet_key::aws::{Expect, RegionSet, Request, UrlRequest, v4a};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Justification, Lifetime};
use valet_key::view::RequestView;

fn any_object_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9/._~-]{1,40}", "[ -~]{1,40}", "\\PC{1,20}", "[%+&=;?#/\\\\]{1,12}"]
        .prop_filter("clients fold these", |name| !name.split('/').any(|segment| matches!(segment, "." | "..")))
}

/// Some sets name the expected region and some do not.
fn any_region_set() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["[a-z]{2}-[a-z*]{1,5}-[0-9*]", "eu-*", Just("eu-west-1".to_owned())], 1..5)
        .prop_map(|list| list.join(","))
}

/// Whether a pattern is the whole of a name, slowly.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
        Some((byte, rest)) => name.split_first().is_some_and(|(first, name)| first == byte && matches(rest, name)),
    }
}

fn verify(target: &str, headers: &[(String, Vec<u8>)], expect: &Expect, now: Timestamp) -> Result<String, VerifyError> {
    let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let presented = v4a::Presented::parse(&RequestView::new("GET", target, &lines))?;
    key().verify(presented, expect, now).map(|verified| verified.region_set().unwrap().to_owned())
}

fn host() -> Vec<(String, Vec<u8>)> {
    vec![("host".to_owned(), HOST.into())]
}

fn request(name: &str, regions: &str) -> Request {
    let request = Request::new("GET", ORIGIN, REGION, "s3").unwrap().path(format!("/{name}"));
    request.region_set(RegionSet::new(regions).unwrap()).because(Justification::new("a law").unwrap())
}

fn presigned(name: &str, regions: &str, seconds: u32) -> String {
    let url = UrlRequest::new(request(name, regions)).lives(Lifetime::from_seconds(seconds).unwrap());
    let url = key().presign(&url, now()).unwrap();
    url.expose().strip_prefix(ORIGIN).unwrap().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_accepted_in_the_regions_of_its_set_and_nowhere_else(
        name in any_object_name(), regions in any_region_set(), region in "(eu-west-1|[a-z]{2}-[a-z]{1,5}-[0-9])"
    ) {
        let good = regions.split(',').any(|pattern| matches(pattern.as_bytes(), region.as_bytes()));
        let expect = Expect::new(&region, "s3");
        let target = presigned(&name, &regions, 900);
        let verdict = verify(&target, &host(), &expect, now());
        if good {
            prop_assert_eq!(verdict, Ok(regions.clone()));
        } else {
            prop_assert_eq!(verdict.unwrap_err().code(), "scope");
        }
        let signed = key().sign_headers(&request(&name, &regions), now()).unwrap();
        let mut headers = host();
        headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.into())));
        prop_assert_eq!(verify(signed.target(), &headers, &expect, now()).is_ok(), good);
        prop_assert_eq!(RegionSet::new(&regions).unwrap().names(&region), good);
    }

    #[test]
    fn signing_twice_gives_the_same_bytes(name in any_object_name(), regions in any_region_set()) {
        prop_assert_eq!(presigned(&name, &regions, 900), presigned(&name, &regions, 900));
    }

    #[test]
    fn one_changed_byte_is_refused(name in any_object_name(), at in any::<Index>(), with in 0x21u8..0x7f) {
        let target = presigned(&name, "*", 900);
        let mut changed = target.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] = with;
        let changed = String::from_utf8(changed).unwrap();
        // The letter case of an escape is a proxy's to change.
        let (path, query) = target.split_once('?').unwrap();
        let same = changed.split_once('?').is_some_and(|(p, q)| p == path && q.eq_ignore_ascii_case(query));
        prop_assume!(!same);
        prop_assert!(verify(&changed, &host(), &expect(), now()).is_err(), "{}", changed);
    }

    #[test]
    fn expiry_is_to_the_second(seconds in 1u32..=604_800) {
        let target = presigned("cat.jpg", "*", seconds);
        prop_assert!(verify(&target, &host(), &expect(), later(seconds.into())).is_ok());
        let expired = verify(&target, &host(), &expect(), later(i64::from(seconds) + 1));
        prop_assert_eq!(expired.unwrap_err().code(), "expired");
    }

    #[test]
    fn no_bytes_as_a_signature_are_accepted_or_panic(bytes in proptest::collection::vec(any::<u8>(), 8..72)) {
        let target = presigned("cat.jpg", "*", 900);
        let (head, _) = target.rsplit_once('=').unwrap();
        let verdict = verify(&format!("{head}={}", hex::encode(bytes)), &host(), &expect(), now());
        prop_assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
    }

    #[test]
    fn what_is_read_as_a_signature_or_a_point_has_its_form(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let whole = bytes.len() >= 2 && bytes[0] == 0x30 && usize::from(bytes[1]) == bytes.len() - 2;
        prop_assert!(v4a::Signature::from_der(&bytes).is_err() || whole);
        let is_point = matches!((bytes.first(), bytes.len()), (Some(4), 65) | (Some(2 | 3), 33));
        prop_assert!(v4a::PublicKey::from_sec1(&bytes).is_err() || is_point);
    }
}
