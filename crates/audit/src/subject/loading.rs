//! Files that no operating system loads, and objects that no linker for one links: what the rules
//! ask of loaders and linkers cannot be asked of them.

use handpie_binary::elf::constants::{
    DT_NEEDED, DT_SONAME, EM_68HC11, EM_68HC12, EM_386, EM_8051, EM_AARCH64, EM_AMDGPU, EM_ARM,
    EM_AVR, EM_BPF, EM_CR16, EM_CUDA, EM_FT32, EM_H8_300, EM_LOONGARCH, EM_MIPS, EM_MOXIE,
    EM_MSP430, EM_NONE, EM_PPC, EM_PPC64, EM_RISCV, EM_RL78, EM_RX, EM_SBF, EM_SPU, EM_STM8,
    EM_TI_PRU, EM_TRICORE, EM_V850, EM_VISIUM, EM_X86_64, EM_XCORE, EM_XTENSA, EM_Z80, ET_REL,
    Machine, PF_X, PT_DYNAMIC, PT_INTERP, PT_NOTE, SHF_EXECINSTR, STT_FILE,
};
use handpie_binary::elf::{Class, Elf, Segment};
use handpie_binary::{Address, Incomplete, well_formed};
use memchr::memmem;

use super::Kind;

/// CPUs without memory protection or without a system that starts ELF programs.
const BARE_CPUS: [Machine; 18] = [
    EM_AVR, EM_MSP430, EM_8051, EM_TI_PRU, EM_RL78, EM_RX, EM_STM8, EM_V850, EM_Z80, EM_XCORE,
    EM_68HC11, EM_68HC12, EM_CR16, EM_FT32, EM_MOXIE, EM_TRICORE, EM_VISIUM, EM_H8_300,
];

