//! The report for people: of each program what to do, then the advisories that count, then what
//! limits the answer.

use std::io::{self, Write};

use handpie_vuln::{
    AffectedModule, Basis, Caveat, Ecosystem, Function, Tier, Triage, UnclearVersion, Upgrade,
    Verdict,
};

use super::{Renderer, Show, State, Summary};
use crate::binaries::Unread;
use crate::report::db::aged;
use crate::report::{Lines, count};

pub(super) struct Text {
    verbose: bool,
    state: State,
}

/// Columns of ids: so many at least, and at most.
const COLUMN: usize = 16;
const WIDE_COLUMN: usize = 24;

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

    fn verdict(&self, lines: &mut Lines, column: usize, verdict: &Verdict<'_>) {
        let advisory = &verdict.matched.advisory;
        let aliases = verdict.matched.aliases();
        let mut title = advisory.summary().to_owned();
        if !aliases.is_empty() {
            title = format!("{title} ({})", aliases.join(", "));
        }
        lines.entry(column, advisory.id(), &title);
        for module in &verdict.matched.modules {
            lines.entry(column, "", &about(module));
            if self.shows_evidence() {
                evidence(lines, column, module);
            }
        }
        if let Some(informational) = verdict.matched.informational() {
            lines.entry(column, "", &format!("no vulnerability: {informational}"));
        }
        if let Some(suppressed) = &verdict.suppressed {
            let text = match suppressed.expired {
                true => format!("the [[vuln]] for it expired on {}", suppressed.until),
                false => format!("accepted until {}: {}", suppressed.until, suppressed.reason),
            };
            lines.entry(column, "", &text);
        }
        for statement in &verdict.vex {
            lines.entry(column, "", &statement.to_string());
        }
        if self.shows_evidence() && !advisory.url().is_empty() {
            lines.entry(column, "", advisory.url());
        }
    }
}

impl Renderer<Triage<'_>, Summary> for Text {
    fn binary(&mut self, out: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        let subject = format!("{}: {}", triage.title, made_with(triage));
        match triage.fails() || triage.is_incomplete() {
            true => lines.bad(&subject, counts(triage)),
            false => lines.good(&subject, counts(triage)),
        }
        if !triage.upgrades.is_empty() {
            lines.line("fix");
        }
        for step in &triage.upgrades {
            lines.entry(0, "", &upgrade(step));
        }
        let shown = || triage.verdicts.iter().filter(|it| self.shows(it));
        let widths = shown().map(|it| it.matched.advisory.id().chars().count().saturating_add(1));
        let column = widths.max().unwrap_or(COLUMN).clamp(COLUMN, WIDE_COLUMN);
        for section in Section::ALL {
            let mut verdicts = shown().filter(|it| Section::of(it) == section).peekable();
            if verdicts.peek().is_some() {
                lines.line(section.heading());
            }
            for verdict in verdicts {
                self.verdict(&mut lines, column, verdict);
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
            aged(*age)
        ));
        out.write_all(lines.into_text().as_bytes())
    }
}

fn made_with(triage: &Triage<'_>) -> String {
    let modules = triage.module_count;
    if triage.record.crates.is_some() {
        return format!("Rust, {}", count(modules, "crate"));
    }
    let mut caveats = triage.caveats.iter();
    let modules = match caveats.any(Caveat::is_missing_list) {
        true => "no module list".to_owned(),
        false => count(modules, "module"),
    };
    let version = triage
        .record
        .go
        .as_deref()
        .unwrap_or("of an unknown version");
    let version = version.strip_prefix("go").unwrap_or(version);
    format!("Go {version}, {modules}")
}

/// What was not matched comes first: nobody should read on after "no known vulnerability".
fn counts(triage: &Triage<'_>) -> String {
    match (triage.gap(), triage.verdicts.is_empty()) {
        (None, true) => "no known vulnerability".to_owned(),
        (None, false) => counting(triage),
        (Some(gap), true) if triage.matched_count == 0 => gap,
        (Some(gap), true) => format!("{gap}; no known vulnerability in the rest"),
        (Some(gap), false) => format!("{gap}; {}", counting(triage)),
    }
}

