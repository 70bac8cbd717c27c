//! What readelf, which is not ours, calls a program.

use std::path::Path;

use handpie_toolchain::command::Tool;

/// `static-PIE`, `dynamic PIE` or `position-dependent`.
pub(crate) fn kind(program: &Path) -> anyhow::Result<&'static str> {
    let readelf = Tool::new("readelf")
        .arg("-hlW")
        .arg(program)
        .env("LC_ALL", "C");
    let output = readelf.run()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let position_independent = text
        .lines()
        .any(|line| line.trim_start().starts_with("Type:") && line.contains("DYN"));
    Ok(match (position_independent, text.contains("INTERP")) {
        (true, false) => "static-PIE",
        (true, true) => "dynamic PIE",
        (false, _) => "position-dependent",
    })
}
