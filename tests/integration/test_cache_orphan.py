# SPDX-License-Identifier: Apache-2.0
"""A client that goes away: what the application has begun is read to its end and stored, within bounds."""
import json
import socket
import struct

import pytest
from cache_support import FRESH, is_hit
from herd_support import PATIENT_STORE, Asking
from webtier_testing import pattern, wait_until
from webtier_testing.sockets import ESTABLISHED, sockets

STATUS = "ProxyPass /tier-status !\n<Location /tier-status>\nSetHandler tier-status\nTierCache off\nRequire local\n</Location>\n"
ASK = {"Cache-Control": "only-if-cached"}


def site(httpd, origin, more="", **options):
    return httpd(modules=["cache", "status"], vhost=f"{STATUS}TierCache on\n{more}\nProxyPass / {origin.url}/", **options)


def counters(server):
    return json.loads(server.get("/tier-status/json").body)["modules"]["cache"]


def is_connected(origin):
    """Says whether httpd has a connection to the origin."""
    return any(one.peer == origin.port for one in sockets({ESTABLISHED}))


def begin_and_leave(server, origin, path="/"):
    """Asks, reads a little of the answer and resets the connection; what the origin holds comes after that."""
    client = server.connect()
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    client.recv(100)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert origin.count(path) == 1
    origin.release()


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_the_rest_is_read_and_stored(httpd, app, mpm):
    origin = app()
    server = site(httpd, origin, mpm=mpm)
    paths = ("/length", "/chunked")
    for path in paths:
        origin.behave(path, size=800_000, hold_at=40_000, chunked=path == "/chunked", headers=FRESH)
        begin_and_leave(server, origin, path)
    for path in paths:
        wait_until(lambda: server.get(path, host="localhost", headers=ASK).status == 200)
        answer = server.get(path, host="localhost")
        assert is_hit(answer) and answer.body == pattern(800_000) and origin.count(path) == 1, path
    wait_until(lambda: counters(server)["finished"] == 2)


def test_with_memcached(httpd, app, memcached):
    origin, store = app(size=800_000, hold_at=40_000, headers=FRESH), memcached()
    server = site(httpd, origin, conf=f"TierCacheServer {store.server}\n{PATIENT_STORE}")
    begin_and_leave(server, origin)
    wait_until(lambda: server.get(host="localhost", headers=ASK).status == 200)
    assert server.get(host="localhost").body == pattern(800_000) and origin.count() == 1


def test_who_waits_gets_what_the_other_has_begun(httpd, app):
    origin = app(hold=True, size=800_000, headers=FRESH)
    server = site(httpd, origin, "TierCacheWait 60s")
    client = server.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: origin.count() == 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    waiter = Asking(1, lambda: server.get("/", host="localhost", timeout=60))
    wait_until(lambda: counters(server)["waiting"] == 1)
    origin.release()
    answer, = waiter.join()
    assert answer.body == pattern(800_000) and origin.count() == 1


@pytest.mark.parametrize("more,options", [("TierCacheFinish off", {"size": 800_000, "hold_at": 40_000}),
                                          ("TierCacheSize 64M", {"size": 4_000_000, "hold_at": 40_000, "chunked": True}),
                                          ("", {"size": 800_000, "hold_at": 40_000, "truncate": 700_000})],
                         ids=["off", "long-and-unknown", "broken"])
def test_what_is_given_up(httpd, app, more, options):
    origin = app(headers=FRESH, **options)
    conf, vhost = (more, "") if "Size" in more else ("", more)
    server = site(httpd, origin, vhost, conf=conf)
    server.allow_log("AH01102", "AH01110", "AH02609", "proxy")
    begin_and_leave(server, origin)
    wait_until(lambda: counters(server)["not_stored"]["incomplete"] == 1)
    assert server.get(host="localhost", headers=ASK).status == 504 and counters(server)["finished"] == 0


def test_what_is_not_to_be_stored_is_given_up_at_once(httpd, app):
    """The origin would take a minute for all of it."""
    origin = app(size=8_000_000, drip=(40_000, 0.3), headers={"Cache-Control": "private"})
    server = site(httpd, origin)
    begin_and_leave(server, origin)
    wait_until(lambda: not is_connected(origin))
