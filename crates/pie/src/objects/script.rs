//! Linker scripts that only name other files, as glibc installs them under the names of libraries.
//!
//! Whoever links such a file gives the survey what it names instead. Not here: every other command of
//! a script (GNU ld manual, "Linker Scripts"); those decide about the layout, and not about inputs.

use super::limits::MAX_SCRIPT;

/// Commands whose arguments are files, or such commands (GNU ld manual, "Commands Dealing with
/// Files").
const OF_FILES: [&str; 3] = ["GROUP", "INPUT", "AS_NEEDED"];

/// The files that a linker script names: paths, names to be searched for, or `-lNAME`. `None` for
/// everything that is no such script.
pub fn script_inputs(bytes: &[u8]) -> Option<Vec<&str>> {
    let text = Some(bytes).filter(|bytes| bytes.len() <= MAX_SCRIPT);
    let text = text.and_then(|bytes| std::str::from_utf8(bytes).ok())?;
    if text.contains('\0') {
        return None;
    }
    let mut inputs = Vec::new();
    // For each parenthesis that is open, whether it has files in it.
    let mut open = Vec::new();
    let (mut before, mut found) = ("", false);
    for word in words(text) {
        match word {
            "(" => {
                let of_files = OF_FILES.contains(&before);
                if of_files && inputs.last() == Some(&before) {
                    inputs.pop();
                }
                found |= of_files;
                open.push(of_files);
            }
            ")" => {
                open.pop()?;
            }
            "," | ";" => {}
            file if open.last() == Some(&true) => inputs.push(file),
            _ => {}
        }
        before = word;
    }
    (found && open.is_empty()).then_some(inputs)
}

/// Names and punctuation, without comments.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            match rest.strip_prefix("/*") {
                Some(comment) => rest = comment.split_once("*/").map_or("", |(_, rest)| rest),
                None => break,
            }
        }
        let first = rest.chars().next()?;
        let ends = |c: char| c.is_whitespace() || "(),;\"".contains(c);
        let (word, after) = match first {
            '"' => rest.strip_prefix('"')?.split_once('"')?,
            first if ends(first) => rest.split_at(first.len_utf8()),
            _ => rest.split_at(rest.find(ends).unwrap_or(rest.len())),
        };
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_of_glibc_name_their_libraries() {
        let libm = b"/* GNU ld script\n*/\nOUTPUT_FORMAT(elf64-x86-64)\n\
            GROUP ( /usr/lib/libm-2.36.a /usr/lib/libmvec.a )\n";
        let named = script_inputs(libm).unwrap();
        assert_eq!(named, ["/usr/lib/libm-2.36.a", "/usr/lib/libmvec.a"]);
        let libc = b"GROUP(/lib/libc.so.6 libc_nonshared.a AS_NEEDED ( /lib/ld.so.2 ) \"a b.a\")";
        let named = script_inputs(libc).unwrap();
        assert_eq!(
            named,
            [
                "/lib/libc.so.6",
                "libc_nonshared.a",
                "/lib/ld.so.2",
                "a b.a"
            ]
        );
        assert_eq!(
            script_inputs(b"INPUT(-lfoo, b.o)").unwrap(),
            ["-lfoo", "b.o"]
        );
    }

    #[test]
    fn what_names_no_files_is_none() {
        for bytes in [
            &b""[..],
            b"!<arch>\n",
            b"\x7fELF\x02\0GROUP(a)",
            b"GROUP",
            b"GROUP(a",
            b"GROUP)a(",
            b"SECTIONS { .text : { *(.text) } }",
            b"a text (with parentheses)",
            b"GROUP(\"a",
            b"/* GROUP(a)",
        ] {
            assert_eq!(script_inputs(bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
