#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says how many tests of each kind ran: totals.py RESULTS-FOLDER {ctest|pytest}...

Reads ctest.xml and pytest.xml (JUnit). A run that left no results, or ran nothing, is a failure of its own.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

KINDS = {"unit_": "unit tests", "fuzz_": "fuzz corpora", "guard_": "guards"}
# cmocka's last lines: a program is many cases.
CMOCKA = re.compile(r"\[  (PASSED|FAILED)  \] (\d+) test\(s\)")


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped, self.notes = 0, 0, 0, []


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    skipped = case.find("skipped")
    if case.get("status") == "notrun":  # ctest: a skip is one only by the exit status agreed; else nothing could run
        return "skipped" if skipped is not None and "SKIP_RETURN_CODE" in skipped.get("message", "") else "failed"
    return "passed" if skipped is None else "skipped"


def count_ctest(path, tallies):
    for case in ElementTree.parse(path).iter("testcase"):
        name = case.get("name")
        kind = next((kind for prefix, kind in KINDS.items() if name.startswith(prefix)), "other tests")
        tally = tallies.setdefault(kind, Tally())
        output = case.findtext("system-out") or ""
        result = outcome(case)
        cases = Counter()
        for word, number in CMOCKA.findall(output):
            cases[word] += int(number)
        if result == "passed":
            tally.passed += (cases["PASSED"] or 1)
        elif result == "failed":
            tally.passed += cases["PASSED"]
            tally.failed += max(1, cases["FAILED"])
            tally.notes.append(f"failed: {name}")
        else:
            tally.skipped += 1
            tally.notes.append(f"skipped: {name}: {output.strip().splitlines()[-1] if output.strip() else 'no reason'}")


def count_pytest(path, tallies):
    tally = tallies.setdefault("integration tests", Tally())
    results = {}
    for case in ElementTree.parse(path).iter("testcase"):
        # A test that fails and whose teardown fails too is reported twice.
        name = f"{case.get('classname')}::{case.get('name')}"
        rank = ("passed", "skipped", "failed")
        results[name] = max(results.get(name, "passed"), outcome(case), key=rank.index)
    for name, result in sorted(results.items()):
        setattr(tally, result, getattr(tally, result) + 1)
        if result != "passed":
            tally.notes.append(f"{result}: {name}")


def main(folder, expected):
    tallies = {}
    broken = []
    for tool in expected:
        path = Path(folder) / f"{tool}.xml"
        try:
            {"ctest": count_ctest, "pytest": count_pytest}[tool](path, tallies)
        except (OSError, ElementTree.ParseError) as why:
            broken.append(f"{tool} left no results: {why}")
    for kind, tally in tallies.items():
        for note in tally.notes:
            print(f"  {note}")
        skipped = f", {tally.skipped} skipped" if tally.skipped else ""
        print(f"{kind}: {tally.passed} passed, {tally.failed} failed{skipped}")
        if tally.passed + tally.failed == 0:
            broken.append(f"{kind}: none ran")
    for text in broken:
        print(text)
    passed = sum(tally.passed for tally in tallies.values())
    failed = sum(tally.failed for tally in tallies.values()) + len(broken)
    if passed + failed == 0:
        print("no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
