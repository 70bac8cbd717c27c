//! Where functions are: as a function of their own, at an address, or in the functions that they were
//! inlined into.

use super::functab::Functab;
use super::inlining::{Host, Inlining};
use super::moduledata::{Memory, Moduledata};
use super::{Layout, Name, Pclntab};
use crate::bytes::Bytes;
use crate::image::Image;
use crate::limits::MAX_INLINED_INTO;
use crate::partial::Incomplete;
use crate::quantity::{Address, Offset};

/// Where functions of some names are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLocation<'data> {
    /// The one with the shortest name that has code of its own, if one has.
    pub linked: Option<Linked<'data>>,
    /// What they were inlined into; `None` where that is not known.
    pub inlined: Option<Inlined<'data>>,
}

/// A function that has code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked<'data> {
    /// Its name.
    pub name: Name<'data>,
    /// Where its code starts; `None` where that is not known.
    pub address: Option<Address>,
}

/// The functions whose code something has become part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inlined<'data> {
    /// Their names, in the table's order; of very many, the first.
    pub into: Vec<Name<'data>>,
    /// How many there are.
    pub count: u64,
}

/// What was found of a group of names.
#[derive(Default)]
struct Found {
    /// Of the function with the shortest name: where that starts, how long it is, and its entry.
    linked: Option<(u64, usize, u64)>,
    /// How many functions hold it.
    count: u64,
    /// Of the first of them, the starts of their names.
    into: Vec<u64>,
    last: Option<Host>,
}

impl Found {
    /// Takes in that a function holds it. All calls in one function come one after another, and some
    /// functions have the same name: one for each way of passing arguments.
    fn add(&mut self, host: Host) {
        if self.last.replace(host) == Some(host) || self.into.contains(&host.name) {
            return;
        }
        self.count = self.count.saturating_add(1);
        if self.into.len() < MAX_INLINED_INTO {
            self.into.push(host.name);
        }
    }
}

/// The starts of names that are asked for, each with its group; sorted.
struct Wanted(Vec<(u64, usize)>);

impl Wanted {
    fn of(groups: &[Vec<Offset>], names: Offset) -> Self {
        let groups = groups.iter().enumerate();
        let starts = groups.flat_map(|(group, offsets)| {
            let starts = offsets.iter().filter_map(|it| it.distance_from(names));
            starts.map(move |start| (start.0, group))
        });
        let mut starts: Vec<_> = starts.collect();
        starts.sort_unstable();
        Self(starts)
    }

    fn group(&self, name: u64) -> Option<usize> {
        let index = self.0.binary_search_by_key(&name, |(start, _)| *start);
        self.0.get(index.ok()?).map(|(_, group)| *group)
    }
}

impl<'data> Pclntab<'data> {
    /// Where the functions are whose names stand at these offsets of the file, for each group of
    /// names. No name belongs to two groups. `None` when the table does not tell.
    ///
    /// # Errors
    /// [`Incomplete`] when what has to be looked at has not been read.
    pub fn places(
        &self,
        image: &dyn Image<'data>,
        groups: &[Vec<Offset>],
    ) -> Result<Option<Vec<CodeLocation<'data>>>, Incomplete> {
        image.file().settled(self.places_in(image, groups))
    }

    fn places_in(
        &self,
        image: &dyn Image<'data>,
        groups: &[Vec<Offset>],
    ) -> Option<Vec<CodeLocation<'data>>> {
        let names = self.names()?;
        let functab = Functab::of(self)?;
        let wanted = Wanted::of(groups, names.base());
        let memory = Memory::of(image);
        let moduledata = match self.layout < Layout::Go1_18 {
            true => None,
            false => Moduledata::find(self, &memory, image),
        };
        let mut found = Vec::new();
        found.resize_with(groups.len(), Found::default);
        standing(&functab, names, &wanted, &mut found);
        // While all this has not been read, there is nothing to look further for.
        _ = functab.pctab()?.data();
        image.file().settled(()).ok()?;
        let inlining = Inlining::find(self, &functab, &memory, moduledata.as_ref());
        let all = inlining.and_then(|inlining| {
            inlining.each_call(|host, name| {
                let Some(group) = wanted.group(name) else {
                    return;
                };
                // A method that a wrapper calls, or a closure in its own function, is no news.
                if wanted.group(host.name) != Some(group)
                    && let Some(found) = found.get_mut(group)
                {
                    found.add(host);
                }
            })
        });
        let text = moduledata.and_then(|it| it.text(&functab));
        let address = |entry: u64| match self.layout < Layout::Go1_18 {
            // GNU ld leaves a zero where a relocation is.
            true => (entry > 0).then_some(Address(entry)),
            false => Some(Address(text?.0.checked_add(entry)?)),
        };
        let places = found.into_iter().map(|found| CodeLocation {
            linked: found.linked.and_then(|(name, _, entry)| {
                Some(Linked {
                    name: named(names, name)?,
                    address: address(entry),
                })
            }),
            inlined: all.map(|()| Inlined {
                count: found.count,
                into: found
                    .into
                    .iter()
                    .filter_map(|it| named(names, *it))
                    .collect(),
            }),
        });
        Some(places.collect())
    }

    /// What the starts of names count from: the names themselves, or up to Go 1.15 the table.
    pub(super) fn names(&self) -> Option<Bytes<'data>> {
        match self.layout {
            Layout::Go1_2 => Some(self.table),
            Layout::Go1_16 => self.part(2, 3),
            Layout::Go1_18 | Layout::Go1_20 => self.part(3, 4),
        }
    }
}

/// Finds the functions that have code of their own.
fn standing(functab: &Functab<'_, '_>, names: Bytes<'_>, wanted: &Wanted, found: &mut [Found]) {
    for index in 0..functab.count {
        let Some(name) = functab.name(index) else {
            match names.settled(()) {
                Ok(()) => return,
                // What has not been read is asked for, and the rest together with it.
                Err(_) => continue,
            }
        };
        let found = wanted.group(name).and_then(|group| found.get_mut(group));
        if let Some(found) = found
            && let Some(length) = names.c_string(name).ok().flatten().map(<[u8]>::len)
            && found.linked.is_none_or(|(_, known, _)| length < known)
            && let Some(entry) = functab.entry(index)
        {
            found.linked = Some((name, length, entry));
        }
    }
}

fn named(names: Bytes<'_>, start: u64) -> Option<Name<'_>> {
    let offset = names.base().0.checked_add(start)?;
    Some(Name {
        bytes: names.c_string(start).ok()??,
        offset: Offset(offset),
    })
}
