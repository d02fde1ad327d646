# SPDX-License-Identifier: Apache-2.0
"""Memcached as the store: what is shared, and what clients see of its faults."""
import socket
import threading

import pytest
from cache_support import FRESH, cached, is_hit, status_of, why_forwarded
from herd_support import PATIENT_STORE, STATUS, told
from webtier_testing import wait_until

DOWN = "WT01"  # the client's own lines about servers that went and came


def stored(server, memcached, path="/", **options):
    """Sends one request and waits until what it brought is in memcached."""
    before = memcached.stats()["cmd_set"]
    answer = server.get(path, **options)
    wait_until(lambda: memcached.stats()["cmd_set"] > before)
    return answer


def with_memcached(httpd, origin, *memcacheds, more="", conf="", **options):
    # Without leases, which are items too and would be counted, and without copies in shared memory.
    names = " ".join(memcached.server for memcached in memcacheds)
    conf = f"TierCacheServer {names}\nTierCacheWait 0\nTierCacheLocalTTL 0\n{PATIENT_STORE}\n{conf}"
    return cached(httpd, origin, more, conf, **options)


def with_status(httpd, origin, *memcacheds, conf=""):
    names = " ".join(memcached.server for memcached in memcacheds)
    return httpd(modules=["cache", "status"], conf=f"TierCacheServer {names}\nTierCacheWait 0\nTierCacheLocalTTL 0\n{conf}",
                 vhost=f"{STATUS}TierCache on\nProxyPass / {origin.url}/")


def test_stored_and_served(httpd, app, memcached):
    origin, store = app(size=50_000, headers=FRESH), memcached()
    server = with_memcached(httpd, origin, store)
    first = stored(server, store)
    assert status_of(first) == ["webtier", "fwd=uri-miss"]
    second = server.get()
    assert is_hit(second) and second.body == first.body
    assert origin.count() == 1


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms(httpd, app, memcached, mpm):
    store = memcached()
    server = with_memcached(httpd, app(headers=FRESH), store, mpm=mpm)
    stored(server, store)
    assert is_hit(server.get())


def test_http2(httpd, app, memcached):
    store = memcached()
    server = with_memcached(httpd, app(size=30_000, headers=FRESH), store, http2=True)
    before = store.stats()["cmd_set"]
    assert len(server.h2get().body) == 30_000
    wait_until(lambda: store.stats()["cmd_set"] > before)
    assert is_hit(server.h2get())


def test_graceful_restart_under_load(httpd, app, memcached):
    """500 requests/s for 2 s with a graceful restart in them: no errors."""
    store = memcached()
    server = with_memcached(httpd, app(size=5000, headers=FRESH), store)
    load = server.load(rate=500, seconds=2, path=[f"/{n}" for n in range(20)])
    threading.Timer(0.4, lambda: server.graceful(wait=False)).start()
    report = load.join()
    assert report.errors == [] and report.total == 1000, str(report)


def test_web_boxes_share_what_is_stored(httpd, app, memcached):
    origin, store = app(headers={**FRESH, "Vary": "Accept"}), memcached()
    boxes = [with_memcached(httpd, origin, store, more="ServerName shop.test:80") for _ in range(2)]
    stored(boxes[0], store, host="shop.test", headers={"Accept": "a"})
    assert is_hit(boxes[1].get(host="shop.test", headers={"Accept": "a"}))
    boxes[1].get(host="shop.test", method="POST", body=b"")
    assert not is_hit(boxes[0].get(host="shop.test", headers={"Accept": "a"}))


def test_validation_keeps_the_body(httpd, app, memcached):
    store = memcached()
    origin = app(body=b"the body", etag="one", headers={"Cache-Control": "max-age=0"})
    server = with_memcached(httpd, origin, store)
    stored(server, store)
    origin.behave(body=b"the body", etag="one", headers=FRESH)
    confirmed = stored(server, store)
    assert status_of(confirmed)[1:3] == ["fwd=stale", "fwd-status=304"] and confirmed.body == b"the body"
    hit = server.get()
    assert is_hit(hit) and hit.body == b"the body"


