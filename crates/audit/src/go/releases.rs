//! Which lines of Go are supported, and the newest patch release of each, as far as is known.
//!
//! What is known is a file of this crate, and it ages: behind the day on which the next line is due,
//! what it says of the newest lines is no answer any more.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::date::Date;

/// All lines, and the day on which that was so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Releases {
    /// The day on which the list was made.
    pub(super) known_on: Date,
    /// The newest first.
    lines: Vec<Line>,
}

/// A line of releases, such as 1.27.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// 27 of 1.27.
    minor: u32,
    /// When its first release came out.
    pub(super) released: Date,
    /// The day on which the line after the next came out.
    supported_until: Option<Date>,
    /// 4 of 1.27.4.
    pub(super) newest_patch: u32,
}

/// Whether a line is supported on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It is.
    Supported(Line),
    /// It was, until a day.
    Ended(Line, Date),
    /// It was when the list was made, and by now a newer line may have ended that.
    Doubtful(Line),
    /// The line is newer than the list.
    Newer,
}

/// A new line comes out every half year, in February and August.
const MONTHS_BETWEEN_LINES: u8 = 6;

static RELEASES: LazyLock<Releases> = LazyLock::new(|| {
    let text = include_str!("../../data/go-releases.toml");
    toml::from_str(text).expect("the list of Go's releases is read by a test")
});

/// What is known of Go's releases.
pub(super) fn releases() -> &'static Releases {
    &RELEASES
}

impl Releases {
    /// Whether the line `minor` is supported. A day before that of the list comes from a clock that
    /// is wrong, and is taken for that of the list.
    pub(super) fn support(&self, minor: u32, today: Option<Date>) -> Support {
        let today = today.unwrap_or(self.known_on).max(self.known_on);
        let Some(position) = self.lines.iter().position(|line| line.minor == minor) else {
            return Support::Newer;
        };
        let Some(line) = self.lines.get(position).copied() else {
            return Support::Newer;
        };
        match line.supported_until {
            Some(end) if end <= today => Support::Ended(line, end),
            Some(_) => Support::Supported(line),
            None if today < self.expected_end(position) => Support::Supported(line),
            None => Support::Doubtful(line),
        }
    }

    /// When the line after the next is due.
    fn expected_end(&self, position: usize) -> Date {
        let newest = self
            .lines
            .first()
            .map_or(self.known_on, |line| line.released);
        let lines_to_come = 2usize.saturating_sub(position);
        (0..lines_to_come).fold(newest, |date, _| later(date))
    }
}

fn later(date: Date) -> Date {
    let month = date.month.saturating_add(MONTHS_BETWEEN_LINES);
    match month.checked_sub(12) {
        None | Some(0) => Date { month, ..date },
        Some(month) => Date {
            year: date.year.saturating_add(1),
            month,
            ..date
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: u16, month: u8, day: u8) -> Option<Date> {
        Some(Date { year, month, day })
    }

    #[test]
    fn the_list_holds_together() {
        let Releases { known_on, lines } = releases();
        for (position, line) in lines.iter().enumerate() {
            let minor = u32::try_from(lines.len() - 1 - position).unwrap();
            assert_eq!(
                line.minor, minor,
                "newest first, without a gap, down to Go 1.0"
            );
            assert!(line.released <= *known_on);
            let after_next = position.checked_sub(2).map(|it| lines[it].released);
            assert_eq!(line.supported_until, after_next, "1.{minor}");
        }
    }

    #[test]
    fn a_line_is_supported_until_two_newer_ones_are_out() {
        let list = releases();
        let supported = |minor| matches!(list.support(minor, None), Support::Supported(_));
        assert!(supported(27) && supported(26));
        let ended = list.support(25, day(2026, 12, 1));
        assert!(matches!(ended, Support::Ended(_, end) if Some(end) == day(2026, 8, 19)));
        assert!(matches!(list.support(0, None), Support::Ended(..)));
        assert_eq!(list.support(28, None), Support::Newer);
    }

    #[test]
    fn an_old_list_does_not_vouch_for_what_was_newest() {
        let list = releases();
        let support = |minor, today| list.support(minor, today);
        assert!(matches!(
            support(26, day(2027, 2, 18)),
            Support::Supported(_)
        ));
        assert!(matches!(
            support(26, day(2027, 2, 19)),
            Support::Doubtful(_)
        ));
        assert!(matches!(
            support(27, day(2027, 2, 19)),
            Support::Supported(_)
        ));
        assert!(matches!(
            support(27, day(2027, 8, 19)),
            Support::Doubtful(_)
        ));
    }

    #[test]
    fn a_clock_before_the_list_is_not_believed() {
        let ended = releases().support(19, day(1970, 1, 1));
        assert!(matches!(ended, Support::Ended(..)));
    }
}
