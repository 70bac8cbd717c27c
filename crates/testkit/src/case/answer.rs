//! What a command printed as lines of a case, and whether they are the expected ones.

/// Any text within a line.
const ANY_TEXT: &str = "[..]";

/// Any number of lines.
const ANY_LINES: &str = "...";

/// Stands where stdout does not end with a line.
const NO_NEWLINE: &str = "\\ no newline at the end";

/// An output as it stands in a case: stdout, then stderr behind `! `, without blank lines at the end.
pub(super) fn written(stdout: &str, stderr: &str) -> String {
    let mut text = String::new();
    for line in stdout.lines() {
        // What would be read as something else.
        let is_escaped = ["#", "$ ", "! ", "-- ", "\\"]
            .iter()
            .any(|it| line.starts_with(it));
        text.push_str(if is_escaped { "\\" } else { "" });
        text.push_str(line);
        text.push('\n');
    }
    if !stdout.is_empty() && !stdout.ends_with('\n') {
        text.push_str(NO_NEWLINE);
        text.push('\n');
    }
    for line in stderr.lines() {
        text.push_str(format!("! {line}").trim_end());
        text.push('\n');
    }
    let end = text.trim_end_matches('\n').len();
    text.truncate(end);
    if end > 0 {
        text.push('\n');
    }
    text
}

/// Whether an answer is the expected one, which may have wildcards.
pub(super) fn matches(expected: &str, said: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let said: Vec<&str> = said.lines().collect();
    lines_match(&expected, &said)
}

/// What was said in the place of what was expected. The expected lines that still hold stay as they
/// are, with their wildcards, and so does `...` between two of them.
pub(super) fn blessed(expected: &str, said: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let said: Vec<&str> = said.lines().collect();
    let mut lines = Vec::new();
    let (mut at, mut at_said) = (0, 0);
    let ends = (expected.len(), said.len());
    for (held, held_said) in common(&expected, &said).into_iter().chain([ends]) {
        let (old, new) = (&expected[at..held], &said[at_said..held_said]);
        let any_lines = old.iter().position(|line| *line == ANY_LINES);
        match any_lines.map(|before| (before, old.len() - before - 1)) {
            Some((before, after)) if before + after <= new.len() => {
                lines.extend_from_slice(&new[..before]);
                lines.push(ANY_LINES);
                lines.extend_from_slice(&new[new.len() - after..]);
            }
            _ => lines.extend_from_slice(new),
        }
        lines.extend(expected.get(held));
        (at, at_said) = (held + 1, held_said + 1);
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The longest common subsequence: which expected line matches which line that was said.
fn common(expected: &[&str], said: &[&str]) -> Vec<(usize, usize)> {
    // The length of it from each pair of places on.
    let mut lengths = vec![vec![0; said.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for s in (0..said.len()).rev() {
            lengths[e][s] = match text_matches(expected[e], said[s]) {
                true => lengths[e + 1][s + 1] + 1,
                false => lengths[e + 1][s].max(lengths[e][s + 1]),
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut e, mut s) = (0, 0);
    while e < expected.len() && s < said.len() {
        if text_matches(expected[e], said[s]) {
            pairs.push((e, s));
            (e, s) = (e + 1, s + 1);
        } else if lengths[e + 1][s] >= lengths[e][s + 1] {
            e += 1;
        } else {
            s += 1;
        }
    }
    pairs
}

fn lines_match(expected: &[&str], said: &[&str]) -> bool {
    match expected {
        [] => said.is_empty(),
        [first, rest @ ..] if *first == ANY_LINES => {
            (0..=said.len()).any(|skipped| lines_match(rest, &said[skipped..]))
        }
        [first, rest @ ..] => said
            .split_first()
            .is_some_and(|(line, said)| text_matches(first, line) && lines_match(rest, said)),
    }
}

fn text_matches(expected: &str, said: &str) -> bool {
    let Some((start, rest)) = expected.split_once(ANY_TEXT) else {
        return expected == said;
    };
    let Some(said) = said.strip_prefix(start) else {
        return false;
    };
    let mut ends = said.char_indices().map(|(at, _)| at).chain([said.len()]);
    ends.any(|end| text_matches(rest, &said[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_text_and_for_lines() {
        for (expected, said) in [
            ("a [..] c\n", "a b c\n"),
            ("[..]\n", "\n"),
            ("[..]b[..]\n", "abbc\n"),
            ("...\nend\n", "end\n"),
            ("...\nend\n", "a\nend\nb\nend\n"),
            ("a\n...\n", "a\n"),
        ] {
            assert!(matches(expected, said), "{expected:?} and {said:?}");
        }
        for (expected, said) in [
            ("a [..] c\n", "a b\n"),
            ("a\n", "a\nb\n"),
            ("a\nb\n", "a\n"),
            ("...\nend\n", "end\nb\n"),
            ("[..]\n", ""),
            ("a...\n", "ab\n"),
        ] {
            assert!(!matches(expected, said), "{expected:?} and {said:?}");
        }
    }

    #[test]
    fn what_a_case_would_read_as_something_else_is_escaped() {
        let text = written("# a\n-- b --\n$ c\n\\\n! d\n\ne", "f\n\ng\n");
        let lines = [
            "\\# a",
            "\\-- b --",
            "\\$ c",
            "\\\\",
            "\\! d",
            "",
            "e",
            NO_NEWLINE,
            "! f",
            "!",
            "! g",
            "",
        ];
        assert_eq!(text, lines.join("\n"));
        assert_eq!(written("", ""), "");
        assert_eq!(written("a\n\n", ""), "a\n");
    }

    #[test]
    fn what_is_taken_over_keeps_its_wildcards() {
        assert_eq!(blessed("a\nb [..]\n", "c\nb 1\nd\n"), "c\nb [..]\nd\n");
        assert_eq!(blessed("b [..]\n", "a 1\n"), "a 1\n");
        assert_eq!(blessed("a\n...\nz\n", "b\n1\n2\nz\n"), "b\n...\nz\n");
        assert_eq!(blessed("a\n...\nz\n", "a\n1\n2\ny\n"), "a\n...\ny\n");
        assert_eq!(blessed("a\n...\n", "a\nb\n"), "a\n...\n");
    }
}
