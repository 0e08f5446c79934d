//! What an operator counts: events behind a small hook, and counters of fixed size for whoever has no metrics library.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use valet_key::metrics::{Counters, Event, Metrics};
//!
//! let counters = Counters::new();
//! counters.record(&Event::Issued { lifetime: 900 });
//! counters.record(&Event::Rejected { code: "expired" });
//! counters.record(&Event::Verified { seconds_left: 340 });
//! let seen = counters.snapshot();
//! assert_eq!((seen.issued, seen.verified, seen.rejected("expired")), (1, 1, 1));
//! assert_eq!(seen.seconds_left.within(600), 1);
//! # }
//! ```

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;
#[cfg(feature = "std")]
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// One thing that happened. It names nobody and holds no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A token was handed out.
    Issued {
        /// How long it lives from then on, in seconds.
        lifetime: u32,
    },
    /// The same, in place of one that was handed out before.
    Refreshed {
        /// How long it lives from then on, in seconds.
        lifetime: u32,
    },
    /// No token was handed out.
    Refused {
        /// Why, by a stable name.
        code: &'e str,
    },
    /// A remote holder of a key was asked for a token, and none came.
    Abandoned,
    /// A record of what happened could not be written. If it was about a token, the token was not handed out.
    Unaudited,
    /// A request with a token was accepted.
    Verified {
        /// For how long the token would have been good, in seconds.
        seconds_left: u32,
    },
    /// A request was not accepted.
    Rejected {
        /// Why, by a stable name.
        code: &'e str,
    },
}

/// Hears of every event, on the thread where it happens: what takes long belongs elsewhere.
pub trait Metrics: fmt::Debug + Send + Sync {
    /// Counts it.
    fn record(&self, event: &Event<'_>);
}

/// Counts nothing.
impl Metrics for () {
    fn record(&self, _: &Event<'_>) {}
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Metrics + ?Sized> Metrics for $pointer {
            fn record(&self, event: &Event<'_>) {
                T::record(self, event);
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// How many codes are told apart on each side. What comes after them is counted together.
#[cfg(feature = "std")]
const CODES: usize = 96;
/// The longest code.
#[cfg(feature = "std")]
const LONGEST: usize = 48;

/// Counters of all events in a memory of fixed size, whatever the codes and however many threads.
///
/// A count goes up by itself, so a [`snapshot`](Self::snapshot) that is taken meanwhile can have one of two events that belong
/// together.
#[cfg(feature = "std")]
#[derive(Default)]
pub struct Counters {
    issued: AtomicU64,
    refreshed: AtomicU64,
    abandoned: AtomicU64,
    unaudited: AtomicU64,
    verified: AtomicU64,
    refused: Codes,
    rejected: Codes,
    lifetimes: AtomicHistogram,
    seconds_left: AtomicHistogram,
}

#[cfg(feature = "std")]
impl Counters {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts as they are.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            issued: read(&self.issued),
            refreshed: read(&self.refreshed),
            abandoned: read(&self.abandoned),
            unaudited: read(&self.unaudited),
            verified: read(&self.verified),
            refused: self.refused.snapshot(),
            rejected: self.rejected.snapshot(),
            lifetimes: self.lifetimes.snapshot(),
            seconds_left: self.seconds_left.snapshot(),
        }
    }
}

#[cfg(feature = "std")]
impl Metrics for Counters {
    fn record(&self, event: &Event<'_>) {
        match event {
            Event::Issued { lifetime } => {
                count(&self.issued);
                self.lifetimes.record(*lifetime);
            }
            Event::Refreshed { lifetime } => {
                count(&self.refreshed);
                self.lifetimes.record(*lifetime);
            }
            Event::Refused { code } => self.refused.record(code),
            Event::Abandoned => count(&self.abandoned),
            Event::Unaudited => count(&self.unaudited),
            Event::Verified { seconds_left } => {
                count(&self.verified);
                self.seconds_left.record(*seconds_left);
            }
            Event::Rejected { code } => self.rejected.record(code),
        }
    }
}

#[cfg(feature = "std")]
impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

#[cfg(feature = "std")]
fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(feature = "std")]
fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Counts by code. A slot is taken once, by the first event with its code.
#[cfg(feature = "std")]
struct Codes {
    slots: [(OnceLock<Box<str>>, AtomicU64); CODES],
    others: AtomicU64,
}

#[cfg(feature = "std")]
impl Default for Codes {
    fn default() -> Self {
        Self { slots: core::array::from_fn(|_| <_>::default()), others: AtomicU64::new(0) }
    }
}

#[cfg(feature = "std")]
impl Codes {
    fn record(&self, code: &str) {
        let is_code = !code.is_empty() && code.len() <= LONGEST;
        // Whoever comes second to an empty slot sees what the first has put there.
        let mut slots = self.slots.iter().filter(|(slot, _)| is_code && **slot.get_or_init(|| code.into()) == *code);
        count(slots.next().map_or(&self.others, |(_, counter)| counter));
    }

