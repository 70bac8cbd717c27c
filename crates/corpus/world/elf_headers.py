"""What the headers of an ELF file say, read by pyelftools, and which answers that leaves possible.

The answers follow from the gABI, the psABI of each CPU and the loaders' sources; none is taken from
handpie. A rule that headers alone cannot answer gets no answer here. Where a file is from tells its
system, which a judge may know and handpie has to find out.
"""

import re

from elftools.elf.constants import P_FLAGS, SH_FLAGS
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from answers import BAD, FAIL, NOT_APPLICABLE, NOT_BAD, NOT_SEEN, PASS, PIE_KINDS, SOME, WARN

DF_TEXTREL, DF_BIND_NOW = 0x4, 0x8
DF_1_NOW, DF_1_PIE = 0x1, 0x08000000
PT_GNU_STACK, PT_GNU_RELRO, PT_SUNWSTACK = "PT_GNU_STACK", "PT_GNU_RELRO", 0x6FFFFFFB
NT_GNU_PROPERTY_TYPE_0 = 5

# No operating system loads files of these: what runs them has no loader that obeys program headers.
MACHINES_WITHOUT_SYSTEM = {"EM_NONE", "EM_AVR", "EM_BPF", "EM_MSP430", "EM_H8_300"}
# Folders of packages whose files firmware, a boot loader, a hypervisor or a kernel loads.
PLACES_WITHOUT_LOADER = re.compile(
    r"/(lib|lib64)/(grub|avr|picolibc|arm-none-eabi|syslinux|ISOLINUX|SYSLINUX|u-boot|opensbi|or1k-elf|h8300-hitachi-coff)/"
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
        """Addresses of the words that hold functions of other files: those of DT_JMPREL, and on MIPS
        the global part of the GOT (MIPS psABI, chapter 5: symbols from DT_MIPS_GOTSYM on have one
        slot each, after DT_MIPS_LOCAL_GOTNO local ones)."""
        slots = []
        if self.machine == "EM_MIPS" and "DT_MIPS_GOTSYM" in self.dynamic:
            count = self.first("DT_MIPS_SYMTABNO", 0) - self.first("DT_MIPS_GOTSYM", 0)
            size = self.bits // 8
            start = self.first("DT_PLTGOT", 0) + self.first("DT_MIPS_LOCAL_GOTNO", 0) * size
            stubs = self.mips_stubs()
            slots += [start + at * size for at in stubs if at < count]
        table, size = self.first("DT_JMPREL"), self.first("DT_PLTRELSZ", 0)
        if table is None or size == 0:
            return slots
        is_rela = self.first("DT_PLTREL", 7) == 7
        word = self.bits // 8
        step = word * (3 if is_rela else 2)
        order = "little" if self.elf.little_endian else "big"
        data = self.at(table, size)
        slots += [int.from_bytes(data[at : at + word], order) for at in range(0, len(data) - step + 1, step)]
        return slots

    def mips_stubs(self):
        """Which symbols of the global GOT have a lazy binding stub: undefined ones with an address."""
        symbols = self.section(".dynsym")
        first = self.first("DT_MIPS_GOTSYM", 0)
        if symbols is None:
            return []
        return [
            at - first
            for at, symbol in enumerate(symbols.iter_symbols())
            if at >= first and symbol["st_shndx"] == "SHN_UNDEF" and symbol["st_value"] != 0
        ]

    def at(self, address, size):
        for segment in self.segments_of("PT_LOAD"):
            start = segment["p_vaddr"]
            if start <= address < start + segment["p_filesz"]:
                self.file.seek(segment["p_offset"] + address - start)
                return self.file.read(size)
        return b""

    def relro(self):
        return [(s["p_vaddr"], s["p_vaddr"] + s["p_memsz"]) for s in self.segments_of(PT_GNU_RELRO)]

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


def judge(elf):
    """Rule to possible answers."""
    kind = elf.kind()
    says = {"kind": [kind] if kind else None}
    says["setuid"] = BAD if elf.entry["mode"] & 0o6000 else NOT_BAD
    if kind in ("debug-file", "core"):
        return {"kind": says["kind"]}
    # A link to a file that has them is as good.
    names = NOT_BAD if elf.section(".symtab") else BAD + (PASS if elf.section(".gnu_debuglink") else [])
    has_debug = any(re.match(r"\.z?debug_(info|line|abbrev|frame)", section.name) for section in elf.sections)
    debug = BAD if has_debug else NOT_BAD
    if elf.is_go():
        says["go-symbols"] = names
        says["go-dwarf"] = debug
    else:
        says["symbols"] = names
        says["debug-info"] = debug
    says["build-id"] = PASS if elf.build_id() else NOT_SEEN
    if kind == "relocatable-object":
        for rule in ["pie", "relro", "relro-applied", "bind-now", "no-loader", "needed-libraries", "search-path",
                     "text-relocations", "separate-code", "writable-code"]:
            says[rule] = NOT_APPLICABLE
        says["symbols"] = NOT_BAD
        says["build-id"] = says["debug-info"] = None
        if "/lib/modules/" in elf.entry["path"]:
            # A kernel has neither libc nor stacks that a header describes.
            says["executable-stack"] = says["fortify"] = NOT_BAD
            checks = elf.section(".symtab").get_symbol_by_name("__stack_chk_fail")
            says["stack-canary"] = PASS if checks else NOT_SEEN
        elif elf.is_loaded_by_no_system():
            for rule in ["executable-stack", "stack-canary", "fortify", "stack-clash"]:
                says[rule] = NOT_BAD
        return says
    if elf.is_loaded_by_no_system():
        # What firmware, a kernel or an emulator loads has no loader that any of this would instruct. What to
        # call it is a matter of taste, and so is whether it should have symbols.
        rules = ["pie", "relro", "relro-applied", "bind-now", "executable-stack", "no-loader", "needed-libraries",
                 "search-path", "text-relocations", "fortify"]
        return {rule: NOT_BAD for rule in rules}
    says.update(positions(elf, kind))
    says.update(memory(elf, kind))
    says.update(binding(elf, kind))
    says.update(functions(elf, kind))
    says.update(marks(elf))
    says["search-path"] = search_path(elf)
    return says


def positions(elf, kind):
    is_static = kind in ("static-executable", "static-pie")
    needed = "DT_NEEDED" in elf.dynamic
    says = {}
    if kind in ("static-executable", "dynamic-executable"):
        says["pie"] = FAIL
    else:
        says["pie"] = PASS if kind in PIE_KINDS else NOT_APPLICABLE
    if kind == "shared-object":
        says["no-loader"] = NOT_APPLICABLE
    elif elf.interpreter() and needed:
        says["no-loader"] = NOT_APPLICABLE
    elif elf.interpreter():
        # klibc's programs name klibc itself, which is a program that the kernel starts.
        says["no-loader"] = BAD + NOT_APPLICABLE if elf.system() == "klibc" else FAIL
    else:
        says["no-loader"] = PASS
    says["needed-libraries"] = FAIL + NOT_APPLICABLE if needed else NOT_BAD
    is_marked = "DT_TEXTREL" in elf.dynamic or elf.first("DT_FLAGS", 0) & DF_TEXTREL
    says["text-relocations"] = FAIL if is_marked else (NOT_BAD if is_static or not elf.dynamic else PASS)
    return says


def memory(elf, kind):
    says = {}
    stack = [s["p_flags"] for s in elf.segments if s["p_type"] in (PT_GNU_STACK, PT_SUNWSTACK)]
    if elf.system() in ("netbsd", "openbsd"):
        # Never executable there, whatever a file says.
        says["executable-stack"] = NOT_BAD + WARN
    elif stack:
        says["executable-stack"] = FAIL if stack[0] & P_FLAGS.PF_X else PASS
    elif elf.system() in ("solaris", "klibc", "openharmony", "android", "musl"):
        # musl never makes them executable.
        says["executable-stack"] = None if elf.system() in ("klibc", "solaris") else NOT_BAD + WARN
    else:
        says["executable-stack"] = BAD
    loads = elf.segments_of("PT_LOAD")
    both = P_FLAGS.PF_W | P_FLAGS.PF_X
    says["writable-code"] = FAIL if any(s["p_flags"] & both == both for s in loads) else PASS
    if elf.sections:
        says["separate-code"] = BAD if data_in_code(elf, loads) else NOT_BAD
    return says


def data_in_code(elf, loads):
    for section in elf.sections:
        flags, kind = section["sh_flags"], section["sh_type"]
        if not flags & SH_FLAGS.SHF_ALLOC or flags & SH_FLAGS.SHF_EXECINSTR or section["sh_size"] == 0:
            continue
        if kind in ("SHT_NOTE", "SHT_NOBITS") or section.name == ".interp":
            continue
        for load in loads:
            start = load["p_vaddr"]
            inside = start <= section["sh_addr"] < start + load["p_memsz"]
            if inside and load["p_flags"] & P_FLAGS.PF_X:
                return True
    return False


def binding(elf, kind):
    is_static = kind in ("static-executable", "static-pie")
    says = {}
    relro = elf.relro()
    slots = elf.slots()
    outside = [slot for slot in slots if not any(start <= slot < end for start, end in relro)]
    if not relro:
        says["relro"] = FAIL if elf.dynamic and not is_static else FAIL + NOT_APPLICABLE
        says["relro-applied"] = NOT_APPLICABLE
    else:
        says["relro"] = WARN if outside else PASS
        if is_static:
            # Which words IRELATIVE relocations fill at start, no dynamic table says.
            says["relro"] = SOME
        if not is_static and elf.system() != "klibc":
            says["relro-applied"] = PASS
    if is_static or not slots:
        says["bind-now"] = NOT_BAD
    elif elf.binds_now():
        says["bind-now"] = PASS
    elif elf.system() in ("musl", "android", "openharmony"):
        # musl and bionic look up every function when they load a file.
        says["bind-now"] = NOT_BAD
    elif elf.system() in ("glibc", "freebsd", "netbsd"):
        says["bind-now"] = FAIL
    if elf.system() == "solaris":
        says["relro"] = says["relro-applied"] = None
    return says


# What a function calls that finds its canary changed, on each system (gcc's and clang's SSP support).
CANARY = {"__stack_chk_fail", "__stack_smash_handler", "__stack_chk_fail_local", "__stack_chk_guard"}
SANITIZER = re.compile(r"^(__asan_(init|report|handle)|__tsan_(init|func_entry)|__msan_init|__ubsan_handle|__gcov_|__llvm_profile)")


def functions(elf, kind):
    imports = elf.imports()
    if imports is None:
        return {}
    says = {}
    if any(elf.defines(name) for name in CANARY):
        pass
    elif CANARY & imports.keys():
        says["stack-canary"] = PASS
    elif elf.section(".openbsd.randomdata") and elf.system() == "openbsd":
        # OpenBSD's clang has retguard in place of canaries, which keeps its random data there.
        says["stack-canary"] = NOT_SEEN + PASS
    elif kind not in ("static-executable", "static-pie") and not elf.section(".debug_info"):
        # What recorded its flags may have asked for canaries that no function needs.
        says["stack-canary"] = NOT_SEEN
    checked = [
        name for name in imports
        if re.match(r"^__\w+_chk(_warn)?$|^__fdelt_(chk|warn)$|^__longjmp_chk$|^__chk_fail$", name)
        and not name.startswith(("__stack", "__asan", "__cyg"))
    ]
    if elf.system() == "musl":
        says["fortify"] = NOT_APPLICABLE + (SOME if checked else [])
    elif checked and not elf.defines("__chk_fail"):
        says["fortify"] = SOME
    elif not checked and kind not in ("static-executable", "static-pie"):
        says["fortify"] = NOT_SEEN
    left_in = [name for name, bind in imports.items() if SANITIZER.match(name) and bind == "STB_GLOBAL"]
    if kind not in ("static-executable", "static-pie"):
        says["sanitizers"] = FAIL if left_in else None
    return says


def marks(elf):
    says = {}
    if elf.machine in ("EM_386", "EM_X86_64"):
        bits = elf.properties("GNU_PROPERTY_X86_FEATURE_1_AND") & 3
        says["cet"] = PASS if bits == 3 else (WARN + NOT_APPLICABLE if bits else FAIL + NOT_APPLICABLE)
    else:
        says["cet"] = NOT_APPLICABLE
    if elf.machine == "EM_AARCH64":
        bits = elf.properties("GNU_PROPERTY_AARCH64_FEATURE_1_AND") & 3
        says["branch-protection"] = PASS if bits == 3 else (WARN + NOT_APPLICABLE if bits else FAIL + NOT_APPLICABLE)
    else:
        says["branch-protection"] = NOT_APPLICABLE
    return says


def search_path(elf):
    text = elf.first("DT_RUNPATH", elf.first("DT_RPATH", ""))
    if isinstance(text, int):
        return None
    if not text:
        return NOT_BAD
    folders = text.split(":")
    if elf.entry["mode"] & 0o6000 and any("ORIGIN" in folder for folder in folders):
        return FAIL
    if "" in folders:
        return FAIL
    climbs = [folder for folder in folders if ".." in folder.split("/")]
    if climbs:
        # Into another folder of the same package, it is the package's own; further up, whoever installs it decides.
        return SOME if all(stays_inside(elf.entry["path"], folder) for folder in climbs) else None
    if all(re.match(r"^(\$ORIGIN|\$\{ORIGIN\})(/|$)|^/(usr|lib|lib32|lib64|opt)(/|$)", folder) for folder in folders):
        return NOT_BAD
    return BAD


def stays_inside(path, folder):
    """Whether `$ORIGIN/../x` is in the package that the file is in."""
    if not re.match(r"^(\$ORIGIN|\$\{ORIGIN\})/", folder):
        return False
    # files/REGISTRY/WHERE/PACKAGE/...; Debian's WHERE is two.
    parts = path.split("/")
    depth = len(parts) - (6 if parts[1] == "debian" else 5)
    for part in folder.split("/")[1:]:
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return False
    return True
