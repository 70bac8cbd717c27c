//! Which commit the program was built from, and whether the working tree was clean: the stamps of
//! -buildvcs (cmd/go/internal/load/pkg.go, `setBuildInfo`).

use super::{Go, written};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const VCS: Rule = Rule {
    code: "go-vcs",
    wish: "a recorded source commit",
    severity: Severity::Low,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Warn,
        host: Level::Off,
        // Packages are built from source archives, and their version names those.
        distro: Level::Off,
    },
    judge: vcs,
};

pub(super) const VCS_DIRTY: Rule = Rule {
    code: "go-vcs-dirty",
    wish: "a build from a clean commit",
    severity: Severity::Medium,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Fail,
        host: Level::Warn,
        // A packager's patches are such changes, and meant.
        distro: Level::Off,
    },
    judge: vcs_dirty,
};

fn vcs(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if go.is_gos_own() {
        return Some(not_applicable("part of the Go distribution"));
    }
    if let Some(revision) = go.setting("vcs.revision") {
        let stamps = ["vcs", "vcs.revision", "vcs.time"];
        let stamps = stamps.iter().filter_map(|key| go.setting(key));
        let judgement = pass(format!("revision {}", revision.value));
        return Some(stamps.fold(judgement, |judgement, stamp| {
            judgement.at(stamp.offset, written(stamp))
        }));
    }
    let Some(info) = go.info else {
        return Some(unknown("has no build info"));
    };
    // `go install example.org/app@v1.2.3`: the source is a module, which its checksum names.
    if let Some(main) = info.main.as_ref().filter(|main| !main.sum.is_empty()) {
        let what = format!("mod {} {} {}", main.path, main.version, main.sum);
        return Some(pass("built from a published module").at(main.offset, what));
    }
    if !info.has_settings() {
        return Some(unknown(
            "the commit was not recorded; Go does so since 1.18",
        ));
    }
    let why = match go.setting("vcs") {
        Some(_) => "built in a repository without commits",
        None => "no commit was recorded",
    };
    Some(
        fail(why)
            .at(info.offset, "Go build info without vcs.revision")
            .hint(
                "build in a checkout, with git (or the repository's VCS) installed and with \
                   -buildvcs=true",
            ),
    )
}

fn vcs_dirty(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if go.is_gos_own() {
        return Some(not_applicable("part of the Go distribution"));
    }
    let hint = "commit or stash all changes that `git status` shows, including untracked files, \
                and build again";
    let modified = go.setting("vcs.modified");
    if let Some(setting) = modified.filter(|setting| setting.value == "true") {
        let why = "built from a working tree with uncommitted changes";
        return Some(fail(why).at(setting.offset, written(setting)).hint(hint));
    }
    let main = go.info.and_then(|info| info.main.as_ref());
    if let Some(main) = main.filter(|main| main.version.ends_with("+dirty")) {
        let what = format!("mod {} {}", main.path, main.version);
        return Some(
            fail(
                "the module version ends with `+dirty`: built with uncommitted \
                          changes",
            )
            .at(main.offset, what)
            .hint(hint),
        );
    }
    Some(match modified {
        Some(setting) => {
            pass("built without uncommitted changes").at(setting.offset, written(setting))
        }
        None => match main.filter(|main| !main.sum.is_empty()) {
            Some(main) => pass("built from a published module, which a checksum identifies").at(
                main.offset,
                format!("mod {} {} {}", main.path, main.version, main.sum),
            ),
            None => unknown("no commit was recorded to compare with"),
        },
    })
}
