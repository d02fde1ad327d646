# SPDX-License-Identifier: Apache-2.0
"""The test process's side of nursery_main.py."""
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
    """One a test process; made by the workspace when the first application server or load is wanted."""

    def __init__(self, workspace):
        _adopt_orphans()
        root = self._root = workspace.new_dir("nursery")
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = process.Process(
                [sys.executable, "-S", "-E", str(workspace.script("nursery_main.py")), str(theirs.fileno())], root,
                root / "output.log", pass_fds=[theirs.fileno()])

    def app_server(self, port, control, records, directory, output):
        """Returns a new application server as process.Process; `output` is appended to."""
        return self._fork({"port": port, "records": str(records), "directory": str(directory)}, control, output)

    def load_generator(self, control, output):
        """Returns a new load_generator.py as process.Process; `output` is appended to."""
        return self._fork({"directory": str(self._root)}, control, output)

    def _fork(self, order, control, output):
        sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            socket.send_fds(self._connection, [json.dumps(order).encode()], [control.fileno(), sink])
        finally:
            os.close(sink)
        return process.Process.adopt(int(self._connection.recv(64)))

    def close(self):
        self._connection.close()
        self._process.stop()
