//! The name that somebody meant who typed another.

/// Two names that share less than this have nothing to do with each other; clap draws the same line.
const ALIKE: f64 = 0.7;

/// The name that is most like `typed`, if one comes close.
pub(crate) fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let likeness = |name| (strsim::jaro_winkler(typed, name), name);
    let names = names.into_iter().map(likeness);
    let best = names.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness > ALIKE)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_the_name() {
        assert_eq!(nearest("fale", ["off", "warn", "fail"]), Some("fail"));
        assert_eq!(nearest("levle", ["severity", "level"]), Some("level"));
        assert_eq!(nearest("xyz", ["severity", "level"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
