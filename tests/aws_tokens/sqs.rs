//! Signed requests of SQS: every case at every stage, and the rules of a verifier under their numbers.

use crate::{call::Arrived, published::cases};
use serde_json::Value;
use std::path::Path;
use valet_key::aws::sqs::{MessageRequest, Queue};
use valet_key::aws::{Credential, Expect, Form, OnShortCredential, Request, SigV4, StaticKey, UrlRequest};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Classification, Grant, Justification, Lifetime, Listing};

const REGION: &str = "eu-west-1";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}"))
}

fn key_of(value: &Value) -> StaticKey {
    let credential = Credential::new(text(&value["access_key_id"])).unwrap();
    let credential = match value["session_token"].as_str() {
        Some(token) => credential.with_session_token(token).unwrap(),
        None => credential,
    };
    let secret = value["secret"].as_str().or(value["secret_access_key"].as_str()).unwrap();
    StaticKey::from_credential(credential, secret).unwrap()
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().map(|number| u32::try_from(number).unwrap())
}

fn request_of(case: &Value) -> MessageRequest {
    let queue = Queue::new(text(&case["account"]), text(&case["queue"]), text(&case["region"])).unwrap();
    let options = &case["options"];
    match text(&case["action"]) {
        "send" => {
            let mut request = MessageRequest::send(&queue, text(&options["body"]));
            if let Some(seconds) = number(&options["delay"]) {
                request = request.delay_seconds(seconds);
            }
            if let Some(id) = options["group"].as_str() {
                request = request.group(id);
            }
            if let Some(id) = options["dedup"].as_str() {
                request = request.deduplication_id(id);
            }
            for pair in options["attributes"].as_array().into_iter().flatten() {
                request = request.attribute(text(&pair[0]), text(&pair[1]));
            }
            request
        }
        "receive" => {
            let mut request = MessageRequest::receive(&queue);
            if let Some(count) = number(&options["max"]) {
                request = request.max_messages(count);
            }
            if let Some(seconds) = number(&options["wait"]) {
                request = request.wait_seconds(seconds);
            }
            if let Some(seconds) = number(&options["visibility"]) {
                request = request.visibility_timeout(seconds);
            }
            if options["all"] == true { request.all_attributes() } else { request }
        }
        "delete" => MessageRequest::delete(&queue, text(&options["handle"])),
        action => panic!("{action}"),
    }
}

#[test]
fn our_own_cases_match() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/tokens/sqs.json");
    let list: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let list = list.as_array().unwrap();
    assert!(!list.is_empty(), "no cases");
    for case in list {
        let name = text(&case["name"]);
        let (key, now) = (key_of(case), Timestamp::parse_iso_basic(text(&case["time"])).unwrap());
        let request = request_of(case);
        let queue = Queue::new(text(&case["account"]), text(&case["queue"]), text(&case["region"])).unwrap();
        if case["form"] == "url" {
            let url = request.in_url().unwrap();
            let prepared = url.prepare(key.credential(), now).unwrap();
            assert_eq!(
                String::from_utf8_lossy(prepared.canonical_request()),
                text(&case["canonical_request"]),
                "{name}"
            );
            assert_eq!(prepared.string_to_sign().as_str(), text(&case["string_to_sign"]), "{name}");
            let issued = key.presign(&url, now).unwrap();
            assert_eq!(issued.expose(), text(&case["url"]), "{name}");
            assert_eq!(issued.expires_at(), now.saturating_add(900), "{name}");
            assert_eq!(Arrived::of_url(issued.expose()).run(&key, &queue.expect(), now), Ok(()), "{name}");
            continue;
        }
        let call = if case["form"] == "json" { request.as_json() } else { request.as_form() }.unwrap();
        assert_eq!(call.expose_body(), text(&case["body"]), "{name}");
        assert_eq!(call.url().unwrap(), text(&case["url"]), "{name}");
        let prepared = call.prepare(key.credential(), now).unwrap();
        assert_eq!(String::from_utf8_lossy(prepared.canonical_request()), text(&case["canonical_request"]), "{name}");
        assert_eq!(prepared.string_to_sign().as_str(), text(&case["string_to_sign"]), "{name}");
        assert_eq!(call.sign(&key, now).unwrap().authorization(), text(&case["authorization"]), "{name}");
        let arrived = Arrived::of_call(&call, &key, now);
        assert_eq!(arrived.run(&key, &queue.expect(), now), Ok(()), "{name}");
        assert_eq!(arrived.verify(&key, &queue.expect(), now).unwrap().0, Form::Header, "{name}");
    }
}

