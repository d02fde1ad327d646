# SPDX-License-Identifier: Apache-2.0
"""Log ids: on every line, unique, in the module's block; errors and warnings explained in README.md's Messages."""
import re
from collections import defaultdict

from guard import Findings

BLOCKS = {"common": 0, "health": 1000, "cache": 2000, "reproxy": 3000, "assets": 4000, "jobs": 5000, "db": 6000,
          "log": 7000, "status": 8000, "linger": 9000}
USE = re.compile(r"\bWTNO\(\s*(\w+)\s*\)")
LEVEL = re.compile(r"\b(?:APLOG|TIER_LOG)_(EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG|TRACE\d)\b")
LOG_CALL = re.compile(r"\b(?:ap_log_(?:r|c|p|cs)?error_?|tier_log)\s*\(")
# What is no log line of ours: passing on a finished line, httpd's trace levels, the seam's own prototype.
NO_LINE = ('"%s"', "APLOG_TRACE", "const tier_log_t *")
QUIET = {"NOTICE", "INFO", "DEBUG"}
MESSAGE_ROW = re.compile(r"^\|\s*`?WT(\d{4})`?[^|]*\|\s*(\S.*?)\s*\|\s*(\S.*?)\s*\|")


def without_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def call_before(text, position):
    """The text between the parenthesis that position stands in and position: the arguments so far."""
    depth = 0
    for i in range(position - 1, -1, -1):
        if text[i] == ")":
            depth += 1
        elif text[i] == "(":
            if depth == 0:
                return text[i:position]
            depth -= 1
        elif text[i] in ";{}" and depth == 0:
            return text[i:position]
    return text[:position]


def call_after(text, position):
    """The arguments of the call whose opening parenthesis ends at position."""
    depth = 1
    for i in range(position, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return text[position:i]
    return text[position:]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def loud(arguments):
    """Whether the line may be logged at warning or above: also when no level is spelt out in the call."""
    levels = LEVEL.findall(arguments)
    return not levels or any(level not in QUIET and not level.startswith("TRACE") for level in levels)


def read_source(name, text, findings, uses):
    module = name.parts[1]
    for use in USE.finditer(text):
        where = f"{name}:{line_of(text, use.start())}"
        if text[:use.start()].endswith("#define "):
            continue
        findings.checked += 1
        if not re.fullmatch(r"\d{4}", use[1]):
            findings.problem(where, f"WTNO({use[1]}) is not four digits")
            continue
        start = BLOCKS.get(module, -1)
        if not start <= int(use[1]) < start + 1000:
            findings.problem(where, f"WT{use[1]} is outside of the block of {module}")
        uses[use[1]].append((module, where, loud(call_before(text, use.start()))))
    for call in LOG_CALL.finditer(text):
        arguments = call_after(text, call.end())
        if "WTNO(" not in arguments and not any(exempt in arguments for exempt in NO_LINE):
            findings.problem(f"{name}:{line_of(text, call.start())}", "a log line without WTNO()")
    for literal in re.finditer(r'"WT\d{4}', text):
        findings.problem(f"{name}:{line_of(text, literal.start())}", "write the id as WTNO(nnnn)")


def documented_ids(context, module):
    readme = context.source / "modules" / module / "README.md"
    if not readme.exists():
        return {}
    rows = (MESSAGE_ROW.match(line) for line in readme.read_text(encoding="utf-8").splitlines())
    return {row[1]: f"modules/{module}/README.md" for row in rows if row}


def compare(context, uses, findings):
    for number, places in sorted(uses.items()):
        if len(places) > 1:
            findings.problem(places[1][1], f"WT{number} is used at {places[0][1]} already")
    for module in sorted({module for places in uses.values() for module, _, _ in places}):
        documented = documented_ids(context, module)
        for number, places in sorted(uses.items()):
            if places[0][0] == module and any(loud for _, _, loud in places) and number not in documented:
                findings.problem(places[0][1], f"WT{number} has no row | WT{number} | meaning | remedy | in "
                                 f"modules/{module}/README.md")
        for number, where in sorted(documented.items()):
            if number not in uses:
                findings.problem(where, f"WT{number} is documented and logged nowhere")


def check(context):
    findings = Findings("log lines")
    uses = defaultdict(list)
    for name in context.c_files():
        if name.parts[0] == "modules":
            read_source(name, without_comments(context.text(name)), findings, uses)
    compare(context, uses, findings)
    return findings
