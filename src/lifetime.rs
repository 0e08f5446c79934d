//! How long a token lives: what a transfer needs, and what is allowed.

use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Classification, Justification, Lifetime, OnShortCredential},
};
use alloc::borrow::ToOwned;

/// When a client that goes on should ask for the next token: after 80 % of the life of this one, down to the second.
pub(crate) fn refresh_at(issued_at: Timestamp, ends_at: Timestamp) -> Timestamp {
    let life = u32::try_from(ends_at.seconds_since(issued_at).max(0)).unwrap_or(u32::MAX);
    issued_at.saturating_add(refresh_after(life))
}

/// The same in seconds.
pub(crate) fn refresh_after(lifetime: u32) -> u32 {
    u32::try_from(u64::from(lifetime) * 4 / 5).unwrap_or(lifetime)
}

/// How long a transfer takes, from its size and the speed of its slower clients.
///
/// The time is size / speed, times a factor for safety, and then rounded up to the next quarter of an hour. What comes out is never
/// shortened: a transfer that needs longer than its data may be open is refused, or cut into parts
/// that fit, each with a token of its own.
///
/// ```
/// use valet_key::{error::IssueError, grant::Classification, lifetime::Transfer};
///
/// // 500 MiB at 2 Mbit/s take 2048 s, and 5120 s with the factor.
/// let transfer = Transfer::new(524_288_000, 256_000);
/// assert_eq!(transfer.seconds()?, 5120);
/// assert_eq!(transfer.lifetime(None)?.seconds(), 5400);
///
/// // Too long for data about persons, so in parts.
/// let transfer = transfer.classified(Classification::Pii);
/// let parts = IssueError::NeedsParts { needed: 5120, allowed: 300, largest_part: 30_720_000 };
/// assert_eq!(transfer.lifetime(None), Err(parts));
/// # Ok::<(), IssueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transfer {
    bytes: u64,
    bytes_per_second: u64,
    factor: u32,
    classification: Option<Classification>,
    maximum: Lifetime,
}

impl Transfer {
    /// The longest that one token of a large transfer lives unless somebody says why: four hours.
    pub const LONGEST: Lifetime = match Lifetime::minutes(4 * 60) {
        Ok(lifetime) => lifetime,
        Err(_) => Lifetime::DEFAULT,
    };
    const SHORTEST: u64 = 60;
    const STEP: u64 = 900;

    /// So many bytes at a speed that 95 of 100 transfers reach, in bytes per second. A mean speed would cut off the slower half.
    ///
    /// The factor is 2.5, and the service allows [`Lifetime::WEEK`].
    pub const fn new(bytes: u64, bytes_per_second: u64) -> Self {
        Self { bytes, bytes_per_second, factor: 2500, classification: None, maximum: Lifetime::WEEK }
    }

    /// The factor for safety in thousandths: 2500 for 2.5.
    pub const fn factor(mut self, thousandths: u32) -> Self {
        self.factor = thousandths;
        self
    }

    /// How sensitive the data is, which caps the lifetime instead of [`Self::LONGEST`].
    pub const fn classified(mut self, class: Classification) -> Self {
        self.classification = Some(class);
        self
    }

    /// The longest that the service allows, where that is less than a week: 900 s for an SQS URL, for example.
    pub const fn service_maximum(mut self, maximum: Lifetime) -> Self {
        self.maximum = maximum;
        self
    }

    /// The longest that needs no justification.
    const fn cap(&self) -> Lifetime {
        match self.classification {
            Some(class) => class.cap(),
            None => Self::LONGEST,
        }
    }

    /// What it takes with the factor, in seconds, before any bound and rounding. A second that has begun counts.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a speed of zero or a factor below one.
    pub fn seconds(&self) -> Result<u64, IssueError> {
        if self.bytes_per_second == 0 {
            return Err(IssueError::Invalid {
                what: "the speed of a transfer",
                why: "it must be at least one byte per second",
            });
        }
        if self.factor < 1000 {
            return Err(IssueError::Invalid { what: "the safety factor", why: "it must be at least 1000 thousandths" });
        }
        let thousandths = u128::from(self.bytes) * u128::from(self.factor);
        let seconds = thousandths.div_ceil(u128::from(self.bytes_per_second) * 1000);
        Ok(u64::try_from(seconds).unwrap_or(u64::MAX))
    }

