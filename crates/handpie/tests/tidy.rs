//! Properties of the sources themselves: each test is a rule of ARCHITECTURE.md or
//! CONTRIBUTING.md that would otherwise rot.
//!
//! The Rust is read by a scanner that knows comments and literals and nothing else; that is
//! enough to find a word, and a rule that needs more than a word belongs into a lint.

#[path = "tidy/pages.rs"]
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which of our crates may use which, and must: arrows point down only. `testkit` is for tests, so it
/// has no arrow here but its own.
const CRATE_EDGES: &[(&str, &[&str])] = &[
    ("audit", &["binary"]),
    ("bench", &["toolchain", "xtask"]),
    ("binary", &[]),
    ("corpus", &["toolchain", "xtask"]),
    (
        "handpie",
        &["audit", "binary", "pie", "prove", "toolchain", "vuln"],
    ),
    // Compiled before anything else can be said, so it waits for no other crate.
    ("launcher", &[]),
    ("pie", &["binary"]),
    ("prove", &["binary"]),
    ("testkit", &["binary"]),
    ("toolchain", &[]),
    ("toy-compiler", &["toolchain"]),
    ("vuln", &["audit", "binary"]),
    ("xtask", &["toolchain"]),
];

#[test]
fn crates_have_exactly_the_edges_of_the_design() {
    let mut found = BTreeMap::new();
    for (path, text) in files("toml") {
        if path.file_name().is_some_and(|name| name == "Cargo.toml") && !path.starts_with("fuzz") {
            let folder = path.parent().and_then(Path::file_name);
            if let Some(folder) = folder {
                found.insert(folder.to_string_lossy().into_owned(), edges(&text));
            }
        }
    }
    let wanted: BTreeMap<String, BTreeSet<String>> = CRATE_EDGES
        .iter()
        .map(|(from, to)| {
            let to = to.iter().map(ToString::to_string).collect();
            (from.to_string(), to)
        })
        .collect();
    assert_eq!(
        found, wanted,
        "left: the Cargo.toml files, right: the design"
    );
}

#[test]
fn the_launcher_of_xtask_depends_on_nothing() {
    let manifest = root().join("xtask/launcher/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the manifest");
    assert_eq!(
        dependencies(&manifest),
        [""; 0],
        "they would be compiled before a fresh clone says its first line"
    );
}

/// The crates of ours that a manifest depends on, apart from its tests.
fn edges(manifest: &str) -> BTreeSet<String> {
    let names = dependencies(manifest).into_iter();
    names
        .filter_map(|name| match name.strip_prefix("handpie-") {
            Some(name) => Some(name.to_owned()),
            None => (name == "xtask").then_some(name),
        })
        .collect()
}

