//! Symbols, debug information, and the build ID that connects them.

use handpie_binary::counted;
use handpie_binary::elf::constants::{NT_GNU_BUILD_ID, SHF_ALLOC, SHT_SYMTAB};

use super::segments::named;
use crate::finding::{Judgement, fail, pass, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const SYMBOLS: Rule = Rule {
    code: "symbols",
    wish: "a symbol table, for backtraces and for identifying the program's contents",
    severity: Severity::Low,
    levels: Levels {
        // Where a package manager or a debug server keeps them apart, they need not be in it.
        portable: Level::Warn,
        ..Levels::all(Level::Off)
    },
    judge: symbols,
};

pub(super) const DEBUG_INFO: Rule = Rule {
    code: "debug-info",
    wish: "no debug information in shipped binaries",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: debug_info,
};

pub(super) const BUILD_ID: Rule = Rule {
    code: "build-id",
    wish: "a build ID, which connects debug information and crash reports with the binary",
    severity: Severity::Low,
    levels: Levels {
        distro: Level::Fail,
        ..Levels::all(Level::Warn)
    },
    judge: build_id,
};

/// Go programs have rules of their own for both, because their symbols serve more.
fn symbols(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() || subject.language.is_go() {
        return None;
    }
    let table = elf
        .sections()
        .iter()
        .find(|section| section.kind == SHT_SYMTAB);
    Some(match table {
        Some(table) => pass("has a symbol table").at(table.offset, named(table)),
        None if elf.sections().is_empty() => fail("has neither a symbol table nor section headers"),
        None => fail("has no symbol table: it was stripped").hint(
            "strip with --strip-debug \
                      instead",
        ),
    })
}

fn debug_info(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() || subject.language.is_go() {
        return None;
    }
    let is_debug = |name: &[u8]| name.starts_with(b".debug_") || name.starts_with(b".zdebug_");
    let sections = elf.sections().iter();
    let debug: Vec<_> = sections
        // gdb's scripts are called so too, but are loaded.
        .filter(|section| !section.flags.contains(SHF_ALLOC))
        .filter(|section| is_debug(section.name) && section.file_size().0 > 0)
        .collect();
    let Some(first) = debug.first() else {
        return Some(pass("has no debug information"));
    };
    let size = debug
        .iter()
        .fold(0u64, |sum, section| sum.saturating_add(section.size.0));
    Some(
        fail(format!(
            "has {} of debug information",
            counted(size, "byte")
        ))
        .at(first.offset, named(first))
        .hint(
            "keep debug information in a separate file: `objcopy --only-keep-debug`, then \
                   `strip --strip-debug`",
        ),
    )
}

fn build_id(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let notes = elf.notes().ok()?;
    let gnu = notes
        .iter()
        .find(|note| note.name == b"GNU" && note.kind == NT_GNU_BUILD_ID.0);
    if let Some(note) = gnu {
        let digits = note.description.iter().map(|byte| format!("{byte:02x}"));
        let id: String = digits.take(20).collect();
        return Some(pass(format!("build ID {id}")).at(note.offset, "note `NT_GNU_BUILD_ID`"));
    }
    let go = notes.iter().find(|note| note.name == b"Go");
    Some(match go {
        Some(note) => warn("has only Go's own build ID, which debuggers and debuginfod do not use")
            .at(note.offset, "Go's note")
            .hint("link with -ldflags=-B=gobuildid"),
        None if subject.language.is_go() => {
            fail("has no build ID").hint("link with -ldflags=-B=gobuildid")
        }
        None => fail("has no build ID").hint("link with -Wl,--build-id"),
    })
}
