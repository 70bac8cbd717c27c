//! What pages say about the repository: their links, the sections and paths that they cite, and
//! the figures of the README. Prose rots in silence; these tests make it speak up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{all_files, files, root};

/// A README that is longer is not read.
const README_LINES: usize = 120;

/// What follows a number that was measured.
const UNITS: &[&str] = &[
    "%", "B", "KB", "MB", "GB", "KiB", "MiB", "GiB", "bit", "bits", "byte", "bytes", "ms", "s",
    "times", "x", "µs", "×",
];

/// Folders by which a path of this repository begins.
const FOLDERS: &[&str] = &[
    ".ci/",
    "bench/",
    "crates/",
    "docs/",
    "examples/",
    "fuzz/",
    "xtask/",
];

#[test]
fn links_between_pages_lead_to_a_file_and_a_section() {
    let mut broken = Vec::new();
    for (path, text) in files("md") {
        let folder = path.parent().unwrap_or(Path::new(""));
        for target in links(&text) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let leads_to = match file {
                "" => root().join(&path),
                file => root().join(folder).join(file),
            };
            let there = leads_to.exists()
                && (anchor.is_empty()
                    || headings(&leads_to)
                        .iter()
                        .any(|title| slug(title) == anchor));
            if !there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn sections_that_are_cited_exist() {
    let mut absent = Vec::new();
    for (path, text) in citing_files() {
        for (page, title) in citations(&text) {
            let titles = headings(&root().join(&page));
            if !titles.contains(&title) {
                absent.push(format!("{}: {page}, \"{title}\"", path.display()));
            }
        }
    }
    assert_eq!(absent, [""; 0]);
}

#[test]
fn paths_that_are_named_exist() {
    let mut absent = Vec::new();
    for (path, text) in citing_files() {
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        for named in named_paths(&text, is_rust) {
            if !is_there(&named) {
                absent.push(format!("{}: {named}", path.display()));
            }
        }
    }
    assert_eq!(absent, [""; 0]);
}

#[test]
fn types_of_the_glossary_exist() {
    let sources: Vec<String> = files("rs")
        .filter(|(path, _)| path.starts_with("crates") && !super::is_test(path))
        .map(|(_, text)| super::code_of(&text))
        .collect();
    let is_type = |name: &str| {
        let mut kinds = ["struct", "enum", "trait"].iter();
        kinds.any(|kind| {
            let declaration = format!("{kind} {name}");
            let mut sources = sources.iter();
            sources.any(|code| !super::words(code, &declaration).is_empty())
        })
    };
    let page = page("docs/glossary.md");
    let names = page.split('`').skip(1).step_by(2);
    let types: Vec<&str> = names
        .filter_map(|name| name.rsplit_once("::"))
        .map(|(_, name)| name)
        .collect();
    let absent: Vec<&&str> = types.iter().filter(|name| !is_type(name)).collect();
    assert!(
        types.len() > 20,
        "the glossary names types as `crate::Type`"
    );
    assert_eq!(absent, [&""; 0], "named in docs/glossary.md");
}

#[test]
fn the_glossary_is_in_order_and_says_each_word_once() {
    let page = page("docs/glossary.md");
    let entries = page.lines().filter_map(|line| line.strip_prefix("- **"));
    let words: Vec<String> = entries
        .filter_map(|entry| entry.split_once("**"))
        .map(|(word, _)| word.to_lowercase())
        .collect();
    let unordered: Vec<&[String]> = words.windows(2).filter(|two| two[0] >= two[1]).collect();
    assert!(!words.is_empty() && unordered.is_empty(), "{unordered:?}");
}

#[test]
fn the_readme_is_short() {
    let length = page("README.md").lines().count();
    assert!(
        length <= README_LINES,
        "README.md has {length} lines, more than {README_LINES}"
    );
}

#[test]
fn every_figure_comes_with_its_results_file() {
    let mut bare = Vec::new();
    for (name, results) in [
        ("README.md", "](bench/results/"),
        ("bench/README.md", "](results/"),
    ] {
        for line in prose(&page(name)) {
            if has_figure(&line) && !line.contains(results) {
                bare.push(format!("{name}: {line}"));
            }
        }
    }
    assert_eq!(bare, [""; 0], "link to the file in bench/results");
}

#[test]
fn the_newest_results_of_each_kind_are_on_the_page() {
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    // In the order of their names, which begin with the day.
    for path in all_files() {
        if path.starts_with("bench/results") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let kind = name.get("2026-11-22-".len()..).unwrap_or_default();
            newest.insert(kind.to_owned(), name.into_owned());
        }
    }
    let page = page("bench/README.md");
    let absent: Vec<&String> = newest
        .values()
        .filter(|name| !page.contains(&format!("](results/{name})")))
        .collect();
    assert_eq!(absent, [""; 0], "bench/README.md links to an older file");
}

#[test]
fn reads_links_of_both_kinds_and_not_in_code() {
    let page = "see [a](b.md#c), [d](https://e) and `[f](g)`\n```\n[h](i)\n```\n[j]: k.md\n";
    assert_eq!(links(page), ["b.md#c", "k.md"]);
}

#[test]
fn reads_citations_in_prose_and_in_comments() {
    let text = "- docs/json.md in the sources, \"handpie facts\"\n//! `docs/a/b.md`, \"C d\".\n\
                see docs/policy.md: \"quoted\" and x.md, \"not ours\"";
    let found = [("docs/json.md", "handpie facts"), ("docs/a/b.md", "C d")];
    assert_eq!(
        citations(text),
        found.map(|(page, title)| (page.to_owned(), title.to_owned()))
    );
}

#[test]
fn reads_paths_in_prose_and_in_comments_only() {
    let page = "`docs/a.md`, `docs/*/b.md`, `docs/<code>.md`, docs/c.md.\n```\ndocs/d.md\n```\n";
    assert_eq!(
        named_paths(page, false),
        ["docs/a.md", "docs/*/b.md", "docs/c.md"]
    );
    let rust = "//! is in `docs/a.md`.\nlet b = \"docs/b.md\"; // and docs/c.md\n";
    assert_eq!(named_paths(rust, true), ["docs/a.md", "docs/c.md"]);
    assert!(is_there("docs/findings/*.md") && !is_there("docs/*/absent.md"));
}

#[test]
fn tells_figures_from_other_numbers() {
    for line in [
        "takes 12 ms",
        "9 % smaller",
        "28 bits",
        "1.2 times",
        "44x",
        "36ms",
    ] {
        assert!(has_figure(line), "{line}");
    }
    for line in ["Go 1.22 on arm64", "exit status 3 is", "musl 1.2.3", "v8.0"] {
        assert!(!has_figure(line), "{line}");
    }
}

#[test]
fn makes_anchors_as_github_does() {
    assert_eq!(
        slug("What others say: VEX documents"),
        "what-others-say-vex-documents"
    );
    assert_eq!(slug("`handpie db`"), "handpie-db");
}

/// Pages and sources that speak of the repository as it is: results and the changelog tell what
/// was, and this file holds examples.
fn citing_files() -> impl Iterator<Item = (PathBuf, String)> {
    files("md").chain(files("rs")).filter(|(path, _)| {
        !path.starts_with("bench/results")
            && path != Path::new("CHANGELOG.md")
            && !path.ends_with("tidy/pages.rs")
    })
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("a page of the repository")
}

/// Lines outside code blocks.
fn prose(page: &str) -> Vec<String> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// The targets of a page's links that lead to files, code aside.
fn links(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(page) {
        // Code between backticks is every second piece.
        for prose in line.split('`').step_by(2) {
            for rest in prose.split("](").skip(1) {
                targets.extend(rest.split([')', ' ']).next().map(str::to_owned));
            }
            if let Some((_, target)) = prose.split_once("]: ").filter(|_| prose.starts_with('[')) {
                targets.push(target.trim().to_owned());
            }
        }
    }
    targets.retain(|target| !target.contains("://") && !target.starts_with("mailto:"));
    targets
}

/// The titles of a page's sections, without backticks; none of a page that there is not.
fn headings(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap_or_default();
    let titles = prose(&text)
        .into_iter()
        .filter(|line| line.starts_with('#'));
    titles
        .map(|line| line.trim_start_matches('#').trim().replace('`', ""))
        .collect()
}

/// The anchor that GitHub makes of a title.
fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect()
}

