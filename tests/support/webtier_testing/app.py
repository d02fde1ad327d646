# SPDX-License-Identifier: Apache-2.0
"""The client's side of an application server: has app_server.py run, tells it how to behave, reads what it got."""
import json
import signal
import socket

from . import process
from .client import pairs
from .ports import Reservation
from .settings import scale
from .wait import wait_until

_SETTINGS = {"status", "reason", "body", "size", "headers", "delay", "chunked", "truncate", "drip", "hang", "close",
             "garbage", "etag", "echo", "hold", "hold_at"}


def _plain(settings):
    """Returns settings as JSON can carry them: bytes as Latin-1 text, headers as pairs."""
    unknown = settings.keys() - _SETTINGS
    if unknown:
        raise TypeError(f"an application server has no setting {', '.join(sorted(unknown))}")
    plain = {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in settings.items()}
    if isinstance(settings.get("body"), str):
        plain["body"] = settings["body"].encode().decode("latin-1")
    if "headers" in settings:
        plain["headers"] = pairs(settings["headers"])
    return plain


class App:
    """An application server process; it keeps its port and its behaviour when it is killed and restarted."""

    def __init__(self, workspace):
        self._workspace = workspace
        self._root = workspace.new_dir("app")
        self._records = self._root / "requests.jsonl"
        self._behaviour = {}
        self._reservation = Reservation()
        self.port = self._reservation.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._requests = []
        self._offset = 0
        self._process = self._control = None
        self._stopped = False
        self._start()

    def _start(self):
        self._control, theirs = socket.socketpair()
        self._control.settimeout(scale(10))
        with theirs:
            self._process = self._workspace.nursery().app_server(self.port, theirs, self._records, self._root,
                                                                 self._root / "output.log")
        self._answers = self._control.makefile("rb")
        self._stopped = False
        self._tell()

    def _tell(self):
        """Sends the behaviour of every path; returns when the server listens and follows it."""
        self._send(list(self._behaviour.items()))

    def _send(self, message):
        self._control.sendall(json.dumps(message).encode() + b"\n")
        if self._answers.readline() != b"ok\n":
            raise RuntimeError(f"the application server failed: {self.output()}")

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.running()

    def output(self):
        """Returns what the server wrote to standard output and error."""
        return (self._root / "output.log").read_text(errors="replace")

    def behave(self, path=None, **settings):
        """Says how requests for `path` (None: those without a behaviour of their own) are answered from now on.

        Each call replaces the whole behaviour of that path. A stopped or dead server follows it once it is back.
        """
        self._behaviour[path] = _plain(settings)
        if self._process.running() and not self._stopped:
            self._tell()

    def release(self):
        """Lets all answers go that are held (hold: before their head, hold_at: after so many bytes of the body).

        Those that come later are not held either, until the next behave(). Nothing is held for longer than 30 s.
        """
        self._send(None)

    def requests(self, path=None):
        """Returns the requests received so far, oldest first: dicts of method, path, headers, body, time and connection (its number).

        A request counts when it has been read to its end. Beyond 20,000 requests headers and body stay empty.
        """
        self._read_records()
        return [request for request in self._requests
                if path in (None, request["path"], request["path"].partition("?")[0])]

    def count(self, path=None):
        return len(self.requests(path))

    def clear(self):
        """Forgets the requests received so far."""
        self._read_records()
        self._requests.clear()

    def _read_records(self):
        if not self._records.exists():
            return
        with open(self._records, "rb") as records:
            records.seek(self._offset)
            for line in records:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                request = json.loads(line)
                request["body"] = request["body"].encode("latin-1")
                self._requests.append(request)

    def kill(self):
        """Kills it by SIGKILL; connections to the port are refused from now on."""
        self._process.kill_group()
        self._stopped = False

    def restart(self):
        """Kills it if it still runs, and starts it anew on the same port with the same behaviour."""
        self.kill()
        self._close_control()
        self._start()

    def stop(self):
        """Stops it by SIGSTOP: the kernel still accepts connections, nothing is answered."""
        self._stopped = True
        self._process.send(signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(self.pid), what="the stop of the application server")

    def cont(self):
        """Lets it go on after stop()."""
        self._process.send(signal.SIGCONT)
        self._stopped = False
        self._tell()

    def _close_control(self):
        self._answers.close()
        self._control.close()

    def close(self):
        self._process.stop()
        self._close_control()
        self._reservation.close()
