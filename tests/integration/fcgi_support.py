# SPDX-License-Identifier: Apache-2.0
"""A FastCGI responder: one request after the other, a connection each."""
import socket
import struct
import threading

END, STDIN, STDOUT = 3, 5, 6


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class FcgiResponder:
    """A context manager. `begun`: so many bytes of the body are sent before it is released; `garbage` is sent instead of all."""

    def __init__(self, body, begun=None, headers=None, garbage=None):
        fields = {"Status": "200 OK", **(headers or {})}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"
        self._body, self._begun, self._garbage = body, begun, garbage
        self.bodies = []  # of the requests
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

    def _request(self, stream):
        """Reads a request to the end of its body; returns its id."""
        body = b""
        while True:
            _, kind, request, size, padding, _ = struct.unpack("!BBHHBB", read_exactly(stream, 8))
            data = read_exactly(stream, size + padding)[:size]
            if kind == STDIN and size == 0:
                self.bodies.append(body)
                return request
            body += data if kind == STDIN else b""

    def _answer(self, connection, request):
        def record(kind, data):
            return struct.pack("!BBHHBB", 1, kind, request, len(data), 0, 0) + data

        def output(data):
            return b"".join(record(STDOUT, data[at:at + 8000]) for at in range(0, len(data), 8000))

        if self._garbage:
            connection.sendall(self._garbage)
            return
        if self._begun is not None:
            connection.sendall(output(self._head + self._body[:self._begun]))
            self._released.wait(60)
        rest = self._head + self._body if self._begun is None else self._body[self._begun:]
        connection.sendall(output(rest) + record(STDOUT, b"") + record(END, bytes(8)))
