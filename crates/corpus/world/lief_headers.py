"""A second reader for the headers of ELF and PE: lief, asked what can be answered from a few flags.

Two readers that agree are less likely to share a mistake than one is to make it.
"""

import warnings

import lief

from answers import BAD, FAIL, NOT_APPLICABLE, NOT_BAD, PASS, SOME, WARN

TEXTREL = 0x4
EFI_SUBSYSTEMS = range(10, 14)

lief.logging.disable()
# Of segments whose type it does not know.
warnings.filterwarnings("ignore", category=RuntimeWarning)


def judge_elf(elf, path):
    """`elf` is what pyelftools read; here only who loads the file is taken from it."""
    if elf.type not in ("ET_EXEC", "ET_DYN") or elf.is_loaded_by_no_system() or elf.is_debug_file():
        return {}
    config = lief.ELF.ParserConfig()
    config.parse_relocations = config.parse_symtab_symbols = config.parse_symbol_versions = False
    config.parse_notes = config.parse_overlay = False
    binary = lief.ELF.parse(str(path), config)
    if binary is None:
        raise ValueError("lief cannot read it")
    says = {}
    segments = list(binary.segments)
    stack = [s for s in segments if s.type == lief.ELF.Segment.TYPE.GNU_STACK]
    if stack and elf.system() not in ("netbsd", "openbsd"):
        says["executable-stack"] = FAIL if stack[0].has(lief.ELF.Segment.FLAGS.X) else PASS
    loads = [s for s in segments if s.type == lief.ELF.Segment.TYPE.LOAD]
    both = [s for s in loads if s.has(lief.ELF.Segment.FLAGS.W) and s.has(lief.ELF.Segment.FLAGS.X)]
    says["writable-code"] = FAIL if both else PASS
    # A tag that lief does not know is a number.
    tags = {getattr(entry.tag, "name", entry.tag): entry for entry in binary.dynamic_entries}
    flags = tags["FLAGS"].value if "FLAGS" in tags else 0
    says["text-relocations"] = FAIL if "TEXTREL" in tags or flags & TEXTREL else NOT_BAD
    if "RUNPATH" not in tags and "RPATH" not in tags:
        says["search-path"] = NOT_BAD
    if elf.type == "ET_EXEC":
        says["pie"] = FAIL
    elif binary.is_pie and binary.has_interpreter and "SONAME" not in tags:
        says["pie"] = PASS
    relro = [s for s in segments if s.type == lief.ELF.Segment.TYPE.GNU_RELRO]
    if elf.system() != "solaris":
        says["relro"] = SOME if relro else FAIL + NOT_APPLICABLE
    return says


def judge_pe(path):
    config = lief.PE.ParserConfig()
    config.parse_signature = config.parse_imports = config.parse_exports = config.parse_rsrc = False
    binary = lief.PE.parse(str(path), config)
    if binary is None:
        raise ValueError("lief cannot read it")
    wanted = lief.PE.OptionalHeader.DLL_CHARACTERISTICS
    optional = binary.optional_header
    is_64 = optional.magic == lief.PE.PE_TYPE.PE32_PLUS
    is_efi = int(optional.subsystem) in EFI_SUBSYSTEMS
    is_library = binary.header.has_characteristic(lief.PE.Header.CHARACTERISTICS.DLL)
    says = {}
    section = lief.PE.Section.CHARACTERISTICS
    both = [s for s in binary.sections if s.has_characteristic(section.MEM_WRITE) and s.has_characteristic(section.MEM_EXECUTE)]
    if both:
        says["pe-nx"] = FAIL
    elif optional.has(wanted.NX_COMPAT):
        says["pe-nx"] = PASS
    else:
        says["pe-nx"] = WARN if is_64 or is_library or is_efi else BAD
    if not is_efi:
        if not optional.has(wanted.DYNAMIC_BASE):
            says["pe-dynamic-base"] = FAIL
        large = binary.header.has_characteristic(lief.PE.Header.CHARACTERISTICS.LARGE_ADDRESS_AWARE)
        high = large and optional.has(wanted.HIGH_ENTROPY_VA)
        says["pe-high-entropy"] = (PASS if high else FAIL) if is_64 else NOT_APPLICABLE
    return says
