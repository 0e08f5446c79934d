//! How many tokens a subject may have: the rate behind a trait, and a store of its own in memory.

use super::Subject;
#[cfg(feature = "std")]
use super::gcra::{Gcra, Verdict, micros, seconds};
use crate::clock::Timestamp;
use alloc::{boxed::Box, sync::Arc};
use core::fmt;
#[cfg(feature = "std")]
use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

/// Why a subject gets no token now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limited {
    /// It has had its share.
    #[error("too many tokens: the next in {seconds} s")]
    Later {
        /// After so many seconds the same is allowed, if nothing else is asked for before.
        seconds: u32,
    },
    /// It asks for more at once than it can ever have.
    #[error("{count} tokens at once are more than the burst of {burst}")]
    TooMany {
        /// What was asked for.
        count: u32,
        /// The most at once.
        burst: u32,
    },
    /// As many subjects as there is room for are waiting for their burst to come back. Who is known goes on.
    #[error("the rate limiter has no room for another subject")]
    Full,
    /// The store of rates cannot be asked.
    #[error("the store of rates cannot be reached")]
    Unavailable,
}

impl Limited {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Later { .. } => "rate_limited",
            Self::TooMany { .. } => "batch_too_large",
            Self::Full => "limiter_full",
            Self::Unavailable => "limiter_unavailable",
        }
    }
}

/// Says whether a subject may have so many tokens now, and remembers that it had them.
///
/// Whatever cannot be decided is refused. A store that several processes share takes the step of [`Gcra`](super::Gcra) in one
/// transaction.
pub trait RateLimiter: fmt::Debug + Send + Sync {
    /// Takes them, or tells why not.
    ///
    /// # Errors
    /// [`Limited`].
    fn take(&self, subject: &Subject, count: u32, now: Timestamp) -> Result<(), Limited>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: RateLimiter + ?Sized> RateLimiter for $pointer {
            fn take(&self, subject: &Subject, count: u32, now: Timestamp) -> Result<(), Limited> {
                T::take(self, subject, count, now)
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// No limit here: somebody else has counted before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl RateLimiter for Unlimited {
    fn take(&self, _: &Subject, _: u32, _: Timestamp) -> Result<(), Limited> {
        Ok(())
    }
}

#[cfg(feature = "std")]
const SHARDS: usize = 16;

/// The rates of many subjects in this process's memory.
///
/// It holds 24 bytes, and what a hash map adds to them, for a subject whose burst is not whole, and nothing for any other, up to a number of subjects: then it
/// [refuses](Limited::Full) those that it does not know, rather than forget what others have had. A subject that is refused
/// leaves nothing behind. The subjects are spread over sixteen locks.
///
/// Its time is the latest that it has been told: a clock that goes back gives nothing away, and whoever has had a burst
/// waits until the clock has caught up.
///
/// ```
/// use valet_key::clock::Timestamp;
/// use valet_key::issuer::{Gcra, Limited, RateLimit, RateLimiter, Subject};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let limit = RateLimit::new(Gcra::HOURLY);
/// let jane = Subject::new("acme", "jane")?;
/// assert_eq!(limit.take(&jane, 100, now), Ok(()));
/// assert_eq!(limit.take(&jane, 1, now), Err(Limited::Later { seconds: 36 }));
/// assert_eq!(limit.take(&Subject::new("acme", "joe")?, 1, now), Ok(()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "std")]
pub struct RateLimit {
    rate: Gcra,
    /// Of each shard.
    room: usize,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[cfg(feature = "std")]
struct Shard {
    /// The theoretical arrival times.
    arrivals: HashMap<[u8; 16], u64>,
    /// INVARIANT: none of them is earlier.
    earliest: u64,
    /// The latest time that it was told.
    latest: u64,
}

#[cfg(feature = "std")]
impl RateLimit {
    /// With room for 65,536 subjects whose burst is not whole.
    #[must_use]
    pub fn new(rate: Gcra) -> Self {
        let shard = || Shard { arrivals: HashMap::new(), earliest: u64::MAX, latest: 0 };
        let shards = core::array::from_fn(|_| Mutex::new(shard()));
        Self { rate, room: 65_536 / SHARDS, shards, hasher: RandomState::new() }
    }

    /// With room for that many subjects, rounded up to a multiple of sixteen. Chance spreads them over sixteen parts, one of which
    /// can be full before all are.
    #[must_use]
    pub fn max_subjects(mut self, subjects: usize) -> Self {
        self.room = subjects.div_ceil(SHARDS).max(1);
        self
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Gcra {
        self.rate
    }

    /// How many subjects it holds something for, which may be whole again.
    #[must_use]
    pub fn subjects(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).arrivals.len()).sum()
    }
}

/// INVARIANT: a shard is whole between any two statements that could panic.
#[cfg(feature = "std")]
fn lock(shard: &Mutex<Shard>) -> std::sync::MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(feature = "std")]
impl RateLimiter for RateLimit {
    fn take(&self, subject: &Subject, count: u32, now: Timestamp) -> Result<(), Limited> {
        let key = subject.key();
        // Other bits than those that the map uses. Who could choose the shard could fill it.
        let at = self.hasher.hash_one(key) >> 32;
        let shard = usize::try_from(at).ok().and_then(|at| self.shards.get(at % SHARDS)).ok_or(Limited::Unavailable)?;
        lock(shard).take(key, self.rate, self.room, count, micros(now))
    }
}

#[cfg(feature = "std")]
impl Shard {
    fn take(&mut self, key: [u8; 16], rate: Gcra, room: usize, count: u32, told: u64) -> Result<(), Limited> {
        let now = told.max(self.latest);
        self.latest = now;
        if self.arrivals.len() >= room && self.earliest <= now && !self.arrivals.contains_key(&key) {
            // Once for each moment at most, since everything that stays is later than now.
            self.arrivals.retain(|_, arrival| *arrival > now);
            self.earliest = self.arrivals.values().copied().min().unwrap_or(u64::MAX);
        }
        let is_full = self.arrivals.len() >= room;
        let entry = self.arrivals.entry(key);
        let arrival = match &entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) => 0,
        };
        let step = rate.check_micros(arrival, now, count);
        match (step.verdict(), entry) {
            (Verdict::Never, _) => return Err(Limited::TooMany { count, burst: rate.burst() }),
            (Verdict::Later { seconds: wait }, _) => {
                return Err(Limited::Later { seconds: wait.saturating_add(seconds(now.saturating_sub(told))) });
            }
            (Verdict::Allowed, Entry::Vacant(_)) if is_full => return Err(Limited::Full),
            (Verdict::Allowed, Entry::Vacant(slot)) if step.arrival() > now => {
                slot.insert(step.arrival());
            }
            (Verdict::Allowed, Entry::Vacant(_)) => {}
            (Verdict::Allowed, Entry::Occupied(mut known)) => {
                known.insert(step.arrival());
            }
        }
        self.earliest = self.earliest.min(step.arrival());
        Ok(())
    }
}

