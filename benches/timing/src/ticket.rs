//! Tickets: the HMAC at the end of their chain.

use crate::pair::Pair;
use valet_key::{
    clock::Timestamp,
    error::VerifyError,
    grant::{Actions, Grant, Justification},
    secret::Secret,
    ticket::{TicketKey, TicketKeys, TicketRequest},
};

pub(crate) fn mac() -> Pair {
    let now = Timestamp::from_unix(1_700_000_000).unwrap();
    let key = TicketKey::new("2023-11", &Secret::new([7; 32])).unwrap();
    let why = Justification::new("a measurement").unwrap();
    let album = Grant::under("albums", "42/", Actions::READ | Actions::LIST).because(why);
    let ticket = TicketRequest::new(&album, "user-42").issue(&key, [1; 16], now).unwrap();
    let accepted = ticket.expose().to_owned();
    // The last of 43 digits has bits behind the end, which have to be zero.
    let compared = accepted.len() - 41..accepted.len() - 1;
    let keys = std::rc::Rc::new(TicketKeys::new(key));
    Pair::of_halves(&accepted, compared, &VerifyError::SignatureMismatch, move |text| keys.redeem(text, now).err())
}
