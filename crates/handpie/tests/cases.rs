//! Commands, and what they print: one test for each text file below `tests/cases`, of which
//! `format.ct` describes the format. After a change that is wanted, `HANDPIE_BLESS=1` takes over what
//! is printed now.

use std::path::Path;
use std::process::ExitCode;

use handpie_testkit::case::{self, Case};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A proof runs its program hundreds of times and counts what varies.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let trials = case::find(&folder).into_iter().map(|(name, path)| {
        Trial::test(name, move || {
            let case = Case::read(&path).map_err(|wrong| format!("{}: {wrong}", path.display()))?;
            Ok(case.run(Path::new(env!("CARGO_BIN_EXE_handpie")))?)
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
