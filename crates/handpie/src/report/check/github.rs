//! Annotations of GitHub Actions: what it shows beside the files of a change, and in the log.
//!
//! A line is a command, so what comes from files has nothing left in it that the runner would undo
//! (actions/toolkit, packages/core/src/command.ts).

use std::io::{self, Write};
use std::path::Path;
use std::slice;

use handpie_audit::Answer;

use super::{Renderer, Summary, why};
use crate::binaries::Unread;
use crate::examination::Examination;
use crate::paths;
use crate::policy::Rulebook;
use crate::report::escape;

pub(super) struct Github<'a> {
    rulebook: &'a Rulebook,
}

impl<'a> Github<'a> {
    pub(super) fn new(rulebook: &'a Rulebook) -> Self {
        Self { rulebook }
    }

    fn line(
        &self,
        out: &mut dyn Write,
        command: &str,
        path: &Path,
        title: &str,
        message: &[String],
    ) -> io::Result<()> {
        let here = &self.rulebook.here;
        let file = paths::relative_to(here, here, path).display().to_string();
        let (file, title) = (property(&file), property(title));
        let message: Vec<String> = message.iter().map(|line| data(line)).collect();
        writeln!(
            out,
            "::{command} file={file},title={title}::{}",
            message.join("%0A")
        )
    }
}

impl Renderer<Examination, Summary> for Github<'_> {
    fn binary(&mut self, out: &mut dyn Write, file: &Examination) -> io::Result<()> {
        for finding in &file.findings {
            let command = match finding.answer {
                Answer::Fail => "error",
                Answer::Warn => "warning",
                _ => continue,
            };
            let title = format!("{}: wants {}", finding.rule.code, finding.rule.wish);
            let mut message = vec![format!("{}: {}", file.title(), why(finding))];
            if !finding.judgement.hint.is_empty() {
                message.push(format!("hint: {}", finding.judgement.hint));
            }
            self.line(out, command, &file.path, &title, &message)?;
        }
        Ok(())
    }

    fn unread(&mut self, out: &mut dyn Write, file: &Unread) -> io::Result<()> {
        let title = format!("{}: unreadable", file.code.unwrap_or("error"));
        self.line(
            out,
            "error",
            &file.path,
            &title,
            slice::from_ref(&file.message),
        )
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        writeln!(out, "{summary}")
    }
}

/// One line. What the runner would undo comes out in a log, and so is escaped as for a terminal first.
fn data(text: &str) -> String {
    escape::settled(&escape::value(text)).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_file_is_a_command() {
        let text = "a%\r\n::error::b,c:d";
        assert_eq!(data(text), "a%25\\r\\n::error::b,c:d");
        assert_eq!(property(text), "a%25\\r\\n%3A%3Aerror%3A%3Ab%2Cc%3Ad");
    }
}
