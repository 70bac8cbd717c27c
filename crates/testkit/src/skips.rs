//! Tests that lack a tool.

/// Says aloud that `what` is not tested for want of `needs`, or fails if nothing may be skipped.
///
/// `cargo xtask test` counts these lines.
#[track_caller]
pub fn skip(what: &str, needs: &str) {
    assert!(
        !is_required(),
        "{what} needs {needs}, and HANDPIE_REQUIRE=all"
    );
    eprintln!("SKIPPED: {what} needs {needs}");
}

/// Says aloud that `what` is not tested for want of a tool that nobody can be asked to have, because
/// Debian has no package of it.
pub fn skip_rare(what: &str, needs: &str) {
    eprintln!("SKIPPED: {what} needs {needs}");
}

/// Whether `HANDPIE_REQUIRE=all` is set, with which a test that would skip fails.
pub fn is_required() -> bool {
    std::env::var_os("HANDPIE_REQUIRE").is_some_and(|value| value == "all")
}
