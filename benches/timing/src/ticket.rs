//! Tickets: the HMAC at the end of their chain.

use crate::pair::{Pair, Verify};
use valet_key::{
    clock::Timestamp,
    grant::{Actions, Grant, Justification},
    secret::Secret,
    ticket::{TicketKey, TicketKeys, TicketRequest},
};

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key(secret: &str) -> TicketKey {
    let mut bytes = [7; 32];
    bytes[..secret.len()].copy_from_slice(secret.as_bytes());
    TicketKey::new("2023-11", &Secret::new(bytes)).unwrap()
}

fn issue(secret: &str) -> String {
    let why = Justification::new("a measurement").unwrap();
    let album = Grant::under("albums", "42/", Actions::READ | Actions::LIST).because(why);
    TicketRequest::new(&album, "user-42").issue(&key(secret), [1; 16], now()).unwrap().expose().to_owned()
}

pub(crate) fn mac() -> Pair {
    // The HMAC is what a ticket ends with: 256 bits, of which the last digit has only some and may not have others.
    let begins = |ticket: &str| ticket.len() - 42;
    let verifier = |secret: &str| -> Verify {
        let keys = TicketKeys::new(key(secret));
        Box::new(move |text| keys.redeem(text, now()).err())
    };
    Pair::of_signature(begins, 41, issue, verifier)
}