/// Everything that a manifest depends on, apart from its tests.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut counts = false;
    for line in manifest.lines() {
        if let Some(heading) = line.strip_prefix('[') {
            let heading = heading.trim_end().trim_end_matches(']');
            counts = heading.ends_with("dependencies") && !heading.ends_with("dev-dependencies");
        } else if counts && line.starts_with(|c: char| c.is_alphanumeric()) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn only_tests_use_the_testkit() {
    let mut users = BTreeSet::new();
    for (path, text) in files("toml").filter(|(path, _)| path.ends_with("Cargo.toml")) {
        let mut heading = "";
        for line in text.lines() {
            if line.starts_with('[') {
                heading = line;
            }
            let is_for_tests = heading == "[dev-dependencies]"
                // The workspace says where it is; the seeds of the fuzz targets are forged.
                || heading == "[workspace.dependencies]"
                || path.starts_with("fuzz");
            if line.starts_with("handpie-testkit") && !is_for_tests {
                users.insert(path.display().to_string());
            }
        }
    }
    assert_eq!(users, BTreeSet::new(), "`testkit` is a dev-dependency");
}

#[test]
fn unsafe_is_in_one_file() {
    let allowed = Path::new("crates/prove/src/sys.rs");
    let places = rust_places(|path, code| {
        if path == allowed {
            Vec::new()
        } else {
            words(code, "unsafe")
        }
    });
    assert_eq!(places, [""; 0], "`unsafe` outside {}", allowed.display());
}

#[test]
fn programs_are_started_in_two_places() {
    let places = rust_places(|path, code| {
        let allowed = path == Path::new("crates/toolchain/src/command.rs")
            // Starts cargo, which has yet to compile the other.
            || path.starts_with("xtask/launcher")
            || path.starts_with("crates/prove/src")
            || is_test(path);
        if allowed {
            Vec::new()
        } else {
            words(before_tests(code), "Command::new")
        }
    });
    assert_eq!(
        places, [""; 0],
        "use handpie_toolchain::command or handpie_prove"
    );
}

#[test]
fn only_the_program_prints() {
    let places = rust_places(|path, code| {
        let allowed = path.starts_with("crates/handpie/src/report")
            || path.starts_with("crates/handpie/src/report.rs")
            // A program of its own, and what a build script prints is for cargo.
            || path.starts_with("fuzz")
            || path.ends_with("build.rs")
            || is_for_development(path)
            || path.starts_with("examples")
            || is_test(path);
        if allowed {
            return Vec::new();
        }
        let code = before_tests(code);
        ["print!", "println!", "eprint!", "eprintln!", "dbg!"]
            .iter()
            .flat_map(|word| words(code, word))
            .collect()
    });
    assert_eq!(
        places, [""; 0],
        "printing belongs into crates/handpie/src/report"
    );
}

#[test]
fn no_test_is_switched_off() {
    let places = rust_places(|_, code| {
        let mut places = words(code, "#[ignore]");
        places.extend(words(code, "#[ignore ="));
        places
    });
    assert_eq!(places, [""; 0], "a known gap is a test that expects it");
}

#[test]
fn tests_skip_in_one_way() {
    let others: Vec<String> = files("rs")
        .filter(|(path, _)| !path.ends_with("tidy.rs") && !is_for_development(path))
        .filter(|(path, _)| path != Path::new("crates/testkit/src/skips.rs"))
        .filter(|(_, text)| text.contains("SKIPPED: ") || text.contains("var_os(\"HANDPIE_REQUIRE"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(
        others, [""; 0],
        "use handpie_testkit::skip: with HANDPIE_REQUIRE=all a skip is a failure"
    );
}

#[test]
fn file_names_say_what_is_inside() {
    let empty_words = [
        "common", "helper", "helpers", "manager", "misc", "types", "util", "utils",
    ];
    let empty: Vec<PathBuf> = all_files()
        .into_iter()
        .filter(|path| {
            path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy().to_lowercase();
                part.split(['.', '_', '-'])
                    .any(|word| empty_words.contains(&word))
            })
        })
        .collect();
    assert_eq!(
        empty,
        Vec::<PathBuf>::new(),
        "{empty_words:?} name a drawer"
    );
}

#[test]
fn tests_against_past_bugs_exist() {
    let page = fs::read_to_string(root().join("docs/past-bugs.md")).expect("the page");
    let rust: Vec<(PathBuf, String)> = files("rs").collect();
    let is_there = |name: &str| {
        let heading = format!("fn {name}(");
        rust.iter().any(|(_, text)| text.contains(&heading))
    };
    let mut absent = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let column = row.rsplit('|').nth(1).unwrap_or_default();
        let names = column.split('`').skip(1).step_by(2);
        absent.extend(names.filter(|name| !is_there(name)).map(str::to_owned));
    }
    assert_eq!(absent, [""; 0], "named in docs/past-bugs.md");
}

#[test]
fn sees_code_and_not_what_looks_like_it() {
    let source = r##"let a = "unsafe"; // unsafe
        /* unsafe /* nested */ unsafe */ let b = '"'; let c = r#"unsafe""#; fn d<'a>() {}
        let e = b'\''; let f = "\"unsafe"; let unsafe_code = 1; unsafe { g() }"##;
    let code = code_of(source);
    assert_eq!(words(&code, "unsafe"), [3], "{code}");
    assert_eq!(code.lines().count(), source.lines().count());
}

