"""What happens when a program is started: glibc's loader tells when it binds a function
(LD_DEBUG=bindings), and /proc/PID/maps tells which pages have become read-only.

A few programs of each CPU are started, under qemu-user where the CPU is another, with the libc of their own
package. They are Debian's cat, dash and the like: programs that wait for their input, so that there is
time to look at them.
"""


import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from answers import FAIL, NOT_BAD, PASS, WARN

QEMU = {
    "amd64": "x86_64", "arm64": "aarch64", "armhf": "arm", "armel": "arm", "i386": "i386", "mips64el": "mips64el",
    "mipsel": "mipsel", "ppc64el": "ppc64le", "s390x": "s390x", "riscv64": "riscv64", "loong64": "loongarch64",
}
# Programs that read standard input when nothing is asked of them, by the packages that have them.
WAITING = [
    "coreutils/bin/cat", "coreutils/usr/bin/cat", "coreutils/usr/bin/tee", "coreutils/usr/bin/wc",
    "coreutils/usr/bin/md5sum", "coreutils/usr/bin/sort", "coreutils/usr/bin/tac", "coreutils/usr/bin/sum",
    "coreutils/usr/bin/nl", "coreutils/usr/bin/od", "coreutils/usr/bin/tsort", "coreutils/usr/bin/fold",
    "dash/bin/dash", "dash/usr/bin/dash", "bsdutils/usr/bin/logger", "util-linux/usr/bin/rev",
    "gzip/bin/gzip", "9base/usr/lib/plan9/bin/cat",
    "9base/usr/lib/plan9/bin/tee", "mksh/bin/mksh", "mksh/bin/mksh-static", "mksh/bin/lksh", "bash-static/bin/bash-static",
    "klibc-utils/usr/lib/klibc/bin/cat", "klibc-utils/usr/lib/klibc/bin/sh", "sash/bin/sash",
]
LIBRARIES = ["libc6", "libgcc-s1", "libatomic1", "libssl3", "libssl3t64"]
LIMIT = 60
# qemu-user's, whatever the CPU.
PAGE = 4096


class Loader:
    """The libc of one suite and CPU."""

    def __init__(self, folder, where):
        self.cpu = where.split("/")[1]
        self.home = folder / "files/debian" / where
        self.qemu = shutil.which(f"qemu-{QEMU[self.cpu]}-static")
        libc = self.home / "libc6"
        names = re.compile(r"^(ld-linux.*\.so\.\d|ld\.so\.1|ld64\.so\.[12])$")
        self.loader = next((path for path in sorted(libc.rglob("ld*")) if names.match(path.name)), None)
        folders = {path.parent for name in LIBRARIES for path in (self.home / name).rglob("*.so*")}
        self.path = ":".join(str(one) for one in sorted(folders))
        self.names = {path.name for one in folders for path in one.iterdir()}

    def can_start(self, elf):
        """Whether its libraries are here, and what loads it."""
        needs = set(elf.dynamic.get("DT_NEEDED", []))
        return needs <= self.names and (self.loader is not None or not elf.interpreter() or "klibc" in elf.interpreter())

    def command(self, path, elf):
        # klibc's programs name klibc itself in /lib.
        emulator = [self.qemu, "-L", str(self.home / "libklibc")]
        if elf.interpreter() and "klibc" not in elf.interpreter():
            return [*emulator, str(self.loader), "--library-path", self.path, str(path)]
        return [*emulator, str(path)]


def judge_some(folder, entries, open_elf):
    """[sha256 to (rule to answers)], of the programs that can be started here."""
    loaders, judged, problems = {}, {}, []
    for entry in entries:
        where, name = place_of(entry["path"])
        if name not in WAITING or where.split("/")[1] not in QEMU:
            continue
        if where not in loaders:
            loaders[where] = Loader(folder, where)
        loader = loaders[where]
        if loader.qemu is None:
            problems.append(f"{where}: no qemu-{QEMU[loader.cpu]}-static")
            continue
        path = folder / entry["path"]
        elf = open_elf(path, entry)
        if loader.can_start(elf):
            try:
                judged[entry["sha256"]] = judge(loader, path, elf)
            except Exception as error:
                judged[entry["sha256"]] = f"{type(error).__name__}: {error}"
        elf.close()
    for problem in sorted(set(problems)):
        print(f"not started: {problem}")
    return judged


def place_of(path):
    """`bookworm/amd64` and `coreutils/bin/cat`."""
    parts = path.split("/")
    if parts[:2] != ["files", "debian"]:
        return "", ""
    return "/".join(parts[2:4]), "/".join(parts[4:])


def judge(loader, path, elf):
    says = {}
    is_dynamic = bool(elf.interpreter()) and "klibc" not in elf.interpreter()
    if is_dynamic:
        is_lazy = binds_lazily(loader, path, elf)
        if is_lazy is not None:
            says["bind-now"] = FAIL if is_lazy else NOT_BAD
    maps = maps_of(loader, path, elf)
    relro = elf.relro()
    # glibc rounds both down, and protects whole pages (_dl_protect_relro).
    pages = [page for start, end in relro for page in range(start // PAGE * PAGE, end // PAGE * PAGE, PAGE)]
    if pages:
        says["relro-applied"] = PASS if all(maps.is_read_only(page) for page in pages) else FAIL
    slots = elf.slots()
    if relro and slots and is_dynamic:
        says["relro"] = PASS if all(maps.is_read_only(slot) for slot in slots) else WARN
    return says


def binds_lazily(loader, path, elf):
    command = [*loader.command(path, elf), "--version"]
    # qemu-user hands its environment on, and is static itself.
    debug = {**os.environ, "LD_DEBUG": "files,bindings"}
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT, input="", env=debug)
    before, transferring, after = said.stderr.partition("transferring control: ")
    if not transferring:
        raise ValueError(f"not started: {said.stderr[-300:]}")
    own = re.compile(r"binding file (\S*/)?" + re.escape(path.name) + r" \[0\] to ")
    if own.search(after):
        return True
    return False if own.search(before) else None


def maps_of(loader, path, elf):
    """The memory of a process that waits for its input."""
    process = subprocess.Popen(
        loader.command(path, elf), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        for _ in range(60):
            time.sleep(0.25)
            if process.poll() is not None:
                raise ValueError(f"ended with {process.returncode}: {process.stderr.read()[-300:]}")
            # It waits in read(2), which has no CPU time to spend.
            state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")")[-1].split()[0]
            maps = Maps(Path(f"/proc/{process.pid}/maps").read_text(), path, elf)
            if state == "S" and maps.lines:
                return maps
        raise ValueError("never waited for its input")
    finally:
        process.kill()
        process.wait()


class Maps:
    def __init__(self, text, path, elf):
        self.lines = []
        base = None
        for line in text.splitlines():
            fields = line.split(None, 5)
            start, end = (int(part, 16) for part in fields[0].split("-"))
            self.lines.append((start, end, fields[1]))
            if len(fields) == 6 and fields[5] == str(path) and base is None:
                base = start - int(fields[2], 16)
        if base is None:
            self.lines = []
        first = min(segment["p_vaddr"] // PAGE * PAGE for segment in elf.segments_of("PT_LOAD"))
        self.bias = (base or 0) - first

    def is_read_only(self, address):
        address += self.bias
        for start, end, flags in self.lines:
            if start <= address < end:
                return "w" not in flags
        raise ValueError(f"{address:#x} is not mapped")
