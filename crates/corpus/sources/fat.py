"""Puts Mach-O files into one fat file: `fat.py OUT IN...`"""

import struct
import sys

ALIGN = 14
files = [open(name, "rb").read() for name in sys.argv[2:]]
header, body = struct.pack(">II", 0xCAFEBABE, len(files)), b""
start = 1 << ALIGN
for file in files:
    cpu, subtype = struct.unpack_from("<II", file, 4)
    body += b"\0" * (-len(body) % start)
    header += struct.pack(">IIIII", cpu, subtype, start + len(body), len(file), ALIGN)
    body += file
open(sys.argv[1], "wb").write(header.ljust(start, b"\0") + body)
