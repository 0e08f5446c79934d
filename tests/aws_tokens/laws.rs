//! What holds for every input: what is signed is accepted, and nothing else is.

use proptest::{collection::vec, prelude::*, sample::Index};
use valet_key::aws::auth_token::{DsqlRole, EksAuthenticator, Login};
use valet_key::aws::sts::StsEndpoint;
use valet_key::aws::{Credential, Region, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::grant::Lifetime;

const REGION: &str = "eu-west-1";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn endpoint() -> StsEndpoint {
    StsEndpoint::regional(Region::new(REGION).unwrap())
}

fn key(session_token: Option<&str>) -> StaticKey {
    let credential = Credential::new("AKIAIOSFODNN7EXAMPLE").unwrap();
    let credential = match session_token {
        Some(token) => credential.with_session_token(token).unwrap(),
        None => credential,
    };
    StaticKey::from_credential(credential, "secret").unwrap()
}

fn any_login() -> impl Strategy<Value = Login> {
    let text = "[ -~é日]{1,40}";
    let name = "[a-z][a-z0-9]{0,20}";
    prop_oneof![
        (name, 1u16..=65535, text)
            .prop_filter("signers do not agree", |(_, port, _)| *port != 443)
            .prop_map(|(host, port, user)| Login::rds(&host, port, &user, REGION)),
        name.prop_map(|host| Login::dsql(&host, DsqlRole::Custom, REGION)),
        (name, text).prop_map(|(name, user)| Login::elasticache(&name, &user, REGION)),
        (name, text).prop_map(|(name, user)| Login::elasticache_serverless(&name, &user, REGION)),
        (name, text).prop_map(|(name, user)| Login::memorydb(&name, &user, REGION)),
        "[!-~]{1,100}".prop_map(|cluster| Login::eks(&cluster, &endpoint())),
        text.prop_filter("ASCII", |name| name.is_ascii())
            .prop_map(|name| Login::msk(REGION).and_then(|login| login.user_agent(&name))),
        name.prop_map(|broker| Login::msk_iam(&broker, REGION)),
        name.prop_map(|endpoint| Login::iot(&endpoint, REGION)),
    ]
    .prop_map(Result::unwrap)
}

fn any_session_token() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Za-z0-9+/=]{1,400}")
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted_until_its_last_second(
        login in any_login(), token in any_session_token(), start in 1_000i64..4_000_000_000, seconds in 1u32..=900,
    ) {
        let key = key(token.as_deref());
        let login = login.lives(Lifetime::from_seconds(seconds).unwrap());
        let issued = login.issue(&key, at(start)).unwrap();
        let verified = login.verify(issued.expose(), &key, at(start)).unwrap();
        // STS does not go by what a token says.
        let is_eks = issued.expose().starts_with("k8s-aws-v1.");
        let lives = if is_eks { 900 } else { i64::from(seconds) };
        prop_assert_eq!(verified.expires_at(), at(start + lives));
        prop_assert!(issued.expires_at() <= verified.expires_at());
        prop_assert!(login.verify(issued.expose(), &key, at(start + lives)).is_ok());
        prop_assert!(login.verify(issued.expose(), &key, at(start + lives + 1)).is_err());
        prop_assert!(login.verify(issued.expose(), &key, at(start - 901)).is_err());
        // What is not the login's own is no token of it.
        let more = format!("{}&x=1", issued.expose());
        prop_assert!(login.verify(&more, &key, at(start)).is_err());
    }

    #[test]
    fn one_changed_byte_is_refused(
        login in any_login(), token in any_session_token(), place in any::<Index>(), with in 0x20u8..0x7f,
    ) {
        let key = key(token.as_deref());
        let now = at(1_700_000_000);
        let issued = login.issue(&key, now).unwrap();
        let mut changed = issued.expose().as_bytes().to_vec();
        let place = place.index(changed.len());
        changed[place] = with;
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(changed != issued.expose());
        // The name of a Kafka client is not signed, and says nothing.
        let is_kafka = format!("{login:?}").contains("kafka-cluster");
        prop_assume!(!is_kafka || signed(&changed) != signed(issued.expose()));
        prop_assert!(login.verify(&changed, &key, now).is_err(), "{}", changed);
    }

    #[test]
    fn a_token_is_for_its_own_login_alone(one in any_login(), other in any_login()) {
        prop_assume!(format!("{one:?}") != format!("{other:?}"));
        let now = at(1_700_000_000);
        let issued = one.issue(&key(None), now).unwrap();
        // A serverless cache looks the same in `Debug` as a group of its name, and so do two clusters.
        prop_assert!(other.verify(issued.expose(), &key(None), now).is_err());
    }

    #[test]
    fn nothing_that_a_peer_sends_panics(
        text in ".{0,200}", params in vec("(Action|X-Amz-[A-Z][a-z]{1,8}|User-Agent)=[!-~]{0,60}", 0..8), login in any_login(),
    ) {
        let now = at(1_700_000_000);
        let authenticator = EksAuthenticator::new("my-cluster", [endpoint()]).unwrap();
        for text in [text.clone(), format!("a/?{}", params.join("&")), format!("k8s-aws-v1.{text}")] {
            prop_assert!(login.verify(&text, &key(None), now).is_err());
            prop_assert!(authenticator.check(&text, now).is_err());
        }
    }
}

/// What of a token of Kafka somebody reads.
fn signed(token: &str) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    if let Ok(mut value) = serde_json::from_str::<serde_json::Value>(token) {
        if let Some(object) = value.as_object_mut()
            && let Some(agent) = object.get_mut("user-agent").filter(|agent| agent.is_string())
        {
            *agent = serde_json::Value::Null;
        }
        return value.to_string();
    }
    let url = Base64UrlUnpadded::decode_vec(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let url = url.unwrap_or_else(|| token.to_owned());
    url.split_once("&User-Agent=").map_or(url.clone(), |(signed, _)| signed.to_owned())
}