    fn snapshot(&self) -> Vec<(Box<str>, u64)> {
        let known = self.slots.iter().filter_map(|(code, counter)| Some((code.get()?.clone(), read(counter))));
        let others = (Box::from(Snapshot::OTHERS), read(&self.others));
        known.chain(Some(others).filter(|(_, count)| *count > 0)).collect()
    }
}

/// The upper bounds of the classes of a histogram, in seconds.
pub const BOUNDS: [u32; 14] = [1, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 14_400, 43_200, 86_400, 604_800];

#[cfg(feature = "std")]
#[derive(Default)]
struct AtomicHistogram {
    /// One for each of the bounds, and one for what is beyond them.
    classes: [AtomicU64; BOUNDS.len() + 1],
    sum: AtomicU64,
}

#[cfg(feature = "std")]
impl AtomicHistogram {
    fn record(&self, seconds: u32) {
        let class = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(class) = self.classes.get(class) {
            count(class);
        }
        self.sum.fetch_add(u64::from(seconds), Ordering::Relaxed);
    }

    fn snapshot(&self) -> Histogram {
        Histogram { classes: self.classes.each_ref().map(read), sum: read(&self.sum) }
    }
}

/// How many values lie in each class, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Histogram {
    /// How many are at most the [bound](BOUNDS) of the same place and above the one before; the last class has no bound.
    pub classes: [u64; BOUNDS.len() + 1],
    /// The sum of all values, in seconds.
    pub sum: u64,
}

impl Histogram {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// How many are certain to be at most that many seconds: those in classes that end there or before.
    #[must_use]
    pub fn within(&self, seconds: u32) -> u64 {
        BOUNDS.iter().zip(&self.classes).take_while(|(bound, _)| **bound <= seconds).map(|(_, count)| count).sum()
    }
}

/// What was counted up to one moment, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Tokens that were handed out, without those that were refreshed.
    pub issued: u64,
    /// Tokens that were handed out in place of others.
    pub refreshed: u64,
    /// Tokens that a remote holder was asked for and that never came.
    pub abandoned: u64,
    /// Records that could not be written.
    pub unaudited: u64,
    /// Requests that were accepted.
    pub verified: u64,
    /// Tokens that were not handed out, by code, in the order of the first of each.
    pub refused: Vec<(Box<str>, u64)>,
    /// Requests that were not accepted, by code, in the order of the first of each.
    pub rejected: Vec<(Box<str>, u64)>,
    /// How long tokens live.
    pub lifetimes: Histogram,
    /// How long the tokens of accepted requests would have been good.
    pub seconds_left: Histogram,
}

impl Snapshot {
    /// The code that stands for all those for which there is no room, and for what is no code: none, or more than 48 bytes.
    pub const OTHERS: &'static str = "others";

    /// How many tokens were not handed out for this reason.
    #[must_use]
    pub fn refused(&self, code: &str) -> u64 {
        of(&self.refused, code)
    }

    /// How many requests were not accepted for this reason: `expired` for tokens that came too late.
    #[must_use]
    pub fn rejected(&self, code: &str) -> u64 {
        of(&self.rejected, code)
    }
}

fn of(counts: &[(Box<str>, u64)], code: &str) -> u64 {
    counts.iter().filter(|(known, _)| **known == *code).map(|(_, count)| count).sum()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use alloc::format;
    use std::thread;

    #[test]
    fn the_memory_is_fixed_whatever_the_codes() {
        let counters = Counters::new();
        for number in 0..1000 {
            counters.record(&Event::Refused { code: &format!("code_{number}") });
        }
        for code in ["", "a code that is longer than any code of ours could ever be", "code_0"] {
            counters.record(&Event::Refused { code });
        }
        let seen = counters.snapshot();
        assert_eq!(seen.refused.len(), CODES + 1);
        assert_eq!((seen.refused("code_0"), seen.refused("code_95"), seen.refused("code_96")), (2, 1, 0));
        assert_eq!(seen.refused(Snapshot::OTHERS), 1000 - 96 + 2);
        assert!(seen.rejected.is_empty());
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let counters = Counters::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..1000 {
                        counters.record(&Event::Rejected { code: ["expired", "host", "scope"][round % 3] });
                        counters.record(&Event::Verified { seconds_left: 5 });
                    }
                });
            }
        });
        let seen = counters.snapshot();
        assert_eq!((seen.rejected("expired"), seen.rejected("host"), seen.rejected("scope")), (1336, 1332, 1332));
        assert_eq!((seen.verified, seen.seconds_left.count(), seen.seconds_left.sum), (4000, 4000, 20_000));
    }

    #[test]
    fn a_value_lies_in_the_class_that_it_ends() {
        let counters = Counters::new();
        for seconds_left in [0, 1, 2, 900, 901, 604_800, 604_801, u32::MAX] {
            counters.record(&Event::Verified { seconds_left });
        }
        let seen = counters.snapshot().seconds_left;
        assert_eq!(seen.classes, [2, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 2]);
        assert_eq!((seen.within(0), seen.within(1), seen.within(899), seen.within(900), seen.count()), (0, 2, 3, 4, 8));
    }
}
