//! The ELF header, the program headers and the section headers.
//!
//! No table moves or grows: `PT_INTERP` leaves the program headers, and the stub and RELR take over
//! the section headers of `.interp` and `.rela`. Their names are added to the section names.

use handpie_binary::elf::constants::{
    FileHeader64, PF_R, PF_X, PT_GNU_RELRO, PT_INTERP, PT_LOAD, PT_PHDR, ProgramHeader64,
    SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS, SHT_RELA, SHT_RELR, SHT_STRTAB,
    SectionHeader64,
};
use handpie_binary::elf::{Elf, Endianness, Section};
use handpie_binary::{Address, Offset, Size};
use object::endian::{U32, U64};
use object::pod::{Pod, bytes_of};

use super::mover::MoverPlace;
use super::packing::{Moved, Packing};
use super::{Edit, Slide, new_size};
use crate::refusal::{Code, Refusal};
use crate::relr::WORD;
use crate::stub::{ALIGN, StubPlace};

/// What the headers have to say that is new.
pub(super) struct Changes<'plan> {
    pub(super) slide: Slide,
    pub(super) packing: &'plan Packing,
    pub(super) moved: &'plan [Moved],
    pub(super) stub: StubPlace,
    /// The new entry point.
    pub(super) entry: Address,
    pub(super) mover: Option<&'plan MoverPlace>,
    /// The code segment's program header and its new size, where it grows.
    pub(super) extended_code: Option<(usize, Size)>,
}

/// The names added to the section names, and where they start among the added bytes.
const ADDED_NAMES: &[u8] = b".text.handpie\0.relr.dyn\0.text.handpie.move\0";
const STUB_NAME: u32 = 0;
const RELR_NAME: u32 = 14;
const MOVER_NAME: u32 = 24;

/// Plans all headers; returns the size of the new file.
pub(super) fn plan(
    elf: &Elf<'_>,
    changes: &Changes<'_>,
    edits: &mut Vec<Edit>,
) -> Result<Size, Refusal> {
    edits.push(elf_header(elf, changes)?);
    edits.push(program_headers(elf, changes)?);
    edits.extend(cleared_interpreter(elf, changes));
    let size = elf.file().size().0;
    let slid = changes.slide.new_offset(Offset(size)).0;
    if elf.sections().is_empty() {
        return Ok(Size(slid));
    }
    let names = names(elf, changes, slid)?;
    edits.push(section_headers(elf, changes, &names)?);
    let end = names.edit.end().max(slid);
    edits.push(names.edit);
    Ok(Size(end))
}

fn elf_header(elf: &Elf<'_>, changes: &Changes<'_>) -> Result<Edit, Refusal> {
    let endian = elf.header().endian;
    let mut header: FileHeader64<Endianness> = raw(elf, Offset(0))?;
    header.e_entry.set(endian, changes.entry.0);
    if elf.sections().is_empty() {
        // An empty table may stand anywhere, also where the stub goes and would be read as one.
        header.e_shoff.set(endian, 0);
    } else {
        let section_headers = changes.slide.new_offset(elf.header().section_headers);
        header.e_shoff.set(endian, section_headers.0);
    }
    let interpreters = elf.segments().iter().filter(|s| s.kind == PT_INTERP);
    let removed = u16::try_from(interpreters.count()).unwrap_or(0);
    let added = u16::from(changes.mover.is_some());
    let count = header.e_phnum.get(endian).saturating_sub(removed);
    let count = count.saturating_add(added);
    header.e_phnum.set(endian, count);
    Ok(Edit {
        offset: Offset(0),
        bytes: bytes_of(&header).to_vec(),
        what: "the ELF header",
    })
}

