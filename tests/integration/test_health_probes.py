# SPDX-License-Identifier: Apache-2.0
"""What probes send, and what they make of every kind of answer."""
import os
import socket
import statistics
import tempfile

import pytest
from health_support import FAST, Script, answer, balancer, members, state, told
from webtier_testing import wait_until

ANSWERS = {
    "bad_status: status 404 Not Found": {"status": 404},
    "malformed: the answer does not begin with HTTP/1": {"garbage": b"SSH-2.0-OpenSSH_9.2\r\n"},
    "malformed: a zero byte in a header": {"garbage": b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"},
    "bad_status: status 101 Switching Protocols": {"garbage": b"HTTP/1.1 101 Switching Protocols\r\n\r\n"},
    "too_long: no end of the headers within 16384 bytes": {"garbage": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000},
    "closed: the connection was closed after 0 bytes": {"close": True},
    "closed: the connection was closed after 20 bytes": {"garbage": b"HTTP/1.1 200 OK\r\nX: "},
    "timeout: no whole answer within 400ms": {"hang": True},
    "wrong_protocol: the member speaks TLS": {"garbage": b"\x15\x03\x01\x00\x02\x02\x46"},
    "wrong_protocol: the answer begins with a zero byte, as frames of HTTP/2": {"garbage": b"\0\0\x12\4\0\0\0\0\0"},
    "wrong_protocol: the member answers without a status line": {"garbage": b"<html>HTTP/0.9</html>"},
    "bad_status: status 302 Found, to /login": {"status": 302, "headers": {"Location": "/login"}},
}


def one_member_each(httpd, app, cases, check):
    """Returns a server of which each member has a health URL that behaves as a case says, and the members' URLs."""
    backend = app()
    for number, behaviour in enumerate(cases.values()):
        backend.behave(f"/health/{number}", **behaviour)
    urls = [f"{backend.url}/{number:02}" for number in range(len(cases))]  # to mod_proxy /1 is the worker of /10 too
    checks = "\n".join(f"TierHealthCheck {check} uri=/health/{number} member={url}" for number, url in enumerate(urls))
    return httpd(modules=["health", "status"], vhost=balancer(urls, "", more=checks)), urls


def test_bad_answers(httpd, app):
    server, urls = one_member_each(httpd, app, ANSWERS, f"http {FAST} status=200-299")
    lines = server.wait_log("WT1001", count=len(urls))
    found = members(server)
    for problem, url in zip(ANSWERS, urls):
        line = next(line for line in lines if f"member {url} is" in line)
        assert f"is down (was checking) after 3 consecutive failures: {problem}" in line
        assert found[url]["last_result"].startswith(problem)


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


BODIES = {
    "status 200 OK": {"body": b"cache: no\ndb: ok\nall good"},
    "status 200 OK ": {"body": b"db: ok\nall good", "chunked": True},
    "no_match: status 200 OK, but the body's 17 bytes lack what body= asks for": {"body": b"db: ok\nall is bad"},
    "no_match: status 200 OK, but the body's 15 bytes do not fit match=": {"body": b"db: no\nall good"},
    "no_match: status 200 OK, but the body's first 1024 bytes lack": {"body": b"x" * 2000},
    "closed: the connection was closed before the end of the body": {"size": 500, "truncate": 100},
    "malformed: no telling where the body ends": {
        "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"},
    "timeout: no whole answer": {"body": b"x" * 1000, "drip": (1, 0.1)},
}


def test_bodies(httpd, app):
    server, urls = one_member_each(httpd, app, BODIES, f'http {FAST} limit=1K "body=all good" "match=(?m)^db: ok$"')
    server.wait_log("WT1002", count=2)
    server.wait_log("WT1001", count=len(urls) - 2)
    found = members(server)
    for result, url in zip(BODIES, urls):
        assert found[url]["last_result"].startswith(result.strip()), (result, found[url])
        assert found[url]["state"] == ("up" if result.startswith("status") else "down")


class Keeper(Script):
    """Answers up to `most` requests on a connection; counts both."""

    def __init__(self, most):
        self.most = most
        self.connections = self.count = 0
        super().__init__(None)

    def _talk(self, connection, number):
        self.connections += 1
        for _ in range(self.most):
            if not connection.recv(4096):
                return
            self.count += 1
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


# Each pass contradicts the state, so that it is asked again soon, and has its time on a busy machine all the same.
CHEAP = "http interval=5s suspect=50ms timeout=5s initial=down rise=1000 reuse=5"


def test_connections_are_kept(httpd, app):
    """A member that closes them earlier than the check does costs no probe."""
    other = app()  # in service, or the first pass would bring the others up
    with Keeper(100) as patient, Keeper(3) as impatient:
        server = httpd(modules=["health", "status"],
                       vhost=balancer([patient, impatient, other], CHEAP, more=f"TierHealthCheck off member={other.url}"))
        wait_until(lambda: min(patient.count, impatient.count) >= 20)
        for member, most in ((patient, 5), (impatient, 3)):
            connections, count = member.connections, member.count
            assert count / most - 1 <= connections <= count / most + 2
        assert {member["probes_failed"] for member in members(server).values()} == {0}


def test_any_method_and_headers(httpd):
    check = 'http method=PROPFIND "header=Depth: 0" "header=User-Agent: probe" interval=100ms'
    with Script(lambda n: answer()) as member:
        server = httpd(modules=["health", "status"], vhost=balancer([member], check))
        server.wait_log("WT1002")
        lines = member.requests[0].decode().split("\r\n")
    assert lines[0] == "PROPFIND / HTTP/1.1"
    assert lines.count("Depth: 0") == 1 and [line for line in lines if "User-Agent" in line] == ["User-Agent: probe"]


def test_intervals_by_state(httpd, app):
    """1.2 s when all is well; 50 ms from the first failure to the third; 150 ms until it passes; 50 ms again."""
    member = app()
    check = "http uri=/health interval=1200ms suspect=50ms down=150ms timeout=45ms fall=3 rise=3"
    server = httpd(modules=["health", "status"], vhost=balancer([member], check))
    server.wait_log("WT1002")
    server.graceful()  # the next leader keeps the due time
    wait_until(lambda: member.count("/health") == 2)
    times = [request["time"] for request in member.requests("/health")]
    assert times[1] - times[0] > 0.6
    assert members(server)[member.url]["check"] == (
        "http GET /health every 1200ms (suspect 50ms) (down 150ms), timeout 45ms, rise 3, fall 3")
    member.behave("/health", status=500)
    server.wait_log("WT1001")
    times = [request["time"] for request in member.requests("/health")][2:5]
    assert times[2] - times[0] < 2.3  # two of the usual ones are more
    wait_until(lambda: member.count("/health") > 8)
    times = [request["time"] for request in member.requests("/health")][5:9]
    assert (times[-1] - times[0]) / 3 > 0.1
    member.behave("/health", status=200)
    server.wait_log("WT1002", count=2)


def test_templates_and_members_of_their_own(httpd, app):
    a, b, c, d = app(), app(), app(), app()
    for one in (a, b, c, d):
        one.behave("/health", status=500)
    a.behave("/up", status=200)
    more = f"""TierHealthCheck tcp interval=100ms member={b.url}
        TierHealthCheck off member={c.url}
        TierHealthCheck web uri=/health status=500 member={d.url}"""
    server = httpd(modules=["health", "status"], conf=f"TierHealthCheckTemplate web http uri=/up {FAST}",
                   vhost=balancer([a, b, c, d], "web", more=more))
    server.wait_log("WT1002", count=3)
    checks = {url: member["check"] for url, member in members(server).items()}
    assert checks[a.url].startswith("http GET /up every 400ms (suspect 100ms) (down 100ms), timeout 400ms")
    assert checks[b.url].startswith("tcp every 100ms") and checks[c.url] == "none, live traffic only"
    assert checks[d.url].startswith("http GET /health")
    assert {member["state"] for member in members(server).values()} == {"up"}
    assert not b.count() and not c.count() and a.count("/up") and d.count("/health")


@pytest.mark.parametrize("initial", ["up", "down"])
def test_initial_state(httpd, app, initial):
    """A member that hangs: the probe that would tell takes longer than this test."""
    member = app()
    member.behave("/health", hang=True)
    check = f"http uri=/health interval=3s timeout=3s initial={initial}"
    server = httpd(modules=["health", "status"], vhost=balancer([member], check))
    wait_until(lambda: state(server, member) == initial)
    server.allow_log("AH01170")  # all members are in error state
    assert server.get("/").status == (200 if initial == "up" else 503)


def test_probe_of_another_port(httpd, app):
    member, judge = app(), app()
    member.behave("/health", status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([member], f"http uri=/health port={judge.port} {FAST}"))
    server.wait_log("WT1002")
    judge.kill()
    assert "refused" in server.wait_log("WT1001")[0]
    assert not member.count("/health")


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
    wait_until(lambda: state(server, good) == "up")
    # The member that can be reached is probed all the while.
    wait_until(lambda: members(server)[good.url]["probes"] >= 3)
    assert len(server.log_lines("WT1004")) <= 1


def test_name_with_two_addresses(httpd, app):
    """localhost is ::1 too, where nothing listens: the address that answers counts."""
    member = app()
    url = f"http://localhost:{member.port}"
    server = httpd(modules=["health", "status"], vhost=balancer([url]))
    server.wait_log("WT1002")
    assert members(server)[url]["last_result"] == "status 200 OK"


def widest(phases, period):
    """Returns the widest gap between phases of a period."""
    phases = sorted(phases)
    return max(later - earlier for earlier, later in zip(phases, [*phases[1:], phases[0] + period]))


def test_period_and_spread(httpd, app):
    apps = [app() for _ in range(4)]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, "http uri=/health interval=200ms"))
    wait_until(lambda: all(one.count("/health") > 6 for one in apps))
    times = [[request["time"] for request in one.requests("/health")] for one in apps]
    # Evenly over the period: in one round at least, since a machine that sleeps for a moment makes them come together.
    assert min(widest([one[-number] % 0.2 for one in times], 0.2) for number in range(1, 6)) < 0.15
    # The middle one: such a machine delays a probe or leaves one out. How exact they are is for build/bench to say.
    for one in times:
        assert 0.1 < statistics.median(later - earlier for earlier, later in zip(one, one[1:])) < 0.4


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
        wait_until(lambda: good.count("/health") > 4)
        times = [request["time"] for request in good.requests("/health")]
        # Five that take all of their time, one after the other, would leave it one probe in half a second.
        assert statistics.median(after - before for before, after in zip(times, times[1:])) < 0.4


