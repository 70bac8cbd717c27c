"""Changes a 64-bit Mach-O file: `mach-o-flags.py IN OUT CHANGE...`

`+0x20000` and `-0x200000` set and clear flags of the header, which linkers for other systems do
not offer; `runtime` marks the code signature as one for the hardened runtime; `bundle` makes a plugin
of a library."""

import struct
import sys

data = bytearray(open(sys.argv[1], "rb").read())
LC_ID_DYLIB = 0xD
LC_LOAD_WEAK_DYLIB = 0x80000018
LC_CODE_SIGNATURE = 0x1D
CODE_DIRECTORY = 0xFADE0C02
RUNTIME = 0x10000
MH_BUNDLE = 8


def load_command(wanted):
    count, at = struct.unpack_from("<I", data, 16)[0], 32
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, at)
        if command == wanted:
            return at
        at += size
    sys.exit(f"no load command {wanted:#x}")


for change in sys.argv[3:]:
    if change == "runtime":
        start = struct.unpack_from("<I", data, load_command(LC_CODE_SIGNATURE) + 8)[0]
        directory = start + data[start:].index(struct.pack(">I", CODE_DIRECTORY))
        flags = struct.unpack_from(">I", data, directory + 12)[0]
        struct.pack_into(">I", data, directory + 12, flags | RUNTIME)
        continue
    if change == "bundle":
        struct.pack_into("<I", data, 12, MH_BUNDLE)
        # A plugin has no name of its own; the command stays as a wish that need not be granted.
        struct.pack_into("<I", data, load_command(LC_ID_DYLIB), LC_LOAD_WEAK_DYLIB)
        continue
    flags, bits = struct.unpack_from("<I", data, 24)[0], int(change[1:], 16)
    struct.pack_into("<I", data, 24, flags | bits if change[0] == "+" else flags & ~bits)
open(sys.argv[2], "wb").write(data)
