//! Several advisories about one vulnerability are one row: a database of advisories about crates has
//! RustSec's and GitHub's record of most of them, and a mirror of both Go's and GitHub's likewise.
//!
//! The row has the worst tier of its advisories, with one exception. GitHub's records name no packages
//! and symbols, so that anything of the module counts. Go's record of the same vulnerability does, and
//! where it is about all that GitHub's is about, it says better what is linked.

use std::collections::{BTreeMap, BTreeSet};

use super::{AffectedModule, Basis, Match, sort};
use crate::database::{Advisory, Database};

/// Joins the rows about the same vulnerability; see [`Match::others`].
pub(crate) fn joined<'db>(
    matches: Vec<Match<'db>>,
    database: &'db Database<'db>,
) -> Vec<Match<'db>> {
    let mut groups: BTreeMap<u32, Vec<Match<'db>>> = BTreeMap::new();
    for matched in matches {
        let group = groups.entry(matched.advisory.group()).or_default();
        group.push(matched);
    }
    let rows = groups.into_values();
    let mut rows: Vec<Match<'db>> = rows.filter_map(|group| row(group, database)).collect();
    sort(&mut rows);
    rows
}

fn row<'db>(mut group: Vec<Match<'db>>, database: &'db Database<'db>) -> Option<Match<'db>> {
    if group.len() < 2 {
        return group.pop();
    }
    // The record of the ecosystem's own database says most.
    group.sort_by_key(|it| {
        (
            !is_own(&it.advisory),
            !it.names_packages(),
            it.advisory.id(),
        )
    });
    let told: Vec<Told<'_>> = group.iter().filter_map(Told::of).collect();
    let mut members = group.clone().into_iter();
    let mut row = members.next()?;
    row.modules.clear();
    for matched in &group {
        for module in &matched.modules {
            let mut module = module.clone();
            if told
                .iter()
                .any(|told| told.covers(&matched.advisory, &module))
            {
                module.forget_tier();
            }
            row.add(module);
        }
    }
    let tiers = row.modules.iter().map(|module| module.tier);
    row.tier = tiers.max().unwrap_or(row.tier);
    for other in members {
        row.numbers.extend(other.numbers);
        row.others.push(other.advisory);
    }
    row.settle(database);
    Some(row)
}

/// Whether it is from the database of its ecosystem: Go's, or RustSec's.
fn is_own(advisory: &Advisory<'_>) -> bool {
    advisory.id().starts_with("GO-") || advisory.id().starts_with("RUSTSEC-")
}

/// An advisory that names packages, and what it is about.
struct Told<'m> {
    names: BTreeSet<String>,
    modules: Vec<&'m AffectedModule>,
}

impl<'m> Told<'m> {
    fn of(matched: &'m Match<'_>) -> Option<Self> {
        let modules = matched.modules.iter().filter(|it| it.names_packages());
        let modules: Vec<&AffectedModule> = modules.collect();
        (!modules.is_empty()).then(|| Self {
            names: names(&matched.advisory),
            modules,
        })
    }

    /// Whether it says better than `advisory`, which names no package of the module, what of it is
    /// linked: it has to be about every CVE that the other is about.
    fn covers(&self, advisory: &Advisory<'_>, module: &AffectedModule) -> bool {
        let others = names(advisory);
        let mut numbers = others.iter().filter(|name| name.starts_with("cve-"));
        let is_same = self.names.intersection(&others).next().is_some();
        let has_all = numbers.all(|number| self.names.contains(number));
        let is_told = || self.modules.iter().any(|it| it.is_same(module));
        !module.names_packages() && is_same && has_all && is_told()
    }
}

fn names(advisory: &Advisory<'_>) -> BTreeSet<String> {
    let names = std::iter::once(advisory.id()).chain(advisory.aliases());
    names.map(str::to_ascii_lowercase).collect()
}

impl Match<'_> {
    fn names_packages(&self) -> bool {
        self.modules.iter().any(AffectedModule::names_packages)
    }
}

impl AffectedModule {
    fn names_packages(&self) -> bool {
        matches!(self.basis, Basis::Symbols | Basis::Packages)
    }

    /// Leaves what is linked to another advisory.
    fn forget_tier(&mut self) {
        self.tier = super::Tier::Module;
        self.packages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIB, advisory, database, program};
    use super::*;
    use crate::matches::matches;

    /// An advisory with other names, and perhaps packages; its ids first.
    fn named(names: &[&str], imports: &[&str], fixed: &str) -> String {
        let json = advisory(names[0], "x.test/lib", imports);
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["aliases"] = names[1..].into();
        json["affected"][0]["ranges"][0]["events"][1]["fixed"] = fixed.into();
        json.to_string()
    }