/// `file:line` of everything that `find` finds in our Rust, with comments and literals blanked.
fn rust_places(find: impl Fn(&Path, &str) -> Vec<usize>) -> Vec<String> {
    let mut places = Vec::new();
    for (path, text) in files("rs") {
        for line in find(&path, &code_of(&text)) {
            places.push(format!("{}:{line}", path.display()));
        }
    }
    places
}

/// The numbers of the lines on which a word stands by itself.
fn words(code: &str, word: &str) -> Vec<usize> {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut lines = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for (at, _) in line.match_indices(word) {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            if !before.is_some_and(of_a_name) && !after.is_some_and(of_a_name) {
                lines.push(number + 1);
            }
        }
    }
    lines
}

/// A file without its tests, which stand at its foot.
fn before_tests(code: &str) -> &str {
    code.split("#[cfg(test)]\nmod ").next().unwrap_or(code)
}

/// Programs for the terminal that are no part of the product.
fn is_for_development(path: &Path) -> bool {
    let folders = ["bench", "crates/corpus", "xtask"];
    folders.iter().any(|folder| path.starts_with(folder))
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|stem| stem == "tests")
        || path.starts_with("crates/testkit")
}

/// The source with comments and the insides of literals as blanks, line by line the same.
fn code_of(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut code = String::with_capacity(source.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => line_end(&chars, i),
            '/' if at(i + 1) == '*' => comment_end(&chars, i),
            'r' if !is_name(&code) && matches!(at(i + 1), '"' | '#') => raw_end(&chars, i),
            '"' => quoted_end(&chars, i, '"'),
            // A lifetime has no quote after its first character.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => quoted_end(&chars, i, '\''),
            _ => i,
        };
        if end == i {
            code.push(at(i));
            i += 1;
        } else {
            code.extend(
                chars[i..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            i = end;
        }
    }
    code
}

/// Whether what was read so far ends inside a name, of which a following `r` would be a part.
fn is_name(code: &str) -> bool {
    code.ends_with(|c: char| c.is_alphanumeric() && c != 'b')
}

fn line_end(chars: &[char], from: usize) -> usize {
    let length = chars[from..].iter().position(|c| *c == '\n');
    length.map_or(chars.len(), |length| from + length)
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut i = from;
    while i < chars.len() {
        match chars[i..] {
            ['/', '*', ..] => depth += 1,
            ['*', '/', ..] => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            break;
        }
    }
    i
}

/// The end of `r"…"` or `r##"…"##`; `from` itself when it is the raw name `r#name`.
fn raw_end(chars: &[char], from: usize) -> usize {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    let start = from + 1 + hashes + 1;
    if chars.get(start - 1) != Some(&'"') {
        return from;
    }
    let mut closing = vec!['"'];
    closing.resize(1 + hashes, '#');
    let rest = chars.get(start..).unwrap_or_default();
    let length = rest.windows(closing.len()).position(|w| w == closing);
    length.map_or(chars.len(), |length| start + length + closing.len())
}

fn quoted_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut i = from + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// Path from the repository's folder, and text, of our files with an extension.
fn files(extension: &str) -> impl Iterator<Item = (PathBuf, String)> {
    all_files().into_iter().filter_map(move |path| {
        let text = fs::read_to_string(root().join(&path));
        let wanted = path.extension().is_some_and(|found| found == extension);
        wanted.then(|| text.map(|text| (path, text)).ok()).flatten()
    })
}

/// Every file of the repository, apart from what is built and what git keeps.
fn all_files() -> Vec<PathBuf> {
    let not_ours = [
        ".git",
        "target",
        "fuzz/target",
        "fuzz/corpus",
        "fuzz/artifacts",
    ];
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join(&folder)).expect("a folder of the repository");
        for entry in entries.map(|entry| entry.expect("an entry of a folder")) {
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().expect("the type of an entry");
            if kind.is_dir() && !not_ours.contains(&path.to_string_lossy().as_ref()) {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
