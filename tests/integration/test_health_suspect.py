# SPDX-License-Identifier: Apache-2.0
"""Hung and slow members whose health URL is fine: few requests go to them, with and without ejection, whatever chooses."""
import contextlib
import socket
import time

import pytest
from health_retry_support import ATTEMPT_FAULTS, attempts, retrying
from health_support import FAST, balancer
from webtier_testing import scale, wait_until

BODY = b"fine" * 500
RETRY = "TierHealthRetry on\n    TierHealthAttemptTimeout 300ms"


def trio(app):
    apps = [app(), app(), app()]
    for one in apps:
        one.behave(body=BODY)
        one.behave("/health", body=b"healthy")
    return apps


def spaced(server, count):
    """Sends requests, each on a connection of its own, no two within 10 ms however busy the machine is; returns the answers."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(server.connect()) for _ in range(count)]
        for stream in streams:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            time.sleep(0.01)
        return [b"".join(iter(lambda s=stream: s.recv(65536), b"")) for stream in streams]


@pytest.mark.parametrize("fault", [{"hang": True}, {"delay": 2.0, "body": BODY}], ids=["hung", "slow"])
@pytest.mark.parametrize("eject", ["", "TierHealthEject on"], ids=["retry", "eject"])
def test_few_requests_meet_it(httpd, app, fault, eject):
    """20 requests a member are under way when the first of them times out, were it not suspect before."""
    apps = trio(app)
    server = retrying(httpd, apps, more=f"{RETRY}\n    {eject}", check=f"http uri=/health {FAST}")
    assert {server.get("/").status for _ in range(6)} == {200}
    apps[0].clear()
    apps[0].behave(**fault)
    answers = spaced(server, 60)
    assert [answer.split()[1] for answer in answers] == [b"200"] * 60
    # The silence is noticed at the fifth; one test, and a few that were chosen meanwhile.
    assert 1 <= apps[0].count("/") <= 10, apps[0].count("/")
    assert attempts(server, apps[0])["suspect"] is True and attempts(server, apps[0])["suspicions"] >= 1


@pytest.mark.parametrize("method", ["byrequests", "bytraffic", "bybusyness"])
def test_balancer_s_own_choice(httpd, app, method):
    """No retry and no time-out: the balancer's method alone would send a third of all requests there."""
    apps = trio(app)
    server = httpd(modules=["health", "status"], extra=[f"lbmethod_{method}"], vhost=balancer(
        apps, check="", more=f"ProxySet lbmethod={method} timeout=5\n    TierHealthEject on"))
    assert {server.get("/").status for _ in range(24)} == {200}
    apps[0].clear()
    apps[0].behave(hang=True)
    with contextlib.ExitStack() as stack:
        for stream in [stack.enter_context(server.connect()) for _ in range(60)]:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.01)
        met = apps[0].count("/")
    # bybusyness keeps away from a member with requests under way by itself.
    assert 1 <= met <= 10, met
    apps[0].kill()
    server.allow_log(*ATTEMPT_FAULTS)


def test_it_is_back_when_it_answers(httpd, app):
    apps = trio(app)
    server = retrying(httpd, apps, more=RETRY)
    apps[0].behave(hang=True)
    server.load(rate=200, seconds=0.4, connections=40).join()
    assert attempts(server, apps[0])["suspect"] is True
    apps[0].behave(body=BODY)
    apps[0].clear()
    wait_until(lambda: server.get("/").status == 200 and attempts(server, apps[0])["suspect"] is False, 9)
    assert 1 <= apps[0].count("/") <= 3  # asked rarely until then
    report = server.load(rate=100, seconds=0.4, connections=20).join()
    assert report.errors == [] and apps[0].count("/") > 8, apps[0].count("/")


def test_all_members_slow_alike(httpd, app):
    """Where everybody is suspect nobody is: a slow page of all members is no fault of one."""
    apps = trio(app)
    for one in apps:
        one.behave(body=BODY, delay=0.3)
    server = retrying(httpd, apps, more="TierHealthRetry on")
    report = server.load(rate=100, seconds=0.8, connections=80, expect_body=BODY).join()
    assert report.errors == [], report
    counts = [one.count("/") for one in apps]
    assert min(counts) > 10 and report.slower_than(scale(0.9)) == 0, counts


def test_sessions_move_when_a_request_of_theirs_has_timed_out(httpd, app):
    apps = trio(app)
    sticky = "\n".join(f'    BalancerMember "{one.url}" route=r{number}' for number, one in enumerate(apps))
    server = httpd(modules=["health", "status"], vhost=balancer(
        [], check="", more=f"{sticky}\n    ProxySet stickysession=SID\n    {RETRY}"))
    server.allow_log(*ATTEMPT_FAULTS)
    cookie = {"Cookie": "SID=abc.r0"}
    assert [server.get("/", headers=cookie).status for _ in range(5)] == [200] * 5 and apps[0].count("/") == 5
    apps[0].clear()
    apps[0].behave(hang=True)
    assert server.get("/", headers=cookie).status == 200
    began = time.monotonic()
    assert {server.get("/", headers=cookie).status for _ in range(10)} == {200}
    assert apps[0].count("/") <= 2 and time.monotonic() - began < scale(1)
    apps[0].behave(body=BODY)
    wait_until(lambda: server.get("/", headers=cookie).status == 200 and apps[0].count("/") > 5, 5)


@contextlib.contextmanager
def deaf(full=False):
    """A member that accepts and says nothing; full: whose queue of connections takes no more."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0 if full else 64)
        for _ in range(3 if full else 0):
            caller = waiting.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_time_of_a_handshake(httpd, app):
    good = httpd(tls=True)
    (good.docroot / "page").write_text("over tls")
    with deaf() as address:
        server = httpd(modules=["health", "status"], extra=["ssl", "proxy_http"], vhost="""
            SSLProxyEngine on
            SSLProxyVerify none
            SSLProxyCheckPeerName off
            SSLProxyCheckPeerExpire off
            """ + balancer([f"https://{address}", f"https://127.0.0.1:{good.port}"], check="", more=RETRY))
        server.allow_log(*ATTEMPT_FAULTS, r"AH0\d+")
        took = []
        for _ in range(4):
            began = time.monotonic()
            assert server.get("/page").body == b"over tls"
            took.append(time.monotonic() - began)
        assert 0.25 < max(took) < scale(2) and min(took) < scale(0.25), took
        assert server.get("/page", method="POST", body=b"x").status in (200, 405)


def test_time_of_connecting(httpd, app):
    good = app()
    with deaf(full=True) as address:
        server = retrying(httpd, [f"http://{address}", good], more=RETRY)
        began = time.monotonic()
        assert {server.get("/").status for _ in range(2)} == {200}
        assert time.monotonic() - began < scale(2)
        assert attempts(server, f"http://{address}")["failed_connect"] == 1
