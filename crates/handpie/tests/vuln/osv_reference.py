"""The reference evaluation of the OSV schema, beside which `handpie vuln` is held.

    osv_reference.py make DIRECTORY PROGRAMS    writes records.zip, facts.json and expected.json
    osv_reference.py compare DIRECTORY REPORT.json

`evaluate` is the pseudo-code of ossf.github.io/osv-schema ("Evaluation"), line by line. What the
pseudo-code leaves open is decided in `answer`, and each decision is said there. Records and versions
are made from a fixed seed, each record about a module or crate of its own, and each module is in
several programs in another version. Nothing but Python's standard library is needed.
"""

import json
import os
import random
import re
import sys
import zipfile

SEED = 20261129
RECORDS = 10_000
YES, DOUBT, NO = "affected", "affected, with a doubt", "not affected"

IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
VERSION = re.compile(
    rf"v?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*)"
    rf"(?:-({IDENTIFIER}(?:\.{IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?\Z"
)


# The order of versions: semver.org 2.0.0, section 11; "1.2" is "1.2.0" as in Go.

def parse(text):
    """What sorts as the version does, or None of what is no version."""
    match = VERSION.match(text)
    if not match:
        return None
    numbers = tuple(int(part or 0) for part in match.groups()[:3])
    if match[4] is None:
        return (numbers, (1,))
    parts = tuple((0, int(it), "") if it.isdigit() else (1, 0, it) for it in match[4].split("."))
    return (numbers, (0,) + parts)


LOWEST = ((-1,), ())
HIGHEST = ((10 ** 9,), (1,))


def key(text):
    """As `parse`; Go sorts what is no version before all versions."""
    return parse(text) or LOWEST


# The pseudo-code.

def included_in_versions(version, versions):
    for listed in versions:
        # Advisories write Go's versions with or without `v`, and builds of one version are one.
        if parse(version) and parse(listed):
            if parse(version) == parse(listed):
                return True
        elif version.lstrip("v") == listed.lstrip("v"):
            return True
    return False


def event_key(event):
    (kind, version), = event.items()
    return LOWEST if (kind, version) == ("introduced", "0") else key(version)


def evaluate(at, events):
    """Whether a version, given by its key, is in a range: `IncludedInRanges` of one range."""
    limits = [event["limit"] for event in events if "limit" in event]
    if limits and not any("*" in limit or at < key(limit) for limit in limits):
        return False
    vulnerable = False
    timeline = [event for event in events if "limit" not in event]
    for event in sorted(timeline, key=event_key):
        if "introduced" in event and at >= event_key(event):
            vulnerable = True
        elif "fixed" in event and at >= event_key(event):
            vulnerable = False
        elif "last_affected" in event and at > event_key(event):
            vulnerable = False
    return vulnerable


# What the pseudo-code leaves open.

KINDS = {"introduced", "fixed", "last_affected", "limit"}


def is_valid(events):
    """Whether the events are such as the schema asks for."""
    for event in events:
        given = [kind for kind in KINDS if event.get(kind) is not None]
        if len(given) != 1:
            return False
        text = event[given[0]]
        if not (parse(text) or (given[0] == "limit" and "*" in text)):
            return False
    return any("introduced" in event for event in events)


def is_open(at, events):
    """Whether a version is in the part of a range that has no end."""
    if any("limit" in event for event in events) and not evaluate(HIGHEST, events):
        return False
    closing = [event for event in events if "fixed" in event or "last_affected" in event]
    return evaluate(HIGHEST, events) and not any(
        event_key(event) > at or ("last_affected" in event and event_key(event) == at)
        for event in closing
    )


def last_known(text):
    """GitHub's bound of a range without an end, as a function of a version's key."""
    match = re.match(r"\s*(<=|<)\s*(\S+)\s*\Z", text) if isinstance(text, str) else None
    if not match or not parse(match[2]):
        return None
    end = parse(match[2])
    return (lambda at: at <= end) if match[1] == "<=" else (lambda at: at < end)


def answer_of_range(at, range_, affected):
    if range_.get("type") not in ("SEMVER", "ECOSYSTEM") or not is_valid(range_.get("events") or []):
        # A range that is not understood might be about any version.
        return DOUBT
    events = [{k: v for k, v in event.items() if v is not None} for event in range_["events"]]
    if not evaluate(at, events):
        return NO
    specific = affected.get("database_specific") or {}
    known = specific.get("last_known_affected_version_range")
    if known is not None and is_open(at, events):
        bound = last_known(known)
        if bound is None:
            return DOUBT
        return YES if bound(at) else NO
    return YES


