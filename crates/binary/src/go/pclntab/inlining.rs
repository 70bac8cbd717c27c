//! What was inlined into which function: the lists of calls that the runtime needs to print a stack
//! as it was written (runtime/symtabinl.go, cmd/link/internal/ld/pcln.go `genInlTreeSym`).
//!
//! ```text
//! inlinedCall, Go 1.12..1.19    parent int16, funcID, padding, file, line, func, parentPc
//!              Go 1.20..        funcID, 3 bytes of padding, nameOff, parentPc, startLine
//! ```
//!
//! How long a list is does not stand anywhere; the numbers in it are those that `pctab` gives to the
//! instructions of the function.
//!
//! Where the lists are is derived, and may be derived wrongly. So nothing is believed before a sample
//! of all lists turns out to name functions.

use std::collections::{BTreeSet, HashMap};

use super::functab::{Calls, Functab, Numbers};
use super::moduledata::{Memory, Moduledata};
use super::{Layout, Pclntab};
use crate::bytes::Bytes;
use crate::image::Image;
use crate::limits::{MAX_INLINED_CALLS, MAX_INLINED_CALLS_OF_ONE};
use crate::partial::Incomplete;
use crate::quantity::{Address, Size};

/// Lists that are held against the names before any is believed. A word that is no name's start
/// looks like one about one time in thirty.
const SAMPLES: usize = 64;

/// The lists of a program.
pub(super) struct Inlining<'t, 'data> {
    table: &'t Pclntab<'data>,
    memory: &'t Memory<'data>,
    /// What the lists' places count from.
    base: Address,
    /// Where the name starts of each function that has a list, and its list.
    hosts: Vec<(u64, Calls)>,
    pctab: &'data [u8],
}

/// A function that something was inlined into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Which of them it is.
    number: usize,
    /// Where its name starts.
    pub(super) name: u64,
}

/// The starts of the names of all functions that were inlined.
pub(super) fn names(table: &Pclntab<'_>, image: &dyn Image<'_>) -> Vec<u64> {
    let memory = Memory::of(image);
    let mut names = BTreeSet::new();
    let functab = Functab::of(table);
    let inlining = functab.and_then(|functab| Inlining::find(table, &functab, &memory, None));
    if let Some(inlining) = inlining {
        // What was found before a cap was met is as good as the rest.
        let _ = inlining.each_call(|_, name| {
            names.insert(name);
        });
    }
    names.into_iter().collect()
}

impl<'t, 'data> Inlining<'t, 'data> {
    /// The lists, if they can be found; `moduledata` is needed since Go 1.18.
    pub(super) fn find(
        table: &'t Pclntab<'data>,
        functab: &Functab<'t, 'data>,
        memory: &'t Memory<'data>,
        moduledata: Option<&Moduledata>,
    ) -> Option<Self> {
        let pctab = functab.pctab()?.data().ok()?;
        Numbers::of(table.layout).iter().find_map(|numbers| {
            let funcs = (0..functab.count).filter_map(|index| functab.func(index, *numbers));
            let hosts = funcs.filter_map(|func| Some((func.name, func.calls?)));
            let mut inlining = Self {
                table,
                memory,
                base: Address(0),
                hosts: hosts.collect(),
                pctab,
            };
            if table.layout < Layout::Go1_18 {
                return inlining.is_sound().then_some(inlining);
            }
            let base = moduledata?.pointers().find(|base| {
                inlining.base = *base;
                inlining.is_sound()
            })?;
            Some(Self { base, ..inlining })
        })
    }