/// What a file is that no operating system loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unloaded {
    /// A program that runs without an operating system, or is one.
    BareMetal(&'static str),
    /// Something in the form of ELF that holds no machine code for a CPU.
    Container(&'static str),
    /// An object that something else than a linker loads or links.
    Object(&'static str),
}

impl Unloaded {
    /// Why it is not loaded, in words that fit behind a colon.
    pub(super) fn why(self) -> &'static str {
        let (Self::BareMetal(why) | Self::Container(why) | Self::Object(why)) = self;
        why
    }

    /// What kind of file it is, where its header says `kind`.
    pub(super) fn kind(self, kind: Kind) -> Kind {
        match (self, kind) {
            (_, Kind::Core | Kind::DebugFile) => kind,
            (Self::BareMetal(_), _) => Kind::BareMetalProgram,
            (Self::Container(_), _) => Kind::Container,
            (Self::Object(_), _) => kind,
        }
    }
}

/// What `elf` is, if no operating system loads it and no linker for one links it.
pub(super) fn of(elf: &Elf<'_>) -> Result<Option<Unloaded>, Incomplete> {
    let machine = elf.header().machine;
    if let Some(why) = of_foreign_machine(machine) {
        return Ok(Some(match elf.header().kind {
            ET_REL => Unloaded::Object(why),
            _ => Unloaded::Container(why),
        }));
    }
    if elf.header().kind == ET_REL {
        let why = of_object(elf);
        let why = why.map_or_else(|| of_attributes(elf), |why| Ok(Some(why)));
        return Ok(why?.map(Unloaded::Object));
    }
    if BARE_CPUS.contains(&machine) {
        return Ok(Some(Unloaded::BareMetal(NO_SYSTEM)));
    }
    let has = |kind| elf.segments().iter().any(|segment| segment.kind == kind);
    // Go's linker makes programs for systems only.
    let is_go = elf.section(".go.buildinfo").is_some() || elf.section(".gopclntab").is_some();
    let names = names_of_libraries(elf)?;
    if names.iter().any(|name| name.ends_with(".c32")) {
        return Ok(Some(Unloaded::BareMetal("a module that SYSLINUX loads")));
    }
    if has(PT_INTERP) || is_go || !names.is_empty() {
        return Ok(None);
    }
    let loads: Vec<&Segment> = elf.loads().collect();
    if !has(PT_DYNAMIC) && holds_data_only(elf, &loads) {
        return Ok(Some(Unloaded::Container("has no executable segment")));
    }
    let mut why = of_layout(elf, &loads);
    if why.is_none() {
        why = of_attributes(elf)?;
    }
    why = why.or_else(|| of_sections(elf));
    if why.is_none() && !has(PT_NOTE) {
        why = of_symbols(elf)?;
    }
    Ok(why.map(Unloaded::BareMetal))
}

/// The names of libraries that it needs, and its own if it is one: what a loader reads.
fn names_of_libraries(elf: &Elf<'_>) -> Result<Vec<String>, Incomplete> {
    let Some(dynamic) = well_formed(elf.dynamic())?.flatten() else {
        return Ok(Vec::new());
    };
    let named = dynamic.entries.iter();
    let named = named.filter(|entry| entry.tag == DT_NEEDED || entry.tag == DT_SONAME);
    let names = named.map(|entry| Ok(dynamic.string(elf, entry.value)?.unwrap_or_default()));
    names.collect()
}

/// Sections have to agree: of a damaged program the segments alone tell little.
fn holds_data_only(elf: &Elf<'_>, loads: &[&Segment]) -> bool {
    let mut sections = elf.sections().iter();
    let has_code = sections.any(|section| section.flags.contains(SHF_EXECINSTR));
    let is_started = elf.header().entry.0 != 0;
    let may_run = loads.iter().any(|load| load.has(PF_X));
    !elf.sections().is_empty() && !has_code && !is_started && !may_run
}

const NO_SYSTEM: &str = "no operating system starts ELF programs on this CPU";

fn of_foreign_machine(machine: Machine) -> Option<&'static str> {
    match machine {
        EM_NONE => Some("built for no CPU: ELF is only the container of other data"),
        EM_BPF | EM_SBF => Some("eBPF bytecode, which a virtual machine verifies and runs"),
        EM_AMDGPU | EM_CUDA => Some("code for a GPU, which the driver loads"),
        EM_SPU => Some("code for a coprocessor, which the main program loads"),
        _ => None,
    }
}