fn program_headers(elf: &Elf<'_>, changes: &Changes<'_>) -> Result<Edit, Refusal> {
    let endian = elf.header().endian;
    let entry_size = size_of::<ProgramHeader64<Endianness>>();
    let table_size = elf.segments().len().saturating_mul(entry_size);
    let kept = elf.segments().iter().filter(|s| s.kind != PT_INTERP);
    let count = kept
        .clone()
        .count()
        .saturating_add(changes.mover.iter().len());
    let kept_size = (count as u64).saturating_mul(entry_size as u64);
    let last_load = elf.loads().last().map(|load| load.index);
    let mut bytes = Vec::with_capacity(table_size);
    for segment in kept {
        let mut header: ProgramHeader64<Endianness> = raw(elf, segment.header)?;
        let new_offset = match segment.file_size.0 {
            // It has no bytes that could have moved, and stays congruent to its address.
            0 => changes.slide.slid(segment.offset),
            _ => changes.slide.new_offset(segment.offset),
        };
        header.p_offset.set(endian, new_offset.0);
        let resized = new_size(changes.packing.shortened, segment)
            .or_else(|| new_size(changes.extended_code, segment))
            .map(|size| size.0);
        let describes_table = segment.kind == PT_PHDR
            && segment.offset == elf.header().program_headers
            && segment.file_size == Size::of(table_size)
            && segment.memory_size == segment.file_size;
        let new_size = resized.or(describes_table.then_some(kept_size));
        if let Some(size) = new_size {
            header.p_filesz.set(endian, size);
            header.p_memsz.set(endian, size);
        }
        if segment.kind == PT_GNU_RELRO {
            // Go up to 1.22 wrote no flags at all.
            header.p_flags.set(endian, PF_R);
        }
        bytes.extend_from_slice(bytes_of(&header));
        if let Some(mover) = changes.mover.filter(|_| Some(segment.index) == last_load) {
            // `PT_LOAD`s ascend, so the new one follows the last.
            bytes.extend_from_slice(bytes_of(&mover_segment(mover, endian)));
        }
    }
    bytes.resize(table_size, 0);
    Ok(Edit {
        offset: elf.header().program_headers,
        bytes,
        what: "the program headers",
    })
}

fn mover_segment(mover: &MoverPlace, endian: Endianness) -> ProgramHeader64<Endianness> {
    let word = |value| U64::new(endian, value);
    ProgramHeader64 {
        p_type: U32::new(endian, PT_LOAD),
        p_flags: U32::new(endian, PF_R | PF_X),
        p_offset: word(mover.offset.0),
        p_vaddr: word(mover.header.address.0),
        p_paddr: word(mover.header.address.0),
        p_filesz: word(mover.size.0),
        p_memsz: word(mover.size.0),
        p_align: word(mover.align),
    }
}

/// The loader's path goes: nothing covers it any more, and it differs with the machine that built.
fn cleared_interpreter(elf: &Elf<'_>, changes: &Changes<'_>) -> Option<Edit> {
    let segment = elf.segments().iter().find(|s| s.kind == PT_INTERP)?;
    // `Elf::interpreter` has checked that the path is short.
    let size = usize::try_from(segment.file_size.0).ok()?;
    Some(Edit {
        offset: changes.slide.new_offset(segment.offset),
        bytes: vec![0; size],
        what: "the loader's path, cleared",
    })
}

/// The section names with ours added.
struct Names {
    section: usize,
    /// Where ours start among the names.
    added: u32,
    offset: Offset,
    size: Size,
    edit: Edit,
}

fn names(elf: &Elf<'_>, changes: &Changes<'_>, slid: u64) -> Result<Names, Refusal> {
    let refuse = || {
        let message = "the section name table cannot be found, so the stub cannot be given a \
                       section";
        Refusal::new(Code::NoRoomForStub, message)
    };
    let index = usize::try_from(elf.header().section_names_index).map_err(|_| refuse())?;
    let section = elf.sections().get(index).ok_or_else(refuse)?;
    // Extended numbering keeps the number of sections in one of them; no program has so many.
    let extended = elf.header().section_header_count == 0 || index == 0;
    if extended || section.kind != SHT_STRTAB || section.flags.contains(SHF_ALLOC) {
        return Err(refuse());
    }
    let old = elf.section_data(section).and_then(|data| Ok(data.data()?));
    let old = old.map_err(|_| refuse())?;
    if old.last() != Some(&0) {
        // Ours would continue the last name.
        return Err(refuse());
    }
    let added = u32::try_from(old.len()).map_err(|_| refuse())?;
    let size = Size::of(old.len().saturating_add(ADDED_NAMES.len()));
    // Where the names are the last thing in the file they grow; else they move to its end.
    let (offset, edit) = if section.file_end().0 == elf.file().size().0 {
        let edit = Edit {
            offset: Offset(slid),
            bytes: ADDED_NAMES.to_vec(),
            what: "the names of added sections",
        };
        (changes.slide.new_offset(section.offset), edit)
    } else {
        let edit = Edit {
            offset: Offset(slid),
            bytes: [old, ADDED_NAMES].concat(),
            what: "the section names, moved to the end of the file",
        };
        (Offset(slid), edit)
    };
    Ok(Names {
        section: index,
        added,
        offset,
        size,
        edit,
    })
}

