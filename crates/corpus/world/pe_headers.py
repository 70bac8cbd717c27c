"""What the headers of a PE file say, read by pefile, by Microsoft's "PE Format" and the UEFI specification."""

import pefile

from answers import BAD, FAIL, NOT_APPLICABLE, NOT_BAD, NOT_SEEN, PASS, WARN

IMAGE_FILE_RELOCS_STRIPPED, IMAGE_FILE_LARGE_ADDRESS_AWARE, IMAGE_FILE_DLL = 0x0001, 0x0020, 0x2000
HIGH_ENTROPY_VA, DYNAMIC_BASE, NX_COMPAT, NO_SEH, GUARD_CF = 0x20, 0x40, 0x100, 0x400, 0x4000
EFI_SUBSYSTEMS = range(10, 14)
I386, AMD64, ARM64 = 0x14C, 0x8664, 0xAA64
CODE, EXECUTE, WRITE = 0x20, 0x20000000, 0x80000000
CF_INSTRUMENTED, CF_TABLE_PRESENT, COOKIE_UNUSED = 0x100, 0x400, 0x800
EX_DLLCHARACTERISTICS, CET_COMPAT = 20, 0x1


def judge(path, entry):
    with open(path, "rb") as file:
        data = file.read()
    pe = pefile.PE(data=data, fast_load=True)
    wanted = ["SECURITY", "BASERELOC", "DEBUG", "LOAD_CONFIG", "IMPORT", "COM_DESCRIPTOR"]
    directories = [pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"] for name in wanted]
    pe.parse_data_directories(directories=directories)
    machine = pe.FILE_HEADER.Machine
    file_flags = pe.FILE_HEADER.Characteristics
    flags = pe.OPTIONAL_HEADER.DllCharacteristics
    is_efi = pe.OPTIONAL_HEADER.Subsystem in EFI_SUBSYSTEMS
    is_64 = pe.OPTIONAL_HEADER.Magic == 0x20B
    is_library = file_flags & IMAGE_FILE_DLL
    has_code = any(s.Characteristics & (CODE | EXECUTE) for s in pe.sections)
    is_managed = directory(pe, "COM_DESCRIPTOR") is not None
    # The runtime's names are in its table of functions, which nothing strips.
    is_go = b"runtime.gopanic" in data and b"runtime.goexit" in data
    stripped = file_flags & IMAGE_FILE_RELOCS_STRIPPED
    relocations = sum(
        1 for block in getattr(pe, "DIRECTORY_ENTRY_BASERELOC", []) for one in block.entries if one.type != 0
    )
    says = {"kind": ["pe-dynamic-link-library" if is_library else "pe-executable"]}
    if is_efi:
        says["pe-dynamic-base"] = says["pe-high-entropy"] = NOT_APPLICABLE
        # Firmware loads it where there is room unless it says that it cannot be moved (UEFI 2.10, 2.1.1).
        says["pe-relocations"] = FAIL if stripped else NOT_BAD
        for rule in ["pe-cfg", "pe-cet", "pe-safe-seh", "pe-canary"]:
            says[rule] = NOT_APPLICABLE
    else:
        plain = is_managed or not has_code
        says["pe-dynamic-base"] = FAIL
        if flags & DYNAMIC_BASE and (plain or (relocations and not stripped)):
            says["pe-dynamic-base"] = PASS
        says["pe-relocations"] = PASS if relocations and not stripped else (NOT_BAD + FAIL if plain else FAIL)
        both = flags & HIGH_ENTROPY_VA and file_flags & IMAGE_FILE_LARGE_ADDRESS_AWARE
        says["pe-high-entropy"] = (PASS if both else FAIL) if is_64 else NOT_APPLICABLE
        says.update(protections(pe, data, machine, flags, is_go or plain))
    says["pe-nx"] = memory(pe, flags, is_64, is_efi, is_library)
    says["pe-signature"] = signature(pe, data)
    says["setuid"] = BAD if entry["mode"] & 0o6000 else NOT_BAD
    return says


def directory(pe, name):
    at = pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"]
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    if at < len(directories) and directories[at].VirtualAddress and directories[at].Size:
        return directories[at]
    return None


def memory(pe, flags, is_64, is_efi, is_library):
    both = EXECUTE | WRITE
    if any(section.Characteristics & both == both for section in pe.sections):
        return FAIL
    if flags & NX_COMPAT:
        return PASS
    return WARN if is_64 or is_efi or is_library else FAIL


def protections(pe, data, machine, flags, is_excused):
    says = {}
    config = getattr(pe, "DIRECTORY_ENTRY_LOAD_CONFIG", None)
    config = config.struct if config else None
    guard = getattr(config, "GuardFlags", 0) or 0
    is_guarded = (
        flags & GUARD_CF
        and guard & CF_INSTRUMENTED
        and guard & CF_TABLE_PRESENT
        and getattr(config, "GuardCFFunctionCount", 0)
        and getattr(config, "GuardCFFunctionTable", 0)
    )
    missing = FAIL + NOT_APPLICABLE if is_excused else FAIL
    says["pe-cfg"] = PASS + (NOT_APPLICABLE if is_excused else []) if is_guarded else missing
    says["pe-cet"] = NOT_APPLICABLE
    if machine in (I386, AMD64):
        marked = any(
            one.struct.Type == EX_DLLCHARACTERISTICS
            and data[one.struct.PointerToRawData : one.struct.PointerToRawData + 1] >= b"\1"
            and data[one.struct.PointerToRawData] & CET_COMPAT
            for one in getattr(pe, "DIRECTORY_ENTRY_DEBUG", [])
        )
        says["pe-cet"] = PASS if marked else missing
    says["pe-safe-seh"] = NOT_APPLICABLE
    if machine == I386:
        table = getattr(config, "SEHandlerTable", 0) and getattr(config, "SEHandlerCount", 0)
        says["pe-safe-seh"] = PASS if flags & NO_SEH or table else missing
        if is_excused:
            says["pe-safe-seh"] = PASS + FAIL + NOT_APPLICABLE
    cookie = getattr(config, "SecurityCookie", 0)
    by_name = b"__stack_chk_fail" in data or b"libssp-0.dll" in data
    if is_excused:
        says["pe-canary"] = None
    elif cookie and not guard & COOKIE_UNUSED:
        says["pe-canary"] = PASS
    elif not by_name and b"stack smashing detected" not in data:
        says["pe-canary"] = NOT_SEEN
    return says


def signature(pe, data):
    at = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_SECURITY"]
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    if at >= len(directories) or not directories[at].VirtualAddress or not directories[at].Size:
        return FAIL
    # The one directory whose "virtual address" is an offset in the file.
    start = directories[at].VirtualAddress
    head = data[start : start + 8]
    if len(head) < 8:
        return FAIL
    length, kind = int.from_bytes(head[:4], "little"), int.from_bytes(head[6:8], "little")
    return PASS if kind == 2 and 8 < length <= len(data) - start else FAIL
