# SPDX-License-Identifier: Apache-2.0
"""Bringing home the counts of a gcov build: servers may not write into the build directory themselves."""
import fcntl
import pathlib
import shutil
import subprocess
import tempfile

from . import settings


def bring_home(collected):
    """Adds the .gcda files below `collected` (what GCOV_PREFIX named) to those of the build directory."""
    found = collected / settings.BUILD.relative_to("/")
    if not any(found.rglob("*.gcda")):
        return
    with open(settings.BUILD / ".coverage-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for counts in found.rglob("*.gcda"):
            _add(counts, settings.BUILD / counts.relative_to(found))


def _add(counts, total):
    if not total.exists():
        total.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(counts, total)
        return
    with tempfile.TemporaryDirectory() as scratch:
        parts = [pathlib.Path(scratch) / name for name in ("old", "new", "sum")]
        for part, source in zip(parts, (total, counts)):
            part.mkdir()
            shutil.copyfile(source, part / counts.name)
        subprocess.run([settings.program("gcov-tool"), "merge", "-o", parts[2], parts[0], parts[1]], check=True,
                       capture_output=True)
        shutil.copyfile(parts[2] / counts.name, total)
