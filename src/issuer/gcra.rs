//! The generic cell rate algorithm in whole numbers.

use crate::{clock::Timestamp, error::IssueError, grant::Lifetime};

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;
/// The most that all of a burst may take to come back: a hundred years.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60 * SECOND;

/// So many tokens in a period, and so many at once: the generic cell rate algorithm.
///
/// All it keeps of a subject is one number, the *theoretical arrival time*: when its burst will be whole again, in
/// microseconds since 1970, or zero for a subject that is not known. [`check`](Self::check) goes from one such number to the next
/// without any state of its own, so that the number can live in a map, a row or a Redis key: read it under
/// [`Subject::key`](super::Subject::key), take the step, and write it back with [`Step::seconds_to_live`] as its time to
/// live, all in one transaction or script. The step is two comparisons and an addition of
/// [`interval`](Self::interval) and [`burst`](Self::burst): `new = max(old, now) + count * interval`, allowed if
/// `new - now <= burst * interval`, and written only then.
///
/// A subject that has taken nothing for a while can take a whole burst and then one token in each interval. So in a window of one
/// period it gets at most the burst and the tokens of a period together; it is not a count of a sliding window.
///
/// ```
/// use valet_key::clock::Timestamp;
/// use valet_key::issuer::{Gcra, Verdict};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let rate = Gcra::HOURLY; // 100 in an hour
/// let first = rate.check(0, now, 100);
/// assert_eq!(first.verdict(), Verdict::Allowed);
/// assert_eq!(rate.check(first.arrival(), now, 1).verdict(), Verdict::Later { seconds: 36 });
/// assert_eq!(rate.check(first.arrival(), now.saturating_add(36), 1).verdict(), Verdict::Allowed);
/// # Ok::<(), valet_key::error::TimestampError>(())
/// ```
///
/// Source: ITU-T I.371, annex A (the virtual scheduling algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval: u64,
    burst: u32,
}

/// What one request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Allowed,
    /// Not yet.
    Later {
        /// After so many seconds the same request is allowed, if none comes between.
        seconds: u32,
    },
    /// It asks for more than a whole burst, so that waiting does not help.
    Never,
}

/// The verdict, and what is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    verdict: Verdict,
    arrival: u64,
    now: u64,
}

impl Step {
    /// Whether the request may go on.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The theoretical arrival time to keep, in microseconds since 1970: the old one unless the request is allowed.
    #[must_use]
    pub const fn arrival(&self) -> u64 {
        self.arrival
    }

    /// How long it has to be kept, in seconds; zero if it says no more than that the subject is not known.
    #[must_use]
    pub fn seconds_to_live(&self) -> u32 {
        seconds(self.arrival.saturating_sub(self.now))
    }
}

impl Gcra {
    /// 100 tokens in an hour, and as many at once.
    pub const HOURLY: Self = Self { interval: 36 * SECOND, burst: 100 };

    /// So many tokens in a period, and at most `burst` at once: the same number for "so many per period" taken by its letter, a
    /// smaller one to spread them.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for no tokens, no burst, or a burst that takes more than a hundred years to come back.
    pub fn new(tokens: u32, period: Lifetime, burst: u32) -> Result<Self, IssueError> {
        let period = u64::from(period.seconds()) * SECOND;
        // Rounded up, so that no period has more.
        let interval = if tokens == 0 { None } else { Some(period.div_ceil(u64::from(tokens))) };
        match interval {
            Some(interval) if burst > 0 && interval.saturating_mul(u64::from(burst)) <= LONGEST => {
                Ok(Self { interval, burst })
            }
            _ => Err(IssueError::Invalid {
                what: "rate",
                why: "there must be a token and a burst, which comes back within a hundred years",
            }),
        }
    }

    /// The microseconds between two tokens.
    #[must_use]
    pub const fn interval(&self) -> u64 {
        self.interval
    }

    /// The most tokens at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// What a request for `count` tokens comes to, of a subject with this theoretical arrival time.
    ///
    /// Nothing is kept for a request that is not allowed. A clock that goes back makes requests wait, and gives nothing away.
    #[must_use]
    pub fn check(&self, arrival: u64, now: Timestamp, count: u32) -> Step {
        self.check_micros(arrival, micros(now), count)
    }

    pub(super) fn check_micros(&self, arrival: u64, now: u64, count: u32) -> Step {
        let refused = |verdict| Step { verdict, arrival, now };
        if count > self.burst {
            return refused(Verdict::Never);
        }
        let new = arrival.max(now).saturating_add(self.interval.saturating_mul(u64::from(count)));
        let allowance = self.interval.saturating_mul(u64::from(self.burst));
        match new.saturating_sub(now).saturating_sub(allowance) {
            0 => Step { verdict: Verdict::Allowed, arrival: new, now },
            too_early => refused(Verdict::Later { seconds: seconds(too_early) }),
        }
    }
}

/// Microseconds since 1970.
pub(super) fn micros(time: Timestamp) -> u64 {
    u64::try_from(time.unix()).unwrap_or_default().saturating_mul(SECOND)
}

