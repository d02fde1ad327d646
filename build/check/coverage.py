#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints line and branch coverage of each engine file: coverage.py BUILD-FOLDER (a build with the preset coverage)."""
import json
import re
import subprocess
import sys
from pathlib import Path

LINES_GOAL, BRANCHES_GOAL = 95, 85


def gcov(notes):
    """gcov's account of one object file; one that never ran counts with no line executed."""
    ran = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", str(notes)],
                         capture_output=True, text=True, cwd=notes.parent, check=True)
    return json.loads(ran.stdout)["files"]


def measure(source, files):
    """(lines, covered lines, branches, covered branches) of source itself, without what it includes."""
    lines = [line for file in files if file["file"].endswith(source) for line in file["lines"]]
    branches = [branch for line in lines for branch in line["branches"]]
    return (len(lines), sum(line["count"] > 0 for line in lines),
            len(branches), sum(branch["count"] > 0 for branch in branches))


def percent(part, whole):
    return 100.0 if whole == 0 else 100.0 * part / whole


def show(name, figures):
    lines, lines_hit, branches, branches_hit = figures
    print(f"{name:44} {percent(lines_hit, lines):6.1f} % of {lines:5} lines"
          f" {percent(branches_hit, branches):6.1f} % of {branches:5} branches")


def main(folder):
    rows = []
    for notes in sorted(Path(folder).resolve().glob("modules/*/CMakeFiles/*.dir/*.gcno")):
        if not re.search(r"/(tier_\w+_engine|tier_common)\.dir/", str(notes)):
            continue
        source = f"modules/{notes.parents[2].name}/{notes.name.removesuffix('.gcno').removesuffix('.c')}.c"
        rows.append((source, measure(source, gcov(notes))))
    if not rows:
        print(f"no coverage notes of engines in {folder}")
        return 1
    for source, figures in rows:
        show(source, figures)
    show("all engines", [sum(column) for column in zip(*(figures for _, figures in rows))])
    print(f"goal: {LINES_GOAL} % of lines, {BRANCHES_GOAL} % of branches")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
