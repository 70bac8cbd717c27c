//! Advisories in a ZIP: Go's `vulndb.zip` (`ID/*.json`, `index/*`), and the exports of OSV, which are
//! flat.

use std::io::{Read, Seek};

use handpie_audit::vuln::Builder;
use zip::ZipArchive;

use super::collect::EXPECTED;
use super::folder::{self, Entry};
use super::unusable;
use crate::failure::Failure;

/// Entries of a ZIP. All advisories of OSV together are half a million.
const MAX_ENTRIES: usize = 1 << 20;

/// Adds every advisory in the ZIP.
pub(super) fn collect(
    name: &str,
    file: impl Read + Seek,
    builder: &mut Builder,
) -> Result<(), Failure> {
    let mut archive =
        ZipArchive::new(file).map_err(|cause| unusable(name).cause(cause).hint(EXPECTED))?;
    if archive.len() > MAX_ENTRIES {
        let cause = format!("{} entries; expected at most {MAX_ENTRIES}", archive.len());
        return Err(unusable(name).cause(cause));
    }
    for index in 0..archive.len() {
        let wrong = |entry: &str, cause: &dyn std::fmt::Display| {
            unusable(name).cause(format!("`{entry}`")).cause(cause)
        };
        let entry = archive.by_index(index);
        let entry = entry.map_err(|cause| wrong(&format!("entry {index}"), &cause))?;
        let path = entry.name().to_owned();
        let Some(kind) = folder::kind(&path) else {
            continue;
        };
        let json = folder::read(entry).map_err(|cause| wrong(&path, &cause))?;
        let added = match kind {
            Entry::Advisory => builder.add(&json).map_err(|cause| wrong(&path, &cause)),
            Entry::State => folder::state(&json, builder).map_err(|cause| wrong(&path, &cause)),
        };
        added?;
    }
    Ok(())
}
