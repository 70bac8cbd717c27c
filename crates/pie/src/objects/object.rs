//! Reads an object as far as a survey needs it. Anything may be wrong with it.

use handpie_binary::elf::constants::{
    ET_REL, GRP_COMDAT, Rel32, Rel64, Rela32, Rela64, SHF_ALLOC, SHN_ABS, SHN_COMMON, SHN_UNDEF,
    SHT_CREL, SHT_GROUP, SHT_REL, SHT_RELA, SHT_SYMTAB, STB_LOCAL, STB_WEAK, STT_SECTION,
    SectionFlags, SectionType, Sym32, Sym64, SymbolInfo,
};
use handpie_binary::elf::{Class, Section};
use handpie_binary::identify::{FileKind, identify};
use handpie_binary::{Bytes, Elf, Endianness, Incomplete, Offset, Size, read_together};
use object::pod::Pod;
use object::read::elf::Sym;

use super::limits::MAX_SHARING;
use super::offender::Code;

/// The first bytes of LLVM's bitcode, without and with a wrapper (LLVM Bitcode File Format,
/// "Bitcode Wrapper Format").
const BITCODE: [&[u8]; 2] = [b"BC\xc0\xde", b"\xde\xc0\x17\x0b"];

/// All magics lie in so many bytes at the start of a file.
const IDENTIFYING: u64 = 16;

/// What gcc marks an object with that has nothing but its intermediate code
/// (gcc/toplev.cc, `compile_file`).
const SLIM_LTO: &[u8] = b"__gnu_lto_slim\0";
const GNU_LTO: &[u8] = b".gnu.lto_";

/// An object whose tables lie inside the file.
pub(super) struct Object<'data> {
    pub(super) elf: Elf<'data>,
    symbols: Symbols<'data>,
    /// The index of the section of the symbols; 0 without one.
    symbols_index: usize,
    names: Bytes<'data>,
}

/// Why an object is not read any further.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) code: Code,
    pub(super) note: String,
}

impl Trouble {
    pub(super) fn new(code: Code, note: impl Into<String>) -> Self {
        Self {
            code,
            note: note.into(),
        }
    }

    /// A member of a thin archive whose file was not given.
    pub(super) fn missing() -> Self {
        Self::new(
            Code::Damaged,
            "a file that the thin archive refers to is missing",
        )
    }
}

impl From<Incomplete> for Trouble {
    fn from(incomplete: Incomplete) -> Self {
        handpie_binary::Error::from(incomplete).into()
    }
}

impl From<handpie_binary::Error> for Trouble {
    fn from(error: handpie_binary::Error) -> Self {
        Self::new(Code::Damaged, error.to_string())
    }
}

enum Symbols<'data> {
    Bits32(&'data [Sym32<Endianness>]),
    Bits64(&'data [Sym64<Endianness>]),
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbol {
    name: u32,
    pub(super) info: SymbolInfo,
    /// `st_shndx`. What stands for a number too large for it is not of interest here.
    pub(super) section: u16,
}

/// The name of a symbol, and the symbol.
pub(super) type Global<'data> = (&'data [u8], Symbol);

impl Symbol {
    pub(super) fn is_defined(self) -> bool {
        self.section != SHN_UNDEF.0
    }

    /// Whether it is a number, which stays what it is wherever the program is.
    pub(super) fn is_number(self) -> bool {
        self.section == SHN_ABS.0
    }

    pub(super) fn is_common(self) -> bool {
        self.section == SHN_COMMON.0
    }

    pub(super) fn is_weak(self) -> bool {
        self.info.st_bind() == STB_WEAK
    }

    fn is_local(self) -> bool {
        self.info.st_bind() == STB_LOCAL
    }
}

/// Sections that many objects have, such as those of an inline function (`GRP_COMDAT`).
pub(super) struct Comdat<'data> {
    pub(super) name: &'data [u8],
    /// By their index.
    pub(super) sections: Vec<usize>,
}

/// The relocations of one section, of which the ABI of the CPU has one form.
pub(super) struct Table<'data> {
    /// The section that is relocated.
    pub(super) target: usize,
    /// Where in the file the first one stands.
    pub(super) start: Offset,
    pub(super) entries: Entries<'data>,
}

