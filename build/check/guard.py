#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one guard over the tree: guard.py NAME CONTEXT.json

A guard is a module of this folder with a function check(context) that returns Findings. It fails when it finds a
problem and also when it found nothing to look at, so that a guard whose input has moved does not fall silent.
CONTEXT.json is written by CMake. Exit status: 0 all right, 1 problems, 77 cannot run on this distribution (skipped).
"""
import importlib
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED = 77


class Skip(Exception):
    """Raised by a guard that this distribution has not the tool for; the text says which."""


@dataclass
class Findings:
    what: str  # what was counted: "headers", "directives", ...
    checked: int = 0
    problems: list = field(default_factory=list)

    def problem(self, where, text):
        self.problems.append(f"{where}: {text}")


@dataclass
class Context:
    source: Path
    binary: Path = None
    version: str = ""
    httpd: str = ""
    httpd_modules: Path = None
    modules: dict = field(default_factory=dict)  # name -> names of the httpd modules it needs

    @classmethod
    def read(cls, path):
        data = json.loads(Path(path).read_text())
        for key in ("source", "binary", "httpd_modules"):
            data[key] = Path(data[key])
        return cls(**data)

    def tracked(self):
        """The files that belong to the project, those not yet committed included, relative to the root."""
        git = ["git", "-c", "safe.directory=*", "-C", str(self.source)]
        listing = subprocess.run(
            git + ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True)
        if (self.source / ".git").exists() and listing.returncode == 0:
            names = {Path(os.fsdecode(name)) for name in listing.stdout.split(b"\0") if name}
        else:  # an unpacked archive
            names = {path.relative_to(self.source) for path in self.source.rglob("*")}
        return sorted(name for name in names if self._counts(name))

    def _counts(self, name):
        path = self.source / name
        ours = name.parts[0] not in ("out", ".git") and "__pycache__" not in name.parts
        return ours and (path.is_symlink() or path.is_file())

    def c_files(self, *suffixes):
        return [name for name in self.tracked() if name.suffix in (suffixes or (".c", ".h"))]

    def text(self, name):
        return (self.source / name).read_text(encoding="utf-8")

    def compile_commands(self):
        """Source file (Path) -> list of arguments, from CMake's compile_commands.json."""
        entries = json.loads((self.binary / "compile_commands.json").read_text())
        return {Path(entry["file"]): shlex.split(entry["command"]) for entry in entries}


def run(name, context):
    """Prints what a guard found; returns the exit status."""
    try:
        findings = importlib.import_module(name).check(context)
    except Skip as why:
        print(f"guard {name}: skipped: {why}")
        return SKIPPED
    for problem in findings.problems:
        print(problem)
    if findings.checked == 0:
        print(f"guard {name}: found no {findings.what} to check")
        return 1
    print(f"guard {name}: {findings.checked} {findings.what} checked, {len(findings.problems)} problems")
    return 1 if findings.problems else 0


if __name__ == "__main__":
    # `import guard` in the guards must find this module, not a second copy of it.
    sys.modules["guard"] = sys.modules["__main__"]
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(run(sys.argv[1], Context.read(sys.argv[2])))
