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
