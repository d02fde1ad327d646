# SPDX-License-Identifier: Apache-2.0
"""What the tests of mod_tier_reproxy's relay share: an httpd that relays, and clients that are slow."""
import re
import socket
import time

from reproxy_support import placed, reproxying, says, told
from webtier_testing import pattern, scale, wait_until

SIZE = 1_500_000
# Small socket buffers: on loopback the kernel's own hold megabytes, and a slow client would not be noticed.
SMALL = "SendBufferSize 8192\n"
ONE_CHILD = "ServerLimit 1\nMaxRequestWorkers 32\n"
STATUS = "<Location /server-status>\nSetHandler server-status\n</Location>\nProxyPass /server-status !\n"
LOG = 'LogFormat "status=%>s bytes=%B out=%O end=%X microseconds=%D" relay\nCustomLog relay.log relay\n'


def relaying(httpd, app, *nodes, size=SIZE, minimum=10_000, more="", **options):
    """Starts an httpd whose application at every path names the same file of `size` bytes on each of nodes."""
    says(app, *placed(nodes, size=size))
    return reproxying(httpd, app, *nodes, more=f"TierReproxyRelayMin {minimum}\n{LOG}{STATUS}{more}", **options)


def relay(server):
    """Returns what the status page tells of the relay."""
    return told(server)["relay"]


def lines(server):
    """Returns the lines of the access log of requests for files, as dicts; numbers as int."""
    found = []
    for line in (server.docroot.parent / "relay.log").read_text().splitlines():
        fields = dict(pair.split("=") for pair in line.split())
        found.append({name: int(value) if value.isdigit() else value for name, value in fields.items()})
    return [line for line in found if line["bytes"] > 5000 or line["end"] == "X"]


def busy_workers(server):
    return int(re.search(r"BusyWorkers: (\d+)", server.get("/server-status?auto").text)[1])


class SlowClient:
    """One request on a connection of its own, read only as far as the test says."""

    def __init__(self, server, path="/x", request=None, buffer=16384):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(scale(20))
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.sendall(request or f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.received = bytearray()
        self.ended = False

    def read(self, size=65536):
        """Reads once; returns whether the connection is still open."""
        try:
            piece = self.socket.recv(size)
        except ConnectionResetError:
            piece = b""
        self.received += piece
        self.ended = not piece
        return not self.ended

    def read_all(self, size=65536):
        """Reads to the end of the connection; returns everything that came."""
        while self.read(size):
            pass
        return bytes(self.received)

    def field(self, name):
        """Reads the head of the first answer; returns the value of a field of it."""
        while b"\r\n\r\n" not in self.received and self.read(1000):
            pass
        head = bytes(self.received).partition(b"\r\n\r\n")[0].decode()
        return dict(line.split(": ", 1) for line in head.split("\r\n")[1:])[name]

    @property
    def body(self):
        return bytes(self.received.partition(b"\r\n\r\n")[2])

    def read_body(self, size):
        """Reads until the body has `size` bytes or the connection ends; returns it."""
        head = 0
        while not head or len(self.received) - head < size:
            if not self.read():
                break
            head = head or (self.received.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in self.received else 0)
        return self.body

    def read_slowly(self, seconds, rate):
        """Reads `rate` bytes a second for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(rate // 20):
            time.sleep(0.05)

    def close(self):
        self.socket.close()


def begun(server, count=1):
    """Waits until that many bodies are on their way."""
    wait_until(lambda: relay(server)["running"] == count, 30, what=f"{count} relayed bodies")


__all__ = ["LOG", "ONE_CHILD", "SIZE", "SMALL", "SlowClient", "begun", "busy_workers", "lines", "pattern", "placed", "relay",
           "relaying", "says", "told"]
