//! Whether the program's own version is recorded.

use handpie_binary::Offset;

use super::{Go, written};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const VERSION_STAMP: Rule = Rule {
    code: "go-version-stamp",
    wish: "a recorded program version",
    severity: Severity::Low,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Warn,
        host: Level::Off,
        distro: Level::Warn,
    },
    judge: version_stamp,
};

const STAMP: &str = "build a tagged commit with Go 1.24 or newer, or set a variable: \
                     -ldflags='-X main.Version=v1.2.3'";

/// A variable that `-X` has set.
struct Variable {
    name: String,
    value: String,
    offset: Offset,
    /// Where it was found, in words.
    what: String,
}

fn version_stamp(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if go.is_gos_own() {
        return Some(not_applicable("part of the Go distribution"));
    }
    let main = go.info.and_then(|info| info.main.as_ref());
    let named = main.filter(|main| !main.version.is_empty() && main.version != "(devel)");
    if let Some(main) = named {
        let what = format!("mod {} {}", main.path, main.version);
        let why = format!("the main module is {}", main.version);
        return Some(pass(why).at(main.offset, what));
    }
    let mut variables = in_flags(&go);
    variables.extend(in_symbols(&go));
    if let Some(set) = variables.iter().find(|variable| !variable.value.is_empty()) {
        let why = format!("{} is `{}`", set.name, set.value);
        return Some(pass(why).at(set.offset, set.what.clone()));
    }
    if let Some(empty) = variables.into_iter().next() {
        let why = format!("-X set {} to an empty string", empty.name);
        return Some(fail(why).at(empty.offset, empty.what).hint(STAMP));
    }
    // Without -trimpath, -ldflags would be among the settings.
    let flags_are_hidden = !go.has_settings() || go.setting("-trimpath").is_some();
    if !go.symbols().runtime_main && flags_are_hidden {
        return Some(unknown(
            "the main module has no version, and without symbols it is unknown whether -X set a \
             version variable",
        ));
    }
    let judgement = fail("the main module has no version, and no version variable was set with -X");
    Some(
        match main {
            Some(main) => judgement.at(main.offset, format!("mod {} {}", main.path, main.version)),
            None => judgement,
        }
        .hint(STAMP),
    )
}

/// `-X` in the recorded `-ldflags`, which there are without -trimpath only.
fn in_flags(go: &Go<'_, '_>) -> Vec<Variable> {
    let Some(setting) = go.setting("-ldflags") else {
        return Vec::new();
    };
    let words = setting.value.split(['\'', '"', ' ', '\t']);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let flags = ["-X=", "--X="];
    let assigned = words.iter().enumerate().filter_map(|(index, word)| {
        let glued = flags.iter().find_map(|flag| word.strip_prefix(flag));
        // `-X="main.Version=1"` falls apart at the quote.
        let glued = glued.filter(|rest| !rest.is_empty());
        let before = index.checked_sub(1).and_then(|before| words.get(before));
        let apart = || {
            before
                .filter(|it| ["-X", "--X", "-X=", "--X="].contains(*it))
                .map(|_| *word)
        };
        glued.or_else(apart)?.split_once('=')
    });
    let versions = assigned.filter(|(name, value)| is_version(name, value));
    versions
        .map(|(name, value)| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            offset: setting.offset,
            what: written(setting),
        })
        .collect()
}

/// What the linker made symbols for; with -trimpath, too.
fn in_symbols(go: &Go<'_, '_>) -> Vec<Variable> {
    let stamps = go.symbols().stamps.iter().map(|stamp| {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let name = text(stamp.variable);
        Variable {
            what: format!("symbol {name}.str"),
            name,
            value: text(stamp.value),
            offset: stamp.offset,
        }
    });
    let versions = stamps.filter(|it| is_version(&it.name, &it.value));
    versions.collect()
}

/// Whether a variable holds the program's version, and not that of Go or of something else that the
/// linker sets.
fn is_version(name: &str, value: &str) -> bool {
    let (package, variable) = name.rsplit_once('.').unwrap_or(("", name));
    let of_go = package == "runtime" || package.starts_with("internal/");
    variable.to_ascii_lowercase().ends_with("version") && !of_go && !value.starts_with("go1.")
}
