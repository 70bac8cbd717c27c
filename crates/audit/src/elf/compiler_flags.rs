//! Whether every object was compiled with hardening flags, if a build log is available.

use handpie_binary::counted;

use crate::compiled::{Compilations, ObjectCompilation};
use crate::finding::{Judgement, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Libc, Subject};

pub(super) const COMPILER_FLAGS: Rule = Rule {
    code: "compiler-flags",
    wish: "every object compiled with hardening flags, according to the build log",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: compiler_flags,
};

/// So many objects are named.
const MAX_NAMED: usize = 20;
/// What Go's linker makes of everything that is Go.
const OF_GO: &str = "go.o";

/// A protection: the flag to ask for, what counts as asking, and what takes it away.
pub(crate) struct Wish {
    pub(crate) flag: &'static str,
    pub(crate) asks: &'static [&'static str],
    against: &'static [&'static str],
}

pub(crate) const WISHES: [Wish; 3] = [
    Wish {
        flag: "-fstack-protector-strong",
        asks: &[
            "-fstack-protector-strong",
            "-fstack-protector-all",
            "-fhardened",
        ],
        against: &["-fno-stack-protector"],
    },
    Wish {
        flag: FORTIFY,
        asks: &[
            "-D_FORTIFY_SOURCE=2",
            "-D_FORTIFY_SOURCE=3",
            "-Wp,-D_FORTIFY_SOURCE=2",
            "-Wp,-D_FORTIFY_SOURCE=3",
            "-fhardened",
        ],
        // It stands before the definition as well.
        against: &["-D_FORTIFY_SOURCE=0"],
    },
    Wish {
        flag: "-fstack-clash-protection",
        asks: &["-fstack-clash-protection", "-fhardened"],
        against: &["-fno-stack-clash-protection"],
    },
];
pub(crate) const FORTIFY: &str = "-D_FORTIFY_SOURCE=3";

fn compiler_flags(subject: &Subject<'_>) -> Option<Judgement> {
    let compiled = subject.compiled.as_ref()?;
    subject.elf()?;
    if !subject.kind.is_program() {
        return None;
    }
    Some(match subject.language {
        Language::Go | Language::Rust => not_applicable("no code was compiled from C"),
        _ => of_log(compiled, subject.libc),
    })
}

/// What the log says of a program that has C in it.
pub(crate) fn of_log(compiled: &Compilations, libc: Libc) -> Judgement {
    let objects = compiled.objects.iter().filter(|one| one.name != OF_GO);
    let objects: Vec<&ObjectCompilation> = objects.collect();
    if objects.is_empty() {
        return unknown("the build log has no entry for this program");
    }
    // musl's headers have no functions that check sizes.
    let makes_sense = |wish: &&Wish| libc == Libc::Glibc || wish.flag != FORTIFY;
    let wishes: Vec<&Wish> = WISHES.iter().filter(makes_sense).collect();
    let mut unlogged = Vec::new();
    let mut lacking = Vec::new();
    for object in &objects {
        let missing = wishes
            .iter()
            .filter(|wish| object.had(wish.asks, wish.against) == Some(false));
        let missing: Vec<&str> = missing.map(|wish| wish.flag).collect();
        if object.flags.is_none() {
            unlogged.push(object.name.clone());
        } else if !missing.is_empty() {
            lacking.push(format!(
                "{}: compiled without {}",
                object.name,
                missing.join(" ")
            ));
        }
    }
    let of = |count: usize| format!("{count} of {}", counted(objects.len(), "object"));
    let (judgement, named) = match (lacking.is_empty(), unlogged.is_empty()) {
        (false, _) => {
            let why = format!("{} compiled without hardening flags", of(lacking.len()));
            let hint = "compile with `handpie cc`, and remove flags that disable hardening";
            (warn(why).hint(hint), lacking)
        }
        (true, false) => {
            let why = format!("the build log has no entry for {}", of(unlogged.len()));
            (unknown(why), unlogged)
        }
        (true, true) => {
            let flags: Vec<&str> = wishes.iter().map(|wish| wish.flag).collect();
            let why = format!("{} compiled with {}", of(objects.len()), flags.join(" "));
            (pass(why), Vec::new())
        }
    };
    let named = named.into_iter().take(MAX_NAMED);
    named.fold(judgement, Judgement::with)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Answer;

    fn object(name: &str, flags: Option<&str>) -> ObjectCompilation {
        let words = |flags: &str| flags.split_whitespace().map(str::to_owned).collect();
        ObjectCompilation {
            name: name.to_owned(),
            flags: flags.map(words),
        }
    }

    fn judge(objects: &[ObjectCompilation], libc: Libc) -> Judgement {
        let objects = objects.to_vec();
        of_log(&Compilations { objects }, libc)
    }

    const ALL: &str = "-fstack-protector-strong -fstack-clash-protection";

    #[test]
    fn the_last_word_counts() {
        let good = object("a.o", Some(ALL));
        assert_eq!(
            judge(std::slice::from_ref(&good), Libc::Musl).answer,
            Answer::Pass
        );
        let off = object("b.o", Some(&format!("{ALL} -O2 -fno-stack-protector")));
        let judgement = judge(&[good, off], Libc::Musl);
        assert_eq!(judgement.answer, Answer::Warn);
        assert_eq!(
            judgement.why,
            "1 of 2 objects compiled without hardening flags"
        );
        assert_eq!(
            judgement.evidence[0].what,
            "b.o: compiled without -fstack-protector-strong"
        );
    }

    #[test]
    fn fortify_is_asked_for_where_a_libc_has_it() {
        let plain = object("a.o", Some(ALL));
        assert_eq!(
            judge(std::slice::from_ref(&plain), Libc::Glibc).answer,
            Answer::Warn
        );
        let fortified = format!("{ALL} -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3");
        let fortified = object("a.o", Some(&fortified));
        assert_eq!(judge(&[fortified], Libc::Glibc).answer, Answer::Pass);
    }

    #[test]
    fn what_the_log_does_not_know_is_not_guessed() {
        let known = object("a.o", Some(ALL));
        let strange = object("libz.a(inflate.o)", None);
        let judgement = judge(&[known, strange, object(OF_GO, None)], Libc::Musl);
        assert_eq!(judgement.answer, Answer::Unknown);
        assert_eq!(judgement.evidence[0].what, "libz.a(inflate.o)");
        assert_eq!(judge(&[], Libc::Musl).answer, Answer::Unknown);
        assert_eq!(
            judge(&[object(OF_GO, None)], Libc::Musl).answer,
            Answer::Unknown
        );
    }
}
