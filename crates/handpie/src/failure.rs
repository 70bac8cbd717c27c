//! A command that could not do its work: what went wrong, why, what to do next.

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
    pub(crate) hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            code: None,
            message: message.to_string(),
            causes: Vec::new(),
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

    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}
