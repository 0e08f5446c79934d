//! What holds for every form: what is signed is accepted, and nothing else is.

use proptest::{prelude::*, sample::Index};
use valet_key::aws::{
    Credential, Endpoint, ExpectForm, FormView, OnShortCredential, PostForm, PostPolicy, PresentedForm, Region, SigV4,
    StaticKey,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Justification, Lifetime};

type Fields = Vec<(String, String)>;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_700_000_000 + seconds).unwrap()
}

fn now() -> Timestamp {
    later(0)
}

fn endpoint() -> Endpoint {
    Endpoint::aws(Region::new("eu-west-1").unwrap())
}

fn holder(token: Option<&str>) -> StaticKey {
    let mut credential = Credential::new("AKIDEXAMPLE").unwrap();
    if let Some(token) = token {
        credential = credential.with_session_token(token).unwrap();
    }
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn why() -> Justification {
    Justification::new("a law").unwrap()
}

fn owned(form: &PostForm) -> Fields {
    form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn check(key: &StaticKey, fields: &Fields, file: &str, at: Timestamp) -> Result<String, VerifyError> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let presented = PresentedForm::parse(&FormView::new("photos", &fields).file_name(file))?;
    key.verify_form(presented, &ExpectForm::new("eu-west-1"), at).map(|form| form.key().to_owned())
}

/// Any name that S3 takes and no client folds.
fn any_object_key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9/._~-]{1,40}",
        "[ -~]{1,40}",
        "\\PC{1,20}",
        "[%+&=;?#/\\\\$\"'{}]{1,12}",
        "[a-c/]{0,5}/%2[ef]/[\u{e9}\u{65e5}\u{1f600}]{1,3}"
    ]
    .prop_filter("clients fold these", |name| !name.split('/').any(|segment| matches!(segment, "." | "..")))
    .prop_filter("this is replaced", |name| !name.contains("${filename}"))
}

proptest! {
    #[test]
    fn a_form_is_accepted_as_it_was_signed_and_in_no_other_way(
        name in any_object_key(), value in "\\PC{0,20}", prefix in "[a-z]{0,4}/", token in proptest::option::of("[ -~&&[^ ]]{1,40}"),
        at in any::<Index>(), with in "[ -~]", cut in any::<Index>(),
    ) {
        prop_assume!(!value.contains("${filename}"));
        let key = holder(token.as_deref());
        let policy = PostPolicy::new(&endpoint(), "photos", &name).unwrap()
            .field("x-amz-meta-note", value)
            .starts_with("Content-Type", prefix.as_str())
            .tag("k", "v")
            .size(0..=5);
        let mut fields = owned(&policy.sign(&key, now()).unwrap());
        fields.push(("content-type".to_owned(), format!("{prefix}png")));
        prop_assert_eq!(check(&key, &fields, "a", now()), Ok(name));
        // The order does not matter, nor the case of names.
        let mut other: Fields = fields.iter().map(|(name, value)| (name.to_uppercase(), value.clone())).collect();
        other.reverse();
        prop_assert!(check(&key, &other, "a", now()).is_ok());
        let at = at.index(fields.len() - 1);
        let mut changed = fields.clone();
        changed[at].1.push_str(&with);
        prop_assert!(check(&key, &changed, "a", now()).is_err(), "{} with more", changed[at].0);
        let mut changed = fields.clone();
        if let Some((at_char, _)) = changed[at].1.char_indices().nth(cut.index(changed[at].1.chars().count().max(1))) {
            changed[at].1.remove(at_char);
            prop_assert!(check(&key, &changed, "a", now()).is_err(), "{} with less", changed[at].0);
        }
        let mut renamed = fields.clone();
        renamed[at].0.push('x');
        prop_assert!(check(&key, &renamed, "a", now()).is_err(), "{}", renamed[at].0);
        let mut doubled = fields.clone();
        doubled.push(doubled[at].clone());
        prop_assert!(check(&key, &doubled, "a", now()).is_err());
        let mut missing = fields;
        missing.remove(at);
        prop_assert!(check(&key, &missing, "a", now()).is_err());
    }

    #[test]
    fn every_key_behind_a_prefix_is_accepted_and_no_other(prefix in "[a-c]{1,3}/", key in "[a-c/]{0,8}", file in "[a-c/]{0,4}") {
        let holder = holder(None);
        let policy = PostPolicy::under(&endpoint(), "photos", &prefix).unwrap().because(why()).size(0..=5);
        let fields = owned(&policy.sign(&holder, now()).unwrap());
        let base = file.rsplit('/').next().unwrap();
        prop_assert_eq!(check(&holder, &fields, &file, now()), Ok(format!("{prefix}{base}")));
        let mut chosen = fields;
        chosen.iter_mut().find(|(name, _)| name == "key").unwrap().1.clone_from(&key);
        prop_assert_eq!(check(&holder, &chosen, &file, now()).is_ok(), key.starts_with(&prefix));
    }

    #[test]
    fn a_form_ends_to_the_second(lifetime in 1u32..=604_800, key_ends in 1i64..=700_000, moment in -1_000i64..=700_000) {
        let credential = Credential::new("AKIDEXAMPLE").unwrap().expiring(later(key_ends));
        let key = StaticKey::from_credential(credential, SECRET).unwrap();
        let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap()
            .size(0..=5)
            .lives(Lifetime::from_seconds(lifetime).unwrap())
            .because(why())
            .on_short_credential(OnShortCredential::Clamp);
        let form = policy.sign(&key, now()).unwrap();
        let end = i64::from(lifetime).min(key_ends);
        prop_assert_eq!(form.expires_at(), later(end));
        let fields = owned(&form);
        for at in [moment, end, end + 1] {
            prop_assert_eq!(check(&key, &fields, "a", later(at)).is_ok(), (-900..=end).contains(&at), "{}", at);
        }
    }

    #[test]
    fn the_file_is_bounded(least in 0u64..20, room in 0u64..20, length in 0usize..60) {
        let key = holder(None);
        let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(least..=least + room);
        let fields = owned(&policy.sign(&key, now()).unwrap());
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
        let form = key.verify_form(presented, &ExpectForm::new("eu-west-1"), now()).unwrap();
        let mut check = form.payload_check();
        let mut read = 0;
        while read < length && !check.is_too_long() {
            check.update(b"a");
            read += 1;
        }
        // One byte too many is the last that is read.
        prop_assert!(read as u64 <= least + room + 1);
        prop_assert_eq!(check.finish().is_ok(), (least..=least + room).contains(&(length as u64)));
    }

    #[test]
    fn nothing_made_up_is_accepted(fields in proptest::collection::vec(("[ -~]{0,20}", "\\PC{0,40}"), 0..12), policy in "\\PC{0,80}") {
        let mut fields: Fields = fields;
        for (name, value) in [
            ("key", "a"), ("policy", policy.as_str()), ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", "AKIDEXAMPLE/20231114/eu-west-1/s3/aws4_request"), ("x-amz-date", "20231114T221320Z"),
            ("x-amz-signature", "0000000000000000000000000000000000000000000000000000000000000000"),
        ] {
            fields.push((name.to_owned(), value.to_owned()));
        }
        prop_assert!(check(&holder(None), &fields, "a", now()).is_err());
    }
}