/// Whole seconds that are no less.
pub(super) fn seconds(micros: u64) -> u32 {
    u32::try_from(micros.div_ceil(SECOND)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_700_000_000 + seconds).unwrap()
    }

    /// Takes one token at a time, and tells how many of them are allowed.
    fn take(rate: Gcra, arrival: &mut u64, now: Timestamp, count: u32) -> u32 {
        (0..count)
            .map(|_| {
                let step = rate.check(*arrival, now, 1);
                *arrival = step.arrival();
                u32::from(step.verdict() == Verdict::Allowed)
            })
            .sum()
    }

    #[test]
    fn a_hundred_pass_and_then_one_in_36_seconds() {
        let (rate, mut arrival) = (Gcra::HOURLY, 0);
        assert_eq!(Gcra::new(100, Lifetime::minutes(60).unwrap(), 100), Ok(rate));
        assert_eq!(take(rate, &mut arrival, at(0), 100), 100);
        assert_eq!(rate.check(arrival, at(0), 1).verdict(), Verdict::Later { seconds: 36 });
        assert_eq!(rate.check(arrival, at(35), 1).verdict(), Verdict::Later { seconds: 1 });
        assert_eq!(take(rate, &mut arrival, at(36), 2), 1);
        assert_eq!(rate.check(arrival, at(36), 1).verdict(), Verdict::Later { seconds: 36 });
        // An hour after the burst it is there again, but for the one that was taken since.
        assert_eq!(take(rate, &mut arrival, at(3600), 200), 99);
        assert_eq!(take(rate, &mut arrival, at(3600 + 3600), 200), 100);
    }

    #[test]
    fn a_batch_costs_what_it_holds() {
        let (rate, mut arrival) = (Gcra::new(100, Lifetime::minutes(60).unwrap(), 20).unwrap(), 0);
        let step = rate.check(arrival, at(0), 15);
        assert_eq!((step.verdict(), step.seconds_to_live()), (Verdict::Allowed, 15 * 36));
        arrival = step.arrival();
        let refused = rate.check(arrival, at(0), 6);
        assert_eq!((refused.verdict(), refused.arrival()), (Verdict::Later { seconds: 36 }, arrival));
        assert_eq!(rate.check(arrival, at(0), 5).verdict(), Verdict::Allowed);
        assert_eq!(rate.check(arrival, at(36), 6).verdict(), Verdict::Allowed);
        assert_eq!(rate.check(0, at(0), 21).verdict(), Verdict::Never);
        assert_eq!(rate.check(arrival, at(0), 0).arrival(), arrival);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        let hour = Lifetime::minutes(60).unwrap();
        for (tokens, period, burst) in
            [(0, hour, 1), (1, hour, 0), (1, Lifetime::from_seconds(u32::MAX).unwrap(), 2), (1, hour, u32::MAX)]
        {
            assert!(matches!(Gcra::new(tokens, period, burst), Err(IssueError::Invalid { .. })), "{tokens} {burst}");
        }
        // 7 an hour do not divide it: the interval is rounded up.
        let seven = Gcra::new(7, hour, 7).unwrap();
        assert_eq!(seven.interval(), 514_285_715);
    }

    #[test]
    fn no_number_of_a_store_is_too_large() {
        let step = Gcra::HOURLY.check(u64::MAX, at(0), 1);
        assert_eq!((step.verdict(), step.arrival()), (Verdict::Later { seconds: u32::MAX }, u64::MAX));
        assert_eq!(step.seconds_to_live(), u32::MAX);
    }

    proptest! {
        /// However the clock goes, so many tokens need so much time.
        #[test]
        fn no_window_has_more_than_the_burst_and_its_time(
            tokens in 1..50u32, burst in 1..50u32, steps in proptest::collection::vec((-200..400i64, 0..9u32), 1..60),
        ) {
            let rate = Gcra::new(tokens, Lifetime::minutes(60).unwrap(), burst).unwrap();
            let (mut arrival, mut time, mut latest, mut taken) = (0, 0, 0, 0u64);
            for (change, count) in steps {
                time = (time + change).max(0);
                latest = latest.max(time);
                let step = rate.check(arrival, at(time), count);
                prop_assert!(step.arrival() >= arrival);
                if step.verdict() == Verdict::Allowed {
                    taken += u64::from(count);
                    arrival = step.arrival();
                } else {
                    prop_assert_eq!(step.arrival(), arrival);
                    if let Verdict::Later { seconds } = step.verdict() {
                        let then = at(time).saturating_add(seconds);
                        prop_assert_eq!(rate.check(arrival, then, count).verdict(), Verdict::Allowed);
                        prop_assert_ne!(rate.check(arrival, then.saturating_sub(1), count).verdict(), Verdict::Allowed);
                    }
                }
                let earned = u64::try_from(latest).unwrap() * SECOND / rate.interval();
                prop_assert!(taken <= u64::from(burst) + earned + 1, "{} of {}", taken, earned);
            }
        }
    }
}
