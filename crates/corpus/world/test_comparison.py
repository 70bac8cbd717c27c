"""How disagreements are counted; run by a test of the crate."""

import unittest

from comparison import Comparison

FILE = {"path": "files/debian/bookworm/amd64/x/usr/bin/x", "package": "debian x 1 bookworm/amd64"}


def compared(ours, possible, errors=()):
    comparison = Comparison(list(errors))
    programs = [{"kind": "dynamic-pie", "findings": [{"code": "relro", "judgement": ours, "why": "because"}]}]
    comparison.file(FILE, programs, [["pyelftools", [{"relro": possible}]]], None)
    return comparison


class Counting(unittest.TestCase):
    def test_what_a_judge_leaves_possible_agrees(self):
        comparison = compared("warn", ["warn", "fail"])
        self.assertEqual(comparison.rules["relro"], {"asked": 1, "agreed": 1})
        self.assertEqual(comparison.rows, [])

    def test_what_a_judge_rules_out_is_our_mistake(self):
        comparison = compared("pass", ["warn"])
        self.assertEqual(comparison.rules["relro"], {"asked": 1, "ours": 1})
        self.assertEqual(comparison.rows[0]["possible"], "warn")

    def test_unknown_where_a_judge_knows_has_its_own_column(self):
        self.assertEqual(compared("unknown", ["pass"]).rules["relro"], {"asked": 1, "unknown": 1})
        self.assertEqual(compared("unknown", ["unknown"]).rules["relro"], {"asked": 1, "agreed": 1})

    def test_a_rule_that_says_nothing_does_not_apply(self):
        comparison = Comparison([])
        comparison.file(FILE, [{"kind": "core", "findings": []}], [["lief", [{"relro": ["not-applicable"]}]]], None)
        self.assertEqual(comparison.rules["relro"], {"asked": 1, "agreed": 1})

    def test_a_known_error_of_a_judge_is_counted_as_its_own(self):
        error = {"rule": "relro", "files": ["files/debian/*/x"], "ours": "pass", "why": "it cannot know"}
        comparison = compared("pass", ["warn"], [error])
        self.assertEqual(comparison.rules["relro"], {"asked": 1, "judge": 1})
        self.assertEqual(comparison.stale(), [])

    def test_an_error_is_about_one_rule_one_answer_and_its_files(self):
        fits = {"rule": "relro", "files": ["*/x"], "ours": "pass", "why": ""}
        for change in [{"rule": "pie"}, {"files": ["*/y"]}, {"ours": "fail"}, {"judge": "lief"}]:
            comparison = compared("pass", ["warn"], [{**fits, **change}])
            self.assertEqual(comparison.rules["relro"], {"asked": 1, "ours": 1}, change)
            self.assertEqual(len(comparison.stale()), 1, change)

    def test_a_file_that_only_the_judge_can_read_is_our_mistake(self):
        comparison = Comparison([])
        comparison.file(FILE, [], [["pefile", [{"pe-nx": ["pass"]}]]], "truncated")
        self.assertEqual(comparison.rules["readable"], {"asked": 1, "ours": 1})

    def test_a_fat_file_with_another_number_of_programs_is_a_difference(self):
        comparison = Comparison([])
        programs = [{"kind": "macho-bundle", "findings": []}]
        comparison.file(FILE, programs, [["lief", [{}, {}]]], None)
        self.assertEqual(comparison.rules["members"], {"asked": 1, "ours": 1})

    def test_what_a_judge_cannot_read_is_not_counted(self):
        comparison = Comparison([])
        comparison.file(FILE, [{"kind": "core", "findings": []}], [["lief", "ValueError: no"]], None)
        self.assertEqual(comparison.rules, {})
        self.assertEqual(len(comparison.unjudged), 1)


if __name__ == "__main__":
    unittest.main()
