//! Grant tickets and second checks, with the right HMAC behind any fields.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use valet_key::clock::Timestamp;
use valet_key::grant::{Actions, Grant, Justification, Lifetime};
use valet_key::secret::Secret;
use valet_key::ticket::{Caveat, Ticket, TicketKey, TicketKeys};

const SECRET: [u8; 32] = [7; 32];

fn hmac(key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Base64url without padding, written bit by bit.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let letter = |at: usize| (0..6).fold(0, |six, offset| six << 1 | bit(at * 6 + offset));
    (0..(bytes.len() * 8).div_ceil(6)).map(|at| char::from(LETTERS[usize::from(letter(at))])).collect()
}

/// Takes so many fields off, each behind its length.
fn take(bytes: &[u8], fields: usize) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    for _ in 0..fields {
        let length = bytes.get(end..end + 2)?;
        end += 2 + usize::from(length[0]) * 256 + usize::from(length[1]);
    }
    bytes.split_at_checked(end)
}

/// The HMAC at the end of a chain over these fields, if they can be told apart.
fn chain(fields: &[u8]) -> Option<Vec<u8>> {
    let (root, mut rest) = take(fields, 12)?;
    let key = hmac(&SECRET, &[b"valet-key ticket 1 key of tickets\0"]);
    let mut mac = hmac(&key, &[b"valet-key ticket 1 root\0", root]);
    while let Some((kind, behind)) = rest.split_first() {
        let count = match kind {
            1..=9 => 1,
            10 => 2,
            11 | 12 => 0,
            _ => return None,
        };
        let (said, behind) = take(behind, count)?;
        mac = hmac(&mac, &[b"valet-key ticket 1 caveat\0", &[*kind], said]);
        rest = behind;
    }
    Some(mac)
}

fn keys() -> TicketKeys {
    TicketKeys::new(TicketKey::new("k1", &Secret::new(SECRET)).unwrap())
}

/// A choice, then the fields of a ticket or of a second check.
///
/// A ticket is accepted only with the HMAC that a slow reading finds, and with none that has another bit. What was read and is
/// written again, with one more caveat, is what it was. A narrower ticket is swapped for nothing that it was not before.
///
/// # Panics
/// If it does not hold.
pub fn ticket(data: &[u8]) {
    let Some((choice, fields)) = data.split_first() else { return };
    let now = Timestamp::from_unix(1_700_000_000).unwrap();
    if choice & 1 == 1 {
        let key = hmac(&SECRET, &[b"valet-key ticket 1 key of second checks\0"]);
        let mac = hmac(&key, &[b"valet-key ticket 1 second check\0", fields]);
        let text = |mac: &[u8]| format!("vks1_{}", base64url(&[fields, mac].concat()));
        if let Ok(passed) = keys().second_check(&text(&mac), now) {
            assert!(take(fields, 9).is_some_and(|(_, rest)| rest.is_empty()));
            assert!(passed.once().until >= now && !passed.subject().is_empty());
            assert!(keys().second_check(&text(&other(mac, *choice)), now).is_err());
        }
        return;
    }
    // Shapes that no slow reading can tell apart are refused whatever stands behind them.
    let (mac, is_known) = chain(fields).map_or_else(|| (vec![0; 32], false), |mac| (mac, true));
    let text = |fields: &[u8], mac: &[u8]| format!("vkt1_{}", base64url(&[fields, mac].concat()));
    let written = text(fields, &mac);
    let Ok(ticket) = Ticket::parse(&written) else {
        assert!(keys().redeem(&written, now).is_err());
        return;
    };
    assert!(is_known);
    assert_eq!(ticket.expose(), written);
    let redeemed = keys().redeem(&written, now);
    let refused = redeemed.as_ref().err().map(valet_key::error::VerifyError::code);
    assert!(matches!(refused, None | Some("unknown_key" | "expired" | "not_yet_valid")), "{refused:?}");
    assert!(keys().redeem(&text(fields, &other(mac.clone(), *choice)), now).is_err());

    let Ok(narrower) = ticket.narrow(Caveat::SingleUse) else { return };
    let longer = [fields, &[11]].concat();
    assert_eq!(narrower.expose(), text(&longer, &chain(&longer).unwrap()));
    let Ok(redeemed) = redeemed else { return };
    assert_eq!(redeemed.revocation_ids().len(), ticket.caveats().len() + 1);
    for asked in asked() {
        let swap = |text: &str| keys().redeem(text, now).unwrap().claimed(true).unwrap().grant(asked.clone());
        assert!(swap(narrower.expose()).is_err() || swap(&written).is_ok());
    }
}

fn other(mut mac: Vec<u8>, choice: u8) -> Vec<u8> {
    mac[usize::from(choice >> 3)] ^= 1 << (choice & 7);
    mac
}

fn asked() -> [Grant; 3] {
    let second = Lifetime::from_seconds(1).unwrap();
    let why = Justification::new("a law").unwrap();
    [
        Grant::read("photos", "42/cat.jpg"),
        Grant::upload("photos", "42/cat.jpg").content_type("image/png").exact_size(7),
        Grant::under("photos", "42/2026/", Actions::READ | Actions::LIST).because(why),
    ]
    .map(|grant| grant.lives(second))
}