def test_status_page(httpd, app):
    good, bad = app(), app()
    bad.behave("/health", status=503)
    server = httpd(modules=["health", "status"], vhost=balancer([good, bad]))
    server.wait_log("WT1001")
    balancers = told(server)["balancers"]
    assert [(one["name"], one["members_up"], one["members_down"], one["mood"]) for one in balancers] == [
        ("balancer://app", 1, 1, "degraded")]
    member = members(server)[bad.url]
    assert member["check"] == "http GET /health every 400ms (suspect 100ms) (down 100ms), timeout 400ms, rise 2, fall 3"
    assert member["probes"] >= 3 and member["probes_failed"] == member["probes"]
    assert member["recent"].strip("-") == "" and member["history"][0]["to"] == "down"
    assert member["history"][0]["reason"] == "bad_status: status 503 Service Unavailable"
    last = member["probe_history"][0]
    assert last["outcome"] == "failed" and last["result"] == "bad_status: status 503 Service Unavailable"
    assert 0 < last["latency"] < 5 and last["when"] == member["last_probe"]
    assert 0 < members(server)[good.url]["latency"] < 0.4
    metrics = server.get("/tier-status/metrics").body.decode()
    assert 'members_down{balancer="balancer://app"} 1' in metrics
    wait_until(lambda: members(server)[good.url]["probes"] > 5)
