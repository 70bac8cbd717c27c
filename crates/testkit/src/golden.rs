//! Outputs that are compared with files, to the letter.

use std::fs;
use std::path::Path;

/// Compares an output with a file; with `HANDPIE_BLESS=1` it becomes the file.
#[track_caller]
pub fn assert_golden(path: &Path, said: &str) {
    if is_blessing() {
        fs::write(path, said).expect("the golden file can be written");
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    assert!(
        said == wanted,
        "{} differs; HANDPIE_BLESS=1 takes what is said now:\n{said}\nin place of:\n{wanted}",
        path.display()
    );
}

/// Whether what is said now is to be taken over.
pub fn is_blessing() -> bool {
    std::env::var_os("HANDPIE_BLESS").is_some()
}
