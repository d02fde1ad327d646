# SPDX-License-Identifier: Apache-2.0
"""Ports of 127.0.0.1 that nobody else can take."""
import socket
import time

_LISTEN, _TIME_WAIT = "0A", "06"


def settle(port, longest=0.3):
    """Waits, `longest` seconds at most, until no connection to a local server on `port` is open.

    An event MPM child that gets SIGTERM closes its sockets while workers may be freeing the same connections, and
    about one such stop in 80 of stock httpd ends in a segmentation fault of its own.
    """
    end = time.monotonic() + longest
    while time.monotonic() < end:
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        if not any(row[1].endswith(f":{port:04X}") and row[3] not in (_LISTEN, _TIME_WAIT) for row in rows):
            break
        time.sleep(0.005)
    time.sleep(0.005)  # the memory of a connection goes after its socket


class Reservation:
    """A port the kernel chose, kept until close().

    The reserving socket is bound with SO_REUSEADDR and never listens. The kernel gives such a port neither to
    another bind(0) nor to an outgoing connection, while a server that sets SO_REUSEADDR itself (httpd, memcached
    and asyncio do) may listen on it, die, and listen on it again. While no server listens, connections are
    refused, just as on a port nobody holds.
    """

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()
