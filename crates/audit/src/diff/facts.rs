//! What two binaries are compared by.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use handpie_binary::go::Module;
use handpie_binary::{Binary, Image, Incomplete};

use crate::finding::{Answer, Finding};
use crate::subject::{Kind, Language, Subject};

/// What is true of a binary, in a form that can be compared and kept without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What kind of file it is.
    pub kind: Kind,
    /// What it was written in.
    pub language: Language,
    /// The loader that it asks for.
    pub loader: Option<String>,
    /// The libraries that it needs.
    pub needed: BTreeSet<String>,
    /// The version of Go that made it.
    pub go: Option<String>,
    /// The settings of the Go build.
    pub settings: BTreeMap<String, String>,
    /// Versions of Go modules, the main one included, with what was taken in their place.
    pub modules: BTreeMap<String, String>,
    /// The size of the file, or of the member of a fat one, in bytes.
    pub size: u64,
    /// The sizes of sections in memory, in bytes; those of one name together.
    pub sections: BTreeMap<String, u64>,
    /// What rules say, by code.
    pub answers: BTreeMap<&'static str, RuleAnswer>,
    /// How much there is to go by.
    pub sight: Sight,
}

/// How much a binary tells of what it was made from, which stripping takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// How many functions and data have names.
    pub symbols: usize,
    /// The kinds of records in it, by the names of their sections.
    pub records: BTreeSet<String>,
    /// Whether it imports what it does not have itself.
    pub imports: bool,
}

impl Sight {
    /// Whether this tells less or more than another. Versions of a program do not have the same
    /// number of symbols; a half of them does not go without being stripped.
    pub(super) fn beside(&self, other: &Self) -> Ordering {
        let lacks = |one: &Self, other: &Self| {
            one.symbols < other.symbols.div_ceil(2)
                || !one.records.is_superset(&other.records)
                || !one.imports && other.imports
        };
        match (lacks(self, other), lacks(other, self)) {
            (true, _) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => Ordering::Equal,
        }
    }

    fn of(binary: &Binary<'_>, needed: &BTreeSet<String>) -> Self {
        let symbols = binary.symbols().unwrap_or_default();
        let named = symbols.iter().filter(|symbol| symbol.address.is_some());
        let sections = binary.sections();
        let names = sections.iter().map(|section| section.name);
        Self {
            symbols: named.count(),
            records: names.filter_map(record).collect(),
            imports: !needed.is_empty(),
        }
    }
}

/// The kind of records that a section has: debug information in the ways of all formats, compressed or
/// not, is one.
fn record(section: &[u8]) -> Option<String> {
    const KEPT: [&str; 4] = [
        ".comment",
        ".GCC.command.line",
        ".gnu.build.attributes",
        ".go.buildinfo",
    ];
    let name = String::from_utf8_lossy(section);
    let is_debug = [".debug_", ".zdebug_", "__debug_", "__zdebug_"];
    if is_debug.iter().any(|start| name.starts_with(start)) {
        return Some("debug information".to_owned());
    }
    KEPT.contains(&name.as_ref()).then(|| name.into_owned())
}

/// What a rule says, after the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAnswer {
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub why: String,
}

impl Facts {
    /// What is true of a binary of which rules say `findings`.
    ///
    /// # Errors
    /// [`Incomplete`] when not all that tells has been read.
    pub fn of(subject: &Subject<'_>, findings: &[Finding]) -> Result<Self, Incomplete> {
        let info = subject.build_info.as_ref();
        let settings = info.into_iter().flat_map(|info| &info.settings);
        let modules = info.into_iter().flat_map(|info| {
            let main = info.main.iter();
            main.chain(&info.dependencies)
        });
        let needed = needed(&subject.binary);
        let answers = findings.iter().map(|finding| {
            let answered = RuleAnswer {
                answer: finding.answer,
                why: finding.judgement.why.clone(),
            };
            (finding.rule.code, answered)
        });
        subject.binary.file().settled(Self {
            kind: subject.kind,
            language: subject.language,
            loader: loader(subject),
            sight: Sight::of(&subject.binary, &needed),
            needed,
            go: info.map(|info| info.go_version.clone()),
            settings: settings
                .map(|setting| (setting.key.clone(), setting.value.clone()))
                .collect(),
            modules: modules
                .map(|module| (module.path.clone(), version(module)))
                .collect(),
            size: subject.binary.file().size().0,
            sections: sections(&subject.binary),
            answers: answers.collect(),
        })
    }
}

fn loader(subject: &Subject<'_>) -> Option<String> {
    // Every program of macOS and Windows has the one loader of its system.
    let path = subject.elf()?.interpreter().ok().flatten()?;
    Some(String::from_utf8_lossy(path).into_owned())
}

fn needed(binary: &Binary<'_>) -> BTreeSet<String> {
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    match binary {
        Binary::Elf(elf) => {
            // One that cannot be read is an error before: the kind of the file depends on it.
            let dynamic = elf.dynamic().ok().flatten();
            let needed = dynamic.and_then(|dynamic| dynamic.needed(elf).ok());
            needed.into_iter().flatten().collect()
        }
        Binary::MachO(macho) => {
            let libraries = macho.libraries().into_iter();
            libraries.map(|library| name(library.path)).collect()
        }
        // Windows does not care about the case of names, and linkers write both.
        Binary::Pe(pe) => {
            let libraries = pe.imported_libraries().unwrap_or_default().into_iter();
            libraries
                .map(|library| name(library).to_lowercase())
                .collect()
        }
    }
}

fn version(module: &Module) -> String {
    match &module.replacement {
        Some(other) => format!("{} => {} {}", module.version, other.path, other.version),
        None => module.version.clone(),
    }
    .trim()
    .to_owned()
}

fn sections(binary: &Binary<'_>) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for section in binary.sections() {
        if !section.name.is_empty() {
            let name = String::from_utf8_lossy(section.name).into_owned();
            let size: &mut u64 = sizes.entry(name).or_default();
            *size = size.saturating_add(section.size.0);
        }
    }
    sizes
}
