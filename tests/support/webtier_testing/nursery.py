# SPDX-License-Identifier: Apache-2.0
"""The test process's side of app_nursery.py."""
import ctypes
import json
import os
import socket
import sys

from . import process

_PR_SET_CHILD_SUBREAPER = 36


def _adopt_orphans():
    """Makes this process the parent of what its descendants leave behind, so that it can wait for their end."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Nursery:
    """One a test process; made by the workspace when the first application server is wanted."""

    def __init__(self, workspace):
        _adopt_orphans()
        root = workspace.new_dir("nursery")
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = process.Process(
                [sys.executable, "-S", "-E", str(workspace.script("app_nursery.py")), str(theirs.fileno())], root,
                root / "output.log", pass_fds=[theirs.fileno()])

    def fork(self, port, control, records, directory, output):
        """Returns a new application server as process.Process; `output` is appended to."""
        order = {"port": port, "records": str(records), "directory": str(directory)}
        sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            socket.send_fds(self._connection, [json.dumps(order).encode()], [control.fileno(), sink])
        finally:
            os.close(sink)
        return process.Process.adopt(int(self._connection.recv(64)))

    def close(self):
        self._connection.close()
        self._process.stop()
