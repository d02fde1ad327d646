# SPDX-License-Identifier: Apache-2.0
"""Every C file is formatted as .clang-format says, by clang-format 14: other versions lay some lines out otherwise."""
import re
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from guard import Findings, Skip

VERSION = 14
BATCH = 20  # files in one run of clang-format


def find_formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            shown = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", shown):
                return path
    return None


def is_debian_12():
    try:
        text = open("/etc/os-release", encoding="utf-8").read()
    except OSError:
        return False
    return re.search(r"^ID=debian$", text, re.M) and re.search(r'^VERSION_ID="12"$', text, re.M)


def check(context):
    findings = Findings("C files")
    formatter = find_formatter()
    if not formatter and is_debian_12():
        findings.problem("clang-format", "not installed: build/setup installs it")
        return findings
    if not formatter:
        raise Skip(f"clang-format {VERSION} is not installed and this is not Debian 12, which has it")
    names = [str(name) for name in context.c_files()]
    findings.checked = len(names)
    with ThreadPoolExecutor(2) as pool:
        batches = [names[start:start + BATCH] for start in range(0, len(names), BATCH)]
        list(pool.map(lambda batch: check_batch(formatter, context.source, batch, findings), batches))
    return findings


def check_batch(formatter, source, names, findings):
    ran = subprocess.run([formatter, "--dry-run", "-Werror", *names], cwd=source, capture_output=True, text=True)
    wrong = re.findall(r"^(\S+?):\d+:\d+: error: .*clang-format-violations", ran.stderr, re.M)
    if ran.returncode != 0 and not wrong:
        findings.problem(formatter, ran.stderr.strip())
    for name, count in sorted(Counter(wrong).items()):
        findings.problem(name, f"{count} lines are not as clang-format {VERSION} lays them out")
