//! Revocation: what was issued and must not be used any more.

use super::{Provider, error::StoreError, facts::Facts};
use crate::{
    clock::Timestamp,
    encode,
    grant::Lifetime,
    mac::{Sha256, Sink},
    token::Fingerprint,
};
use std::{
    collections::HashMap,
    fmt,
    sync::{PoisonError, RwLock},
    vec::Vec,
};

/// How deep a prefix can be revoked, in `/`: each request is looked up at so many of them at most.
const DEEPEST: usize = 16;
/// How far ahead of our clock that of a signer may be, in seconds.
const SKEW: u32 = 15 * 60;

/// A name in a store: 32 bytes whatever it is the name of, and nothing of that can be read from it.
///
/// It is the SHA-256 of a kind and its parts, each behind its length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    pub(super) fn of(kind: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in core::iter::once(&kind.as_bytes()).chain(parts) {
            hash.put(&(part.len() as u64).to_be_bytes());
            hash.put(part);
        }
        Self(hash.finish())
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 lower-case hex digits.
impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&encode::hex_lower(&self.0)).unwrap_or_default())
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({self})")
    }
}

/// Something that was issued and must not be used any more: by a key, for a subject, one token, whatever is under a prefix, or
/// all of it; always, or only what was issued before some second.
///
/// A token has no other memory than its own end, so that an entry can be forgotten once every token that it may be about
/// is over. A cloud that takes a token itself does not ask a gateway. There, rotate or delete the signing key
/// (the HMAC key of a service account, the key of a CloudFront key group), deny `aws:TokenIssueTime` to the role,
/// delete the stored access policy or revoke the user delegation keys.
///
/// ```
/// use valet_key::{clock::Timestamp, gateway::{Provider, Revocation}};
///
/// let stolen = Revocation::key(Provider::Aws, "AKIAIOSFODNN7EXAMPLE");
/// let album = Revocation::under(Provider::Aws, "photos", "42/album/")?;
/// // Who signs in again gets tokens that work.
/// let signed_out = Revocation::subject("42").issued_before(Timestamp::from_unix(1_700_000_000)?);
/// assert!(Revocation::under(Provider::Aws, "photos", "42").is_err()); // would be `420/` as well
/// # let _ = (stolen, album, signed_out);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Revocation {
    key: StoreKey,
    before: i64,
}

impl Revocation {
    const fn always(key: StoreKey) -> Self {
        Self { key, before: i64::MAX }
    }

    /// Whatever that key signed: see [`Facts::key_id`].
    pub fn key(provider: Provider, id: &str) -> Self {
        Self::always(StoreKey::of("key", &[provider.as_str().as_bytes(), id.as_bytes()]))
    }

    /// Whatever was issued for that subject: see [`Facts::subject`]. A token that names no subject is not found so.
    pub fn subject(subject: &str) -> Self {
        Self::always(StoreKey::of("subject", &[subject.as_bytes()]))
    }

    /// One token: what [`BearerUrl::fingerprint`](crate::token::BearerUrl::fingerprint) told when it was issued, and an audit
    /// record keeps.
    pub fn fingerprint(fingerprint: &Fingerprint) -> Self {
        Self::always(StoreKey::of("fingerprint", &[fingerprint.as_bytes()]))
    }

    /// Whatever is about one object, as target or as source of a copy.
    pub fn object(provider: Provider, container: &str, name: &str) -> Self {
        Self::always(StoreKey::of("object", &[provider.as_str().as_bytes(), container.as_bytes(), name.as_bytes()]))
    }

    /// Whatever is about a name that begins like this: the objects, the sources of copies, and the listings below it. An empty
    /// prefix is the container as a whole. A listing of more than the prefix is not stopped.
    ///
    /// Names count letter by letter. In front of Azure Files, which takes `A` for `a`, revoke the share, the key or the token.
    ///
    /// # Errors
    /// [`RevocationError`] for a prefix that does not end with `/`, or has more than 16 of them.
    pub fn under(provider: Provider, container: &str, prefix: &str) -> Result<Self, RevocationError> {
        if !prefix.is_empty() && !prefix.ends_with('/') {
            return Err(RevocationError::OpenPrefix);
        }
        let found = prefix.bytes().filter(|byte| *byte == b'/').count();
        if found > DEEPEST {
            return Err(RevocationError::TooDeep { found });
        }
        Ok(Self::always(prefix_key(provider, container, prefix)))
    }

    /// Whatever was issued before that second, by whom and for whom ever. A token that does not say when its life began was.
    pub fn all_issued_before(second: Timestamp) -> Self {
        Self::always(StoreKey::of("all", &[])).issued_before(second)
    }

    /// Only what was issued before that second. A token that does not say when its life began was.
    ///
    /// Tokens tell whole seconds, so that one issued in the very second of the revocation is older than it only with the next
    /// second here.
    pub const fn issued_before(mut self, second: Timestamp) -> Self {
        self.before = second.unix();
        self
    }