def test_a_year_of_freshness_and_a_long_url(httpd, app, memcached):
    store = memcached()
    server = with_memcached(httpd, app(headers={"Cache-Control": "max-age=31536000"}), store)
    for path in ("/", "/" + "x" * 7000):
        stored(server, store, path)
        assert is_hit(server.get(path))


def test_the_largest_body_fits_an_item_of_memcached(httpd, app, memcached):
    store = memcached()
    origin = app(size=1000 * 1024, headers=FRESH)
    server = with_memcached(httpd, origin, store)
    first = stored(server, store)
    second = server.get()
    assert is_hit(second) and second.body == first.body


def test_larger_than_allowed_is_not_sent_to_memcached(httpd, app, memcached):
    store = memcached()
    server = with_memcached(httpd, app(size=1_100_000, headers=FRESH), store, more="TierCacheMaxSize 1M")
    assert status_of(server.get())[2:] == ["detail=too-large"]
    assert store.stats()["cmd_set"] == 0


def talk(store, request, end):
    """Sends raw bytes to memcached; returns what comes up to and with end."""
    with socket.create_connection(("127.0.0.1", store.port), 2) as stream:
        stream.sendall(request)
        data = b""
        while not data.endswith(end):
            data += stream.recv(65536)
    return data


def items_of(store):
    """Returns the set of keys in memcached.

    By its hash table: its lists of items by age ("all") tell an item twice, or not at all, that moves from one to the
    next meanwhile, as each new one does within a second.
    """
    lines = talk(store, b"lru_crawler metadump hash\r\n", b"END\r\n").decode().splitlines()
    return {line.split()[0].removeprefix("key=") for line in lines if line.startswith("key=")}


def new_item(store, known=frozenset()):
    """Waits for an item whose key is not among known; memcached counts a set before others see what it stores."""
    key, = wait_until(lambda: items_of(store) - known)
    return key


def put(store, key, value):
    talk(store, b"set %s 0 0 %d\r\n%s\r\n" % (key.encode(), len(value), value), b"STORED\r\n")


def fetch(store, key):
    head, _, rest = talk(store, b"get %s\r\n" % key.encode(), b"\r\nEND\r\n").partition(b"\r\n")
    return rest[:int(head.split()[3])]


DAMAGES = {
    "empty": lambda data: b"", "short": lambda data: b"WTC", "cut": lambda data: data[:-1], "longer": lambda data: data + b"x",
    "head": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "body": lambda data: data[:-3] + b"X" + data[-2:],
    "newer": lambda data: data[:3] + bytes([data[3] + 1]) + data[4:], "older": lambda data: data[:3] + bytes([data[3] - 1]) + data[4:],
    "garbage": lambda data: b"garbage" * 50}


def test_damaged_items_are_misses(httpd, app, memcached):
    origin, store = app(body=b"the right body", headers=FRESH), memcached()
    server = with_memcached(httpd, origin, store)
    known = set()
    for name, damage in DAMAGES.items():
        path = f"/{name}"
        stored(server, store, path)
        key = new_item(store, known)
        known.add(key)
        put(store, key, damage(fetch(store, key)))
        again = stored(server, store, path)
        assert why_forwarded(again) == "uri-miss" and again.body == b"the right body", name
        wait_until(lambda: is_hit(server.get(path)))


def test_an_item_of_another_key_is_a_miss(httpd, app, memcached):
    origin, store = app(body=b"a", headers=FRESH), memcached()
    server = with_memcached(httpd, origin, store)
    stored(server, store, "/a")
    key_a = new_item(store)
    origin.behave(body=b"b", headers=FRESH)
    stored(server, store, "/b")
    key_b = new_item(store, {key_a})
    put(store, key_b, fetch(store, key_a))
    answer = server.get("/b")
    assert not is_hit(answer) and answer.body == b"b"


def test_no_memcached_at_start(httpd, app, memcached):
    store = memcached()
    store.kill()
    server = with_memcached(httpd, app(body=b"x", headers=FRESH), store)
    server.allow_log(DOWN)
    assert [server.get().body for _ in range(5)] == [b"x"] * 5
    store.restart()
    wait_until(lambda: is_hit(server.get()))


