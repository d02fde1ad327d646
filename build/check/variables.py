# SPDX-License-Identifier: Apache-2.0
"""Variables that change and live as long as the DSO are in mod_tier_*.c only: httpd unloads DSOs at each restart."""
import subprocess

from guard import Findings

WRITABLE = (".data", ".bss", ".tdata", ".tbss")


def writable_variables(object_file):
    """Names of the object's variables in writable sections; .data.rel.ro is constant after relocation."""
    table = subprocess.run(["objdump", "-t", str(object_file)], capture_output=True, text=True, check=True).stdout
    names = []
    for line in table.splitlines():
        left, tab, right = line.partition("\t")
        fields = left.split()
        if not tab or len(fields) < 2 or fields[-1] == fields[0]:
            continue
        section = fields[-1]
        is_writable = section.startswith(WRITABLE) and not section.startswith(".data.rel.ro")
        if (is_writable or section == "*COM*") and "O" in left[17:].split()[0:2]:
            names.append(right.split()[-1])
    return names


def check(context):
    findings = Findings("object files")
    for source, command in sorted(context.compile_commands().items()):
        if not source.is_relative_to(context.source / "modules") or source.name.startswith("mod_tier_"):
            continue
        object_file = context.binary / command[command.index("-o") + 1]
        name = source.relative_to(context.source)
        if not object_file.exists():
            findings.problem(name, "was not compiled")
            continue
        findings.checked += 1
        for variable in writable_variables(object_file):
            findings.problem(name, f"the variable {variable} is writable")
    return findings
