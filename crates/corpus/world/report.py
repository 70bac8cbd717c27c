"""The table of what was asked and what came of it, and the page for `bench/results`."""

import collections
import datetime
import importlib.metadata
import re
import subprocess

# A judge and what makes it name itself.
PROGRAMS = [
    ["objdump", "--version"],
    ["llvm-objdump-19", "--version"],
    ["go", "version"],
    ["qemu-mipsel-static", "--version"],
    ["dpkg-query", "--show", "--showformat=apt ${Version}", "apt"],
]


def table(comparison):
    lines = ["| rule | asked | agreed | ours wrong | judge wrong | unknown |", "|---|---|---|---|---|---|"]
    total = collections.Counter()
    for rule, counts in sorted(comparison.rules.items()):
        total.update(counts)
        lines.append(row(rule, counts))
    lines.append(row("all", total))
    return "\n".join(lines) + "\n"


def row(name, counts):
    cells = [counts[key] for key in ("asked", "agreed", "ours", "judge", "unknown")]
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def page(comparison, entries, is_subset):
    formats = collections.Counter(entry["format"] for entry in entries)
    registries = collections.Counter(entry["package"].split()[0] for entry in entries)
    packages = {entry["package"] for entry in entries}
    cpus = collections.Counter(entry["package"].split("/")[-1] for entry in entries if entry["package"].startswith("debian"))
    head = f"""# `handpie check` beside independent judges, on files of others

Made by `cargo xtask world{" --subset" if is_subset else ""}` on {datetime.date.today()}, handpie at {commit()}.
{len(entries)} different files of {len(packages)} packages: {listed(formats)}; {listed(registries)}. Debian's by CPU: {listed(cpus)}.
`crates/corpus/world/packages.lock` names every package with its version and hash.

Judges: {", ".join(versions())}.

A file can be asked about more than once: by several judges, and in a fat file for each program. *Ours wrong*: an
answer that the judge's facts rule out. *Judge wrong*: such an answer where the judge is mistaken.
*Unknown*: handpie says `unknown` where the judge has an answer.

"""
    text = head + table(comparison)
    text += section("Ours wrong", kinds(comparison, "ours"))
    text += section("Unknown, where a judge knows", kinds(comparison, "unknown"))
    text += section("Judge wrong", [
        f'- {error["rule"]}, {comparison.used[at]} times: {" ".join(error["why"].split())}'
        for at, error in enumerate(comparison.errors) if at in comparison.used
    ])
    unread = collections.Counter((judge, re.sub(r"0x[0-9a-f]+|\d+", "N", error)[:90]) for _, judge, error in comparison.unjudged)
    text += section("Not judged", [f"- {judge}, {count} files: {error}" for (judge, error), count in unread.most_common(20)])
    return text


def kinds(comparison, who):
    """Rows of one kind as one line, with an example."""
    groups = collections.defaultdict(list)
    for one in comparison.rows:
        if one["who"] == who:
            why = re.sub(r"\d+|`[^`]*`", "…", one["why"])[:60]
            groups[one["rule"], one["ours"], one["judge"], one["possible"], why].append(one)
    lines = []
    for (rule, ours, judge, possible, _), rows in sorted(groups.items(), key=lambda group: -len(group[1])):
        example = rows[0]["path"].removeprefix("files/")
        lines.append(f"- {rule}, {len(rows)} times: {ours} ({rows[0]['why']}), {judge} leaves {possible}; `{example}`")
    return lines


def section(title, lines):
    return f"\n## {title}\n\n" + "\n".join(lines or ["None."]) + "\n"


def versions():
    names = [f"{name} {importlib.metadata.version(name)}" for name in ("pyelftools", "pefile", "lief")]
    return names + [said for said in map(first_line, PROGRAMS) if said]


def first_line(command):
    try:
        said = subprocess.run(command, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return None
    lines = [line.strip() for line in said.splitlines() if "version" in line or "GNU objdump" in line or line.startswith("apt ")]
    return lines[0] if lines else None


def commit():
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return said.stdout.strip() or "an unknown commit"


def listed(counts):
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
