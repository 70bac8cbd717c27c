//! A command that could not do its work: what went wrong, why, what to do next.
//!
//! Each of its texts is one line when it is printed: a newline in a name is shown as `\n`. Only what a
//! program said has lines of its own.

use std::fmt::Display;

use crate::exit::Exit;

/// Why a command stopped. Printed once, by the reporter.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The code whose page explains it, where there is one.
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    /// Outermost first.
    pub(crate) causes: Vec<String>,
    /// What a program that we started said, line by line, its command first.
    pub(crate) said: Vec<String>,
    pub(crate) hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            code: None,
            message: message.to_string(),
            causes: Vec::new(),
            said: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn cause(mut self, cause: impl Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// A cause of several lines: the first is ours, those below it are a command and what it said.
    /// (`handpie_toolchain` indents what is not its own word, and quotes newlines in names.)
    pub(crate) fn tool(mut self, error: impl Display) -> Self {
        let text = error.to_string();
        let mut lines = text.lines();
        self.causes
            .push(lines.next().unwrap_or_default().to_owned());
        self.hear(lines)
    }

    /// Of a program that we started, where there is nothing else to say.
    pub(crate) fn of_tool(exit: Exit, error: impl Display) -> Self {
        let text = error.to_string();
        let mut lines = text.lines();
        Self::new(exit, lines.next().unwrap_or_default()).hear(lines)
    }

    fn hear<'a>(mut self, lines: impl Iterator<Item = &'a str>) -> Self {
        for line in lines {
            match line.strip_prefix("hint: ") {
                Some(hint) => self.hints.push(hint.to_owned()),
                None => self
                    .said
                    .push(line.strip_prefix("    ").unwrap_or(line).to_owned()),
            }
        }
        self
    }

    /// The causes, and in the last of them what a program said: for documents, whose strings may have
    /// several lines.
    pub(crate) fn causes_with_output(&self) -> Vec<String> {
        let mut causes = self.causes.clone();
        let said: String = self
            .said
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect();
        match causes.last_mut() {
            Some(last) => last.push_str(&said),
            None => causes.extend(said.strip_prefix("\n    ").map(str::to_owned)),
        }
        causes
    }

    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}
