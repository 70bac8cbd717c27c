//! What readelf and objdump say about an ELF file, and what a run says about its RELRO.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use xtask::workplace::Workplace;

use super::{BAD, FAIL, Facts, NOT_APPLICABLE, NOT_BAD, NOT_SEEN, PASS, Possible, SOME, said};
use crate::recipe::{Answer, Recipe};

pub(super) struct Elf {
    /// `readelf -hlSdnW`, in lines.
    lines: Vec<String>,
    /// Names in .symtab and .dynsym.
    symbols: Vec<String>,
    /// The code of the functions that the recipe names.
    code: String,
    /// Whether the recipe names functions.
    knows_functions: bool,
    mode: u32,
    /// Whether the pages of RELRO are read-only in a process; `None` when it was not started.
    relro_is_applied: Option<bool>,
}

impl Elf {
    pub(super) fn read(workplace: &Workplace, path: &Path, recipe: &Recipe) -> anyhow::Result<Elf> {
        let text = said(workplace, "readelf", &["-hlSdnW"], path)?;
        // Without section headers, the dynamic symbols are found by the dynamic table (-D).
        let flags: &[&str] = match text.contains("There are no sections in this file") {
            true => &["-DsW"],
            false => &["-sW", "--dyn-syms"],
        };
        let symbols = said(workplace, "readelf", flags, path)?;
        let names = symbols.lines().filter_map(|line| {
            // Num: Value Size Type Bind Vis Ndx Name, and the number ends with a colon.
            let mut words = line.split_whitespace();
            let is_symbol = words.next()?.strip_suffix(':')?.parse::<u32>().is_ok();
            let name = words.nth(6).filter(|_| is_symbol)?;
            Some(name.split('@').next().unwrap_or(name).to_owned())
        });
        let mut elf = Elf {
            lines: text.lines().map(|line| line.trim().to_owned()).collect(),
            symbols: names.collect(),
            code: String::new(),
            knows_functions: !recipe.functions.is_empty(),
            mode: path.metadata()?.permissions().mode(),
            relro_is_applied: None,
        };
        let objdump = match elf.has("Machine:", "AArch64") {
            true => "aarch64-linux-gnu-objdump",
            false => "objdump",
        };
        for function in &recipe.functions {
            let flag = format!("--disassemble={function}");
            elf.code += &said(workplace, objdump, &[&flag], path)?;
        }
        let asked = recipe.answers.get("relro-applied");
        let is_asked = asked.is_some_and(|answer| matches!(answer, Answer::Pass | Answer::Fail));
        // Only programs can be asked for their memory.
        if is_asked && elf.kind() != "shared-object" {
            let maps = workplace.tool(path).arg("maps").run()?;
            elf.relro_is_applied =
                elf.is_read_only(&String::from_utf8_lossy(&maps.stdout), &recipe.name);
        }
        Ok(elf)
    }

    /// Whether a line that starts like this has this further on.
    fn has(&self, start: &str, text: &str) -> bool {
        self.starting(start).any(|line| line.contains(text))
    }

    fn says(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }

