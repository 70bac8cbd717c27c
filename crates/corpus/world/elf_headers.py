"""Which answers the headers of an ELF file leave possible.

The answers follow from the gABI, the psABI of each CPU and the loaders' sources; none is taken from
handpie. A rule that headers alone cannot answer gets no answer here. Where a file is from tells its
system, which a judge may know and handpie has to find out.
"""

import re

from elftools.elf.constants import P_FLAGS, SH_FLAGS

from answers import BAD, FAIL, NOT_APPLICABLE, NOT_BAD, NOT_SEEN, PASS, PIE_KINDS, SOME, WARN

DF_TEXTREL = 0x4
PT_GNU_STACK, PT_SUNWSTACK = "PT_GNU_STACK", 0x6FFFFFFB


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
    if is_static or not any(slots.values()):
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
        # Some functions check one; whether all that need it do, imports do not tell. Where C++'s library is linked
        # in, they may be its functions alone.
        says["stack-canary"] = None if elf.has_cxx_library() else SOME
    elif elf.section(".openbsd.randomdata") and elf.system() == "openbsd":
        # OpenBSD's clang has retguard in place of canaries, which keeps its random data there.
        says["stack-canary"] = NOT_SEEN + PASS
    elif kind not in ("static-executable", "static-pie") and not elf.section(".debug_info"):
        # What recorded its flags may have asked for canaries that no function needs.
        says["stack-canary"] = NOT_SEEN
    checked = [
        name for name in imports
        if re.match(r"^__\w+_chk(_warn)?$|^__fdelt_(chk|warn)$|^__open(at)?(64)?_2$|^__chk_fail$", name)
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
