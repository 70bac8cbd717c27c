//! The only place that prints. Results go to standard output in the format that was asked for; talk
//! goes to standard error.
//!
//! A command makes one value that says what came of it; its text stands in `report/<command>.rs`,
//! its JSON is the value itself. `docs/json.md` describes the JSON.

pub(crate) mod build;
pub(crate) mod convert;
pub(crate) mod link;
pub(crate) mod made;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod vuln;
pub(crate) mod govulncheck;
pub(crate) mod db;
pub(crate) mod facts;
pub(crate) mod prove;
pub(crate) mod doctor;
mod cpu;
pub(crate) mod env;
pub(crate) mod toolexec;
pub(crate) mod policy;
mod escape;
mod json;
mod rendering;
mod sarif;
mod text;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::ExitCode;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::args::{self, Format, Output};
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use text::{Lines, bytes, count};

/// The version of the JSON; raised when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

/// What a command has to say.
pub(crate) trait Report: Serialize {
    /// The text for people.
    fn text(&self, lines: &mut Lines);
}

/// Prints reports and failures.
pub(crate) struct Reporter {
    pub(crate) format: Format,
    pub(crate) verbose: bool,
}

impl Reporter {
    pub(crate) fn new(output: &Output, format: Format) -> Self {
        match output.color {
            clap::ColorChoice::Auto => ColorChoice::Auto,
            clap::ColorChoice::Always => ColorChoice::Always,
            clap::ColorChoice::Never => ColorChoice::Never,
        }
        .write_global();
        Self {
            format,
            verbose: output.verbose,
        }
    }

    /// Prints a report.
    pub(crate) fn print(&self, command: &str, report: &impl Report) -> Result<(), Failure> {
        match self.format {
            Format::Text => {
                let mut lines = Lines::new(self.verbose);
                report.text(&mut lines);
                print_text(lines)
            }
            _ => self.document(command, report),
        }
    }

    /// Prints a report that is JSON in every format.
    pub(crate) fn document(&self, command: &str, report: &impl Serialize) -> Result<(), Failure> {
        print_json(&json!({
            "schema": SCHEMA,
            "command": command,
            "result": report,
        }))
    }

    /// Prints lines that have no other form.
    pub(crate) fn lines(
        &self,
        list: impl IntoIterator<Item = impl Display>,
    ) -> Result<Exit, Failure> {
        let mut lines = Lines::new(self.verbose);
        for line in list {
            lines.total(line);
        }
        print_text(lines)?;
        Ok(Exit::Done)
    }

    /// Prints the help of a command.
    pub(crate) fn help(&self, name: &str) -> Result<Exit, Failure> {
        let mut stdout = Stream::new();
        let written = write!(stdout, "{}", args::help(name).ansi());
        written.and_then(|()| stdout.flush()).map_err(unwritten)?;
        Ok(Exit::Done)
    }

    /// Prints text that another program reads, and that no escape can therefore stand in.
    pub(crate) fn script(&self, script: &str) -> Result<Exit, Failure> {
        print_script(script)?;
        Ok(Exit::Done)
    }

    /// Shows that work goes on, on a terminal only, until the value is dropped.
    pub(crate) fn working(&self, what: &str) -> Working {
        let bar = ProgressBar::new_spinner();
        bar.set_message(shown(what.as_ref()));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Working(bar)
    }

    /// Says something beside the result.
    pub(crate) fn note(&self, text: &str) {
        let mut lines = Lines::new(self.verbose);
        lines.total(text);
        print_stderr(lines);
    }

    /// Prints why a command stopped, and says how the program ends.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        if self.format == Format::Json {
            // Where standard output is closed, standard error still has the words below.
            let _ = print_json(&json!({
                "schema": SCHEMA,
                "error": {
                    "exit": failure.exit as u8,
                    "code": failure.code,
                    "message": failure.message,
                    "causes": failure.causes_with_output(),
                    "hints": failure.hints,
                },
            }));
        }
        print_stderr(text::failure(failure));
        failure.exit
    }
}

