#!/usr/bin/env python3
"""Record the terminal of README.md: run the commands, and draw what they printed as an SVG.

    docs/terminal/record.py [HANDPIE]     writes docs/terminal/terminal.svg

HANDPIE is the program to record, `target/debug/handpie` by default. The commands run for real, on
a copy of examples/hello that has a commit and a tag. The drawing depends on what they print and on
nothing else. It needs Linux, go, git, unshare and chroot; the Python standard library is enough.
"""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs/terminal/terminal.svg"

# (a command, the exit status it must have, whether a blank line follows). A recording in which
# something else happens would show what is not so.
SCRIPT = [
    ("# A root directory that holds nothing but the program, as in an image FROM scratch.", 0, False),
    ("go build -buildmode=pie -o root/hello .", 0, False),
    ("unshare -r chroot root /hello", 127, True),
    ("handpie build -o root/hello", 0, False),
    ("unshare -r chroot root /hello", 0, True),
    ("handpie prove root/hello", 0, False),
]

# Wide enough for most lines; a GitHub page shows it at nine tenths of this size.
COLUMNS = 109
CELL, LINE, SIZE, MARGIN, BAR = 8.4, 19, 14, 18, 34

# Its own background, so that it reads alike on a light page and on a dark one.
BACKGROUND, FOREGROUND, DIM = "#161b22", "#e6edf3", "#9198a1"
COLOURS = {
    30: "#6e7681", 31: "#ff7b72", 32: "#56d364", 33: "#e3b341",
    34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 37: "#e6edf3",
}
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def main():
    handpie = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/handpie").resolve()
    with tempfile.TemporaryDirectory() as folder:
        lines = record(handpie, Path(folder))
    PICTURE.write_text(draw(lines), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(lines)} lines", file=sys.stderr)


def record(handpie, folder):
    """The lines of the terminal, each a list of (text, style)."""
    environment = prepare(handpie, folder)
    lines = []
    for command, expected, blank in SCRIPT:
        if command.startswith("#"):
            lines.append([(command, {"dim"})])
            continue
        lines.append([("$ ", {32}), (command, {"bold"})])
        status, output = run(command, folder / "hello", environment)
        lines += styled(output)
        if status != expected:
            sys.exit(f"`{command}` ended with {status}, not with {expected}:\n{output}")
        if blank:
            lines.append([])
    return [part for line in lines for part in wrapped(line)]


def prepare(handpie, folder):
    """A checkout of the example, and an environment in which nobody's configuration has a say."""
    (folder / "bin").mkdir()
    (folder / "bin/handpie").symlink_to(handpie)
    shutil.copytree(ROOT / "examples/hello", folder / "hello")
    (folder / "hello/root").mkdir()
    (folder / "hello/.gitignore").write_text("root/\n")
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "CGO_ENABLED": "0",
        "GOENV": "off",
        "GOTOOLCHAIN": "local",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    for command in [
        "git init -q -b main .",
        "git add .",
        "git -c user.name=handpie -c user.email=handpie@example.com commit -q -m hello",
        "git tag v1.0.0",
    ]:
        subprocess.run(command.split(), cwd=folder / "hello", env=environment, check=True)
    return environment


def run(command, folder, environment):
    """Exit status and output of a command in a terminal of its own."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        os.chdir(folder)
        os.execve("/bin/sh", ["sh", "-c", command], environment)
    output = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # EIO: nobody has the other end open
            break
        if not piece:
            break
        output += piece
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), output.decode().replace("\r\n", "\n")


def styled(output):
    """Lines of (text, style), the style being what SGR sequences switched on."""
    lines, style = [], set()
    for line in output.split("\n")[:-1]:
        # A line of progress is written over: what counts is what stands there in the end.
        line = line.rsplit("\r", 1)[-1].replace("\x1b[2K", "")
        if re.search(r"\x1b(?!\[[0-9;]*m)", line):
            sys.exit(f"the drawing does not know a sequence in {line!r}")
        parts = []
        for text, codes in re.findall(r"([^\x1b]+)|\x1b\[([0-9;]*)m", line):
            if text:
                parts.append((text, set(style)))
                continue
            for code in (int(code or 0) for code in codes.split(";")):
                style = changed(style, code)
        lines.append(parts)
    return lines


def changed(style, code):
    if code == 0:
        return set()
    if code in (1, 2):
        return style | {{1: "bold", 2: "dim"}[code]}
    if code in (22, 39):
        return {each for each in style if (code == 22) == isinstance(each, int)}
    if code in COLOURS or code - 60 in COLOURS:
        colour = code if code in COLOURS else code - 60
        return {each for each in style if not isinstance(each, int)} | {colour}
    sys.exit(f"the drawing does not know SGR {code}")


def wrapped(line):
    """A line as a terminal of COLUMNS breaks it."""
    rows, row, width = [], [], 0
    for text, style in line:
        while text:
            head, text = text[: COLUMNS - width], text[COLUMNS - width :]
            row.append((head, style))
            width += len(head)
            if text:
                rows.append(row)
                row, width = [], 0
    return rows + [row]


def draw(lines):
    width = COLUMNS * CELL + 2 * MARGIN
    height = BAR + len(lines) * LINE + MARGIN
    picture = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img" aria-labelledby="title">',
        '<title id="title">A Go program fails in an empty root; '
        "built and proven with handpie, it runs there</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
    ]
    for place, colour in enumerate(["#ff5f57", "#febc2e", "#28c840"]):
        picture.append(f'<circle cx="{MARGIN + 5 + 20 * place}" cy="18" r="6" fill="{colour}"/>')
    picture.append(f'<g font-family="{FONT}" font-size="{SIZE}">')
    for number, line in enumerate(lines):
        column = 0
        for text, style in line:
            picture += drawn(text, style, column, BAR + (number + 1) * LINE - 5)
            column += len(text)
    return "\n".join([*picture, "</g>", "</svg>"]) + "\n"


def drawn(text, style, column, y):
    """Text elements with place and width given, so that any font keeps the columns."""
    colour = next((COLOURS[each] for each in style if isinstance(each, int)), FOREGROUND)
    fill = DIM if "dim" in style else colour
    weight = ' font-weight="bold"' if "bold" in style else ""
    # Renderers collapse several blanks into one.
    for piece in re.finditer(r"\S+( \S+)*", text):
        x, width = MARGIN + (column + piece.start()) * CELL, len(piece.group()) * CELL
        yield (
            f'<text x="{x:.1f}" y="{y}" textLength="{width:.1f}" '
            f'lengthAdjust="spacingAndGlyphs" fill="{fill}"{weight}>{escape(piece.group())}</text>'
        )


if __name__ == "__main__":
    main()
