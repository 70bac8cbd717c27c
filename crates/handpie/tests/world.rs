//! Holds `handpie check` against independent judges on files that nobody here made: those of the
//! subset of `cargo xtask world`, from Debian, npm and PyPI. `crates/corpus/world` says who the judges are.

use std::path::Path;

use handpie_toolchain::command::{Stream, Tool};

/// With `HANDPIE_REQUIRE=all` the files are fetched first; without, they must have been.
#[test]
fn no_judge_of_files_of_others_finds_check_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let index = root.join("target/world/subset/index.jsonl");
    if !handpie_testkit::is_required() && !index.is_file() {
        return handpie_testkit::skip(
            "`handpie check` on files of others",
            "`cargo xtask world --subset`",
        );
    }
    let compare = Tool::new(env!("CARGO"))
        .args(["xtask", "world", "--subset"])
        .dir(&root)
        .env("HANDPIE_OF_CORPUS", env!("CARGO_BIN_EXE_handpie"))
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit);
    compare
        .run()
        .expect("the judges agree with every answer of `handpie check`");
}
