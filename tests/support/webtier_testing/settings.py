# SPDX-License-Identifier: Apache-2.0
"""What the environment and the build directory say about this run."""
import functools
import os
import pathlib
import shutil
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("WEBTIER_BUILD") or REPOSITORY / "out" / "dev").resolve()


def _from_cmake(name):
    """Returns the value of a variable in the build directory's CMakeCache.txt, or an empty string."""
    try:
        lines = (BUILD / "CMakeCache.txt").read_text().splitlines()
    except OSError:
        return ""
    values = [line.partition("=")[2] for line in lines if line.startswith(name + ":")]
    return values[0] if values else ""


SANITIZE = os.environ.get("WEBTIER_SANITIZE", _from_cmake("WEBTIER_SANITIZE"))
COVERAGE = _from_cmake("WEBTIER_COVERAGE") in ("ON", "1", "TRUE")
KEEP_FILES = bool(os.environ.get("WEBTIER_KEEP"))
SCALE = float(os.environ.get("WEBTIER_TIMEOUT_SCALE") or {"address": 3, "undefined": 2, "thread": 6}.get(SANITIZE, 1))


def scale(seconds):
    """Returns a time-out that allows for the slowness of the sanitizer in use; None stays None."""
    return None if seconds is None else seconds * SCALE


def _apxs(name):
    program = shutil.which("apxs") or shutil.which("apxs2")
    if not program:
        raise RuntimeError("apxs is not installed (Debian: apache2-dev)")
    return subprocess.run([program, "-q", name], check=True, capture_output=True, text=True).stdout.strip()


@functools.cache
def httpd_program():
    """Returns the path of the httpd that apxs belongs to."""
    name = _apxs("PROGNAME")
    found = shutil.which(name, path=f"{_apxs('SBINDIR')}:/usr/sbin:{os.environ.get('PATH', '')}")
    if not found:
        raise RuntimeError(f"apxs names the program {name}, which is nowhere to be found")
    return found


@functools.cache
def stock_modules_dir():
    """Returns the directory of httpd's own DSOs."""
    return pathlib.Path(_apxs("LIBEXECDIR"))


@functools.cache
def builtin_modules():
    """Returns the names ("so", "watchdog") of the modules compiled into httpd; LoadModule for them is an error."""
    listing = subprocess.run([httpd_program(), "-l"], check=True, capture_output=True, text=True).stdout
    names = (line.strip() for line in listing.splitlines())
    return frozenset(name[:-2].removeprefix("mod_") for name in names if name.endswith(".c"))


def program(name):
    """Returns the path of a program a test needs; raises when it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise RuntimeError(f"{name} is not installed; build/setup installs what the tests need")
    return found
