//! Which rules are on, where that comes from, and what the profiles would say; and which tables of a
//! policy no file was meant by.

use std::collections::BTreeMap;

use handpie_audit::{Date, Level, Origin, Profile, Scope, Setting, Severity, Table};
use serde::Serialize;

use super::{Lines, Report, Reporter, count};
use crate::policy::Rulebook;

#[derive(Debug, Serialize)]
pub(crate) struct PolicyReport {
    file: Option<String>,
    profile: Option<Profile>,
    rules: Vec<Row>,
    paths: Vec<Paths>,
    waivers: Vec<Waiver>,
}

#[derive(Debug, Serialize)]
struct Row {
    code: &'static str,
    wish: &'static str,
    level: Level,
    warn: Level,
    unknown: Level,
    severity: Severity,
    origin: Origin,
    profiles: Profiles,
}

/// The level that the rule itself has in each profile.
#[derive(Debug, Serialize)]
struct Profiles {
    none: Level,
    portable: Level,
    host: Level,
    distro: Level,
}

#[derive(Debug, Serialize)]
struct Paths {
    r#match: Vec<String>,
    rules: BTreeMap<&'static str, Setting>,
}

#[derive(Debug, Serialize)]
struct Waiver {
    rule: Vec<&'static str>,
    path: Vec<String>,
    reason: String,
    expires: Date,
    expired: bool,
}

impl PolicyReport {
    pub(crate) fn of(rulebook: &Rulebook) -> Self {
        let policy = &rulebook.policy;
        let rules = handpie_audit::rules().map(|rule| {
            let standing = policy.standing(rule);
            Row {
                code: rule.code,
                wish: rule.wish,
                level: standing.level,
                warn: standing.warn,
                unknown: standing.unknown,
                severity: standing.severity,
                origin: standing.origin,
                profiles: Profiles {
                    none: rule.levels.plain,
                    portable: rule.levels.portable,
                    host: rule.levels.host,
                    distro: rule.levels.distro,
                },
            }
        });
        let paths = policy.paths().map(|(globs, rules)| Paths {
            r#match: owned(&globs),
            rules: rules.into_iter().collect(),
        });
        let waivers = policy.waivers().map(|waiver| Waiver {
            rule: waiver.rules().collect(),
            path: owned(&waiver.files()),
            reason: waiver.reason().to_owned(),
            expires: waiver.expires(),
            expired: rulebook.today >= waiver.expires(),
        });
        Self {
            file: rulebook.file.as_ref().map(|_| rulebook.file_name()),
            profile: policy.profile(),
            rules: rules.collect(),
            paths: paths.collect(),
            waivers: waivers.collect(),
        }
    }
}

fn owned(globs: &[&str]) -> Vec<String> {
    globs.iter().map(|glob| (*glob).to_owned()).collect()
}

impl Report for PolicyReport {
    fn text(&self, lines: &mut Lines) {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => "none, so every rule has its own level".to_owned(),
        };
        let profile = match self.profile {
            Some(profile) => format!("profile {}", profile.name()),
            None => "no profile".to_owned(),
        };
        lines.good("policy", format!("{file}; {profile}"));
        let widest = self.rules.iter().map(|row| row.code.len());
        let widest = widest.max().unwrap_or(0);
        let names = ["none", "portable", "host", "distro"];
        let heads = ["fail", "warn", "unknown", "severity", "from"];
        lines.line(line(widest, "answer", heads, names));
        for row in &self.rules {
            let profiles = &row.profiles;
            let profiles = [
                profiles.none,
                profiles.portable,
                profiles.host,
                profiles.distro,
            ];
            let from = match row.origin {
                Origin::Default => "rule",
                Origin::Profile => "profile",
                Origin::Rules => "[rules]",
                Origin::Paths => "[[paths]]",
            };
            let [warn, unknown] = match row.level {
                // What is not asked has no answer.
                Level::Off => ["-", "-"],
                _ => [row.warn.name(), row.unknown.name()],
            };
            let severity = row.severity.name();
            let here = [row.level.name(), warn, unknown, severity, from];
            lines.line(line(widest, row.code, here, profiles.map(Level::name)));
        }
        for paths in &self.paths {
            lines.line(format!("for {}:", paths.r#match.join(", ")));
            for (code, setting) in &paths.rules {
                let level = |name: &str, level: Option<Level>| {
                    level.map(|level| format!("{name} {}", level.name()))
                };
                let severity = setting.severity;
                let words = [
                    level("level", setting.level),
                    level("warn", setting.warn),
                    level("unknown", setting.unknown),
                    severity.map(|severity| format!("severity {}", severity.name())),
                ];
                let words: Vec<String> = words.into_iter().flatten().collect();
                lines.entry(widest + 2, code, &words.join(", "));
            }
        }
        if !self.waivers.is_empty() {
            lines.line("waived:");
        }
        for waiver in &self.waivers {
            let files = match waiver.path.is_empty() {
                true => "every file".to_owned(),
                false => waiver.path.join(", "),
            };
            let end = if waiver.expired {
                "expired on"
            } else {
                "until"
            };
            let text = format!("for {files}, {end} {}: {}", waiver.expires, waiver.reason);
            let codes = format!("{} ", waiver.rule.join(", "));
            lines.entry(widest + 2, &codes, &text);
        }
    }
}

fn line(widest: usize, rule: &str, here: [&str; 5], profiles: [&str; 4]) -> String {
    let [level, warn, unknown, severity, from] = here;
    let [none, portable, host, distro] = profiles;
    format!(
        "{rule:widest$}  {level:5} {warn:5} {unknown:8} {severity:9} {from:10} {none:5} \
         {portable:9} {host:5} {distro}"
    )
}

/// Says of which tables no file was met. A slip in a glob looks like that, and so does a file that was
/// not among those that were named.
pub(crate) fn note_unmatched<'a>(
    reporter: &Reporter,
    rulebook: &'a Rulebook,
    tables: &[Table],
) -> Vec<Scope<'a>> {
    const SHOWN: usize = 8;
    let unmatched = rulebook.unmatched(tables);
    let shown = match reporter.verbose {
        true => unmatched.len(),
        false => SHOWN,
    };
    for scope in unmatched.iter().take(shown) {
        let (table, _) = scope.table;
        reporter.note(&format!(
            "note: no file here matches `{}` of {} ({}, line {})",
            scope.files.join("`, `"),
            table.name(),
            rulebook.file_name(),
            scope.line
        ));
    }
    let rest = unmatched.len().saturating_sub(shown);
    if rest > 0 {
        reporter.note(&format!(
            "note: and none matches what {} name; -v shows them",
            count(rest, "more table")
        ));
    }
    unmatched
}
