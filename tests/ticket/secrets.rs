//! No key, ticket, chain or second check shows in any `Debug` or error.

use super::{album, at, bytes_of, issue, key, keys, why};
use valet_key::grant::{Actions, Grant};
use valet_key::ticket::{Caveat, CheckRequest, Ticket, TicketRequest};

#[test]
fn nothing_that_can_be_used_shows() {
    let read = Grant::read("photos", "42/cat.jpg");
    let ticket = TicketRequest::new(&read, "user-42").step_up(Actions::UPLOAD).issue(&key(), [1; 16], at(0)).unwrap();
    let narrow = ticket.narrow(Caveat::Once).unwrap();
    let redeemed = keys().redeem(narrow.expose(), at(0)).unwrap();
    let request = CheckRequest::new(&redeemed, "42/cat.jpg", Actions::UPLOAD, why()).unwrap();
    let check = request.issue(&key(), [2; 16], at(0)).unwrap();
    let passed = keys().second_check(check.expose(), at(0)).unwrap();

    let mut broken = narrow.expose().to_owned();
    broken.pop();
    let wrong = format!("{}AAAA", &narrow.expose()[..narrow.expose().len() - 4]);
    let errors = [
        format!("{0:?} {0}", keys().redeem(&broken, at(0)).unwrap_err()),
        format!("{0:?} {0}", keys().redeem(&wrong, at(0)).unwrap_err()),
        format!("{0:?} {0}", keys().redeem(narrow.expose(), at(10_000)).unwrap_err()),
        format!("{0:?} {0}", keys().second_check(&check.expose()[..40], at(0)).unwrap_err()),
        format!("{0:?} {0}", keys().second_check(check.expose(), at(10_000)).unwrap_err()),
        format!("{0:?} {0}", narrow.narrow(Caveat::Object("b".into())).unwrap_err()),
        format!("{0:?} {0}", Ticket::parse(check.expose()).unwrap_err()),
    ];
    let values = [
        format!("{:?} {:#?}", key(), keys()),
        format!("{ticket:?} {ticket:#?} {narrow:?}"),
        format!("{redeemed:?} {redeemed:#?}"),
        format!("{request:?} {check:?} {check:#?} {passed:?} {passed:#?}"),
    ];
    let mut planted = Vec::new();
    for text in [ticket.expose(), narrow.expose(), check.expose()] {
        let bytes = bytes_of(text);
        let mac = &bytes[bytes.len() - 32..];
        let numbers = format!("{mac:?}");
        planted.extend([text[5..21].to_owned(), text[text.len() - 16..].to_owned(), hex::encode(mac)]);
        planted.push(numbers[1..numbers.len() / 2].to_owned());
    }
    planted.extend([hex::encode([7; 32]), format!("{:?}", [7; 32])]);
    for shown in errors.iter().chain(&values) {
        let one_line = shown.split_whitespace().collect::<Vec<_>>().join(" ").replace("[ ", "[").replace(", ]", "]");
        for secret in &planted {
            assert!(!shown.contains(secret) && !one_line.contains(secret), "{secret} shows in {shown}");
        }
    }
}

#[test]
fn the_search_finds_what_is_planted() {
    let ticket = issue(&album());
    let shown = format!("{:?}", ticket.expose());
    assert!(shown.contains(&ticket.expose()[5..21]));
}
