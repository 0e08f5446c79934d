//! Grant tickets: the key of the service, and what is derived from it.

use crate::{
    Operation,
    needles::{Kind, Needles, hmac},
    now,
};
use valet_key::grant::{Actions, Grant, Justification};
use valet_key::secret::Secret;
use valet_key::ticket::{Caveat, CheckRequest, Ticket, TicketKey, TicketKeys, TicketRequest};

const SECRET: &[u8; 32] = b"PLANTEDsecretPLANTEDsecretPLANTE";

fn key(id: &str) -> TicketKey {
    TicketKey::new(id, &Secret::new(*SECRET)).unwrap()
}

fn needles() -> Needles {
    let derived = |purpose: &[u8]| hmac(SECRET, purpose);
    Needles::new()
        .with_hmac_key(SECRET)
        .with_hmac_key(&derived(b"valet-key ticket 1 key of tickets\0"))
        .with_hmac_key(&derived(b"valet-key ticket 1 key of second checks\0"))
}

pub(crate) fn operations() -> Vec<Operation> {
    let issue = || {
        let grant = Grant::read("photos", "42/cat.jpg");
        TicketRequest::new(&grant, "user-42").step_up(Actions::UPLOAD).issue(&key("k1"), [1; 16], now()).unwrap()
    };
    let ticket = issue();
    let text = ticket.expose().to_owned();
    let decoded = crate::needles::from_base64(&text[5..].replace('-', "+").replace('_', "/"));
    let mac = decoded.last_chunk::<32>().unwrap();
    // The MAC of a ticket stands at the end of its text.
    let with_ticket = needles().with(Kind::Token, mac).with(Kind::Token, text.as_bytes());
    vec![
        Operation::new("ticket: keys made, rotated and dropped", &needles(), || {
            let mut keys = TicketKeys::new(key("k0"));
            for number in 1..10 {
                keys = keys.accepting(key(&format!("k{number}"))).unwrap();
            }
            assert!(keys.remove("k3"));
            assert!(TicketKey::new("", &Secret::new(*SECRET)).is_err());
        }),
        Operation::new("ticket: issued, narrowed and read", &with_ticket, move || {
            let ticket = issue().narrow(Caveat::Once).unwrap();
            drop(Ticket::parse(ticket.expose()).unwrap());
            drop(Ticket::parse(&text).unwrap().narrow(Caveat::Once).unwrap());
        }),
        Operation::new("ticket: redeemed, with a second check", &with_ticket, move || {
            let keys = TicketKeys::new(key("k1"));
            let redeemed = keys.redeem(ticket.expose(), now()).unwrap();
            let why = Justification::new("a test").unwrap();
            let request = CheckRequest::new(&redeemed, "42/cat.jpg", Actions::UPLOAD, why).unwrap();
            let check = request.issue(&key("k1"), [2; 16], now()).unwrap();
            drop(keys.second_check(check.expose(), now()).unwrap());
            assert!(keys.redeem(&ticket.expose()[..40], now()).is_err());
        }),
    ]
}
