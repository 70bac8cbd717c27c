//! Reads the object: its sections, its symbols, its relocations. Anything may be wrong with it.

use std::collections::BTreeSet;

use handpie_binary::elf::constants::{
    ET_REL, Rel32, Rela64, RelocationType, SHF_ALLOC, SHF_COMPRESSED, SHN_LORESERVE, SHT_NULL,
    SHT_REL, SHT_RELA, SHT_SYMTAB, SHT_SYMTAB_SHNDX, STB_LOCAL, STT_SECTION, Sym32, Sym64,
    SymbolBind, SymbolInfo, SymbolOther, SymbolType,
};
use handpie_binary::elf::{Class, Section};
use handpie_binary::{Bytes, Elf};
use object::LittleEndian;
use object::read::elf::{Rel, Rela, Sym};

use super::cpu::Cpu;
use super::error::{Code, Error, unlinkable};
use super::limits::{MAX_NAME, MAX_SECTIONS};

const LITTLE: LittleEndian = LittleEndian;

/// The object, with everything that points at something else checked.
pub(super) struct Object<'data> {
    pub(super) cpu: &'static Cpu,
    pub(super) elf: Elf<'data>,
    pub(super) symbols: Vec<Symbol<'data>>,
    /// The section of the symbols' names.
    pub(super) names: usize,
    pub(super) tables: Vec<Table<'data>>,
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbol<'data> {
    pub(super) name: &'data [u8],
    pub(super) name_offset: u32,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) info: SymbolInfo,
    pub(super) other: SymbolOther,
    pub(super) section: u16,
}

impl Symbol<'_> {
    pub(super) fn kind(&self) -> SymbolType {
        self.info.st_type()
    }

    pub(super) fn bind(&self) -> SymbolBind {
        self.info.st_bind()
    }

    /// The name for people.
    pub(super) fn shown(&self, object: &Object<'_>) -> String {
        let section = object.elf.sections().get(usize::from(self.section));
        match section {
            Some(section) if self.kind() == STT_SECTION => section.name(),
            _ => String::from_utf8_lossy(self.name).into_owned(),
        }
    }
}

/// The relocations of one section.
pub(super) struct Table<'data> {
    /// The section that is relocated.
    pub(super) target: usize,
    entries: Entries<'data>,
}

enum Entries<'data> {
    Rel(&'data [Rel32<LittleEndian>]),
    Rela(&'data [Rela64<LittleEndian>]),
}

/// One relocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    pub(super) offset: u64,
    pub(super) kind: RelocationType,
    pub(super) symbol: u32,
    /// `None` when it stands in the place itself.
    pub(super) addend: Option<i64>,
}

impl Table<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = Relocation> {
        let (rel, rela) = match self.entries {
            Entries::Rel(entries) => (entries, &[][..]),
            Entries::Rela(entries) => (&[][..], entries),
        };
        let rel = rel.iter().map(|entry| Relocation {
            offset: entry.r_offset(LITTLE).into(),
            kind: entry.r_type(LITTLE),
            symbol: entry.r_sym(LITTLE),
            addend: None,
        });
        let rela = rela.iter().map(|entry| Relocation {
            offset: entry.r_offset(LITTLE),
            kind: entry.r_type(LITTLE, false),
            symbol: entry.r_sym(LITTLE, false),
            addend: Some(entry.r_addend(LITTLE)),
        });
        rel.chain(rela)
    }
}

pub(super) fn read(object: &[u8]) -> Result<Object<'_>, Error> {
    let elf = Elf::parse(object)?;
    let header = elf.header();
    if header.kind != ET_REL {
        let message = format!(
            "`e_type` is {:?} (at offset 0x10), expected ET_REL",
            header.kind
        );
        return unlinkable(Code::Unsupported, message);
    }
    let cpu = match Cpu::of_machine(header.machine) {
        Some(cpu) if cpu.class == header.class && header.endian == object::Endianness::Little => {
            cpu
        }
        _ => {
            let message = format!(
                "the object is built for {:?}, {:?}, {:?}-endian (at offset 0x12); expected \
                 32-bit EM_386 or EM_ARM or 64-bit EM_RISCV, little-endian",
                header.machine, header.class, header.endian
            );
            return unlinkable(Code::Unsupported, message);
        }
    };
    check_sections(&elf)?;
    let (symbols, names) = symbols(&elf)?;
    let tables = tables(&elf)?;
    Ok(Object {
        cpu,
        elf,
        symbols,
        names,
        tables,
    })
}

/// A section for messages: its name, and where its header is.
pub(super) fn shown(section: &Section<'_>) -> String {
    let name = section.name();
    format!("section `{name}` (header at offset {})", section.header)
}

fn check_sections(elf: &Elf<'_>) -> Result<(), Error> {
    let sections = elf.sections();
    if sections.len() > MAX_SECTIONS {
        let count = sections.len();
        let message = format!("{count} sections; at most {MAX_SECTIONS} are supported");
        return unlinkable(Code::Layout, message);
    }
    let mut total = 0u64;
    for section in sections {
        if section.name.len() > MAX_NAME {
            let message = format!(
                "the name of section {} has {} bytes; at most {MAX_NAME} are supported",
                section.index,
                section.name.len()
            );
            return unlinkable(Code::Layout, message);
        }
        if section.kind == SHT_SYMTAB_SHNDX || section.flags.contains(SHF_COMPRESSED) {
            let what = shown(section);
            let message =
                format!("{what} is compressed or a section index table, which is not supported");
            return unlinkable(Code::Layout, message);
        }
        total = total.saturating_add(section.file_size().0);
    }
    // Sections that share bytes would make a file larger than the one it is made from.
    let size = elf.file().size().0;
    if total > size {
        let message = format!(
            "sections of {total:#x} bytes in total overlap in a file of \
                               {size:#x} bytes"
        );
        return unlinkable(Code::Layout, message);
    }
    Ok(())
}

