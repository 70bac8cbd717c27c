//! Symbols, which are worth their bytes, and DWARF, which is for the debugger's machine.

use handpie_binary::counted;
use handpie_binary::{Format, Section};

use super::Go;
use crate::finding::{Judgement, fail, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const SYMBOLS: Rule = Rule {
    code: "go-symbols",
    wish: "a symbol table, for profilers and govulncheck",
    severity: Severity::Low,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Warn,
        host: Level::Warn,
        // The packager's strip puts it into the package of debug symbols.
        distro: Level::Off,
    },
    judge: symbols,
};

pub(super) const DWARF: Rule = Rule {
    code: "go-dwarf",
    wish: "no debug information in shipped binaries",
    severity: Severity::Low,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Warn,
        // Who builds for one machine may debug on it.
        host: Level::Off,
        // The packager splits it off, and needs it there to do so.
        distro: Level::Off,
    },
    judge: dwarf,
};

fn symbols(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let sections = go.image.sections();
    let table = go.symbols();
    let section = |name: &[u8]| sections.iter().find(|section| section.name == name);
    if table.runtime_main {
        let judgement = pass(format!("has {}", counted(table.count, "symbol")));
        return Some(match section(b".symtab") {
            Some(section) => judgement.at(section.offset(), "section .symtab"),
            None => judgement,
        });
    }
    if let Some(link) = section(b".gnu_debuglink") {
        return Some(split_off(link));
    }
    // What Fedora leaves in the program: the symbols, compressed.
    if let Some(data) = section(b".gnu_debugdata") {
        return Some(
            pass(
                "symbols are in the compressed section \
                          .gnu_debugdata",
            )
            .at(data.offset(), "section .gnu_debugdata"),
        );
    }
    let why = match (table.count, go.image.format()) {
        (0, Format::Elf) => "has no symbol table: built with -ldflags=-s, or stripped".to_owned(),
        (0, _) => "has no symbol table: built with -ldflags=-s, or stripped".to_owned(),
        (count, _) => format!(
            "has {}, but no Go symbols: built with -ldflags=-s",
            counted(count, "symbol")
        ),
    };
    Some(fail(why).hint(
        "remove only the debug information: -ldflags=-w instead of -s, strip -g instead of \
             strip",
    ))
}

/// What strip and objcopy write when they put symbols and DWARF into a file of their own.
fn split_off(link: &Section<'_>) -> Judgement {
    let file = link.data.c_string(0).ok().flatten().unwrap_or_default();
    let file = String::from_utf8_lossy(file);
    pass(format!(
        "symbols and debug information are in a separate file, \
                  `{file}`"
    ))
    .at(link.offset(), "section .gnu_debuglink")
}

fn dwarf(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let sections = go.image.sections();
    let parts: Vec<_> = sections
        .iter()
        .filter(|section| is_dwarf(section.name))
        .collect();
    if let Some(first) = parts.first() {
        let size = parts
            .iter()
            .fold(0u64, |size, part| size.saturating_add(part.data.size().0));
        let name = String::from_utf8_lossy(first.name);
        let what = format!(
            "section {name}, the first of {}",
            counted(
                parts.len(),
                "DWARF \
                            section"
            )
        );
        return Some(
            fail(format!("has {} KiB of debug information", size / 1024))
                .at(first.offset(), what)
                .hint("build with -ldflags=-w, or run `strip -g` and keep the original file"),
        );
    }
    let link = sections
        .iter()
        .find(|section| section.name == b".gnu_debuglink");
    Some(match link {
        Some(link) => split_off(link),
        None => pass("has no debug information"),
    })
}

/// `.debug_gdb_scripts` names a script and is no DWARF.
fn is_dwarf(name: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [b".debug_", b".zdebug_", b"__debug_", b"__zdebug_"];
    let scripts: [&[u8]; 2] = [b".debug_gdb_scripts", b"__debug_gdb_scri"];
    starts.iter().any(|start| name.starts_with(start)) && !scripts.contains(&name)
}
