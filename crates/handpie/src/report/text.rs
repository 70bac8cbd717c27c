//! How text for people is set: a heading a file, aligned facts below it, colours that only repeat
//! what the words say.

use std::fmt::{Display, Write as _};
use std::io;

use anstyle::{AnsiColor, Style};
use handpie_binary::counted;

use super::escape;
use crate::failure::Failure;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// Where the facts below a heading start, in columns.
const INDENT: usize = 18;

/// Text that grows line by line. Whatever comes in as a value is escaped here, so nobody else has to
/// think of it; only words of our own, which are in the program, stay as they are.
pub(crate) struct Lines {
    text: String,
    /// The line that is being written.
    line: String,
    /// Whether the user asked for more.
    pub(crate) verbose: bool,
    /// The columns of the terminal, if there is one.
    width: Option<usize>,
}

impl Lines {
    pub(crate) fn new(verbose: bool) -> Self {
        Self {
            text: String::new(),
            line: String::new(),
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
        self.value(subject);
        self.word(": ");
        self.styled(style, answer);
        self.end();
    }

    /// A fact below a heading.
    pub(crate) fn fact(&mut self, name: &str, value: impl Display) {
        let name = escape::value(name);
        _ = write!(self.line, "    {name:INDENT$}");
        self.value(value);
        self.end();
    }

    /// An entry of a list below a line: a label, and text that is wrapped in a column of its own.
    pub(crate) fn entry(&mut self, column: usize, label: &str, text: &str) {
        const MARGIN: usize = 8;
        let label = escape::value(label);
        // A label that fills its column must not run into the text.
        let gap = if label.chars().count() >= column && !label.is_empty() {
            " "
        } else {
            ""
        };
        let label = format!("{:MARGIN$}{label:column$}{gap}", "");
        let room = self.width.unwrap_or(usize::MAX).saturating_sub(label.len());
        // In a very narrow window a broken line reads better than a column of single words.
        let room = if room < 20 { usize::MAX } else { room };
        // A path or a flag with hyphens is one word: somebody will copy it.
        let options = textwrap::Options::new(room)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let blank = " ".repeat(label.len());
        let mut start = label;
        for line in textwrap::wrap(&escape::value(text), options) {
            self.line = start + &line;
            self.end();
            start = blank.clone();
        }
    }

    /// A line below a heading.
    pub(crate) fn line(&mut self, text: impl Display) {
        self.word("    ");
        self.total(text);
    }

    /// The last line, which is about everything before it.
    pub(crate) fn total(&mut self, text: impl Display) {
        self.value(text);
        self.end();
    }

    /// A command that can be pasted into a shell. Its words are quoted already.
    pub(crate) fn command(&mut self, command: &str) {
        self.line.push_str(&escape::quoted(command));
        self.end();
    }

    /// A line that another program wrote: below ours, and marked, so that nobody takes it for one.
    pub(crate) fn said(&mut self, margin: &'static str, line: &str) {
        self.word(margin);
        self.word("| ");
        self.command(line);
    }

    /// What to do next.
    pub(crate) fn hint(&mut self, text: impl Display) {
        self.word("hint: ");
        self.total(text);
    }

    /// Where to read on.
    pub(crate) fn see(&mut self, code: &str) {
        self.styled(QUIET, format_args!("see: handpie explain {code}"));
        self.end();
    }

    /// Words of our own; the line goes on.
    pub(crate) fn word(&mut self, word: &'static str) {
        self.line.push_str(word);
    }

    /// Anything else; the line goes on.
    pub(crate) fn value(&mut self, value: impl Display) {
        self.line.push_str(&escape::value(value));
    }

    fn styled(&mut self, style: Style, value: impl Display) {
        let value = escape::value(value);
        _ = write!(self.line, "{style}{value}{style:#}");
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        self.text.push_str(&escape::settled(&self.line));
        self.text.push('\n');
        self.line.clear();
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
pub(crate) fn failure(failure: &Failure) -> Lines {
    let mut lines = Lines::new(false);
    lines.styled(BAD, "error:");
    lines.word(" ");
    lines.total(&failure.message);
    if !failure.causes.is_empty() {
        lines.end();
        lines.total("Caused by:");
        for (index, cause) in failure.causes.iter().enumerate() {
            lines.line(format_args!("{index}: {cause}"));
        }
    }
    for line in &failure.said {
        lines.said("       ", line);
    }
    for hint in &failure.hints {
        lines.hint(hint);
    }
    if let Some(code) = failure.code {
        lines.see(code);
    }
    lines
}

/// A number of things, grouped by thousands: `1 file`, `2 files`, `1,584 advisories`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let text = counted(number as u64, noun);
    match text.split_once(' ') {
        Some((_, noun)) => format!("{} {noun}", bytes(number as u64)),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    const HOSTILE: &str = "a\n::error::b\x1b[2J\u{202e}##[c]";
    const SHOWN: &str = "a\\n::error::b\\x1b[2J\\u{202e}\\u{23}#[c]";

    #[test]
    fn values_are_escaped_wherever_they_stand() {
        let mut lines = Lines::new(true);
        lines.total(HOSTILE);
        lines.line(HOSTILE);
        lines.hint(HOSTILE);
        lines.fact(HOSTILE, HOSTILE);
        lines.entry(4, HOSTILE, HOSTILE);
        lines.command(HOSTILE);
        lines.said("  ", HOSTILE);
        let text = lines.into_text();
        assert_eq!(text.matches(SHOWN).count(), 9, "{text}");
        assert_eq!(text.lines().count(), 7, "{text}");
        let styled = ["\x1b[1m\x1b[32m", "\x1b[0m"];
        let mut lines = Lines::new(true);
        lines.good(HOSTILE, HOSTILE);
        let [on, off] = styled;
        assert_eq!(lines.into_text(), format!("{SHOWN}: {on}{SHOWN}{off}\n"));
    }

    #[test]
    fn a_line_that_is_wrapped_starts_no_command() {
        let mut lines = Lines::new(false);
        lines.width = Some(40);
        lines.entry(4, "a", "some words of a file until y ::error::forged");
        let text = lines.into_text();
        assert!(
            text.contains("\n            \\u{3a}:error::forged\n"),
            "{text}"
        );
    }

    #[test]
    fn a_label_never_runs_into_its_text() {
        for (label, start) in [
            ("GO-2024-2687", 24),
            ("GO-2024-26871234", 25),
            ("RUSTSEC-2020-0071", 26),
        ] {
            let mut lines = Lines::new(false);
            lines.entry(16, label, "text");
            assert_eq!(lines.into_text().find("text"), Some(start), "{label}");
        }
    }

    #[test]
    fn what_a_program_said_is_marked() {
        let mut stopped = Failure::new(Exit::Tool, "failed to build\nhint: x").cause("it\nfailed");
        stopped.said.push("::error::\x1b".to_owned());
        let text = failure(&stopped).into_text();
        let (_, text) = text.split_once(" failed").unwrap();
        let rest =
            " to build\\nhint: x\n\nCaused by:\n    0: it\\nfailed\n       | ::error::\\x1b\n";
        assert_eq!(text, rest);
    }

    #[test]
    fn one_thing_is_no_plural() {
        let files = |number| count(number, "file");
        assert_eq!(
            [0, 1, 1000].map(files),
            ["0 files", "1 file", "1,000 files"]
        );
    }

    #[test]
    fn groups_digits_by_thousands() {
        assert_eq!(bytes(0), "0");
        assert_eq!(bytes(999), "999");
        assert_eq!(bytes(1000), "1,000");
        assert_eq!(bytes(13_615_404), "13,615,404");
    }
}