/// Pages of ours with the section that is cited of them: `docs/page.md, "Title"`, where a few words
/// may stand between the page and the comma.
fn citations(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(start) = line.find("docs/") else {
            continue;
        };
        let Some((name, rest)) = line[start..].split_once(".md") else {
            continue;
        };
        let Some((between, rest)) = rest.split_once(", \"") else {
            continue;
        };
        let plain = |c: char| c.is_alphabetic() || c == ' ' || c == '`';
        if between.chars().all(plain)
            && let Some((title, _)) = rest.split_once('"')
        {
            found.push((format!("{name}.md"), title.to_owned()));
        }
    }
    found
}

/// Paths of this repository that prose or comments name, patterns with `*` among them.
fn named_paths(text: &str, is_rust: bool) -> Vec<String> {
    let lines = if is_rust {
        let comments = text.lines().filter_map(|line| line.split_once("//"));
        comments.map(|(_, comment)| comment.to_owned()).collect()
    } else {
        prose(text)
    };
    let mut found = Vec::new();
    for line in lines {
        for word in line.split([' ', '`', '(', ')', '[', ']', ',', ';', ':', '#', '"']) {
            let word = word.trim_end_matches(['.', '/']);
            // `<cpu>` and `…` stand for something else.
            let is_path = |c: char| c.is_ascii_alphanumeric() || "*-./_".contains(c);
            if FOLDERS.iter().any(|folder| word.starts_with(folder)) && word.chars().all(is_path) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

/// Whether a path leads to something, its `*` standing for any part of a name.
fn is_there(path: &str) -> bool {
    let mut places = vec![root()];
    for part in path.split('/') {
        places = places.iter().flat_map(|place| below(place, part)).collect();
    }
    !places.is_empty()
}

fn below(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let Some((start, end)) = pattern.split_once('*') else {
        let place = folder.join(pattern);
        return place.exists().then_some(place).into_iter().collect();
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let matching = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(start) && name.ends_with(end)
    });
    matching.map(|entry| entry.path()).collect()
}

/// Whether a line has a number with a unit, or a ratio.
fn has_figure(line: &str) -> bool {
    let words: Vec<&str> = line.split([' ', '(', ')', ',', ';', ':']).collect();
    words.iter().enumerate().any(|(at, word)| {
        let number = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let next = words.get(at + 1).unwrap_or(&"").trim_end_matches('.');
        number.len() < word.len()
            && (UNITS.contains(&number.trim_end_matches('.'))
                || number.is_empty() && UNITS.contains(&next))
    })
}
