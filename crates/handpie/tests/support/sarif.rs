//! The official schema of SARIF as a judge.

use std::path::Path;

use handpie_toolchain::command::Tool;

use super::{skip, tool};

const VALIDATE: &str = "
import json, sys
try:
    import jsonschema
except ImportError:
    print('no jsonschema'); sys.exit()
schema = json.load(open(sys.argv[1]))
kind = jsonschema.validators.validator_for(schema)
for error in kind(schema, format_checker=jsonschema.FormatChecker()).iter_errors(json.load(open(sys.argv[2]))):
    print(error.json_path, error.message[:200])
";

/// Fails unless the document in a file is what the schema says; skips aloud where it cannot be asked.
pub fn assert_holds(document: &Path) {
    let what = "the official schema of SARIF";
    let Some(python) = tool("python3", what) else {
        return;
    };
    // Where `cargo xtask setup --all` puts it.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = root.join("target/tools/sarif-schema-2.1.0.json");
    if !schema.is_file() {
        return skip(what, "the schema (`cargo xtask setup --all`)");
    }
    let checked = Tool::new(&python).args(["-c", VALIDATE]);
    let checked = checked.arg(&schema).arg(document).output();
    let checked = checked.expect("python runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    if said.trim() == "no jsonschema" {
        return skip(what, "the Python package jsonschema");
    }
    assert_eq!(said, "", "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success(), "{checked:?}");
}
