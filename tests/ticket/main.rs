//! Grant tickets and second checks: their format, their laws, and what has gone wrong with tokens of this kind.

mod laws;
mod secrets;
mod step_up;
mod threats;
mod vectors;

use valet_key::clock::Timestamp;
use valet_key::grant::{Actions, Grant, Justification};
use valet_key::secret::Secret;
use valet_key::ticket::{Ticket, TicketKey, TicketKeys, TicketRequest};

const NOW: i64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds).unwrap()
}

fn key() -> TicketKey {
    TicketKey::new("k1", &Secret::new([7; 32])).unwrap()
}

fn keys() -> TicketKeys {
    TicketKeys::new(key())
}

fn why() -> Justification {
    Justification::new("album of user 42").unwrap()
}

/// Reading, listing and uploading under a prefix, for 15 minutes.
fn album() -> Grant {
    let grant = Grant::under("photos", "42/", Actions::READ | Actions::LIST | Actions::UPLOAD).because(why());
    grant.any_content_type().any_size()
}

fn issue(grant: &Grant) -> Ticket {
    TicketRequest::new(grant, "user-42").issue(&key(), [1; 16], at(0)).unwrap()
}

/// What stands in a ticket: its fields with their lengths, then the HMAC.
fn bytes_of(text: &str) -> Vec<u8> {
    use base64ct::Encoding;
    base64ct::Base64UrlUnpadded::decode_vec(&text[5..]).unwrap()
}

fn text_of(prefix: &str, bytes: &[u8]) -> String {
    use base64ct::Encoding;
    format!("{prefix}{}", base64ct::Base64UrlUnpadded::encode_string(bytes))
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}
