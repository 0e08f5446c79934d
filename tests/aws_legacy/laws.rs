//! What holds for every input.

use super::{Sent, expect, key, later, request, target_of};
use proptest::{prelude::*, sample::Index};
use valet_key::grant::{Justification, Lifetime};

fn any_object_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9/._~-]{1,40}", "[ -~]{1,40}", "\\PC{1,20}", "[%+&=;?#/\\\\]{1,12}"]
        .prop_filter("clients fold these", |name| !name.split('/').any(|segment| matches!(segment, "." | "..")))
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted_and_one_changed_byte_is_refused(
        name in any_object_name(), version in "[ -%'-~]{0,12}", meta in "[!-~]{0,12}", at in any::<Index>(), with in 0x21u8..0x7f
    ) {
        let request = request("GET", &name)
            .sub_resource("tagging")
            .sub_resource_value("versionId", version)
            .header("x-amz-meta-a", meta.as_bytes());
        let target = target_of(&key(), &request);
        let sent = Sent::get(target.clone()).line("X-Amz-Meta-A", &meta);
        let path = target.split('?').next().unwrap().to_owned();
        prop_assert_eq!(sent.verify(), Ok(path.clone()));
        let mut bytes = target.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let changed = String::from_utf8(bytes).unwrap();
        // The letter case of an escape in the query is a proxy's to change.
        let folded = |text: &str| text.split_once('?').map(|(path, query)| (path.to_owned(), query.to_ascii_lowercase()));
        prop_assume!(folded(&changed) != folded(&target));
        prop_assert!(Sent { target: changed.clone(), ..sent }.verify().is_err(), "{}", changed);
    }

    #[test]
    fn expiry_is_to_the_second(seconds in 1u32..=604_800) {
        let request = request("GET", "x").lives(Lifetime::from_seconds(seconds).unwrap());
        let sent = Sent::get(target_of(&key(), &request.because(Justification::new("a law").unwrap())));
        prop_assert!(sent.verify_as(&key(), &expect(), later(seconds.into())).is_ok());
        prop_assert!(sent.verify_as(&key(), &expect(), later(i64::from(seconds) + 1)).is_err());
    }

    #[test]
    fn any_target_and_headers_are_read_or_refused(target in "/[ -~]{0,80}", name in "[!-~]{1,10}", value in "[ -~]{0,20}") {
        let signed = format!("{target}?AWSAccessKeyId={}&Expires=1795521700&Signature={}%3D", super::ID, "A".repeat(27));
        prop_assert!(Sent::get(signed).line(&name, &value).verify().is_err());
    }
}
