# SPDX-License-Identifier: Apache-2.0
"""Faults of memcached servers and of boxes that share them: what is lost, what is slow, what is mixed up."""
import socket
import threading
import time

import pytest
from cache_support import FRESH, cached, is_hit
from herd_support import PATIENT_STORE, herded, told
from webtier_testing import pattern, wait_until

DOWN = "WT01"  # the client's own lines about servers that went and came


def with_memcached(httpd, origin, *names, more="", conf="", **options):
    # Without leases and copies in shared memory: each hit is one of memcached.
    conf = f"TierCacheServer {' '.join(names)}\nTierCacheWait 0\nTierCacheLocalTTL 0\n{PATIENT_STORE}\n{conf}"
    return cached(httpd, origin, more, conf, **options)


def test_one_of_four_servers_lost_moves_a_quarter(httpd, app, memcached):
    origin, stores = app(size=100, headers=FRESH), [memcached() for _ in range(4)]
    server = with_memcached(httpd, origin, *(store.server for store in stores))
    server.allow_log(DOWN)
    paths = [f"/{number}" for number in range(200)]
    with server.session() as session:
        for path in paths:
            session.get(path)
        wait_until(lambda: sum(store.stats()["curr_items"] for store in stores) >= len(paths))
        lost = stores[0].stats()["curr_items"]
        stores[0].kill()
        hits = sum(is_hit(session.get(path)) for path in paths)
    assert 20 <= lost <= 90, "ketama spreads the keys"
    assert hits == len(paths) - lost, "the keys of the other three stay where they are"
    assert len(server.log_lines(DOWN)) == 1


def test_hits_are_back_within_a_second(httpd, app, memcached):
    origin, store = app(size=100, headers=FRESH), memcached()
    server = with_memcached(httpd, origin, store.server)
    server.allow_log(DOWN)
    server.get()
    wait_until(lambda: is_hit(server.get()))
    store.kill()
    assert not is_hit(server.get())
    store.restart()
    began = time.monotonic()
    wait_until(lambda: is_hit(server.get()))
    assert time.monotonic() - began < 10  # one second, on a machine that has nothing else to do


class Delaying:
    """Stands between httpd and a memcached, and holds each answer back for a while."""

    def __init__(self, port, delay):
        self.delay = delay
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._port))
            for source, sink, waits in ((client, there, False), (there, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, waits), daemon=True).start()

    def _pass(self, source, sink, waits):
        try:
            while data := source.recv(65536):
                if waits:
                    time.sleep(self.delay)
                sink.sendall(data)
        except OSError:
            pass
        sink.close()

    def close(self):
        self._listener.close()


def test_a_slow_memcached_is_waited_for(httpd, app, memcached):
    """Within TierCacheTimeout answers count, however slow: no client sees anything but the time."""
    origin, store = app(size=5000, headers=FRESH), memcached()
    slow = Delaying(store.port, 0.02)
    server = with_memcached(httpd, origin, slow.server)
    first = server.get()
    wait_until(lambda: is_hit(server.get()))
    answers = [server.get() for _ in range(10)]
    assert all(is_hit(answer) and answer.body == first.body for answer in answers)
    assert origin.count() <= 3 and server.log_lines(DOWN) == []
    slow.close()


def test_a_slow_memcached_under_load(httpd, app, memcached):
    """120 requests/s for 1.5 s, each of which waits 20 ms and more for memcached: late, and nothing else."""
    origin, store = app(size=5000, headers=FRESH), memcached()
    slow = Delaying(store.port, 0.02)
    server = with_memcached(httpd, origin, slow.server)
    paths = [f"/{number}" for number in range(20)]
    for path in paths:
        server.get(path)
    wait_until(lambda: store.stats()["curr_items"] >= len(paths))
    report = server.load(rate=120, seconds=1.5, path=paths, expect_body=pattern(5000)).join()
    assert report.errors == [] and report.total == 180, str(report)
    assert report.latencies[0] >= 0.02, "each asked memcached"
    assert origin.count() == len(paths) and server.log_lines(DOWN) == []
    slow.close()


def test_one_that_is_too_slow_costs_one_deadline(httpd, app, memcached):
    """Every answer comes after the deadline: a request or two wait for it, the others go to the origin at once."""
    origin, store = app(size=5000, headers=FRESH), memcached()
    slow = Delaying(store.port, 1.0)
    server = with_memcached(httpd, origin, slow.server, conf="TierCacheTimeout 200ms")
    server.allow_log(DOWN)
    answers = [server.get() for _ in range(30)]
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.elapsed > 0.19 for answer in answers) <= 4
    assert len(server.log_lines(DOWN)) <= 2
    slow.close()


def test_one_that_is_slow_is_given_up(httpd, app, memcached):
    """Every answer takes more than half of the deadline, 150 requests/s for 2 s: a few calls wait, then none does until it
    is fast again."""
    origin, store = app(size=5000, headers=FRESH), memcached()
    slow = Delaying(store.port, 0.25)
    server = herded(httpd, origin, "TierCacheWait 0",
                    f"TierCacheServer {slow.server}\nTierCacheLocalTTL 0\nTierCacheTimeout 400ms")
    server.allow_log(DOWN)
    report = server.load(rate=150, seconds=2, path=[f"/{number}" for number in range(50)], expect_body=pattern(5000),
                         timeout=30).join()
    assert report.errors == [] and report.total == 300, str(report)
    after = told(server)
    calls, opened = sum(after["memcached_calls"].values()), after["servers"][0]["failures"]
    # Those that open it, and those that were under way on the other connections.
    assert opened >= 1 and calls <= 60 * opened and after["servers"][0]["not_asked"] >= report.total, after
    slow.delay = 0
    wait_until(lambda: is_hit(server.get("/1")))
    slow.close()


@pytest.mark.parametrize("size", [3000, 1_500_000], ids=["an item", "parts"])
def test_two_boxes_that_write_the_same_key(httpd, app, memcached, size):
    """Both boxes store it again and again, each from its own origin: every answer is one of the two, whole."""
    bodies, store = [letter * size for letter in (b"a", b"b")], memcached(["-m", "256"])
    origins = [app(body=body, headers={"Cache-Control": "max-age=60"}) for body in bodies]
    boxes = [with_memcached(httpd, origin, store.server, more="ServerName shop.test:80")
             for origin in origins]
    seen = []

    def ask(box, fields):
        with box.session() as session:
            for _ in range(12):
                seen.append(session.get("/page", host="shop.test", headers=fields).body)

    writers = [threading.Thread(target=ask, args=(box, {"Cache-Control": "no-cache"})) for box in boxes]
    readers = [threading.Thread(target=ask, args=(box, {})) for box in boxes]
    for thread in writers + readers:
        thread.start()
    for thread in writers + readers:
        thread.join()
    assert len(seen) == 48 and all(body in bodies for body in seen)


def test_a_lasting_fault_is_one_line(httpd, app, memcached):
    """300 requests/s for 1.5 s while memcached refuses all the time, in two children and more: one line."""
    origin, store = app(size=100, headers=FRESH), memcached()
    store.kill()
    server = with_memcached(httpd, origin, store.server)
    server.allow_log(DOWN)
    report = server.load(rate=300, seconds=1.5, path=[f"/{number}" for number in range(50)]).join()
    assert report.errors == [] and report.total == 450, str(report)
    assert len(server.log_lines(DOWN)) == 1