    fn starting<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.lines.iter().map(String::as_str);
        lines.filter(move |line| line.starts_with(start))
    }

    /// The lines of `readelf -d` with this tag: ` 0x…0c (INIT)  0x1000`.
    fn dynamic<'a>(&'a self, tag: &str) -> impl Iterator<Item = &'a str> {
        let tag = format!("({tag})");
        self.starting("0x").filter(move |line| line.contains(&tag))
    }

    fn has_dynamic(&self, tag: &str) -> bool {
        self.dynamic(tag).next().is_some()
    }

    /// The flags of the segments of a type, as `R E` without blanks.
    fn segments<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = String> + 'a {
        self.starting(kind).filter_map(|line| {
            // Type Offset VirtAddr PhysAddr FileSiz MemSiz Flg Align, with blanks in Flg.
            let words: Vec<&str> = line.split_whitespace().collect();
            Some(words.get(6..words.len() - 1)?.concat())
        })
    }

    fn section(&self, name: &str) -> Option<&str> {
        let lines = self.starting("[").filter(|line| !line.starts_with("[Nr]"));
        let mut named = lines.filter(|line| {
            // `[ 1] .interp`: the number may have a blank.
            let rest = line.split_once(']').map_or("", |(_, rest)| rest);
            rest.split_whitespace().next() == Some(name)
        });
        named.next()
    }

    /// Whether functions may be bound at their first call.
    fn is_lazy(&self) -> bool {
        let now = self.says("BIND_NOW") || self.dynamic("FLAGS_1").any(|line| line.contains("NOW"));
        self.has_dynamic("JMPREL") && !now
    }

    /// Whether .got.plt is more than the three words that every one has, and outside RELRO: the table
    /// of functions. A static program has it without a dynamic table.
    fn has_slots(&self) -> bool {
        let line = self.section(".got.plt").unwrap_or_default();
        let after = line.split_once("PROGBITS").map_or("", |(_, after)| after);
        let words: Vec<&str> = after.split_whitespace().collect();
        let [address, _, size, ..] = words.as_slice() else {
            return false;
        };
        let (Some(address), Some(size)) = (hex(address), hex(size)) else {
            return false;
        };
        let relro = self.field("GNU_RELRO", 2).zip(self.field("GNU_RELRO", 5));
        let covered = relro.is_some_and(|(start, length)| address + size <= start + length);
        size > 24 && !covered
    }

    /// A number in the line of the first segment of a type.
    fn field(&self, kind: &str, number: usize) -> Option<u64> {
        let line = self.starting(kind).next()?;
        hex(line.split_whitespace().nth(number)?)
    }

    fn has_symbol(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.symbols.iter().any(|name| wanted(name))
    }

    /// Whether every page that lies wholly in RELRO is read-only, by the program's own
    /// `/proc/self/maps`; `name` is its file's.
    fn is_read_only(&self, maps: &str, name: &str) -> Option<bool> {
        let start = self.field("GNU_RELRO", 2)?;
        let size = self.field("GNU_RELRO", 5)?;
        let first = maps.lines().find(|line| line.ends_with(name))?;
        let bias = hex(first.split('-').next()?)?.wrapping_sub(self.field("LOAD", 2)? & !0xfff);
        let start = start.wrapping_add(bias);
        let end = (start + size) & !0xfff;
        let (mut all, mut any) = (true, false);
        for line in maps.lines() {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let overlaps = hex(from)? < end && hex(to)? > start;
            any |= overlaps;
            all &= !overlaps || rest.starts_with("r--");
        }
        // RELRO that is not in memory has not been looked for in the right place.
        any.then_some(all)
    }

    fn search_path(&self) -> Option<Possible> {
        let is_setuid = self.mode & 0o6000 != 0;
        let mut worst = NOT_BAD;
        for line in self.dynamic("RPATH").chain(self.dynamic("RUNPATH")) {
            let list = line.split_once('[')?.1.split(']').next()?;
            for folder in list.split(':') {
                let beside = folder.starts_with("$ORIGIN") && !is_setuid;
                let is_roots = folder.starts_with('/') && !folder.starts_with("/tmp");
                if !beside && !is_roots {
                    return Some(FAIL);
                }
                worst = SOME;
            }
        }
        Some(worst)
    }

    /// Whether the segment with the code has nothing else in it.
    fn separate_code(&self) -> Option<Possible> {
        const CODE: &[&str] = &[
            ".init",
            ".plt",
            ".plt.got",
            ".plt.sec",
            ".text",
            ".fini",
            ".iplt",
            "__libc_freeres_fn",
        ];
        let load = self
            .starting("LOAD")
            .position(|line| line.contains(" E "))?;
        // The mapping below the segments counts them all; the first LOAD is not the first segment.
        let is_segment = |line: &&String| {
            let mut words = line.split_whitespace();
            words
                .next()
                .is_some_and(|kind| kind.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
                && words.nth(4).is_some_and(|size| size.starts_with("0x"))
        };
        let types: Vec<&String> = self.lines.iter().filter(is_segment).collect();
        let loads = types
            .iter()
            .enumerate()
            .filter(|(_, line)| line.starts_with("LOAD"));
        let number = loads.map(|(number, _)| number).nth(load)?;
        let mapping = self
            .lines
            .iter()
            .skip_while(|line| !line.starts_with("Segment Sections"));
        let start = format!("{number:02} ");
        let sections = mapping.skip(1).find(|line| line.starts_with(&start))?;
        let other = sections
            .split_whitespace()
            .skip(1)
            .any(|name| !CODE.contains(&name));
        Some(if other { BAD } else { PASS })
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

const SANITIZERS: &[&str] = &[
    "__asan_init",
    "__ubsan_handle",
    "__tsan_init",
    "__msan_init",
];

impl Facts for Elf {
    fn format(&self) -> &'static str {
        "elf"
    }

    fn kind(&self) -> &'static str {
        let kind = self.starting("Type:").next().unwrap_or_default();
        let kind = kind.split_whitespace().nth(1).unwrap_or_default();
        let loader = self.starting("INTERP").next().is_some();
        let libraries = self.has_dynamic("NEEDED");
        let is_pie = self.dynamic("FLAGS_1").any(|line| line.contains("PIE"));
        match (kind, is_pie, loader, libraries) {
            ("REL", ..) => "relocatable-object",
            ("CORE", ..) => "core",
            ("EXEC", _, false, false) => "static-executable",
            ("EXEC", ..) => "dynamic-executable",
            (_, true, _, true) => "dynamic-pie",
            (_, true, true, false) => "loader-only-pie",
            (_, true, false, false) => "static-pie",
            _ => "shared-object",
        }
    }

    fn possible(&self, rule: &str) -> Option<Possible> {
        let kind = self.kind();
        let is_object = matches!(kind, "relocatable-object" | "core");
        let is_static = matches!(kind, "static-executable" | "static-pie");
        let when = |bad: bool, yes: Possible, no: Possible| Some(if bad { yes } else { no });
        match rule {
            "pie" => Some(match kind {
                "static-executable" | "dynamic-executable" => FAIL,
                "dynamic-pie" | "loader-only-pie" | "static-pie" => PASS,
                _ => NOT_APPLICABLE,
            }),
            "no-loader" if kind == "shared-object" || is_object => Some(NOT_APPLICABLE),
            "no-loader" => when(!is_static, BAD, PASS),
            "needed-libraries" => when(self.has_dynamic("NEEDED"), BAD, NOT_BAD),
            "executable-stack" if is_object => None,
            "executable-stack" => Some(match self.segments("GNU_STACK").next() {
                Some(flags) if !flags.contains('E') => PASS,
                _ => FAIL,
            }),
            "relro" if is_object => Some(NOT_APPLICABLE),
            "relro" if self.segments("GNU_RELRO").next().is_none() => {
                Some(&[Answer::Fail, Answer::NotApplicable])
            }
            "relro" => when(self.is_lazy() || self.has_slots(), BAD, PASS),
            "relro-applied" => match self.relro_is_applied {
                Some(applied) => when(applied, PASS, FAIL),
                None if self.segments("GNU_RELRO").next().is_none() => Some(NOT_APPLICABLE),
                None => None,
            },
            "bind-now" if is_object => Some(NOT_APPLICABLE),
            "bind-now" => when(self.is_lazy() && !is_static, BAD, NOT_BAD),
            "writable-code" => {
                let both = |flags: String| flags.contains('W') && flags.contains('E');
                when(self.segments("LOAD").any(both), FAIL, NOT_BAD)
            }
            "text-relocations" => {
                let marked = self.has_dynamic("TEXTREL")
                    || self.dynamic("FLAGS").any(|line| line.contains("TEXTREL"));
                when(marked, FAIL, NOT_BAD)
            }
            "search-path" => self.search_path(),
            "separate-code" => self.separate_code(),
            "stack-canary" if self.knows_functions => {
                let seen = self.code.contains("%fs:0x28") || self.code.contains("__stack_chk_");
                when(seen, PASS, NOT_SEEN)
            }
            "stack-canary" if !is_static => {
                let seen = self.has_symbol(|name| name.starts_with("__stack_chk_fail"));
                when(seen, PASS, NOT_SEEN)
            }
            "fortify" if self.knows_functions => when(
                self.code.contains("_chk>") || self.code.contains("_chk@plt"),
                SOME,
                NOT_SEEN,
            ),
            "fortify" if !is_static => {
                let checked = |name: &str| name.starts_with("__") && name.ends_with("_chk");
                when(self.has_symbol(checked), SOME, NOT_SEEN)
            }
            "go-libc-resolver" => {
                let asks = |name: &str| name.ends_with("getaddrinfo");
                when(self.has_symbol(asks), BAD, NOT_BAD)
            }
            "go-version-stamp" => {
                let is_set = |name: &str| name == "main.Version.str";
                when(self.has_symbol(is_set), PASS, NOT_SEEN)
            }
            "cet" => when(self.says("IBT, SHSTK"), PASS, NOT_SEEN),
            "branch-protection" => when(self.says("BTI, PAC"), PASS, NOT_SEEN),
            "stack-clash" if self.knows_functions => {
                let probes = self.code.contains("orq    $0x0,(%rsp)")
                    || self.code.contains("movq   $0x0,(%rsp)");
                when(probes, PASS, NOT_SEEN)
            }
            "cfi" => {
                let cfi = |name: &str| name.starts_with("__cfi_") || name.ends_with(".cfi");
                when(self.has_symbol(cfi), PASS, NOT_SEEN)
            }
            "sanitizers" => {
                let is_one = |name: &str| SANITIZERS.iter().any(|one| name.starts_with(one));
                when(
                    self.has_symbol(is_one),
                    FAIL,
                    &[Answer::Pass, Answer::Unknown],
                )
            }
            "symbols" | "go-symbols" => when(self.section(".symtab").is_some(), NOT_BAD, BAD),
            "debug-info" | "go-dwarf" => {
                let here = [".debug_info", ".zdebug_info"];
                when(
                    here.iter().any(|name| self.section(name).is_some()),
                    BAD,
                    NOT_BAD,
                )
            }
            "build-id" => {
                let marked = self.says("NT_GNU_BUILD_ID");
                when(marked, PASS, NOT_SEEN)
            }
            "setuid" => when(self.mode & 0o6000 != 0, BAD, NOT_BAD),
            "rust-auditable" => when(self.section(".dep-v0").is_some(), PASS, NOT_SEEN),
            _ => None,
        }
    }
}