fn of_object(elf: &Elf<'_>) -> Option<&'static str> {
    if BARE_CPUS.contains(&elf.header().machine) || elf.header().machine == EM_XTENSA {
        return Some("no linker makes programs for an operating system from objects for this CPU");
    }
    // grub-core/genmoddep.awk and grub-module-verifier.c: each module names itself and its needs.
    let is_grubs = elf.section(".modname").is_some() && elf.section(".moddeps").is_some()
        || elf.section(".module_license").is_some();
    is_grubs.then_some("a module that GRUB loads")
}

/// What no kernel can map for a program.
fn of_layout(elf: &Elf<'_>, loads: &[&Segment]) -> Option<&'static str> {
    /// No kernel lets programs have the lowest addresses (`vm.mmap_min_addr`); on ARM they start
    /// at 0x8000 since the first toolchains.
    const LOWEST: u64 = 0x8000;
    /// The smallest page of any CPU with an MMU, in bytes.
    const PAGE: u64 = 0x1000;
    /// `EI_OSABI`: `ELFOSABI_STANDALONE`.
    const STANDALONE: u8 = 255;
    if elf.header().os_abi == STANDALONE {
        return Some("`EI_OSABI` is `ELFOSABI_STANDALONE`");
    }
    let is_executable = elf.header().kind == handpie_binary::elf::constants::ET_EXEC;
    let lowest = loads.iter().map(|load| load.address).min()?;
    let is_started = elf.header().entry.0 != 0;
    let has_dynamic = elf
        .segments()
        .iter()
        .any(|segment| segment.kind == PT_DYNAMIC);
    if !is_executable && !is_started && !has_dynamic && loads.iter().any(|load| load.has(PF_X)) {
        return Some("has neither an entry point nor a dynamic section");
    }
    if is_executable && is_started && !has_dynamic && lowest < Address(LOWEST) {
        return Some("linked to addresses that no kernel gives to programs");
    }
    if loads.iter().any(|load| is_of_kernel(elf, load.address)) {
        return Some("linked to the addresses of a kernel");
    }
    let moved = |load: &&&Segment| load.physical != load.address && load.physical.0 != 0;
    if is_executable && loads.iter().find(moved).is_some() {
        return Some("loaded at other physical addresses (`p_paddr`) than it is linked to");
    }
    let unmappable =
        |load: &&Segment| load.file_size.0 > 0 && load.offset.0 % PAGE != load.address.0 % PAGE;
    loads
        .iter()
        .any(unmappable)
        .then_some("segments are not aligned to pages, so no kernel can map them")
}

/// Whether a program cannot be there, because a kernel is.
fn is_of_kernel(elf: &Elf<'_>, address: Address) -> bool {
    const OF_64_BIT: [Machine; 6] = [
        EM_X86_64,
        EM_AARCH64,
        EM_RISCV,
        EM_LOONGARCH,
        EM_PPC64,
        EM_MIPS,
    ];
    let machine = elf.header().machine;
    match elf.header().class {
        Class::Elf64 => OF_64_BIT.contains(&machine) && address.0 >> 63 == 1,
        Class::Elf32 if machine == EM_MIPS => address.0 >= 0x8000_0000,
        Class::Elf32 => [EM_386, EM_ARM, EM_PPC].contains(&machine) && address.0 >= 0xc000_0000,
    }
}

/// What the attributes of an ARM file say: compiled for the profile without an MMU
/// (`Tag_CPU_arch_profile` is `M`), or with enums as small as they can be, as all systems but Linux and
/// Android have them (`Tag_ABI_enum_size` is 1).
fn of_attributes(elf: &Elf<'_>) -> Result<Option<&'static str>, Incomplete> {
    if elf.header().machine != EM_ARM {
        return Ok(None);
    }
    let Some(section) = elf.section(".ARM.attributes") else {
        return Ok(None);
    };
    let Some(data) = well_formed(elf.section_data(section))? else {
        return Ok(None);
    };
    let data = data.data()?;
    Ok(if attribute(data, Tag::CpuArchProfile) == Some(b'M') {
        Some("built for an ARM CPU without an MMU")
    } else if attribute(data, Tag::AbiEnumSize) == Some(1) {
        Some("built for ARM's ABI without an operating system")
    } else {
        None
    })
}

#[derive(Clone, Copy)]
enum Tag {
    CpuArchProfile = 7,
    AbiEnumSize = 26,
}

/// The value of a tag (ABI for the Arm Architecture, "Addenda"): behind "aeabi" come `Tag_File`, a size
/// of four bytes, and pairs of tags and values in the order of the tags. Each takes one byte but for the
/// two names of CPUs.
fn attribute(attributes: &[u8], tag: Tag) -> Option<u8> {
    const VENDOR: &[u8] = b"aeabi\0";
    const TAG_FILE: u8 = 1;
    const TAG_CPU_RAW_NAME: u8 = 4;
    const TAG_CPU_NAME: u8 = 5;
    /// From here on, a value may be a text.
    const TAG_COMPATIBILITY: u8 = 32;
    let at = memmem::find(attributes, VENDOR)?.checked_add(VENDOR.len())?;
    let mut rest = match attributes.get(at..)? {
        [TAG_FILE, _, _, _, _, rest @ ..] => rest,
        _ => return None,
    };
    loop {
        match rest {
            [TAG_CPU_RAW_NAME | TAG_CPU_NAME, name @ ..] => {
                let end = memchr::memchr(0, name)?;
                rest = name.get(end.checked_add(1)?..)?;
            }
            [one, value, ..] if *one == tag as u8 => return Some(*value),
            [one, _, after @ ..] if *one < TAG_COMPATIBILITY => rest = after,
            _ => return None,
        }
    }
}

/// What linker scripts of programs without a system name their sections.
fn of_sections(elf: &Elf<'_>) -> Option<&'static str> {
    /// Of linker scripts: of microcontrollers, U-Boot, OpenSBI, Trusted Firmware-A, systemd-boot,
    /// multiboot.
    const SECTIONS: [(&[u8], &str); 9] = [
        (b".isr_vector", "has a table of interrupt vectors"),
        (b".vector_table", "has a table of interrupt vectors"),
        (b".vectors", "has a table of interrupt vectors"),
        (b"__u_boot_list", "a boot loader"),
        (b".u_boot_list", "a boot loader"),
        (b".htif", "firmware"),
        (b"coherent_ram", "firmware"),
        (
            b".sdmagic",
            "a program for UEFI that has not been converted to PE yet",
        ),
        (b".multiboot", "a kernel for multiboot loaders"),
    ];
    let mut sections = elf.sections().iter();
    sections.find_map(|section| {
        let mark = SECTIONS.iter().find(|(name, _)| *name == section.name);
        mark.map(|(_, why)| *why)
    })
}

/// What the C libraries and start files of programs without a system are known by.
fn of_symbols(elf: &Elf<'_>) -> Result<Option<&'static str>, Incomplete> {
    const MARKS: [(&[u8], &str); 8] = [
        (
            b"_impure_ptr",
            "linked with newlib, whose programs run without an operating system",
        ),
        (
            b"__data_source",
            "linked with picolibc, whose programs run without an operating system",
        ),
        (
            b"__picolibc_putc",
            "linked with picolibc, whose programs run without an operating system",
        ),
        (
            b"_sidata",
            "start-up code copies its data out of flash memory",
        ),
        (b"g_pfnVectors", "has a table of interrupt vectors"),
        (b"__isr_vector", "has a table of interrupt vectors"),
        (b"__vector_table", "has a table of interrupt vectors"),
        (b"__VECTOR_TABLE", "has a table of interrupt vectors"),
    ];
    let symbols = well_formed(elf.symbols())?.unwrap_or_default();
    let defined = symbols
        .iter()
        .filter(|symbol| symbol.section != 0 && symbol.kind != STT_FILE);
    let mut found = defined.filter_map(|symbol| {
        let mark = MARKS.iter().find(|(name, _)| *name == symbol.name);
        mark.map(|(_, why)| *why)
    });
    Ok(found.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_arm_stand_behind_the_names_of_the_cpu() {
        let attributes = |pairs: &[u8]| {
            let mut bytes = b"A\x20\0\0\0aeabi\0\x01\x16\0\0\0".to_vec();
            bytes.extend(pairs);
            bytes
        };
        let of_cortex_m = attributes(b"\x05Cortex-M3\0\x06\x0a\x07M\x09\x02\x1a\x01");
        assert_eq!(attribute(&of_cortex_m, Tag::CpuArchProfile), Some(b'M'));
        assert_eq!(attribute(&of_cortex_m, Tag::AbiEnumSize), Some(1));
        let of_linux = attributes(b"\x05Cortex-A7\0\x06\x0a\x07A\x1a\x02");
        assert_eq!(attribute(&of_linux, Tag::CpuArchProfile), Some(b'A'));
        assert_eq!(attribute(&of_linux, Tag::AbiEnumSize), Some(2));
        assert_eq!(
            attribute(&attributes(b"\x06\x02\x08\x01"), Tag::AbiEnumSize),
            None
        );
        assert_eq!(attribute(b"A\x01", Tag::CpuArchProfile), None);
    }
}
