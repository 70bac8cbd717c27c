//! Text for people: internal/scan/text.go and template.go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write};

use handpie_vuln::Tier;

use super::Show;
use super::spelling::{platforms, shown_version, symbol, wrapped};
use handpie_vuln::govulncheck::{Config, Entry, Finding, Frame, PROGRESS, STDLIB, Scan};

use crate::report::Lines;

/// So many functions are named unless all are asked for.
const FUNCTIONS: usize = 5;

/// Escapes of a terminal, by what is coloured.
mod style {
    pub(super) const KEY: &str = "\x1b[2m\x1b[33m";
    pub(super) const CALLED: &str = "\x1b[1m\x1b[31m";
    pub(super) const IMPORTED: &str = "\x1b[1m\x1b[32m";
    pub(super) const DETAILS: &str = "\x1b[2m";
    pub(super) const SECTION: &str = "\x1b[34m";
    pub(super) const VALUE: &str = "\x1b[1m\x1b[36m";
    pub(super) const RESET: &str = "\x1b[0m";
}

/// An advisory and all that was found of it.
struct Vulnerability<'a> {
    entry: &'a Entry,
    findings: Vec<&'a Finding>,
    reached: Tier,
}

struct Text {
    lines: Lines,
    show: Show,
    level: Tier,
}

pub(super) fn write(out: &mut dyn Write, scan: &Scan, show: Show) -> io::Result<()> {
    let mut text = Text::new(&scan.config, show);
    text.scan(scan);
    out.write_all(text.lines.into_text().as_bytes())
}

/// Which scanner this is, with which database.
pub(super) fn version(out: &mut dyn Write, config: &Config, show: Show) -> io::Result<()> {
    let mut text = Text::new(config, show);
    text.version(config);
    out.write_all(text.lines.into_text().as_bytes())
}

fn vulnerabilities(scan: &Scan) -> Vec<Vulnerability<'_>> {
    let found = scan.deepest().into_values();
    let found = found.map(|(entry, deepest)| Vulnerability {
        entry,
        findings: scan
            .findings
            .iter()
            .filter(|it| it.osv == entry.id)
            .collect(),
        reached: deepest.first().map_or(Tier::Module, |it| it.tier()),
    });
    found.collect()
}

impl Text {
    fn new(config: &Config, show: Show) -> Self {
        Self {
            lines: Lines::new(show.verbose),
            show,
            level: config.level,
        }
    }

    fn scan(&mut self, scan: &Scan) {
        if self.show.version {
            self.version(&scan.config);
        }
        if self.show.verbose {
            for message in PROGRESS {
                self.lines.total(message);
                self.lines.end();
            }
            for warning in &scan.warnings {
                self.lines.total(warning.trim_end_matches('\n'));
                self.lines.end();
                // One of them ends a line of its own.
                if warning.ends_with('\n') {
                    self.lines.end();
                }
            }
            self.sbom(scan);
        }
        if scan.findings.is_empty() {
            self.lines.total("No vulnerabilities found.");
            return;
        }
        let mut vulnerabilities = vulnerabilities(scan);
        // govulncheck begins with the newest.
        vulnerabilities.reverse();
        self.sections(&vulnerabilities);
        self.summary(&vulnerabilities);
    }

    fn version(&mut self, config: &Config) {
        self.styled(style::KEY, "Scanner: ");
        self.lines
            .total(format!("govulncheck@{}", config.scanner_version));
        self.styled(style::KEY, "DB: ");
        self.lines.total(&config.db);
        if let Some(modified) = &config.db_last_modified {
            self.styled(style::KEY, "DB updated: ");
            // As Go prints an instant.
            let modified = modified.replace('T', " ").replace('Z', " +0000 UTC");
            self.lines.total(modified);
        }
        self.lines.end();
    }

