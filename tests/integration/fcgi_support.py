# SPDX-License-Identifier: Apache-2.0
"""A FastCGI responder that answers one request after the other, and may keep the rest of an answer back."""
import socket
import struct
import threading

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class FcgiResponder:
    """Sends `begun` bytes of the body, and the rest when it is released; a context manager."""

    def __init__(self, body, begun, headers):
        self._head = "".join(f"{name}: {value}\r\n" for name, value in {"Status": "200 OK", **headers}.items()).encode() + b"\r\n"
        self._body, self._begun = body, begun
        self._released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def release(self):
        self._released.set()

    def _run(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                try:
                    self._answer(connection, self._request(stream))
                except (OSError, EOFError):
                    pass

    @staticmethod
    def _request(stream):
        """Reads a request to the end of its (empty) body; returns its id."""
        while True:
            _, kind, request, size, padding, _ = struct.unpack("!BBHHBB", read_exactly(stream, 8))
            read_exactly(stream, size + padding)
            if kind == STDIN and size == 0:
                return request

    def _answer(self, connection, request):
        def record(kind, data):
            return struct.pack("!BBHHBB", 1, kind, request, len(data), 0, 0) + data

        def output(data):
            return b"".join(record(STDOUT, data[at:at + 8000]) for at in range(0, len(data), 8000))

        connection.sendall(output(self._head + self._body[:self._begun]))
        self._released.wait(60)
        connection.sendall(output(self._body[self._begun:]) + record(STDOUT, b"") + record(END, bytes(8)))
