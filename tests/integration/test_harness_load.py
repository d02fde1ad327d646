# SPDX-License-Identifier: Apache-2.0
"""Load: it makes the requests it should, and sees every fault."""
import contextlib
import functools
import socket
import threading
import time

import pytest

from webtier_testing import Load, pattern, wait_until


@pytest.fixture
def load(workspace):
    """Factory of loads on servers that are no httpd."""
    return functools.partial(Load, workspace)


def test_counts_paths_and_bodies(httpd, app):
    a = app(size=500)
    s = httpd(vhost=f"ProxyPass / {a.url}/")
    report = s.load(rate=400, seconds=1, path=["/a", "/b"], expect_body=pattern(500)).join()
    assert (report.total, report.errors, report.statuses) == (400, [], {200: 400})
    assert (a.count("/a"), a.count("/b")) == (200, 200)
    assert len(report.latencies) == 400 and 0 < report.p(50) <= report.p(99) <= report.latencies[-1]


@pytest.mark.parametrize("settings, what", [
    ({"status": 500}, "status 500"), ({"size": 90, "truncate": 10}, "within the body"),
    ({"size": 90, "truncate": 10, "chunked": True}, "within the body"), ({"close": True}, "closed without an answer"),
    ({"garbage": b"HTTP/1.1 2"}, "within the head"), ({"garbage": b"rubbish\r\n\r\n"}, "no status line"),
    ({"hang": True}, "no complete answer"), ({"body": b"other"}, "wrong body"),
])
def test_sees_each_fault(app, load, settings, what):
    a = app(**settings)
    report = load(a.url, rate=20, seconds=0.5, connections=10, timeout=0.3 if "hang" in settings else 30, expect_body=b"right").join()
    assert report.total == len(report.errors) == 10
    assert all(what in reason and at >= 0 for at, reason in report.errors), report


def test_it_ends_when_the_test_has_seen_enough(app, load):
    a = app()
    running = load(a.url, rate=200, seconds=50)
    wait_until(lambda: a.count() > 20)
    report = running.finish()
    assert report.errors == [] and 20 < report.total == a.count() < 10000
    assert running.finish() is report


def test_the_rate_holds_while_answers_are_slow(app, load):
    a = app(delay=0.3)
    report = load(a.url, rate=100, seconds=1, connections=60).join()
    assert report.errors == [] and report.p(50) >= 0.3
    times = [request["time"] for request in a.requests()]
    assert max(times) - min(times) < 1.2


def test_waiting_for_a_free_connection_counts_as_latency(app, load):
    a = app(delay=0.1)
    report = load(a.url, rate=20, seconds=1, connections=1).join()
    assert report.latencies[-1] > 0.8


def test_connections_the_server_ends_are_replaced(httpd):
    s = httpd(conf="MaxKeepAliveRequests 3")
    (s.docroot / "a").write_text("x")
    report = s.load(rate=100, seconds=0.5, path="/a", connections=2).join()
    assert (report.errors, report.races) == ([], 0) and 50 // 4 <= report.connections <= 50 // 2


def test_a_keepalive_race_is_tried_again_and_counted(load):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=answer_once_a_connection, args=(listener, 21), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        report = load(url, rate=100, seconds=0.2, connections=1).join()
    assert (report.total, report.errors, report.races, report.connections) == (20, [], 19, 20)


def answer_once_a_connection(listener, connections):
    """Answers the first request of each connection as if it would be kept, and closes when the second comes."""
    for _ in range(connections):
        stream, _ = listener.accept()
        with stream:
            stream.recv(1000)
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            stream.recv(1000)


def test_a_server_that_dies_and_comes_back(app, load):
    a = app()
    running = load(a.url, rate=200, seconds=1.5)
    time.sleep(0.5)
    a.kill()
    time.sleep(0.3)
    a.restart()
    report = running.join()
    assert report.total == 300 and report.statuses[200] + len(report.errors) == 300
    assert report.errors and all("Refused" in reason or "closed" in reason or "Reset" in reason
                                 for _, reason in report.errors), report


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_methods(app, load, method):
    a = app(body=b"x")
    report = load(a.url, rate=50, seconds=0.4, method=method, body=b"sent" if method == "POST" else None).join()
    assert report.errors == [] and report.total == 20
    assert {(request["method"], request["body"]) for request in a.requests()} == {
        (method, b"sent" if method == "POST" else b"")}