    /// How long its token should live: [`Self::seconds`], up to the next 900 s where the cap leaves room for that, and at least
    /// a minute, which is also what a transfer of nothing gets.
    ///
    /// With a justification it may be longer than the cap, and goes with the same justification into the
    /// [`Grant`](crate::grant::Grant).
    ///
    /// # Errors
    /// Those of [`Self::seconds`]; [`IssueError::NeedsParts`] for a transfer that takes longer than its cap and nobody said why,
    /// and for one that takes longer than its service allows, whatever anybody says. It is never shortened to fit.
    pub fn lifetime(&self, why: Option<&Justification>) -> Result<Lifetime, IssueError> {
        let needed = self.seconds()?;
        let bound = if why.is_some() { self.maximum } else { self.cap().min(self.maximum) };
        if needed > u64::from(bound.seconds()) {
            return Err(IssueError::NeedsParts {
                needed,
                allowed: bound.seconds(),
                largest_part: self.fits_within(bound),
            });
        }
        let rounded = needed.next_multiple_of(Self::STEP).max(Self::SHORTEST).min(u64::from(bound.seconds()));
        u32::try_from(rounded)
            .ok()
            .and_then(|seconds| Lifetime::from_seconds(seconds).ok())
            .ok_or(IssueError::TimeOverflow)
    }

    /// How many bytes can be transferred within the cap and what the service allows, with the factor.
    ///
    /// The parts of a multipart or resumable upload that are no larger each fit in a token that needs no
    /// justification. Zero if not a byte can be.
    #[must_use]
    pub fn largest_part(&self) -> u64 {
        self.fits_within(self.cap().min(self.maximum))
    }

