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
mod json;
mod rendering;
mod sarif;
mod text;

use std::io::{self, BufWriter, StdoutLock, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use crate::args::{Format, Output};
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use text::{Lines, bytes};

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
    pub(crate) fn new(output: &Output) -> Self {
        match output.color {
            clap::ColorChoice::Auto => ColorChoice::Auto,
            clap::ColorChoice::Always => ColorChoice::Always,
            clap::ColorChoice::Never => ColorChoice::Never,
        }
        .write_global();
        Self {
            format: output.format,
            verbose: output.verbose,
        }
    }

    /// Prints a report.
    pub(crate) fn print(&self, command: &str, report: &impl Report) -> Result<(), Failure> {
        let text = match self.format {
            Format::Text => {
                let mut lines = Lines::new(self.verbose);
                report.text(&mut lines);
                lines.into_text()
            }
            _ => document(json!({
                "schema": SCHEMA,
                "command": command,
                "result": report,
            })),
        };
        print_stdout(&text)
    }

    /// Prints a report that is JSON in every format.
    pub(crate) fn document(&self, command: &str, report: &impl Serialize) -> Result<(), Failure> {
        print_stdout(&document(json!({
            "schema": SCHEMA,
            "command": command,
            "result": report,
        })))
    }

    /// Prints text that has no other form.
    pub(crate) fn plain(&self, text: &str) -> Result<Exit, Failure> {
        print_stdout(&format!("{text}\n"))?;
        Ok(Exit::Done)
    }

    /// Shows that work goes on, on a terminal only, until the value is dropped.
    pub(crate) fn working(&self, what: &str) -> Working {
        let bar = ProgressBar::new_spinner();
        bar.set_message(what.to_owned());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Working(bar)
    }

    /// Says something beside the result.
    pub(crate) fn note(&self, text: &str) {
        anstream::eprintln!("{text}");
    }

    /// Prints why a command stopped, and says how the program ends.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        if self.format == Format::Json {
            let text = document(json!({
                "schema": SCHEMA,
                "error": {
                    "exit": failure.exit as u8,
                    "code": failure.code,
                    "message": failure.message,
                    "causes": failure.causes,
                    "hints": failure.hints,
                },
            }));
            // Where standard output is closed, standard error still has the words below.
            let _ = print_stdout(&text);
        }
        anstream::eprint!("{}", text::failure(failure));
        failure.exit
    }
}

/// A line on the terminal that goes when the work is done.
pub(crate) struct Working(ProgressBar);

impl Working {
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
}

impl Stream {
    pub(crate) fn new() -> Self {
        Self {
            stdout: BufWriter::new(AutoStream::auto(io::stdout().lock())),
            gone: false,
        }
    }

    /// For what has no colours: nothing is looked through for them.
    pub(crate) fn of_data() -> Self {
        Self {
            stdout: BufWriter::new(AutoStream::always_ansi(io::stdout().lock())),
            gone: false,
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
            let written = self.stdout.write_all(bytes);
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

fn document(value: serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn print_stdout(text: &str) -> Result<(), Failure> {
    let mut stdout = Stream::new();
    let written = stdout.write_all(text.as_bytes());
    written.and_then(|()| stdout.flush()).map_err(unwritten)
}

/// A program on standard output.
pub(crate) fn write_with(
    write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    write(&mut stdout)?;
    stdout.flush()
}
