//! How text for people is set: a heading a file, aligned facts below it, colours that only repeat
//! what the words say.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io;

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
    /// The columns of the terminal, if there is one.
    width: Option<usize>,
}

impl Lines {
    pub(crate) fn new(verbose: bool) -> Self {
        Self {
            text: String::new(),
            verbose,
            width: width(),
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

    /// An entry of a list below a line: a label, and text that is wrapped in a column of its own.
    pub(crate) fn entry(&mut self, column: usize, label: &str, text: &str) {
        const MARGIN: usize = 8;
        let label = format!("{:MARGIN$}{label:column$}", "");
        let room = self.width.unwrap_or(usize::MAX).saturating_sub(label.len());
        // In a very narrow window a broken line reads better than a column of single words.
        let room = if room < 20 { usize::MAX } else { room };
        // A path or a flag with hyphens is one word: somebody will copy it.
        let options = textwrap::Options::new(room)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let mut start = label.as_str();
        let blank = " ".repeat(label.len());
        for line in textwrap::wrap(text, options) {
            let _ = writeln!(self.text, "{start}{line}");
            start = &blank;
        }
    }

    /// A line below a heading.
    pub(crate) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.text, "    {text}");
    }

    /// The last line, which is about everything before it.
    pub(crate) fn total(&mut self, text: impl Display) {
        let _ = writeln!(self.text, "{text}");
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

/// The width of the terminal; `COLUMNS` says it where something else stands between.
fn width() -> Option<usize> {
    if let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(io::stdout())
    {
        return Some(columns.into());
    }
    std::env::var("COLUMNS").ok()?.parse().ok()
}

/// Text that comes from a file, for a terminal or a log: control characters could move the cursor or
/// start a command, and those of direction make a line read as another.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| match is_harmful(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    });
    Cow::Owned(escaped.collect())
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
    use super::{bytes, harmless};

    #[test]
    fn text_of_files_cannot_steer_a_terminal() {
        assert_eq!(harmless("`.text`, µ"), "`.text`, µ");
        let text = "a\n::error::\x1b[2J\u{202e}b";
        assert_eq!(harmless(text), "a\\n::error::\\u{1b}[2J\\u{202e}b");
    }

    #[test]
    fn groups_digits_by_thousands() {
        assert_eq!(bytes(0), "0");
        assert_eq!(bytes(999), "999");
        assert_eq!(bytes(1000), "1,000");
        assert_eq!(bytes(13_615_404), "13,615,404");
    }
}