    fn fits_within(&self, lifetime: Lifetime) -> u64 {
        let thousandths = u128::from(lifetime.seconds()) * u128::from(self.bytes_per_second) * 1000;
        let part = thousandths.checked_div(u128::from(self.factor)).unwrap_or_default();
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// What bounds a lifetime beside the credential.
pub(crate) struct Bounds<'a> {
    /// The longest that needs no justification.
    pub(crate) cap: Lifetime,
    pub(crate) is_justified: bool,
    /// The longest that the service allows.
    pub(crate) maximum: Lifetime,
    pub(crate) service: &'a str,
}

/// The lifetime of a token in seconds and its end, within what its class, the service and the credential allow.
pub(crate) fn effective(
    lifetime: Lifetime,
    bounds: &Bounds<'_>,
    credential_ends: Option<Timestamp>,
    on_short: OnShortCredential,
    now: Timestamp,
) -> Result<(u32, Timestamp), IssueError> {
    if lifetime > bounds.cap && !bounds.is_justified {
        return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
    }
    if lifetime > bounds.maximum {
        return Err(IssueError::LifetimeTooLong {
            requested: lifetime.seconds(),
            maximum: bounds.maximum.seconds(),
            service: bounds.service.to_owned(),
        });
    }
    let asked = lifetime.seconds();
    let token_ends = now.checked_add(asked).ok_or(IssueError::TimeOverflow)?;
    let Some(credential_ends) = credential_ends.filter(|ends| *ends < token_ends) else {
        return Ok((asked, token_ends));
    };
    match u32::try_from(credential_ends.seconds_since(now)) {
        Ok(left @ 1..) if on_short == OnShortCredential::Clamp => Ok((left, credential_ends)),
        _ => Err(IssueError::OutlivesCredential { token_ends, credential_ends }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(bytes: u64, speed: u64, factor: u32) -> (u64, Result<u32, IssueError>) {
        let transfer = Transfer::new(bytes, speed).factor(factor);
        (transfer.seconds().unwrap(), transfer.lifetime(None).map(Lifetime::seconds))
    }

    #[test]
    fn a_refresh_is_due_after_four_fifths() {
        let at = |seconds: i64| Timestamp::from_unix(1_700_000_000 + seconds).unwrap();
        for (life, due) in [(900, 720), (5400, 4320), (300, 240), (3600, 2880), (1, 0), (7, 5), (0, 0), (-5, 0)] {
            assert_eq!(refresh_at(at(0), at(life)), at(due), "{life}");
        }
    }

    #[test]
    fn a_transfer_gets_what_it_takes_and_a_margin() {
        // 500 MiB and 1 GiB at 2 Mbit/s.
        assert_eq!(seconds(524_288_000, 256_000, 2500), (5120, Ok(5400)));
        assert_eq!(seconds(1 << 30, 256_000, 2500), (10_486, Ok(10_800)));
        assert_eq!(seconds(524_288_000, 256_000, 1000), (2048, Ok(2700)));
        // To the second on both sides of a step.
        assert_eq!(seconds(900, 1, 1000), (900, Ok(900)));
        assert_eq!(seconds(901, 1, 1000), (901, Ok(1800)));
        assert_eq!(seconds(1, 1_000_000, 2500), (1, Ok(900)));
        // Nothing at all takes no time, and gets the shortest life.
        assert_eq!(seconds(0, 1, 2500), (0, Ok(60)));
        assert_eq!(seconds(1, 1, 1000), (1, Ok(900)));
    }

    #[test]
    fn nothing_is_shortened_to_fit() {
        let why = Justification::new("the film archive, ticket 4711").unwrap();
        let fits = |seconds| Transfer::new(seconds, 1).factor(1000);
        assert_eq!(fits(14_400).lifetime(None).unwrap().seconds(), 14_400);
        let needs_parts = |needed, allowed, largest_part| Err(IssueError::NeedsParts { needed, allowed, largest_part });
        assert_eq!(fits(14_401).lifetime(None), needs_parts(14_401, 14_400, 14_400));
        assert_eq!(fits(14_401).lifetime(Some(&why)).unwrap().seconds(), 15_300);
        assert_eq!(fits(604_800).lifetime(Some(&why)).unwrap(), Lifetime::WEEK);
        for bytes in [604_801, u64::MAX] {
            assert_eq!(fits(bytes).lifetime(Some(&why)), needs_parts(bytes, 604_800, 604_800));
        }
        let queue = |seconds| fits(seconds).service_maximum(Lifetime::DEFAULT);
        assert_eq!(queue(900).lifetime(None), Ok(Lifetime::DEFAULT));
        assert_eq!(queue(901).lifetime(Some(&why)), needs_parts(901, 900, 900));
        let short = fits(0).service_maximum(Lifetime::from_seconds(30).unwrap());
        assert_eq!(short.lifetime(None).unwrap().seconds(), 30);
    }

    #[test]
    fn the_class_of_the_data_bounds_it_before_its_size() {
        for (class, cap) in [
            (Classification::Pii, 300),
            (Classification::Confidential, 900),
            (Classification::Internal, 1800),
            (Classification::Public, 3600),
        ] {
            let transfer = |bytes| Transfer::new(bytes, 1000).classified(class);
            let part = transfer(u64::MAX).largest_part();
            assert_eq!(part, cap * 400);
            assert_eq!(u64::from(transfer(part).lifetime(None).unwrap().seconds()), cap);
            match transfer(part + 1).lifetime(None) {
                Err(IssueError::NeedsParts { allowed, largest_part, .. }) => {
                    assert_eq!((u64::from(allowed), largest_part), (cap, part));
                }
                other => panic!("{other:?}"),
            }
        }
        let short = Transfer::new(1, 1).classified(Classification::Public).service_maximum(Lifetime::DEFAULT);
        assert_eq!((short.largest_part(), short.lifetime(None).unwrap()), (360, Lifetime::DEFAULT));
        assert_eq!(short.factor(0).largest_part(), 0);
    }

    #[test]
    fn a_speed_or_factor_of_nothing_is_refused() {
        for transfer in [Transfer::new(1, 0), Transfer::new(1, 1).factor(999), Transfer::new(0, 1).factor(0)] {
            assert!(matches!(transfer.lifetime(None), Err(IssueError::Invalid { .. })));
        }
        assert_eq!(Transfer::new(u64::MAX, 1).factor(u32::MAX).seconds(), Ok(u64::MAX));
    }
}