/// Prints what is wrong with the command line, or the help or version that it asks for. What clap says
/// is made of words that [`shown`] has escaped.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    match error.use_stderr() {
        true => anstream::eprint!("{}", text.ansi()),
        false => {
            let mut stdout = Stream::new();
            // Whoever has closed standard output wants no help.
            _ = write!(stdout, "{}", text.ansi()).and_then(|()| stdout.flush());
        }
    }
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ => Exit::Usage.into(),
    }
}

/// A word of the command line, or a line of its own, as it can be shown.
pub(crate) fn shown(word: &OsStr) -> String {
    escape::settled(&escape::value(word.display())).into_owned()
}

/// How long work takes before its progress is worth a bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// A line on the terminal that goes when the work is done.
#[derive(Debug)]
pub(crate) struct Working(ProgressBar);

impl Working {
    /// Says how much of the work is done, and of how much if that is known: from the third second on,
    /// as a bar.
    pub(crate) fn progress(&self, done: u64, all: Option<u64>) {
        if self.0.is_hidden() || self.0.elapsed() < PATIENCE {
            return;
        }
        if self.0.length() != all {
            let style = match all {
                Some(_) => "{spinner} {msg} {bar:32} {human_pos} of {human_len}",
                None => "{spinner} {msg} {human_pos}",
            };
            let style = ProgressStyle::with_template(style);
            self.0.set_style(style.expect("a template of our own"));
            match all {
                Some(all) => self.0.set_length(all),
                None => self.0.unset_length(),
            }
        }
        self.0.set_position(done);
    }

    /// Clears the line while `print` writes.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Standard output, for what is written piece by piece.
pub(crate) struct Stream {
    stdout: BufWriter<AutoStream<StdoutLock<'static>>>,
    /// A reader that went away, as `head` does, is no failure of ours.
    gone: bool,
    /// What becomes of each piece that is written.
    escape: fn(&str) -> Cow<'_, str>,
}

impl Stream {
    /// For text that [`Lines`] has set, and for what its renderer escapes in a way of its own.
    pub(crate) fn new() -> Self {
        Self {
            stdout: BufWriter::new(AutoStream::auto(io::stdout().lock())),
            gone: false,
            escape: |piece| Cow::Borrowed(piece),
        }
    }

    /// For JSON. It has no colours: nothing is looked through for them.
    pub(crate) fn of_json() -> Self {
        Self {
            stdout: BufWriter::new(AutoStream::always_ansi(io::stdout().lock())),
            gone: false,
            escape: escape::json,
        }
    }

    fn forgive(&mut self, result: io::Result<()>) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            other => other,
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.gone {
            let written = match std::str::from_utf8(bytes) {
                Ok(piece) => self.stdout.write_all((self.escape)(piece).as_bytes()),
                Err(error) => Err(io::Error::other(error)),
            };
            self.forgive(written)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let flushed = self.stdout.flush();
        self.forgive(flushed)
    }
}

fn unwritten(error: io::Error) -> Failure {
    Failure::new(Exit::Input, "failed to write standard output").cause(error)
}

fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    let mut stdout = Stream::of_json();
    let written = writeln!(stdout, "{value:#}");
    written.and_then(|()| stdout.flush()).map_err(unwritten)
}

fn print_text(lines: Lines) -> Result<(), Failure> {
    let mut stdout = Stream::new();
    let written = stdout.write_all(lines.into_text().as_bytes());
    written.and_then(|()| stdout.flush()).map_err(unwritten)
}

/// Nothing is escaped in a script: it would mean something else. So it is refused.
fn print_script(script: &str) -> Result<(), Failure> {
    if script.contains(|c| !matches!(c, '\n' | '\t') && escape::is_hostile(c)) {
        let message = "control characters in a path or a variable would be in what is printed";
        return Err(
            Failure::new(Exit::Usage, message).hint("look at GOFLAGS, and at the path of handpie")
        );
    }
    let mut stdout = Stream::new();
    let written = writeln!(stdout, "{}", script.trim_end());
    written.and_then(|()| stdout.flush()).map_err(unwritten)
}

fn print_stderr(lines: Lines) {
    anstream::eprint!("{}", lines.into_text());
}

/// A program on standard output.
pub(crate) fn write_with(
    write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    write(&mut stdout)?;
    stdout.flush()
}
