//! Time in whole seconds, and the clocks that tell it.
//!
//! Every format in this crate carries whole seconds, so fractions are dropped where a time comes in
//! and can never differ between what is signed and what is sent.

use crate::error::TimestampError;
use core::fmt;

/// Eight decimal digits as four numbers of two digits, all at once: a byte for each digit, then one for each pair.
const fn pairs(digits: [u8; 8]) -> Result<[u8; 4], TimestampError> {
    const ZEROS: u64 = u64::from_ne_bytes(*b"00000000");
    const UPPER: u64 = u64::from_ne_bytes([0xf0; 8]);
    let text = u64::from_le_bytes(digits);
    let values = text ^ ZEROS;
    // No digit is more than 9, so that six more reach the upper half of no byte.
    if (values | ((values & !UPPER) + u64::from_ne_bytes([6; 8]))) & UPPER != 0 {
        return Err(TimestampError::Form);
    }
    let pairs = (values * 10 + (values >> 8)).to_le_bytes();
    let [first, _, second, _, third, _, fourth, _] = pairs;
    Ok([first, second, third, fourth])
}

/// The days from 1970-01-01 to a day from then on, if there is such a day.
const fn days_since_1970(year: u32, month: u8, day: u8) -> Option<u32> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    // Years that begin with March, so that a leap day is the last of its year and the lengths of the months repeat: 153 days
    // every five months.
    let (year, month) = if month > 2 { (year, month as u32 - 3) } else { (year - 1, month as u32 + 9) };
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    // From the first of March of the year 0 to the first of January 1970 there are 719,468 days.
    Some(of_years + (month * 153 + 2) / 5 + day as u32 - 1 - 719_468)
}

/// The last second of the year 9999, after which no wire format has digits left.
const MAX: i64 = 253_402_300_799;