    /// Calls `visit` for each call that was inlined, one function after another: with the function
    /// whose code it became part of, and the start of the name of the function that was called. `None`
    /// when there are more than in any program.
    pub(super) fn each_call(&self, mut visit: impl FnMut(Host, u64)) -> Option<()> {
        let mut lengths = HashMap::new();
        // Each stretch of `pctab` is walked once.
        let mut bytes_left = self.pctab.len();
        let mut calls_left = MAX_INLINED_CALLS;
        for (number, (name, calls)) in self.hosts.iter().enumerate() {
            let host = Host {
                number,
                name: *name,
            };
            let length = match lengths.get(&calls.indices) {
                Some(length) => *length,
                None => {
                    let (length, bytes) = self.length(calls.indices);
                    bytes_left = bytes_left.checked_sub(bytes)?;
                    lengths.insert(calls.indices, length);
                    length
                }
            };
            let Some(list) = self.list(*calls) else {
                continue;
            };
            for index in 0..length {
                calls_left = calls_left.checked_sub(1)?;
                let Ok(Some(name)) = self.name_of_call(list, index) else {
                    break;
                };
                visit(host, name);
            }
        }
        Some(())
    }

    /// Whether a sample of the lists name functions, as they would not if they were somewhere else.
    fn is_sound(&self) -> bool {
        let step = self.hosts.len().div_ceil(SAMPLES).max(1);
        let mut names_any = false;
        let is_list = |(_, calls): &(u64, Calls)| {
            let list = self.list(*calls);
            let name = match list.map(|list| self.name_of_call(list, 0)) {
                Some(Ok(Some(name))) => name,
                Some(Ok(None)) | None => return false,
                // It is asked for, and the rest of the sample together with it.
                Some(Err(_)) => return true,
            };
            // Where there is nothing but zeros, they are no names.
            names_any |= name > 0;
            self.is_name(name)
        };
        self.hosts.iter().step_by(step).all(is_list) && names_any
    }

    /// From the start of a function's list to where nobody knows.
    fn list(&self, calls: Calls) -> Option<Bytes<'data>> {
        let start = self.base.checked_add(Size(calls.tree))?;
        self.memory.from(start)
    }

    /// Where the name starts of a function that was called.
    fn name_of_call(&self, list: Bytes<'_>, index: u64) -> Result<Option<u64>, Incomplete> {
        let (size, padding, name) = match self.table.layout {
            Layout::Go1_20 => (16u64, 1..4, 4..8),
            _ => (20, 3..4, 12..16),
        };
        let start = index.saturating_mul(size);
        let Ok(call) = list.slice(start, Size(size), "inlinedCall") else {
            return Ok(None);
        };
        let call = call.data()?;
        let is_padding = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let name = call
            .get(name)
            .filter(|_| call.get(padding).is_some_and(is_padding));
        Ok(name.and_then(|name| self.table.value(name)))
    }

    /// Whether the name of a function starts there.
    fn is_name(&self, start: u64) -> bool {
        let Some(names) = self.table.names() else {
            return false;
        };
        let name = names.c_string(start).ok().flatten().unwrap_or_default();
        // Up to Go 1.15 names stand between other things.
        let is_first = start == 0 || self.table.layout == Layout::Go1_2;
        let before = || names.slice(start.checked_sub(1)?, Size(1), "NUL").ok();
        !name.is_empty()
            && name.iter().all(|byte| *byte >= b' ')
            && (is_first || before().is_some_and(|byte| byte.data() == Ok(&[0])))
    }

    /// How many calls are listed of a function, by the numbers that its instructions have; and how
    /// many bytes of `pctab` say so. runtime/symtab.go (`step`): differences between one number and
    /// the next, the first from -1, and for how many instructions each holds, until a difference is 0.
    fn length(&self, start: u64) -> (u64, usize) {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let table = self.pctab.get(start..).unwrap_or_default();
        let mut rest = table.iter();
        let (mut value, mut largest) = (-1i64, -1i64);
        let mut is_first = true;
        while let Some(difference) = varint(&mut rest) {
            if difference == 0 && !is_first {
                break;
            }
            is_first = false;
            let half = i64::from(difference >> 1);
            value = value.wrapping_add(if difference & 1 == 0 { half } else { !half });
            largest = largest.max(value);
            if varint(&mut rest).is_none() {
                break;
            }
        }
        let count = u64::try_from(largest.saturating_add(1)).unwrap_or(0);
        let bytes = table.len().saturating_sub(rest.len());
        (count.min(MAX_INLINED_CALLS_OF_ONE), bytes)
    }
}

/// A number of seven bits a byte, the lowest first.
fn varint(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u32> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = bytes.next()?;
        number |= u32::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
