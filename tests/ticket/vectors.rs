//! Tickets that were made elsewhere, from the description of the format alone.

use serde_json::Value;
use valet_key::clock::Timestamp;
use valet_key::grant::{Action, Actions, Classification, Grant, Justification, Lifetime};
use valet_key::secret::Secret;
use valet_key::ticket::{Caveat, CheckRequest, Ticket, TicketKey, TicketKeys, TicketRequest};

fn cases() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/ticket/tickets.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(!cases.is_empty());
    cases
}

fn text<'c>(case: &'c Value, name: &str) -> &'c str {
    case[name].as_str().unwrap_or_else(|| panic!("no text `{name}`"))
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap_or_else(|| panic!("no number `{name}`"))
}

fn time(value: u64) -> Timestamp {
    Timestamp::from_unix(i64::try_from(value).unwrap()).unwrap()
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

fn actions(value: &Value) -> Option<Actions> {
    let one = |name: &Value| match name.as_str().unwrap() {
        "read" => Action::Read,
        "list" => Action::List,
        "upload" => Action::Upload,
        "delete" => Action::Delete,
        other => panic!("no action `{other}`"),
    };
    value.as_array().unwrap().iter().map(|name| Actions::from(one(name))).reduce(|all, one| all | one)
}

fn seconds(value: u64) -> Lifetime {
    Lifetime::from_seconds(u32::try_from(value).unwrap()).unwrap()
}

fn caveat(case: &Value) -> Caveat {
    let value = &case["value"];
    let words = || value.as_str().unwrap().to_owned();
    match text(case, "kind") {
        "actions" => Caveat::Actions(actions(value).unwrap()),
        "object" => Caveat::Object(words()),
        "under" => Caveat::Under(words()),
        "expires_at" => Caveat::ExpiresAt(time(value.as_u64().unwrap())),
        "not_before" => Caveat::NotBefore(time(value.as_u64().unwrap())),
        "lives_at_most" => Caveat::LivesAtMost(seconds(value.as_u64().unwrap())),
        "client_address" => Caveat::ClientAddress(words()),
        "content_type" => Caveat::ContentType(words()),
        "content_type_prefix" => Caveat::ContentTypePrefix(words()),
        "size" => Caveat::Size(value[0].as_u64().unwrap()..=value[1].as_u64().unwrap()),
        "single_use" => Caveat::SingleUse,
        "once" => Caveat::Once,
        other => panic!("no caveat `{other}`"),
    }
}

fn key(case: &Value) -> TicketKey {
    TicketKey::new(text(case, "key_id"), &Secret::new(bytes(text(case, "secret")))).unwrap()
}

fn made(case: &Value) -> Ticket {
    let allowed = actions(&case["actions"]).unwrap();
    let why = Justification::new("a case of the format").unwrap();
    let grant = match (case["object"].as_str(), case["prefix"].as_str()) {
        (Some(name), None) if allowed == Actions::UPLOAD => Grant::upload(text(case, "container"), name),
        (Some(name), None) => Grant::read(text(case, "container"), name),
        (None, Some(prefix)) => Grant::under(text(case, "container"), prefix, allowed).because(why.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(grant.actions(), allowed);
    let class = match text(case, "classification") {
        "pii" => Classification::Pii,
        "confidential" => Classification::Confidential,
        other => panic!("no class `{other}`"),
    };
    let grant = grant.classified(class).lives(seconds(number(case, "lifetime"))).because(why);
    let issued_at = number(case, "issued_at");
    let request =
        TicketRequest::new(&grant, text(case, "subject")).lives(seconds(number(case, "expires_at") - issued_at));
    let request = match actions(&case["after_check"]) {
        Some(after) => request.step_up(after),
        None => request,
    };
    let ticket = request.issue(&key(case), bytes(text(case, "nonce")), time(issued_at)).unwrap();
    let caveats = case["caveats"].as_array().unwrap();
    caveats.iter().fold(ticket, |ticket, case| ticket.narrow(caveat(case)).unwrap())
}

#[test]
fn tickets_are_made_byte_for_byte() {
    for case in cases() {
        assert_eq!(made(&case).expose(), text(&case, "text"), "{}", case["name"]);
    }
}

#[test]
fn tickets_are_read_and_redeemed() {
    for case in cases() {
        let ticket = Ticket::parse(text(&case, "text")).unwrap();
        let caveats: Vec<Caveat> = case["caveats"].as_array().unwrap().iter().map(caveat).collect();
        assert_eq!(ticket.caveats(), caveats, "{}", case["name"]);

        let now = time(number(&case, "issued_at") + 1);
        let redeemed = TicketKeys::new(key(&case)).redeem(text(&case, "text"), now).unwrap();
        assert_eq!(redeemed.subject(), text(&case, "subject"));
        let ids: Vec<String> = redeemed.revocation_ids().iter().map(hex::encode).collect();
        let expected: Vec<&str> = case["link_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{}", case["name"]);
        let once = case["caveats"].as_array().unwrap().iter().position(|caveat| caveat["kind"] == "once");
        assert_eq!(redeemed.once().map(|it| hex::encode(it.key)), once.map(|at| expected[at + 1].to_owned()));
    }
}

#[test]
fn second_checks_are_made_and_read_byte_for_byte() {
    let mut found = 0;
    for case in cases() {
        let check = &case["check"];
        if check.is_null() {
            continue;
        }
        found += 1;
        let (keys, now) = (TicketKeys::new(key(&case)), time(number(&case, "issued_at")));
        let redeemed = keys.redeem(text(&case, "text"), now).unwrap();
        let why = Justification::new(text(check, "why")).unwrap();
        let request =
            CheckRequest::new(&redeemed, text(check, "object"), actions(&check["actions"]).unwrap(), why).unwrap();
        let lives = seconds(number(check, "expires_at") - number(&case, "issued_at"));
        let made = request.lives(lives).issue(keys.current(), bytes(text(check, "nonce")), now).unwrap();
        assert_eq!(made.expose(), text(check, "text"));
        let passed = keys.second_check(text(check, "text"), now).unwrap();
        assert_eq!(hex::encode(passed.once().key), text(check, "id"));
    }
    assert_eq!(found, 1);
}
