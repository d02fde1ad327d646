# SPDX-License-Identifier: Apache-2.0
"""A Perlbal in front of an application, to compare with."""
from . import client, process, settings
from .ports import Reservation
from .wait import wait_until

_CONF = """
CREATE POOL app
  POOL app ADD 127.0.0.1:{app}
CREATE SERVICE front
  SET role = reverse_proxy
  SET listen = 127.0.0.1:{port}
  SET pool = app
  SET persist_client = on
  SET persist_backend = on
  SET verify_backend = off
  SET enable_reproxy = on
ENABLE front
"""


class Perlbal:
    """A reverse proxy that obeys X-REPROXY-URL."""

    def __init__(self, workspace, app):
        self._root = workspace.new_dir("perlbal")
        self._reservation = Reservation()
        self.port = self._reservation.port
        (self._root / "perlbal.conf").write_text(_CONF.format(app=app.port, port=self.port))
        argv = [settings.program("perlbal"), "--config", str(self._root / "perlbal.conf")]
        self._process = process.Process(argv, self._root, self._root / "output.log")
        wait_until(lambda: not self._process.running() or self._listens(), 10, what="the start of Perlbal")
        if not self._process.running():
            raise RuntimeError(f"Perlbal ended while starting: {(self._root / 'output.log').read_text()}")

    def _listens(self):
        try:
            client.connect(self.port).close()
            return True
        except OSError:
            return False

    @property
    def pid(self):
        return self._process.pid

    def get(self, path="/", **options):
        """As Httpd.get()."""
        return client.request(self.port, path, **options)

    def close(self):
        self._process.kill_group()
        self._reservation.close()
