# SPDX-License-Identifier: Apache-2.0
"""Large bodies are sent from where they are in shared memory: whatever client and store do meanwhile, no byte is wrong."""
import threading

import pytest
from cache_support import FRESH, asked_twice, cached, is_hit
from webtier_testing import wait_until

SIZE = 900_000


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


class Slow:
    """A client that begins to read, and reads the rest when it is told to."""

    def __init__(self, server, path):
        self._client = server.connect()
        self._client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n".encode())
        self._received = self._client.recv(10_000)

    def body(self):
        """Returns the whole body."""
        with self._client:
            self._client.settimeout(30)
            while part := self._client.recv(1 << 16):
                self._received += part
        return body_of(self._received)


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_slow_client_gets_what_it_was_promised(httpd, app, mpm):
    """While clients read slowly, the page is replaced, removed, and the memory filled with others."""
    origin = app(body=b"o" * SIZE, headers=FRESH)
    server = cached(httpd, origin, conf="TierCacheSize 16M", mpm=mpm)
    assert asked_twice(server, "/page")
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


@pytest.mark.parametrize("asked,body", [("bytes=0-9", slice(0, 10)), ("bytes=-10", slice(SIZE - 10, SIZE)),
                                        ("bytes=65000-800000", slice(65000, 800001))])
def test_ranges(httpd, app, asked, body):
    origin = app(size=SIZE, headers=FRESH)
    server = cached(httpd, origin)
    whole = server.get().body
    part = server.get(headers={"Range": asked})
    assert is_hit(part) and part.status == 206 and part.body == whole[body]


def test_tls_http2_and_filters(httpd, app):
    origin = app(size=SIZE, headers={**FRESH, "Content-Type": "text/plain"})
    server = cached(httpd, origin, http2=True, more="SetOutputFilter DEFLATE", extra=["deflate"])
    whole = server.h2get().body
    wait_until(lambda: is_hit(server.h2get()))
    assert server.h2get().body == whole and len(whole) == SIZE
    packed = server.h2get(headers={"Accept-Encoding": "gzip"})
    assert len(packed.body) < SIZE


def test_children_killed_while_they_send(httpd, app):
    """What killed children were reading is free again: the memory takes as much as before."""
    origin = app(size=SIZE, headers=FRESH)
    server = cached(httpd, origin, conf="TierCacheSize 16M")
    server.allow_log("AH10392")  # httpd notices that its children are killed
    assert asked_twice(server, "/page")
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
