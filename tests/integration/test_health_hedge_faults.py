# SPDX-License-Identifier: Apache-2.0
"""The second member, or the first one while the second is asked, is bad: the client sees nothing of it."""
import time

import pytest
from health_hedge_support import HEDGE, Asked, hedging, logged
from health_retry_support import RETRY, attempts, traffic
from webtier_testing import wait_until

# What a second member does, and how it counts; it has lost then, and the first one is waited for.
BAD = {
    "closes": ({"close": True}, "failed_empty"),
    "garbage": ({"garbage": b"\x00\x01\x02 no http\r\n\r\n" * 20}, "failed_malformed"),
    "half a status line": ({"garbage": b"HTTP/1."}, "failed_truncated"),
    "status 503": ({"status": 503}, "failed_status"),
    "status 500": ({"status": 500}, "failed_status"),
}


def failed(server, member):
    return sum(count for kind, count in attempts(server, member).items() if kind.startswith("failed"))


def test_the_second_is_bad(httpd, app):
    slow, bad = app(), app()
    server = hedging(httpd, [slow, bad])
    for number, (behaviour, kind) in enumerate(BAD.values(), 1):
        slow.behave("/x", hold=True, body=b"slow")
        bad.behave("/x", **behaviour)
        before = attempts(server, bad)[kind]
        asked = Asked(server)
        wait_until(lambda: attempts(server, bad)[kind] == before + 1)
        slow.release()
        assert asked.reply().body == b"slow" and failed(server, bad) == number, behaviour
    assert set(logged(server, "/x", len(BAD))) == {("first", slow.url)} and failed(server, slow) == 0


def test_the_second_hangs_or_refuses(httpd, app):
    slow, bad = app(), app()
    server = hedging(httpd, [slow, bad])
    for number, strike in enumerate((bad.stop, bad.kill)):
        slow.behave("/x", hold=True, body=b"slow")
        strike()
        before = traffic(server)["hedged"]
        asked = Asked(server)
        # Who hangs has not failed when the first is there.
        wait_until(lambda: traffic(server)["hedged"] > before and failed(server, bad) == number)
        slow.release()
        assert asked.reply().body == b"slow"
    assert attempts(server, bad)["failed_connect"] == 1
    assert set(logged(server, "/x", 2)) == {("first", slow.url)}


def test_the_second_breaks_off(httpd, app):
    """It has won already: the request is tried again at the first, which has not failed."""
    slow, bad = app(), app()
    server = hedging(httpd, [slow, bad], more=f"{HEDGE}\n    TierHealthRetry on\n    TierHealthHold 64K 20s")
    slow.behave("/x", hold=True, body=b"slow")
    bad.behave("/x", body=b"bad" * 500, truncate=700)
    asked = Asked(server)
    wait_until(lambda: attempts(server, bad)["failed_truncated"] == 1)
    slow.release()
    assert asked.reply().body == b"slow" and failed(server, slow) == 0


@pytest.mark.parametrize("fault", ["killed", "status 503"])
def test_the_first_fails_in_the_race(httpd, app, fault):
    """The second one is at it already, and nothing else is tried."""
    bad, slow = app(), app()
    server = hedging(httpd, [bad, slow])
    bad.behave("/x", hold=True, **({} if fault == "killed" else BAD[fault][0]))
    slow.behave("/x", hold=True, body=b"second")
    asked = Asked(server)
    wait_until(lambda: bad.count("/x") == 1 and slow.count("/x") == 1)
    # The client is not given the failure for as long again.
    time.sleep(0.7)
    bad.kill() if fault == "killed" else bad.release()
    wait_until(lambda: "WT1092" in server.error_log())
    slow.release()
    assert asked.reply().body == b"second" and failed(server, bad) == 1
    assert logged(server, "/x") == [("second", slow.url)]


def test_both_fail(httpd, app):
    """Then the first one's answer is the answer."""
    first, second = app(), app()
    server = hedging(httpd, [first, second])
    first.behave("/x", delay=0.1, status=503, body=b"first")
    second.behave("/x", status=503, body=b"second")
    reply = server.get("/x")
    assert reply.status == 503 and reply.body == b"first"


def test_both_hang(httpd, app):
    """The member's own time-out holds, and the request ends with it."""
    members = [app(), app()]
    server = hedging(httpd, members, conf="ProxyTimeout 1")
    for member in members:
        member.stop()
    assert server.get("/x", timeout=20).status in (502, 504)
    assert traffic(server)["hedged"] >= 1
    for member in members:
        member.cont()
    wait_until(lambda: server.get("/prime").status == 200)


def test_the_attempt_times_out(httpd, app):
    """Whoever was asked in it is not asked again."""
    hung, other, good = app(), app(), app()
    server = hedging(httpd, [hung, other, good], more=f"{HEDGE}\n    {RETRY}")
    hung.behave("/x", hang=True)
    other.behave("/x", hang=True)
    good.behave("/x", body=b"good")
    assert server.get("/x", timeout=20).body == b"good"
    assert hung.count("/x") == good.count("/x") == 1 and traffic(server)["retries"] >= other.count("/x")


def test_a_child_is_killed(httpd, app):
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick])
    slow.behave("/x", hold=True)
    quick.behave("/x", hold=True)
    load = server.load(rate=100, seconds=0.01, path="/x", timeout=20)
    wait_until(lambda: slow.count("/x") == 1 and quick.count("/x") == 1)
    for child in server.children():
        server.kill_child(child)
    load.join()
    quick.behave("/x", body=b"quick")
    assert server.get("/x").body == b"quick"


def test_the_clients_go(httpd, app):
    """Their requests end with the members' answers, and leave nothing behind."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick])
    slow.behave("/x", hold=True)
    quick.behave("/x", hold_at=10, size=300_000)
    for _ in range(3):
        with server.connect() as stream:
            stream.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert stream.recv(100)
    quick.release()
    slow.release()
    assert [server.get("/prime").status for _ in range(5)] == [200] * 5
