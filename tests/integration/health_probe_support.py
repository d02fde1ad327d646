# SPDX-License-Identifier: Apache-2.0
"""Members that speak TLS, and services that are no web servers, for the tests of active probes."""
import contextlib
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile

from health_support import Script
from webtier_testing import settings


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