#[cfg(feature = "std")]
impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("rate", &self.rate)
            .field("subjects", &self.subjects())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::grant::Lifetime;
    use alloc::format;
    use std::thread;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_700_000_000 + seconds).unwrap()
    }

    fn user(number: u32) -> Subject {
        Subject::new("tenant", &format!("user-{number}")).unwrap()
    }

    #[test]
    fn tenants_do_not_share_the_rates_of_their_users() {
        let limit = RateLimit::new(Gcra::HOURLY);
        for (tenant, name) in [("a", "jane"), ("b", "jane"), ("", "ajane"), ("aj", "ane")] {
            assert_eq!(limit.take(&Subject::new(tenant, name).unwrap(), 100, at(0)), Ok(()), "{tenant} {name}");
        }
        let jane = Subject::new("a", "jane").unwrap();
        assert_eq!(limit.take(&jane, 1, at(0)), Err(Limited::Later { seconds: 36 }));
        assert_eq!(limit.take(&jane, 101, at(0)), Err(Limited::TooMany { count: 101, burst: 100 }));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let limit = RateLimit::new(Gcra::HOURLY).max_subjects(1);
        assert_eq!(limit.take(&user(0), 100, at(0)), Ok(()));
        assert_eq!(limit.take(&user(0), 1, at(-500)), Err(Limited::Later { seconds: 536 }));
        assert_eq!(limit.take(&user(0), 1, at(36)), Ok(()));
        // A jump that lets the entry be forgotten does not bring the burst back when the clock is set right.
        let limit = RateLimit::new(Gcra::HOURLY).max_subjects(1);
        assert_eq!(limit.take(&user(0), 100, at(0)), Ok(()));
        (0..1000).for_each(|other| drop(limit.take(&user(other + 1), 100, at(1_000_000))));
        assert_eq!(limit.subjects(), SHARDS, "each of them full, and none with the first");
        assert_ne!(limit.take(&user(0), 100, at(1)), Ok(()));
    }

    #[test]
    fn what_is_refused_leaves_nothing_behind() {
        let limit = RateLimit::new(Gcra::HOURLY);
        assert!(limit.take(&user(0), 101, at(0)).is_err());
        assert_eq!(limit.take(&user(0), 0, at(0)), Ok(()));
        assert_eq!(limit.subjects(), 0);
    }

    #[test]
    fn a_full_limiter_refuses_whom_it_does_not_know_until_there_is_room() {
        let limit = RateLimit::new(Gcra::HOURLY).max_subjects(64);
        let admitted = (0..10_000).filter(|number| limit.take(&user(*number), 1, at(0)).is_ok()).count();
        assert_eq!((admitted, limit.subjects()), (64, 64));
        let known = (0..10_000).find(|number| limit.take(&user(*number), 1, at(0)).is_ok()).unwrap();
        assert_eq!(limit.take(&user(10_001), 1, at(35)), Err(Limited::Full));
        // 36 s later all but one are whole again.
        assert_eq!(limit.take(&user(known), 1, at(36)), Ok(()));
        let admitted = (20_000..30_000).filter(|number| limit.take(&user(*number), 1, at(36)).is_ok()).count();
        assert_eq!((admitted, limit.subjects()), (63, 64));
    }

    #[test]
    fn exactly_the_burst_passes_whatever_the_threads() {
        for threads in [2, 8] {
            let limit = RateLimit::new(Gcra::new(1, Lifetime::WEEK, 500).unwrap());
            let passed: usize = thread::scope(|scope| {
                let workers: std::vec::Vec<_> = (0..threads)
                    .map(|_| scope.spawn(|| (0..500).filter(|_| limit.take(&user(0), 1, at(0)).is_ok()).count()))
                    .collect();
                workers.into_iter().map(|worker| worker.join().unwrap()).sum()
            });
            assert_eq!(passed, 500);
        }
    }
}
