//! Advisories in a ZIP: Go's `vulndb.zip` (`ID/*.json`, `index/*`), and the exports of OSV, which are
//! flat.

use std::io::{Read, Seek};

use zip::ZipArchive;

use super::folder::{self, Entry};
use super::{EXPECTED, UnusableDatabase};
use crate::database::Builder;

/// Entries of a ZIP. All advisories of OSV together are half a million.
const MAX_ENTRIES: usize = 1 << 20;

/// Files that tell when a database changed. A ZIP of several databases has one for each.
const MAX_STATES: usize = 64;

/// Adds every advisory in a ZIP that people call `name`.
///
/// # Errors
/// When it is not one, or something in it is not an advisory.
pub fn collect(
    name: &str,
    file: impl Read + Seek,
    builder: &mut Builder,
) -> Result<(), UnusableDatabase> {
    let mut archive = ZipArchive::new(file)
        .map_err(|cause| UnusableDatabase::new(name).cause(cause).hint(EXPECTED))?;
    if archive.len() > MAX_ENTRIES {
        let cause = format!("{} entries; expected at most {MAX_ENTRIES}", archive.len());
        return Err(UnusableDatabase::new(name).cause(cause));
    }
    let mut states = 0..MAX_STATES;
    for index in 0..archive.len() {
        let wrong = |entry: &str, cause: &dyn std::fmt::Display| {
            UnusableDatabase::new(name)
                .cause(format!("`{entry}`"))
                .cause(cause)
        };
        let entry = archive.by_index(index);
        let entry = entry.map_err(|cause| wrong(&format!("entry {index}"), &cause))?;
        let path = entry.name().to_owned();
        let Some(kind) = folder::kind(&path) else {
            continue;
        };
        if kind == Entry::Packed {
            drop(entry);
            let unpacked = path.strip_suffix(folder::PACKED).unwrap_or(&path);
            if archive.index_for_name(unpacked).is_none() {
                return Err(wrong(&path, &folder::IS_PACKED));
            }
            continue;
        }
        let json = folder::read(entry).map_err(|cause| wrong(&path, &cause))?;
        let added = match kind {
            Entry::Advisory => builder.add(&json).map_err(|cause| wrong(&path, &cause)),
            Entry::State if states.next().is_none() => {
                return Err(wrong(
                    &path,
                    &format!("more than {MAX_STATES} files of its kind"),
                ));
            }
            Entry::State => folder::add_state(&json, builder).map_err(|cause| wrong(&path, &cause)),
            Entry::Packed => Ok(()),
        };
        added?;
    }
    Ok(())
}
