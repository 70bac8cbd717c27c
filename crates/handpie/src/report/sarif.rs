//! What every report in SARIF 2.1.0 has: places of files, and how the run went.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};

use crate::exit::Exit;
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

/// How a run went. Its `notifications` are about files of which there is no answer, `examined` is how
/// many others there are.
///
/// A run that could not examine anything was not successful. One that examined some files was, and its
/// notifications of level "error" say that the results are not complete (2.1.0, appendix I), as does
/// the exit status. GitHub refuses results of a run that was not successful, all of them ("unsuccessful
/// execution", github/codeql-action#1316); it would have to take an empty list for "all is fixed"
/// otherwise.
pub(super) fn invocation(notifications: &[Value], examined: usize, failed: usize) -> Value {
    let (exit, description) = match (notifications.is_empty(), failed) {
        (false, _) => (Exit::Input, "there are files of which there is no answer"),
        (true, 0) => (Exit::Done, "nothing fails"),
        (true, _) => (Exit::No, "there are results that fail"),
    };
    json!({
        "executionSuccessful": notifications.is_empty() || examined > 0,
        "exitCode": exit as u8,
        "exitCodeDescription": description,
        "toolExecutionNotifications": notifications,
    })
}
