"""Asks handpie and the judges about every file that was fetched, and says where they differ.

    compare.py HANDPIE FOLDER [--subset] [--results FILE]

FOLDER/disagreements.jsonl gets a line for each difference. A difference of which `judge-errors.toml` says
why the judge is wrong is counted as that; a line of it that no difference matches is stale, and an error
over all files. Ends with 1 where handpie is wrong, or such a line is stale.
"""

import collections
import concurrent.futures
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import build_flags
import code_calls
import elf_file
import elf_headers
import go_info
import lief_headers
import loaders
import macho_headers
import pe_headers
import report
from comparison import Comparison

HERE = Path(__file__).resolve().parent
POLICY = HERE.parent / "every-rule.toml"
AT_ONCE = 200
# What their answers depend on; the loaders are asked each time.
JUDGES = [
    "answers.py", "build_flags.py", "code_calls.py", "elf_file.py", "elf_headers.py", "go_info.py",
    "lief_headers.py", "macho_headers.py", "pe_headers.py", "requirements.txt",
]


def main():
    arguments = sys.argv[1:]
    is_subset = "--subset" in arguments
    results = arguments[arguments.index("--results") + 1] if "--results" in arguments else None
    handpie, folder = Path(arguments[0]).absolute(), Path(arguments[1]).absolute()
    entries = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    for entry in entries:
        entry["mode"] = (folder / entry["path"]).stat().st_mode
    judged = ask_judges(folder, entries)
    started = loaders.judge_some(folder, entries, elf_file.Elf)
    for sha256, answers in started.items():
        judged[sha256].append(["loader", answers if isinstance(answers, str) else [answers]])
    said, unread = ask_handpie(handpie, folder, entries)
    comparison = Comparison(tomllib.loads((HERE / "judge-errors.toml").read_text()).get("error", []))
    for entry in entries:
        comparison.file(entry, said.get(entry["path"], []), judged[entry["sha256"]], unread.get(entry["path"]))
    lines = "".join(json.dumps(row) + "\n" for row in comparison.rows)
    (folder / "disagreements.jsonl").write_text(lines)
    stale = [] if is_subset else comparison.stale()
    print(report.table(comparison))
    if results:
        Path(results).write_text(report.page(comparison, entries, is_subset))
        print(f"wrote {results}")
    for error in stale:
        print(f"stale: no difference matches {error}")
    wrong = sum(rule["ours"] for rule in comparison.rules.values())
    for row in [row for row in comparison.rows if row["who"] == "ours"][:40]:
        print(f"{row['rule']}: {row['path']}: says {row['ours']} ({row['why']}), {row['judge']} says {row['possible']}")
    return 1 if wrong or stale else 0


# handpie.


def ask_handpie(handpie, folder, entries):
    said, unread = collections.defaultdict(list), {}
    paths = [entry["path"] for entry in entries]
    command = [handpie, "check", "--format", "json", "--policy", POLICY]
    for at in range(0, len(paths), AT_ONCE):
        some = paths[at : at + AT_ONCE]
        output = subprocess.run([*command, *some], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)
        if output.returncode not in (0, 1, 3):
            sys.exit(f"handpie ended with {output.returncode}: {output.stderr.decode(errors='replace')[-2000:]}")
        result = json.loads(output.stdout)["result"]
        for file in result["files"]:
            said[file["path"]].append(file)
        for file in result["unread"]:
            unread[file["path"]] = file["message"]
    return said, unread


# The judges, whose answers are kept: they change with the judges, not with handpie.


def ask_judges(folder, entries):
    sources = b"".join((HERE / name).read_bytes() for name in JUDGES)
    version = hashlib.sha256(sources).hexdigest()
    kept = folder / "judged.jsonl"
    judged = {}
    if kept.exists():
        lines = kept.read_text().splitlines()
        if lines and lines[0] == version:
            judged = {sha256: answers for sha256, answers in map(json.loads, lines[1:])}
    missing = [entry for entry in entries if entry["sha256"] not in judged]
    with concurrent.futures.ProcessPoolExecutor() as processes:
        jobs = [(folder, entry) for entry in missing]
        for entry, answers in zip(missing, processes.map(judge, jobs, chunksize=16)):
            judged[entry["sha256"]] = answers
    with open(kept, "w") as out:
        out.write(version + "\n")
        for sha256, answers in judged.items():
            out.write(json.dumps([sha256, answers]) + "\n")
    return judged


def judge(job):
    """[[judge, [rule to answers, for each program in the file], or the error], for each judge]."""
    folder, entry = job
    path = folder / entry["path"]
    if entry["format"] == "pe":
        return [
            verdict("pefile", lambda: [pe_headers.judge(path, entry)]),
            verdict("lief", lambda: [lief_headers.judge_pe(path)]),
        ]
    if entry["format"] == "mach-o":
        return [verdict("lief", lambda: macho_headers.judge_all(path, entry))]
    try:
        elf = elf_file.Elf(path, entry)
    except Exception as error:
        return [["pyelftools", f"{type(error).__name__}: {error}"]]
    verdicts = [
        verdict("pyelftools", lambda: [elf_headers.judge(elf)]),
        verdict("lief", lambda: [lief_headers.judge_elf(elf, path)]),
        verdict("objdump", lambda: [code_calls.judge(elf, path)]),
        verdict("recorded flags", lambda: [build_flags.judge(elf)]),
    ]
    if elf.is_go():
        verdicts.append(verdict("go version -m", lambda: [go_info.judge(path)]))
    elf.close()
    return verdicts


def verdict(name, ask):
    # A judge is a library of others that reads hostile files: whatever it stumbles over is its answer.
    try:
        return [name, ask()]
    except Exception as error:
        return [name, f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    sys.exit(main())
