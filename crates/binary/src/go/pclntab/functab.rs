//! Which functions there are, and what the table says of each: runtime/symtab.go (`functab`),
//! runtime/runtime2.go (`_func`), cmd/link/internal/ld/pcln.go (`writePCToFunc`, `writeFuncs`).
//!
//! ```text
//! functab     (start of code, offset of _func) for each, then the end of the last one's code
//! _func       entry, nameOff, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset (1.16..),
//!             startLine (1.20..), funcID, flag, padding, nfuncdata: a byte each
//!             then npcdata offsets into pctab, and nfuncdata pointers or offsets
//! ```
//!
//! Up to Go 1.17, starts of code and pointers are addresses; since Go 1.18 they are offsets of four
//! bytes, from the start of the code and from `go:func.*`.

use super::{Layout, Pclntab, WORDS_AT};
use crate::bytes::Bytes;
use crate::limits::MAX_FUNCTIONS;

/// The table of functions proper.
#[derive(Clone, Copy, Debug)]
pub(super) struct Functab<'t, 'data> {
    table: &'t Pclntab<'data>,
    /// Where it starts in the table.
    start: u64,
    /// What the offsets of descriptions count from.
    base: u64,
    /// The size of a number in it, in bytes.
    cell: u64,
    /// How many functions there are.
    pub(super) count: u64,
}

/// What is said of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Func {
    /// Where its name starts, as the table has it.
    pub(super) name: u64,
    /// What was inlined into it, if anything.
    pub(super) calls: Option<Calls>,
}

/// Where the calls are listed that were inlined into a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    /// The list: an address up to Go 1.17, else an offset from `go:func.*`.
    pub(super) tree: u64,
    /// Which instructions are of which call: an offset into `pctab`.
    pub(super) indices: u64,
}

/// Which of a function's tables are about inlining: `PCDATA_InlTreeIndex` and `FUNCDATA_InlTree`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) pcdata: u64,
    pub(super) funcdata: u64,
}

impl Numbers {
    /// The numbers to try, for a layout: runtime/symtab.go of Go 1.13 to 1.15, and of 1.12.
    pub(super) fn of(layout: Layout) -> &'static [Self] {
        match layout {
            Layout::Go1_2 => &[
                Self {
                    pcdata: 2,
                    funcdata: 4,
                },
                Self {
                    pcdata: 1,
                    funcdata: 2,
                },
            ],
            _ => &[Self {
                pcdata: 2,
                funcdata: 3,
            }],
        }
    }
}

impl<'t, 'data> Functab<'t, 'data> {
    /// The table of `table`; `None` when it has no place or more functions than any program has.
    pub(super) fn of(table: &'t Pclntab<'data>) -> Option<Self> {
        let pointer = table.pointer_size;
        let (start, base, cell) = match table.layout {
            Layout::Go1_2 => (WORDS_AT.checked_add(pointer)?, 0, pointer),
            Layout::Go1_16 => (table.word(6)?, table.word(6)?, pointer),
            Layout::Go1_18 | Layout::Go1_20 => (table.word(7)?, table.word(7)?, 4),
        };
        let count = table.word(0)?;
        (count <= MAX_FUNCTIONS).then_some(Self {
            table,
            start,
            base,
            cell,
            count,
        })
    }

    /// Which instructions are of which call, of all functions; `Calls::indices` count from its start.
    pub(super) fn pctab(&self) -> Option<Bytes<'data>> {
        match self.table.layout {
            Layout::Go1_2 => Some(self.table.table),
            Layout::Go1_16 => self.table.part(5, 6),
            Layout::Go1_18 | Layout::Go1_20 => self.table.part(6, 7),
        }
    }

    /// How many bytes lie between the start of the first function and the end of the last.
    pub(super) fn span(&self) -> Option<u64> {
        self.cell_at(self.count, 0)?
            .checked_sub(self.cell_at(0, 0)?)
    }

    /// Where the code of a function starts, as the table has it.
    pub(super) fn entry(&self, index: u64) -> Option<u64> {
        self.cell_at(index, 0)
    }

    /// Where the name of a function starts, as the table has it.
    pub(super) fn name(&self, index: u64) -> Option<u64> {
        self.name_at(self.described_at(index)?)
    }

    /// What is said of a function.
    pub(super) fn func(&self, index: u64, numbers: Numbers) -> Option<Func> {
        let at = self.described_at(index)?;
        Some(Func {
            name: self.name_at(at)?,
            calls: self.calls(at, numbers),
        })
    }

    fn described_at(&self, index: u64) -> Option<u64> {
        self.base.checked_add(self.cell_at(index, 1)?)
    }

    fn name_at(&self, described: u64) -> Option<u64> {
        self.table.number(described.checked_add(self.cell)?, 4)
    }

    fn calls(&self, at: u64, numbers: Numbers) -> Option<Calls> {
        let (table, pointer) = (self.table, self.table.pointer_size);
        let word = |at: u64| table.number(at, 4);
        // Behind `entry`, six fields stand before `npcdata`.
        let pcdata_count = word(at.checked_add(self.cell)?.checked_add(24)?)?;
        let later_fields = match table.layout {
            Layout::Go1_2 => 0,
            Layout::Go1_16 | Layout::Go1_18 => 4,
            Layout::Go1_20 => 8,
        };
        // `npcdata` and the four single bytes.
        let size = self.cell.checked_add(24 + 8)?.checked_add(later_fields)?;
        let pcdata = at.checked_add(size)?;
        let funcdata_count = table.number(pcdata.checked_sub(1)?, 1)?;
        if pcdata_count <= numbers.pcdata || funcdata_count <= numbers.funcdata {
            return None;
        }
        let indices = word(pcdata.checked_add(numbers.pcdata.checked_mul(4)?)?)?;
        let funcdata = pcdata.checked_add(pcdata_count.checked_mul(4)?)?;
        let tree = match table.layout {
            Layout::Go1_2 | Layout::Go1_16 => {
                let funcdata = funcdata.checked_next_multiple_of(pointer)?;
                let skipped = numbers.funcdata.checked_mul(pointer)?;
                let tree = table.number(funcdata.checked_add(skipped)?, pointer)?;
                (tree != 0).then_some(tree)?
            }
            Layout::Go1_18 | Layout::Go1_20 => {
                let tree = word(funcdata.checked_add(numbers.funcdata.checked_mul(4)?)?)?;
                (tree != u64::from(u32::MAX)).then_some(tree)?
            }
        };
        // Offset 0 of `pctab` means that there is no table.
        (indices != 0).then_some(Calls { tree, indices })
    }

    fn cell_at(&self, index: u64, column: u64) -> Option<u64> {
        let cells = index.checked_mul(2)?.checked_add(column)?;
        let at = self.start.checked_add(cells.checked_mul(self.cell)?)?;
        self.table.number(at, self.cell)
    }
}
