//! What every report in SARIF 2.1.0 has: places of files, and what tells a result from others.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};

use crate::paths;

/// Where paths start: the working directory, which is the checkout when CI runs us. GitHub and
/// others know this name.
pub(super) const ROOT: &str = "%SRCROOT%";

/// All that need not be escaped in a path (RFC 3986, 2.3, and the slash).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A file, as seen from the working directory `here`.
pub(super) fn artifact(here: &Path, path: &Path) -> Value {
    let path = paths::relative_to(here, here, path);
    let uri = percent_encode(path.as_os_str().as_bytes(), ESCAPED);
    match path.is_absolute() {
        true => json!({ "uri": format!("file://{uri}") }),
        false => json!({ "uri": uri.to_string(), "uriBaseId": ROOT }),
    }
}

/// FNV-1a of 64 bits. It needs no strength, only to be the same in every version: it tells a viewer
/// that a finding is the one it knows from the last run. So nothing goes into it that moves when a
/// program is built again, as offsets do.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        assert_eq!(fingerprint(&[]), "cbf29ce484222325");
        assert_eq!(fingerprint(&["pie", "", "bin/svc"]), "a7670ae73c12eb41");
        assert_ne!(fingerprint(&["a", "b"]), fingerprint(&["ab", ""]));
    }
}
