//! What compilers recorded of how they were called: in DWARF (`DW_AT_producer`, gcc writes its
//! flags there), in `.GCC.command.line` (-frecord-gcc-switches), and in the notes of annobin.
//!
//! Most shipped files have none of these; then there is nothing here.

use handpie_binary::elf::Elf;
use memchr::{memchr, memmem};

use crate::limits::MAX_COMPILATIONS;

/// The flags of each compilation that recorded them.
pub(super) struct Producers<'data> {
    compilations: Vec<&'data [u8]>,
    annobin: &'data [u8],
}

/// How many of the compilations that recorded their flags had a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Had {
    /// None recorded anything.
    Unrecorded,
    /// None had it.
    None,
    /// Some had it.
    Some,
    /// All had it.
    All,
}

impl<'data> Producers<'data> {
    pub(super) fn of(elf: &Elf<'data>) -> Self {
        let data = |name| {
            let section = elf.section(name)?;
            // Compressed sections are not read: what is recorded is evidence, not a need.
            let plain = !section
                .flags
                .contains(handpie_binary::elf::constants::SHF_COMPRESSED);
            let data = elf.section_data(section).ok().filter(|_| plain)?;
            data.data().ok()
        };
        let mut compilations = Vec::new();
        for strings in [data(".debug_str"), data(".GCC.command.line")]
            .into_iter()
            .flatten()
        {
            let starts = memmem::find_iter(strings, b"GNU C").take(MAX_COMPILATIONS);
            let records = starts.filter_map(|start| c_string(strings, start));
            compilations.extend(records.filter(|record| !is_of_toolchain(record)));
        }
        Self {
            compilations,
            annobin: data(".gnu.build.attributes").unwrap_or_default(),
        }
    }

    /// How many compilations had a flag that starts so; of several of a kind, the last counts.
    pub(super) fn had(&self, flag: &str, opposite: &str) -> Had {
        let last = |compilation: &&[u8]| {
            let mut words = compilation.split(|&byte| byte == b' ').rev();
            let decides = words.find(|word| {
                word.starts_with(flag.as_bytes()) || word.starts_with(opposite.as_bytes())
            });
            decides.is_some_and(|word| word.starts_with(flag.as_bytes()))
        };
        let count = self.compilations.iter().filter(|one| last(one)).count();
        match (self.compilations.len(), count) {
            (0, _) => Had::Unrecorded,
            (_, 0) => Had::None,
            (all, with) if all == with => Had::All,
            _ => Had::Some,
        }
    }

    /// The lowest level that annobin recorded: a note `GA*FORTIFY` and the level in a byte.
    pub(super) fn fortify_level(&self) -> Option<u8> {
        const NOTE: &[u8] = b"GA*FORTIFY\0";
        let notes = memmem::find_iter(self.annobin, NOTE);
        let levels = notes.filter_map(|start| {
            let level = self.annobin.get(start.checked_add(NOTE.len())?)?;
            (1..=3).contains(level).then_some(*level)
        });
        levels.min()
    }
}

/// Start files and runtimes of libc, gcc and sanitizers may carry records too; they are compiled in
/// ways in which no program is.
fn is_of_toolchain(record: &[u8]) -> bool {
    const FLAGS: [&[u8]; 4] = [
        b"-ffreestanding",
        b"-fno-builtin",
        b"-fbuilding-libgcc",
        b"-nostdinc",
    ];
    FLAGS
        .iter()
        .any(|flag| memmem::find(record, flag).is_some())
}

fn c_string(strings: &[u8], start: usize) -> Option<&[u8]> {
    let rest = strings.get(start..)?;
    rest.get(..memchr(0, rest)?)
}
