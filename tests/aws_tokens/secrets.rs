//! No secret, session token, signature or whole token shows in any `Debug`, error or panic.

use crate::planted::Planted;
use valet_key::aws::auth_token::{DsqlRole, EksAuthenticator, Login};
use valet_key::aws::sts::StsEndpoint;
use valet_key::aws::{Credential, KeyRing, Region, SigV4, Signature, StaticKey};
use valet_key::clock::Timestamp;

pub(crate) const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
pub(crate) const TOKEN: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const REGION: &str = "eu-west-1";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

pub(crate) fn key() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

#[test]
fn the_search_finds_what_is_planted() {
    let planted = Planted::new(&[SECRET, TOKEN]);
    let escaped = TOKEN.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    for text in [format!("a{SECRET}b"), hex::encode(TOKEN), format!("{:?}", SECRET.as_bytes()), escaped] {
        assert!(std::panic::catch_unwind(|| planted.is_not_in(&text)).is_err(), "{text}");
    }
}

fn endpoint() -> StsEndpoint {
    StsEndpoint::regional(Region::new(REGION).unwrap())
}

fn every_login() -> Vec<Login> {
    [
        Login::rds("db.example", 5432, "jane", REGION),
        Login::dsql("abc.dsql.eu-west-1.on.aws", DsqlRole::Admin, REGION),
        Login::elasticache_serverless("sessions", "web", REGION),
        Login::memorydb("sessions", "web", REGION),
        Login::eks("my-cluster", &endpoint()),
        Login::msk(REGION),
        Login::msk_iam("b-1.example", REGION),
        Login::iot("abc-ats.iot.eu-west-1.amazonaws.com", REGION),
    ]
    .map(Result::unwrap)
    .into()
}

#[test]
fn nothing_on_the_way_to_a_token_or_past_it_shows_it() {
    for login in every_login() {
        let prepared = login.prepare(key().credential(), now()).unwrap();
        let signature = key().sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let token = prepared.clone().finish(&signature);
        let text = token.expose();
        // The signature by itself, from the request that everybody may see.
        let presented = login.parse(text).unwrap();
        let hex = signature_of(&login, text);
        let planted = Planted::new(&[SECRET, TOKEN, &hex, behind_the_host(text)]);
        planted.is_hidden_by(&login);
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(&token);
        planted.is_hidden_by(&presented);
        let pending = presented.check(key().credential(), now()).unwrap();
        planted.is_hidden_by(&pending);
        planted.is_hidden_by(&pending.string_to_sign());
        planted.is_hidden_by_error(&pending.clone().accept(&Signature::from_bytes([0; 32])).unwrap_err());
        planted.is_hidden_by(&pending.accept(&signature).unwrap());
        let ring = KeyRing::new().with(key());
        planted.is_hidden_by(&login.verify_among(text, &ring, now()).unwrap());
    }
}

/// A token begins with a host, which is no secret.
fn behind_the_host(token: &str) -> &str {
    &token[token.len() / 2..]
}

/// The signature of the token, whose digits are the last of any URL that is finished with it.
fn signature_of(login: &Login, text: &str) -> String {
    let prepared = login.prepare(key().credential(), now()).unwrap();
    let signature = key().sign(prepared.scope(), prepared.string_to_sign()).unwrap();
    let url = Login::rds("db.example", 5432, "jane", REGION).unwrap();
    let url = url.prepare(key().credential(), now()).unwrap().finish(&signature);
    let hex = url.expose().rsplit_once('=').unwrap().1.to_owned();
    assert_eq!(hex.len(), 64);
    assert!(text.contains(&hex) || !text.contains("X-Amz-"), "the token of {login:?} has another signature");
    hex
}

#[test]
fn no_refusal_shows_what_was_presented() {
    for login in every_login() {
        let token = login.issue(&key(), now()).unwrap();
        let hex = signature_of(&login, token.expose());
        let planted = Planted::new(&[SECRET, TOKEN, &hex]);
        let mut refused = 0;
        for at in (0..token.expose().len()).step_by(3) {
            for with in ["", "%", "&", "=", "\u{fc}", "x"] {
                let mut changed = token.expose().to_owned();
                changed.replace_range(at..=at, with);
                if let Err(error) = login.verify(&changed, &key(), now()) {
                    planted.is_hidden_by_error(&error);
                    refused += 1;
                }
            }
        }
        assert!(refused > 100, "{login:?}");
        for late in [901, 100_000] {
            let error = login.verify(token.expose(), &key(), now().saturating_add(late)).unwrap_err();
            planted.is_hidden_by_error(&error);
        }
        let long = StaticKey::from_credential(
            Credential::new(ID).unwrap().with_session_token(TOKEN.repeat(200)).unwrap(),
            SECRET,
        );
        if let Err(error) = login.issue(&long.unwrap(), now()) {
            planted.is_hidden_by_error(&error);
        }
    }
}

#[test]
fn a_caller_that_nobody_verified_shows_no_more() {
    let authenticator = EksAuthenticator::new("my-cluster", [endpoint()]).unwrap();
    let login = Login::eks("my-cluster", &endpoint()).unwrap();
    let token = login.issue(&key(), now()).unwrap();
    let unverified = authenticator.check(token.expose(), now()).unwrap();
    let planted =
        Planted::new(&[SECRET, TOKEN, behind_the_host(token.expose()), &signature_of(&login, token.expose())]);
    planted.is_hidden_by(&authenticator);
    planted.is_hidden_by(&unverified);
    planted.is_hidden_by(unverified.sts_call());
    let shown = format!("{unverified:?}");
    assert!(shown.contains(ID) && shown.contains("sts.eu-west-1.amazonaws.com"), "{shown}");
}

/// The searches of this file, but the longest, for the list of what was searched.
#[allow(dead_code, reason = "called where that list is made")]
pub(crate) fn search_everything() {
    nothing_on_the_way_to_a_token_or_past_it_shows_it();
    a_caller_that_nobody_verified_shows_no_more();
}
