//! Where the code of a program starts, and where `go:func.*` does, from which offsets count since
//! Go 1.18: runtime/symtab.go (`moduledata`), cmd/link/internal/ld/symtab.go.
//!
//! The fields of `moduledata` change with nearly every Go, without a number that says so. But it
//! starts with a pointer to the table of functions, and then one to its names, which nothing else
//! does; and each of the fields that are looked for can be told by what it points at.
//!
//! The linkers of Go, and RELR, leave every pointer in its place in the file, in a PIE too. What GNU
//! ld and lld link has them only in the relocation table. Not read are the chained fixups of Apple's
//! linker, which hide what a word was.

use std::collections::HashSet;

use super::Pclntab;
use super::functab::Functab;
use crate::image::{Image, Loaded};
use crate::limits::{MAX_MODULEDATA_TRIES, MAX_MODULEDATA_WORDS};
use crate::quantity::{Address, Size};

/// What is loaded where.
#[derive(Clone, Debug)]
pub(super) struct Memory<'data>(Vec<Loaded<'data>>);

impl<'data> Memory<'data> {
    pub(super) fn of(image: &dyn Image<'data>) -> Self {
        Self(image.loaded())
    }

    /// The bytes from an address to the end of what is loaded with it.
    pub(super) fn from(&self, address: Address) -> Option<crate::Bytes<'data>> {
        self.0.iter().find_map(|part| {
            let start = address.distance_from(part.address)?.0;
            let size = part.data.size().0.checked_sub(start)?;
            (size > 0).then(|| part.data.slice(start, Size(size), "memory").ok())?
        })
    }

    /// Where the table of functions is loaded.
    fn address_of(&self, table: &Pclntab<'_>) -> Option<Address> {
        self.0.iter().find_map(|part| {
            let start = table.offset().distance_from(part.data.base())?;
            (start < part.data.size()).then(|| part.address.checked_add(start))?
        })
    }
}

/// The first words of `moduledata`; of those that are not pointers, what happens to stand there.
#[derive(Clone, Debug)]
pub(super) struct Moduledata(Vec<u64>);

impl Moduledata {
    /// Finds it by its first two pointers.
    pub(super) fn find(
        table: &Pclntab<'_>,
        memory: &Memory<'_>,
        image: &dyn Image<'_>,
    ) -> Option<Self> {
        let header = memory.address_of(table)?.0;
        let names = header.checked_add(table.word(3)?)?;
        let found = in_place(table, memory, header, names);
        // What has not been read may hold it, and then nothing else need be.
        found.or_else(|| match image.file().settled(()) {
            Ok(()) => in_relocations(table, image, header, names),
            Err(_) => None,
        })
    }

    /// Where the code starts from which `functab` counts: the fields `minpc` and `maxpc` follow each
    /// other, and are as far apart as the first function and the end of the last one.
    pub(super) fn text(&self, functab: &Functab<'_, '_>) -> Option<Address> {
        let (span, first) = (functab.span()?, functab.entry(0)?);
        let found = self.0.windows(2).find(|pair| match pair {
            [minpc, maxpc] => *minpc > 0 && maxpc.checked_sub(*minpc) == Some(span),
            _ => false,
        });
        found?.first()?.checked_sub(first).map(Address)
    }

    /// The words that may be a pointer to something.
    pub(super) fn pointers(&self) -> impl Iterator<Item = Address> {
        self.0
            .iter()
            .filter(|word| **word != 0)
            .map(|word| Address(*word))
    }
}

fn in_place(
    table: &Pclntab<'_>,
    memory: &Memory<'_>,
    header: u64,
    names: u64,
) -> Option<Moduledata> {
    let pointer = usize::try_from(table.pointer_size).ok()?;
    let needle = word(table, header)?;
    let mut tries = MAX_MODULEDATA_TRIES;
    let mut parts = memory.0.iter().filter(|part| part.writable);
    let found = parts.find_map(|part| {
        let found = part.data.search(&needle, |at| {
            let Some(left) = tries.checked_sub(1) else {
                return Some(None);
            };
            tries = left;
            let most = table.pointer_size.checked_mul(MAX_MODULEDATA_WORDS)?;
            let size = part.data.size().0.checked_sub(at)?.min(most);
            let data = part
                .data
                .slice(at, Size(size), "moduledata")
                .ok()?
                .data()
                .ok()?;
            let words = data.chunks_exact(pointer).map(|word| table.value(word));
            let words: Vec<u64> = words.collect::<Option<_>>()?;
            (words.get(1) == Some(&names)).then_some(Some(Moduledata(words)))
        });
        found.ok()?
    });
    found.flatten()
}

/// A word as it stands in the file.
fn word(table: &Pclntab<'_>, value: u64) -> Option<Vec<u8>> {
    let bytes = match (table.endian, table.pointer_size) {
        (object::Endianness::Little, 8) => value.to_le_bytes().to_vec(),
        (object::Endianness::Big, 8) => value.to_be_bytes().to_vec(),
        (object::Endianness::Little, _) => u32::try_from(value).ok()?.to_le_bytes().to_vec(),
        (object::Endianness::Big, _) => u32::try_from(value).ok()?.to_be_bytes().to_vec(),
    };
    Some(bytes)
}

fn in_relocations(
    table: &Pclntab<'_>,
    image: &dyn Image<'_>,
    header: u64,
    names: u64,
) -> Option<Moduledata> {
    let relative = image.relative().ok()?;
    let to = |value: u64| relative.iter().filter(move |(_, it)| it.0 == value);
    let starts: HashSet<Address> = to(header).map(|(target, _)| *target).collect();
    let start = to(names).find_map(|(second, _)| {
        let start = Address(second.0.checked_sub(table.pointer_size)?);
        starts.contains(&start).then_some(start)
    })?;
    let mut words = vec![0; usize::try_from(MAX_MODULEDATA_WORDS).ok()?];
    for (target, value) in &relative {
        let distance = target.distance_from(start);
        let index = distance.and_then(|it| it.0.checked_div(table.pointer_size));
        let index = index.and_then(|it| usize::try_from(it).ok());
        if let Some(word) = index.and_then(|index| words.get_mut(index)) {
            *word = value.0;
        }
    }
    Some(Moduledata(words))
}
