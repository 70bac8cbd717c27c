"""What the code of an ELF file does, as GNU objdump and llvm-objdump disassemble it: which functions it
calls, and how it makes large stack frames.

Only files with little code are asked, because a disassembler needs seconds for much.
"""

import re
import subprocess

from answers import PASS, SOME, WARN, FAIL

MOST_CODE = 400 << 10
DISASSEMBLERS = {
    "EM_X86_64": ["objdump", "-d", "--no-show-raw-insn", "-w", "-j", ".text"],
    "EM_AARCH64": ["llvm-objdump-19", "-d", "--no-show-raw-insn", "-j", ".text"],
}
CALL = re.compile(r"\t(?:callq?|jmpq?|bl|b)\s+(?:0x)?[0-9a-f]+ <([^>@+]+)(?:@plt)?>")
CANARY = {"__stack_chk_fail", "__stack_smash_handler", "__stack_chk_fail_local"}
CHECKED = re.compile(r"^__\w+_chk$|^__open(at)?(64)?_2$")
# What glibc's headers replace wherever it is called, from level 2 on. gcc takes a checked sprintf or snprintf
# back where the format is plain, so those tell nothing.
ALWAYS_REPLACED = {
    prefix + name for prefix in ("", "v") for name in ("printf", "fprintf", "dprintf", "asprintf", "syslog")
}
THROUGH_GOT = re.compile(r"\t(?:call|jmp)q?\s+\*-?0x[0-9a-f]+\(%rip\)\s+# ([0-9a-f]+)")
# `sub $0x2000,%rsp`, and what touches the page that a step of one page made: gcc's and clang's.
FRAME = re.compile(r"\tsubq?\s+\$0x([0-9a-f]+),%rsp")
TOUCH = re.compile(r"\t(?:or|mov)q?\s+\$0x0,(?:0x[0-9a-f]+)?\(%rsp\)")
PAGE = 0x1000


def judge(elf, path):
    """Rule to possible answers, or nothing where there is nothing to disassemble."""
    text = elf.section(".text")
    command = DISASSEMBLERS.get(elf.machine)
    if command is None or text is None or not 0 < text["sh_size"] <= MOST_CODE or elf.type == "ET_REL":
        return {}
    if elf.is_go() or elf.is_loaded_by_no_system() or text["sh_type"] == "SHT_NOBITS":
        return {}
    said = subprocess.run([*command, path], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    if said.returncode != 0:
        raise ValueError(f"{command[0]}: {said.stderr.strip()[:200]}")
    lines = said.stdout.splitlines()
    calls = {match[1] for match in map(CALL.search, lines) if match}
    says = {}
    # Of what contains a libc, the header's judge knows nothing either: its functions are not the program's.
    if elf.interpreter() or "DT_NEEDED" in elf.dynamic:
        if calls & CANARY and not any(elf.defines(name) for name in CANARY):
            says["stack-canary"] = None if elf.has_cxx_library() else SOME
        if any(CHECKED.match(name) and not name.startswith("__stack") for name in calls) and elf.system() != "musl":
            # Taking an address is no call. Calls through the GOT (-fno-plt) are named by the slot.
            says["fortify"] = SOME
            if elf.machine == "EM_X86_64":
                slots = {int(match[1], 16) for match in map(THROUGH_GOT.search, lines) if match}
                unchecked = calls & ALWAYS_REPLACED or slots & slots_of(elf, ALWAYS_REPLACED)
                says["fortify"] = WARN if unchecked else PASS
        if elf.machine == "EM_X86_64":
            says["stack-clash"] = frames(lines)
    return says


def slots_of(elf, names):
    """Addresses of the words that a loader fills with these functions."""
    if not names & (elf.imports() or {}).keys():
        return set()
    section, symbols = elf.section(".rela.dyn"), elf.section(".dynsym")
    if section is None:
        return set()
    return {
        relocation["r_offset"]
        for relocation in section.iter_relocations()
        if symbols.get_symbol(relocation["r_info_sym"]).name in names
    }


def frames(lines):
    """Whether frames larger than a page are made in steps that are touched."""
    steps = at_once = 0
    for at, line in enumerate(lines):
        match = FRAME.search(line)
        if not match:
            continue
        size = int(match[1], 16)
        touched = any(TOUCH.search(next_line) for next_line in lines[at + 1 : at + 3])
        if size == PAGE and touched:
            steps += 1
        # Negative numbers are written as large ones: `sub $0xffffffffffffff80,%rsp` makes a frame smaller.
        elif PAGE < size < 1 << 31:
            at_once += 1
    if at_once and steps:
        return WARN
    if at_once:
        return FAIL + WARN
    return PASS if steps else None
