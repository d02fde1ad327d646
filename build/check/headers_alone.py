# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone; the engines' and the public ones with APR's include path only.

The build has shown that of a header that its source includes before anything else; only the others are compiled here.
"""
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from guard import Findings


INCLUDED_FIRST = r'(\s|/\*.*?\*/)*# *include "{}"'
GUARDED = re.compile(r"(\s|/\*.*?\*/)*#ifndef (\w+)\n#define (\w+)\n", re.S)


def bare_command(command):
    """A compile command without its source, its output and its dependency file."""
    kept = []
    skip = False
    for word in command:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif word not in ("-c", "-MD", "--coverage") and not word.endswith(".c"):
            kept.append(word)
    return kept + ["-fsyntax-only", "-Werror", "-Wno-unused", "-Wno-unused-function"]


def command_for(header, root, commands):
    """The command of the source that header belongs to, so that an engine's header gets an engine's path."""
    engine = root / "modules/common/result.c"
    folder = header.parent
    # x_private.h goes with x.c, x_y_private.h with x_y.c
    words = header.stem.split("_")
    choices = [folder / ("_".join(words[:count]) + ".c") for count in range(len(words), 0, -1)]
    if folder.parent == root / "modules" and folder.name != "common":
        choices.append(folder / f"mod_tier_{folder.name}.c")
    else:
        choices.append(engine)
    for choice in choices:
        if choice in commands:
            return bare_command(commands[choice])
    return None


def was_compiled_first(header, context, commands):
    """Says whether the header's source, which was compiled, begins with it; and it can be included twice."""
    source = header.with_suffix(".c")
    if source not in commands or not source.exists():
        return False
    words = commands[source]
    guarded = GUARDED.match(header.read_text(encoding="utf-8"))
    return ("-o" in words and (context.binary / words[words.index("-o") + 1]).exists() and "-include" not in words
            and guarded and guarded[2] == guarded[3]
            and re.match(INCLUDED_FIRST.format(re.escape(header.name)), source.read_text(encoding="utf-8"), re.S))


def compile_alone(header, command, folder):
    probe = Path(folder) / f"{header.parent.name}_{header.stem}.c"
    probe.write_text(f'#include "{header}"\n#include "{header}"\ntypedef int probe_t;\n')
    return subprocess.run([*command, str(probe)], capture_output=True, text=True)


def check(context):
    findings = Findings("headers")
    commands = context.compile_commands()
    headers = [context.source / name for name in context.c_files(".h") if name.parts[0] in ("include", "modules")]
    jobs = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        for header in headers:
            command = command_for(header, context.source, commands)
            if not command:
                findings.problem(header.relative_to(context.source), "no source is compiled that it belongs to")
                continue
            if was_compiled_first(header, context, commands):
                findings.checked += 1
                continue
            jobs.append((header, pool.submit(compile_alone, header, command, folder)))
        for header, job in jobs:
            findings.checked += 1
            if job.result().returncode != 0:
                findings.problem(header.relative_to(context.source), "does not compile alone:\n" + job.result().stderr)
    return findings
