//! Opens files with versions of modules; what they mean is in the crate `vuln`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use handpie_vuln::limits::MAX_VERSIONS_SIZE;
use handpie_vuln::{Versions, VersionsError};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;

/// Reads the files.
pub(crate) fn open(paths: &[PathBuf]) -> Result<Versions, Failure> {
    let mut versions = Versions::default();
    for path in paths {
        let name = path.display().to_string();
        let mut text = Vec::new();
        let file = File::open(path).map_err(|cause| input::unreadable(&name, &cause))?;
        let read = file.take(MAX_VERSIONS_SIZE + 1).read_to_end(&mut text);
        read.map_err(|cause| input::unreadable(&name, &cause))?;
        if text.len() as u64 > MAX_VERSIONS_SIZE {
            let message = format!(
                "`{name}` has more than {MAX_VERSIONS_SIZE} bytes; expected a list of modules"
            );
            return Err(Failure::new(Exit::Input, message).code("too-large"));
        }
        let added = match String::from_utf8(text) {
            Ok(text) => versions.add(&text).map_err(|error| error.to_string()),
            Err(error) => Err(format!(
                "not UTF-8 at offset {:#x}",
                error.utf8_error().valid_up_to()
            )),
        };
        added.map_err(|cause| invalid(&name).cause(cause))?;
    }
    Ok(versions)
}

fn invalid(name: &str) -> Failure {
    let message = format!("`{name}` is not a list of module versions");
    let failure = Failure::new(Exit::Input, message).code(VersionsError::CODE);
    failure
        .hint("expected lines such as `golang.org/x/net v0.17.0`, as `go list -m all` prints them")
}
