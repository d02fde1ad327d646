# SPDX-License-Identifier: Apache-2.0
"""Faults with shared memory as the store, under load, and what clients saw of them."""
import threading

from cache_support import FRESH, asked_twice, cached


def test_children_killed_while_storing(httpd, app):
    """150 requests/s of bodies that are stored again and again for 2 s; five children are killed within that time."""
    origin = app(size=100_000, headers={"Cache-Control": "max-age=0", "ETag": '"changing"'})
    server = cached(httpd, origin, conf="TierCacheSize 2M")
    server.allow_log("AH10392")  # httpd notices that its children are killed
    load = server.load(rate=150, seconds=2, path=[f"/{n}" for n in range(50)])
    for moment in range(5):
        threading.Timer(0.3 * (moment + 1), server.kill_child).start()
    report = load.join()
    # A killed child takes with it the requests it had in hand: up to 20 connections each time.
    assert len(report.errors) <= 100 and report.statuses[200] > 200, str(report)
    for number in range(50):
        assert len(server.get(f"/{number}").body) == 100_000
    origin.behave(size=1000, headers=FRESH)
    assert all(asked_twice(server, f"/new/{number}") for number in range(20))


def test_graceful_restart_under_load(httpd, app):
    """500 requests/s for 2 s with a graceful restart in them: no errors, and what was stored stays."""
    origin = app(size=5000, headers=FRESH)
    server = cached(httpd, origin)
    load = server.load(rate=500, seconds=2, path=[f"/{n}" for n in range(20)])
    threading.Timer(0.4, lambda: server.graceful(wait=False)).start()
    report = load.join()
    assert report.errors == [] and report.total == 1000, str(report)
    assert origin.count() < 60, "the restart lost what was stored"


def test_origin_killed_under_load(httpd, app):
    """500 requests/s of fresh pages for a second; the origin is killed after 0.3 s."""
    origin = app(size=5000, headers=FRESH)
    server = cached(httpd, origin)
    for number in range(20):
        assert asked_twice(server, f"/{number}")
    load = server.load(rate=500, seconds=1, path=[f"/{n}" for n in range(20)])
    threading.Timer(0.3, origin.kill).start()
    report = load.join()
    assert report.errors == [] and report.total == 500, str(report)
