//! The environment as a document; as text it is a script for a shell.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct EnvReport {
    pub(crate) env: BTreeMap<&'static str, String>,
}