def answer_of_block(version, affected):
    versions = affected.get("versions") or []
    ranges = affected.get("ranges") or []
    # Commits are in no program. Beside anything else they say nothing more; alone, nothing is known.
    numbered = [it for it in ranges if it.get("type") != "GIT"]
    answers = [answer_of_range(key(version), it, affected) for it in numbered]
    if not numbered and not versions:
        answers.append(DOUBT)
    if (affected.get("ecosystem_specific") or {}).get("custom_ranges"):
        answers = [DOUBT if it == YES else it for it in answers]
    if included_in_versions(version, versions):
        answers.append(YES)
    if ":" in affected["package"]["ecosystem"]:
        answers = [DOUBT if it == YES else it for it in answers]
    return answers


def answer(record, ecosystem, name, version):
    if record.get("withdrawn") is not None:
        return NO
    answers = [NO]
    for affected in record.get("affected") or []:
        package = affected.get("package") or {}
        whose = package.get("ecosystem", "").split(":")[0]
        if (whose, package.get("name")) == (ecosystem, name):
            answers += answer_of_block(version, affected)
    return YES if YES in answers else DOUBT if DOUBT in answers else NO


# Records and versions that are made up.

def some_version(rand):
    text = ".".join(str(rand.choice([0, 0, 1, 1, 2, 3, 10])) for _ in range(3))
    roll = rand.random()
    if roll < 0.25:
        tails = ["rc.1", "rc.2", "rc.10", "alpha", "alpha.1", "0", "0.20240102030405-abcdefabcdef", "1"]
        text += "-" + rand.choice(tails)
    if roll > 0.95:
        text += rand.choice(["+incompatible", "+build.1"])
    return text


def some_event(rand, kinds):
    kind = rand.choice(kinds)
    text = some_version(rand)
    if kind == "introduced" and rand.random() < 0.4:
        text = "0"
    if kind == "limit" and rand.random() < 0.2:
        text = "*"
    return {kind: text}


def some_events(rand):
    closing = rand.choice([["fixed"], ["last_affected"], ["fixed", "last_affected"]])
    events = [some_event(rand, ["introduced"])]
    for _ in range(rand.choice([0, 1, 1, 1, 2, 3, 5])):
        events.append(some_event(rand, ["introduced"] + 2 * closing))
    if rand.random() < 0.15:
        events += [some_event(rand, ["limit"]) for _ in range(rand.choice([1, 1, 2]))]
    rand.shuffle(events)
    if rand.random() < 0.06:
        odd = [{}, {"unheard": "1.0.0"}, {"fixed": "x"}, {"introduced": "1.0.0.0"}, {"limit": ""},
               {"introduced": "0", "fixed": "1.0.0"}]
        events.insert(rand.randrange(len(events) + 1), rand.choice(odd))
    if rand.random() < 0.03:
        events = [event for event in events if "introduced" not in event]
    if rand.random() < 0.05:
        events = [event | {"fixed": None} if "fixed" not in event else event for event in events]
    return events


def some_range(rand):
    kinds = ["SEMVER"] * 6 + ["ECOSYSTEM"] * 3 + ["GIT"] * 2
    kind = "DATE" if rand.random() < 0.01 else rand.choice(kinds)
    if kind == "GIT":
        return {"type": kind, "repo": "https://x.test/r", "events": [{"introduced": "0"}, {"fixed": "ab" * 20}]}
    return {"type": kind, "events": some_events(rand)}


def some_block(rand, ecosystem, name):
    part = ":part" if rand.random() < 0.02 else ""
    block = {"package": {"ecosystem": ecosystem + part, "name": name}}
    ranges = [some_range(rand) for _ in range(rand.choice([0, 1, 1, 1, 1, 2, 3]))]
    if ranges or rand.random() < 0.5:
        block["ranges"] = ranges
    if rand.random() < 0.25:
        listed = [rand.choice(["", "v"]) + some_version(rand) for _ in range(rand.choice([1, 2, 5]))]
        block["versions"] = listed + (["odd"] if rand.random() < 0.1 else [])
    if rand.random() < 0.15:
        bound = rand.choice(["<= ", "<= ", "< ", "<", ">= ", "= "]) + some_version(rand)
        bound = rand.choice([bound, bound, bound, bound, "<= x", 7])
        block["database_specific"] = {"last_known_affected_version_range": bound}
    if ecosystem == "Go" and rand.random() < 0.05:
        custom = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2024.1"}]}]
        block["ecosystem_specific"] = {"custom_ranges": custom}
    return block


