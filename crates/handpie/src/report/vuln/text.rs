//! The report for people: of each program what to do, then the advisories that count, then what
//! limits the answer.

use std::io::{self, Write};

use handpie_vuln::{AffectedModule, Basis, Ecosystem, Function, Tier, Triage, Upgrade, Verdict};

use super::{Renderer, Show, State, Summary};
use crate::binaries::Unread;
use crate::report::db::aged;
use crate::report::{Lines, count};

pub(super) struct Text {
    verbose: bool,
    state: State,
}

/// Columns of what to do and of ids.
const COLUMN: usize = 16;

impl Text {
    pub(super) fn new(verbose: bool, state: State) -> Self {
        Self { verbose, state }
    }

    fn shows(&self, verdict: &Verdict<'_>) -> bool {
        let spared = verdict.counts && !verdict.vex.is_empty();
        let named = verdict.suppressed.is_some() || spared;
        verdict.fails || named || self.state.show == Show::All
    }

    fn shows_evidence(&self) -> bool {
        self.verbose || self.state.show != Show::Counting
    }

    fn verdict(&self, lines: &mut Lines, verdict: &Verdict<'_>) {
        let advisory = &verdict.matched.advisory;
        let aliases = verdict.matched.aliases();
        let mut title = advisory.summary().to_owned();
        if !aliases.is_empty() {
            title = format!("{title} ({})", aliases.join(", "));
        }
        lines.entry(COLUMN, advisory.id(), &title);
        for module in &verdict.matched.modules {
            lines.entry(COLUMN, "", &about(module));
            if self.shows_evidence() {
                evidence(lines, module);
            }
        }
        if let Some(informational) = verdict.matched.informational() {
            lines.entry(COLUMN, "", &format!("no vulnerability: {informational}"));
        }
        if let Some(suppressed) = &verdict.suppressed {
            let text = match suppressed.expired {
                true => format!("the [[vuln]] for it expired on {}", suppressed.until),
                false => format!("accepted until {}: {}", suppressed.until, suppressed.reason),
            };
            lines.entry(COLUMN, "", &text);
        }
        for statement in &verdict.vex {
            lines.entry(COLUMN, "", &statement.to_string());
        }
        if self.shows_evidence() && !advisory.url().is_empty() {
            lines.entry(COLUMN, "", advisory.url());
        }
    }
}

impl Renderer<Triage<'_>, Summary> for Text {
    fn binary(&mut self, out: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        let subject = format!("{}: {}", triage.title, made_with(triage));
        match triage.fails() || triage.matched_count == 0 {
            true => lines.bad(&subject, counts(triage)),
            false => lines.good(&subject, counts(triage)),
        }
        if !triage.upgrades.is_empty() {
            lines.line("fix");
        }
        for step in &triage.upgrades {
            lines.entry(0, "", &upgrade(step));
        }
        for tier in Tier::WORST_FIRST {
            let verdicts = triage.verdicts.iter().filter(|it| it.matched.tier == tier);
            let mut verdicts = verdicts.filter(|it| self.shows(it)).peekable();
            if verdicts.peek().is_some() {
                lines.line(heading(tier, &triage.record.crates.is_some()));
            }
            for verdict in verdicts {
                self.verdict(&mut lines, verdict);
            }
        }
        if !triage.caveats.is_empty() {
            lines.line("caveats");
        }
        for caveat in &triage.caveats {
            lines.entry(0, "", &caveat.to_string());
        }
        out.write_all(lines.into_text().as_bytes())
    }

    fn unread(&mut self, out: &mut dyn Write, unread: &Unread) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        let message = format!("unreadable: {}", unread.message);
        lines.bad(&unread.name, message);
        for hint in &unread.hints {
            lines.line(format!("hint: {hint}"));
        }
        out.write_all(lines.into_text().as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        if summary.files + summary.passed_over > 1 {
            lines.total(summary);
        }
        let State {
            name,
            advisories,
            age,
            ..
        } = &self.state;
        lines.total(format!(
            "database: {}, {} ({name})",
            count(*advisories, "advisory"),
            age.map_or("of unknown age".to_owned(), |_| aged(*age) + " old")
        ));
        out.write_all(lines.into_text().as_bytes())
    }
}