/// `2 of 8 advisories count (3 symbol, 5 module)`, where what does not count is named, too.
fn counting(triage: &Triage<'_>) -> String {
    let counting = triage.verdicts.iter().filter(|it| it.fails).count();
    let of = |tier: &dyn Fn(&Verdict<'_>) -> bool, name: &str| {
        let count = triage.verdicts.iter().filter(|it| tier(it)).count();
        (count > 0).then(|| format!("{count} {name}"))
    };
    let tiers = [
        of(&|it| Section::of(it) == Section::Symbol, "symbol"),
        of(&|it| Section::of(it).is_unsure(), "not ruled out"),
        of(&|it| it.matched.tier == Tier::Package, "package"),
        of(&|it| it.matched.tier == Tier::Module, "module"),
    ];
    let tiers: Vec<String> = tiers.into_iter().flatten().collect();
    let advisories = triage.verdicts.len();
    let verb = match (counting, advisories) {
        (1, _) | (_, 1) => "counts",
        _ => "count",
    };
    let of_all = count(advisories, "advisory");
    format!("{counting} of {of_all} {verb} ({})", tiers.join(", "))
}

/// What an advisory stands below.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Symbol,
    UnknownVersion,
    Unseen,
    Package,
    Module,
}

impl Section {
    const ALL: [Self; 5] = [
        Self::Symbol,
        Self::UnknownVersion,
        Self::Unseen,
        Self::Package,
        Self::Module,
    ];

    fn of(verdict: &Verdict<'_>) -> Self {
        let matched = &verdict.matched;
        let worst = || matched.modules.iter().filter(|it| it.tier == matched.tier);
        match matched.tier {
            Tier::Package => Self::Package,
            Tier::Module => Self::Module,
            Tier::Symbol if worst().any(|it| !it.is_unsure()) => Self::Symbol,
            Tier::Symbol if worst().any(|it| it.basis != Basis::Unseen) => Self::UnknownVersion,
            Tier::Symbol => Self::Unseen,
        }
    }

    fn is_unsure(self) -> bool {
        matches!(self, Self::UnknownVersion | Self::Unseen)
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Symbol => "symbol linked",
            Self::UnknownVersion => "linked, version unknown",
            Self::Unseen => "not ruled out: what is linked cannot be told",
            Self::Package => "package linked, symbols not",
            Self::Module => "module in it, packages not linked",
        }
    }
}

fn upgrade(step: &Upgrade) -> String {
    let ids = step.advisories.join(", ");
    let what = match (step.ecosystem, step.module.as_str()) {
        (Ecosystem::Go, "stdlib") => "Go",
        (_, module) => module,
    };
    let version = &step.version;
    match (&step.fixed, &step.unclear_version) {
        (Some(fixed), Some(UnclearVersion::Unknown)) => {
            format!("{what}, version unknown: fixed in {fixed}: {ids}")
        }
        (None, Some(UnclearVersion::Unknown)) => {
            format!("no version of {what} (here unknown) is fixed: {ids}")
        }
        (Some(fixed), Some(UnclearVersion::Commit(day))) => format!(
            "find out whether {what} {version}, a commit of {day}, has the fix of {fixed}: {ids}"
        ),
        (Some(fixed), _) => format!("upgrade {what} from {version} to {fixed}: {ids}"),
        (None, _) => format!("no version of {what} (here {version}) is fixed: {ids}"),
    }
}

fn about(module: &AffectedModule) -> String {
    let fixed = match &module.fixed {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "not fixed".to_owned(),
    };
    let name = &module.name;
    let mut text = match &module.unclear_version {
        Some(UnclearVersion::Unknown) => format!("{name}, version unknown, {fixed}"),
        Some(UnclearVersion::Nearest(near)) => {
            format!("{name} {} (treated as {near}), {fixed}", module.version)
        }
        Some(UnclearVersion::Commit(day)) => format!(
            "{name} {}, {fixed}; the commit of {day} is newer than the advisory and may have the fix",
            module.version
        ),
        None => format!("{name} {}, {fixed}", module.version),
    };
    if let Some(replaces) = &module.replaces {
        text = format!("{text}, in place of {replaces}");
    }
    let note = match (module.ecosystem, module.basis) {
        (_, Basis::Symbols) => "",
        (Ecosystem::CratesIo, Basis::Unseen) if module.functions.is_empty() => "",
        (Ecosystem::CratesIo, Basis::Unseen) => {
            "; no symbol shows the functions that it names, which does not rule them out"
        }
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

fn evidence(lines: &mut Lines, column: usize, module: &AffectedModule) {
    for ((package, symbol), function) in &module.symbols {
        let text = match function {
            Some(Function {
                offset: Some(offset),
                name,
                ..
            }) => format!("{offset}: {name}"),
            Some(function) => function.name.clone(),
            None => format!("{package}.{symbol}"),
        };
        lines.entry(column, "", &text);
        if let Some(whereabouts) = function.as_ref().and_then(Function::whereabouts) {
            lines.entry(column + 2, "", &whereabouts);
        }
    }
    if module.symbols.is_empty() {
        for package in &module.packages {
            lines.entry(column, "", &format!("package {package}"));
        }
    }
}