pub(super) enum Entries<'data> {
    Rel32(&'data [Rel32<Endianness>]),
    Rela32(&'data [Rela32<Endianness>]),
    Rel64(&'data [Rel64<Endianness>]),
    Rela64(&'data [Rela64<Endianness>]),
    /// A form that is not read here.
    Unknown,
}

pub(super) fn is_archive(bytes: Bytes<'_>) -> bool {
    identify(start(bytes)) == FileKind::Archive
}

/// Whether linkers take a member of an archive for something to link.
pub(super) fn is_for_linkers(bytes: Bytes<'_>) -> bool {
    identify(start(bytes)) == FileKind::Elf || is_bitcode(bytes)
}

fn is_bitcode(bytes: Bytes<'_>) -> bool {
    let start = start(bytes);
    BITCODE.iter().any(|magic| start.starts_with(magic))
}

fn start(bytes: Bytes<'_>) -> &[u8] {
    let size = Size(bytes.size().0.min(IDENTIFYING));
    let start = bytes.slice(0, size, "the magic");
    start.map_or(&[], |start| start.data().unwrap_or_default())
}

pub(super) fn read(bytes: Bytes<'_>) -> Result<Object<'_>, Trouble> {
    if is_bitcode(bytes) {
        let note = "contains only LLVM bitcode, which is compiled at link time (LTO)";
        return Err(Trouble::new(Code::Lto, note));
    }
    match identify(start(bytes)) {
        FileKind::Elf => {}
        FileKind::Unknown => {
            let note = "neither an object file nor an archive";
            return Err(Trouble::new(Code::NotAnObject, note));
        }
        other => {
            let note = format!("not an object file, but {}", other.describe());
            return Err(Trouble::new(Code::NotAnObject, note));
        }
    }
    let elf = Elf::parse(bytes)?;
    if elf.header().kind != ET_REL {
        let note = format!("`e_type` is {:?}, expected ET_REL", elf.header().kind);
        return Err(Trouble::new(Code::NotAnObject, note));
    }
    refuse_overlaps(&elf)?;
    let mut tables = elf.sections().iter().filter(|s| s.kind == SHT_SYMTAB);
    let section = tables.next();
    if tables.next().is_some() {
        return Err(Trouble::new(Code::Damaged, "has two symbol tables"));
    }
    let empty = bytes.slice(0, Size(0), "no symbols")?;
    let (data, names, symbols_index) = match section {
        Some(section) => {
            let names = usize::try_from(section.link).ok();
            let Some(names) = names.and_then(|index| elf.sections().get(index)) else {
                let note = format!(
                    "the symbol table's string table is section {}, which does not \
                                    exist",
                    section.link
                );
                return Err(Trouble::new(Code::Damaged, note));
            };
            let (data, names) = (elf.section_data(section)?, elf.section_data(names)?);
            (data, names, section.index)
        }
        None => (empty, empty, 0),
    };
    read_together(judged_tables(&elf))?;
    let symbols = match elf.header().class {
        Class::Elf32 => Symbols::Bits32(entries(data)?),
        Class::Elf64 => Symbols::Bits64(entries(data)?),
    };
    Ok(Object {
        symbols,
        symbols_index,
        names,
        elf,
    })
}

/// The tables that every object is judged by: its symbols, and the relocations of what is loaded.
fn judged_tables<'data>(elf: &Elf<'data>) -> impl Iterator<Item = Bytes<'data>> {
    let sections = elf.sections();
    let is_judged = move |section: &&Section<'_>| match section.kind {
        SHT_SYMTAB => true,
        SHT_REL | SHT_RELA => {
            let target = usize::try_from(section.info).ok();
            let target = target.and_then(|target| sections.get(target));
            target.is_some_and(|target| is_loaded(target.flags))
        }
        _ => false,
    };
    let tables = sections.iter().filter(is_judged);
    tables.filter_map(|table| elf.section_data(table).ok())
}

/// Tables that share bytes would make the work of reading them larger than the file.
fn refuse_overlaps(elf: &Elf<'_>) -> Result<(), Trouble> {
    let is_table = |kind: SectionType| [SHT_SYMTAB, SHT_REL, SHT_RELA, SHT_GROUP].contains(&kind);
    let sections = elf.sections().iter();
    let tables = sections.filter(|section| is_table(section.kind));
    let total = tables.fold(0u64, |sum, table| sum.saturating_add(table.file_size().0));
    let size = elf.file().size().0;
    if total > size {
        let note = format!(
            "tables of {total:#x} bytes in total overlap in a file of {size:#x} \
                            bytes"
        );
        return Err(Trouble::new(Code::Damaged, note));
    }
    Ok(())
}

fn entries<T: Pod>(table: Bytes<'_>) -> Result<&[T], handpie_binary::Error> {
    let size = size_of::<T>() as u64;
    let count = table.size().0.checked_div(size).unwrap_or(0);
    table.read_table::<T>(0, count, "a table")
}

impl<'data> Object<'data> {
    fn endian(&self) -> Endianness {
        self.elf.header().endian
    }

    pub(super) fn section(&self, index: usize) -> Option<&Section<'data>> {
        self.elf.sections().get(index)
    }

    pub(super) fn symbol_count(&self) -> usize {
        match self.symbols {
            Symbols::Bits32(symbols) => symbols.len(),
            Symbols::Bits64(symbols) => symbols.len(),
        }
    }

    pub(super) fn symbol(&self, index: u32) -> Option<Symbol> {
        let endian = self.endian();
        let index = usize::try_from(index).ok()?;
        match self.symbols {
            Symbols::Bits32(symbols) => symbols.get(index).map(|raw| of(raw, endian)),
            Symbols::Bits64(symbols) => symbols.get(index).map(|raw| of(raw, endian)),
        }
    }

    /// Every symbol.
    pub(super) fn symbols(&self) -> impl Iterator<Item = Symbol> {
        let endian = self.endian();
        let (bits32, bits64) = match self.symbols {
            Symbols::Bits32(symbols) => (symbols, &[][..]),
            Symbols::Bits64(symbols) => (&[][..], symbols),
        };
        let bits32 = bits32.iter().map(move |raw| of(raw, endian));
        bits32.chain(bits64.iter().map(move |raw| of(raw, endian)))
    }

    pub(super) fn name(&self, symbol: Symbol) -> &'data [u8] {
        let name = self.names.c_string(symbol.name.into());
        name.ok().flatten().unwrap_or_default()
    }

    /// Whether a symbol has a name, which is given with its NUL.
    fn is_called(&self, symbol: Symbol, name: &[u8]) -> bool {
        let found = self
            .names
            .slice(symbol.name.into(), Size::of(name.len()), "a name");
        found.is_ok_and(|found| found.data() == Ok(name))
    }

    /// The name of a symbol for people: a section's symbol mostly has none.
    pub(super) fn shown_name(&self, symbol: Symbol) -> &'data [u8] {
        if symbol.info.st_type() == STT_SECTION {
            let section = self.section(usize::from(symbol.section));
            return section.map_or(b"", |section| section.name);
        }
        self.name(symbol)
    }

    /// The symbols that other objects see, with their names.
    ///
    /// # Errors
    /// When names share so many bytes that reading them would take too long.
    pub(super) fn globals(&self) -> Result<Vec<Global<'data>>, Trouble> {
        let mut room = self.names.size().0.saturating_mul(MAX_SHARING);
        let mut globals = Vec::new();
        for symbol in self.symbols().filter(|symbol| !symbol.is_local()) {
            let name = self.name(symbol);
            spend(&mut room, name)?;
            // What `.symver` makes the default version is found under the plain name, too.
            let is_versioned = name.contains(&b'@');
            let plain = name.windows(2).position(|two| is_versioned && two == b"@@");
            let plain = plain.and_then(|end| name.get(..end));
            let names = plain.into_iter().chain([name]);
            globals.extend(
                names
                    .filter(|name| !name.is_empty())
                    .map(|name| (name, symbol)),
            );
        }
        Ok(globals)
    }

    /// Whether gcc left nothing but its intermediate code.
    pub(super) fn is_slim_lto(&self) -> bool {
        let sections = self.elf.sections();
        if !sections.iter().any(|s| s.name.starts_with(GNU_LTO)) {
            return false;
        }
        let has_code = sections
            .iter()
            .any(|section| is_loaded(section.flags) && section.size.0 > 0);
        let mut commons = self.symbols().filter(|symbol| symbol.is_common());
        !has_code || commons.any(|symbol| self.is_called(symbol, SLIM_LTO))
    }

    /// The groups of which one of a name is kept in a program.
    ///
    /// # Errors
    /// When names share so many bytes that reading them would take too long.
    pub(super) fn groups(&self) -> Result<Vec<Comdat<'data>>, Trouble> {
        let mut room = self.elf.file().size().0.saturating_mul(MAX_SHARING);
        let mut groups = Vec::new();
        for section in self.elf.sections().iter().filter(|s| s.kind == SHT_GROUP) {
            let data = self.elf.section_data(section)?.data()?;
            let mut words = data.chunks_exact(4).filter_map(|word| {
                let word = <[u8; 4]>::try_from(word).ok()?;
                Some(match self.endian() {
                    Endianness::Little => u32::from_le_bytes(word),
                    Endianness::Big => u32::from_be_bytes(word),
                })
            });
            let is_comdat = words.next().is_some_and(|flags| flags & GRP_COMDAT.0 != 0);
            let name = self
                .symbol(section.info)
                .map(|symbol| self.shown_name(symbol));
            if let (true, Some(name)) = (is_comdat, name) {
                spend(&mut room, name)?;
                let sections = words.filter_map(|index| usize::try_from(index).ok());
                groups.push(Comdat {
                    name,
                    sections: sections.collect(),
                });
            }
        }
        Ok(groups)
    }

    /// The relocations of every section that is loaded.
    ///
    /// # Errors
    /// When they are of a section or of symbols that are not there.
    pub(super) fn tables(&self) -> Result<Vec<Table<'data>>, Trouble> {
        let mut tables = Vec::new();
        for section in self.elf.sections() {
            if ![SHT_REL, SHT_RELA, SHT_CREL].contains(&section.kind) {
                continue;
            }
            let damaged = |what: &str, index: u32| {
                let message = format!(
                    "section `{}` has an invalid {what}: {index}",
                    section.name()
                );
                Trouble::new(Code::Damaged, message)
            };
            let target = usize::try_from(section.info).unwrap_or(usize::MAX);
            let Some(relocated) = self.section(target).filter(|_| target > 0) else {
                return Err(damaged("target (`sh_info`)", section.info));
            };
            if !is_loaded(relocated.flags) {
                continue;
            }
            if usize::try_from(section.link).ok() != Some(self.symbols_index) {
                return Err(damaged("symbol table (`sh_link`)", section.link));
            }
            let data = self.elf.section_data(section)?;
            let entries = match (section.kind, self.elf.header().class) {
                (SHT_REL, Class::Elf32) => Entries::Rel32(entries(data)?),
                (SHT_RELA, Class::Elf32) => Entries::Rela32(entries(data)?),
                (SHT_REL, Class::Elf64) => Entries::Rel64(entries(data)?),
                (SHT_RELA, Class::Elf64) => Entries::Rela64(entries(data)?),
                _ => Entries::Unknown,
            };
            tables.push(Table {
                target,
                start: data.base(),
                entries,
            });
        }
        Ok(tables)
    }
}

fn is_loaded(flags: SectionFlags) -> bool {
    flags.contains(SHF_ALLOC)
}

fn spend(room: &mut u64, name: &[u8]) -> Result<(), Trouble> {
    match room.checked_sub(name.len() as u64) {
        Some(left) => *room = left,
        None => return Err(Trouble::new(Code::Damaged, "symbol names overlap")),
    }
    Ok(())
}

fn of<S: Sym<Endian = Endianness>>(raw: &S, endian: Endianness) -> Symbol {
    Symbol {
        name: raw.st_name(endian),
        info: raw.st_info(),
        section: raw.st_shndx(endian).0,
    }
}
