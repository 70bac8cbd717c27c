//! Whether the program has build info, and a list of modules in it.

use super::Go;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;
use handpie_binary::counted;

pub(super) const BUILD_INFO: Rule = Rule {
    code: "go-build-info",
    wish: "Go build info",
    severity: Severity::Medium,
    levels: Levels {
        plain: Level::Fail,
        portable: Level::Fail,
        // Who built it is at hand to be asked.
        host: Level::Warn,
        distro: Level::Fail,
    },
    judge: build_info,
};

pub(super) const MODULE_LIST: Rule = Rule {
    code: "go-module-list",
    wish: "a list of modules in the build info",
    severity: Severity::Medium,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Fail,
        host: Level::Warn,
        // Distributions that build from packaged sources (GOPATH mode) have no module versions, and
        // record the source packages instead: Debian in Static-Built-Using.
        distro: Level::Off,
    },
    judge: module_list,
};

fn build_info(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let Some(info) = go.info else {
        return Some(
            fail("has no build info, so no scanner can tell which modules the program contains")
                .hint(
                    "keep the section .go.buildinfo: some strip tools and linkers other than \
                       Go's drop it",
                ),
        );
    };
    let what = format!("Go build info of {}", info.go_version);
    let found = match info.has_settings() {
        true => format!(
            "has build info with {}",
            counted(info.settings.len(), "setting")
        ),
        false => "has build info without settings, which Go records since 1.18".to_owned(),
    };
    Some(pass(found).at(info.offset, what))
}

fn module_list(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let Some(info) = go.info else {
        return Some(unknown("has no build info"));
    };
    let count = info.dependencies.len();
    if let Some(main) = &info.main {
        let what = format!("mod {} {}", main.path, main.version);
        let other = counted(count, "other module");
        return Some(pass(format!("lists the main module and {other}")).at(main.offset, what));
    }
    // `go build file.go` has no main module, but names the others.
    if let Some(first) = info.dependencies.first() {
        let what = format!("dep {} {}", first.path, first.version);
        return Some(
            pass(format!(
                "lists {}, but not the main module",
                counted(count, "module")
            ))
            .at(first.offset, what),
        );
    }
    if info.path.starts_with("cmd/") {
        return Some(not_applicable(
            "part of the Go distribution, whose programs have no modules",
        ));
    }
    let why = match info.path.as_str() {
        "command-line-arguments" => {
            "lists no modules: built from files (go build main.go) instead of a package"
        }
        _ => "lists no modules: not built in module mode",
    };
    let judgement = fail(why).at(info.offset, format!("path {}", info.path));
    Some(judgement.hint("build a package of a module: GO111MODULE=on go build ./cmd/app"))
}