def test_killed_and_restarted_under_load(httpd, app, memcached):
    """500 requests/s for 2.4 s; memcached is killed after 0.5 s and back, empty, 0.6 s later."""
    origin, store = app(size=1000, headers=FRESH), memcached()
    server = with_memcached(httpd, origin, store)
    server.allow_log(DOWN)
    stored(server, store)
    load = server.load(rate=500, seconds=2.4, path=[f"/{n}" for n in range(20)])
    threading.Timer(0.5, store.kill).start()
    threading.Timer(1.1, store.restart).start()
    report = load.join()
    assert report.errors == [] and report.total == 1200, str(report)
    wait_until(lambda: is_hit(server.get("/1")))
    assert len(server.log_lines(DOWN)) <= 4
def test_hung_under_load_costs_one_deadline(httpd, app, memcached):
    """250 requests/s for 2.4 s; memcached is stopped after 0.4 s and goes on 1.4 s later. A wait for it is 0.6 s."""
    origin, store = app(size=1000, headers=FRESH), memcached()
    server = with_status(httpd, origin, store, conf="TierCacheTimeout 600ms")
    server.allow_log(DOWN)
    stored(server, store)
    load = server.load(rate=250, seconds=2.4, path=[f"/{n}" for n in range(20)])
    threading.Timer(0.4, store.stop).start()
    threading.Timer(1.8, store.cont).start()
    report = load.join()
    assert report.errors == [] and report.total == 600, str(report)
    # Only the calls that were under way when it hung wait, once: 20 connections, and those that come behind them.
    assert told(server)["store_errors"]["timeout"] <= 40
    wait_until(lambda: is_hit(server.get("/1")))


class Babbler:
    """A server that answers every connection with the same bytes and keeps it open."""

    def __init__(self, answer):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(stream,), daemon=True).start()

    def _talk(self, stream):
        try:
            while stream.recv(65536):
                stream.sendall(self._answer)
        except OSError:
            pass

    def close(self):
        self._listener.close()


@pytest.mark.parametrize("answer", [b"\x00\xff garbage\r\n", b"VALUE x 0 10\r\nabc", b"SERVER_ERROR out of memory\r\n",
                                    b"VALUE wtc1-0 0 99999999999999999999\r\n", b"END\r\n" * 50],
                         ids=["bytes", "half", "error", "huge", "many"])
def test_garbage_of_memcached_is_a_miss(httpd, app, answer):
    babbler = Babbler(answer)
    server = with_status(httpd, app(body=b"right", headers=FRESH), babbler)
    server.allow_log(DOWN)
    answers = [server.get() for _ in range(10)]
    assert {(got.status, got.body) for got in answers} == {(200, b"right")}
    assert told(server)["store_errors"]["timeout"] <= 4
    babbler.close()


@pytest.mark.parametrize("args,what", [(["-m", "2", "-M"], "store_no_memory"), (["-m", "10"], "evictions")],
                         ids=["refuses", "evicts"])
def test_memcached_that_is_full(httpd, app, memcached, args, what):
    origin, store = app(size=100_000, headers=FRESH), memcached(args)
    server = with_memcached(httpd, origin, store)
    with server.session() as session:
        numbers = iter(range(1000))
        while store.stats()[what] < 5:
            assert len(session.get(f"/{next(numbers)}").body) == 100_000
    origin.behave(size=10, headers=FRESH)
    assert len(server.get("/small").body) == 10


def test_children_killed_while_storing(httpd, app, memcached):
    """Three children killed within a load of 150 requests/s; only requests inside them may fail."""
    origin, store = app(size=200_000, headers={"Cache-Control": "max-age=1"}), memcached()
    server = with_memcached(httpd, origin, store)
    server.allow_log("AH10392")  # httpd notices that its children are killed
    load = server.load(rate=150, seconds=2, path=[f"/{n}" for n in range(30)])
    for moment in (0.3, 0.6, 0.9):
        threading.Timer(moment, server.kill_child).start()
    report = load.join()
    assert len(report.errors) <= 60 and report.statuses[200] > 200, str(report)
    for number in range(30):
        assert len(server.get(f"/{number}").body) == 200_000
