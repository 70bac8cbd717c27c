"""Holds what handpie says of a file against what its judges leave possible, and counts."""

import collections
import fnmatch


class Comparison:
    """Counts, and a row for each difference."""

    def __init__(self, errors):
        self.errors = errors
        self.used = collections.Counter()
        self.rules = collections.defaultdict(lambda: collections.Counter())
        self.rows = []
        self.unjudged = []

    def file(self, entry, programs, judged, unread):
        for judge, answers in judged:
            if isinstance(answers, str):
                self.unjudged.append((entry["path"], judge, answers))
            else:
                self.verdict(entry, programs, judge, answers, unread)

    def verdict(self, entry, programs, judge, answers, unread):
        if not programs:
            self.count(entry, judge, "readable", ["yes"], "no", unread or "passed over")
            return
        if len(programs) != len(answers):
            self.count(entry, judge, "members", [str(len(answers))], str(len(programs)), "")
            return
        for program, possible in zip(programs, answers):
            findings = {finding["code"]: finding for finding in program["findings"]}
            for rule, wanted in possible.items():
                if not wanted:
                    continue
                if rule == "kind":
                    self.count(entry, judge, rule, wanted, program["kind"], "")
                    continue
                finding = findings.get(rule, {"judgement": "not-applicable", "why": "says nothing"})
                # The rule's own answer, not what a policy makes of it.
                self.count(entry, judge, rule, wanted, finding["judgement"], finding["why"])

    def count(self, entry, judge, rule, possible, ours, why):
        counts = self.rules[rule]
        counts["asked"] += 1
        if ours in possible:
            counts["agreed"] += 1
            return
        who = "unknown" if ours == "unknown" else "ours"
        for at, error in enumerate(self.errors):
            if self.matches(error, entry, judge, rule, possible, ours):
                self.used[at] += 1
                who = "judge"
                break
        counts[who] += 1
        row = {"rule": rule, "path": entry["path"], "package": entry["package"], "ours": ours, "why": why}
        self.rows.append({**row, "judge": judge, "possible": "/".join(possible), "who": who})

    @staticmethod
    def matches(error, entry, judge, rule, possible, ours):
        return (
            error["rule"] == rule
            and error.get("judge", judge) == judge
            and error.get("ours", ours) == ours
            and any(fnmatch.fnmatchcase(entry["path"], pattern) for pattern in error["files"])
        )

    def stale(self):
        return [f'{error["rule"]} {error["files"]}' for at, error in enumerate(self.errors) if at not in self.used]
