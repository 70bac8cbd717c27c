//! Opens VEX documents; what they mean is in the crate `vuln`.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_vuln::limits::MAX_VEX_SIZE;
use handpie_vuln::{Vex, VexError};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;

/// Reads the documents.
pub(crate) fn open(paths: &[PathBuf]) -> Result<Vex, Failure> {
    let mut vex = Vex::default();
    for path in paths {
        let name = path.display().to_string();
        let text = read(path, &name)?;
        vex.add(&name, &text).map_err(|error| {
            let message = match error {
                VexError::Unknown(_) => format!("`{name}` is not a supported VEX document"),
                VexError::Invalid(_) => format!("the VEX document `{name}` is invalid"),
            };
            let failure = Failure::new(Exit::Input, message).code(error.code());
            failure.cause(&error).hint(error.hint())
        })?;
    }
    Ok(vex)
}

fn read(path: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let failed = |cause: &std::io::Error| input::unreadable(&name, cause);
    let metadata = fs::metadata(path).map_err(|cause| failed(&cause))?;
    // Reading from a FIFO could wait for ever.
    if !metadata.is_file() {
        let what = input::describe(&metadata);
        let message = format!("the VEX document `{name}` is {what}");
        let [unknown, _] = VexError::CODES;
        let failure = Failure::new(Exit::Input, message).code(unknown);
        return Err(failure.hint("--vex expects a JSON file; repeat --vex for several files"));
    }
    if metadata.len() > MAX_VEX_SIZE {
        let size = metadata.len();
        let message =
            format!("`{name}` has {size} bytes; expected a VEX document of at most {MAX_VEX_SIZE}");
        let failure = Failure::new(Exit::Input, message).code("too-large");
        return Err(
            failure.hint("extract the statements about your programs into a smaller document")
        );
    }
    fs::read(path).map_err(|cause| failed(&cause))
}
