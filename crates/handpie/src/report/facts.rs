//! What was kept of programs: JSON, in every format.

use handpie_vuln::ProgramFacts;
use serde::Serialize;

use crate::binaries::Unread;

/// What was kept, and what could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct FactsReport {
    pub(crate) files: Vec<ProgramFacts>,
    pub(crate) unread: Vec<Unread>,
}
