//! The environment: a script for a shell, or JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Lines, Report};

#[derive(Debug, Serialize)]
pub(crate) struct EnvReport {
    pub(crate) env: BTreeMap<&'static str, String>,
    /// The same as a script.
    #[serde(skip)]
    pub(crate) script: String,
}

impl Report for EnvReport {
    fn text(&self, lines: &mut Lines) {
        lines.verbatim(&self.script);
    }
}
