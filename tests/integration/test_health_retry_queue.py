# SPDX-License-Identifier: Apache-2.0
"""The waiting room: all members are down for a moment, and requests wait for the first to return."""
import socket
import struct
import threading
import time

import pytest
from health_retry_support import retrying, traffic
from health_support import FAST, state
from webtier_testing import wait_until

CHECK = f"http uri=/health {FAST}"


def all_down(httpd, app, more, check=CHECK, count=2):
    """A server whose members are all down, and the members."""
    apps = [app() for _ in range(count)]
    server = retrying(httpd, apps, more=more, check=check)
    server.allow_log("AH01170", "AH01167", "AH10400")
    server.wait_log("WT1002", count=count)
    for each in apps:
        each.kill()
    wait_until(lambda: all(state(server, each) == "down" for each in apps))
    return server, apps


def ask(server, answers, method="GET", body=None):
    thread = threading.Thread(
        target=lambda: answers.append((server.get("/", method=method, body=body, timeout=10), time.monotonic())))
    thread.start()
    return thread


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_waiting_requests_go_to_the_first_that_is_back(httpd, app, method):
    server, apps = all_down(httpd, app, "TierHealthQueueTimeout 5s\nTierHealthRetry on")
    answers = []
    body = b"mine" if method == "POST" else None
    threads = [ask(server, answers, method, body) for _ in range(5)]
    wait_until(lambda: len(threads) == 5)
    time.sleep(0.5)
    assert answers == []
    apps[0].restart()
    wait_until(lambda: state(server, apps[0]) == "up")
    returned = time.monotonic()
    for thread in threads:
        thread.join()
    assert [got.status for got, _ in answers] == [200] * 5
    # Within 100 ms of the return, on a machine that has time for it; not at the end of the five seconds.
    assert max(at for _, at in answers) - returned < 2
    assert [request["body"] for request in apps[0].requests("/")] == [body or b""] * 5
    assert traffic(server)["queued"] == 5 and traffic(server)["admitted"] == 5


def test_wait_ends(httpd, app):
    server, _ = all_down(httpd, app, "TierHealthQueueTimeout 400ms")
    begun = time.monotonic()
    assert server.get("/").status == 503
    assert time.monotonic() - begun > 0.35


def test_room_is_bounded(httpd, app):
    server, _ = all_down(httpd, app, "TierHealthQueueTimeout 1s\nTierHealthQueueMax 1")
    answers = []
    begun = time.monotonic()
    threads = [ask(server, answers) for _ in range(12)]
    for thread in threads:
        thread.join()
    assert {got.status for got, _ in answers} == {503}
    # Three children have one place each.
    assert 1 <= sum(at - begun > 0.8 for _, at in answers) <= 3
    assert traffic(server)["queue_full"] >= 9


def test_members_that_die_under_a_request(httpd, app):
    """Without checks mod_proxy itself takes them out of service, and back after retry= seconds."""
    apps = [app(), app()]
    server = retrying(httpd, [f'{each.url}" "retry=1' for each in apps],
                      more="TierHealthQueueTimeout 5s\nTierHealthRetry on")
    server.allow_log("AH01170")
    for each in apps:
        each.kill()
    answers = []
    thread = ask(server, answers)
    time.sleep(0.4)
    apps[1].restart()
    thread.join()
    assert answers[0][0].status == 200


def test_client_that_is_gone_frees_its_place(httpd, app):
    server, _ = all_down(httpd, app, "TierHealthQueueTimeout 20s")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.3)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: traffic(server)["queued"] == 1, timeout=2)


def test_all_down_and_back_under_load(httpd, app):
    server, apps = all_down(httpd, app, "TierHealthQueueTimeout 5s\nTierHealthRetry on\nTierHealthQueueMax 32")
    load = server.load(rate=50, seconds=1.5, connections=80)
    time.sleep(0.7)
    apps[1].restart()
    report = load.join()
    assert report.errors == [], report
