# SPDX-License-Identifier: Apache-2.0
"""What the tests of mod_tier_linger share: a small httpd that lingers, its counters, a client that says what it reads."""
import json
import socket
import time

from webtier_testing import scale

# One child, so that every connection of a test meets the same workers.
ONE_CHILD = """
StartServers 1
ServerLimit 4
MaxSpareThreads 128
MinSpareThreads 1
MaxRequestWorkers {workers}
ThreadsPerChild {workers}
"""
STATUS = """
<Location "/tier-status">
    SetHandler tier-status
</Location>
"""


def lingering(httpd, time="500ms", conf="", vhost="", workers=16, modules=(), **options):
    """Starts an httpd of one child whose workers linger for `time`, long enough for a test to meet them at it."""
    on = f"TierLinger {time}\n" if time else ""
    server = httpd(modules=["linger", "status", "test_floor", *modules],
                   conf=ONE_CHILD.format(workers=workers) + "TestFloor quick /small 100\n" + on + conf,
                   vhost=STATUS + vhost, **options)
    server.allow_log("AH00484")  # all workers were busy, which several tests are about
    return server


def counters(server):
    """Returns what the status page says of mod_tier_linger."""
    return json.loads(server.get("/tier-status/json").body)["modules"]["linger"]


def grown(server, before):
    """Returns the counters that are not what they were, with the difference."""
    return {name: value - before[name] for name, value in counters(server).items()
            if isinstance(value, int) and value != before[name]}


def lingers(server, before):
    """Returns what came of the lingers since; questions for the counters are answered without one."""
    return {name: value for name, value in grown(server, before).items() if not name.startswith("refused")}


def ask(path="/small", *headers):
    """Returns the bytes of a GET."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


class Wire:
    """A client connection that sends the bytes it is given and reads one answer at a time."""

    def __init__(self, server):
        self.socket = server.connect()
        self._file = self.socket.makefile("rb")
        self._sent = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self.socket.close()

    def send(self, data):
        self._sent = time.monotonic()
        self.socket.sendall(data)

    def answer(self):
        """Returns (status, headers, body) of the next answer, which must have a Content-Length."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers["content-length"]))

    def get(self, path="/small", *headers):
        self.send(ask(path, *headers))
        return self.answer()

    def warm(self):
        """Makes the connection one that is lingered on: httpd has seen a short gap."""
        self.get()
        self.get()
        return self

    def closed_after(self, limit=20):
        """Returns how many seconds after the last request httpd closed; fails when it did not, or sent something."""
        self.socket.settimeout(scale(limit))
        assert self.socket.recv(1) == b""
        return time.monotonic() - self._sent

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
