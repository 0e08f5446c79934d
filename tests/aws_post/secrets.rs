//! Secrets, tokens and signatures of forms, looked for wherever something prints itself.

use crate::planted::Planted;
use base64ct::Encoding;
use valet_key::aws::{
    Credential, Endpoint, ExpectForm, FormView, KeyRing, PostPolicy, PresentedForm, Region, S3Error, SigV4, StaticKey,
};
use valet_key::clock::Timestamp;

const SECRET: &str = "PLANTEDsecretaccesskeyPLANTEDsecretaccesskey";
const TOKEN: &str = "PLANTEDsessiontokenPLANTEDsessiontokenPLANTED";
const CUSTOMER_KEY: &str = "PLANTEDcustomerkeyPLANTEDcustomerkeyPLANTED";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn holder(token: &str) -> StaticKey {
    let credential = Credential::new("ASIAEXAMPLE").unwrap().with_session_token(token).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

#[test]
fn the_search_finds_what_is_planted() {
    let planted = Planted::new(&[SECRET]);
    let in_a_policy = base64ct::Base64::encode_string(format!("{{\"a\":\"{SECRET}\"}}").as_bytes());
    for text in [format!("a{SECRET}b"), hex::encode(SECRET), format!("{:#?}", SECRET.as_bytes()), in_a_policy] {
        assert!(planted.is_in(&text).is_some(), "{text}");
    }
    assert!(planted.is_in("nothing of it").is_none());
}

#[test]
fn no_form_shows_its_signature_its_token_or_a_key_among_its_fields() {
    let endpoint = Endpoint::aws(Region::new("eu-west-1").unwrap());
    let policy = PostPolicy::new(&endpoint, "photos", "cat.jpg")
        .unwrap()
        .size(0..=9)
        .field("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY)
        .starts_with("content-type", "");
    let holder = holder(TOKEN);
    let prepared = policy.prepare(holder.credential(), now()).unwrap();
    let form = policy.sign(&holder, now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().chain([("Content-Type", "image/png")]).collect();
    let value = |name: &str| fields.iter().find(|(field, _)| *field == name).unwrap().1;
    let planted = Planted::new(&[SECRET, TOKEN, CUSTOMER_KEY, value("x-amz-signature"), value("policy")]);
    planted.is_hidden_by(&policy);
    planted.is_hidden_by(&prepared);
    planted.is_hidden_by(prepared.string_to_sign());
    planted.is_hidden_by(&form);
    let view = FormView::new("photos", &fields);
    planted.is_hidden_by(&view);
    let presented = PresentedForm::parse(&view).unwrap();
    planted.is_hidden_by(&presented);
    let expect = ExpectForm::new("eu-west-1");
    let pending = presented.clone().check(holder.credential(), &expect, now()).unwrap();
    planted.is_hidden_by(&pending);
    let expected = holder.sign(pending.scope(), pending.string_to_sign()).unwrap();
    planted.is_hidden_by(&expected);
    let verified = pending.accept(&expected).unwrap();
    planted.is_hidden_by(&verified);
    assert_eq!(verified.field("x-amz-server-side-encryption-customer-key"), Some(CUSTOMER_KEY));
    planted.is_hidden_by(&verified.payload_check());
}

/// Whatever is wrong with a form, saying so shows nothing of it.
#[test]
fn no_error_about_a_form_shows_what_is_in_it() {
    let endpoint = Endpoint::aws(Region::new("eu-west-1").unwrap());
    let policy = PostPolicy::new(&endpoint, "photos", "cat.jpg")
        .unwrap()
        .size(0..=9)
        .field("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY);
    let signer = holder(TOKEN);
    let form = policy.sign(&signer, now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let signature = fields.last().unwrap().1;
    let text = fields.iter().find(|(name, _)| *name == "policy").unwrap().1;
    let planted = Planted::new(&[SECRET, TOKEN, CUSTOMER_KEY, signature, text]);
    let other_token = holder("another token of a session");
    let mut codes = std::collections::BTreeSet::new();
    let mut judge = |bucket: &str, fields: &[(&str, &str)], key: &StaticKey, at: Timestamp| {
        let key = StaticKey::from_credential(key.credential().clone(), SECRET).unwrap();
        let presented = PresentedForm::parse(&FormView::new(bucket, fields));
        let verdict = presented
            .and_then(|presented| KeyRing::new().with(key).verify_form(presented, &ExpectForm::new("eu-west-1"), at));
        let error = verdict.map(|_| ()).expect_err("it was accepted");
        planted.is_hidden_by_error(&error);
        for answer in [S3Error::from(&error), S3Error::detailed(&error)] {
            planted.is_hidden_by(&answer);
            planted.is_not_in(&answer.to_xml("req-1"));
        }
        codes.insert(error.code());
    };
    for at in 0..fields.len() {
        let mut changed = fields.clone();
        for value in ["x", "", TOKEN, CUSTOMER_KEY, "a\nb", signature, text] {
            if value != fields[at].1 {
                changed[at].1 = value;
                judge("photos", &changed, &signer, now());
            }
        }
        let mut missing = fields.clone();
        missing.remove(at);
        judge("photos", &missing, &signer, now());
        let mut doubled = fields.clone();
        doubled.push(fields[at]);
        judge("photos", &doubled, &signer, now());
    }
    judge("invoices", &fields, &signer, now());
    judge("photos", &fields, &other_token, now());
    judge("photos", &fields, &StaticKey::new("ASIAEXAMPLE", SECRET).unwrap(), now());
    judge("photos", &fields, &StaticKey::new("AKIDOTHER", SECRET).unwrap(), now());
    judge("photos", &fields, &signer, now().saturating_add(901));
    judge("photos", &fields, &signer, now().saturating_sub(901));
    for code in ["policy", "signature_mismatch", "session_token", "unknown_key", "expired", "malformed", "form_field"] {
        assert!(codes.contains(code), "nothing was refused with {code}");
    }
}

/// Every search of this file, for the list of what was searched.
#[allow(dead_code, reason = "called where that list is made")]
pub(crate) fn search_everything() {
    no_form_shows_its_signature_its_token_or_a_key_among_its_fields();
    no_error_about_a_form_shows_what_is_in_it();
}
