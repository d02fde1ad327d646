#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each libFuzzer program of a build for a while: fuzz_run.py BUILD-FOLDER SECONDS

New inputs go to BUILD-FOLDER/found/<name>/, what broke a target to BUILD-FOLDER/crashes/<name>-...; the corpus in the
tree is read only.
"""
import os
import re
import subprocess
import sys
from pathlib import Path


def run_target(program, build, seconds):
    root = Path(__file__).resolve().parents[2]
    name = program.name.removeprefix("fuzz_")
    found, crashes = build / "found" / name, build / "crashes"
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"{name}: ", end="", flush=True)
    ran = subprocess.run([str(program), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                          "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={crashes}/{name}-", str(found),
                          str(root / "tests/fuzz/corpus" / name)], capture_output=True, text=True, errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)", ran.stderr)
    print(f"{runs[1] if runs else 'no'} runs, {'failed' if ran.returncode else 'nothing found'}")
    if ran.returncode:
        print(ran.stderr)
    return ran.returncode == 0


def main(folder, seconds):
    build = Path(folder).resolve()
    programs = sorted(path for path in build.glob("tests/fuzz_*") if path.is_file() and os.access(path, os.X_OK))
    results = [run_target(program, build, seconds) for program in programs]
    if not results:
        print(f"no fuzz targets in {build}")
    print(f"{sum(results)} passed, {len(results) - sum(results) + (not results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
