use ::azure_storage_sas::SasBuilder;
use azure_storage_common::models::UserDelegationKey;
use time::OffsetDateTime;
use valet_key::{
    azure::{Delegation, Sas as _, UrlRequest, UserDelegationKey as OurKey},
    grant::{Grant, ResponseHeader},
};
use valet_key_peers::{
    agree::param,
    work::{ACCOUNT, BUCKET, OBJECT, SECONDS, iso, now},
};

const IDS: [&str; 2] = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// A key that ends in five minutes.
fn key() -> UserDelegationKey {
    UserDelegationKey {
        signed_delegated_user_tid: None,
        signed_expiry: Some(at(SECONDS + 300)),
        signed_oid: Some(IDS[0].to_owned()),
        signed_service: Some("b".to_owned()),
        signed_start: Some(at(SECONDS - 300)),
        signed_tid: Some(IDS[1].to_owned()),
        signed_version: Some("2026-04-06".to_owned()),
        value: Some((0..32).collect()),
    }
}

fn our_key() -> OurKey {
    let window = [iso(now().saturating_sub(300)), iso(now().saturating_add(300))];
    let delegation = Delegation::new(IDS, [&window[0], &window[1]], "b", "2026-04-06").unwrap();
    OurKey::new(ACCOUNT, delegation, VALUE).unwrap()
}

fn token(life: i64) -> String {
    let key = key();
    format!("?{}", SasBuilder::new(ACCOUNT, &key, at(SECONDS + life)).unwrap().blob(BUCKET, OBJECT).read().build())
}

#[test]
fn azure_storage_sas_signs_tokens_that_outlive_their_key() {
    assert_eq!(param(&token(900), "se"), iso(now().saturating_add(900)));
    let request = UrlRequest::storage(&Grant::read(BUCKET, OBJECT)).unwrap();
    assert!(our_key().issue(&request, now()).is_err());
}

#[test]
fn azure_storage_sas_signs_tokens_that_have_ended() {
    let key = key();
    let builder = SasBuilder::new(ACCOUNT, &key, at(0)).unwrap();
    assert!(builder.blob(BUCKET, OBJECT).read().build().contains("se=1970-01-01"));
}

#[test]
fn azure_storage_sas_leaves_the_protocol_open_unless_told() {
    assert!(!token(100).contains("spr="));
}

#[test]
fn azure_storage_sas_sets_no_start_unless_told() {
    assert!(!token(100).contains("&st="));
}

#[test]
fn azure_storage_sas_signs_tokens_without_permissions() {
    let key = key();
    let token = SasBuilder::new(ACCOUNT, &key, at(SECONDS + 100)).unwrap().blob(BUCKET, OBJECT).build();
    assert!(token.contains("sp=&"), "{token}");
}

#[test]
fn azure_storage_sas_signs_line_feeds_in_header_values() {
    let key = key();
    let builder = SasBuilder::new(ACCOUNT, &key, at(SECONDS + 100)).unwrap();
    assert!(builder.blob(BUCKET, OBJECT).read().cache_control("no-store\nx").build().contains("rscc=no-store%0Ax"));
    let grant = Grant::read(BUCKET, OBJECT).response_header(ResponseHeader::CacheControl, "no-store\nx");
    let issued = UrlRequest::storage(&grant).and_then(|request| our_key().issue(&request, now()));
    assert!(issued.is_err());
}

#[test]
fn azure_storage_sas_hides_the_key_in_debug() {
    let text = format!("{:?}", key());
    assert!(!text.contains("30, 31") && !text.contains(VALUE), "{text}");
}
