//! Go's table of functions, which stripping keeps because the runtime needs it: runtime/symtab.go
//! (`pcHeader`), debug/gosym/pclntab.go (`parsePclnTab`), cmd/link/internal/ld/pcln.go.
//!
//! Read are the names of functions, inlined ones included, and the names of source files; and on
//! demand where the functions of a name stand, and what they were inlined into.
//!
//! ```text
//! magic  Go          header, after magic, two zeros, quantum and pointer size
//! fb     1.2..1.15   nfunc, then functab; names anywhere in the table
//! fa     1.16, 1.17  nfunc nfiles          funcname cu filetab pctab pcln
//! f0     1.18, 1.19  nfunc nfiles textStart funcname cu filetab pctab pcln
//! f1     1.20..      the same
//! ```

mod functab;
mod inlining;
mod locate;
mod moduledata;
mod names;
mod places;

use std::collections::BTreeSet;

use object::Endianness;

use crate::bytes::Bytes;
use crate::image::Image;
use crate::partial::Incomplete;
use crate::quantity::{Offset, Size};
pub use names::{Name, Names};
pub use places::{CodeLocation, Inlined, Linked};

/// The table of functions of a Go program or library.
#[derive(Clone, Debug)]
pub struct Pclntab<'data> {
    /// From the header to the end of the section or segment that holds it.
    table: Bytes<'data>,
    layout: Layout,
    endian: Endianness,
    /// In bytes: 4 or 8.
    pointer_size: u64,
    /// Up to Go 1.15, where the names of functions start that were inlined: no part of the table
    /// lists them.
    inlined: Vec<u64>,
}

/// How the table is laid out, by the first Go that wrote it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layout {
    Go1_2,
    Go1_16,
    Go1_18,
    Go1_20,
}

/// The last byte of the magic `0xffffff__`, and what it means (internal/abi/symtab.go).
const MAGICS: [(u8, Layout); 4] = [
    (0xfb, Layout::Go1_2),
    (0xfa, Layout::Go1_16),
    (0xf0, Layout::Go1_18),
    (0xf1, Layout::Go1_20),
];
const QUANTUM_AT: u64 = 6;
const POINTER_SIZE_AT: u64 = 7;
const WORDS_AT: u64 = 8;

impl<'data> Pclntab<'data> {
    /// Finds the table: by the name of its section or, where a linker has merged that into another
    /// or the section headers are gone, by its magic in what is loaded.
    ///
    /// # Errors
    /// [`Incomplete`] when what may hold it has not been read.
    pub fn read(image: &dyn Image<'data>) -> Result<Option<Self>, Incomplete> {
        let Some(mut found) = image.file().settled(locate::locate(image))? else {
            return Ok(None);
        };
        if found.layout == Layout::Go1_2 {
            found.inlined = image.file().settled(inlining::names(&found, image))?;
        }
        Ok(Some(found))
    }