/// A moment in whole seconds, from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
///
/// ```
/// use valet_key::clock::Timestamp;
///
/// let moment = Timestamp::parse_iso_basic("20150830T123600Z")?;
/// assert_eq!(moment.unix(), 1_440_938_160);
/// assert_eq!(moment.to_string(), "2015-08-30T12:36:00Z");
/// assert!(Timestamp::parse_iso_basic("20150230T123600Z").is_err()); // no such day
/// # Ok::<(), valet_key::error::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub(crate) const EPOCH: Self = Self(0);

    /// The moment that many seconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`] before 1970 or after 9999.
    pub const fn from_unix(seconds: i64) -> Result<Self, TimestampError> {
        if seconds < 0 || seconds > MAX { Err(TimestampError::OutOfRange) } else { Ok(Self(seconds)) }
    }

    /// Reads `YYYYMMDD'T'HHMMSS'Z'`, the ISO 8601 basic form of `X-Amz-Date`.
    ///
    /// # Errors
    /// [`TimestampError::Form`] for anything but that form, [`TimestampError::OutOfRange`] for a day or
    /// time that no calendar has (a leap second included) or a year before 1970.
    pub fn parse_iso_basic(text: &str) -> Result<Self, TimestampError> {
        let bytes: &[u8; 16] = text.as_bytes().try_into().map_err(|_| TimestampError::Form)?;
        Self::from_iso_basic(bytes)
    }

    pub(crate) fn from_iso_basic(bytes: &[u8; 16]) -> Result<Self, TimestampError> {
        let &[y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z'] = bytes else {
            return Err(TimestampError::Form);
        };
        let [century, year, month, day] = pairs([y0, y1, y2, y3, mo0, mo1, d0, d1])?;
        let [hour, minute, second, _] = pairs([h0, h1, mi0, mi1, s0, s1, b'0', b'0'])?;
        let year = u32::from(century) * 100 + u32::from(year);
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return Err(TimestampError::OutOfRange);
        }
        let days = days_since_1970(year, month, day).ok_or(TimestampError::OutOfRange)?;
        let second_of_day = (u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second);
        Ok(Self(i64::from(days) * 86_400 + i64::from(second_of_day)))
    }

    /// Reads `2020-01-23T04:35:40Z`. A fraction of a second of so many digits is dropped, so that what ends then ends within
    /// that second.
    pub(crate) fn from_iso_extended(text: &str, fraction_digits: &core::ops::RangeInclusive<usize>) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (text, fraction) = text.split_once('.').map_or((text, None), |(text, fraction)| (text, Some(fraction)));
        let is_fraction =
            |text: &str| fraction_digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fraction.is_some_and(|text| !is_fraction(text)) {
            return None;
        }
        let &[y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', h0, h1, b':', mi0, mi1, b':', s0, s1] =
            text.as_bytes()
        else {
            return None;
        };
        let basic = [y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z'];
        Self::from_iso_basic(&basic).ok()
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This moment plus some seconds, or `None` past the year 9999.
    #[must_use]
    pub fn checked_add(self, seconds: u32) -> Option<Self> {
        Self::from_unix(self.0.checked_add(i64::from(seconds))?).ok()
    }

    /// This moment minus some seconds, not before 1970.
    #[must_use]
    pub fn saturating_sub(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(seconds)).max(0))
    }

    /// This moment plus some seconds, not after 9999.
    #[must_use]
    pub fn saturating_add(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds)).min(MAX))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        // Both lie in 0..=MAX, so the difference cannot overflow.
        self.0.wrapping_sub(earlier.0)
    }

    /// The value of an `x-amz-date` header: `YYYYMMDDTHHMMSSZ`.
    #[must_use]
    pub fn amz_date(self) -> alloc::string::String {
        self.iso_basic().iter().copied().map(char::from).collect()
    }

    /// `YYYYMMDDTHHMMSSZ` as ASCII.
    pub(crate) fn iso_basic(self) -> [u8; 16] {
        let [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1] = self.digits();
        [y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z']
    }

    fn digits(self) -> [u8; 14] {
        // INVARIANT: 0..=MAX is within what `time` holds, so the fallback is never taken.
        let moment = time::OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let year = year.unsigned_abs();
        let two = |value: u32| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        let ([y0, y1], [y2, y3]) = (two(year / 100), two(year % 100));
        let ([mo0, mo1], [d0, d1]) = (two(u32::from(u8::from(month))), two(u32::from(day)));
        let ([h0, h1], [mi0, mi1], [s0, s1]) = (two(u32::from(hour)), two(u32::from(minute)), two(u32::from(second)));
        [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1]
    }
}

/// RFC 3339 in UTC: `2015-08-30T12:36:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1] = self.digits();
        let text = [y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', h0, h1, b':', mi0, mi1, b':', s0, s1, b'Z'];
        f.write_str(core::str::from_utf8(&text).unwrap_or_default())
    }
}

/// The same in parentheses, since a count of seconds tells a reader nothing.
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// Drops the fraction of a second.
#[cfg(feature = "std")]
impl TryFrom<std::time::SystemTime> for Timestamp {
    type Error = TimestampError;

    fn try_from(time: std::time::SystemTime) -> Result<Self, TimestampError> {
        let since = time.duration_since(std::time::UNIX_EPOCH).map_err(|_| TimestampError::OutOfRange)?;
        Self::from_unix(i64::try_from(since.as_secs()).map_err(|_| TimestampError::OutOfRange)?)
    }
}

/// In the form that it is shown in, and in no other.
#[cfg(feature = "serde")]
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl serde::de::Visitor<'_> for Reader {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time of the form `2015-08-30T12:36:00Z`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                let without_fraction = text.len() == 20;
                let read = Timestamp::from_iso_extended(text, &(1..=9)).filter(|_| without_fraction);
                read.ok_or_else(|| E::custom("a time must have the form `YYYY-MM-DDTHH:MM:SSZ`, between 1970 and 9999"))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

