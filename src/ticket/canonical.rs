//! Every byte that is signed: what a ticket begins with, its caveats, second checks, and the chain over them.

use super::{
    caveat::Caveat,
    fields::{Reader, TextRule, Write},
    limits::{self, Limits},
    step_up::Terms,
};
use crate::{
    clock::Timestamp,
    error::VerifyError,
    grant::{Actions, Classification, Lifetime},
    mac::{HmacKey, Sha256, Sink},
    network::AddressRange,
    policy::Pattern,
    secret::Secret,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// What each HMAC and each hash is for. INVARIANT: none is the beginning of another.
const ROOT: &[u8] = b"valet-key ticket 1 root\0";
const CAVEAT: &[u8] = b"valet-key ticket 1 caveat\0";
const CHECK: &[u8] = b"valet-key ticket 1 second check\0";
const LINK_ID: &[u8] = b"valet-key ticket 1 id of a link\0";
const CHECK_ID: &[u8] = b"valet-key ticket 1 id of a second check\0";
const ROOT_KEY: &[u8] = b"valet-key ticket 1 key of tickets\0";
const CHECK_KEY: &[u8] = b"valet-key ticket 1 key of second checks\0";

/// The name of a ticket in errors.
pub(super) const TICKET: &str = "ticket";
/// The name of a second check in errors.
pub(super) const SECOND_CHECK: &str = "second check";

/// The keys for tickets and for second checks, from the one secret.
pub(super) fn derived(secret: &[u8; 32]) -> [HmacKey; 2] {
    let secret = HmacKey::new(secret);
    [ROOT_KEY, CHECK_KEY].map(|purpose| HmacKey::new(Secret::new(secret.mac(purpose)).expose()))
}

/// What a ticket begins with: who may swap it, and the issuer's own words for what it allows.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) key_id: String,
    pub(super) nonce: [u8; 16],
    pub(super) subject: String,
    pub(super) issued_at: Timestamp,
    pub(super) limits: Limits,
}

impl Root {
    /// INVARIANT: writes what [`Limits`] has before any caveat.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.text(&self.key_id);
        out.bytes(&self.nonce);
        out.text(&self.subject);
        out.time(self.issued_at);
        out.text(&self.limits.container);
        put_names(&self.limits.names, out);
        out.number(self.limits.actions.bits());
        out.number(self.limits.after_check.map_or(0, Actions::bits));
        out.bytes(&[rank(self.limits.classification)]);
        out.number(self.limits.lifetime.seconds());
        out.time(self.limits.expires_at);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, VerifyError> {
        let key_id = reader.text(TextRule::KEY_ID)?;
        let nonce = reader.array()?;
        let subject = reader.text(TextRule::SUBJECT)?;
        let issued_at = reader.time()?;
        let container = reader.text(TextRule::CONTAINER)?;
        let names = read_names(reader)?;
        let actions = read_actions(reader)?;
        let after_check = match reader.number()? {
            0 => None,
            bits => Some(known(bits, reader)?),
        };
        let [rank] = reader.array()?;
        let classification = classification(rank).ok_or(reader.error("its classification is unknown"))?;
        let lifetime = read_lifetime(reader)?;
        let expires_at = reader.time()?;
        let limits = Limits::new(container, names, actions, after_check, classification, lifetime, expires_at);
        Ok(Self { key_id, nonce, subject, issued_at, limits })
    }
}

fn put_names(names: &Pattern, out: &mut Vec<u8>) {
    let (kind, text) = match names {
        Pattern::Exact(name) => (0, name),
        Pattern::Prefix(prefix) => (1, prefix),
    };
    out.bytes(&[kind]);
    out.text(text);
}

fn read_names(reader: &mut Reader<'_>) -> Result<Pattern, VerifyError> {
    let [kind] = reader.array()?;
    let text = reader.text(TextRule::NAME)?;
    let names = match kind {
        0 => limits::object(text),
        1 => limits::under(text),
        _ => Err("names are one object or a prefix"),
    };
    names.map_err(|why| reader.error(why))
}

