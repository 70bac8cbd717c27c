//! What day it is.

use handpie_audit::Date;

/// The day in UTC, so that a waiver ends at once for everybody.
pub(crate) fn today() -> Date {
    let date = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    Date {
        year: date.year().unsigned_abs(),
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
    }
}
