#!/usr/bin/env python3
"""Run the commands of README.md again, and write what they print into it.

    docs/terminal/commands.py [HANDPIE [DATABASE]]

HANDPIE is `target/debug/handpie` by default. DATABASE is what `handpie vuln --db` takes; without
it, the user's database answers. The program `web` is made in a temporary folder, with an old
version of golang.org/x/net, so that there is an advisory to report; go has to be able to fetch it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"

# What a reader sees, and the exit status it must have.
COMMANDS = [
    ("handpie check web.pie web", 0),
    ("handpie diff web.pie web", 0),
    ("handpie vuln web", 1),
]

FILES = {
    "go.mod": "module example.com/web\n\ngo 1.22\n\nrequire golang.org/x/net v0.17.0\n",
    ".gitignore": "web\nweb.pie\n.bin/\n",
    "main.go": """package main

import (
	"log"
	"net/http"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

var version = "none"

func main() {
	log.Print("web ", version)
	log.Fatal(http.ListenAndServe(":8080", h2c.NewHandler(http.NotFoundHandler(), &http2.Server{})))
}
""",
}


def main():
    handpie = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/handpie").resolve()
    database = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    readme = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        environment = build(handpie, Path(folder))
        for command, expected in COMMANDS:
            printed = run(command, expected, database, folder, environment)
            readme = replaced(readme, command, printed)
    README.write_text(readme, encoding="utf-8")


def build(handpie, folder):
    """web.pie and web in the folder, and an environment that has handpie in its PATH."""
    (folder / ".bin").mkdir()
    (folder / ".bin/handpie").symlink_to(handpie)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    environment = dict(
        os.environ,
        PATH=f"{folder / '.bin'}:{os.environ['PATH']}",
        CGO_ENABLED="0",
        GOENV="off",
        GOFLAGS="",
        GOTOOLCHAIN="local",
        GIT_CONFIG_GLOBAL="/dev/null",
    )
    for command in [
        "go mod tidy",
        "git init -q -b main .",
        "git add go.mod go.sum main.go .gitignore",
        "git -c user.name=handpie -c user.email=handpie@example.com commit -q -m web",
        "git tag v1.4.0",
        "go build -buildmode=pie -o web.pie .",
        "handpie build -o web",
    ]:
        subprocess.run(command.split(), cwd=folder, env=environment, check=True, capture_output=True)
    return environment


def run(command, expected, database, folder, environment):
    words = command.split()
    if database and "vuln" in words:
        words[2:2] = ["--db", str(database)]
    # Standard error says which database answered, which differs from machine to machine.
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != expected:
        sys.exit(f"`{command}` ended with {done.returncode}, not with {expected}:\n{done.stderr}")
    return "".join(
        line for line in done.stdout.splitlines(True) if not line.startswith("database: ")
    )


def replaced(readme, command, printed):
    """The page with the output of the block that begins with the command replaced."""
    start = readme.index(f"```console\n$ {command}\n") + len(f"```console\n$ {command}\n")
    end = readme.index("```\n", start)
    return readme[:start] + printed + readme[end:]


if __name__ == "__main__":
    main()
