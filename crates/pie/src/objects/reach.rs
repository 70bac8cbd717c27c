//! Which objects a link takes, and what their symbols are then: objects that are given, and members
//! of archives that define what is still missing.
//!
//! As lld, mold and libwild do it, and GNU ld between `--start-group` and `--end-group`: the order of
//! archives decides which of several definitions is taken, and not whether one is found.
//!
//! Weak references take no member. A member of an archive that cannot be read is taken, because what
//! it defines is not known.

use std::collections::HashMap;

use super::Unit;

/// Symbols that linkers define where nobody else does. A weak reference to one is not 0.
const OF_LINKERS: [&[u8]; 24] = [
    b"_DYNAMIC",
    b"_GLOBAL_OFFSET_TABLE_",
    b"_PROCEDURE_LINKAGE_TABLE_",
    b"_TLS_MODULE_BASE_",
    b"__bss_start",
    b"__data_start",
    b"__dso_handle",
    b"__ehdr_start",
    b"__executable_start",
    b"__fini_array_end",
    b"__fini_array_start",
    b"__global_pointer$",
    b"__init_array_end",
    b"__init_array_start",
    b"__preinit_array_end",
    b"__preinit_array_start",
    b"_edata",
    b"_end",
    b"_etext",
    b"data_start",
    b"edata",
    b"end",
    b"etext",
    b".TOC.",
];

/// Beginnings of more such names: of sections, of tables.
const BEGINNINGS: [&[u8]; 6] = [
    b"__start_",
    b"__stop_",
    b"__rel_iplt_",
    b"__rela_iplt_",
    b"__exidx_",
    b"__eh_frame_",
];

/// A link: what is taken, and what defines which symbol.
pub(super) struct Link<'data> {
    symbols: HashMap<&'data [u8], Known>,
    order: Vec<usize>,
    taken: Vec<bool>,
}

/// What is known of a symbol.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    definition: Option<Definition>,
    /// The first member that would define it.
    member: Option<usize>,
}

impl Known {
    /// Whether a member that defines it is taken.
    fn is_missing(self) -> bool {
        matches!(self.definition, None | Some(Definition::Common))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Definition {
    /// Room that is made unless somebody defines it better.
    Common,
    /// A place in the program.
    RelocationSite,
    /// A number, which stays what it is wherever the program is.
    Number,
}

impl<'data> Link<'data> {
    /// The objects that are given, and the members that they need.
    pub(super) fn of(units: &[Unit<'_, 'data>]) -> Self {
        let mut link = Self::empty(units);
        for (index, unit) in units.iter().enumerate().filter(|(_, unit)| unit.optional) {
            link.offer(index, unit);
        }
        let mut missing = Vec::new();
        let given = units.iter().enumerate().filter(|(_, unit)| !unit.optional);
        for (index, _) in given {
            link.take(index, units, &mut missing);
        }
        let mut next = 0;
        while let Some(&name) = missing.get(next) {
            next = next.saturating_add(1);
            let known = link.symbols.get(name).copied().unwrap_or_default();
            if let Some(member) = known.member.filter(|_| known.is_missing()) {
                link.take(member, units, &mut missing);
            }
        }
        link
    }

    /// All of them.
    pub(super) fn of_all(units: &[Unit<'_, 'data>]) -> Self {
        let mut link = Self::empty(units);
        for index in 0..units.len() {
            link.take(index, units, &mut Vec::new());
        }
        link
    }

    fn empty(units: &[Unit<'_, 'data>]) -> Self {
        // Most names are in one object only, and names are long.
        let names = units.iter().map(|unit| unit.globals.len()).sum();
        Self {
            symbols: HashMap::with_capacity(names),
            order: Vec::new(),
            taken: vec![false; units.len()],
        }
    }

    /// The units that are linked, in the order in which a linker meets them.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether a symbol that an object does not define is a number in the program.
    pub(super) fn is_number(&self, name: &[u8], is_weak: bool) -> bool {
        let known = self.symbols.get(name).copied().unwrap_or_default();
        match known.definition {
            Some(definition) => definition == Definition::Number,
            None => is_weak && !is_of_linkers(name),
        }
    }

    /// Notes what a member would define.
    fn offer(&mut self, index: usize, unit: &Unit<'_, 'data>) {
        for &(name, symbol) in &unit.globals {
            if symbol.is_defined() {
                let known = self.symbols.entry(name).or_default();
                known.member.get_or_insert(index);
            }
        }
    }

    /// Takes an object, once, and notes what it defines and what it still needs.
    fn take(&mut self, index: usize, units: &[Unit<'_, 'data>], missing: &mut Vec<&'data [u8]>) {
        let Some(taken) = self.taken.get_mut(index) else {
            return;
        };
        if std::mem::replace(taken, true) {
            return;
        }
        self.order.push(index);
        let globals = units.get(index).map(|unit| &unit.globals);
        for &(name, symbol) in globals.into_iter().flatten() {
            let known = self.symbols.entry(name).or_default();
            if symbol.is_defined() && !symbol.is_common() {
                known.definition = Some(match symbol.is_number() {
                    true => Definition::Number,
                    false => Definition::RelocationSite,
                });
                continue;
            }
            if symbol.is_common() {
                known.definition.get_or_insert(Definition::Common);
            }
            if known.is_missing() && known.member.is_some() && !symbol.is_weak() {
                missing.push(name);
            }
        }
    }
}

fn is_of_linkers(name: &[u8]) -> bool {
    OF_LINKERS.contains(&name) || BEGINNINGS.iter().any(|start| name.starts_with(start))
}
