"""What the load commands of a Mach-O file say, read by lief; the signature's blobs by Apple's cs_blobs.h."""

import re
import struct

import lief

from answers import BAD, FAIL, NOT_APPLICABLE, NOT_BAD, NOT_SEEN, PASS, SOME, WARN

MH_PIE, MH_ALLOW_STACK_EXECUTION, MH_NO_HEAP_EXECUTION = 0x200000, 0x20000, 0x1000000
VM_PROT_WRITE, VM_PROT_EXECUTE = 2, 4
CSMAGIC_EMBEDDED_SIGNATURE, CSMAGIC_CODEDIRECTORY, CSMAGIC_BLOBWRAPPER = 0xFADE0CC0, 0xFADE0C02, 0xFADE0B01
CSSLOT_SIGNATURESLOT = 0x10000
CS_ADHOC, CS_RUNTIME = 0x2, 0x10000
KINDS = {
    "EXECUTE": "macho-executable", "DYLIB": "macho-dynamic-library", "BUNDLE": "macho-bundle",
    "KEXT_BUNDLE": "macho-kernel-extension", "OBJECT": "relocatable-object",
}


def judge_all(path, entry):
    """One for each program of a fat file, in its order."""
    fat = lief.MachO.parse(str(path), config=lief.MachO.ParserConfig.quick)
    if fat is None:
        raise ValueError("lief cannot read it")
    with open(path, "rb") as file:
        data = file.read()
    return [judge(one, data[one.fat_offset :], entry) for one in fat]


def judge(macho, data, entry):
    kind = KINDS.get(macho.header.file_type.name)
    flags = int(macho.header.flags)
    is_program = kind == "macho-executable"
    is_64 = macho.header.magic in (lief.MachO.MACHO_TYPES.MAGIC_64, lief.MachO.MACHO_TYPES.CIGAM_64)
    is_mobile = "ios" in entry["package"] or "/ios-" in entry["path"]
    says = {"kind": [kind] if kind else None}
    if kind == "relocatable-object":
        return says
    says["macho-pie"] = (PASS if flags & MH_PIE else FAIL) if is_program else NOT_APPLICABLE
    stack = flags & MH_ALLOW_STACK_EXECUTION
    says["macho-executable-stack"] = (FAIL if stack else PASS) if is_program else NOT_APPLICABLE
    both = VM_PROT_WRITE | VM_PROT_EXECUTE
    writable_code = any(int(s.init_protection) & both == both for s in macho.segments)
    if writable_code:
        says["macho-executable-heap"] = FAIL
    elif not is_program:
        says["macho-executable-heap"] = NOT_APPLICABLE
    else:
        says["macho-executable-heap"] = PASS if (is_64 or flags & MH_NO_HEAP_EXECUTION) and not stack else FAIL
    encryption = macho.encryption_info
    says["macho-encryption"] = WARN if encryption and encryption.crypt_id else PASS
    directories, has_certificate = signature(macho, data)
    if directories is None:
        says["macho-signature"] = FAIL
        says["macho-hardened-runtime"] = FAIL if is_program else NOT_APPLICABLE
    else:
        signed = has_certificate and not any(d & CS_ADHOC for d in directories)
        says["macho-signature"] = PASS if signed else WARN
        hardened = all(d & CS_RUNTIME for d in directories)
        says["macho-hardened-runtime"] = (PASS if hardened else FAIL) if is_program else NOT_APPLICABLE
    if is_mobile:
        says["macho-hardened-runtime"] = NOT_APPLICABLE
    folders = [str(rpath.path) for rpath in macho.rpaths]
    if not folders:
        says["macho-rpath"] = NOT_BAD
    elif any(re.match(r"^/(tmp|private|var/folders|Users)/|^(?![/@])", folder) for folder in folders):
        says["macho-rpath"] = FAIL
    elif all(folder.startswith(("/usr/lib", "/System")) for folder in folders):
        says["macho-rpath"] = PASS
    else:
        # Devices load only libraries of the program's own signer; a simulator's programs are macOS's.
        is_device = is_mobile and "simulator" not in entry["path"]
        says["macho-rpath"] = SOME if is_device or (directories and has_certificate) else WARN
    imported = {str(symbol.name) for symbol in macho.imported_symbols}
    if imported:
        says["macho-canary"] = PASS if "___stack_chk_fail" in imported else NOT_SEEN
    says["setuid"] = BAD if entry["mode"] & 0o6000 else NOT_BAD
    return says


def signature(macho, data):
    """The flags of each code directory, and whether a certificate signed them; None without any."""
    command = macho.code_signature
    if command is None:
        return None, False
    blob = data[command.data_offset : command.data_offset + command.data_size]
    if len(blob) < 12 or struct.unpack(">I", blob[:4])[0] != CSMAGIC_EMBEDDED_SIGNATURE:
        return None, False
    count = struct.unpack(">I", blob[8:12])[0]
    directories, has_certificate = [], False
    for at in range(count):
        slot, offset = struct.unpack(">II", blob[12 + at * 8 : 20 + at * 8])
        magic, length = struct.unpack(">II", blob[offset : offset + 8])
        if magic == CSMAGIC_CODEDIRECTORY:
            directories.append(struct.unpack(">I", blob[offset + 12 : offset + 16])[0])
        # An empty CMS message is what linkers and `codesign -s -` leave.
        elif magic == CSMAGIC_BLOBWRAPPER and slot == CSSLOT_SIGNATURESLOT and length > 8:
            has_certificate = True
    return (directories or None), has_certificate
