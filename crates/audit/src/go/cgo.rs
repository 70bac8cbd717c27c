//! C code in a Go program: whether there is any, which packages call it, and how it was compiled.

use super::{Go, written};
use crate::elf::{FORTIFY, WISHES, of_log};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Libc, Subject};

pub(super) const CGO: Rule = Rule {
    code: "go-cgo",
    wish: "Go code only, without cgo",
    severity: Severity::Low,
    levels: Levels {
        // C is no fault. It is said, because it decides what the program needs where it runs.
        plain: Level::Warn,
        portable: Level::Warn,
        host: Level::Off,
        distro: Level::Off,
    },
    judge: cgo,
};

pub(super) const CGO_FLAGS: Rule = Rule {
    code: "go-cgo-flags",
    wish: "C code compiled with hardening flags",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: cgo_flags,
};

/// Modes whose result a C program loads or links: they have no meaning without cgo.
const FOR_C: [&str; 3] = ["c-shared", "c-archive", "plugin"];

fn cgo(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let Some(functions) = go.functions() else {
        return Some(unknown("has no function table (.gopclntab)"));
    };
    let enabled = go.setting("CGO_ENABLED");
    let Some(runtime) = go.cgo() else {
        let judgement = pass("contains no C code");
        return Some(match enabled {
            Some(setting) => judgement.at(setting.offset, written(setting)),
            None => judgement,
        });
    };
    let mode = go.setting("-buildmode");
    if let Some(mode) = mode.filter(|mode| FOR_C.contains(&mode.value.as_str())) {
        return Some(
            not_applicable("this build mode makes a library for C programs, which requires cgo")
                .at(mode.offset, written(mode)),
        );
    }
    let packages: Vec<&str> = functions.call_c.keys().map(String::as_str).collect();
    let why = match packages.as_slice() {
        [] => "cgo is linked in, although no Go package calls C".to_owned(),
        [package] => format!("{package} calls C"),
        several => format!("{} call C", several.join(", ")),
    };
    let mut judgement = fail(why)
        .at(runtime.offset, format!("function {}", runtime.name))
        .hint(match packages.is_empty() {
            true => "build with CGO_ENABLED=0: no package needs C",
            false => {
                "build with CGO_ENABLED=0 if these packages have a pure Go implementation; -tags \
                 netgo,osusergo selects that of net and os/user"
            }
        });
    for (package, at) in &functions.call_c {
        judgement = judgement.at(*at, format!("functions {package}._Cfunc_*"));
    }
    Some(judgement)
}

/// Flags that take away what the compiler would do by itself.
const AGAINST: [&str; 5] = [
    "-fno-stack-protector",
    "-D_FORTIFY_SOURCE=0",
    "-fno-stack-clash-protection",
    "-fcf-protection=none",
    "-mbranch-protection=none",
];

const HARDEN: &str = "CGO_CFLAGS='-O2 -g -fstack-protector-strong -fstack-clash-protection \
                      -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3' go build";

fn cgo_flags(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if go.functions().is_none() {
        return Some(unknown("has no function table (.gopclntab)"));
    }
    if go.cgo().is_none() {
        return Some(not_applicable("contains no C code"));
    }
    let recorded = ["CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS"];
    let recorded: Vec<_> = recorded.iter().filter_map(|key| go.setting(key)).collect();
    if recorded.is_empty()
        && let Some(compiled) = &subject.compiled
    {
        return Some(of_log(compiled, subject.libc));
    }
    if recorded.is_empty() {
        return Some(match go.setting("-trimpath") {
            Some(trim) => unknown("-trimpath omits the C compiler flags from the build info")
                .at(trim.offset, written(trim)),
            None => unknown("the C compiler flags were not recorded"),
        });
    }
    let flags: Vec<&str> = recorded
        .iter()
        .flat_map(|it| it.value.split_whitespace())
        .collect();
    let against: Vec<&str> = flags
        .iter()
        .copied()
        .filter(|it| AGAINST.contains(it))
        .collect();
    // musl's headers have no functions that check sizes.
    let makes_sense = |flag: &str| subject.libc != Libc::Musl || flag != FORTIFY;
    let missing = WISHES
        .iter()
        .filter(|wish| makes_sense(wish.flag))
        .filter(|wish| !wish.asks.iter().any(|way| flags.contains(way)));
    let missing: Vec<&str> = missing.map(|wish| wish.flag).collect();
    let judgement = if !against.is_empty() {
        fail(format!("C code was compiled with {}", against.join(" "))).hint(HARDEN)
    } else if missing.is_empty() {
        pass("C code was compiled with hardening flags")
    } else {
        // Some distributions' compilers do part of it by themselves, which nothing here shows.
        warn(format!("C code was compiled without {}", missing.join(" "))).hint(HARDEN)
    };
    Some(recorded.into_iter().fold(judgement, |judgement, setting| {
        judgement.at(setting.offset, written(setting))
    }))
}
