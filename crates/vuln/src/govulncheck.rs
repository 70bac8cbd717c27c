//! What govulncheck would say of a binary: the same findings, made from what `handpie vuln` knows. A
//! pipeline that reads govulncheck's output reads this.
//!
//! It differs where govulncheck is known to be wrong, and nowhere else: a stripped program gets the
//! answer that it would have got before, and docs/design/triage.md has the list. The words are those
//! of golang.org/x/vuln v1.8.0 (internal/govulncheck, internal/vulncheck/binary.go).

mod blob;
mod encoding;
mod entry;
mod json;
mod openvex;
mod sarif;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use handpie_binary::Incomplete;
use serde::Serialize;

use crate::candidates::Unclear;
use crate::database::{Database, Texts};
use crate::ecosystem::Ecosystem;
use crate::inventory::Inventory;
use crate::matches::{AffectedModule, Basis, Match, Tier, matches_where};
use crate::record::{Module, Record};
pub use entry::{Entry, Import};
pub use json::PROGRESS;

/// The version of govulncheck's JSON (internal/govulncheck/govulncheck.go).
const PROTOCOL: &str = "v1.0.0";
/// The govulncheck whose output this is, and who wrote it.
const SCANNER_VERSION: &str = concat!("v1.8.0+handpie-", env!("CARGO_PKG_VERSION"));
/// What both databases and findings call what Go brings itself.
pub const STDLIB: &str = "stdlib";

/// What was asked, and of whom. The order of the fields is that of the JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    protocol_version: &'static str,
    scanner_name: &'static str,
    /// Which govulncheck this answers for, and which handpie answers.
    pub scanner_version: &'static str,
    /// The database, as it was named.
    pub db: String,
    /// When it last changed, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_last_modified: Option<String>,
    /// The deepest level that is reported.
    #[serde(rename = "scan_level")]
    pub level: Tier,
    scan_mode: &'static str,
}

/// What is in the program.
#[derive(Debug, Serialize)]
pub struct Sbom {
    /// The version of Go that made the program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub go_version: String,
    /// The main module first.
    pub modules: Vec<Listed>,
    /// The main module, where it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<String>,
}

/// A module of the program.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The module path.
    pub path: String,
    /// Its version; empty where it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// A vulnerability at one of three levels, which the frame tells: of a module, of a package, of a
/// function.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The advisory, by id.
    pub osv: String,
    /// The version in which it is fixed; empty where there is none.
    #[serde(rename = "fixed_version", skip_serializing_if = "String::is_empty")]
    pub fixed: String,
    /// Of a binary, one frame.
    pub trace: [Frame; 1],
}

/// What is vulnerable.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Frame {
    /// The module path.
    pub module: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The import path; empty at the level of modules.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub package: String,
    /// The function; empty above the level of symbols.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub function: String,
    /// The type whose method the function is; empty where it is not a method.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiver: String,
}

/// Everything that govulncheck would tell its output about.
#[derive(Debug)]
pub struct Scan {
    /// What was asked.
    pub config: Config,
    /// What is in the program.
    pub sbom: Sbom,
    /// Every advisory about a module of the program, of whatever version.
    pub entries: Vec<Entry>,
    /// What there is to be warned of.
    pub warnings: Vec<String>,
    /// Those of modules first, then of packages, then of functions.
    pub findings: Vec<Finding>,
}

impl Scan {
    /// Writes it as govulncheck's own JSON: one object after another.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write(out, self)
    }

    /// Writes it as govulncheck's SARIF.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_sarif(&self, out: &mut dyn Write) -> io::Result<()> {
        sarif::write(out, self)
    }

    /// Writes it as govulncheck's OpenVEX, made at `timestamp` (RFC 3339).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_openvex(&self, out: &mut dyn Write, timestamp: &str) -> io::Result<()> {
        openvex::write(out, self, timestamp)
    }

    /// The findings of each advisory at the deepest level that it reached, by its id.
    pub fn deepest(&self) -> BTreeMap<&str, (&Entry, Vec<&Finding>)> {
        let mut found: BTreeMap<&str, (&Entry, Vec<&Finding>)> = BTreeMap::new();
        for entry in &self.entries {
            let of_entry = || self.findings.iter().filter(|it| it.osv == entry.id);
            if let Some(deepest) = of_entry().map(Finding::tier).max() {
                let findings = of_entry().filter(|it| it.tier() == deepest);
                found.insert(&entry.id, (entry, findings.collect()));
            }
        }
        found
    }
}

