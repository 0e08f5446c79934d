//! What holds for every input: what is signed is accepted, and nothing else is.

use proptest::{collection::vec, prelude::*, sample::Index};
use valet_key::azure::{
    AccessRule, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingOperation, MessagingSas,
    PresentedToken, Right, RuleRing, ServiceBusKey, TokenRequest,
};
use valet_key::clock::Timestamp;
use valet_key::grant::Lifetime;

fn segment() -> impl Strategy<Value = String> {
    "[a-z0-9$._~!'()*+,;:=@-]{1,12}".prop_filter("no dots", |segment| segment != "." && segment != "..")
}

fn namespace() -> MessagingEntity {
    MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

/// The token of a rule on the namespace for one queue, and whether it is accepted at another.
fn verdict(key: &ServiceBusKey, token: &str, asked: &MessagingEntity, now: Timestamp) -> bool {
    let ring = RuleRing::new().with(key.clone()).unwrap();
    let Ok(presented) = PresentedToken::service_bus(token) else { return false };
    ring.verify(presented, &ExpectToken::new(asked, MessagingOperation::Send), now).is_ok()
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted_until_its_last_second(
        path in vec(segment(), 1..5), name in "[!-~]{1,40}", key in ".{1,64}",
        start in 0i64..4_000_000_000, seconds in 1u32..=900, lower in any::<bool>(),
    ) {
        let queue = namespace().queue(&path.join("/")).unwrap();
        let key = ServiceBusKey::new(AccessRule::service_bus(&namespace(), name, Right::Send).unwrap(), key).unwrap();
        let mut request = TokenRequest::new(&queue, Right::Send).lives(Lifetime::from_seconds(seconds).unwrap());
        if lower {
            request = request.lower_case_escapes();
        }
        let token = key.token(&request, at(start)).unwrap();
        let end = start + i64::from(seconds);
        prop_assert_eq!(token.expires_at(), at(end));
        prop_assert!(verdict(&key, token.expose(), &queue, at(start)));
        prop_assert!(verdict(&key, token.expose(), &queue, at(end)));
        prop_assert!(!verdict(&key, token.expose(), &queue, at(end + 1)));
    }

    #[test]
    fn one_changed_byte_is_refused(path in vec(segment(), 1..4), place in any::<Index>(), with in 0x21u8..0x7f) {
        let queue = namespace().queue(&path.join("/")).unwrap();
        let rule = AccessRule::service_bus(&namespace(), "send", Right::Send).unwrap();
        let key = ServiceBusKey::new(rule, "key").unwrap();
        let token = key.token(&TokenRequest::new(&queue, Right::Send), at(1_700_000_000)).unwrap();
        let mut changed = token.expose().as_bytes().to_vec();
        let place = place.index(changed.len());
        changed[place] = with;
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(!changed.eq_ignore_ascii_case(token.expose()));
        prop_assert!(!verdict(&key, &changed, &queue, at(1_700_000_000)));
    }

    #[test]
    fn a_token_reaches_whole_segments_and_nothing_else(own in vec("[ab]{1,2}", 1..4), asked in vec("[ab]{1,2}", 1..5)) {
        let (own_entity, asked_entity) =
            (namespace().queue(&own.join("/")).unwrap(), namespace().queue(&asked.join("/")).unwrap());
        let rule = AccessRule::service_bus(&namespace(), "send", Right::Send).unwrap();
        let key = ServiceBusKey::new(rule, "key").unwrap();
        let token = key.token(&TokenRequest::new(&own_entity, Right::Send), at(1_700_000_000)).unwrap();
        let reaches = asked.starts_with(&own);
        prop_assert_eq!(own_entity.covers(&asked_entity), reaches);
        prop_assert_eq!(verdict(&key, token.expose(), &asked_entity, at(1_700_000_000)), reaches);
    }

    #[test]
    fn every_entity_reads_back_from_what_is_written(path in vec(segment(), 1..5), id in segment()) {
        let queue = namespace().queue(&path.join("/")).unwrap();
        let again = MessagingEntity::from_uri(queue.family(), queue.uri()).unwrap();
        prop_assert!(queue.covers(&again) && again.covers(&queue));
        let device = MessagingEntity::iot_hub("h.azure-devices.net").unwrap().device(&id).unwrap();
        prop_assert_eq!(MessagingEntity::from_uri(device.family(), device.uri()).unwrap(), device);
    }

    #[test]
    fn devices_and_topics_are_accepted_until_their_last_second(
        id in segment(), start in 0i64..4_000_000_000, seconds in 1u32..=900,
    ) {
        let lifetime = Lifetime::from_seconds(seconds).unwrap();
        let end = start + i64::from(seconds);
        let base64 = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

        let device = MessagingEntity::iot_hub("h.azure-devices.net").unwrap().device(&id).unwrap();
        let key = IotHubKey::new(AccessRule::device(&device).unwrap(), base64).unwrap();
        let token = key.token(&TokenRequest::new(&device, Right::DeviceConnect).lives(lifetime), at(start)).unwrap();
        let expect = ExpectToken::new(&device, MessagingOperation::ActAsDevice);
        let verdict = |now| key.verify(PresentedToken::iot_hub(token.expose()).unwrap(), &expect, now).is_ok();
        prop_assert!(verdict(at(end)) && !verdict(at(end + 1)));

        let topic = MessagingEntity::event_grid_topic(&format!("https://t.example/{id}")).unwrap();
        let key = EventGridKey::new(AccessRule::event_grid(&topic).unwrap(), base64).unwrap();
        let token = key.token(&TokenRequest::new(&topic, Right::Send).lives(lifetime), at(start)).unwrap();
        let expect = ExpectToken::new(&topic, MessagingOperation::PublishEvents);
        let verdict = |now| key.verify(PresentedToken::event_grid(token.expose()).unwrap(), &expect, now).is_ok();
        prop_assert!(verdict(at(end)) && !verdict(at(end + 1)));
    }

    #[test]
    fn nothing_that_a_peer_sends_panics(text in ".{0,200}", parts in vec("(sr|sig|se|skn|r|s|e)=[!-~]{0,60}", 0..6)) {
        let joined = parts.join("&");
        for text in [text.clone(), joined.clone(), format!("SharedAccessSignature {text}"), format!("SharedAccessSignature {joined}")] {
            let _ = PresentedToken::service_bus(&text);
            let _ = PresentedToken::iot_hub(&text);
            let _ = PresentedToken::event_grid(&text);
            let _ = PresentedToken::event_grid_authorization(&text);
        }
    }
}