fn symbols<'data>(elf: &Elf<'data>) -> Result<(Vec<Symbol<'data>>, usize), Error> {
    let mut tables = elf.sections().iter().filter(|s| s.kind == SHT_SYMTAB);
    let (Some(section), None) = (tables.next(), tables.next()) else {
        return unlinkable(
            Code::Layout,
            "expected exactly one symbol table (`SHT_SYMTAB`)",
        );
    };
    let names_index = usize::try_from(section.link).unwrap_or(usize::MAX);
    let Some(names) = elf.sections().get(names_index) else {
        let what = shown(section);
        let message = format!("`sh_link` of {what} is {names_index}, which is not a section");
        return unlinkable(Code::Layout, message);
    };
    let names = elf.section_data(names)?;
    let table = elf.section_data(section)?;
    let symbols = match elf.header().class {
        Class::Elf32 => symbols_of::<Sym32<LittleEndian>>(table, names)?,
        Class::Elf64 => symbols_of::<Sym64<LittleEndian>>(table, names)?,
    };
    for (index, symbol) in symbols.iter().enumerate() {
        let section = usize::from(symbol.section);
        if symbol.section < SHN_LORESERVE && section >= elf.sections().len() {
            let message = format!(
                "symbol {index} refers to section {section}, which does not \
                                   exist"
            );
            return unlinkable(Code::Layout, message);
        }
    }
    Ok((symbols, names_index))
}

fn symbols_of<'data, S>(
    table: Bytes<'data>,
    names: Bytes<'data>,
) -> Result<Vec<Symbol<'data>>, Error>
where
    S: Sym<Endian = LittleEndian> + object::pod::Pod,
{
    let symbols = entries::<S>(table, "the symbol table")?.iter().map(|raw| {
        let name = names.c_string(raw.st_name(LITTLE).into())?;
        Ok(Symbol {
            name: name.unwrap_or_default(),
            name_offset: raw.st_name(LITTLE),
            value: raw.st_value(LITTLE).into(),
            size: raw.st_size(LITTLE).into(),
            info: raw.st_info(),
            other: raw.st_other(),
            section: raw.st_shndx(LITTLE).0,
        })
    });
    symbols.collect()
}

fn entries<'data, T: object::pod::Pod>(
    table: Bytes<'data>,
    what: &str,
) -> Result<&'data [T], Error> {
    let size = size_of::<T>() as u64;
    let count = table.size().0.checked_div(size).unwrap_or(0);
    Ok(table.read_table::<T>(0, count, what)?)
}

fn tables<'data>(elf: &Elf<'data>) -> Result<Vec<Table<'data>>, Error> {
    let mut tables = Vec::new();
    let mut targets = BTreeSet::new();
    let class = elf.header().class;
    for section in elf.sections() {
        let expected = match class {
            Class::Elf32 => SHT_REL,
            Class::Elf64 => SHT_RELA,
        };
        if ![SHT_REL, SHT_RELA].contains(&section.kind) {
            continue;
        }
        let what = shown(section);
        let data = elf.section_data(section)?;
        let target = usize::try_from(information(elf, section)?).unwrap_or(usize::MAX);
        let of_sense = elf.sections().get(target).is_some_and(|target| {
            ![SHT_NULL, SHT_REL, SHT_RELA, SHT_SYMTAB].contains(&target.kind)
        });
        if section.kind != expected || section.flags.contains(SHF_ALLOC) || !of_sense {
            let message = format!(
                "{what} has relocations of kind {:?} for section {target}; expected {expected:?} \
                 for a section with file data",
                section.kind
            );
            return unlinkable(Code::Layout, message);
        }
        if !targets.insert(target) {
            let message = format!("{what} is a second relocation section for section {target}");
            return unlinkable(Code::Layout, message);
        }
        let entries = match class {
            Class::Elf32 => Entries::Rel(entries(data, &what)?),
            Class::Elf64 => Entries::Rela(entries(data, &what)?),
        };
        tables.push(Table { target, entries });
    }
    Ok(tables)
}

/// `sh_info`.
fn information(elf: &Elf<'_>, section: &Section<'_>) -> Result<u32, Error> {
    // Behind name, type, flags, address, offset, size and link, five of which are words or not.
    let inside = match elf.header().class {
        Class::Elf32 => 28,
        Class::Elf64 => 44,
    };
    let at = section.header.0.saturating_add(inside);
    let bytes = elf.file().read::<[u8; 4]>(at, "`sh_info`")?;
    Ok(u32::from_le_bytes(*bytes))
}

/// Whether a symbol is there for relocations only: a label for a part of an address, or a constant
/// without a name of its own. Go's own linker leaves both out.
pub(super) fn is_label(symbol: &Symbol<'_>) -> bool {
    const UNNAMED: &[u8] = b"..stmp_";
    let mut ends = symbol.name.windows(UNNAMED.len());
    symbol.bind() == STB_LOCAL
        && (symbol.name.starts_with(b".L") || ends.any(|part| part == UNNAMED))
}
