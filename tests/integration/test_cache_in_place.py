# SPDX-License-Identifier: Apache-2.0
"""Large bodies are sent from where they are in shared memory: whatever client and store do meanwhile, no byte is wrong."""
import socket
import threading

import pytest
from cache_support import FRESH, asked_twice, cached, is_hit, proxied
from reproxy_relay_support import busy_workers
from webtier_testing import wait_until

SIZE = 900_000


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


class Slow:
    """A client that begins to read, and reads the rest when it is told to."""

    def __init__(self, server, path, buffer=None):
        self._client = server.connect()
        if buffer:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n".encode())
        self._received = self._client.recv(10_000)

    def leave(self):
        self._client.close()

    def body(self):
        """Returns the whole body."""
        with self._client:
            self._client.settimeout(30)
            while part := self._client.recv(1 << 16):
                self._received += part
        return body_of(self._received)


def ask_often(server, path="/", size=SIZE):
    """Asks for path as often as it takes for the kernel to send it by itself, where EnableSendfile is on."""
    for _ in range(20):
        assert len(server.get(path).body) == size


@pytest.mark.parametrize("mpm,sendfile", [("event", "off"), ("event", "on"), ("worker", "on"), ("prefork", "on")])
def test_a_slow_client_gets_what_it_was_promised(httpd, app, mpm, sendfile):
    """While clients read slowly, the page is replaced, removed, and the memory filled with others."""
    origin = app(body=b"o" * SIZE, headers=FRESH)
    server = cached(httpd, origin, conf=f"TierCacheSize 16M\nEnableSendfile {sendfile}", mpm=mpm)
    ask_often(server, "/page")
    readers = [Slow(server, "/page") for _ in range(4)]
    origin.behave(body=b"n" * SIZE, headers=FRESH)
    server.get("/page", headers={"Cache-Control": "no-cache"})
    server.get("/page", method="DELETE")
    for number in range(30):
        assert len(server.get(f"/other/{number}").body) == SIZE
    assert all(reader.body() == b"o" * SIZE for reader in readers)
    assert server.get("/page").body == b"n" * SIZE


def test_in_front_of_memcached(httpd, app, memcached):
    """The copy in shared memory is sent, and becomes another one while a client reads."""
    origin, store = app(body=b"o" * SIZE, headers=FRESH), memcached()
    server = cached(httpd, origin, conf=f"TierCacheServer {store.server}\nTierCacheTimeout 10s\nTierCacheSize 32M")
    server.get("/page")
    wait_until(lambda: is_hit(server.get("/page")))
    reader = Slow(server, "/page")
    origin.behave(body=b"n" * SIZE, headers=FRESH)
    server.get("/page", headers={"Cache-Control": "no-cache"})
    wait_until(lambda: server.get("/page").body == b"n" * SIZE)
    assert reader.body() == b"o" * SIZE


def test_slow_clients_hold_no_worker(httpd, app):
    """With EnableSendfile on, the event MPM sends the rest without one, as of a file."""
    size = 3_000_000
    origin = app(body=b"o" * size, headers=FRESH)
    status = "ProxyPass /server-status !\n<Location /server-status>\nSetHandler server-status\n</Location>"
    server = httpd(modules=["cache"], vhost=f"{status}\n{proxied(origin)}", extra=["status"],
                   conf="TierCacheSize 256M\nTierCacheMaxSize 4M\nEnableSendfile on")
    ask_often(server, "/page", size)
    readers = [Slow(server, "/page", buffer=4000) for _ in range(120)]  # more than there are workers
    wait_until(lambda: busy_workers(server) == 1)  # the one that says so
    for reader in readers:
        reader.leave()
    assert server.get("/page").body == b"o" * size


@pytest.mark.parametrize("asked,body", [("bytes=0-9", slice(0, 10)), ("bytes=-10", slice(SIZE - 10, SIZE)),
                                        ("bytes=65000-800000", slice(65000, 800001))])
def test_ranges(httpd, app, asked, body):
    origin = app(size=SIZE, headers=FRESH)
    server = cached(httpd, origin, conf="EnableSendfile on")
    ask_often(server)
    whole = server.get().body
    part = server.get(headers={"Range": asked})
    assert is_hit(part) and part.status == 206 and part.body == whole[body]


def test_tls_http2_and_filters(httpd, app):
    origin = app(size=SIZE, headers={**FRESH, "Content-Type": "text/plain"})
    server = cached(httpd, origin, http2=True, more="SetOutputFilter DEFLATE", extra=["deflate"], conf="EnableSendfile on")
    ask_often(server)
    whole = server.h2get().body
    wait_until(lambda: is_hit(server.h2get()))
    assert server.h2get().body == whole and len(whole) == SIZE
    packed = server.h2get(headers={"Accept-Encoding": "gzip"})
    assert len(packed.body) < SIZE


def test_children_killed_while_they_send(httpd, app):
    """What killed children were reading is free again: the memory takes as much as before."""
    origin = app(size=SIZE, headers=FRESH)
    server = cached(httpd, origin, conf="TierCacheSize 16M\nEnableSendfile on")
    server.allow_log("AH10392")  # httpd notices that its children are killed
    ask_often(server, "/page")
    for _ in range(3):
        asked = b"GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        readers = [threading.Thread(target=lambda: server.raw(asked)) for _ in range(6)]
        for reader in readers:
            reader.start()
        for child in server.children():
            server.kill_child(child)
        for reader in readers:
            reader.join()
    for number in range(25):
        path = f"/new/{number}"
        assert asked_twice(server, path), path
