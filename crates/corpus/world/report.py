"""The table of what was asked and what came of it, and the page for `bench/results`."""

import datetime
import importlib.metadata
import collections
import subprocess


def table(comparison, entries):
    lines = ["| rule | files asked | agreed | ours wrong | judge wrong | unknown |", "|---|---|---|---|---|---|"]
    total = collections.Counter()
    for rule, counts in sorted(comparison.rules.items()):
        total.update(counts)
        lines.append(row(rule, counts))
    lines.append(row("all", total))
    return "\n".join(lines) + "\n"


def row(name, counts):
    cells = [counts[key] for key in ("asked", "agreed", "ours", "judge", "unknown")]
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def page(text, comparison, entries, handpie, is_subset):
    formats = collections.Counter(entry["format"] for entry in entries)
    registries = collections.Counter(entry["package"].split()[0] for entry in entries)
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("pyelftools", "lief", "pefile")]
    ours = subprocess.run([handpie, "--version"], capture_output=True, text=True).stdout.strip().splitlines()
    head = f"""# `handpie check` beside independent judges, on files of others

Made by `cargo xtask world{" --subset" if is_subset else ""}` on {datetime.date.today()}, {ours[0] if ours else "handpie"}.
{len(entries)} different files: {listed(formats)}; {listed(registries)}.
Judges: {", ".join(versions)}. `crates/corpus/world/packages.lock` names every package with its version and hash.

*Ours wrong*: an answer that the judge's facts rule out. *Judge wrong*: such an answer where the judge is
mistaken, with the reason in `crates/corpus/world/judge-errors.toml`. *Unknown*: handpie says `unknown`
where the judge has an answer.

"""
    foot = ""
    if comparison.unjudged:
        foot = f"\n{len(comparison.unjudged)} files could not be read by their judge.\n"
    return head + text + foot


def listed(counts):
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
