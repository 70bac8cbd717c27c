//! What day it is, by the clock of this machine and in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use handpie_audit::Date;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

pub(crate) fn today() -> Date {
    // A clock before 1970 is as wrong as one at 1970.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    day_after_1970(since.map_or(0, |since| since.as_secs() / SECONDS_A_DAY))
}

/// The date so many days after 1970-01-01, in the Gregorian calendar.
fn day_after_1970(mut days: u64) -> Date {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length || year == u64::from(u16::MAX) {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    Date {
        year: u16::try_from(year).unwrap_or(u16::MAX),
        month: month.min(12),
        day: u8::try_from(days + 1).unwrap_or(31),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_days_as_the_calendar_does() {
        // As `date -u -d @$((DAYS * 86400)) +%F` says.
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_779, "2026-11-22"),
            (20_818, "2026-12-31"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(day_after_1970(days).to_string(), date);
        }
    }
}
