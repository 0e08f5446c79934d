//! The one form of a date in HTTP that is written today: `Sun, 22 Nov 2026 08:09:10 GMT`.
//!
//! Source: RFC 1123 section 5.2.14; RFC 9110 section 5.6.7 (IMF-fixdate).

use crate::clock::Timestamp;
use alloc::{format, string::String};

const DAY: i64 = 24 * 60 * 60;
/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(super) fn write(time: Timestamp) -> String {
    let [y0, y1, y2, y3, mo0, mo1, d0, d1, _, h0, h1, m0, m1, s0, s1, _] = time.iso_basic().map(char::from);
    let month = mo0.to_digit(10).zip(mo1.to_digit(10)).map_or(0, |(tens, ones)| tens * 10 + ones);
    // INVARIANT: both are in range for every time that a `Timestamp` can hold.
    let month = MONTHS.get((month as usize).wrapping_sub(1)).copied().unwrap_or_default();
    let weekday = usize::try_from(time.unix() / DAY % 7).ok().and_then(|at| WEEKDAYS.get(at)).copied();
    let weekday = weekday.unwrap_or_default();
    format!("{weekday}, {d0}{d1} {month} {y0}{y1}{y2}{y3} {h0}{h1}:{m0}{m1}:{s0}{s1} GMT")
}

/// Reads that form and no other: a weekday that is not that of the date is an error too.
pub(crate) fn read(text: &[u8]) -> Option<Timestamp> {
    let &[_, _, _, _, _, d0, d1, _, mo0, mo1, mo2, _, y0, y1, y2, y3, _, h0, h1, _, m0, m1, _, s0, s1, _, _, _, _] =
        text
    else {
        return None;
    };
    let month = MONTHS.iter().position(|month| month.as_bytes() == [mo0, mo1, mo2])? + 1;
    let two = |number: usize| Some([b'0' + u8::try_from(number / 10).ok()?, b'0' + u8::try_from(number % 10).ok()?]);
    let [month0, month1] = two(month)?;
    let time = [y0, y1, y2, y3, month0, month1, d0, d1, b'T', h0, h1, m0, m1, s0, s1, b'Z'];
    let time = Timestamp::from_iso_basic(&time).ok()?;
    (write(time).as_bytes() == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_published_examples_are_read() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            ("Fri, 26 Jun 2015 23:39:12 GMT", "2015-06-26T23:39:12Z"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Tue, 29 Feb 2000 23:59:59 GMT", "2000-02-29T23:59:59Z"),
            ("Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(alloc::string::ToString::to_string(&read(text.as_bytes()).unwrap()), expected);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Wed, 30 Feb 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37+0000",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(seconds in 0i64..253_402_300_800) {
            let time = Timestamp::from_unix(seconds).unwrap();
            prop_assert_eq!(read(write(time).as_bytes()), Some(time));
        }
    }
}
