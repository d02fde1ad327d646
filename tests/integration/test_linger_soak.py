# SPDX-License-Identifier: Apache-2.0
"""Load on lingering connections while httpd restarts, loses children, changes its mind. The long one is a benchmark."""
import time

from linger_support import STATUS, counters
from webtier_testing import pattern, wait_until

CONF = "TestFloor quick /small 100\nTierLinger {time}\nKeepAliveTimeout 2"


def start(httpd, time="200ms", **options):
    server = httpd(modules=["linger", "status", "test_floor"], conf=CONF.format(time=time), vhost=STATUS, **options)
    (server.docroot / "file").write_bytes(pattern(20000))
    return server


def everybody_left(server):
    """Says whether all connections but the one that asks are gone from httpd's account, and no old child remains."""
    told = server.get("/tier-status/json")
    return b'"processes_leaving": 0' in told.body and b'"workers_busy": 1,' in told.body


def test_graceful_restarts_under_load(httpd):
    server = start(httpd)
    load = server.load(rate=1200, seconds=4, path="/small", connections=8, expect_body=b"f" * 100)
    for _ in range(5):
        time.sleep(0.6)
        server.graceful()
    report = load.join()
    assert report.errors == []
    assert counters(server)["hits"] > report.total / 10
    wait_until(lambda: everybody_left(server), 10)


def test_lingering_switched_off_and_on_by_restarts(httpd):
    server = start(httpd)
    load = server.load(rate=600, seconds=4, path=["/small", "/file"], connections=8)
    for setting in ("off", "1ms", "off", "100ms"):
        server.reconfigure(conf=CONF.format(time=setting))
        server.graceful()
        time.sleep(0.6)
    assert load.join().errors == []
    assert counters(server)["state"] == "on"


def test_children_killed_under_load(httpd):
    """A killed child takes its connections with it, and nothing else: the next request is answered."""
    server = start(httpd)
    load = server.load(rate=600, seconds=3, path="/small", connections=8, expect_body=b"f" * 100)
    for _ in range(3):
        time.sleep(0.6)
        server.kill_child()
    report = load.join()
    assert len(report.errors) <= 3 * 8
    assert server.get("/small").status == 200


def test_tls_under_load(httpd):
    server = start(httpd, tls=True)
    load = server.load(rate=600, seconds=3, path=["/small", "/file"], connections=8)
    time.sleep(1)
    server.graceful()
    report = load.join()
    assert report.errors == []
    assert counters(server)["hits"] > report.total / 10
