//! A day, as TOML writes it without quotes: `2027-03-01`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use toml::value::Datetime;

/// A day of the calendar. Days compare as they follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year of our era.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |found| {
            de::Error::custom(format!(
                "{found}; expected a date without time, such as \
                                               2027-03-01"
            ))
        };
        let datetime = Datetime::deserialize(deserializer)?;
        match (datetime.date, datetime.time) {
            (Some(date), None) => Ok(Self {
                year: date.year,
                month: date.month,
                day: date.day,
            }),
            (Some(_), Some(_)) => Err(wrong("a date with a time")),
            (None, _) => Err(wrong("a time")),
        }
    }
}
