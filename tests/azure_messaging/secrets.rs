//! No key, signature or token shows in any `Debug`, error, answer or panic.

use crate::planted::Planted;
use valet_key::azure::{
    AccessRule, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingError, MessagingOperation,
    MessagingSas, PresentedToken, Right, RuleKey, RuleRing, ServiceBusKey, TokenCarrier, TokenRequest, TokenSignature,
};
use valet_key::clock::Timestamp;

/// Base64, so that every family takes it.
const SECRET: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEVE";
const DECODED: &str = "PLANTEDsecretPLANTEDsecretPLANTED";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

#[test]
fn the_search_finds_what_is_planted() {
    let planted = Planted::new(&[SECRET]);
    for text in
        [format!("a{SECRET}b"), hex::encode(SECRET), format!("{:?}", SECRET.as_bytes()), SECRET[24..].to_owned()]
    {
        assert!(std::panic::catch_unwind(|| planted.is_not_in(&text)).is_err(), "{text}");
    }
}

/// One key of each family, with what its tokens are for.
fn holders() -> Vec<(RuleKey, MessagingEntity, MessagingOperation)> {
    let queue = MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap();
    let device = MessagingEntity::iot_hub("contoso.azure-devices.net").unwrap().device("dev1").unwrap();
    let topic = MessagingEntity::event_grid_topic("https://t.example/api/events").unwrap();
    let planted = Planted::new(&[SECRET, DECODED]);
    let bus = ServiceBusKey::new(AccessRule::service_bus(&queue, "send", Right::Send).unwrap(), SECRET).unwrap();
    let iot = IotHubKey::new(AccessRule::device(&device).unwrap(), SECRET).unwrap();
    let grid = EventGridKey::new(AccessRule::event_grid(&topic).unwrap(), SECRET).unwrap();
    planted.is_hidden_by(&(&bus, &iot, &grid));
    vec![
        (bus.into(), queue, MessagingOperation::Send),
        (iot.into(), device, MessagingOperation::ActAsDevice),
        (grid.into(), topic, MessagingOperation::PublishEvents),
    ]
}

#[test]
fn nothing_on_the_way_to_a_token_or_past_it_shows_its_signature() {
    for (key, entity, operation) in holders() {
        let request = TokenRequest::new(&entity, operation);
        let prepared = request.prepare(key.rule(), now()).unwrap();
        let signature = key.sign(prepared.string_to_sign()).unwrap();
        let token = prepared.clone().finish(&signature);
        let text = token.expose();
        let part = text.split('&').find_map(|part| part.strip_prefix("sig=").or(part.strip_prefix("s="))).unwrap();
        let plain = part.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let planted = Planted::new(&[SECRET, DECODED, part, &plain]);
        planted.is_hidden_by(&key);
        planted.is_hidden_by(&request);
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(&prepared.string_to_sign());
        planted.is_hidden_by(&signature);
        planted.is_hidden_by(&token);
        let carrier = TokenCarrier::new(&token);
        planted.is_hidden_by(&carrier);
        planted.is_hidden_by(&carrier.service_bus_put_token());
        planted.is_hidden_by(&(carrier.authorization(), carrier.event_grid_header(), carrier.relay_header()));
        planted.is_hidden_by(&(carrier.relay_query(), carrier.relay_renewal()));

        let read = |text: &str| match operation {
            MessagingOperation::Send => PresentedToken::service_bus(text).map(|_| ()),
            MessagingOperation::ActAsDevice => PresentedToken::iot_hub(text).map(|_| ()),
            _ => PresentedToken::event_grid(text).map(|_| ()),
        };
        let presented = match operation {
            MessagingOperation::Send => PresentedToken::service_bus(text),
            MessagingOperation::ActAsDevice => PresentedToken::iot_hub(text),
            _ => PresentedToken::event_grid(text),
        };
        let presented = presented.unwrap();
        planted.is_hidden_by(&presented);
        let expect = ExpectToken::new(&entity, operation);
        let pending = presented.clone().check(key.rule(), &expect, now()).unwrap();
        planted.is_hidden_by(&pending);
        planted.is_hidden_by_error(&pending.clone().accept(&TokenSignature::new([0; 32])).unwrap_err());
        planted.is_hidden_by(&pending.accept(&signature).unwrap());
        let ring = RuleRing::new().with(key).unwrap();
        planted.is_hidden_by(&ring);

        // Every refusal, of a token that all but has the right signature.
        let late = now().checked_add(901).unwrap();
        let elsewhere = MessagingEntity::from_uri(entity.family(), &entity.uri().replace("rders", "dd")).unwrap();
        let refusals = [
            ring.verify(presented.clone(), &expect, late).map(|_| ()),
            RuleRing::new().verify(presented.clone(), &expect, now()).map(|_| ()),
            ring.verify(presented.clone(), &ExpectToken::new(&entity, MessagingOperation::Receive), now()).map(|_| ()),
            ring.verify(presented, &ExpectToken::new(&elsewhere, MessagingOperation::Settle), now()).map(|_| ()),
            read(&text[1..]),
            read(&format!("{text}&x=1")),
            read(&format!("{text}&{}", text.split('&').next_back().unwrap())),
            read(&text.replace("%3D", "%3D%3D")),
            read(&text.replace("%3D", "%3")),
            read(&text.replacen("%2F", "%2F%2F%2F", 3)),
            read(&format!("{text}&s={}", "a".repeat(5000))),
        ];
        for refusal in refusals {
            let error = refusal.unwrap_err();
            planted.is_hidden_by_error(&error);
            planted.is_hidden_by(&MessagingError::from(&error));
        }
    }
}

#[test]
fn a_key_that_is_refused_does_not_show() {
    let planted = Planted::new(&[SECRET, DECODED]);
    let (key, ..) = holders().remove(0);
    let not_base64 = format!("{SECRET}%");
    let device = MessagingEntity::iot_hub("contoso.azure-devices.net").unwrap().device("dev1").unwrap();
    planted.is_hidden_by_error(&IotHubKey::new(AccessRule::device(&device).unwrap(), not_base64.as_str()).unwrap_err());
    planted.is_hidden_by_error(&EventGridKey::new(key.rule().clone(), SECRET).unwrap_err());
    planted.is_hidden_by_error(&ServiceBusKey::new(key.rule().clone(), SECRET.repeat(30)).unwrap_err());
    let panicked =
        std::panic::catch_unwind(|| IotHubKey::new(AccessRule::device(&device).unwrap(), not_base64.as_str()).unwrap());
    planted.is_not_in(panicked.unwrap_err().downcast_ref::<String>().unwrap());
}

/// Every search of this file, for the list of what was searched.
#[allow(dead_code, reason = "called where that list is made")]
pub(crate) fn search_everything() {
    nothing_on_the_way_to_a_token_or_past_it_shows_its_signature();
    a_key_that_is_refused_does_not_show();
}
