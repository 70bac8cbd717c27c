"""An ELF file as pyelftools reads it, and what follows from several tables at once: which slots functions are
called through, whose loader it is for.
"""

import re

from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

DF_BIND_NOW = 0x8
DF_1_NOW, DF_1_PIE = 0x1, 0x08000000

# No operating system loads files of these: what runs them has no loader that obeys program headers.
MACHINES_WITHOUT_SYSTEM = {"EM_NONE", "EM_AVR", "EM_BPF", "EM_MSP430", "EM_H8_300"}
# Folders of packages whose files firmware, a boot loader, a hypervisor or a kernel loads.
PLACES_WITHOUT_LOADER = re.compile(
    r"/opensbi/|/(lib|lib64)/(grub|avr|picolibc|arm-none-eabi|syslinux|ISOLINUX|SYSLINUX|u-boot|opensbi|or1k-elf|h8300-hitachi-coff)/"
    r"|/lib/modules/|/boot/|/usr/share/(qemu|opensbi|seabios|slof)/|/usr/lib/(crust|arm-trusted-firmware)"
    r"|/usr/lib/(riscv64|arm|xtensa[^/]*|avr|h8300|or1k)[^/]*-(elf|eabi)/"
    r"|/usr/lib/(kexec-tools|xen-[^/]*/boot)/|/bpf/|\.bpf(\.o)?$|/rc_keymaps/protocols/|/usr/lib/gcc/(avr|xtensa|arm-none|riscv64-unknown)"
)


