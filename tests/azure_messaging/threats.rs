//! The rules that a verifier of messaging tokens keeps, each under its number, with the answer that the peer
//! gets. The numbers are those of `threats.rs` at the top.

use crate::case::{base64, escaped};
use valet_key::azure::{
    AccessRule, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingError, MessagingFamily,
    MessagingOperation, MessagingSas, PresentedToken, Right, Rights, RuleRing, ServiceBusKey, TokenCarrier,
    TokenRequest, relay_token,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError, VerifyError};
use valet_key::grant::{Justification, Lifetime};

const KEY: &str = "SG9va2VkIG9uIFNpZ25hdHVyZXM=";
const DECODED_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn now() -> Timestamp {
    Timestamp::from_unix(1_795_304_700).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn namespace() -> MessagingEntity {
    MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap()
}

fn queue() -> MessagingEntity {
    namespace().queue("q1").unwrap()
}

fn key_on(entity: &MessagingEntity, name: &str, rights: impl Into<Rights>, key: &str) -> ServiceBusKey {
    ServiceBusKey::new(AccessRule::service_bus(entity, name, rights).unwrap(), key).unwrap()
}

fn hub() -> MessagingEntity {
    MessagingEntity::iot_hub("contoso.azure-devices.net").unwrap()
}

/// A token for sending to `q1`, with a rule of the namespace.
fn token() -> String {
    let key = key_on(&namespace(), "send", Right::Send, KEY);
    key.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap().expose().to_owned()
}

fn ring() -> RuleRing {
    RuleRing::new()
        .with(key_on(&namespace(), "send", Right::Send, KEY))
        .unwrap()
        .with(key_on(&namespace(), "listen", Right::Listen, "another key"))
        .unwrap()
}

fn verify(token: &str, entity: &MessagingEntity, operation: MessagingOperation) -> Result<(), VerifyError> {
    let presented = PresentedToken::service_bus(token)?;
    ring().verify(presented, &ExpectToken::new(entity, operation), now()).map(|_| ())
}

fn send(token: &str) -> Result<(), VerifyError> {
    verify(token, &queue(), MessagingOperation::Send)
}

#[track_caller]
fn answers(result: Result<(), VerifyError>, status: u16) -> VerifyError {
    let error = result.unwrap_err();
    assert_eq!(MessagingError::from(&error).status, status, "{error}");
    error
}

/// The token with one parameter replaced.
fn with(name: &str, value: &str) -> String {
    let token = token();
    let (scheme, parameters) = token.split_once(' ').unwrap();
    let replaced = parameters
        .split('&')
        .map(|part| if part.starts_with(&format!("{name}=")) { format!("{name}={value}") } else { part.to_owned() });
    let changed = format!("{scheme} {}", replaced.collect::<Vec<_>>().join("&"));
    assert_ne!(changed, token);
    changed
}

#[test]
fn r01_two_tokens_are_refused() {
    assert_eq!(relay_token(None, None, Some("t")).unwrap().expose(), "t");
    assert!(matches!(relay_token(Some("t"), Some("t"), None), Err(VerifyError::TwoMechanisms { .. })));
    assert_eq!(relay_token(None, None, None).unwrap_err(), VerifyError::NotSigned);
    assert!(relay_token(Some("a+b"), None, None).is_err() && relay_token(Some("%2"), None, None).is_err());
    answers(send(&format!("{0}, {0}", token())), 401);
    answers(send(""), 401);
}

#[test]
fn r02_a_parameter_is_there_once_and_known() {
    assert_eq!(send(&token()), Ok(()));
    for part in ["se=1795305600", "skn=send", "sr=a", "sig=a"] {
        let error = answers(send(&format!("{}&{part}", token())), 401);
        assert!(matches!(error, VerifyError::FieldCount { found: 2, .. }), "{error}");
    }
    for part in ["SE=1795305600", "x=1", "", "=", "se", "si=policy", " se=1"] {
        answers(send(&format!("{}&{part}", token())), 401);
    }
    for name in ["sr", "sig", "se", "skn"] {
        let parts = token().replacen(' ', " &", 1);
        let kept: Vec<&str> = parts.split('&').filter(|part| !part.starts_with(&format!("{name}="))).collect();
        let error = answers(send(&kept.join("&").replacen(" &", " ", 1)), 401);
        assert!(matches!(error, VerifyError::FieldCount { found: 0, .. }), "{name}: {error}");
    }
}

#[test]
fn r03_the_text_is_split_on_ampersands_alone() {
    answers(send(&token().replace('&', ";")), 401);
    answers(send(&with("skn", "send;x=1")), 401);
    let reordered: Vec<String> =
        token().strip_prefix("SharedAccessSignature ").unwrap().rsplit('&').map(ToOwned::to_owned).collect();
    assert_eq!(send(&format!("SharedAccessSignature {}", reordered.join("&"))), Ok(()));
    for scheme in
        ["SharedAccessSignature  ", "sharedaccesssignature ", "SharedAccessSignature\t", " SharedAccessSignature "]
    {
        answers(send(&token().replacen("SharedAccessSignature ", scheme, 1)), 401);
    }
}

#[test]
fn r04_decoding_is_strict_and_happens_once() {
    for value in ["send%", "send%2", "send%zz", "%FF", "se%00nd", "s+end", "%73end", "s%2565nd", "send%20"] {
        answers(send(&with("skn", value)), 401);
    }
    for value in ["contoso.servicebus.windows.net/q1", "a%", "a%2G", "%FF", "a%252Fq1", "a+b", ""] {
        answers(send(&with("sr", value)), 401);
    }
}

#[test]
fn r04_a_rule_name_that_was_quoted_twice_is_another_name() {
    let key = key_on(&queue(), "a+b", Right::Send, KEY);
    let token = key.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
    let check = |text: &str| {
        let presented = PresentedToken::service_bus(text).unwrap();
        key.verify(presented, &ExpectToken::new(&queue(), MessagingOperation::Send), now()).map(|_| ())
    };
    assert!(token.expose().ends_with("&skn=a%2Bb"));
    assert_eq!(check(token.expose()), Ok(()));
    assert_eq!(answers(check(&token.expose().replace("skn=a%2Bb", "skn=a%252Bb")), 401), VerifyError::OtherKey);
}

#[test]
fn r05_the_resource_is_signed_as_it_was_sent() {
    let sr = "https%3A%2F%2Fcontoso.servicebus.windows.net%2Fq1";
    assert!(token().contains(sr));
    for same_resource in [
        "https%3a%2f%2fcontoso.servicebus.windows.net%2fq1",
        "https%3A%2F%2Fcontoso.servicebus.windows.net%2Fq1%2F",
        "sb%3A%2F%2Fcontoso.servicebus.windows.net%2Fq1",
        "https%3A%2F%2FCONTOSO.servicebus.windows.net%2Fq1",
    ] {
        assert_eq!(answers(send(&with("sr", same_resource)), 401), VerifyError::SignatureMismatch);
    }
}

#[test]
fn r06_no_line_break_reaches_what_is_signed() {
    for value in ["a%0A1795305600", "a%0D%0Ab", "a%00", "a\nb"] {
        answers(send(&with("sr", value)), 401);
        answers(send(&with("skn", value)), 401);
    }
    assert!(MessagingEntity::from_uri(MessagingFamily::ServiceBus, "ns/q\n1").is_err());
    assert!(AccessRule::service_bus(&queue(), "a\nb", Right::Send).is_err());
    assert!(namespace().queue("q\r\n1").is_err());
}

#[test]
fn r07_the_host_is_compared_without_case_and_whole() {
    let upper = MessagingEntity::namespace("CONTOSO.ServiceBus.Windows.Net").unwrap().queue("q1").unwrap();
    assert_eq!(verify(&token(), &upper, MessagingOperation::Send), Ok(()));
    for host in ["contoso.servicebus.windows.net.evil.example", "xcontoso.servicebus.windows.net", "contoso"] {
        let other = MessagingEntity::namespace(host).unwrap().queue("q1").unwrap();
        answers(verify(&token(), &other, MessagingOperation::Send), 401);
        let rule = AccessRule::service_bus(&MessagingEntity::namespace(host).unwrap(), "send", Right::Send).unwrap();
        let same_key = RuleRing::new().with(ServiceBusKey::new(rule, KEY).unwrap()).unwrap();
        let text = token();
        let presented = PresentedToken::service_bus(&text).unwrap();
        let found = same_key.verify(presented, &ExpectToken::new(&other, MessagingOperation::Send), now());
        assert_eq!(answers(found.map(|_| ()), 403).code(), "not_covered");
    }
    for host in ["user@contoso.servicebus.windows.net", "", "a/b", "a b", "[::1]"] {
        assert!(MessagingEntity::namespace(host).is_err(), "{host}");
    }
}

#[test]
fn r15_a_token_without_an_end_is_refused() {
    let text = token();
    answers(send(&text.replacen("&se=1795305600", "", 1)), 401);
    answers(send(&with("se", "")), 401);
}

#[test]
fn r16_a_time_is_one_that_a_calendar_has() {
    for value in ["253402300800", "9999999999999", "99999999999999999999"] {
        let error = answers(send(&with("se", value)), 401);
        assert_eq!(error.code(), "field_form");
    }
    let late = Timestamp::from_unix(253_402_300_799).unwrap();
    let key = key_on(&queue(), "send", Right::Send, KEY);
    let request = TokenRequest::new(&queue(), Right::Send);
    assert_eq!(key.token(&request, late).unwrap_err(), IssueError::TimeOverflow);
}

#[test]
fn r17_an_end_is_digits_and_a_long_life_needs_a_reason() {
    for value in ["+1795305600", "-1", "1795305600.0", "%201795305600", "1795305600s", "1e10", "0x6B01"] {
        assert_eq!(answers(send(&with("se", value)), 401).code(), "field_form");
    }
    let key = key_on(&queue(), "send", Right::Send, KEY);
    let request = TokenRequest::new(&queue(), Right::Send).lives(Lifetime::minutes(16).unwrap());
    assert_eq!(key.token(&request, now()).unwrap_err().code(), "unjustified");
    let token = key.token(&request.because(why()), now()).unwrap();
    let check = |minutes: u16| {
        let limit = Lifetime::minutes(minutes).unwrap();
        let expect = ExpectToken::new(&queue(), MessagingOperation::Send).max_lifetime(limit);
        key.verify(PresentedToken::service_bus(token.expose()).unwrap(), &expect, now()).map(|_| ())
    };
    assert_eq!(check(16), Ok(()));
    assert_eq!(answers(check(15), 401), VerifyError::Lifetime { found: 960, maximum: 900 });
}

#[test]
fn r18_a_token_ends_to_the_second_and_later_only_by_name() {
    let (text, end) = (token(), 1_795_305_600);
    let at = |seconds: i64, skew: u32| {
        let expect = ExpectToken::new(&queue(), MessagingOperation::Send).skew(skew);
        let now = Timestamp::from_unix(end + seconds).unwrap();
        ring().verify(PresentedToken::service_bus(&text).unwrap(), &expect, now).map(|_| ())
    };
    assert_eq!((at(0, 0), at(60, 60), at(300, 300)), (Ok(()), Ok(()), Ok(())));
    for (seconds, skew) in [(1, 0), (61, 60), (301, 300), (301, 100_000)] {
        assert_eq!(answers(at(seconds, skew), 401).code(), "expired");
    }
}

#[test]
fn r23_a_signature_is_32_bytes_in_strict_base64() {
    let good = "dJaSkQsHjxLCmqrswp6qYTCSz23d+LcaeMHexChVIso=";
    assert_eq!(send(&with("sig", &escaped(good).replace("%2B", "%2b"))), Ok(()));
    for value in [
        good.to_owned(),
        escaped(good).replace("%2B", "+"),
        escaped(good).replace("%2B", "-"),
        escaped(good).replace("%3D", ""),
        escaped(good).replace("%3D", "%3D%3D"),
        // The same bytes, with a spare bit set.
        escaped(good).replace("Iso%3D", "Isp%3D"),
        escaped(good).replacen('d', "%64", 1),
        format!("%20{}", escaped(good)),
        escaped(&base64(&[0; 31])),
        escaped(&base64(&[0; 33])),
        String::new(),
    ] {
        assert_eq!(answers(send(&with("sig", &value)), 401).code(), "field_form", "{value}");
    }
    assert_eq!(answers(send(&with("sig", &escaped(&base64(&[0; 32])))), 401).code(), "signature_mismatch");
}

#[test]
fn r25_an_unknown_rule_and_a_wrong_signature_are_one_answer() {
    let unknown = answers(send(&with("skn", "nobody")), 401);
    let wrong = answers(send(&with("skn", "listen")), 401);
    assert_eq!((unknown.code(), wrong.code()), ("unknown_key", "signature_mismatch"));
    assert_eq!(MessagingError::from(&unknown), MessagingError::from(&wrong));
    // What the decoy would have signed is not accepted in the place of a second key.
    let decoy = key_on(&namespace(), "send", Right::Send, "a decoy signs nothing that is accepted");
    let text = decoy.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
    assert_eq!(answers(send(text.expose()), 401), VerifyError::SignatureMismatch);
    let nobody = key_on(&namespace(), "nobody", Right::Send, "a decoy signs nothing that is accepted");
    let text = nobody.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
    assert_eq!(answers(send(text.expose()), 401), VerifyError::UnknownKey);
}

#[test]
fn r36_only_the_parameters_of_the_family_are_known() {
    let topic = MessagingEntity::event_grid_topic("https://t.example/api/events").unwrap();
    let key = EventGridKey::new(AccessRule::event_grid(&topic).unwrap(), DECODED_KEY).unwrap();
    let grid = key.token(&TokenRequest::new(&topic, Right::Send), now()).unwrap();
    assert!(PresentedToken::event_grid(grid.expose()).is_ok());
    let (name, value) = TokenCarrier::new(&grid).authorization();
    assert_eq!(name, "Authorization");
    assert!(PresentedToken::event_grid_authorization(value.expose()).is_ok());
    assert!(PresentedToken::event_grid(value.expose()).is_err());
    assert!(PresentedToken::service_bus(value.expose()).is_err());
    assert!(PresentedToken::iot_hub(value.expose()).is_err());
    let text = token();
    let without_scheme = text.strip_prefix("SharedAccessSignature ").unwrap();
    assert!(PresentedToken::event_grid(without_scheme).is_err());
    assert!(PresentedToken::service_bus(without_scheme).is_err());
    // A scheme in the resource, which IoT Hub does not have.
    assert!(PresentedToken::iot_hub(&text).is_err());
    for time in ["1795305600", "22%2F11%2F2026%2012%3A00%3A00%20AM", "2026-11-22", "2026-02-30T00%3A00%3A00Z"] {
        let changed = grid.expose().replacen("11%2F22%2F2026%2012%3A00%3A00%20AM", time, 1);
        assert_ne!(changed, grid.expose());
        let error = PresentedToken::event_grid(&changed).unwrap_err();
        assert_eq!(error.code(), "field_form", "{time}");
    }
}

#[test]
fn r37_a_key_signs_and_checks_for_its_own_family_alone() {
    let device = hub().device("dev1").unwrap();
    let iot = IotHubKey::new(AccessRule::device(&device).unwrap(), DECODED_KEY).unwrap();
    let bus = key_on(&queue(), "send", Right::Send, DECODED_KEY);
    let prepared = TokenRequest::new(&queue(), Right::Send).prepare(bus.rule(), now()).unwrap();
    assert!(matches!(iot.sign(prepared.string_to_sign()), Err(KeyError::Invalid { .. })));
    assert!(IotHubKey::new(bus.rule().clone(), DECODED_KEY).is_err());
    assert!(EventGridKey::new(bus.rule().clone(), DECODED_KEY).is_err());
    assert!(ServiceBusKey::new(iot.rule().clone(), DECODED_KEY).is_err());
    for text in ["not base64", "MDEyMzQ1", "MDEyMzQ1Njc4OQ=", "MDEy_w==", ""] {
        let key = IotHubKey::new(AccessRule::device(&device).unwrap(), text);
        assert_eq!(key.is_ok(), text == "MDEyMzQ1", "{text}");
    }
    let text = iot.token(&TokenRequest::new(&device, Right::DeviceConnect), now()).unwrap();
    let presented = PresentedToken::iot_hub(text.expose()).unwrap();
    let expect = ExpectToken::new(&device, MessagingOperation::ActAsDevice);
    assert!(iot.verify(presented.clone(), &expect, now()).is_ok());
    assert_eq!(bus.verify(presented.clone(), &expect, now()).unwrap_err(), VerifyError::OtherKey);
    let odd = ExpectToken::new(&device, MessagingOperation::Send);
    assert_eq!(iot.verify(presented, &odd, now()).unwrap_err().code(), "operation");
}

#[test]
fn r39_both_keys_of_a_rule_are_good_until_they_are_taken_out() {
    let keys = ["primary", "secondary", "third"].map(|key| key_on(&queue(), "send", Right::Send, key));
    let [primary, secondary, third] = keys.clone();
    let mut ring = RuleRing::new().with(primary.clone()).unwrap().with(secondary).unwrap();
    assert!(ring.insert(third).is_err());
    let check = |ring: &RuleRing, key: &ServiceBusKey| {
        let text = key.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
        let presented = PresentedToken::service_bus(text.expose()).unwrap();
        let expect = ExpectToken::new(&queue(), MessagingOperation::Send);
        ring.verify(presented, &expect, now()).map(|_| ()).map_err(|error| error.code())
    };
    let verdicts = keys.each_ref().map(|key| check(&ring, key));
    assert_eq!(verdicts, [Ok(()), Ok(()), Err("signature_mismatch")]);
    assert!(ring.remove(primary.rule()) && !ring.remove(primary.rule()) && ring.is_empty());
    assert_eq!(check(&ring, &primary), Err("unknown_key"));
}

#[test]
fn r40_a_token_reaches_whole_segments_below_it() {
    let at = |path: &str| namespace().queue(path).unwrap();
    for path in ["q1", "q1/a", "q1/a/b", "q1/$deadletterqueue"] {
        assert_eq!(verify(&token(), &at(path), MessagingOperation::Send), Ok(()), "{path}");
    }
    for path in ["q10", "q", "q1x/a", "a/q1", "Q2"] {
        let error = answers(verify(&token(), &at(path), MessagingOperation::Send), 403);
        assert_eq!(error.code(), "not_covered", "{path}");
    }
    answers(verify(&token(), &namespace(), MessagingOperation::Send), 403);
    for sr in ["q1%2F..%2Fq2", "q1%2F%2Fq2", ".%2Fq1", "q1%5Cq2", "q1%3Fa", "q1%23a", "q1%252F..", "q1%2F%2F"] {
        let sr = format!("https%3A%2F%2Fcontoso.servicebus.windows.net%2F{sr}");
        assert_eq!(answers(send(&with("sr", &sr)), 401).code(), "malformed", "{sr}");
    }
}

#[test]
fn r40_the_case_of_a_path_counts_unless_it_is_waived() {
    let upper = namespace().queue("Orders").unwrap();
    let key = key_on(&namespace(), "send", Right::Send, KEY);
    let check = |issued_for: &str, asked: &str, ignore: bool| {
        let request = TokenRequest::new(&namespace().queue(issued_for).unwrap(), Right::Send);
        let text = key.token(&request, now()).unwrap();
        let mut expect = ExpectToken::new(&namespace().queue(asked).unwrap(), MessagingOperation::Send);
        if ignore {
            expect = expect.ignore_case();
        }
        ring().verify(PresentedToken::service_bus(text.expose()).unwrap(), &expect, now()).is_ok()
    };
    assert_eq!(upper.uri(), "https://contoso.servicebus.windows.net/Orders");
    assert!(check("Orders", "Orders", false));
    assert!(!check("Orders", "orders", false) && check("Orders", "orders", true));
    assert!(!check("orders", "Orders", false) && check("orders", "Orders", true));
    assert!(!check("Orders", "orders2", true));
}

#[test]
fn r40_a_rule_counts_where_it_is_defined_and_below() {
    let other = namespace().queue("q2").unwrap();
    let ring = RuleRing::new().with(key_on(&queue(), "send", Right::Send, KEY)).unwrap();
    let wide = key_on(&namespace(), "send", Right::Send, KEY);
    let text = wide.token(&TokenRequest::new(&namespace(), Right::Send).because(why()), now()).unwrap();
    let check = |entity: &MessagingEntity| {
        let presented = PresentedToken::service_bus(text.expose()).unwrap();
        ring.verify(presented, &ExpectToken::new(entity, MessagingOperation::Send), now()).map(|_| ())
    };
    // The same key text: the token says the whole namespace, the rule says one queue.
    assert_eq!(check(&queue()), Ok(()));
    assert_eq!(check(&other), Err(VerifyError::UnknownKey));
    // The same in two steps, with the rule that the caller looked up.
    let narrow = key_on(&queue(), "send", Right::Send, KEY);
    let presented = PresentedToken::service_bus(text.expose()).unwrap();
    let expect = ExpectToken::new(&other, MessagingOperation::Send);
    assert_eq!(answers(narrow.verify(presented, &expect, now()).map(|_| ()), 403).code(), "not_covered");
    // Of two rules of one name the nearest one counts.
    let mut both = ring;
    both.insert(key_on(&namespace(), "send", Right::Send, "another key")).unwrap();
    let presented = PresentedToken::service_bus(text.expose()).unwrap();
    assert!(both.verify(presented, &ExpectToken::new(&queue(), MessagingOperation::Send), now()).is_ok());
}

#[test]
fn r40_the_key_of_a_device_does_not_count_for_its_modules() {
    let device = hub().device("dev1").unwrap();
    let module = device.module("camera").unwrap();
    let own = IotHubKey::new(AccessRule::device(&device).unwrap(), DECODED_KEY).unwrap();
    let policy = AccessRule::iot_hub_policy(&hub(), "device", Right::DeviceConnect).unwrap();
    let policy = IotHubKey::new(policy, DECODED_KEY).unwrap();
    let ring = RuleRing::new().with(own.clone()).unwrap().with(policy.clone()).unwrap();
    let check = |key: &IotHubKey, asked: &MessagingEntity| {
        let text = key.token(&TokenRequest::new(&device, Right::DeviceConnect), now()).unwrap();
        let presented = PresentedToken::iot_hub(text.expose()).unwrap();
        ring.verify(presented, &ExpectToken::new(asked, MessagingOperation::ActAsDevice), now()).map(|_| ())
    };
    let messages = MessagingEntity::from_uri(MessagingFamily::IotHub, &format!("{}/messages/events", device.uri()));
    assert_eq!((check(&own, &device), check(&own, &messages.unwrap())), (Ok(()), Ok(())));
    assert_eq!(check(&own, &module), Err(VerifyError::UnknownKey));
    assert!(own.token(&TokenRequest::new(&module, Right::DeviceConnect).because(why()), now()).is_err());
    assert_eq!(check(&policy, &module), Ok(()));
}

#[test]
fn r40_every_operation_needs_its_right() {
    use MessagingOperation as O;
    for (operation, allowed) in [
        (O::Send, true),
        (O::RelayConnect, true),
        (O::Receive, false),
        (O::Peek, false),
        (O::Settle, false),
        (O::RenewLock, false),
        (O::SessionState, false),
        (O::RelayListen, false),
        (O::ManageEntities, false),
        (O::ManageRules, false),
    ] {
        let result = verify(&token(), &queue(), operation);
        assert_eq!(result.is_ok(), allowed, "{operation:?}");
        if !allowed {
            assert_eq!(answers(result, 403).code(), "permission");
        }
    }
    for operation in [O::ActAsDevice, O::CallService, O::ReadRegistry, O::WriteRegistry, O::PublishEvents] {
        assert_eq!(answers(verify(&token(), &queue(), operation), 403).code(), "operation");
    }
    let reader = AccessRule::iot_hub_policy(&hub(), "r", Right::RegistryRead).unwrap();
    let writer = AccessRule::iot_hub_policy(&hub(), "w", Right::RegistryReadWrite).unwrap();
    let may = |rule: &AccessRule, operation: O| {
        let key = IotHubKey::new(rule.clone(), DECODED_KEY).unwrap();
        let right = if rule == &reader { Right::RegistryRead } else { Right::RegistryReadWrite };
        let text = key.token(&TokenRequest::new(&hub(), right).because(why()), now()).unwrap();
        let presented = PresentedToken::iot_hub(text.expose()).unwrap();
        key.verify(presented, &ExpectToken::new(&hub(), operation), now()).is_ok()
    };
    assert!(may(&reader, O::ReadRegistry) && !may(&reader, O::WriteRegistry));
    assert!(may(&writer, O::ReadRegistry) && may(&writer, O::WriteRegistry) && !may(&writer, O::ActAsDevice));
}

#[test]
fn r41_what_is_broader_than_one_right_on_one_entity_needs_a_reason() {
    let unjustified = |key: &dyn MessagingSas, request: TokenRequest| {
        assert_eq!(key.token(&request, now()).unwrap_err().code(), "unjustified", "{request:?}");
        assert!(key.token(&request.because(why()), now()).is_ok());
    };
    let both = key_on(&queue(), "both", Right::Listen | Right::Send, KEY);
    unjustified(&both, TokenRequest::new(&queue(), Right::Send));
    unjustified(&key_on(&queue(), "root", Right::Manage, KEY), TokenRequest::new(&queue(), Right::Listen));
    unjustified(&key_on(&namespace(), "send", Right::Send, KEY), TokenRequest::new(&namespace(), Right::Send));
    let manage = key_on(&queue(), "manage", Right::Manage, KEY);
    assert!(manage.token(&TokenRequest::new(&queue(), Right::Manage), now()).is_ok());

    let policy = AccessRule::iot_hub_policy(&hub(), "device", Right::DeviceConnect).unwrap();
    let policy = IotHubKey::new(policy, DECODED_KEY).unwrap();
    unjustified(&policy, TokenRequest::new(&hub(), Right::DeviceConnect));
    let (lower, upper) = (hub().device("dev1").unwrap(), hub().device("Dev1").unwrap());
    assert!(policy.token(&TokenRequest::new(&lower, Right::DeviceConnect), now()).is_ok());
    // Its token would be that of `dev1` as well.
    unjustified(&policy, TokenRequest::new(&upper, Right::DeviceConnect));
    let own = IotHubKey::new(AccessRule::device(&upper).unwrap(), DECODED_KEY).unwrap();
    assert!(own.token(&TokenRequest::new(&upper, Right::DeviceConnect), now()).is_ok());
}

#[test]
fn r41_no_reason_gives_what_a_rule_does_not_have() {
    let refused = |key: &dyn MessagingSas, entity: &MessagingEntity, right: Right| {
        let error = key.token(&TokenRequest::new(entity, right).because(why()), now()).unwrap_err();
        assert_eq!(error.code(), "invalid");
    };
    let send = key_on(&queue(), "send", Right::Send, KEY);
    refused(&send, &queue(), Right::Listen);
    refused(&send, &queue(), Right::Manage);
    refused(&send, &namespace(), Right::Send);
    refused(&send, &namespace().queue("q10").unwrap(), Right::Send);
    let root = key_on(&namespace(), "root", Right::Manage, KEY);
    let event_hub = namespace().event_hub("hub").unwrap();
    refused(&root, &event_hub.publisher("dev-1").unwrap(), Right::Listen);
    refused(&root, &event_hub.consumer_group("$default").unwrap(), Right::Send);
    refused(&root, &namespace().topic("t").unwrap().subscription("s").unwrap(), Right::Send);
    let device = IotHubKey::new(AccessRule::device(&hub().device("dev1").unwrap()).unwrap(), DECODED_KEY).unwrap();
    refused(&device, &hub(), Right::DeviceConnect);
    refused(&device, &hub().device("dev2").unwrap(), Right::DeviceConnect);
}

#[test]
fn r50_the_fingerprint_is_of_the_signature_and_not_of_its_spelling() {
    let fingerprint = |text: &str| {
        let presented = PresentedToken::service_bus(text).unwrap();
        let expect = ExpectToken::new(&queue(), MessagingOperation::Send);
        ring().verify(presented, &expect, now()).unwrap().fingerprint()
    };
    let text = token();
    let (resource, rest) = text.split_once("&sig=").unwrap();
    let respelled = format!("{resource}&sig={}", rest.replace("%2B", "%2b").replace("%3D", "%3d"));
    assert_ne!(respelled, text);
    assert_eq!(fingerprint(&respelled), fingerprint(&text));
}

#[test]
fn r53_work_is_bounded() {
    let long = format!("{}&x={}", token(), "a".repeat(4096));
    assert_eq!(answers(send(&long), 401).code(), "too_large");
    assert!(namespace().queue(&"q".repeat(513)).is_err());
    assert!(AccessRule::service_bus(&queue(), "n".repeat(257), Right::Send).is_err());
    assert!(
        ServiceBusKey::new(AccessRule::service_bus(&queue(), "n", Right::Send).unwrap(), "k".repeat(1025)).is_err()
    );
    // The longest that is issued is read again.
    let longest = namespace().queue(&"/q".repeat(235)[1..]).unwrap();
    let key = key_on(&longest, &"%".repeat(256), Right::Send, KEY);
    let text = key.token(&TokenRequest::new(&longest, Right::Send), now()).unwrap();
    let presented = PresentedToken::service_bus(text.expose()).unwrap();
    assert!(key.verify(presented, &ExpectToken::new(&longest, MessagingOperation::Send), now()).is_ok());

    let mut ring = RuleRing::new();
    for rule in 0..12 {
        ring.insert(key_on(&queue(), &format!("rule{rule}"), Right::Send, KEY)).unwrap();
    }
    assert!(ring.insert(key_on(&queue(), "rule12", Right::Send, KEY)).is_err());
    assert!(ring.insert(key_on(&namespace(), "rule12", Right::Send, KEY)).is_ok());
    assert!(ring.insert(key_on(&queue(), "rule0", Right::Listen, KEY)).is_err());
    assert_eq!(ring.len(), 13);
}

#[test]
fn r56_what_a_peer_wrote_is_short_and_visible() {
    let name = "n".repeat(257);
    answers(send(&with("skn", &name)), 401);
    let text = with("skn", "a%1Bb");
    assert!(!answers(send(&text), 401).to_string().contains('\u{1b}'));
}

#[test]
fn a_token_is_carried_where_its_service_looks_for_it() {
    let key = key_on(&queue(), "send", Right::Send, KEY);
    let token = key.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
    let carrier = TokenCarrier::new(&token);
    let put = carrier.service_bus_put_token();
    assert_eq!((put.operation, put.token_type), ("put-token", "servicebus.windows.net:sastoken"));
    assert_eq!((put.name, put.body), ("https://contoso.servicebus.windows.net/q1", token.expose()));
    assert_eq!(put.expiration, token.expires_at());
    assert_eq!(carrier.iot_hub_put_token().token_type, "azure-devices.net:sastoken");
    assert_eq!(carrier.relay_header().0, "ServiceBusAuthorization");
    assert_eq!(carrier.event_grid_header().0, "aeg-sas-token");
    assert_eq!(carrier.authorization().1.expose(), token.expose());
    let query = carrier.relay_query();
    let value = query.expose().strip_prefix("sb-hc-token=").unwrap();
    assert_eq!(relay_token(Some(value), None, None).unwrap().expose(), token.expose());
    let renewal: serde_json::Value = serde_json::from_str(carrier.relay_renewal().expose()).unwrap();
    assert_eq!(renewal["renewToken"]["token"].as_str(), Some(token.expose()));
    let module = hub().device("dev1").unwrap().module("m").unwrap();
    assert_eq!(module.mqtt_username("2021-04-12").unwrap(), "contoso.azure-devices.net/dev1/m/?api-version=2021-04-12");
    assert!(queue().mqtt_username("2021-04-12").is_err() && module.mqtt_username("1&x=2").is_err());
}

#[test]
fn an_event_grid_token_for_one_version_is_good_for_that_one() {
    let topic = MessagingEntity::event_grid_topic("https://t.example/api/events").unwrap();
    let key = EventGridKey::new(AccessRule::event_grid(&topic).unwrap(), DECODED_KEY).unwrap();
    let versioned = topic.api_version("2018-01-01").unwrap();
    let check = |issued_for: &MessagingEntity, asked: &MessagingEntity| {
        let text = key.token(&TokenRequest::new(issued_for, Right::Send), now()).unwrap();
        let presented = PresentedToken::event_grid(text.expose()).unwrap();
        let ring = RuleRing::new().with(key.clone()).unwrap();
        ring.verify(presented, &ExpectToken::new(asked, MessagingOperation::PublishEvents), now()).is_ok()
    };
    assert!(check(&topic, &topic) && check(&topic, &versioned) && check(&versioned, &versioned));
    assert!(!check(&versioned, &topic) && !check(&versioned, &topic.api_version("2023-11-01").unwrap()));
}

#[test]
fn r24_a_rule_is_of_its_service_its_level_and_its_rights() {
    let device = hub().device("d1").unwrap();
    assert!(
        AccessRule::device(&device).is_ok() && AccessRule::iot_hub_policy(&hub(), "p", Right::ServiceConnect).is_ok()
    );
    AccessRule::device(&hub()).unwrap_err();
    AccessRule::iot_hub_policy(&device, "p", Right::ServiceConnect).unwrap_err();
    AccessRule::service_bus(&hub(), "send", Right::Send).unwrap_err();
    AccessRule::service_bus(&namespace(), "send", Right::ServiceConnect).unwrap_err();
    let topic = MessagingEntity::event_grid_topic("https://a.westus2-1.eventgrid.azure.net/api/events").unwrap();
    topic.api_version("2018-01-01").unwrap().api_version("2018-01-01").unwrap_err();
}

#[test]
fn r24_the_rule_nearest_to_the_entity_counts_until_it_is_taken_away() {
    let own = AccessRule::service_bus(&queue(), "send", Right::Send).unwrap();
    let mut ring = ring().with(ServiceBusKey::new(own.clone(), "a key of the queue").unwrap()).unwrap();
    let judge = |ring: &RuleRing| {
        let token = token();
        let presented = PresentedToken::service_bus(&token).unwrap();
        ring.verify(presented, &ExpectToken::new(&queue(), MessagingOperation::Send), now()).map(|_| ())
    };
    assert_eq!(judge(&ring), Err(VerifyError::SignatureMismatch));
    assert!(ring.remove(&own) && !ring.remove(&own));
    assert_eq!(judge(&ring), Ok(()));
    assert!(ring.remove(&AccessRule::service_bus(&namespace(), "send", Right::Send).unwrap()));
    assert_eq!(judge(&ring), Err(VerifyError::UnknownKey));
}

#[test]
fn a_client_of_amqp_is_told_who_is_at_fault() {
    for (error, condition) in [
        (VerifyError::SignatureMismatch, "amqp:unauthorized-access"),
        (VerifyError::Key(KeyError::Invalid { what: "key", why: "it is gone" }), "amqp:internal-error"),
    ] {
        assert_eq!(MessagingError::from(&error).amqp_condition(), condition);
    }
}

#[test]
fn r40_another_host_is_covered_in_no_case() {
    let asks = |host: &str| {
        let entity = MessagingEntity::namespace(host).unwrap().queue("Q1").unwrap();
        let token = token();
        let expect = ExpectToken::new(&entity, MessagingOperation::Send).ignore_case();
        let key = key_on(&namespace(), "send", Right::Send, KEY);
        key.verify(PresentedToken::service_bus(&token).unwrap(), &expect, now()).map(|_| ())
    };
    assert_eq!(asks("contoso.servicebus.windows.net"), Ok(()));
    assert!(asks("fabrikam.servicebus.windows.net").is_err());
    let device = ExpectToken::new(&hub().device("q1").unwrap(), MessagingOperation::ActAsDevice).ignore_case();
    let key = key_on(&namespace(), "send", Right::Send, KEY);
    assert!(key.verify(PresentedToken::service_bus(&token()).unwrap(), &device, now()).is_err());
}

#[test]
fn r48_a_grant_to_send_is_for_a_queue() {
    use valet_key::grant::{Action, Grant};
    assert!(TokenRequest::at(&namespace(), &Grant::send("q1")).is_ok());
    let under = Grant::under("q1", "a/", Action::Send).because(why());
    assert!(matches!(TokenRequest::at(&namespace(), &under), Err(IssueError::NotEnforceable { .. })));
}