fn known(bits: u32, reader: &Reader<'_>) -> Result<Actions, VerifyError> {
    Actions::from_bits(bits).ok_or(reader.error("an action is unknown, or there is none"))
}

fn read_actions(reader: &mut Reader<'_>) -> Result<Actions, VerifyError> {
    let bits = reader.number()?;
    known(bits, reader)
}

fn read_lifetime(reader: &mut Reader<'_>) -> Result<Lifetime, VerifyError> {
    let seconds = reader.number()?;
    Lifetime::from_seconds(seconds).map_err(|_| reader.error("a lifetime is at least 1 second"))
}

/// From the least sensitive on.
const CLASSES: [Classification; 4] =
    [Classification::Public, Classification::Internal, Classification::Confidential, Classification::Pii];

fn rank(class: Classification) -> u8 {
    let rank = CLASSES.iter().position(|other| *other == class).and_then(|rank| u8::try_from(rank).ok());
    // INVARIANT: all are listed. The most sensitive is the safe answer.
    rank.unwrap_or(3)
}

fn classification(rank: u8) -> Option<Classification> {
    CLASSES.get(usize::from(rank)).copied()
}

/// The kinds of caveats on the wire.
mod kind {
    pub(super) const ACTIONS: u8 = 1;
    pub(super) const OBJECT: u8 = 2;
    pub(super) const UNDER: u8 = 3;
    pub(super) const EXPIRES_AT: u8 = 4;
    pub(super) const NOT_BEFORE: u8 = 5;
    pub(super) const LIVES_AT_MOST: u8 = 6;
    pub(super) const CLIENT_ADDRESS: u8 = 7;
    pub(super) const CONTENT_TYPE: u8 = 8;
    pub(super) const CONTENT_TYPE_PREFIX: u8 = 9;
    pub(super) const SIZE: u8 = 10;
    pub(super) const SINGLE_USE: u8 = 11;
    pub(super) const ONCE: u8 = 12;
}

/// A kind, then what it says.
pub(super) fn put_caveat(caveat: &Caveat, out: &mut Vec<u8>) {
    let mut with = |kind: u8| out.push(kind);
    match caveat {
        Caveat::Actions(actions) => {
            with(kind::ACTIONS);
            out.number(actions.bits());
        }
        Caveat::Object(name) => {
            with(kind::OBJECT);
            out.text(name);
        }
        Caveat::Under(prefix) => {
            with(kind::UNDER);
            out.text(prefix);
        }
        Caveat::ExpiresAt(time) => {
            with(kind::EXPIRES_AT);
            out.time(*time);
        }
        Caveat::NotBefore(time) => {
            with(kind::NOT_BEFORE);
            out.time(*time);
        }
        Caveat::LivesAtMost(lifetime) => {
            with(kind::LIVES_AT_MOST);
            out.number(lifetime.seconds());
        }
        Caveat::ClientAddress(address) => {
            with(kind::CLIENT_ADDRESS);
            out.text(address);
        }
        Caveat::ContentType(exact) => {
            with(kind::CONTENT_TYPE);
            out.text(exact);
        }
        Caveat::ContentTypePrefix(prefix) => {
            with(kind::CONTENT_TYPE_PREFIX);
            out.text(prefix);
        }
        Caveat::Size(bytes) => {
            with(kind::SIZE);
            out.long(*bytes.start());
            out.long(*bytes.end());
        }
        Caveat::SingleUse => with(kind::SINGLE_USE),
        Caveat::Once => with(kind::ONCE),
    }
}

