# SPDX-License-Identifier: Apache-2.0
"""The temporary directory of one test process: copies of our DSOs, the certificate, a directory a server."""
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from . import coverage, process, settings
from .nursery import Nursery


def _temporary_folder():
    """Returns a folder for temporary files that the servers' user can reach."""
    folder = pathlib.Path(tempfile.gettempdir()).resolve()
    reachable = all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))
    return folder if reachable or not process.unprivileged() else pathlib.Path("/var/tmp")


class Workspace:
    """Everything lies where the servers' user can read it, wherever the source tree is."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="webtier-", dir=_temporary_folder()))
        self.path.chmod(0o755)
        process.remove_if_killed(self.path)
        self._numbers = itertools.count(1)
        self.sanitizer_dir = self._shared("sanitizer")
        self.coverage_dir = self._shared("coverage")
        self._nursery = None

    def _shared(self, name):
        directory = self.path / name
        directory.mkdir()
        process.give_to_server(directory)
        return directory

    def new_dir(self, kind):
        """Returns a new directory that belongs to the servers' user."""
        return self._shared(f"{kind}{next(self._numbers)}")

    def module(self, name):
        """Returns (symbol, path) of one of our modules ("health") or of a test-only one in the build directory."""
        for dso, symbol in ((f"modules/mod_tier_{name}.so", f"tier_{name}_module"),
                            (f"test-modules/mod_{name}.so", f"{name}_module")):
            if (settings.BUILD / dso).exists():
                return symbol, self._copy(settings.BUILD / dso)
        raise RuntimeError(f"no modules/mod_tier_{name}.so in {settings.BUILD}: build it, or set WEBTIER_BUILD")

    def _copy(self, source):
        copy = self.path / "modules" / source.name
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, copy)
            copy.chmod(0o644)
        return copy

    def script(self, name):
        """Returns a readable copy of a program of this package."""
        copy = self.path / name
        if not copy.exists():
            for source in pathlib.Path(__file__).parent.glob("*.py"):
                shutil.copyfile(source, self.path / source.name)
        return copy

    def nursery(self):
        """Returns the process that application servers are forked off."""
        if self._nursery is None:
            self._nursery = Nursery(self)
        return self._nursery

    def certificate(self):
        """Returns (certificate file, key file), self-signed for localhost and 127.0.0.1."""
        certificate, key = self.path / "localhost.crt", self.path / "localhost.key"
        if not certificate.exists():
            subprocess.run([settings.program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                            "-addext", "basicConstraints=critical,CA:FALSE",
                            "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
            for path in (certificate, key):
                process.give_to_server(path)
        return certificate, key

    def remove(self):
        """Ends the workspace: keeps what a coverage build counted, removes the files."""
        if self._nursery:
            self._nursery.close()
        if settings.COVERAGE:
            coverage.bring_home(self.coverage_dir)
        if settings.KEEP_FILES:
            print(f"kept: {self.path}", file=sys.stderr)
        else:
            shutil.rmtree(self.path)


def _library(name):
    """Returns the path of one of gcc's sanitizer run-time libraries."""
    compiler = settings.program(os.environ.get("CC", "gcc"))
    answer = subprocess.run([compiler, f"-print-file-name={name}"], check=True, capture_output=True, text=True)
    return str(pathlib.Path(answer.stdout.strip()).resolve())


def without_randomness():
    """Returns the words before a command that let gcc's older sanitizers live with much address space randomness."""
    bits = pathlib.Path("/proc/sys/vm/mmap_rnd_bits")
    if settings.SANITIZE in ("address", "thread") and bits.exists() and int(bits.read_text()) > 28:
        return [settings.program("setarch"), "-R"]
    return []


def instrumentation(workspace):
    """Returns the environment that the sanitizer or coverage build in use needs."""
    log = f"log_path={workspace.sanitizer_dir}/report"
    if settings.COVERAGE:
        return {"GCOV_PREFIX": str(workspace.coverage_dir)}
    if settings.SANITIZE == "address":
        return {"LD_PRELOAD": _library("libasan.so"), "ASAN_OPTIONS": f"detect_leaks=0:handle_segv=2:{log}"}
    if settings.SANITIZE == "thread":
        return {"LD_PRELOAD": _library("libtsan.so"),
                "TSAN_OPTIONS": f"ignore_noninstrumented_modules=1:die_after_fork=0:{log}"}
    if settings.SANITIZE == "undefined":
        return {"UBSAN_OPTIONS": f"print_stacktrace=1:{log}"}
    return {}
