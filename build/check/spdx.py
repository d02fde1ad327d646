# SPDX-License-Identifier: Apache-2.0
"""Every file says its licence in its first lines, but for those that cannot."""
from guard import Findings

TAG = "SPDX-License-Identifier: " + "Apache-2.0"
EXEMPT_NAMES = {"COPYING", ".gitignore"}
EXEMPT_SUFFIXES = {".json"}  # no comments in JSON
EXEMPT_FOLDERS = [("tests", "fuzz", "corpus")]  # raw input


def check(context):
    findings = Findings("files")
    for name in context.tracked():
        if (name.name in EXEMPT_NAMES or name.suffix in EXEMPT_SUFFIXES
                or any(name.parts[:len(folder)] == folder for folder in EXEMPT_FOLDERS)):
            continue
        findings.checked += 1
        head = (context.source / name).read_bytes()[:400].decode("utf-8", "replace")
        if TAG not in "\n".join(head.splitlines()[:4]):
            findings.problem(name, f"no line {TAG}")
    return findings
