//! The report for programs, as docs/json.md describes it.

use std::io::{self, Write};

use handpie_audit::Suppressed;
use handpie_vuln::{
    AffectedModule, Basis, Function, Inlined, LinkedFunction, Location, Statement, Tier, Triage,
    UnclearVersion, Upgrade, Verdict, VersionDoubt,
};
use serde::Serialize;
use serde_json::json;

use super::{Renderer, State, Summary};
use crate::binaries::Unread;
use crate::report::SCHEMA;
use crate::report::json::Items;

pub(super) struct Json {
    state: State,
    files: Items,
    unread: Vec<serde_json::Value>,
}

impl Json {
    pub(super) fn new(state: State) -> Self {
        Self {
            state,
            files: Items::at_depth(3),
            unread: Vec::new(),
        }
    }
}

#[derive(Serialize)]
struct Advisory<'a> {
    affected: Vec<Affected<'a>>,
    aliases: Vec<&'a str>,
    fails: bool,
    id: &'a str,
    informational: Option<&'a str>,
    modified: &'a str,
    reviewed: bool,
    severity: Option<&'a str>,
    summary: &'a str,
    suppressed: Option<&'a Suppressed>,
    tier: Tier,
    url: &'a str,
    vex: &'a [&'a Statement],
}

#[derive(Serialize)]
struct Affected<'a> {
    basis: Basis,
    ecosystem: &'static str,
    fixed: Option<&'a str>,
    guessed_versions: bool,
    module: &'a str,
    packages: Vec<&'a str>,
    replaces: Option<&'a str>,
    symbols: Vec<Symbol<'a>>,
    tier: Tier,
    unclear_version: Option<&'a str>,
    version: &'a str,
    version_doubt: Option<VersionDoubt>,
}

#[derive(Serialize)]
struct Symbol<'a> {
    function: Option<&'a str>,
    offset: Option<u64>,
    package: &'a str,
    place: Option<Located<'a>>,
    symbol: &'a str,
}

#[derive(Serialize)]
struct Located<'a> {
    inlined: Option<Hosts<'a>>,
    linked: Option<Linked<'a>>,
}

#[derive(Serialize)]
struct Hosts<'a> {
    count: u64,
    into: &'a [String],
}

#[derive(Serialize)]
struct Linked<'a> {
    address: Option<u64>,
    function: &'a str,
}

#[derive(Serialize)]
struct ToDo<'a> {
    advisories: &'a [String],
    ecosystem: &'static str,
    fixed: Option<&'a str>,
    module: &'a str,
    tier: Tier,
    to: Option<&'a str>,
    unclear_version: Option<&'a str>,
    version: &'a str,
}

impl<'a> Advisory<'a> {
    fn of(verdict: &'a Verdict<'_>) -> Self {
        let advisory = &verdict.matched.advisory;
        Self {
            affected: verdict.matched.modules.iter().map(Affected::of).collect(),
            aliases: verdict.matched.aliases(),
            fails: verdict.fails,
            id: advisory.id(),
            informational: verdict.matched.informational(),
            modified: advisory.modified(),
            reviewed: advisory.is_reviewed(),
            severity: Some(advisory.severity()).filter(|text| !text.is_empty()),
            summary: advisory.summary(),
            suppressed: verdict.suppressed.as_ref(),
            tier: verdict.matched.tier,
            url: advisory.url(),
            vex: &verdict.vex,
        }
    }
}

impl<'a> Affected<'a> {
    fn of(module: &'a AffectedModule) -> Self {
        let symbols = module
            .symbols
            .iter()
            .map(|((package, symbol), function)| Symbol {
                function: function.as_ref().map(|it| it.name.as_str()),
                offset: function.as_ref().and_then(|it| it.offset).map(|it| it.0),
                package,
                place: function.as_ref().and_then(Located::of),
                symbol,
            });
        Self {
            basis: module.basis,
            ecosystem: module.ecosystem.name(),
            fixed: module.fixed.as_deref(),
            guessed_versions: module.version_doubt.is_some(),
            module: &module.name,
            packages: module.packages.iter().map(String::as_str).collect(),
            replaces: module.replaces.as_deref(),
            symbols: symbols.collect(),
            tier: module.tier,
            unclear_version: module.unclear_version.as_ref().map(UnclearVersion::name),
            version: &module.version,
            version_doubt: module.version_doubt,
        }
    }
}

impl<'a> Located<'a> {
    fn of(function: &'a Function) -> Option<Self> {
        let Location { inlined, linked } = function.location.as_ref()?;
        Some(Self {
            inlined: inlined.as_ref().map(|Inlined { count, into }| Hosts {
                count: *count,
                into,
            }),
            linked: linked
                .as_ref()
                .map(|LinkedFunction { address, function }| Linked {
                    address: address.map(|it| it.0),
                    function,
                }),
        })
    }
}

impl<'a> ToDo<'a> {
    fn of(step: &'a Upgrade) -> Self {
        Self {
            advisories: &step.advisories,
            ecosystem: step.ecosystem.name(),
            fixed: step.fixed.as_deref(),
            module: &step.module,
            tier: step.tier,
            to: step.to(),
            unclear_version: step.unclear_version.as_ref().map(UnclearVersion::name),
            version: &step.version,
        }
    }
}

impl Renderer<Triage<'_>, Summary> for Json {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let database = json!({
            "advisories": self.state.advisories,
            "age": self.state.age,
            "path": self.state.name,
            "sources": self.state.sources,
        });
        let database = format!("{database:#}").replace('\n', "\n    ");
        // As serde_json would set it, up to the list that grows.
        write!(
            out,
            "{{\n  \"command\": \"vuln\",\n  \"result\": {{\n    \"database\": {database},\n    \
             \"fail_on\": \"{}\",\n    \"files\": ",
            self.state.fail_on.name()
        )?;
        self.files.begin(out)
    }

    fn binary(&mut self, out: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        let record = &triage.record;
        let advisories: Vec<Advisory<'_>> = triage.verdicts.iter().map(Advisory::of).collect();
        let steps: Vec<ToDo<'_>> = triage.upgrades.iter().map(ToDo::of).collect();
        let triage = json!({
            "advisories": advisories,
            "cpu": record.cpu,
            "doubts": triage.caveats,
            "fails": triage.fails(),
            "go": record.go,
            "main": record.main,
            "matched": triage.matched_count,
            "member": triage.origin.member,
            "modules": triage.module_count,
            "os": record.os,
            "package": record.package,
            "path": triage.origin.path,
            "steps": steps,
            "unmatched": triage.unmatched,
        });
        self.files.item(out, &triage)
    }

    fn unread(&mut self, _: &mut dyn Write, unread: &Unread) -> io::Result<()> {
        self.unread.push(serde_json::to_value(unread)?);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        self.files.end(out)?;
        let rest = json!({ "summary": summary, "unread": self.unread });
        let rest = format!("{rest:#}").replace('\n', "\n  ");
        // Without its opening brace, which stands before the list already.
        let rest = rest.strip_prefix('{').unwrap_or(&rest);
        writeln!(out, ",{rest},\n  \"schema\": {SCHEMA}\n}}")
    }
}
