# SPDX-License-Identifier: Apache-2.0
"""Lingering changes nothing that a client sees: pipelining, blank lines, odd ends, TLS, HTTP/2, upgrades."""
import socket
import threading
import time

import pytest

from linger_support import Wire, ask, counters, grown, lingering, lingers
from webtier_testing import pattern, scale, wait_until


def test_a_worker_lingers_for_the_next_request(httpd):
    server = lingering(httpd)
    before = counters(server)
    with Wire(server) as client:
        for _ in range(10):
            assert client.get()[0] == 200
    # The first gap is learnt, the last linger ends with the connection.
    wait_until(lambda: grown(server, before).get("closed") == 1)
    assert grown(server, before)["hits"] == 8


def test_nothing_lingers_unless_told_to(httpd):
    server = lingering(httpd, time=None)
    with Wire(server) as client:
        for _ in range(10):
            assert client.get()[0] == 200
    assert counters(server) == {"state": "off"}


@pytest.mark.parametrize("tls", [False, True])
def test_pipelined_requests_are_answered_in_order(httpd, tls):
    """Three requests in one write: through TLS they are one record, decrypted at once."""
    server = lingering(httpd, tls=tls, time="1s")
    (server.docroot / "file").write_bytes(pattern(5000))
    before = counters(server)
    with Wire(server) as client:
        client.warm()
        client.send(ask("/file") + ask("/small") + ask("/file"))
        assert [len(client.answer()[2]) for _ in range(3)] == [5000, 100, 5000]
        assert "timeouts" not in grown(server, before)


def test_a_client_that_pipelines_through_tls_later_is_delayed_once(httpd):
    """The worker waits for such a client without having looked what mod_ssl has read already."""
    server = lingering(httpd, tls=True, time="1s")
    with Wire(server) as client:
        for _ in range(3):
            client.get()
        before = counters(server)
        for _ in range(10):
            client.send(ask() * 2)
            assert [client.answer()[0] for _ in range(2)] == [200, 200]
        told = grown(server, before)
    # All but the last request of a batch would be answered after a linger in which nothing comes.
    assert told["hits"] >= 10 and "timeouts" not in told


def test_a_pipelined_request_that_comes_in_pieces(httpd):
    server = lingering(httpd)
    with Wire(server) as client:
        client.warm()
        for piece in (ask()[:-1], ask()[-1:] + ask()[:7], ask()[7:] + b"\r", b"\n" + ask()):
            client.send(piece)
            time.sleep(0.03)
        assert [client.answer()[0] for _ in range(3)] == [200, 200, 200]


BLANK = [b"\r\n", b"\n", b"\r\n\r\n\n", b"\r\n" * 5, b"\r\n" * 11]


def statuses(server, blank, late):
    """Returns the statuses of three requests with blank lines behind each, in its packet or later; 0 is a close."""
    seen = []
    with Wire(server) as client:
        client.warm()
        for _ in range(3):
            client.send(ask() + (b"" if late else blank))
            try:
                seen.append(client.answer()[0])
            except (ConnectionError, IndexError):
                return seen + [0]
            if late:
                client.send(blank)
                time.sleep(0.03)
    return seen


@pytest.mark.parametrize("late", [False, True])
def test_blank_lines_between_requests(httpd, late):
    with_linger, without = lingering(httpd), lingering(httpd, time=None)
    for blank in BLANK:
        assert statuses(with_linger, blank, late) == statuses(without, blank, late)
    assert statuses(with_linger, BLANK[0], late) == [200, 200, 200]


def test_a_client_that_closes_while_a_worker_lingers(httpd):
    server = lingering(httpd)
    before = counters(server)
    for _ in range(5):
        with Wire(server) as client:
            client.warm()
    wait_until(lambda: grown(server, before).get("closed") == 5)


def test_a_client_that_closes_its_side_gets_its_answer_and_the_end(httpd):
    server = lingering(httpd)
    before = counters(server)
    with Wire(server) as client:
        client.warm()
        client.send(ask())
        client.half_close()
        assert client.answer()[0] == 200
        client.closed_after()
    assert "timeouts" not in grown(server, before)


def test_a_reset_while_a_worker_lingers(httpd):
    server = lingering(httpd)
    before = counters(server)
    client = Wire(server).warm()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with client:
        pass
    wait_until(lambda: grown(server, before).get("closed") == 1)
    assert server.get("/small").status == 200


def test_connection_close_and_http_1_0(httpd):
    server = lingering(httpd)
    before = counters(server)
    with Wire(server) as client:
        client.warm()
        assert client.get("/small", "Connection: close")[0] == 200
        client.closed_after()
    with Wire(server) as client:
        client.send(b"GET /small HTTP/1.0\r\n\r\n")
        assert client.answer()[0] == 200
        client.closed_after()
    assert lingers(server, before) == {"hits": 1}


def test_errors_and_bodies_on_one_connection(httpd, app):
    echo = app(echo=True)
    server = lingering(httpd, vhost=f'ProxyPass "/app" "{echo.url}"')
    before = counters(server)
    with server.session() as session:
        for _ in range(5):
            assert session.get("/missing").status == 404
            assert session.get("/app/x", method="POST", body=pattern(100000)).status == 200
            assert session.get("/small").status == 200
            assert session.get("/small", method="HEAD").body == b""
    assert grown(server, before)["hits"] >= 15


def test_tls_connections_are_lingered_on(httpd):
    server = lingering(httpd, tls=True)
    before = counters(server)
    with Wire(server) as client:
        for _ in range(10):
            assert client.get()[0] == 200
    assert grown(server, before)["hits"] == 8


@pytest.mark.parametrize("tls", [False, True])
def test_http_2_is_left_alone(httpd, tls):
    server = lingering(httpd, tls=tls, http2=True)
    told = counters(server)
    for _ in range(3):
        assert server.h2get("/small").status == 200
    assert not grown(server, told).keys() - {"refused_gap"}


def answer_101(listener):
    """A backend that takes the upgrade and echoes what comes then."""
    peer, _ = listener.accept()
    with peer:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while (data := peer.recv(65536)):
            peer.sendall(data)


def test_an_upgraded_connection_is_left_alone(httpd):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        backend = threading.Thread(target=answer_101, args=(listener,), daemon=True)
        backend.start()
        port = listener.getsockname()[1]
        server = lingering(httpd, vhost=f'ProxyPass "/ws" "http://127.0.0.1:{port}/" upgrade=websocket')
        with Wire(server) as client:
            client.warm()
            before = counters(server)
            client.send(ask("/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
            assert client.socket.recv(12) == b"HTTP/1.1 101"
            wait_until(lambda: b"\r\n\r\n" in client.socket.recv(65536))
            for word in (b"one", b"two", b"three"):
                client.send(word)
                assert client.socket.recv(100) == word
        backend.join(scale(5))
        assert grown(server, before).get("hits", 0) <= 1  # the upgrade request itself


def test_connections_to_backends_are_left_alone(httpd, app):
    """A linger on the way to the backend would add its whole time to each proxied request."""
    backend = app()
    server = lingering(httpd, vhost=f'ProxyPass "/app" "{backend.url}"')
    before = counters(server)
    with server.session() as session:
        assert {session.get("/app/x").status for _ in range(20)} == {200}
    told = grown(server, before)
    assert told["hits"] == 18 and "timeouts" not in told
