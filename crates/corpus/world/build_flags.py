"""What the compilers of an ELF file recorded of their flags (DW_AT_producer), read by pyelftools.

Only gcc records them, and only where -g was given and nothing stripped the result: objects and programs of a
few packages, Debian's cross libcs, wheels.
"""

import re

from answers import FAIL, NOT_APPLICABLE, PASS, SOME, WARN

LONGEST = 4 << 20


def judge(elf):
    """Rule to possible answers: flags that every part has forbid a fail, flags that none has a pass."""
    info = elf.section(".debug_info")
    if info is None or info["sh_size"] > LONGEST or elf.is_go() or elf.type == "ET_REL" or elf.is_debug_file():
        return {}
    # Where a libc is linked in, its objects have recorded flags too.
    if not elf.interpreter() and "DT_NEEDED" not in elf.dynamic:
        return {}
    producers = []
    for unit in elf.elf.get_dwarf_info().iter_CUs():
        attribute = unit.get_top_DIE().attributes.get("DW_AT_producer")
        value = attribute.value if attribute else b""
        producers.append(value.decode(errors="replace") if isinstance(value, bytes) else "")
    # An assembler makes no frames; whoever else recorded no flags may have had any.
    producers = [producer for producer in producers if not producer.startswith(("GNU AS", "LLVM AS"))]
    if not producers or not all(re.match(r"GNU C\S* .* -", producer) for producer in producers):
        return {}
    says = {}
    if all("-fstack-protector" in producer for producer in producers):
        says["stack-canary"] = PASS
    if all("-fstack-clash-protection" in producer for producer in producers):
        says["stack-clash"] = SOME
    elif not any("-fstack-clash-protection" in producer for producer in producers):
        says["stack-clash"] = FAIL + WARN + NOT_APPLICABLE
    return says