def some_record(rand, number):
    ecosystem = rand.choice(["Go", "Go", "crates.io"])
    name = f"x.test/m{number}" if ecosystem == "Go" else f"m{number}"
    blocks = [some_block(rand, ecosystem, name) for _ in range(rand.choice([1, 1, 1, 1, 2]))]
    if rand.random() < 0.1:
        blocks.append(some_block(rand, "npm", name))
    record = {"id": f"T-{number:05}", "modified": "2026-01-01T00:00:00Z", "affected": blocks}
    if rand.random() < 0.05:
        record["withdrawn"] = rand.choice([None, None, "2026-01-02T00:00:00Z"])
    return record, ecosystem, name


def versions_of(record):
    """Every version that a record names of its module or crate."""
    found = []
    for affected in record["affected"]:
        if affected["package"]["ecosystem"] == "npm":
            continue
        found += affected.get("versions") or []
        for range_ in affected.get("ranges") or []:
            found += [it for event in range_["events"] for it in event.values() if it and parse(it)]
    return found or ["1.0.0"]


def version_of_program(rand, record, ecosystem):
    text = rand.choice(versions_of(record)) if rand.random() < 0.6 else some_version(rand)
    if rand.random() < 0.3 and parse(text):
        # The neighbour of a version that matters.
        numbers = list(parse(text)[0])
        numbers[2] = max(0, numbers[2] + rand.choice([-1, 1]))
        text = ".".join(map(str, numbers))
    if ecosystem == "crates.io":
        return text.lstrip("v")
    # A module whose version is none may be in any (docs/design/triage.md, "Versions"), where the schema
    # would take it for the oldest. So there is none here, and the order of what is drawn stays.
    rand.random()
    return text if text.startswith("v") or not parse(text) else "v" + text


def make(directory, count):
    rand = random.Random(SEED)
    made = [some_record(rand, number) for number in range(RECORDS)]
    with zipfile.ZipFile(os.path.join(directory, "records.zip"), "w", zipfile.ZIP_DEFLATED) as file:
        for record, _, _ in made:
            file.writestr(record["id"] + ".json", json.dumps(record))
    programs, expected = [], []
    for number in range(count):
        modules, crates = [], []
        for record, ecosystem, name in made:
            version = version_of_program(rand, record, ecosystem)
            if ecosystem == "Go":
                modules.append({"path": name, "version": version})
            else:
                crates.append({"name": name, "version": version, "source": "crates.io"})
            expected.append({"record": record, "ecosystem": ecosystem, "name": name,
                             "version": version, "program": number})
        common = {"member": None, "go": None, "main": None, "settings": {}, "os": "linux",
                  "cpu": "amd64"}
        programs.append(common | {
            "path": f"go-{number}", "build_info": True, "package": "a.test/a", "modules": modules,
            "crates": None, "packages": [], "symbols": ""})
        programs.append(common | {
            "path": f"rust-{number}", "build_info": False, "package": "", "modules": [],
            "crates": crates, "packages": None, "symbols": None})
    facts = {"schema": 1, "command": "facts", "result": {"files": programs}}
    for name, value in [("facts.json", facts), ("expected.json", expected)]:
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            json.dump(value, file)


# What handpie says, held against it.

def said(report):
    """By program and record: the answer, and the version that is said to be fixed."""
    found = {}
    for file in report["result"]["files"]:
        kind, number = file["path"].split("-")
        for advisory in file["advisories"]:
            module, = advisory["affected"]
            answer_ = DOUBT if module["version_doubt"] else YES
            found[(int(number), advisory["id"])] = (answer_, module["fixed"], module["version"])
    return found


def compare(directory, report):
    with open(os.path.join(directory, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    with open(report, encoding="utf-8") as file:
        found = said(json.load(file))
    counts, differ, fixes = {}, [], 0
    for case in expected:
        record, whose, name = case["record"], case["ecosystem"], case["name"]
        right = answer(record, whose, name, case["version"])
        ours, fixed, version = found.get((case["program"], record["id"]), (NO, None, case["version"]))
        counts[right] = counts.get(right, 0) + 1
        if (ours, version) != (right, case["version"]):
            differ.append((case, right, ours))
        if fixed is not None:
            fixes += 1
            if answer(record, whose, name, fixed) != NO or key(fixed) <= key(version):
                differ.append((case, f"{fixed} is not fixed", ours))
    for case, right, ours in differ[:20]:
        print(f"{case['version']}: expected {right}, handpie says {ours}: {json.dumps(case['record'])}")
    print(f"| records | {RECORDS} |")
    print(f"| records and versions | {len(expected)} |")
    for right in (YES, DOUBT, NO):
        print(f"| {right} | {counts.get(right, 0)} |")
    print(f"| fixed versions that are not affected | {fixes} |")
    print(f"| differences | {len(differ)} |")
    return 1 if differ or not all(counts.get(it) for it in (YES, DOUBT, NO)) else 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(compare(sys.argv[2], sys.argv[3]))