    /// The name in a store that [`Question::revocations`](super::Question::revocations) asks for.
    #[must_use]
    pub const fn store_key(&self) -> &StoreKey {
        &self.key
    }

    /// The value in a store, in seconds since 1970: a token is revoked if its life began before that. [`i64::MAX`] revokes all.
    #[must_use]
    pub const fn watermark(&self) -> i64 {
        self.before
    }
}

/// What cannot be revoked in one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// A prefix in the middle of a segment.
    #[error("a revoked prefix must be empty or end with `/`")]
    OpenPrefix,
    /// A prefix that no request is looked up at.
    #[error("a revoked prefix has at most 16 `/`, found {found}")]
    TooDeep {
        /// How many it has.
        found: usize,
    },
}

fn prefix_key(provider: Provider, container: &str, prefix: &str) -> StoreKey {
    StoreKey::of("prefix", &[provider.as_str().as_bytes(), container.as_bytes(), prefix.as_bytes()])
}

/// The entries that a request may be under. INVARIANT: at most 4 and for each name 2 + `DEEPEST`, whatever the request says.
pub(super) fn keys_of(facts: &Facts) -> Vec<StoreKey> {
    let provider = facts.provider;
    let mut keys = Vec::with_capacity(8);
    keys.push(StoreKey::of("all", &[]));
    keys.push(*Revocation::key(provider, facts.key_id()).store_key());
    keys.push(*Revocation::fingerprint(&facts.fingerprint).store_key());
    keys.extend(facts.subject().map(|subject| *Revocation::subject(subject).store_key()));
    for (container, name) in facts.names() {
        keys.push(prefix_key(provider, container, ""));
        let slashes = name.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
        let prefixes = slashes.take(DEEPEST).filter_map(|(at, _)| name.get(..=at));
        keys.extend(prefixes.map(|prefix| prefix_key(provider, container, prefix)));
        if !name.is_empty() {
            keys.push(*Revocation::object(provider, container, name).store_key());
        }
    }
    keys
}

/// Where revocations are looked up.
///
/// A store that several processes share and that needs to wait is asked without this trait: see
/// [`Question`](super::Question).
pub trait RevocationStore: fmt::Debug + Send + Sync {
    /// The largest watermark among the entries of these names that are live at `now`.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if it cannot tell: the request is refused.
    fn watermark(&self, keys: &[StoreKey], now: Timestamp) -> Result<Option<i64>, StoreError>;
}

/// Revocations in memory.
///
/// It holds so many entries and no more. Each dies when every token that it may be about is over: after the
/// [longest lifetime](Self::longest_lifetime), a week and the skew of a clock unless told otherwise. When all places are taken by live entries, [`revoke`](Self::revoke) fails, and nothing is
/// forgotten early. A request is looked up at no more than 42 names.
#[derive(Debug)]
pub struct RevocationList {
    entries: RwLock<HashMap<StoreKey, Entry>>,
    capacity: usize,
    longest: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    before: i64,
    /// The last second at which it is needed.
    until: Timestamp,
}

impl RevocationList {
    /// Room for so many entries, for tokens that live a week at most and may be dated a quarter of an hour ahead. An entry takes
    /// about 60 bytes, when it is added.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: RwLock::default(), capacity, longest: Lifetime::WEEK.seconds() + SKEW }
    }

    /// The longest that a token is good after the moment in which it was issued, the skew included: an entry dies so long after it
    /// was added, and a token that lives longer is accepted again.
    ///
    /// No signature of AWS or Google lives longer than a week. A SAS of Azure that an account key signs has no such limit, and
    /// where a token begins later than it is issued, the time until then counts too. Say here how long yours live.
    #[must_use]
    pub const fn longest_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.longest = lifetime.seconds();
        self
    }

    /// Adds an entry. One of the same name stays as far as it says more.
    ///
    /// # Errors
    /// [`StoreError::Full`] if every place is taken by a live entry.
    pub fn revoke(&self, revocation: &Revocation, now: Timestamp) -> Result<(), StoreError> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity && !entries.contains_key(&revocation.key) {
            entries.retain(|_, entry| entry.until >= now);
            if entries.len() >= self.capacity {
                return Err(StoreError::Full);
            }
        }
        let entry = entries.entry(revocation.key).or_insert(Entry { before: i64::MIN, until: now });
        if entry.until < now {
            entry.before = i64::MIN;
        }
        entry.before = entry.before.max(revocation.before);
        entry.until = entry.until.max(now.saturating_add(self.longest));
        Ok(())
    }

    /// Takes an entry back. Returns whether there was one.
    pub fn restore(&self, revocation: &Revocation) -> bool {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(&revocation.key).is_some()
    }

    /// How many entries there are, those that are over and not yet forgotten among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RevocationStore for RevocationList {
    fn watermark(&self, keys: &[StoreKey], now: Timestamp) -> Result<Option<i64>, StoreError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let live = keys.iter().filter_map(|key| entries.get(key)).filter(|entry| entry.until >= now);
        Ok(live.map(|entry| entry.before).max())
    }
}