    /// The names of all functions, inlined ones included, in the table's order.
    ///
    /// # Errors
    /// [`Incomplete`] when they have not been read.
    pub fn functions(&self) -> Result<Names<'data>, Incomplete> {
        match self.layout {
            Layout::Go1_2 => {
                let starts = self.table.settled(self.function_starts())?;
                let inlined = self.inlined.iter().copied();
                Names::pointed_at(self.table, starts.into_iter().chain(inlined))
            }
            Layout::Go1_16 => self.between(2, 3),
            Layout::Go1_18 | Layout::Go1_20 => self.between(3, 4),
        }
    }

    /// The names of all source files, as the compiler was told them.
    ///
    /// # Errors
    /// [`Incomplete`] when they have not been read.
    pub fn files(&self) -> Result<Names<'data>, Incomplete> {
        match self.layout {
            Layout::Go1_2 => {
                let starts = self.table.settled(self.file_starts())?;
                Names::pointed_at(self.table, starts.into_iter())
            }
            Layout::Go1_16 => self.between(4, 5),
            Layout::Go1_18 | Layout::Go1_20 => self.between(5, 6),
        }
    }

    /// The size of a pointer in the program, in bytes: 4 or 8.
    pub fn pointer_size(&self) -> u64 {
        self.pointer_size
    }

    /// Where the table stands in the file.
    pub fn offset(&self) -> Offset {
        self.table.base()
    }

    /// Whether `table` starts with a magic.
    fn has_magic(table: Bytes<'_>) -> bool {
        layout_of(table).is_some()
    }

    /// Reads the header at the start of `table` and holds it against the rest; `None` when it is no
    /// header or contradicts itself.
    fn parse(table: Bytes<'data>) -> Option<Self> {
        let (endian, layout) = layout_of(table)?;
        let [quantum] = *table.read::<[u8; 1]>(QUANTUM_AT, "quantum").ok()?;
        let [pointer_size] = *table.read::<[u8; 1]>(POINTER_SIZE_AT, "size").ok()?;
        if !matches!(quantum, 1 | 2 | 4) || !matches!(pointer_size, 4 | 8) {
            return None;
        }
        let found = Self {
            table,
            layout,
            endian,
            pointer_size: pointer_size.into(),
            inlined: Vec::new(),
        };
        found.is_sane().then_some(found)
    }

    /// Whether the parts lie in the table in the order in which the linker writes them.
    fn is_sane(&self) -> bool {
        let functions = self.word(0).unwrap_or(0);
        let parts = match self.layout {
            Layout::Go1_2 => {
                let entry = self.pointer_size.saturating_mul(2);
                let size = functions.saturating_mul(entry);
                return functions > 0 && size < self.table.size().0;
            }
            Layout::Go1_16 => 2..7u64,
            Layout::Go1_18 | Layout::Go1_20 => 3..8,
        };
        let Some(parts) = parts
            .map(|index| self.word(index))
            .collect::<Option<Vec<u64>>>()
        else {
            return false;
        };
        let end = self.table.size().0;
        functions > 0 && parts.is_sorted() && parts.last().is_some_and(|last| *last < end)
    }

    /// A word of the header behind the pointer size.
    fn word(&self, index: u64) -> Option<u64> {
        let at = index.checked_mul(self.pointer_size)?;
        self.number(WORDS_AT.checked_add(at)?, self.pointer_size)
    }

    fn number(&self, at: u64, size: u64) -> Option<u64> {
        self.value(
            self.table
                .slice(at, Size(size), "pclntab")
                .ok()?
                .data()
                .ok()?,
        )
    }

    /// A number of up to eight bytes, in the program's byte order.
    fn value(&self, bytes: &[u8]) -> Option<u64> {
        let add = |value: u64, byte: &u8| Some(value.checked_mul(256)? | u64::from(*byte));
        match self.endian {
            Endianness::Little => bytes.iter().rev().try_fold(0, add),
            Endianness::Big => bytes.iter().try_fold(0, add),
        }
    }

    /// The names that stand between two offsets of the header.
    fn between(&self, start: u64, end: u64) -> Result<Names<'data>, Incomplete> {
        Names::in_a_row(self.table.settled(self.part(start, end))?)
    }

    /// What stands between two offsets of the header.
    fn part(&self, start: u64, end: u64) -> Option<Bytes<'data>> {
        let start = self.word(start)?;
        let size = Size(self.word(end)?.checked_sub(start)?);
        self.table.slice(start, size, "a part").ok()
    }

    /// Where each function's name starts. `functab` has, for each, its address and the offset of
    /// what describes it, whose first field is the address and whose second is the name.
    fn function_starts(&self) -> Vec<u64> {
        let step = self.pointer_size.saturating_mul(2);
        let functab = WORDS_AT.saturating_add(self.pointer_size);
        let count = self.word(0).unwrap_or(0);
        let starts = (0..count).map_while(|index| {
            let entry = functab.checked_add(index.checked_mul(step)?)?;
            let described =
                self.number(entry.checked_add(self.pointer_size)?, self.pointer_size)?;
            self.number(described.checked_add(self.pointer_size)?, 4)
        });
        starts.collect()
    }

    /// Where each file's name starts. Behind `functab` and the address at its end stands the offset
    /// of a table of offsets, whose first is how many there are; the names' count from 1.
    fn file_starts(&self) -> Vec<u64> {
        let starts = || {
            let step = self.pointer_size.checked_mul(2)?;
            let functab = WORDS_AT.checked_add(self.pointer_size)?;
            let size = self
                .word(0)?
                .checked_mul(step)?
                .checked_add(self.pointer_size)?;
            let table = self.number(functab.checked_add(size)?, 4)?;
            let count = self.number(table, 4)?;
            let starts = (1..count)
                .map_while(|index| self.number(table.checked_add(index.checked_mul(4)?)?, 4));
            Some(starts.collect())
        };
        starts().unwrap_or_default()
    }
}

/// The byte order and layout that the first bytes say.
fn layout_of(table: Bytes<'_>) -> Option<(Endianness, Layout)> {
    let head = *table.read::<[u8; 6]>(0, "pcHeader").ok()?;
    let (endian, last) = match head {
        [last, 0xff, 0xff, 0xff, 0, 0] => (Endianness::Little, last),
        [0xff, 0xff, 0xff, last, 0, 0] => (Endianness::Big, last),
        _ => return None,
    };
    let (_, layout) = *MAGICS.iter().find(|(magic, _)| *magic == last)?;
    Some((endian, layout))
}

/// What cmd/cgo puts into the names of the functions it makes for each C function called.
const CALLS_C: [&[u8]; 2] = [b"._Cfunc_", b"._C2func_"];

/// The import paths of the packages that call C functions through cgo; empty when the program has
/// no readable table of functions.
///
/// # Errors
/// [`Incomplete`] when that has not been read.
pub fn packages_with_cgo_calls(image: &dyn Image<'_>) -> Result<BTreeSet<String>, Incomplete> {
    let mut packages = BTreeSet::new();
    if let Some(table) = Pclntab::read(image)? {
        for name in table.functions()? {
            packages.extend(name.calls_c());
        }
    }
    Ok(packages)
}

/// Whether there is a table of functions of Go's linker, with or without a section of its own.
///
/// # Errors
/// [`Incomplete`] when what may hold it has not been read.
pub fn has_pclntab(image: &dyn Image<'_>) -> Result<bool, Incomplete> {
    Ok(Pclntab::read(image)?.is_some())
}

/// Whether the program is linked with the runtime's side of cgo, and so with C.
///
/// That is package runtime/cgo. Up to Go 1.20 none of its functions bears its name; `crosscall2`,
/// through which C calls Go (runtime/cgo/asm_amd64.s), is there in every version. What purego puts
/// into its place to do without C has a function of the same name.
///
/// # Errors
/// [`Incomplete`] when the table of functions has not been read.
pub fn has_cgo(image: &dyn Image<'_>) -> Result<bool, Incomplete> {
    let Some(table) = Pclntab::read(image)? else {
        return Ok(false);
    };
    let mut calls_back = false;
    let mut is_purego = false;
    for name in table.functions()? {
        if name.bytes.starts_with(b"runtime/cgo.") {
            return Ok(true);
        }
        calls_back |= name.bytes == b"crosscall2";
        is_purego |= name.bytes.starts_with(PUREGO);
    }
    Ok(calls_back && !is_purego)
}

/// How the names of purego's functions start that stand for those of runtime/cgo.
const PUREGO: &[u8] = b"github.com/ebitengine/purego/internal/fakecgo.";

#[cfg(test)]
mod tests;
