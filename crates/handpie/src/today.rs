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

/// The instant for documents that must have one, as RFC 3339 has it. Builds that shall give the same
/// bytes again say which it is (reproducible-builds.org/specs/source-date-epoch).
pub(crate) fn timestamp() -> String {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok();
    let said = said.and_then(|text| text.parse().ok());
    let said = said.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let instant = said.unwrap_or_else(jiff::Timestamp::now);
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
