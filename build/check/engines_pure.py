# SPDX-License-Identifier: Apache-2.0
"""No engine can see httpd: its include path has no httpd header, and it names none."""
import re
import subprocess
import tempfile
from pathlib import Path

from guard import Findings
from headers_alone import bare_command

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]((?:httpd|http_\w+|ap_\w+|mod_\w+|util_\w+|scoreboard|mpm_common)\.h'
                     r'|glue\.h)[>"]', re.M)

def can_include_httpd(command, folder):
    probe = Path(folder) / "probe.c"
    probe.write_text("#include <httpd.h>\ntypedef int probe_t;\n")
    ran = subprocess.run([*command, str(probe)], capture_output=True, text=True)
    return ran.returncode == 0


def engine_target(command):
    """The engine library a source is compiled for, from its object's name; None for a DSO's own files."""
    output = command[command.index("-o") + 1] if "-o" in command else ""
    found = re.search(r"(tier_\w+_engine|tier_common)\.dir/", output)
    return found[1] if found else None


def check_engine_source(name, text, findings):
    for header in INCLUDE.findall(text):
        findings.problem(name, f"an engine includes {header}")


def check(context):
    findings = Findings("engine sources")
    hooks_see_httpd = False
    seen = set()
    with tempfile.TemporaryDirectory() as folder:
        for source, command in sorted(context.compile_commands().items()):
            if not source.is_relative_to(context.source / "modules"):
                continue
            name = source.relative_to(context.source)
            target = engine_target(command)
            if not target:
                hooks_see_httpd = hooks_see_httpd or can_include_httpd(bare_command(command), folder)
                continue
            findings.checked += 1
            check_engine_source(name, source.read_text(encoding="utf-8"), findings)
            header = source.with_suffix(".h")
            if header.exists():
                check_engine_source(header.relative_to(context.source), header.read_text(encoding="utf-8"), findings)
            if target not in seen and can_include_httpd(bare_command(command), folder):
                findings.problem(name, f"the include path of {target} reaches httpd.h")
            seen.add(target)
    if not hooks_see_httpd:
        findings.problem("modules", "no hook source can include httpd.h: the probe proves nothing")
    return findings
