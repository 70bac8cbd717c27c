//! Tables that are about some files only, and which of them no file was meant by: a slip in a glob is
//! a setting without effect, and nothing else would show it.

use std::collections::BTreeSet;

use toml::Spanned;

use super::globs::Globs;
use super::{Policy, Ruling};

/// A kind of table that may name files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// `[[paths]]`.
    Paths,
    /// `[[waivers]]`.
    Waivers,
    /// `[[vuln]]`.
    Vuln,
}

impl Table {
    /// The table as a policy has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paths => "[[paths]]",
            Self::Waivers => "[[waivers]]",
            Self::Vuln => "[[vuln]]",
        }
    }
}

/// The files that a table names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope<'policy> {
    /// Which table it is: its kind, and its place among those, from 0.
    pub table: (Table, usize),
    /// The files, as globs.
    pub files: Vec<&'policy str>,
    /// Where the table stands in the text of the policy, from 1.
    pub line: usize,
}

impl Policy {
    /// Every table that names files, where none of those in `matched` is.
    pub fn unmatched(&self, matched: &BTreeSet<(Table, usize)>) -> Vec<Scope<'_>> {
        let scopes = self.scopes();
        let unmatched = scopes.filter(|scope| !matched.contains(&scope.table));
        unmatched.collect()
    }

    fn scopes(&self) -> impl Iterator<Item = Scope<'_>> {
        let paths = self.paths.iter().map(Spanned::get_ref).enumerate();
        let paths = paths.map(|(number, it)| (Table::Paths, number, Some(&it.files), it.line));
        let waivers = self.waivers().enumerate();
        let waivers =
            waivers.map(|(number, it)| (Table::Waivers, number, it.files.as_ref(), it.line));
        let suppressions = self.suppressions().enumerate();
        let suppressions =
            suppressions.map(|(number, it)| (Table::Vuln, number, it.files.as_ref(), it.line));
        let tables = paths.chain(waivers).chain(suppressions);
        tables.filter_map(|(table, number, files, line)| {
            Some(Scope {
                table: (table, number),
                files: files.map(Spanned::get_ref).map(Globs::patterns)?,
                line,
            })
        })
    }
}

impl Ruling<'_> {
    /// Every table that is about this file.
    pub fn tables(&self) -> impl Iterator<Item = (Table, usize)> {
        let paths = self.paths.iter().map(|(number, _)| (Table::Paths, *number));
        let waivers = self.waivers.iter();
        let waivers = waivers.map(|(number, _)| (Table::Waivers, *number));
        let suppressions = self.suppressions.iter();
        let suppressions = suppressions.map(|(number, _)| (Table::Vuln, *number));
        paths.chain(waivers).chain(suppressions)
    }
}
