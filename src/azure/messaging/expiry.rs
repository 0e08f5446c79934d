//! The date-time text of an Event Grid token.

use crate::clock::Timestamp;
use alloc::{format, string::String};

/// The longest form: that of Python.
pub(super) const LONGEST: usize = "2017-06-15 18:20:15+00:00".len();

/// Writes `M/D/YYYY h:mm:ss AM` or `PM`, in UTC and without leading zeros but in minutes and seconds.
///
/// Source: Event Grid documentation, "Authenticate clients with SAS token", whose sample writes a time in
/// UTC in the culture `en-US`. Clients in Java and JavaScript write the same.
pub(super) fn write(at: Timestamp) -> String {
    let [y0, y1, y2, y3, mo0, mo1, d0, d1, _, h0, h1, mi0, mi1, s0, s1, _] = at.iso_basic().map(char::from);
    let two = |tens: char, ones: char| tens.to_digit(10).unwrap_or(0) * 10 + ones.to_digit(10).unwrap_or(0);
    let (month, day, hour) = (two(mo0, mo1), two(d0, d1), two(h0, h1));
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{month}/{day}/{y0}{y1}{y2}{y3} {hour}:{mi0}{mi1}:{s0}{s1} {half}")
}

/// Reads one of three forms, all of them in UTC; anything else is `None`:
///
/// - `M/D/YYYY h:mm:ss AM`, as it is written here;
/// - `YYYY-MM-DD HH:MM:SS+00:00`, as Python prints a time;
/// - `YYYY-MM-DDTHH:MM:SSZ`, ISO 8601.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    match *text.as_bytes() {
        [y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b' ', h0, h1, b':', mi0, mi1, b':', s0, s1, ref zone @ ..]
            if zone == b"+00:00" =>
        {
            at([y0, y1, y2, y3], [mo0, mo1], [d0, d1], [h0, h1], [mi0, mi1], [s0, s1])
        }
        [y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', h0, h1, b':', mi0, mi1, b':', s0, s1, b'Z'] => {
            at([y0, y1, y2, y3], [mo0, mo1], [d0, d1], [h0, h1], [mi0, mi1], [s0, s1])
        }
        _ => read_us(text),
    }
}

fn read_us(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let (month, rest) = date.split_once('/')?;
    let (day, year) = rest.split_once('/')?;
    let (hour, rest) = time.split_once(':')?;
    let &[mi0, mi1, b':', s0, s1, b' ', half, b'M'] = rest.as_bytes() else { return None };
    let hour = match (number(hour)?, half) {
        (12, b'A') => 0,
        (12, b'P') => 12,
        (hour @ 1..=11, b'A') => hour,
        (hour @ 1..=11, b'P') => hour + 12,
        _ => return None,
    };
    at(year.as_bytes().try_into().ok()?, two(number(month)?), two(number(day)?), two(hour), [mi0, mi1], [s0, s1])
}

/// One or two digits without a leading zero.
fn number(text: &str) -> Option<u8> {
    match *text.as_bytes() {
        [ones @ b'1'..=b'9'] => Some(ones - b'0'),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

const fn two(number: u8) -> [u8; 2] {
    [b'0' + number / 10, b'0' + number % 10]
}

/// The moment, if the calendar has it.
fn at(
    [y0, y1, y2, y3]: [u8; 4],
    [mo0, mo1]: [u8; 2],
    [d0, d1]: [u8; 2],
    [h0, h1]: [u8; 2],
    [mi0, mi1]: [u8; 2],
    [s0, s1]: [u8; 2],
) -> Option<Timestamp> {
    let basic = [y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z'];
    Timestamp::from_iso_basic(&basic).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_time_is_written_and_read() {
        // 15 June 2017, 18:20:15 UTC.
        let documented = Timestamp::from_unix(1_497_550_815).unwrap();
        assert_eq!(write(documented), "6/15/2017 6:20:15 PM");
        for text in ["6/15/2017 6:20:15 PM", "2017-06-15 18:20:15+00:00", "2017-06-15T18:20:15Z"] {
            assert_eq!(read(text), Some(documented), "{text}");
        }
        let midnight = Timestamp::from_unix(1_795_305_600).unwrap();
        assert_eq!(write(midnight), "11/22/2026 12:00:00 AM");
        assert_eq!(read("11/22/2026 12:00:00 AM"), Some(midnight));
        assert_eq!(read("11/22/2026 12:00:00 PM").unwrap().seconds_since(midnight), 12 * 3600);
    }

    #[test]
    fn every_other_form_is_refused() {
        for text in [
            "",
            "1795305600",
            "06/15/2017 6:20:15 PM",
            "6/15/2017 06:20:15 PM",
            "6/15/2017 0:20:15 AM",
            "6/15/2017 13:20:15 PM",
            "6/15/2017 6:20:15",
            "6/15/2017 6:20:15 pm",
            "6/15/2017 6:20:15 XM",
            "6/15/2017  6:20:15 PM",
            "6/15/2017 6:20:60 PM",
            "6/31/2017 6:20:15 PM",
            "15/6/2017 6:20:15 PM",
            "6/15/17 6:20:15 PM",
            "6/15/2017 6:20:15 PM +00:00",
            "2017-06-15 18:20:15",
            "2017-06-15 18:20:15.000001+00:00",
            "2017-06-15 18:20:15+01:00",
            "2017-06-15T18:20:15",
            "2017-06-15T18:20:15+00:00",
            "2017-02-30T18:20:15Z",
            "2017-06-15T18:20:15Z ",
            "2017-06-15T24:00:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0i64..=253_402_300_799) {
            let at = Timestamp::from_unix(seconds).unwrap();
            prop_assert_eq!(read(&write(at)), Some(at));
        }
    }
}
