//! What a program needs to start: a dynamic loader, shared libraries, and privileges.

use handpie_binary::elf::constants::{DT_NEEDED, PT_INTERP};

use crate::finding::{Judgement, fail, not_applicable, pass, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const NO_LOADER: Rule = Rule {
    code: "no-loader",
    wish: "start-up without a dynamic loader",
    severity: Severity::High,
    levels: Levels {
        // Most who ship such a program do not know that it does not start in an empty image.
        plain: Level::Warn,
        portable: Level::Fail,
        host: Level::Off,
        distro: Level::Off,
    },
    judge: no_loader,
};

pub(super) const NEEDED_LIBRARIES: Rule = Rule {
    code: "needed-libraries",
    wish: "no dependency on shared libraries",
    severity: Severity::High,
    levels: Levels {
        portable: Level::Fail,
        ..Levels::all(Level::Off)
    },
    judge: needed_libraries,
};

pub(super) const SETUID: Rule = Rule {
    code: "setuid",
    wish: "no privileges beyond those of the user who runs the program",
    severity: Severity::High,
    levels: Levels::all(Level::Warn),
    judge: setuid,
};

fn no_loader(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_program() {
        return None;
    }
    let segment = elf.segments().iter().find(|s| s.kind == PT_INTERP);
    let Some(segment) = segment else {
        return Some(pass(
            "the kernel starts the program without a dynamic loader",
        ));
    };
    let path = elf.interpreter().ok().flatten().unwrap_or_default();
    let path = String::from_utf8_lossy(path);
    let dynamic = elf.dynamic().ok().flatten();
    let needed = dynamic.and_then(|dynamic| dynamic.needed(elf).ok());
    let judgement = match needed.is_none_or(|needed| needed.is_empty()) {
        true => {
            let judgement = fail(format!(
                "requests the dynamic loader {path} although no shared library is needed; does \
                 not start where the loader is missing"
            ));
            match subject.language {
                Language::Go => judgement.hint(
                    "build with `handpie build`, or convert the file with `handpie \
                                    convert`",
                ),
                _ => judgement.hint("link with -static-pie"),
            }
        }
        false => not_applicable("shared libraries are needed, which require a dynamic loader"),
    };
    // What has no bytes may claim to be anywhere.
    let at = match segment.file_size.0 {
        0 => segment.header,
        _ => segment.offset,
    };
    Some(judgement.at(at, format!("`PT_INTERP` is {path}")))
}

fn needed_libraries(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let Some(dynamic) = elf.dynamic().ok().flatten() else {
        return Some(pass("has no dynamic section"));
    };
    let needed = dynamic.needed(elf).unwrap_or_default();
    if needed.is_empty() {
        return Some(pass("no `DT_NEEDED`: no shared library is needed"));
    }
    let mut judgement = fail(format!("needs {}", needed.join(", ")));
    let entries = dynamic.entries.iter();
    for (entry, name) in entries.filter(|entry| entry.tag == DT_NEEDED).zip(&needed) {
        judgement = judgement.at(entry.offset, format!("`DT_NEEDED` {name}"));
    }
    let judgement = if !subject.kind.is_program() {
        judgement
    } else if subject.language.is_go() {
        judgement.hint("build with CGO_ENABLED=0, or -tags netgo,osusergo; `handpie explain cgo`")
    } else if subject.language.is_rust() {
        judgement.hint("build for a musl target, such as --target x86_64-unknown-linux-musl")
    } else {
        judgement.hint("link with -static-pie")
    };
    Some(judgement)
}

fn setuid(subject: &Subject<'_>) -> Option<Judgement> {
    /// `S_ISUID` and `S_ISGID`, inode(7).
    const BITS: [(u32, &str); 2] = [(0o4000, "setuid"), (0o2000, "setgid")];
    let mode = subject.mode?;
    if !subject.kind.is_program() {
        return None;
    }
    let set = BITS.iter().filter(|(bit, _)| mode & bit != 0);
    let names: Vec<&str> = set.map(|(_, name)| *name).collect();
    Some(match names.is_empty() {
        true => pass("neither the setuid nor the setgid bit is set"),
        false => warn(format!("the file is {}", names.join(" and ")))
            .with(format!("mode {:o}", mode & 0o7777))
            .hint("use file capabilities, or a service that runs with the privileges"),
    })
}
