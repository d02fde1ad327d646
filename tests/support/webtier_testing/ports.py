# SPDX-License-Identifier: Apache-2.0
"""Ports of 127.0.0.1 that nobody else can take."""
import os
import socket
import time

from .sockets import LISTEN, OPEN, sockets


def _listener(port):
    """Returns the inode of the socket that listens on the port, or None."""
    return next((one.inode for one in sockets({LISTEN}) if one.port == port), None)


def listens(port):
    """Says whether a server on 127.0.0.1 listens on the port."""
    return _listener(port) is not None


def accepts(pid, port):
    """Says whether the process has the socket open that listens on the port."""
    name = f"socket:[{_listener(port)}]"
    try:
        return any(os.readlink(entry.path) == name for entry in os.scandir(f"/proc/{pid}/fd"))
    except OSError:  # it has ended, or closed one of them just now
        return os.path.exists(f"/proc/{pid}/fd") and accepts(pid, port)


def _connections(port):
    """Returns how many connections are open at the server's end."""
    return sum(one.port == port for one in sockets(OPEN))


def settle(port, longest=0.3):
    """Waits until no connection to a local server on `port` is open, or for `longest` seconds none was closed.

    An event MPM child that gets SIGTERM closes its sockets while workers may be freeing the same connections, and
    about one such stop in 80 of stock httpd ends in a segmentation fault of its own.
    """
    pause = 0.005  # also for the memory of a connection, which goes after its socket
    time.sleep(pause)
    left = _connections(port)
    end = time.monotonic() + longest
    while left and time.monotonic() < end:
        pause = min(2 * pause, 0.1)
        time.sleep(pause)
        now = _connections(port)
        if now < left:
            end = time.monotonic() + longest
        left = now
    time.sleep(0.005)


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
