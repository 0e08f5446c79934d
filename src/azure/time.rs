//! Times as Azure writes them: ISO 8601 in UTC, in several forms of which the text is what is signed.
//!
//! Source: Azure Storage REST reference, "Formatting DateTime values".

use crate::{clock::Timestamp, encode::Inline};
use alloc::string::{String, ToString};

/// The longest form: seven digits of a fraction and an offset.
const LONGEST: usize = "2026-11-22T08:09:10.1234567+00:00".len();

/// A moment as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Without its fraction.
    pub(super) second: Timestamp,
    has_fraction: bool,
}

impl Moment {
    /// The same of the value of a parameter that holds escapes: those of the two colons are what most have.
    pub(super) fn parse_escaped(value: &[u8]) -> Option<Self> {
        if let [y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, ref time @ ..] = *value
            && let [b'T', h0, h1, b'%', b'3', b'A', m0, m1, b'%', b'3', b'A', s0, s1, b'Z'] = *time
        {
            let second = at([y0, y1, y2, y3, mo0, mo1, d0, d1], [h0, h1, m0, m1], [s0, s1])?;
            return Some(Self { second, has_fraction: false });
        }
        Self::parse(Inline::<LONGEST>::decoded(value)?.bytes())
    }

    /// Reads `YYYY-MM-DD`, or that with `Thh:mm`, `Thh:mm:ss` or `Thh:mm:ss.f` (1 to 7 digits) and `Z` or an offset of
    /// at most 23:59.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let (date, rest) = text.split_first_chunk::<10>()?;
        let &[y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1] = date else { return None };
        let date = [y0, y1, y2, y3, mo0, mo1, d0, d1];
        if rest.is_empty() {
            return Some(Self { second: at(date, *b"0000", *b"00")?, has_fraction: false });
        }
        let (time, rest) = rest.split_first_chunk::<6>()?;
        let &[b'T', h0, h1, b':', m0, m1] = time else { return None };
        let (second, has_fraction, zone) = match rest {
            [b':', s0, s1, b'.', rest @ ..] => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (fraction, zone) = rest.split_at_checked(digits)?;
                let good = (1..=7).contains(&digits);
                good.then_some(([*s0, *s1], fraction.iter().any(|digit| *digit != b'0'), zone))?
            }
            [b':', s0, s1, zone @ ..] => ([*s0, *s1], false, zone),
            zone => (*b"00", false, zone),
        };
        let local = at(date, [h0, h1, m0, m1], second)?;
        let second = match *zone {
            [b'Z'] => local,
            [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
                let (hours, minutes) = (two([h0, h1])?, two([m0, m1])?);
                let offset =
                    (hours < 24 && minutes < 60).then_some(i64::from(hours) * 3600 + i64::from(minutes) * 60)?;
                Timestamp::from_unix(local.unix() + if sign == b'+' { -offset } else { offset }).ok()?
            }
            _ => return None,
        };
        Some(Self { second, has_fraction })
    }

    /// The first whole second that is not before it.
    pub(super) fn ceil(self) -> Timestamp {
        self.second.saturating_add(u32::from(self.has_fraction))
    }
}

fn two([tens, ones]: [u8; 2]) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

fn at(date: [u8; 8], time: [u8; 4], second: [u8; 2]) -> Option<Timestamp> {
    let [y0, y1, y2, y3, mo0, mo1, d0, d1] = date;
    let ([h0, h1, m0, m1], [s0, s1]) = (time, second);
    Timestamp::from_iso_basic(&[y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, m0, m1, s0, s1, b'Z']).ok()
}

/// The form that this crate writes: `YYYY-MM-DDThh:mm:ssZ`.
pub(super) fn write(time: Timestamp) -> String {
    time.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        for (text, expected) in [
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22T08:09Z", "2026-11-22T08:09:00Z"),
            ("2026-11-22T08:09+01:30", "2026-11-22T06:39:00Z"),
            ("2026-11-22T08:09:10Z", "2026-11-22T08:09:10Z"),
            ("2026-11-22T08:09:10-23:59", "2026-11-23T08:08:10Z"),
            ("2026-11-22T08:09:10.1Z", "2026-11-22T08:09:10Z"),
            ("2026-11-22T08:09:10.0000000Z", "2026-11-22T08:09:10Z"),
            ("2026-11-22T23:59:59.9999999+00:00", "2026-11-22T23:59:59Z"),
        ] {
            assert_eq!(write(Moment::parse(text.as_bytes()).unwrap().second), expected, "{text}");
            for escaped in [text.into(), text.replace(':', "%3A"), text.replace('-', "%2d").replace('T', "%54")] {
                assert_eq!(Moment::parse_escaped(escaped.as_bytes()), Moment::parse(text.as_bytes()), "{escaped}");
            }
        }
    }

    #[test]
    fn a_fraction_begins_the_next_second_later() {
        let at = |text: &str| write(Moment::parse(text.as_bytes()).unwrap().ceil());
        assert_eq!(at("2026-11-22T08:09:10.0000001Z"), "2026-11-22T08:09:11Z");
        assert_eq!(at("2026-11-22T08:09:10.0000000Z"), "2026-11-22T08:09:10Z");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-11-2",
            "2026-13-01",
            "2026-02-30",
            "2026-11-22T",
            "2026-11-22T08:09",
            "2026-11-22T08:09:10",
            "2026-11-22T08:09:60Z",
            "2026-11-22T24:00Z",
            "2026-11-22T08:60Z",
            "2026-11-22t08:09Z",
            "2026-11-22T08:09z",
            "2026-11-22 08:09Z",
            "2026-11-22T08:09:10.Z",
            "2026-11-22T08:09:10.12345678Z",
            "2026-11-22T08:09:10+24:00",
            "2026-11-22T08:09:10+0100",
            "2026-11-22T08:09:10+01:60",
            "2026-11-22T08:09:10Z ",
            "+026-11-22",
            "1969-12-31",
            "1970-01-01T00:00:00+00:01",
            "2026/11/22",
            "20261122T080910Z",
            "2026-11-22T08:09:10.1",
            "2026-11-22T08:09Z\0",
        ] {
            assert_eq!(Moment::parse(text.as_bytes()), None, "{text}");
            assert_eq!(Moment::parse_escaped(text.replace(':', "%3A").as_bytes()), None, "{text}");
        }
    }
}