/// The published request in our own words, if it is one of the three.
fn published_request(case: &Value) -> Option<MessageRequest> {
    let params = case["api"]["params"].as_object().unwrap();
    let get = |name: &str| params.get(name).map(text);
    let small = |name: &str| get(name).map(|digits| digits.parse().unwrap());
    let path = text(&case["request"]["raw_path"]);
    let mut parts = path.trim_start_matches('/').split('/');
    let queue = Queue::new(parts.next()?, parts.next()?, text(&case["region"])).ok()?;
    match get("Action")? {
        "SendMessage" => {
            let mut request = MessageRequest::send(&queue, get("MessageBody")?);
            if let Some(seconds) = small("DelaySeconds") {
                request = request.delay_seconds(seconds);
            }
            if let Some(id) = get("MessageGroupId") {
                request = request.group(id);
            }
            if let Some(id) = get("MessageDeduplicationId") {
                request = request.deduplication_id(id);
            }
            if let Some(name) = get("MessageAttribute.1.Name") {
                request = request.attribute(name, get("MessageAttribute.1.Value.StringValue")?);
            }
            Some(request)
        }
        "ReceiveMessage" => {
            let request = MessageRequest::receive(&queue);
            let request = small("MaxNumberOfMessages").map_or(request.clone(), |count| request.max_messages(count));
            let request = small("WaitTimeSeconds").map_or(request.clone(), |seconds| request.wait_seconds(seconds));
            Some(if get("AttributeName.1").is_some() { request.all_attributes() } else { request })
        }
        "DeleteMessage" => Some(MessageRequest::delete(&queue, get("ReceiptHandle")?)),
        _ => None,
    }
}

