# SPDX-License-Identifier: Apache-2.0
"""An HTTP client that sends exactly what a test says and hides nothing of the answer."""
import dataclasses
import http.client
import socket
import ssl
import time

from .settings import scale


@dataclasses.dataclass
class Response:
    """An answer; headers is case-insensitive (None when absent), header_list keeps order and duplicates."""
    status: int
    reason: str
    version: str
    headers: http.client.HTTPMessage
    header_list: list
    body: bytes
    elapsed: float

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def pairs(headers):
    """Returns headers, given as a dict or as a list of pairs, as a list of pairs."""
    return list(headers.items()) if hasattr(headers, "items") else list(headers or ())


def _tls_context():
    """Returns a context that accepts the tests' self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one reads all authorities there are
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(port, tls=False, timeout=5):
    """Returns a socket connected to 127.0.0.1:port, through TLS if asked; timeout in seconds, scaled."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=scale(timeout))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _tls_context().wrap_socket(plain, server_hostname="localhost") if tls else plain


def raw(port, data, tls=False, timeout=2):
    """Sends bytes and returns all that comes back until the server closes or `timeout` seconds (scaled) pass."""
    deadline = time.monotonic() + scale(timeout)
    received = bytearray()
    with connect(port, tls, timeout) as stream:
        try:
            stream.sendall(data)
            while (left := deadline - time.monotonic()) > 0:
                stream.settimeout(left)
                piece = stream.recv(65536)
                if not piece:
                    break
                received += piece
        except (TimeoutError, ConnectionError):
            pass
    return bytes(received)


class Session:
    """One connection, kept while the server keeps it; a context manager."""

    def __init__(self, port, tls=False, timeout=5):
        self._tls = tls
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._port = port
        self._timeout = timeout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def socket(self):
        """The connected socket, or None before the first request and after the server's close."""
        return self._connection.sock

    def close(self):
        self._connection.close()

    def get(self, path="/", headers=None, method="GET", body=None, timeout=None, host=None):
        """Sends one request and reads the whole answer.

        Only Host, and Content-Length for a body, are added to the headers given; a header given by the test
        replaces them. A connection broken before or within the answer raises http.client's exception or
        ConnectionError (IncompleteRead.partial is what came), a late answer TimeoutError.
        """
        started = time.monotonic()
        connection = self._connection
        if connection.sock is None:
            connection.sock = connect(self._port, self._tls, timeout or self._timeout)
        connection.sock.settimeout(scale(timeout or self._timeout))
        self._send(method, path, pairs(headers), body, host)
        answer = connection.getresponse()
        content = answer.read()
        version = {10: "1.0", 11: "1.1"}.get(answer.version, str(answer.version))
        return Response(answer.status, answer.reason, version, answer.headers, answer.getheaders(), content,
                        time.monotonic() - started)

    def _send(self, method, path, headers, body, host):
        given = {name.lower() for name, _ in headers}
        self._connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if "host" not in given:
            headers.insert(0, ("Host", host or f"localhost:{self._port}"))
        if body is not None and not given & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(body))))
        for name, value in headers:
            self._connection.putheader(name, value)
        self._connection.endheaders(body)


def request(port, path, tls=False, **options):
    """Sends one request on a connection of its own; see Session.get()."""
    with Session(port, tls) as session:
        return session.get(path, **options)
