//! Segments: are they as the kernel loads them, and can RELRO be protected on its own?

use handpie_binary::elf::constants::{PF_W, PT_GNU_RELRO, SHF_ALLOC};
use handpie_binary::elf::{Elf, Segment};
use handpie_binary::{Address, Size};

use crate::refusal::{Code, Refusal};

/// The pages that become read-only once the program is relocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relro {
    /// Where they start.
    pub address: Address,
    /// Their size, as in `PT_GNU_RELRO`.
    pub size: Size,
}

/// The smallest page of any kernel for the CPUs here, in bytes.
pub(crate) const MIN_PAGE: u64 = 0x1000;

/// Checks what the kernel takes for granted: `PT_LOAD`s ascend, do not overlap, and lie in the file
/// as they lie in memory, modulo their alignment (gABI, "Program Loading").
pub(super) fn collect(elf: &Elf<'_>, refusals: &mut Vec<Refusal>) {
    let mut wrong: Vec<String> = Vec::new();
    let mut refuse = |message| wrong.push(message);
    if elf.loads().next().is_none() {
        refuse("the program has no `PT_LOAD` segment".into());
    }
    let mut previous: Option<&Segment> = None;
    for segment in elf.loads() {
        let name = format!(
            "program header {} (`PT_LOAD`, at offset {})",
            segment.index, segment.header
        );
        if segment.file_size > segment.memory_size {
            refuse(format!(
                "{name} has {} bytes in the file and {} in memory",
                segment.file_size, segment.memory_size
            ));
        }
        let align = segment.align.max(MIN_PAGE);
        let mask = align.wrapping_sub(1);
        if !align.is_power_of_two() {
            refuse(format!(
                "{name} has alignment {align:#x}, which is not a power of two"
            ));
        } else if segment.offset.0 & mask != segment.address.0 & mask {
            refuse(format!(
                "{name} has offset {} and address {}, which differ modulo the alignment {align:#x}",
                segment.offset, segment.address
            ));
        }
        if let Some(previous) = previous
            && (segment.address < previous.memory_end() || segment.offset < previous.file_end())
        {
            refuse(format!(
                "{name} starts before program header {} ends",
                previous.index
            ));
        }
        previous = Some(segment);
    }
    wrong.extend(contradicting_section(elf));
    if !wrong.is_empty() {
        refusals.push(Refusal::new(Code::SegmentLayout, wrong.join("; ")));
    }
}

/// A section that says it is not loaded but lies in what is loaded: one of the two tables lies, and
/// what is planned after the one would damage what the other names.
fn contradicting_section(elf: &Elf<'_>) -> Option<String> {
    let not_loaded = elf
        .sections()
        .iter()
        .filter(|section| !section.flags.contains(SHF_ALLOC) && section.file_size().0 > 0);
    for section in not_loaded {
        let home = elf.loads().find(|load| {
            load.file_size.0 > 0
                && section.offset < load.file_end()
                && section.file_end() > load.offset
        });
        if let Some(home) = home {
            return Some(format!(
                "section `{}` (header at offset {}) is not loaded, but lies inside program header \
                 {}",
                section.name(),
                section.header,
                home.index
            ));
        }
    }
    None
}

/// Finds RELRO. `None` when the program has none; then nothing is protected, as it was before.
pub(super) fn relro(elf: &Elf<'_>, refusals: &mut Vec<Refusal>) -> Option<Relro> {
    let segment = elf.segments().iter().find(|s| s.kind == PT_GNU_RELRO)?;
    if segment.memory_size.0 == 0 {
        return None;
    }
    let mut refuse = |message| {
        refusals.push(Refusal::new(Code::RelroLayout, message));
        None
    };
    let name = format!("`PT_GNU_RELRO` (at offset {})", segment.header);
    let home = elf
        .loads()
        .find(|load| load.contains(segment.address, segment.memory_size));
    let Some(home) = home.filter(|load| load.has(PF_W)) else {
        return refuse(format!("{name} does not lie inside a writable segment"));
    };
    let Some(address) = page_start(elf, segment, home) else {
        return refuse(format!(
            "{name} starts at address {}, inside a page that stays writable",
            segment.address
        ));
    };
    let before = Size(segment.address.0.saturating_sub(address.0));
    let mut size = Size(segment.memory_size.0.saturating_add(before.0));
    if segment.memory_end() != home.memory_end() {
        // Data that stays writable follows in the same segment. A last partial page would take it
        // along, so what is protected ends with the last whole page, as under glibc's loader.
        // The segment's alignment stands for the largest page of its CPU.
        size = Size(size.0 & !(home.align.max(MIN_PAGE).saturating_sub(1)));
    }
    if size.0 == 0 {
        return refuse(format!(
            "{name} consists of a single page that it shares with data that stays writable"
        ));
    }
    Some(Relro { address, size })
}

/// The start of RELRO's first page, if the page belongs to RELRO alone.
///
/// GNU ld puts the *end* of RELRO on a page border and starts the writable segment somewhere inside
/// a page; the start of that page is what glibc protects too (`_dl_protect_relro` in
/// elf/dl-reloc.c). With larger pages the start of the page is known only when the program runs.
fn page_start(elf: &Elf<'_>, relro: &Segment, home: &Segment) -> Option<Address> {
    let start = Address(relro.address.0 & !(MIN_PAGE.saturating_sub(1)));
    if start == relro.address {
        return Some(start);
    }
    let alone = relro.address == home.address
        && home.align <= MIN_PAGE
        && elf
            .loads()
            .all(|load| load.address >= home.address || load.memory_end() <= start);
    alone.then_some(start)
}
