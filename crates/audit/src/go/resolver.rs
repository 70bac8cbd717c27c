//! Whether names of hosts and users are looked up by Go itself, or by the libc.
//!
//! The libc's way asks whatever /etc/nsswitch.conf names, by loading libraries that have to be there
//! and to fit, also into a program that was linked statically.

use super::program::Mark;
use super::{Go, written};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;
use handpie_binary::Format;

pub(super) const LIBC_RESOLVER: Rule = Rule {
    code: "go-libc-resolver",
    wish: "host and user lookups in Go, without libc",
    severity: Severity::Medium,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Fail,
        // On its own host, a program is expected to follow /etc/nsswitch.conf: LDAP, mDNS, sssd.
        host: Level::Off,
        distro: Level::Off,
    },
    judge: libc_resolver,
};

fn libc_resolver(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    match go.image.format() {
        Format::Elf => {}
        Format::MachO => {
            return Some(not_applicable(
                "programs for macOS always use the system's \
                                                     resolver",
            ));
        }
        Format::Pe => {
            return Some(not_applicable(
                "programs for Windows always use the system's \
                                                  resolver",
            ));
        }
    }
    let Some(functions) = go.functions() else {
        return Some(unknown("has no function table (.gopclntab)"));
    };
    let by_libc = ["net", "os/user"].map(|package| (package, functions.call_c.get(package)));
    let by_libc = by_libc
        .iter()
        .filter_map(|(package, at)| at.map(|at| (*package, at)));
    let by_libc: Vec<_> = by_libc.collect();
    if !by_libc.is_empty() {
        let packages: Vec<&str> = by_libc.iter().map(|(package, _)| *package).collect();
        let verb = if packages.len() == 1 { "calls" } else { "call" };
        let why = format!("{} {verb} libc", packages.join(" and "));
        let mut judgement = fail(why).hint("build with -tags netgo,osusergo, or CGO_ENABLED=0");
        for (package, at) in by_libc {
            judgement = judgement.at(*at, format!("functions {package}._Cfunc_*"));
        }
        for key in ["-tags", "CGO_ENABLED"] {
            if let Some(setting) = go.setting(key) {
                judgement = judgement.at(setting.offset, written(setting));
            }
        }
        return Some(judgement);
    }
    let used = [("net", Mark::Net), ("os/user", Mark::User)];
    let used = used.map(|(package, mark)| (package, go.mark(mark)));
    let used: Vec<_> = used
        .iter()
        .filter_map(|(package, it)| it.map(|it| (package, it)))
        .collect();
    if used.is_empty() {
        return Some(pass("uses neither net nor os/user"));
    }
    let judgement = pass("net and os/user, where linked in, do not call C");
    Some(
        used.into_iter()
            .fold(judgement, |judgement, (_, function)| {
                judgement.at(function.offset, format!("function {}", function.name))
            }),
    )
}