/// Something that tells the time.
///
/// Signing and verifying take `now` as an argument; a clock is only held by what runs by itself. A
/// [`Timestamp`] is a clock that stands still.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
}

impl Clock for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

/// The clock of the operating system.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(feature = "std")]
impl Clock for SystemClock {
    /// A system clock before 1970 reads as 1970, which every check of freshness refuses.
    fn now(&self) -> Timestamp {
        Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_the_range_survives_a_round_trip() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (MAX, "99991231T235959Z"),
        ] {
            let moment = Timestamp::from_unix(seconds).unwrap();
            assert_eq!(core::str::from_utf8(&moment.iso_basic()).unwrap(), text);
            assert_eq!(Timestamp::parse_iso_basic(text), Ok(moment));
        }
        assert_eq!(Timestamp::from_unix(-1), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::from_unix(MAX + 1), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::from_unix(MAX).unwrap().checked_add(1), None);
    }

    #[test]
    fn the_extended_form_is_read_to_the_second() {
        let seconds = |text: &str| Timestamp::from_iso_extended(text, &(1..=9)).map(Timestamp::unix);
        let millis = |text: &str| Timestamp::from_iso_extended(text, &(3..=3)).is_some();
        assert!(millis("2020-01-23T04:35:40Z") && millis("2020-01-23T04:35:40.518Z"));
        assert!(!millis("2020-01-23T04:35:40.5Z") && !millis("2020-01-23T04:35:40.518042Z"));
        let whole = seconds("2020-01-23T04:35:40Z");
        assert!(whole.is_some());
        for text in ["2020-01-23T04:35:40.000Z", "2020-01-23T04:35:40.518042Z", "2020-01-23T04:35:40.999999999Z"] {
            assert_eq!(seconds(text), whole, "{text}");
        }
        for text in [
            "2020-01-23T04:35:40.Z",
            "2020-01-23T04:35:40.1234567890Z",
            "2020-01-23T04:35:40.1.2Z",
            "2020-01-23T04:35:40,5Z",
            "2020-01-23T04:35:40.5",
            "2020-01-23T04:35Z",
            "2020-02-30T04:35:40Z",
            "2020-01-23T24:35:40Z",
            "2020-1-23T04:35:40Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_where_the_library_says() {
        let mut date = time::Date::from_calendar_date(1969, time::Month::December, 1).unwrap();
        while date.year() < 2405 {
            let month = u8::from(date.month());
            for day in [date.day(), date.day() + 31 - date.month().length(date.year()) + 1] {
                let found = Timestamp::parse_iso_basic(&alloc::format!("{:04}{month:02}{day:02}T000000Z", date.year()));
                let theirs = time::Date::from_calendar_date(date.year(), date.month(), day).ok();
                let seconds = theirs.map(|date| date.midnight().assume_utc().unix_timestamp()).filter(|it| *it >= 0);
                assert_eq!(found.ok().map(Timestamp::unix), seconds, "{date} {day}");
            }
            date = date.next_day().unwrap();
        }
        assert_eq!(Timestamp::parse_iso_basic("99991231T235959Z").map(Timestamp::unix), Ok(MAX));
    }

    #[test]
    fn dates_that_no_calendar_has_are_refused() {
        for text in [
            "20151301T000000Z",
            "20150230T000000Z",
            "20150830T240000Z",
            "20150830T006000Z",
            "20150830T123660Z",
            "20150229T000000Z",
            "19691231T235959Z",
            "00000000T000000Z",
        ] {
            assert_eq!(Timestamp::parse_iso_basic(text), Err(TimestampError::OutOfRange), "{text}");
        }
        for text in
            ["", "20150830T123600", "20150830T123600Z ", "2015083OT123600Z", "20150830t123600z", "+0150830T123600Z"]
        {
            assert_eq!(Timestamp::parse_iso_basic(text), Err(TimestampError::Form), "{text}");
        }
    }
}
