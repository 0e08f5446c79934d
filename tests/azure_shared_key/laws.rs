//! What holds for every request.

use crate::{Arriving, expect, now};
use proptest::{collection::vec, prelude::*, sample::Index};
use valet_key::{
    azure::{Service, SharedKeyRequest},
    clock::Timestamp,
};

fn path() -> impl Strategy<Value = String> {
    "(/[a-zA-Z0-9 +%~ü猫😀!'()*,;:@&=$_-]{1,8}){1,3}"
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-z]{2,6}", "[a-zA-Z0-9 +%&=?/:,;üé猫-]{0,8}"), 0..4).prop_map(|mut pairs| {
        pairs.sort();
        pairs.dedup_by(|one, other| one.0 == other.0);
        // Parameters of tokens are another mechanism.
        pairs.into_iter().map(|(name, value)| (format!("q{name}"), value)).collect()
    })
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        "x-ms-meta-[a-z]{1,6}",
        Just("content-type".to_owned()),
        Just("content-encoding".to_owned()),
        Just("if-match".to_owned()),
        Just("if-none-match".to_owned()),
    ];
    vec((name, "([!-~]( ?[!-~]){0,8})?"), 0..4).prop_map(|mut headers| {
        headers.sort();
        headers.dedup_by(|one, other| one.0 == other.0);
        headers
    })
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("GET"), Just("PUT"), Just("DELETE"), Just("HEAD"), Just("POST"), Just("PATCH")]
}

prop_compose! {
    fn request()(
        method in method(), path in path(), pairs in pairs(), headers in headers(), length in any::<u64>(),
    ) -> SharedKeyRequest {
        let request = SharedKeyRequest::new(method, Service::Blob, &path).unwrap().content_length(length);
        let request = pairs.into_iter().fold(request, |request, (name, value)| request.query(name, value));
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// Puts another visible byte in the place of one.
fn change(text: &mut [u8], at: Index, with: u8) -> bool {
    let Some(byte) = (!text.is_empty()).then(|| &mut text[at.index(text.len())]) else { return false };
    std::mem::replace(byte, with) != with
}

proptest! {
    #[test]
    fn what_is_signed_is_verified_for_fifteen_minutes(request in request(), after in -2000i64..2000) {
        let at = Timestamp::from_unix(now().unix() + after).unwrap();
        let arriving = Arriving::signed(&request);
        let found = arriving.verify(&expect(), at);
        prop_assert_eq!(found.is_ok(), after.abs() <= 900, "{:?}", found);
    }

    #[test]
    fn one_changed_byte_of_the_target_is_refused_or_says_the_same(
        request in request(), at in any::<Index>(), with in 0x21u8..0x7f,
    ) {
        let arriving = Arriving::signed(&request);
        let mut target = arriving.target.clone().into_bytes();
        if !change(&mut target, at, with) {
            return Ok(());
        }
        let changed = arriving.with(|it| it.target = String::from_utf8(target).unwrap());
        if let Ok(facts) = changed.verify(&expect(), now()) {
            prop_assert_eq!(facts, arriving.verify(&expect(), now()).unwrap());
            prop_assert_eq!(changed.target.split('?').next(), arriving.target.split('?').next());
        }
    }

    #[test]
    fn one_changed_byte_of_a_signed_header_is_refused(
        request in request(), line in any::<Index>(), at in any::<Index>(), with in 0x21u8..0x7f,
    ) {
        let arriving = Arriving::signed(&request);
        let signed: Vec<usize> = (0..arriving.lines.len()).filter(|line| arriving.lines[*line].0 != "Host").collect();
        let mut changed = arriving.clone();
        if !change(&mut changed.lines[*line.get(&signed)].1, at, with) {
            return Ok(());
        }
        prop_assert!(changed.verify(&expect(), now()).is_err());
    }

    #[test]
    fn a_header_more_or_less_is_refused(request in request(), name in "x-ms-meta-[a-z]{7}", line in any::<Index>()) {
        let arriving = Arriving::signed(&request);
        prop_assert!(arriving.with(|it| it.set(&name, "")).verify(&expect(), now()).is_err());
        let mut less = arriving.clone();
        let (name, value) = less.lines.remove(line.index(arriving.lines.len()));
        // An empty line and none, and a length of zero and none, are signed alike.
        let is_nothing = !name.starts_with("x-ms-") && (value.is_empty() || value == b"0");
        prop_assert!(is_nothing || less.verify(&expect(), now()).is_err(), "{}", name);
    }

    #[test]
    fn nothing_that_arrives_makes_it_panic(
        target in "[ -~]{0,40}", method in "[A-Za-z ]{0,5}", lines in vec(("[!-~]{0,12}", vec(any::<u8>(), 0..20)), 0..6),
    ) {
        let arriving = Arriving { method, target, lines };
        prop_assert!(arriving.verify(&expect(), now()).is_err());
    }
}
