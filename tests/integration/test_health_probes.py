# SPDX-License-Identifier: Apache-2.0
"""What probes send, and what they make of every kind of answer."""
import os
import socket
import statistics
import tempfile
import time

import pytest
from health_support import Script, answer, balancer, members, state, told
from webtier_testing import wait_until

ANSWERS = {
    "bad_status: status 404 Not Found": {"status": 404},
    "malformed: the answer does not begin with HTTP/1": {"garbage": b"SSH-2.0-OpenSSH_9.2\r\n"},
    "malformed: a zero byte in a header": {"garbage": b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"},
    "bad_status: status 101 Switching Protocols": {"garbage": b"HTTP/1.1 101 Switching Protocols\r\n\r\n"},
    "too_long: no end of the headers within 16384 bytes": {"garbage": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000},
    "closed: the member closed the connection after 0 bytes": {"close": True},
    "closed: the member closed the connection after 20 bytes": {"garbage": b"HTTP/1.1 200 OK\r\nX: "},
    "timeout: no whole answer within 80ms": {"hang": True},
}


@pytest.mark.parametrize("problem", ANSWERS)
def test_bad_answers(httpd, app, problem):
    bad = app()
    bad.behave("/health", **ANSWERS[problem])
    server = httpd(modules=["health", "status"], vhost=balancer([bad]))
    assert f"is down (was checking) after 3 consecutive failures: {problem}" in server.wait_log("WT1001")[0]
    assert members(server)[bad.url]["last_result"].startswith(problem)


def test_body_is_not_waited_for(httpd, app):
    slow = app()
    slow.behave("/health", body=b"x" * 1000, drip=(1, 0.1))
    server = httpd(modules=["health", "status"], vhost=balancer([slow]))
    server.wait_log("WT1002")


def test_request(httpd):
    check = 'http method=HEAD "uri=/up?probe=1" host=shop.example:8443 status=204 interval=100ms'
    with Script(lambda n: answer(204, b"")) as member:
        server = httpd(modules=["health", "status"], vhost=balancer([member], check))
        server.wait_log("WT1002")
        lines = member.requests[0].decode().split("\r\n")
    assert lines[0] == "HEAD /up?probe=1 HTTP/1.1" and lines[-2:] == ["", ""]
    headers = dict(line.split(": ", 1) for line in lines[1:-2])
    assert headers["Host"] == "shop.example:8443" and headers["Connection"] == "close"
    assert headers["User-Agent"].startswith("webtier-health/")


def test_host_is_the_members_own(httpd, app):
    member = app()
    server = httpd(modules=["health", "status"], vhost=balancer([member]))
    server.wait_log("WT1002")
    assert member.requests("/health")[0]["headers"]["host"] == f"127.0.0.1:{member.port}"


def test_tcp(httpd, app):
    member = app()
    member.behave(status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([member], "tcp interval=100ms fall=2"))
    assert "after 1 pass: connected" in server.wait_log("WT1002")[0]
    assert member.requests() == []
    member.kill()
    assert "after 2 consecutive failures: refused: could not connect" in server.wait_log("WT1001")[0]


def test_unix_socket(httpd):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = f"{folder}/app.sock"
        with Script(lambda n: answer(), path) as member:
            os.chmod(path, 0o777)  # the server's user is another than the test's
            server = httpd(modules=["health", "status"], vhost=balancer([member]))
            assert f"member unix:{path}|http://localhost is up" in server.wait_log("WT1002")[0]
            assert server.get("/").body == b"ok"
        assert "refused: could not connect" in server.wait_log("WT1001")[0]


def test_name_without_address(httpd, app):
    good = app()
    nowhere = "http://no-such-host.invalid:8080"
    server = httpd(modules=["health", "status"], vhost=balancer([nowhere, good]))
    server.allow_log("WT1004", "AH00898", "DNS lookup failure")
    assert "after 3 consecutive failures: unresolved" in server.wait_log("WT1001", timeout=20)[0]
    assert state(server, good) == "up"
    # The member that can be reached is probed at its interval all the while.
    times = [request["time"] for request in good.requests("/health")]
    assert max(after - before for before, after in zip(times, times[1:])) < 0.25
    assert len(server.log_lines("WT1004")) <= 1


def test_name_with_two_addresses(httpd, app):
    """localhost is ::1 too, where nothing listens: the address that answers counts."""
    member = app()
    url = f"http://localhost:{member.port}"
    server = httpd(modules=["health", "status"], vhost=balancer([url]))
    server.wait_log("WT1002")
    assert members(server)[url]["last_result"] == "status 200 OK"


def test_period_and_spread(httpd, app):
    apps = [app() for _ in range(4)]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, "http uri=/health interval=200ms"))
    time.sleep(2.4)
    firsts = sorted(one.requests("/health")[0]["time"] for one in apps)
    assert firsts[-1] - firsts[0] > 0.1
    for one in apps:
        times = [request["time"] for request in one.requests("/health")]
        # The middle one: a machine that sleeps for a moment delays a probe or leaves one out.
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        assert abs(statistics.median(gaps) - 0.2) < 0.01
    assert server.log_lines("WT1001") == []


def test_hung_members_delay_nobody(httpd, app):
    """A listener that accepts nothing and one that answers nothing beside a good one."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        good = app()
        bad = [f"http://127.0.0.1:{deaf.getsockname()[1]}/{n}" for n in range(5)]
        server = httpd(modules=["health", "status"],
                       vhost=balancer([*bad, good], "http uri=/health interval=100ms timeout=100ms"))
        server.wait_log("WT1001", count=5)
        times = [request["time"] for request in good.requests("/health")]
        assert max(after - before for before, after in zip(times, times[1:])) < 0.2


def test_status_page(httpd, app):
    good, bad = app(), app()
    bad.behave("/health", status=503)
    server = httpd(modules=["health", "status"], vhost=balancer([good, bad]))
    server.wait_log("WT1001")
    balancers = told(server)["balancers"]
    assert [(one["name"], one["members_up"], one["members_down"], one["mood"]) for one in balancers] == [
        ("balancer://app", 1, 1, "degraded")]
    member = members(server)[bad.url]
    assert member["check"] == "http GET /health every 100ms, timeout 80ms, rise 2, fall 3"
    assert member["probes"] >= 3 and member["probes_failed"] == member["probes"]
    assert member["recent"].strip("-") == "" and member["history"][0]["to"] == "down"
    assert member["history"][0]["reason"] == "bad_status: status 503 Service Unavailable"
    assert 0 < members(server)[good.url]["latency"] < 0.08
    metrics = server.get("/tier-status/metrics").body.decode()
    assert f'members_down{{balancer="balancer://app"}} 1' in metrics
    wait_until(lambda: members(server)[good.url]["probes"] > 5)
