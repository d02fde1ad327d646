# SPDX-License-Identifier: Apache-2.0
"""One version number: CMakeLists.txt, version.h and the top of CHANGES agree."""
import re

from guard import Findings


def check(context):
    findings = Findings("version numbers")
    for name, pattern in (("include/webtier/version.h", r'#define WEBTIER_VERSION\s+"([^"]+)"'),
                          ("CHANGES", r"^webtier (\d\S*)")):
        found = re.search(pattern, context.text(name), re.M)
        if not found:
            findings.problem(name, "has no version number")
            continue
        findings.checked += 1
        if found[1] != context.version:
            findings.problem(name, f"says {found[1]}, CMakeLists.txt says {context.version}")
    return findings