impl Config {
    /// A question to the database `db`.
    pub fn new(db: String, db_last_modified: Option<String>, level: Tier) -> Self {
        Self {
            protocol_version: PROTOCOL,
            scanner_name: "govulncheck",
            scanner_version: SCANNER_VERSION,
            db,
            db_last_modified,
            level,
            scan_mode: "binary",
        }
    }
}

impl Finding {
    /// The only frame of its trace.
    pub fn frame(&self) -> &Frame {
        let [frame] = &self.trace;
        frame
    }

    /// The level: module, package or function.
    pub fn tier(&self) -> Tier {
        match self.frame() {
            Frame { function, .. } if !function.is_empty() => Tier::Symbol,
            Frame { package, .. } if !package.is_empty() => Tier::Package,
            _ => Tier::Module,
        }
    }
}

/// What `govulncheck -mode=extract` wrote about a program; `None` of a text that is something else.
pub fn extracted(text: &[u8]) -> Option<Inventory<'static>> {
    blob::read(text)
}

impl Scan {
    /// What govulncheck would say about the program of which `inventory` is.
    ///
    /// # Errors
    /// [`Incomplete`] when the names of its functions have not been read.
    pub fn of(
        inventory: &Inventory<'_>,
        database: &Database<'_>,
        config: Config,
    ) -> Result<Self, Incomplete> {
        let record = &inventory.record;
        let mut texts = Texts::default();
        let mut entries: Vec<Entry> = Vec::new();
        let mut known = BTreeSet::new();
        for module in module_names(record) {
            for advisory in database.advisories_about(Ecosystem::Go, &module) {
                if known.insert(advisory.id()) {
                    entries.extend(texts.of(&advisory).and_then(Entry::parse));
                }
            }
        }
        let rows = matches_where(inventory, database, Unclear::AsWritten)?;
        let of_entry = |row: &Match<'_>| entries.iter().position(|it| it.id == row.advisory.id());
        let mut rows: Vec<(Option<usize>, &Match<'_>)> =
            rows.iter().map(|row| (of_entry(row), row)).collect();
        rows.sort_by_key(|(place, _)| *place);
        let mut findings = Findings::default();
        for (place, row) in rows {
            let entry = place.and_then(|place| entries.get(place));
            for module in &row.modules {
                findings.add(inventory, row.advisory.id(), entry, module, config.level)?;
            }
        }
        Ok(Self {
            sbom: Sbom::of(record),
            warnings: warnings(record),
            findings: findings.in_order(),
            entries,
            config,
        })
    }
}

/// The modules as the database calls them, in govulncheck's order.
fn module_names(record: &Record) -> Vec<String> {
    let modules = record.modules.iter().map(|it| source(it).path.clone());
    let main = record.main.iter().map(|it| source(it).path.clone());
    modules.chain([STDLIB.to_owned()]).chain(main).collect()
}

fn source(module: &Module) -> &Module {
    module.replacement.as_deref().unwrap_or(module)
}

fn warnings(record: &Record) -> Vec<String> {
    let mut warnings = Vec::new();
    let go = record.go.as_deref().unwrap_or_default();
    if !record.build_info && !go.is_empty() {
        warnings.push(format!(
            "warning: binary built with Go version {go}, only standard library vulnerabilities \
             will be checked"
        ));
    }
    if record.os.is_empty() || record.cpu.is_empty() {
        warnings.push(format!(
            "warning: failed to extract build system specification GOOS: {} GOARCH: {}\n",
            record.os, record.cpu
        ));
    }
    warnings
}

impl Sbom {
    fn of(record: &Record) -> Self {
        let listed = |module: &Module| Listed {
            path: module.path.clone(),
            version: module.version.clone(),
        };
        let mut modules: Vec<Listed> = record.main.iter().map(listed).collect();
        modules.extend(record.modules.iter().map(|it| listed(source(it))));
        let go_version = record.go.clone().unwrap_or_default();
        modules.push(Listed {
            path: STDLIB.to_owned(),
            version: go_version.clone(),
        });
        Self {
            go_version,
            modules,
            roots: record.main.iter().map(|it| it.path.clone()).collect(),
        }
    }
}

/// Findings by their level.
#[derive(Default)]
struct Findings {
    modules: Vec<Finding>,
    packages: Vec<Finding>,
    functions: Vec<Finding>,
}

impl Findings {
    fn add(
        &mut self,
        inventory: &Inventory<'_>,
        id: &str,
        entry: Option<&Entry>,
        module: &AffectedModule,
        level: Tier,
    ) -> Result<(), Incomplete> {
        let finding = |package: &str, symbol: &str| {
            let (receiver, function) = symbol.split_once('.').unwrap_or(("", symbol));
            Finding {
                osv: id.to_owned(),
                fixed: module.fixed.as_deref().map(with_v).unwrap_or_default(),
                trace: [Frame {
                    module: module.name.clone(),
                    version: with_v(&module.version),
                    package: package.to_owned(),
                    function: function.to_owned(),
                    receiver: receiver.to_owned(),
                }],
            }
        };
        self.modules.push(finding("", ""));
        if level == Tier::Module {
            return Ok(());
        }
        for (package, symbols) in linked(inventory, entry, module)? {
            self.packages.push(finding(&package, ""));
            if level == Tier::Symbol {
                let shown = exported(&symbols);
                let functions = shown.iter().map(|symbol| finding(&package, symbol));
                self.functions.extend(functions);
            }
        }
        Ok(())
    }

