# SPDX-License-Identifier: Apache-2.0
"""Every prototype in a header stands under a comment: its contract. A comment covers the lines up to the next blank."""
import re

from guard import Findings

PROTOTYPE = re.compile(r"^(?!static\b|typedef\b|#|return\b|struct \w+\s*\{)[A-Za-z_][\w\s*]*?\b(\w+)\(", re.S)


def without_preprocessor(text):
    """Puts a ";" for each preprocessor line, so that lines keep their numbers and paragraphs their extent."""
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", lambda found: "\n".join(";" for _ in found[0].split("\n")), text, flags=re.M)


def paragraphs(text):
    """(line number, text) of each run of lines without a blank one; a blank line in a comment does not divide."""
    start, lines, in_comment = 1, [], False
    for number, line in enumerate(text.splitlines() + [""], 1):
        if not line.strip() and not in_comment:
            if lines:
                yield start, "\n".join(lines)
            lines = []
            continue
        if not lines:
            start = number
        lines.append(line)
        opened, closed = line.rfind("/*"), line.rfind("*/")
        in_comment = opened > closed or (in_comment and closed < 0)


def bare_prototypes(text):
    """The names of the prototypes without a comment above, and how many prototypes there are."""
    bare, count, depth = [], 0, 0
    for start, paragraph in paragraphs(text):
        commented = False
        outer = depth == 0
        for piece in re.split(r"(/\*.*?\*/)", paragraph, flags=re.S):
            if piece.startswith("/*"):
                commented = True
                continue
            for statement in re.findall(r"[^;{}]*[;{}]", piece):
                found = PROTOTYPE.match(statement.strip())
                if depth == 0 and found and statement.endswith(";"):
                    count += 1
                    if not commented or not outer:
                        bare.append((start, found[1]))
                depth += {"{": 1, "}": -1}.get(statement[-1], 0)
    return bare, count


def check(context):
    findings = Findings("prototypes")
    for name in context.c_files(".h"):
        if name.parts[0] not in ("modules", "include"):
            continue
        bare, count = bare_prototypes(without_preprocessor(context.text(name)))
        findings.checked += count
        for line, prototype in bare:
            findings.problem(f"{name}:{line}", f"{prototype} has no comment above it")
    return findings
