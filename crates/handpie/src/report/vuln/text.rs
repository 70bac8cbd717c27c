//! The report for people: of each program what to do, then the advisories that count, then what
//! limits the answer.

use std::io::{self, Write};

use handpie_audit::vuln::{Basis, Ecosystem, Hit, Step, Tier};

use super::place::whereabouts;
use super::{Judged, Sheet, Show, State, Summary, Unread, Verdict};
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
        let advisory = &verdict.row.advisory;
        let aliases: Vec<&str> = advisory.aliases().collect();
        let mut title = advisory.summary().to_owned();
        if !aliases.is_empty() {
            title = format!("{title} ({})", aliases.join(", "));
        }
        lines.entry(COLUMN, advisory.id(), &title);
        for hit in &verdict.row.hits {
            lines.entry(COLUMN, "", &about(hit));
            if self.shows_evidence() {
                evidence(lines, hit);
            }
        }
        if let Some(informational) = advisory.informational() {
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

impl Sheet for Text {
    fn judged(&mut self, out: &mut dyn Write, judged: &Judged<'_>) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        let subject = format!("{}: {}", judged.title, made_with(judged));
        match judged.fails() || judged.matched_count == 0 {
            true => lines.bad(&subject, counts(judged)),
            false => lines.good(&subject, counts(judged)),
        }
        if !judged.steps.is_empty() {
            lines.line("fix");
        }
        for step in &judged.steps {
            lines.entry(0, "", &to_do(step));
        }
        for tier in Tier::WORST_FIRST {
            let verdicts = judged.verdicts.iter().filter(|it| it.row.tier == tier);
            let mut verdicts = verdicts.filter(|it| self.shows(it)).peekable();
            if verdicts.peek().is_some() {
                lines.line(heading(tier, &judged.record.crates.is_some()));
            }
            for verdict in verdicts {
                self.verdict(&mut lines, verdict);
            }
        }
        if !judged.doubts.is_empty() {
            lines.line("caveats");
        }
        for doubt in &judged.doubts {
            lines.entry(0, "", &doubt.to_string());
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
            count(*advisories, "advisory", "advisories"),
            age.map_or("of unknown age".to_owned(), |_| aged(*age) + " old")
        ));
        out.write_all(lines.into_text().as_bytes())
    }
}

fn made_with(judged: &Judged<'_>) -> String {
    let modules = judged.module_count;
    if judged.record.crates.is_some() {
        return format!("Rust, {}", count(modules, "crate", "crates"));
    }
    let version = judged
        .record
        .go
        .as_deref()
        .unwrap_or("of an unknown version");
    let version = version.strip_prefix("go").unwrap_or(version);
    format!("Go {version}, {}", count(modules, "module", "modules"))
}

/// `2 counting; 3 symbol, 0 package, 5 module`, where what does not count is named, too.
fn counts(judged: &Judged<'_>) -> String {
    if judged.matched_count == 0 {
        return "nothing in it could be matched".to_owned();
    }
    if judged.verdicts.is_empty() {
        return "no known vulnerability".to_owned();
    }
    let counting = judged.verdicts.iter().filter(|it| it.fails).count();
    let tiers = Tier::WORST_FIRST.iter().filter_map(|tier| {
        let count = judged
            .verdicts
            .iter()
            .filter(|it| it.row.tier == *tier)
            .count();
        (count > 0).then(|| format!("{count} {}", tier.name()))
    });
    let tiers: Vec<String> = tiers.collect();
    let advisories = judged.verdicts.len();
    let of_all = match advisories {
        1 => "of 1 advisory counts".to_owned(),
        _ => format!("of {advisories} advisories count"),
    };
    format!("{counting} {of_all} ({})", tiers.join(", "))
}

fn heading(tier: Tier, is_rust: &bool) -> &'static str {
    match (tier, is_rust) {
        (Tier::Symbol, _) => "symbol linked",
        (Tier::Package, _) => "package linked, symbols not",
        (Tier::Module, true) => "crate in it",
        (Tier::Module, false) => "module in it, packages not linked",
    }
}

fn to_do(step: &Step) -> String {
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

fn about(hit: &Hit) -> String {
    let fixed = match &hit.fixed {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "not fixed".to_owned(),
    };
    let mut text = format!("{} {}, {fixed}", hit.module, hit.version);
    if let Some(replaces) = &hit.replaces {
        text = format!("{text}, in place of {replaces}");
    }
    let note = match (hit.ecosystem, hit.basis) {
        (Ecosystem::CratesIo, _) | (_, Basis::Symbols) => "",
        (_, Basis::Packages) => "; no symbol data: its packages are linked",
        (_, Basis::Module) if hit.tier == Tier::Symbol => {
            "; no symbol data: something of the module is linked"
        }
        (_, Basis::Module) => "; no symbol data",
        (_, Basis::Unseen) => "; what is linked cannot be seen",
    };
    let guessed = match hit.guessed_versions {
        true => "; which versions are affected is not sure",
        false => "",
    };
    format!("{text}{note}{guessed}")
}

fn evidence(lines: &mut Lines, hit: &Hit) {
    for ((package, symbol), function) in &hit.symbols {
        let text = match function {
            Some(function) => format!("{}: {}", function.offset, function.name),
            None => format!("{package}.{symbol}"),
        };
        lines.entry(COLUMN, "", &text);
        if let Some(whereabouts) = function.as_ref().and_then(whereabouts) {
            lines.entry(COLUMN + 2, "", &whereabouts);
        }
    }
    if hit.symbols.is_empty() {
        for package in &hit.packages {
            lines.entry(COLUMN, "", &format!("package {package}"));
        }
    }
}