    fn sbom(&mut self, scan: &Scan) {
        let sbom = &scan.sbom;
        let lines = &mut self.lines;
        for root in &sbom.roots {
            lines.total("The package pattern matched the following root package:");
            lines.word("  ");
            lines.total(root);
        }
        let modules: Vec<_> = sbom.modules.iter().filter(|it| it.path != STDLIB).collect();
        if !modules.is_empty() {
            let (count, go) = (modules.len(), &sbom.go_version);
            lines.total(format!(
                "Govulncheck scanned the following {count} modules and the {go} standard library:"
            ));
        }
        for module in &modules {
            let version = match module.version.as_str() {
                "" => String::new(),
                version => format!("@{version}"),
            };
            lines.word("  ");
            lines.total(format!("{}{version}", module.path));
        }
        if !modules.is_empty() || !sbom.roots.is_empty() {
            lines.end();
        }
    }

    fn sections(&mut self, vulnerabilities: &[Vulnerability<'_>]) {
        for tier in Tier::WORST_FIRST {
            let (title, is_shown) = match tier {
                Tier::Symbol => ("Symbol", true),
                Tier::Package => ("Package", self.level == tier || self.show.verbose),
                Tier::Module => ("Module", self.level == tier || self.show.verbose),
            };
            if tier > self.level || !is_shown {
                continue;
            }
            self.styled(style::SECTION, format!("=== {title} Results ==="));
            self.lines.end();
            self.lines.end();
            let reached = vulnerabilities.iter().filter(|it| it.reached == tier);
            let mut number = 0usize;
            for vulnerability in reached {
                number = number.saturating_add(1);
                self.vulnerability(number, vulnerability);
            }
            let none = match (number, tier == self.level) {
                (0, true) => "No vulnerabilities found.",
                (0, false) => "No other vulnerabilities found.",
                _ => continue,
            };
            self.lines.total(none);
            self.lines.end();
        }
    }

    fn vulnerability(&mut self, number: usize, found: &Vulnerability<'_>) {
        self.styled(style::KEY, "Vulnerability");
        self.lines.value(format!(" #{number}: "));
        let style = match found.reached {
            Tier::Symbol => style::CALLED,
            _ => style::IMPORTED,
        };
        self.styled(style, &found.entry.id);
        self.lines.end();
        self.begin(style::DETAILS);
        for (number, line) in (0usize..).zip(wrapped("    ", found.entry.description())) {
            if number > 0 {
                self.lines.end();
            }
            self.lines.value(line);
        }
        self.begin(style::RESET);
        self.lines.end();
        self.styled(style::KEY, "  More info:");
        self.lines.total(format!(" {}", found.entry.url()));
        let mut modules: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &found.findings {
            let of_module = modules.entry(&finding.frame().module);
            of_module.or_default().push(finding);
        }
        for (index, (module, findings)) in modules.into_iter().enumerate() {
            if index > 0 {
                self.lines.end();
            }
            self.module(module, found.entry, &findings);
        }
        self.lines.end();
    }

    fn module(&mut self, module: &str, entry: &Entry, findings: &[&Finding]) {
        let Some(first) = findings.first() else {
            return;
        };
        let mut packages = findings.iter().map(|it| it.frame().package.as_str());
        let package = packages.find(|it| !it.is_empty());
        let path = match package {
            Some(package) if module == STDLIB => package,
            _ => module,
        };
        if module == STDLIB {
            self.lines.total("  Standard library");
        } else {
            self.lines.word("  ");
            self.styled(style::KEY, "Module: ");
            self.lines.total(module);
        }
        let at = |version: &str| format!("{path}@{}", shown_version(module, version));
        self.lines.word("    ");
        self.styled(style::KEY, "Found in: ");
        self.lines.total(at(&first.frame().version));
        self.lines.word("    ");
        self.styled(style::KEY, "Fixed in: ");
        match first.fixed.as_str() {
            "" => self.lines.total("N/A"),
            fixed => self.lines.total(at(fixed)),
        }
        let platforms = platforms(module, entry);
        if !platforms.is_empty() {
            self.styled(style::KEY, "    Platforms: ");
            self.lines.total(platforms.join(", "));
        }
        self.functions(findings);
    }

    fn functions(&mut self, findings: &[&Finding]) {
        let frames = findings.iter().map(|it| it.frame());
        let mut frames: Vec<&Frame> = frames.filter(|it| !it.function.is_empty()).collect();
        frames.sort_by_cached_key(|frame| symbol(frame, true));
        if !frames.is_empty() {
            // govulncheck ends the line before it ends the colour.
            self.begin(style::KEY);
            self.lines.total("    Vulnerable symbols found:");
            self.begin(style::RESET);
        }
        let all = self.show.traces;
        let most = if all { frames.len() } else { FUNCTIONS };
        for (number, frame) in (1usize..).zip(frames.iter().take(most)) {
            let symbol = symbol(frame, !all);
            self.lines.total(format!("      #{number}: {symbol}"));
        }
        let rest = frames.len().saturating_sub(most);
        if rest > 0 {
            self.lines.total(format!(
                "      Use '-show traces' to see the other {rest} found symbols"
            ));
        }
    }

    fn summary(&mut self, vulnerabilities: &[Vulnerability<'_>]) {
        let at = |tier: Tier| vulnerabilities.iter().filter(move |it| it.reached == tier);
        let count = |tier: Tier| at(tier).count();
        let affected = count(self.level);
        let verb = match self.level {
            Tier::Symbol => "is",
            _ => "may be",
        };
        self.lines.value(format!("Your code {verb} affected by "));
        self.styled(style::VALUE, affected);
        self.lines.word(" ");
        self.lines.word(vulnerability_word(affected));
        if self.level == Tier::Symbol {
            self.origins(at(Tier::Symbol));
        }
        self.lines.total(".");
        let (imported, required) = (count(Tier::Package), count(Tier::Module));
        let others = others(self.level, imported, required);
        for text in [others, self.suggestion()] {
            if !text.is_empty() {
                for line in wrapped("", &text) {
                    self.lines.total(line);
                }
            }
        }
    }

    /// ` from 2 modules and the Go standard library`
    fn origins<'v>(&mut self, called: impl Iterator<Item = &'v Vulnerability<'v>>) {
        let modules = called.filter_map(|it| it.findings.first());
        let modules: BTreeSet<&str> = modules.map(|it| it.frame().module.as_str()).collect();
        let calls_stdlib = modules.contains(STDLIB);
        let others = modules.len().saturating_sub(usize::from(calls_stdlib));
        if !modules.is_empty() {
            self.lines.word(" from ");
        }
        if others > 0 {
            self.styled(style::VALUE, others);
            self.lines
                .word(if others == 1 { " module" } else { " modules" });
        }
        self.lines.word(match (calls_stdlib, others > 0) {
            (true, true) => " and the Go standard library",
            (true, false) => "the Go standard library",
            (false, _) => "",
        });
    }

    fn suggestion(&self) -> String {
        let verbose = "'-show verbose' for more details";
        let symbol = "'-scan symbol' for more fine grained vulnerability detection";
        match (self.level, self.show.verbose) {
            (Tier::Symbol, true) => String::new(),
            (Tier::Symbol, false) => format!("Use {verbose}."),
            (Tier::Package, false) => format!("Use {symbol} and {verbose}."),
            (Tier::Package, true) | (Tier::Module, _) => format!("Use {symbol}."),
        }
    }

    fn styled(&mut self, style: &'static str, text: impl Display) {
        self.begin(style);
        self.lines.value(text);
        self.begin(style::RESET);
    }

    fn begin(&mut self, style: &'static str) {
        if self.show.color {
            self.lines.word(style);
        }
    }
}

fn others(level: Tier, imported: usize, required: usize) -> String {
    if imported.saturating_add(required) == 0 {
        let packages = match level {
            Tier::Symbol => "packages you import or ",
            _ => "",
        };
        return format!(
            "This scan found no other vulnerabilities in {packages}modules you require."
        );
    }
    let in_modules = format!(
        "{required} {} in modules you require",
        vulnerability_word(required)
    );
    match level {
        Tier::Symbol => format!(
            "This scan also found {imported} {} in packages you import and {in_modules}, but your \
             code doesn't appear to call these vulnerabilities.",
            vulnerability_word(imported)
        ),
        Tier::Package => format!("This scan also found {in_modules}."),
        Tier::Module => String::new(),
    }
}

fn vulnerability_word(count: usize) -> &'static str {
    match count {
        1 => "vulnerability",
        _ => "vulnerabilities",
    }
}
