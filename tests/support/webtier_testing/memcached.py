# SPDX-License-Identifier: Apache-2.0
"""A memcached process."""
import signal
import socket

from . import process, settings
from .ports import Reservation
from .settings import scale
from .wait import wait_until


class Memcached:
    """A memcached on a port of 127.0.0.1 that it keeps when it is killed and restarted."""

    def __init__(self, workspace, args=()):
        self._root = workspace.new_dir("memcached")
        self._args = list(args)
        self._reservation = Reservation()
        self.port = self._reservation.port
        self.server = f"127.0.0.1:{self.port}"
        self._start()

    def _start(self):
        argv = [settings.program("memcached"), "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-t", "2",
                *self._args]
        self._process = process.Process(argv, self._root, self._root / "output.log")
        wait_until(lambda: not self._process.running() or self._listens(), 10, what="the start of memcached")
        if not self._process.running():
            raise RuntimeError(f"memcached ended while starting: {(self._root / 'output.log').read_text()}")

    def _listens(self):
        try:
            return self.command("version")
        except OSError:
            return None

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        """Kills it by SIGKILL; connections to the port are refused from now on."""
        self._process.kill_group()

    def restart(self):
        """Ends it if it still runs, and starts it anew, empty, on the same port."""
        self.kill()
        self._start()

    def stop(self):
        """Stops it by SIGSTOP: it still accepts connections and never answers."""
        self._process.send(signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(self.pid), what="the stop of memcached")

    def cont(self):
        """Lets it go on after stop()."""
        self._process.send(signal.SIGCONT)

    def command(self, line, timeout=2):
        """Sends one command of the text protocol; returns its answer's lines."""
        with socket.create_connection(("127.0.0.1", self.port), scale(timeout)) as stream:
            stream.sendall(line.encode() + b"\r\nmn\r\n")
            with stream.makefile("rb") as answer:
                lines = iter(lambda: answer.readline().decode("latin-1").rstrip("\r\n"), "MN")
                return [text for _, text in zip(range(1_000_000), lines) if text]

    def stats(self, kind=""):
        """Returns the statistics as a dict; numbers are int."""
        pairs = (line.split(" ", 2)[1:] for line in self.command(f"stats {kind}".strip()) if line.startswith("STAT "))
        return {name: int(value) if value.isdigit() else value for name, value in pairs}

    def flush(self):
        """Forgets everything stored."""
        assert self.command("flush_all") == ["OK"]

    def close(self):
        """Ends it by SIGKILL: it has nothing to save, and takes a second over SIGTERM."""
        self._process.kill_group()
        self._reservation.close()