#[test]
fn published_cases_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws/tokens run");
        return;
    };
    let file = "aws-botocore/sqs-presign.json";
    let (mut same, mut refused, mut others) = (0, 0, 0);
    for case in cases(Path::new(&folder), file) {
        let name = text(&case["id"]);
        let (key, now) = (key_of(&case["credentials"]), Timestamp::parse_iso_basic(text(&case["amz_date"])).unwrap());
        let Some(request) = published_request(&case).filter(|_| case["request"]["method"] == "GET") else {
            // Other actions, and presigned POST requests, run as generic requests elsewhere.
            others += 1;
            continue;
        };
        let request = match request.in_url() {
            Ok(request) => request.lives(Lifetime::from_seconds(number(&case["expires_in"]).unwrap()).unwrap()),
            // What SQS itself does not take.
            Err(error) => {
                let is_fifo = text(&case["api"]["url"]).split('.').next_back() == Some("fifo");
                let params = &case["api"]["params"];
                let group = params.get("MessageGroupId").is_some();
                let deduplicated = params.get("MessageDeduplicationId").is_some();
                // Its names have blanks where there can be none.
                let blanks = ["MessageAttribute.1.Name", "MessageDeduplicationId"];
                let has_blank =
                    blanks.iter().any(|name| params.get(*name).is_some_and(|text| text.to_string().contains(' ')));
                let is_wrong = has_blank
                    || is_fifo && (!group || params.get("DelaySeconds").is_some())
                    || !is_fifo && deduplicated;
                assert!(is_wrong, "{name}: {error}");
                refused += 1;
                continue;
            }
        };
        match request.prepare(key.credential(), now) {
            Ok(prepared) => {
                let expected = text(&case["expected"]["canonical_request"]);
                assert_eq!(String::from_utf8_lossy(prepared.canonical_request()), expected, "{name}");
                let issued = key.presign(&request, now).unwrap();
                assert!(issued.expose().ends_with(text(&case["expected"]["signature"])), "{name}");
                assert_eq!(issued.expires_at(), now.saturating_add(900), "{name}");
                same += 1;
            }
            Err(IssueError::Unjustified { .. }) => {
                assert!(number(&case["expires_in"]).unwrap() > 900, "{name}");
                refused += 1;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    println!("{file}: {same} issued alike, {refused} refused by a rule, {others} of other kinds");
    assert!(same > 0, "{file}: nothing is issued alike");
}

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap()
}

fn queue() -> Queue {
    Queue::new("123456789012", "orders", REGION).unwrap()
}

fn seconds(seconds: u32) -> Lifetime {
    Lifetime::from_seconds(seconds).unwrap()
}

#[test]
fn r17_no_lifetime_is_promised_that_sqs_does_not_keep() {
    let url = || MessageRequest::receive(&queue()).in_url().unwrap();
    assert_eq!(key().presign(&url(), now()).unwrap().expires_at(), now().saturating_add(900));
    // A URL that says less lives as long.
    let short = key().presign(&url().lives(seconds(10)), now()).unwrap();
    assert!(short.expose().contains("X-Amz-Expires=10&"));
    assert_eq!(short.expires_at(), now().saturating_add(900));
    // One that says more is not issued, for whatever reason.
    let request = Request::new("GET", "https://sqs.eu-west-1.amazonaws.com", REGION, "sqs").unwrap();
    let long = UrlRequest::new(request.because(Justification::new("a test").unwrap())).lives(seconds(901));
    let refused = key().presign(&long, now()).unwrap_err();
    assert!(matches!(refused, IssueError::LifetimeTooLong { requested: 901, maximum: 900, .. }), "{refused:?}");
    // A grant that wants less is not silently given more, and a class that allows less needs a reason.
    let refused = MessageRequest::receive_as(&Grant::receive("123456789012/orders").lives(seconds(899)), REGION);
    assert!(matches!(refused, Err(IssueError::NotEnforceable { .. })));
    let pii = Grant::receive("123456789012/orders").classified(Classification::Pii);
    let refused = key().presign(&MessageRequest::receive_as(&pii, REGION).unwrap().in_url().unwrap(), now());
    assert!(matches!(refused, Err(IssueError::Unjustified { .. })));
    // A call in headers lives as long.
    let call = MessageRequest::receive_as(&pii, REGION).unwrap();
    assert!(matches!(call.as_form(), Err(IssueError::Unjustified { .. })));
    assert!(matches!(call.as_json(), Err(IssueError::Unjustified { .. })));
    let pii = pii.because(Justification::new("a test").unwrap());
    let call = MessageRequest::receive_as(&pii, REGION).unwrap();
    assert!(call.as_form().is_ok() && call.as_json().is_ok());
    assert!(key().presign(&MessageRequest::receive_as(&pii, REGION).unwrap().in_url().unwrap(), now()).is_ok());
}

#[test]
fn r18_a_verifier_goes_by_the_life_that_sqs_gives() {
    let verify = |url: &str, expect: &Expect, at: u32| {
        Arrived::of_url(url).verify(&key(), expect, now().saturating_add(at)).map(|(_, end)| end)
    };
    let short = key().presign(&MessageRequest::receive(&queue()).in_url().unwrap().lives(seconds(10)), now()).unwrap();
    assert_eq!(verify(short.expose(), &queue().expect(), 900), Ok(now().saturating_add(900)));
    assert!(matches!(verify(short.expose(), &queue().expect(), 901), Err(VerifyError::Expired { .. })));
    // A smaller maximum of one's own is kept, whatever the URL says.
    let strict = queue().expect().max_lifetime(seconds(60));
    assert_eq!(verify(short.expose(), &strict, 60), Ok(now().saturating_add(60)));
    assert!(matches!(verify(short.expose(), &strict, 61), Err(VerifyError::Expired { .. })));
    // For another service the same request lives as long as it says.
    let request = Request::new("GET", "https://es.example", REGION, "es").unwrap();
    let other = key().presign(&UrlRequest::new(request).lives(seconds(10)), now()).unwrap();
    assert!(verify(other.expose(), &Expect::new(REGION, "es"), 10).is_ok());
    assert!(verify(other.expose(), &Expect::new(REGION, "es"), 11).is_err());
}

#[test]
fn r20_no_url_outlives_its_credential() {
    let ends = |at| {
        let credential = Credential::new("AKIAIOSFODNN7EXAMPLE").unwrap().with_session_token("token").unwrap();
        StaticKey::from_credential(credential.expiring(now().saturating_add(at)), "secret").unwrap()
    };
    let url = MessageRequest::receive(&queue()).in_url().unwrap().lives(seconds(10));
    // It says that it ends in time, but SQS would take it for longer.
    assert!(matches!(ends(899).presign(&url, now()), Err(IssueError::OutlivesCredential { .. })));
    assert!(ends(900).presign(&url, now()).is_ok());
    let clamped = ends(300).presign(&url.on_short_credential(OnShortCredential::Clamp), now()).unwrap();
    assert_eq!(clamped.expires_at(), now().saturating_add(300));
}

#[test]
fn r27_the_body_of_a_call_is_the_one_that_was_signed() {
    for call in [MessageRequest::send(&queue(), "a").as_json(), MessageRequest::send(&queue(), "a").as_form()] {
        let mut arrived = Arrived::of_call(&call.unwrap(), &key(), now());
        assert!(arrived.verify(&key(), &queue().expect(), now()).is_ok());
        arrived.body = arrived.body.replace("\"a\"", "\"b\"").replace("Body=a", "Body=b");
        assert_eq!(arrived.verify(&key(), &queue().expect(), now()), Err(VerifyError::SignatureMismatch));
    }
}

#[test]
fn whatever_a_grant_asks_for_is_enforced_or_refused() {
    let grant = || Grant::send("123456789012/orders");
    let send = |grant: Grant| MessageRequest::send_as(&grant, REGION, "hello");
    assert!(send(grant()).is_ok());
    assert!(send(Grant::send("arn:aws:sqs:eu-west-1:123456789012:orders")).is_ok());
    assert!(send(grant().size(5..=5)).is_ok() && send(grant().size(6..=9)).is_err());
    let digest: [u8; 32] = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix("hello")).into();
    assert!(send(grant().sha256(digest)).is_ok() && send(grant().sha256([0; 32])).is_err());
    for refused in [
        grant().client_address("203.0.113.7"),
        grant().not_before(now()),
        grant().single_use(),
        grant().content_type("text/plain"),
        grant().metadata("a", "b"),
        grant().request_id("req-1"),
        grant().storage_class("STANDARD"),
        grant().version("1"),
        grant().listing(Listing::new()),
        Grant::receive("123456789012/orders"),
        Grant::read("123456789012/orders", "object"),
        Grant::upload("123456789012/orders", "object"),
    ] {
        assert!(matches!(send(refused.clone()), Err(IssueError::NotEnforceable { .. })), "{refused:?}");
    }
    for container in [
        "orders",
        "123456789012/",
        "12345678901/orders",
        "123456789012/or ders",
        "123456789012/a/b",
        "arn:aws:sqs:eu-west-2:123456789012:orders",
        "arn:aws-cn:sqs:eu-west-1:123456789012:orders",
        "arn:aws:sns:eu-west-1:123456789012:orders",
    ] {
        assert!(matches!(send(Grant::send(container)), Err(IssueError::Invalid { .. })), "{container}");
    }
    let receive = |grant: Grant| MessageRequest::receive_as(&grant, REGION);
    assert!(receive(Grant::receive("123456789012/orders")).is_ok());
    assert!(receive(Grant::receive("123456789012/orders").size(1..=2)).is_err());
    assert!(receive(grant()).is_err());
}

