# SPDX-License-Identifier: Apache-2.0
"""This machine's TCP sockets over IPv4, asked of the kernel by sock_diag(7).

/proc/net/tcp says the same, but formats every connection that ended within the last minute: after some load these are
more than ten thousand, and reading them costs fifty milliseconds of CPU time.
"""
import collections
import functools
import os
import socket
import struct

ESTABLISHED, TIME_WAIT, LISTEN = 1, 6, 10
OPEN = frozenset(range(1, 12)) - {TIME_WAIT, LISTEN}

Socket = collections.namedtuple("Socket", "state port peer inode")  # ports, in the host's order

_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_PORTS = struct.Struct("!HH")
_INODE = 68  # in struct inet_diag_msg: behind family, state, the ports at 4, addresses, expiry, queues and user


def _read(message):
    """Returns the Socket that a struct inet_diag_msg tells of."""
    return Socket(message[1], *_PORTS.unpack_from(message, 4), *struct.unpack_from("=I", message, _INODE))


def _asked(states):
    """Yields the sockets in one of the states; raises OSError where the kernel cannot be asked."""
    wanted = sum(1 << state for state in states)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.settimeout(10)
        request = struct.pack("=BBBBI48x", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, wanted)
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + request)
        while True:
            answer = memoryview(kernel.recv(1 << 16))
            while answer:
                length, kind, *_ = _HEADER.unpack_from(answer)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
                    raise OSError(number, os.strerror(number))
                yield _read(answer[_HEADER.size:length])
                answer = answer[length + 3 & ~3:]


def _listed(states):
    """The same from /proc/net/tcp, for kernels without sock_diag."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for row in map(str.split, table):
            if (state := int(row[3], 16)) in states:
                yield Socket(state, *(int(address.rpartition(":")[2], 16) for address in row[1:3]), int(row[9]))


@functools.cache
def _source():
    try:
        list(_asked({LISTEN}))
        return _asked
    except OSError:
        return _listed


def sockets(states):
    """Returns a list of Socket: those in one of the states."""
    return list(_source()(states))