    fn in_order(self) -> Vec<Finding> {
        [self.modules, self.packages, self.functions].concat()
    }
}

/// The packages that are linked, each with its vulnerable symbols. Where an advisory names none,
/// every symbol is.
fn linked(
    inventory: &Inventory<'_>,
    entry: Option<&Entry>,
    module: &AffectedModule,
) -> Result<BTreeMap<String, BTreeSet<String>>, Incomplete> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if module.basis == Basis::Unseen {
        // As govulncheck does with a stripped program: everything that is known of the advisory.
        for import in entry.iter().flat_map(|it| it.imports(&module.name)) {
            let symbols = found.entry(import.path.clone()).or_default();
            symbols.extend(import.symbols.iter().cloned());
            if import.symbols.is_empty() {
                symbols.insert(format!("{}/*", import.path));
            }
        }
        return Ok(found);
    }
    let packages = module
        .packages
        .iter()
        .map(|it| (it.clone(), BTreeSet::new()));
    found.extend(packages);
    for (package, symbol) in module.symbols.keys() {
        let symbols = found.entry(package.clone()).or_default();
        symbols.insert(symbol.clone());
    }
    let names_no_symbols = |package: &str| {
        let mut imports = entry.iter().flat_map(|it| it.imports(&module.name));
        imports.any(|it| it.path == package && it.symbols.is_empty())
    };
    let is_whole_module = module.basis == Basis::Module && module.tier == Tier::Symbol;
    if is_whole_module || module.packages.iter().any(|it| names_no_symbols(it)) {
        let is_wanted = |package: &str| is_whole_module || names_no_symbols(package);
        found.extend(inventory.symbols_of(module, is_wanted)?);
    }
    Ok(found)
}

/// Those that other packages can call, or all if there are none.
fn exported(symbols: &BTreeSet<String>) -> Vec<&String> {
    let is_exported = |symbol: &&String| {
        let name = symbol.rsplit('.').next().unwrap_or_default();
        name.starts_with(|first: char| first.is_ascii_uppercase())
    };
    let exported: Vec<&String> = symbols.iter().filter(is_exported).collect();
    match exported.is_empty() {
        true => symbols.iter().collect(),
        false => exported,
    }
}

/// A version with the `v` that govulncheck puts before every one.
fn with_v(version: &str) -> String {
    match version.starts_with('v') || version.is_empty() {
        true => version.to_owned(),
        false => format!("v{version}"),
    }
}
