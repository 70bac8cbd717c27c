"""Removes the section headers, as sstrip does: `sections-off.py IN OUT`, for 64-bit ELF."""

import struct
import sys

data = bytearray(open(sys.argv[1], "rb").read())
headers, header_size, count = struct.unpack_from("<Q", data, 0x20)[0], *struct.unpack_from("<HH", data, 0x36)
end = 0
for number in range(count):
    offset, size = (struct.unpack_from("<Q", data, headers + number * header_size + at)[0] for at in (8, 32))
    end = max(end, offset + size)
struct.pack_into("<Q", data, 0x28, 0)  # e_shoff
struct.pack_into("<HHH", data, 0x3A, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
open(sys.argv[2], "wb").write(data[:end])
