//! The crates that a Rust program was made of, as cargo-auditable leaves them: section `.dep-v0`, a
//! zlib stream of JSON (cargo-auditable, PARSING.md).

use handpie_binary::{Binary, Image, Incomplete};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde::Deserialize;

use crate::limits::MAX_CRATE_LIST;
use crate::record::Crate;

const SECTION: &str = ".dep-v0";

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: String,
    /// `build` of what only ran while the program was built; `runtime` when it is not said.
    #[serde(default)]
    kind: String,
}

/// The crates that are linked; `None` without a list that can be read.
pub(super) fn crates(binary: &Binary<'_>) -> Result<Option<Vec<Crate>>, Incomplete> {
    match binary.section(SECTION) {
        Some(section) => Ok(unpacked(section.start(MAX_CRATE_LIST as u64).data()?)),
        None => Ok(None),
    }
}

fn unpacked(list: &[u8]) -> Option<Vec<Crate>> {
    let json = decompress_to_vec_zlib_with_limit(list, MAX_CRATE_LIST).ok()?;
    let list: List = serde_json::from_slice(&json).ok()?;
    let linked = list.packages.into_iter().filter(|it| it.kind != "build");
    let crates = linked.map(|it| Crate {
        name: it.name,
        version: it.version,
        source: it.source,
    });
    Some(crates.collect())
}
