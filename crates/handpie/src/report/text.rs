//! How text for people is set: a heading a file, aligned facts below it, colours that only repeat
//! what the words say.

use std::fmt::{Display, Write as _};

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// Where the facts below a heading start, in columns.
const INDENT: usize = 18;

/// Text that grows line by line.
pub(crate) struct Lines {
    text: String,
    /// Whether the user asked for more.
    pub(crate) verbose: bool,
}

impl Lines {
    pub(crate) fn new(verbose: bool) -> Self {
        Self {
            text: String::new(),
            verbose,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// `subject: answer`, for an answer that is good news.
    pub(crate) fn good(&mut self, subject: impl Display, answer: impl Display) {
        self.heading(GOOD, &subject, &answer);
    }

    /// `subject: answer`, for an answer that is bad news.
    pub(crate) fn bad(&mut self, subject: impl Display, answer: impl Display) {
        self.heading(BAD, &subject, &answer);
    }

    fn heading(&mut self, style: Style, subject: &dyn Display, answer: &dyn Display) {
        let _ = writeln!(self.text, "{subject}: {style}{answer}{style:#}");
    }

    /// A fact below a heading.
    pub(crate) fn fact(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.text, "    {name:INDENT$}{value}");
    }

    /// A line below a heading.
    pub(crate) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.text, "    {text}");
    }

    /// Text that another program reads.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// What to do next.
    pub(crate) fn hint(&mut self, text: impl Display) {
        let _ = writeln!(self.text, "hint: {text}");
    }

    /// Where to read on.
    pub(crate) fn see(&mut self, code: &str) {
        let _ = writeln!(self.text, "{QUIET}see: handpie explain {code}{QUIET:#}");
    }
}

/// A number of bytes for people: grouped by thousands.
pub(crate) fn bytes(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The text of a failure.
pub(crate) fn failure(failure: &Failure) -> String {
    let mut text = format!("{BAD}error:{BAD:#} {}\n", failure.message);
    if !failure.causes.is_empty() {
        text.push_str("\nCaused by:\n");
        for (index, cause) in failure.causes.iter().enumerate() {
            let _ = writeln!(text, "    {index}: {}", cause.replace('\n', "\n       "));
        }
    }
    for hint in &failure.hints {
        let _ = writeln!(text, "hint: {hint}");
    }
    if let Some(code) = failure.code {
        let _ = writeln!(text, "{QUIET}see: handpie explain {code}{QUIET:#}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn groups_digits_by_thousands() {
        assert_eq!(bytes(0), "0");
        assert_eq!(bytes(999), "999");
        assert_eq!(bytes(1000), "1,000");
        assert_eq!(bytes(13_615_404), "13,615,404");
    }
}