fn section_headers(elf: &Elf<'_>, changes: &Changes<'_>, names: &Names) -> Result<Edit, Refusal> {
    let is_interp =
        |section: &&Section<'_>| section.name == b".interp" && section.flags.contains(SHF_ALLOC);
    let Some(interp) = elf.sections().iter().find(is_interp) else {
        let message = "there is no `.interp` section header for the stub to reuse";
        return Err(Refusal::new(Code::NoRoomForStub, message));
    };
    let mut bytes = Vec::new();
    for section in elf.sections() {
        let mut header: SectionHeader64<Endianness> = raw(elf, section.header)?;
        let endian = elf.header().endian;
        let old_table = section.kind == SHT_RELA
            && section.flags.contains(SHF_ALLOC)
            && section.offset == changes.packing.offset
            && section.address == changes.packing.relr
            && section.size == changes.packing.old_size;
        let moved = changes.moved.iter().find(|m| m.section == section.index);
        if section.index == interp.index {
            let stub = &changes.stub;
            let place = (stub.address, stub.offset, stub.size);
            describe_code(&mut header, names, STUB_NAME, place, endian);
        } else if let Some(mover) = changes.mover.filter(|m| m.section == Some(section.index)) {
            let place = (mover.header.address, mover.offset, mover.size);
            describe_code(&mut header, names, MOVER_NAME, place, endian);
        } else if old_table {
            describe_relr(&mut header, changes, names, endian);
        } else if section.index == names.section {
            header.sh_offset.set(endian, names.offset.0);
            header.sh_size.set(endian, names.size.0);
        } else if let Some(moved) = moved {
            header.sh_addr.set(endian, moved.new.0);
            header.sh_offset.set(endian, moved.new_offset.0);
        } else if section.kind == SHT_NOBITS {
            // It has no bytes that could have moved.
            let slid = changes.slide.slid(section.offset);
            header.sh_offset.set(endian, slid.0);
        } else {
            let new_offset = changes.slide.new_offset(section.offset);
            header.sh_offset.set(endian, new_offset.0);
        }
        bytes.extend_from_slice(bytes_of(&header));
    }
    Ok(Edit {
        offset: changes.slide.new_offset(elf.header().section_headers),
        bytes,
        what: "the section headers",
    })
}

/// GNU strip and objcopy clear bytes that no section claims, and a program whose stub is cleared
/// dies without a word. So the stub has a section, and the mover another.
fn describe_code(
    header: &mut SectionHeader64<Endianness>,
    names: &Names,
    name: u32,
    (address, offset, size): (Address, Offset, Size),
    endian: Endianness,
) {
    header.sh_name.set(endian, names.added.saturating_add(name));
    header.sh_type.set(endian, SHT_PROGBITS);
    header.sh_flags.set(endian, SHF_ALLOC | SHF_EXECINSTR);
    header.sh_addr.set(endian, address.0);
    header.sh_offset.set(endian, offset.0);
    header.sh_size.set(endian, size.0);
    header.sh_link.set(endian, 0);
    header.sh_info.set(endian, 0);
    header.sh_addralign.set(endian, ALIGN);
    header.sh_entsize.set(endian, 0);
}

fn describe_relr(
    header: &mut SectionHeader64<Endianness>,
    changes: &Changes<'_>,
    names: &Names,
    endian: Endianness,
) {
    header
        .sh_name
        .set(endian, names.added.saturating_add(RELR_NAME));
    header.sh_type.set(endian, SHT_RELR);
    header.sh_flags.set(endian, SHF_ALLOC);
    header.sh_size.set(endian, changes.packing.relr_size.0);
    header.sh_link.set(endian, 0);
    header.sh_info.set(endian, 0);
    header.sh_addralign.set(endian, WORD);
    header.sh_entsize.set(endian, WORD);
}

/// A copy of a structure of the file. The tables were read by `Elf::parse`, so they are there.
fn raw<T: Pod>(elf: &Elf<'_>, offset: Offset) -> Result<T, Refusal> {
    match elf.file().read::<T>(offset.0, "a header") {
        Ok(header) => Ok(*header),
        Err(error) => Err(Refusal::new(Code::SegmentLayout, error.to_string())),
    }
}
