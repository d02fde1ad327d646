# SPDX-License-Identifier: Apache-2.0
"""A storage node: nginx with dav, as mogstored serves files."""
import shutil
import signal

from . import process, settings
from .ports import Reservation, listens
from .wait import wait_until

_CONF = """
daemon off; master_process off; pid {root}/pid; error_log {root}/error.log notice;
events {{ worker_connections 512; }}
http {{
    access_log {root}/access.log combined;
    client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp; fastcgi_temp_path {root}/tmp;
    uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp;
    default_type application/octet-stream; sendfile on; keepalive_timeout 60s;
    server {{
        listen 127.0.0.1:{port} reuseport; root {root}/docs;
        location / {{
            dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 0; dav_access user:rw all:r;
            {extra}
        }}
    }}
}}
"""


class Nginx:
    """One node; its files are under .docs, and stay when it is killed and restarted."""

    def __init__(self, workspace, extra=""):
        """extra: more directives of its only location."""
        self._root = workspace.new_dir("nginx")
        self.docs = self._root / "docs"
        for folder in (self.docs, self._root / "tmp"):
            folder.mkdir()
            process.give_to_server(folder)
        self._reservation = Reservation()
        self.port = self._reservation.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.configure(extra)
        self._start()

    def configure(self, extra):
        """Takes effect at the next restart()."""
        (self._root / "nginx.conf").write_text(_CONF.format(root=self._root, port=self.port, extra=extra))

    def _start(self):
        argv = [settings.program("nginx"), "-p", str(self._root), "-e", str(self._root / "error.log"), "-c",
                str(self._root / "nginx.conf")]
        self._process = process.Process(argv, self._root, self._root / "output.log")
        wait_until(lambda: not self._process.running() or listens(self.port), 10, what="the start of nginx")
        if not self._process.running():
            raise RuntimeError(f"nginx ended while starting: {(self._root / 'output.log').read_text()}")

    @property
    def pid(self):
        return self._process.pid

    def put(self, path, data):
        """Places a file; path as in a URL."""
        file = self.docs / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        for each in (file, *file.parents):
            if each == self.docs:
                break
            process.give_to_server(each)
        return self.url + path

    def remove(self, path):
        (self.docs / path.lstrip("/")).unlink()

    def requests(self):
        """The lines of its access log, oldest first."""
        log = self._root / "access.log"
        return log.read_text().splitlines() if log.exists() else []

    def kill(self):
        self._process.kill_group()

    def restart(self):
        self.kill()
        self._start()

    def stop(self):
        """Stops it by SIGSTOP: the kernel accepts connections, nothing is answered."""
        self._process.send(signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(self.pid), what="the stop of nginx")

    def cont(self):
        self._process.send(signal.SIGCONT)

    def close(self):
        self._process.kill_group()
        self._reservation.close()
        shutil.rmtree(self._root / "tmp", ignore_errors=True)
