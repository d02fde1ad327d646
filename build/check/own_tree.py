# SPDX-License-Identifier: Apache-2.0
"""The project needs nothing outside of its tree: no path of a machine, no package registry, no link that leaves it."""
import os
import re

from guard import Findings

# Put together from pieces, so that this file does not contain what it forbids.
FOLDERS = ["/" + name + "/" for name in ("home", "root", "work", "Users")] + ["../" + "shared"]
HOSTS = [".".join(parts) for parts in (
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("crates", "io"), ("rubygems", "org"),
    ("golang", "org"), ("deb", "debian", "org"), ("ftp", "debian", "org"), ("archive", "ubuntu", "com"),
    ("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("conan", "io"), ("anaconda", "org"))]
NAMES = FOLDERS + HOSTS
FORBIDDEN = re.compile("|".join([rf"(?<![\w.${{}}]){re.escape(name)}" for name in FOLDERS]
                                + [rf"(?<!\w){re.escape(name)}(?!\w)" for name in HOSTS]))


def leaves_tree(context, name):
    target = os.readlink(context.source / name)
    resolved = os.path.normpath(os.path.join(context.source, name.parent, target))
    return os.path.isabs(target) or not resolved.startswith(f"{context.source}{os.sep}")


def check(context):
    findings = Findings("files")
    for name in context.tracked():
        findings.checked += 1
        path = context.source / name
        if path.is_symlink():
            if leaves_tree(context, name):
                findings.problem(name, "a symbolic link that leaves the tree")
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if not any(forbidden in text for forbidden in NAMES):  # a hundred times as quick
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := FORBIDDEN.search(line):
                findings.problem(f"{name}:{number}", f"names {found[0]}")
    return findings
