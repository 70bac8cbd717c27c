//! Text for people: internal/scan/text.go and template.go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use handpie_vuln::Tier;

use super::json::PROGRESS;
use super::spelling::{platforms, shown_version, symbol, wrapped};
use super::{Show, deepest};
use crate::report::text::harmless;
use handpie_vuln::govulncheck::{Config, Entry, Finding, Frame, STDLIB, Scan};

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

struct Text<'a> {
    out: &'a mut dyn Write,
    show: Show,
    level: Tier,
}

pub(super) fn write(out: &mut dyn Write, scan: &Scan, show: Show) -> io::Result<()> {
    if show.version {
        version(out, &scan.config, show)?;
    }
    if show.verbose {
        for message in PROGRESS {
            write!(out, "{message}\n\n")?;
        }
        for warning in &scan.warnings {
            // One of them ends a line of its own.
            let (text, end) = match warning.strip_suffix('\n') {
                Some(text) => (text, "\n"),
                None => (warning.as_str(), ""),
            };
            write!(out, "{}{end}\n\n", harmless(text))?;
        }
        sbom(out, scan)?;
    }
    if scan.findings.is_empty() {
        return writeln!(out, "No vulnerabilities found.");
    }
    let mut text = Text {
        out,
        show,
        level: scan.config.level,
    };
    let mut vulnerabilities = vulnerabilities(scan);
    // govulncheck begins with the newest.
    vulnerabilities.reverse();
    text.sections(&vulnerabilities)?;
    text.summary(&vulnerabilities)
}

/// Which scanner this is, with which database.
pub(super) fn version(out: &mut dyn Write, config: &Config, show: Show) -> io::Result<()> {
    let mut text = Text {
        out,
        show,
        level: config.level,
    };
    text.styled(style::KEY, "Scanner: ")?;
    writeln!(text.out, "govulncheck@{}", config.scanner_version)?;
    text.styled(style::KEY, "DB: ")?;
    writeln!(text.out, "{}", harmless(&config.db))?;
    if let Some(modified) = &config.db_last_modified {
        text.styled(style::KEY, "DB updated: ")?;
        // As Go prints an instant.
        let modified = modified.replace('T', " ").replace('Z', " +0000 UTC");
        writeln!(text.out, "{}", harmless(&modified))?;
    }
    writeln!(text.out)
}

fn sbom(out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
    let sbom = &scan.sbom;
    for root in &sbom.roots {
        let root = harmless(root);
        writeln!(
            out,
            "The package pattern matched the following root package:\n  {root}"
        )?;
    }
    let modules: Vec<_> = sbom.modules.iter().filter(|it| it.path != STDLIB).collect();
    if !modules.is_empty() {
        let (count, go) = (modules.len(), harmless(&sbom.go_version));
        writeln!(
            out,
            "Govulncheck scanned the following {count} modules and the {go} standard library:"
        )?;
    }
    for module in &modules {
        let version = match module.version.as_str() {
            "" => String::new(),
            version => format!("@{version}"),
        };
        writeln!(out, "  {}", harmless(&format!("{}{version}", module.path)))?;
    }
    match modules.is_empty() && sbom.roots.is_empty() {
        true => Ok(()),
        false => writeln!(out),
    }
}

fn vulnerabilities(scan: &Scan) -> Vec<Vulnerability<'_>> {
    let found = deepest(scan).into_values();
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

