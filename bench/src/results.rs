//! Where results go: `bench/results`, a file a measurement and day.

use std::fs;
use std::path::PathBuf;

use xtask::{output_of, root};

/// Today's file, as `bench/results/2026-11-22-cost.md`.
pub(crate) fn file(measurement: &str) -> anyhow::Result<PathBuf> {
    let date = output_of("date", &["+%F"])?;
    Ok(root().join(format!("bench/results/{date}-{measurement}.md")))
}

/// Writes today's file, and shows what is in it.
pub(crate) fn write(measurement: &str, text: &str) -> anyhow::Result<()> {
    let file = file(measurement)?;
    fs::write(&file, text)?;
    println!("{text}\nwrote {}", file.display());
    Ok(())
}
