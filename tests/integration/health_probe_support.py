# SPDX-License-Identifier: Apache-2.0
"""Members that speak TLS, and services that are no web servers, for the tests of active probes."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from health_support import Script
from webtier_testing import process, settings, wait_until
from webtier_testing.ports import Reservation


def openssl(*arguments):
    subprocess.run([settings.program("openssl"), *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A certificate authority in a folder that httpd may read."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self.file = self._folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 9,
                "-subj", "/CN=authority", "-keyout", self._folder / "ca.key", "-out", self.file)

    def certificate(self, names="DNS:localhost,IP:127.0.0.1", days=9, name="member"):
        """Returns (certificate, key); days of -1 is one that has expired."""
        key, request, made = (self._folder / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={names}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._folder / "ca.key",
                "-CAcreateserial", "-days", days, "-copy_extensions", "copy", "-out", made)
        key.chmod(0o644)
        return made, key


@contextlib.contextmanager
def authority():
    folder = tempfile.mkdtemp(prefix="webtier-ca-")
    os.chmod(folder, 0o755)
    try:
        yield Authority(folder)
    finally:
        shutil.rmtree(folder)


class TlsScript(Script):
    """A Script behind TLS; wants may be an Authority whose certificate clients must show."""

    def __init__(self, answers, certificate, wants=None):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        if wants:
            self._context.load_verify_locations(wants.file)
            self._context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(answers)
        self.url = self.url.replace("http:", "https:")

    def _talk(self, connection, number):
        with self._context.wrap_socket(connection, server_side=True) as inside:
            super()._talk(inside, number)


def _wait_for_port(service, port):
    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
    wait_until(lambda: not service.running() or listens(), 30, what="a service")
    assert service.running(), "the service has ended"


class Service:
    """A service on a port of 127.0.0.1 that it keeps; ends with the test."""

    def __init__(self, workspace, argv, prepare=None):
        """argv: a function of the port and a directory; prepare: one that fills the directory."""
        self._root = workspace.new_dir("service")
        self._reservation = Reservation()
        self.port = self._reservation.port
        if prepare:
            prepare(self._root)
        self._argv = argv(self.port, self._root)
        self.restart()

    def restart(self):
        self._process = process.Process(self._argv, self._root, self._root / "output.log")
        _wait_for_port(self._process, self.port)

    def stop(self):
        self._process.send(signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(self._process.pid), what="the stop of a service")

    def cont(self):
        self._process.send(signal.SIGCONT)

    def kill(self):
        self._process.kill_group()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._reservation.close()


def redis(workspace, *options):
    return Service(workspace, lambda port, root: [
        settings.program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(root),
        *options])


_SMALL = ["--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--skip-log-bin", "--performance-schema=0",
          "--aria-pagecache-buffer-size=1M", "--key-buffer-size=1M", "--skip-name-resolve"]


def mariadb(workspace, *statements):
    """A mariadbd that has run these statements at its start."""
    def prepare(root):
        process.run([settings.program("mariadb-install-db"), "--no-defaults", f"--datadir={root}/data",
                     "--skip-test-db", *_SMALL], timeout=60, cwd=root).check_returncode()
        (root / "init.sql").write_text("\n".join(f"{statement};" for statement in statements) + "\n")
        process.give_to_server(root / "init.sql")

    return Service(workspace, lambda port, root: [
        settings.program("mariadbd"), "--no-defaults", f"--datadir={root}/data", f"--socket={root}/sock",
        f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={root}/pid", f"--init-file={root}/init.sql",
        *_SMALL], prepare)