impl Text<'_> {
    fn sections(&mut self, vulnerabilities: &[Vulnerability<'_>]) -> io::Result<()> {
        for tier in Tier::WORST_FIRST {
            let (title, is_shown) = match tier {
                Tier::Symbol => ("Symbol", true),
                Tier::Package => ("Package", self.level == tier || self.show.verbose),
                Tier::Module => ("Module", self.level == tier || self.show.verbose),
            };
            if tier > self.level || !is_shown {
                continue;
            }
            self.styled(style::SECTION, &format!("=== {title} Results ===\n\n"))?;
            let mut reached = vulnerabilities.iter().filter(|it| it.reached == tier);
            let mut number = 0usize;
            reached.try_for_each(|vulnerability| {
                number = number.saturating_add(1);
                self.vulnerability(number, vulnerability)
            })?;
            match (number, tier == self.level) {
                (0, true) => write!(self.out, "No vulnerabilities found.\n\n")?,
                (0, false) => write!(self.out, "No other vulnerabilities found.\n\n")?,
                _ => {}
            }
        }
        Ok(())
    }

    fn vulnerability(&mut self, number: usize, found: &Vulnerability<'_>) -> io::Result<()> {
        self.styled(style::KEY, "Vulnerability")?;
        write!(self.out, " #{number}: ")?;
        let style = match found.reached {
            Tier::Symbol => style::CALLED,
            _ => style::IMPORTED,
        };
        self.styled(style, &harmless(&found.entry.id))?;
        writeln!(self.out)?;
        let description = wrapped("    ", found.entry.description());
        match self.show.color {
            true => writeln!(self.out, "{}{description}{}", style::DETAILS, style::RESET)?,
            false => writeln!(self.out, "{description}")?,
        }
        self.styled(style::KEY, "  More info:")?;
        writeln!(self.out, " {}", harmless(found.entry.url()))?;
        let mut modules: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &found.findings {
            let of_module = modules.entry(&finding.frame().module);
            of_module.or_default().push(finding);
        }
        for (index, (module, findings)) in modules.into_iter().enumerate() {
            if index > 0 {
                writeln!(self.out)?;
            }
            self.module(module, found.entry, &findings)?;
        }
        writeln!(self.out)
    }

    fn module(&mut self, module: &str, entry: &Entry, findings: &[&Finding]) -> io::Result<()> {
        let Some(first) = findings.first() else {
            return Ok(());
        };
        let mut packages = findings.iter().map(|it| it.frame().package.as_str());
        let package = packages.find(|it| !it.is_empty());
        let path = match package {
            Some(package) if module == STDLIB => package,
            _ => module,
        };
        if module == STDLIB {
            write!(self.out, "  Standard library\n    ")?;
        } else {
            write!(self.out, "  ")?;
            self.styled(style::KEY, "Module: ")?;
            write!(self.out, "{}\n    ", harmless(module))?;
        }
        let at = |version: &str| {
            let text = format!("{path}@{}", shown_version(module, version));
            harmless(&text).into_owned()
        };
        self.styled(style::KEY, "Found in: ")?;
        write!(self.out, "{}\n    ", at(&first.frame().version))?;
        self.styled(style::KEY, "Fixed in: ")?;
        match first.fixed.as_str() {
            "" => writeln!(self.out, "N/A")?,
            fixed => writeln!(self.out, "{}", at(fixed))?,
        }
        let platforms = platforms(module, entry);
        if !platforms.is_empty() {
            self.styled(style::KEY, "    Platforms: ")?;
            writeln!(self.out, "{}", harmless(&platforms.join(", ")))?;
        }
        self.functions(findings)
    }

    fn functions(&mut self, findings: &[&Finding]) -> io::Result<()> {
        let frames = findings.iter().map(|it| it.frame());
        let mut frames: Vec<&Frame> = frames.filter(|it| !it.function.is_empty()).collect();
        frames.sort_by_cached_key(|frame| symbol(frame, true));
        if !frames.is_empty() {
            self.styled(style::KEY, "    Vulnerable symbols found:\n")?;
        }
        let all = self.show.traces;
        let most = if all { frames.len() } else { FUNCTIONS };
        for (number, frame) in (1usize..).zip(frames.iter().take(most)) {
            let symbol = symbol(frame, !all);
            let symbol = harmless(&symbol);
            writeln!(self.out, "      #{number}: {symbol}")?;
        }
        match frames.len().saturating_sub(most) {
            0 => Ok(()),
            rest => writeln!(
                self.out,
                "      Use '-show traces' to see the other {rest} found symbols"
            ),
        }
    }

    fn summary(&mut self, vulnerabilities: &[Vulnerability<'_>]) -> io::Result<()> {
        let at = |tier: Tier| vulnerabilities.iter().filter(move |it| it.reached == tier);
        let count = |tier: Tier| at(tier).count();
        let affected = count(self.level);
        let verb = match self.level {
            Tier::Symbol => "is",
            _ => "may be",
        };
        write!(self.out, "Your code {verb} affected by ")?;
        self.styled(style::VALUE, &affected.to_string())?;
        write!(self.out, " {}", vulnerability_word(affected))?;
        if self.level == Tier::Symbol {
            self.origins(at(Tier::Symbol))?;
        }
        writeln!(self.out, ".")?;
        let (imported, required) = (count(Tier::Package), count(Tier::Module));
        let others = others(self.level, imported, required);
        for text in [others, self.suggestion()] {
            if !text.is_empty() {
                writeln!(self.out, "{}", wrapped("", &text))?;
            }
        }
        Ok(())
    }

    /// ` from 2 modules and the Go standard library`
    fn origins<'v>(
        &mut self,
        called: impl Iterator<Item = &'v Vulnerability<'v>>,
    ) -> io::Result<()> {
        let modules = called.filter_map(|it| it.findings.first());
        let modules: BTreeSet<&str> = modules.map(|it| it.frame().module.as_str()).collect();
        let calls_stdlib = modules.contains(STDLIB);
        let others = modules.len().saturating_sub(usize::from(calls_stdlib));
        if !modules.is_empty() {
            write!(self.out, " from ")?;
        }
        if others > 0 {
            self.styled(style::VALUE, &others.to_string())?;
            write!(
                self.out,
                " {}",
                if others == 1 { "module" } else { "modules" }
            )?;
        }
        match (calls_stdlib, others > 0) {
            (true, true) => write!(self.out, " and the Go standard library"),
            (true, false) => write!(self.out, "the Go standard library"),
            (false, _) => Ok(()),
        }
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

    fn styled(&mut self, style: &str, text: &str) -> io::Result<()> {
        match self.show.color {
            true => write!(self.out, "{style}{text}{}", style::RESET),
            false => write!(self.out, "{text}"),
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
