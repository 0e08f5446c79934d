//! Replay: what was used once already.

use super::{StoreKey, error::StoreError};
use crate::clock::Timestamp;
use std::{
    collections::{BTreeMap, HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
    vec::Vec,
};

const SHARDS: usize = 16;
/// How many entries that are over are forgotten, at most, for each that is added: more than one, so that the store gets rid of
/// them faster than it fills, and few, so that no request pays for all.
const SWEEP: usize = 8;

/// Where uses are remembered.
///
/// A store that several processes share and that needs to wait is asked without this trait: see
/// [`Question`](super::Question).
pub trait ReplayStore: fmt::Debug + Send + Sync {
    /// Whether nobody came with this key yet. From then on somebody has, until `until` is over. Of several threads that ask at
    /// the same time exactly one is told so.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Lost`]: the request is refused.
    fn is_first(&self, key: &StoreKey, until: Timestamp, now: Timestamp) -> Result<bool, StoreError>;
}

/// Uses in memory.
///
/// It holds so many and no more, in 16 parts with a lock each. What is over makes room; when a part is full of uses that are
/// not, a new one is refused, since forgetting one early would allow it twice. Size it for the rate of single uses times
/// their lifetime and the skew: 100 in a second with 15 minutes of each are 180,000.
///
/// ```
/// use valet_key::clock::Timestamp;
/// use valet_key::gateway::ReplayCache;
///
/// let uses = ReplayCache::new(1 << 20);
/// assert!(uses.is_empty());
/// ```
pub struct ReplayCache {
    shards: Vec<Mutex<Shard>>,
    /// Spreads keys over the parts, in a way that nobody outside can foresee.
    spread: RandomState,
    per_shard: usize,
}

#[derive(Default)]
struct Shard {
    /// Each use with the last second at which it is remembered.
    seen: HashMap<StoreKey, Timestamp>,
    /// The same by that second. A use that came again after its end is there twice until the first is swept.
    ending: BTreeMap<Timestamp, Vec<StoreKey>>,
}

impl Shard {
    /// Forgets a few of those that are over.
    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP {
            let Some(mut first) = self.ending.first_entry().filter(|first| *first.key() < now) else { return };
            if let Some(key) = first.get_mut().pop()
                && self.seen.get(&key) == Some(first.key())
            {
                self.seen.remove(&key);
            }
            if first.get().is_empty() {
                first.remove();
            }
        }
    }
}

impl ReplayCache {
    /// Room for so many uses, rounded up to a multiple of 16. One takes about 80 bytes, when it is added.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let shards = core::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, spread: RandomState::new(), per_shard: capacity.div_ceil(SHARDS) }
    }

    /// How many uses it remembers, those that are over and not yet forgotten among them.
    #[must_use]
    pub fn len(&self) -> usize {
        let lengths = self.shards.iter().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner).seen.len());
        lengths.sum()
    }

    /// Whether it remembers none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReplayStore for ReplayCache {
    fn is_first(&self, key: &StoreKey, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let at = self.spread.hash_one(key) % SHARDS as u64;
        let shard = usize::try_from(at).ok().and_then(|at| self.shards.get(at)).ok_or(StoreError::Lost)?;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.sweep(now);
        match shard.seen.get(key) {
            Some(until) if *until >= now => return Ok(false),
            None if shard.seen.len() >= self.per_shard => return Err(StoreError::Full),
            _ => {}
        }
        shard.seen.insert(*key, until);
        shard.ending.entry(until).or_default().push(*key);
        Ok(true)
    }
}

impl fmt::Debug for ReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayCache")
            .field("uses", &self.len())
            .field("capacity", &self.per_shard.saturating_mul(SHARDS))
            .finish_non_exhaustive()
    }
}
