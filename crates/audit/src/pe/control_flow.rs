//! Whether jumps, returns and exception handlers are checked: Control Flow Guard, Intel's shadow
//! stack, SafeSEH. Each has a flag and, for the first and the last, tables without which the flag
//! does nothing.

use handpie_binary::Size;
use handpie_binary::counted;
use handpie_binary::pe::constants::{
    GuardFlags, IMAGE_DLLCHARACTERISTICS_GUARD_CF, IMAGE_DLLCHARACTERISTICS_NO_SEH,
    IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_I386, IMAGE_GUARD_CF_FUNCTION_TABLE_PRESENT,
    IMAGE_GUARD_CF_INSTRUMENTED,
};
use handpie_binary::pe::{ExtendedDllCharacteristics, LoadConfig, Pe};

use super::{unguarded, with_dll_characteristics};
use crate::finding::{Judgement, fail, not_applicable, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const CFG: Rule = Rule {
    code: "pe-cfg",
    wish: "checked indirect calls (Control Flow Guard)",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: cfg,
};

pub(super) const CET: Rule = Rule {
    code: "pe-cet",
    wish: "checked returns (CET shadow stack)",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: cet,
};

pub(super) const SAFE_SEH: Rule = Rule {
    code: "pe-safe-seh",
    wish: "checked exception handlers (SafeSEH)",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: safe_seh,
};

fn cfg(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    if let Some(why) = unguarded(pe) {
        return Some(not_applicable(why));
    }
    let flags = pe.header().dll_characteristics;
    let judgement = if !flags.contains(IMAGE_DLLCHARACTERISTICS_GUARD_CF) {
        if subject.language.is_go() {
            return Some(not_applicable(
                "Go's compiler and linker do not support Control Flow Guard",
            ));
        }
        fail("does not request Control Flow Guard").hint(guard_hint(subject.language))
    } else {
        match pe.load_config() {
            Ok(Some(config)) => match guard_gap(&config) {
                None => pass("requests Control Flow Guard and has a table of valid call targets"),
                Some(gap) => fail(format!(
                    "requests Control Flow Guard, but \
                                  {gap}"
                ))
                .hint(guard_hint(subject.language)),
            }
            .at(config.offset, shown_guard(&config)),
            Ok(None) => fail(
                "requests Control Flow Guard, but has no load configuration with the \
                              table of valid call targets",
            )
            .hint(guard_hint(subject.language)),
            Err(error) => fail(error.to_string()).hint(guard_hint(subject.language)),
        }
    };
    Some(with_dll_characteristics(judgement, pe))
}

/// What the loader lacks to check calls.
fn guard_gap(config: &LoadConfig) -> Option<&'static str> {
    let flags = config.guard_flags.unwrap_or(GuardFlags(0));
    let checker = config.guard_cf_check.or(config.guard_cf_dispatch);
    if !flags.contains(IMAGE_GUARD_CF_INSTRUMENTED) || checker.is_none() {
        Some("no code was compiled with the checks")
    } else if !flags.contains(IMAGE_GUARD_CF_FUNCTION_TABLE_PRESENT)
        || config.guard_cf_table.is_none()
        || config.guard_cf_count.unwrap_or(0) == 0
    {
        Some("has no table of valid call targets")
    } else {
        None
    }
}

fn shown_guard(config: &LoadConfig) -> String {
    let flags = config.guard_flags.unwrap_or(GuardFlags(0));
    let count = config.guard_cf_count.unwrap_or(0);
    format!("load configuration: `GuardFlags` {flags:?}, `GuardCFFunctionCount` {count}")
}

fn guard_hint(language: Language) -> &'static str {
    match language {
        Language::Rust => "build with -C control-flow-guard for an MSVC target",
        _ => "compile and link with /guard:cf; with clang for MinGW, -mguard=cf",
    }
}

fn cet(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    if let Some(why) = unguarded(pe) {
        return Some(not_applicable(why));
    }
    let machines = [IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_I386];
    if !machines.contains(&pe.header().machine) {
        return Some(not_applicable(
            "only Intel and AMD CPUs have CET shadow stacks",
        ));
    }
    Some(match pe.extended_dll_characteristics() {
        Ok(Some(found)) if found.flags & ExtendedDllCharacteristics::CET_COMPAT != 0 => {
            let shown = format!("extended DLL characteristics {:#x}", found.flags);
            pass("marked as compatible with CET shadow stacks").at(found.offset, shown)
        }
        Ok(_) if subject.language.is_go() => {
            not_applicable("Go's stack switching is incompatible with CET shadow stacks")
        }
        Ok(_) => {
            fail("not marked as compatible with CET shadow stacks").hint(match subject.language {
                Language::Rust => "build with -C link-arg=/CETCOMPAT for an MSVC target",
                _ => "link with /CETCOMPAT",
            })
        }
        Err(error) => fail(error.to_string()).hint("link with /CETCOMPAT"),
    })
}

fn safe_seh(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    if pe.header().machine != IMAGE_FILE_MACHINE_I386 {
        return Some(not_applicable(
            "only 32-bit x86 programs keep exception handlers on the stack",
        ));
    }
    if let Some(why) = unguarded(pe) {
        return Some(not_applicable(why));
    }
    let flags = pe.header().dll_characteristics;
    let judgement = if flags.contains(IMAGE_DLLCHARACTERISTICS_NO_SEH) {
        pass("marked as having no exception handlers")
    } else if subject.language == Language::Go {
        return Some(not_applicable("Go's linker does not support SafeSEH"));
    } else {
        match pe.load_config() {
            Ok(Some(config)) => match handlers(pe, &config) {
                Some(count) => pass(format!(
                    "has a table of {}",
                    counted(
                        count,
                        "valid exception \
                                             handler"
                    )
                )),
                None => fail("has no table of valid exception handlers"),
            }
            .at(config.offset, "load configuration"),
            Ok(None) => {
                fail("has no table of valid exception handlers").with("no load configuration")
            }
            Err(error) => fail(error.to_string()),
        }
    };
    let judgement = match judgement.answer {
        crate::finding::Answer::Fail => judgement.hint(
            "link with /SAFESEH; with MinGW, which does not support it, use -Wl,--no-seh if no C \
             code catches exceptions, or build for a 64-bit CPU",
        ),
        _ => judgement,
    };
    Some(with_dll_characteristics(judgement, pe))
}

/// How many handlers the table has, if it is really there.
fn handlers(pe: &Pe<'_>, config: &LoadConfig) -> Option<u64> {
    let count = config.se_handler_count.filter(|count| *count != 0)?;
    let size = Size(count.checked_mul(4)?);
    pe.offset_of(config.se_handler_table?, size)?;
    Some(count)
}