fn made_with(triage: &Triage<'_>) -> String {
    let modules = triage.module_count;
    if triage.record.crates.is_some() {
        return format!("Rust, {}", count(modules, "crate"));
    }
    let version = triage
        .record
        .go
        .as_deref()
        .unwrap_or("of an unknown version");
    let version = version.strip_prefix("go").unwrap_or(version);
    format!("Go {version}, {}", count(modules, "module"))
}

/// `2 counting; 3 symbol, 0 package, 5 module`, where what does not count is named, too.
fn counts(triage: &Triage<'_>) -> String {
    if triage.matched_count == 0 {
        return "nothing in it could be matched".to_owned();
    }
    if triage.verdicts.is_empty() {
        return "no known vulnerability".to_owned();
    }
    let counting = triage.verdicts.iter().filter(|it| it.fails).count();
    let tiers = Tier::WORST_FIRST.iter().filter_map(|tier| {
        let count = triage
            .verdicts
            .iter()
            .filter(|it| it.matched.tier == *tier)
            .count();
        (count > 0).then(|| format!("{count} {}", tier.name()))
    });
    let tiers: Vec<String> = tiers.collect();
    let advisories = triage.verdicts.len();
    let verb = match (counting, advisories) {
        (1, _) | (_, 1) => "counts",
        _ => "count",
    };
    let of_all = count(advisories, "advisory");
    format!("{counting} of {of_all} {verb} ({})", tiers.join(", "))
}

fn heading(tier: Tier, is_rust: &bool) -> &'static str {
    match (tier, is_rust) {
        (Tier::Symbol, _) => "symbol linked",
        (Tier::Package, _) => "package linked, symbols not",
        (Tier::Module, true) => "crate in it",
        (Tier::Module, false) => "module in it, packages not linked",
    }
}

fn upgrade(step: &Upgrade) -> String {
    let ids = step.advisories.join(", ");
    let what = match (step.ecosystem, step.module.as_str()) {
        (Ecosystem::Go, "stdlib") => "Go",
        (_, module) => module,
    };
    match &step.to {
        Some(to) => format!("upgrade {what} from {} to {to}: {ids}", step.version),
        None => format!(
            "no version of {what} (here {}) is fixed: {ids}",
            step.version
        ),
    }
}

fn about(module: &AffectedModule) -> String {
    let fixed = match &module.fixed {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "not fixed".to_owned(),
    };
    let mut text = format!("{} {}, {fixed}", module.name, module.version);
    if let Some(replaces) = &module.replaces {
        text = format!("{text}, in place of {replaces}");
    }
    let note = match (module.ecosystem, module.basis) {
        (Ecosystem::CratesIo, _) | (_, Basis::Symbols) => "",
        (_, Basis::Packages) => "; no symbol data: its packages are linked",
        (_, Basis::Module) if module.tier == Tier::Symbol => {
            "; no symbol data: something of the module is linked"
        }
        (_, Basis::Module) => "; no symbol data",
        (_, Basis::Unseen) => "; what is linked cannot be seen",
    };
    let doubt = match module.version_doubt {
        Some(doubt) => format!("; which versions are affected is not sure: {doubt}"),
        None => String::new(),
    };
    format!("{text}{note}{doubt}")
}

fn evidence(lines: &mut Lines, module: &AffectedModule) {
    for ((package, symbol), function) in &module.symbols {
        let text = match function {
            Some(function) => format!("{}: {}", function.offset, function.name),
            None => format!("{package}.{symbol}"),
        };
        lines.entry(COLUMN, "", &text);
        if let Some(whereabouts) = function.as_ref().and_then(Function::whereabouts) {
            lines.entry(COLUMN + 2, "", &whereabouts);
        }
    }
    if module.symbols.is_empty() {
        for package in &module.packages {
            lines.entry(COLUMN, "", &format!("package {package}"));
        }
    }
}