#[test]
fn what_sqs_does_not_take_is_not_signed() {
    let fifo = Queue::new("123456789012", "orders.fifo", REGION).unwrap();
    let send = |body: &str| MessageRequest::send(&queue(), body);
    let many = (0..11).fold(send("a"), |request, at| request.attribute(format!("n{at}"), "v"));
    for refused in vec![
        send(""),
        send("a\0"),
        send("a\u{ffff}"),
        send(&"a".repeat((1 << 20) + 1)),
        send("a").delay_seconds(901),
        send("a").group(""),
        send("a").deduplication_id("d"),
        send("a").attribute("AWS.x", "v"),
        send("a").attribute("a..b", "v"),
        send("a").attribute("a", ""),
        send("a").attribute("a", "1").attribute("a", "2"),
        many,
        MessageRequest::send(&fifo, "a"),
        MessageRequest::send(&fifo, "a").group("g").delay_seconds(1),
        MessageRequest::receive(&queue()).max_messages(0),
        MessageRequest::receive(&queue()).max_messages(11),
        MessageRequest::receive(&queue()).wait_seconds(21),
        MessageRequest::receive(&queue()).visibility_timeout(43_201),
        MessageRequest::delete(&queue(), ""),
        MessageRequest::delete(&queue(), "a b"),
    ] {
        assert!(refused.in_url().is_err() && refused.as_form().is_err() && refused.as_json().is_err(), "{refused:?}");
    }
    assert!(send("a").delay_seconds(900).group("g").in_url().is_ok());
    assert!(MessageRequest::send(&fifo, "a").group("g").deduplication_id("d").as_json().is_ok());
    assert!(send(&"a".repeat(1 << 20)).as_json().is_ok());
    assert!(send(&"a".repeat(8 << 10)).in_url().is_ok() && send(&"\u{e9}".repeat(4 << 10)).in_url().is_err());
    let plain = queue().at("http://localhost:4566").unwrap();
    let url = MessageRequest::receive(&plain).in_url().unwrap();
    assert!(matches!(key().presign(&url, now()), Err(IssueError::Unjustified { what: "plain HTTP" })));
}

#[test]
fn neither_message_nor_signature_shows() {
    use crate::planted::Planted;
    use crate::secrets::{SECRET, TOKEN};
    let message = "PLANTEDmessagePLANTEDmessage";
    let request = MessageRequest::send(&queue(), message);
    let key = crate::secrets::key();
    let url = request.in_url().unwrap();
    let issued = key.presign(&url, now()).unwrap();
    let signature = issued.expose().rsplit_once('=').unwrap().1;
    let planted = Planted::new(&[message, SECRET, TOKEN, signature]);
    planted.is_hidden_by(&request);
    planted.is_hidden_by(&url);
    planted.is_hidden_by(&issued);
    for call in [request.as_json().unwrap(), request.as_form().unwrap()] {
        let signed = call.sign(&key, now()).unwrap();
        let planted =
            Planted::new(&[message, SECRET, TOKEN, &signed.authorization()[signed.authorization().len() - 64..]]);
        planted.is_hidden_by(&call);
        planted.is_hidden_by(&signed);
        planted.is_hidden_by(&call.prepare(key.credential(), now()).unwrap());
    }
}