pub(super) fn read_caveat(reader: &mut Reader<'_>) -> Result<Caveat, VerifyError> {
    Ok(match reader.byte()? {
        kind::ACTIONS => Caveat::Actions(read_actions(reader)?),
        kind::OBJECT => Caveat::Object(reader.text(TextRule::NAME)?),
        kind::UNDER => Caveat::Under(reader.text(TextRule::NAME)?),
        kind::EXPIRES_AT => Caveat::ExpiresAt(reader.time()?),
        kind::NOT_BEFORE => Caveat::NotBefore(reader.time()?),
        kind::LIVES_AT_MOST => Caveat::LivesAtMost(read_lifetime(reader)?),
        kind::CLIENT_ADDRESS => Caveat::ClientAddress(read_address(reader)?),
        kind::CONTENT_TYPE => Caveat::ContentType(reader.text(TextRule::CONTENT_TYPE)?),
        kind::CONTENT_TYPE_PREFIX => Caveat::ContentTypePrefix(reader.text(TextRule::CONTENT_TYPE)?),
        kind::SIZE => Caveat::Size(reader.long()?..=reader.long()?),
        kind::SINGLE_USE => Caveat::SingleUse,
        kind::ONCE => Caveat::Once,
        // A caveat that nobody here understands may say anything.
        _ => return Err(reader.error("a caveat is of an unknown kind")),
    })
}

/// An address in its one spelling.
fn read_address(reader: &mut Reader<'_>) -> Result<String, VerifyError> {
    let text = reader.text(TextRule::ADDRESS)?;
    let is_canonical = AddressRange::parse(&text).is_some_and(|range| range.to_string() == text);
    if is_canonical { Ok(text) } else { Err(reader.error("a client address has another spelling")) }
}

/// The HMAC that a chain begins with.
pub(super) fn first(key: &HmacKey, root: &Root) -> Secret<[u8; 32]> {
    let mut fields = Vec::new();
    root.put(&mut fields);
    Secret::new(key.mac_of(|hash| {
        hash.put(ROOT);
        hash.put(&fields);
    }))
}

/// The HMAC that a chain goes on with.
pub(super) fn next(mac: &Secret<[u8; 32]>, caveat: &Caveat) -> Secret<[u8; 32]> {
    let mut fields = Vec::new();
    put_caveat(caveat, &mut fields);
    Secret::new(HmacKey::new(mac.expose()).mac_of(|hash| {
        hash.put(CAVEAT);
        hash.put(&fields);
    }))
}

/// The name of a link, from which nobody finds its HMAC.
pub(super) fn link_id(mac: &Secret<[u8; 32]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.put(LINK_ID);
    hash.put(mac.expose());
    hash.finish()
}

impl Terms {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.text(&self.key_id);
        out.bytes(&self.nonce);
        out.bytes(&self.ticket);
        out.text(&self.subject);
        out.text(&self.container);
        out.text(&self.object);
        out.number(self.actions.bits());
        out.text(self.why.as_str());
        out.time(self.expires_at);
    }

    pub(super) fn mac(&self, key: &HmacKey) -> Secret<[u8; 32]> {
        let mut fields = Vec::new();
        self.put(&mut fields);
        Secret::new(key.mac_of(|hash| {
            hash.put(CHECK);
            hash.put(&fields);
        }))
    }

    /// The name of a check, for its single use.
    pub(super) fn id(&self) -> [u8; 32] {
        let mut fields = Vec::new();
        self.put(&mut fields);
        let mut hash = Sha256::new();
        hash.put(CHECK_ID);
        hash.put(&fields);
        hash.finish()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, VerifyError> {
        let key_id = reader.text(TextRule::KEY_ID)?;
        let (nonce, ticket) = (reader.array()?, reader.array()?);
        let subject = reader.text(TextRule::SUBJECT)?;
        let container = reader.text(TextRule::CONTAINER)?;
        let object = reader.text(TextRule::NAME)?;
        let actions = read_actions(reader)?;
        let text = reader.text(TextRule::WHY)?;
        let why = crate::grant::Justification::new(&text).ok().filter(|why| why.as_str() == text);
        let why = why.ok_or(reader.error(TextRule::WHY.why))?;
        let expires_at = reader.time()?;
        if !reader.is_at_end() {
            return Err(reader.error("something stands behind its last field"));
        }
        Ok(Self { key_id, nonce, ticket, subject, container, object, actions, why, expires_at })
    }
}