class Elf:
    def __init__(self, path, entry):
        self.file = open(path, "rb")
        self.elf = ELFFile(self.file)
        self.entry = entry
        self.header = self.elf.header
        self.segments = list(self.elf.iter_segments())
        self.sections = list(self.elf.iter_sections()) if self.header["e_shnum"] or self.header["e_shoff"] else []
        self.dynamic = self.read_dynamic()
        self.machine = self.header["e_machine"]
        self.type = self.header["e_type"]
        self.bits = self.elf.elfclass
        self.symbols = None

    def close(self):
        self.file.close()

    def read_dynamic(self):
        """The dynamic table, by tag; by the program header, which is what loaders look at."""
        found = {}
        # A container that no loader reads (Guile's compiled code) need not keep to the gABI.
        segments = self.segments if self.header["e_machine"] != "EM_NONE" else []
        for segment in segments:
            if isinstance(segment, DynamicSegment):
                for tag in segment.iter_tags():
                    name = tag.entry.d_tag
                    value = tag.entry.d_val
                    for kind in ("needed", "rpath", "runpath", "soname"):
                        value = getattr(tag, kind, value)
                    found.setdefault(name, []).append(value)
                    if name == "DT_NULL":
                        break
        return found

    def first(self, tag, default=None):
        return self.dynamic.get(tag, [default])[0]

    def segments_of(self, kind):
        return [segment for segment in self.segments if segment["p_type"] == kind]

    def section(self, name):
        return next((section for section in self.sections if section.name == name), None)

    def system(self):
        """Whose loader the file is for, from where it was published."""
        label = self.entry["package"]
        inner = self.entry["path"].lower()
        for word, system in [
            ("android", "android"), ("openharmony", "openharmony"), ("freebsd", "freebsd"), ("netbsd", "netbsd"),
            ("openbsd", "openbsd"), ("dragonfly", "freebsd"), ("sunos", "solaris"), ("solaris", "solaris"), ("musl", "musl"),
        ]:
            if word in label or word in inner or (word == "musl" and "ld-musl" in self.interpreter()):
                return system
        if "klibc" in label or "klibc" in self.interpreter():
            return "klibc"
        if "dietlibc" in label:
            return "dietlibc"
        if self.section(".note.android.ident"):
            return "android"
        if any("musl" in name for name in self.dynamic.get("DT_NEEDED", [])) or "/musl" in inner:
            return "musl"
        return "glibc"

    def interpreter(self):
        for segment in self.segments:
            if segment["p_type"] == "PT_INTERP":
                return segment.get_interp_name()
        return ""

    def is_loaded_by_no_system(self):
        if self.machine in MACHINES_WITHOUT_SYSTEM:
            return True
        # The compiler's own programs and plug-ins lie in the same folders.
        is_hosted = self.interpreter() or any(name.startswith("libc.so") for name in self.dynamic.get("DT_NEEDED", []))
        return not is_hosted and PLACES_WITHOUT_LOADER.search("/" + self.entry["path"]) is not None

    def is_go(self):
        return any(self.section(name) for name in (".gopclntab", ".go.buildinfo", ".note.go.buildid"))

    def is_debug_file(self):
        text = self.section(".text")
        return text is not None and text["sh_type"] == "SHT_NOBITS" and text["sh_size"] > 0

    def kind(self):
        if self.is_debug_file():
            return "debug-file"
        if self.type == "ET_REL":
            return "relocatable-object"
        if self.type == "ET_CORE":
            return "core"
        needed = "DT_NEEDED" in self.dynamic
        interpreter = self.interpreter() != ""
        if self.type == "ET_EXEC":
            return "dynamic-executable" if interpreter or needed else "static-executable"
        if self.type != "ET_DYN":
            return None
        is_pie = self.first("DT_FLAGS_1", 0) & DF_1_PIE != 0
        # libc.so.6 and others can be started, and are libraries nevertheless.
        if not is_pie and ("DT_SONAME" in self.dynamic or not interpreter):
            return "shared-object"
        if interpreter:
            return "dynamic-pie" if needed else "loader-only-pie"
        return None if needed else "static-pie"

    # Binding: which slots a loader fills when, and where they are.

    def binds_now(self):
        flags, flags_1 = self.first("DT_FLAGS", 0), self.first("DT_FLAGS_1", 0)
        return "DT_BIND_NOW" in self.dynamic or flags & DF_BIND_NOW != 0 or flags_1 & DF_1_NOW != 0

    def slots(self):
        """Addresses of the words through which functions of other files are called, and whether each is bound
        at the first call: those of DT_JMPREL, and on MIPS the functions in the global part of the GOT
        (MIPS psABI, chapter 5: symbols from DT_MIPS_GOTSYM on have one slot each, after
        DT_MIPS_LOCAL_GOTNO local ones; an undefined one with an address has a lazy binding stub there)."""
        slots = self.mips_slots()
        table, size = self.first("DT_JMPREL"), self.first("DT_PLTRELSZ", 0)
        if table is None or size == 0:
            return slots
        is_rela = self.first("DT_PLTREL", 7) == 7
        word = self.bits // 8
        step = word * (3 if is_rela else 2)
        order = "little" if self.elf.little_endian else "big"
        data = self.at(table, size)
        for at in range(0, len(data) - step + 1, step):
            slots[int.from_bytes(data[at : at + word], order)] = True
        return slots

    def mips_slots(self):
        symbols = self.section(".dynsym")
        if self.machine != "EM_MIPS" or "DT_MIPS_GOTSYM" not in self.dynamic or symbols is None:
            return {}
        first, size = self.first("DT_MIPS_GOTSYM"), self.bits // 8
        start = self.first("DT_PLTGOT", 0) + self.first("DT_MIPS_LOCAL_GOTNO", 0) * size
        slots = {}
        for at, symbol in enumerate(symbols.iter_symbols()):
            if at >= first:
                has_stub = symbol["st_shndx"] == "SHN_UNDEF" and symbol["st_value"] != 0
                if has_stub or symbol["st_info"]["type"] == "STT_FUNC":
                    slots[start + (at - first) * size] = has_stub
        return slots

    def at(self, address, size):
        for segment in self.segments_of("PT_LOAD"):
            start = segment["p_vaddr"]
            if start <= address < start + segment["p_filesz"]:
                self.file.seek(segment["p_offset"] + address - start)
                return self.file.read(size)
        return b""

    def relro(self):
        return [(s["p_vaddr"], s["p_vaddr"] + s["p_memsz"]) for s in self.segments_of("PT_GNU_RELRO")]

    def imports(self):
        """Names that others must define, with their binding; None without a table of them."""
        return self.dynamic_symbols()[0]

    def defines(self, name):
        """Whether it offers that name to others."""
        return name in self.dynamic_symbols()[1]

    def dynamic_symbols(self):
        if self.symbols is None:
            table = self.section(".dynsym")
            if table is None or table["sh_type"] != "SHT_DYNSYM":
                self.symbols = None, set()
            else:
                imports, definitions = {}, set()
                for symbol in table.iter_symbols():
                    if symbol["st_shndx"] != "SHN_UNDEF":
                        definitions.add(symbol.name)
                    elif symbol.name:
                        imports[symbol.name] = symbol["st_info"]["bind"]
                self.symbols = imports, definitions
        return self.symbols

    def has_cxx_library(self):
        """Whether libstdc++ or libc++ is linked in: the names of the types of its ABI are."""
        if any("c++" in name for name in self.dynamic.get("DT_NEEDED", [])):
            return False
        self.file.seek(0)
        return b"__cxxabiv1" in self.file.read()

    def properties(self, wanted):
        """The bits of an AND property, over all notes; 0 without."""
        bits = 0
        for section in self.sections:
            if isinstance(section, NoteSection) and section.name == ".note.gnu.property":
                for note in section.iter_notes():
                    for prop in note["n_desc"] if isinstance(note["n_desc"], list) else []:
                        if prop["pr_type"] == wanted and isinstance(prop["pr_data"], int):
                            bits |= prop["pr_data"]
        return bits

    def build_id(self):
        for holder in [s for s in [*self.segments, *self.sections] if hasattr(s, "iter_notes")]:
            for note in holder.iter_notes():
                if note["n_type"] == "NT_GNU_BUILD_ID" and note["n_name"] == "GNU":
                    return True
        return False