    /// Each row as `id tier fixed: aliases`.
    fn rows(advisories: &[String]) -> Vec<String> {
        let file = database(advisories);
        let database = Database::open(&file).unwrap();
        // `F` is linked, and `Bad` is not.
        let inventory = program("go1.27.3", &[LIB], &[("x.test/lib", "F")]);
        let rows = joined(matches(&inventory, &database).unwrap(), &database);
        let rows = rows.iter().map(|row| {
            let module = &row.modules[0];
            let fixed = module.fixed.as_deref().unwrap_or("-");
            let tier = row.tier.name();
            assert_eq!((row.modules.len(), module.tier), (1, row.tier));
            format!(
                "{} {tier} {fixed}: {}",
                row.advisory.id(),
                row.aliases().join(" ")
            )
        });
        rows.collect()
    }

    #[test]
    fn advisories_with_a_name_in_common_are_one_row() {
        let advisories = [
            named(&["CVE-1"], &[], "1.5.0"),
            named(&["GHSA-1", "CVE-1"], &[], "1.6.0"),
            named(&["GO-1", "CVE-2", "GHSA-1"], &[], "1.5.0"),
            named(&["GO-2", "CVE-3"], &[], "1.5.0"),
        ];
        let found = rows(&advisories);
        assert_eq!(
            found,
            [
                "GO-1 symbol v1.6.0: CVE-2 GHSA-1 CVE-1",
                "GO-2 symbol v1.5.0: CVE-3"
            ]
        );
    }

    #[test]
    fn a_record_about_another_package_joins_those_that_it_names() {
        let mut link: serde_json::Value =
            serde_json::from_str(&named(&["GHSA-9", "CVE-1", "CVE-2"], &[], "1.5.0")).unwrap();
        link["affected"][0]["package"] = serde_json::json!({"ecosystem": "npm", "name": "x"});
        let advisories = [
            named(&["GO-1", "CVE-1"], &[], "1.5.0"),
            named(&["GO-2", "CVE-2"], &[], "1.5.0"),
        ];
        assert_eq!(rows(&advisories).len(), 2);
        let linked = [&advisories[..], &[link.to_string()]].concat();
        assert_eq!(rows(&linked), ["GO-1 symbol v1.5.0: CVE-1 GO-2 CVE-2"]);
        // What was taken back says nothing any more.
        link["withdrawn"] = "2026-01-01T00:00:00Z".into();
        let linked = [&advisories[..], &[link.to_string()]].concat();
        assert_eq!(rows(&linked).len(), 2);
    }

    #[test]
    fn related_advisories_stay_apart() {
        let mut related: serde_json::Value =
            serde_json::from_str(&named(&["GO-2"], &[], "1.5.0")).unwrap();
        related["related"] = serde_json::json!(["GO-1", "CVE-1"]);
        related["upstream"] = serde_json::json!(["GO-1"]);
        let advisories = [named(&["GO-1", "CVE-1"], &[], "1.5.0"), related.to_string()];
        assert_eq!(rows(&advisories).len(), 2);
    }

    #[test]
    fn the_record_that_names_symbols_says_what_is_linked() {
        let go = named(&["GO-1", "CVE-1"], &["x.test/lib: Bad"], "1.5.0");
        let github = named(&["GHSA-1", "CVE-1"], &[], "1.5.0");
        let found = rows(&[github.clone(), go.clone()]);
        assert_eq!(found, ["GO-1 package v1.5.0: CVE-1 GHSA-1"]);
        // About a second vulnerability, which Go's record does not know, it says nothing.
        let github = named(&["GHSA-1", "CVE-1", "CVE-2"], &[], "1.5.0");
        let found = rows(&[github, go.clone()]);
        assert_eq!(found, ["GO-1 symbol v1.5.0: CVE-1 GHSA-1 CVE-2"]);
        let own = named(&["GHSA-1", "CVE-1"], &["x.test/lib: F"], "1.5.0");
        assert_eq!(rows(&[own, go]), ["GO-1 symbol v1.5.0: CVE-1 GHSA-1"]);
    }

    #[test]
    fn what_one_record_calls_a_vulnerability_is_one() {
        let mut unsound: serde_json::Value =
            serde_json::from_str(&named(&["GO-1", "CVE-1"], &[], "1.5.0")).unwrap();
        unsound["affected"][0]["database_specific"] =
            serde_json::json!({"informational": "unsound"});
        let other = named(&["GHSA-1", "CVE-1"], &[], "1.5.0");
        for (advisories, informational) in [
            (vec![unsound.to_string()], Some("unsound")),
            (vec![unsound.to_string(), other], None),
        ] {
            let file = database(&advisories);
            let database = Database::open(&file).unwrap();
            let inventory = program("go1.27.3", &[LIB], &[]);
            let rows = joined(matches(&inventory, &database).unwrap(), &database);
            assert_eq!((rows.len(), rows[0].informational()), (1, informational));
        }
    }
}
