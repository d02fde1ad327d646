# SPDX-License-Identifier: Apache-2.0
"""A slow member beside a quick one: the client has the quick one's answer, whole and alone."""
import os

import pytest
from health_hedge_support import HEDGE, Asked, hedging, logged
from health_retry_support import attempts, traffic
from health_support import Script, answer, manager
from webtier_testing import pattern, wait_until

LARGE = 300_000
ONE_CHILD = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 32"


def busy(server):
    """Returns what balancer-manager shows as the members' requests under way."""
    page = manager(server).body.decode()
    return [int(row.split("<td>")[8].split("<")[0]) for row in page.split("<tr>") if 'href="/balancer-manager?' in row and "<td>" in row]


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_the_second_answers(httpd, app, mpm):
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick], mpm=mpm)
    slow.behave("/x", hold=True, body=b"slow")
    quick.behave("/x", body=b"quick")
    before = traffic(server)
    with server.session() as session:
        for _ in range(5):
            reply = session.get("/x")
            assert reply.status == 200 and reply.body == b"quick"
    after = traffic(server)
    assert slow.count("/x") == 5 and quick.count("/x") == 5
    assert after["hedges_won"] - before["hedges_won"] == 5
    assert logged(server, "/x", 5) == [("second", quick.url)] * 5
    # Who was slower has not failed; the other one is credited.
    assert sum(attempts(server, slow)[kind] for kind in attempts(server, slow) if kind.startswith("failed")) == 0
    assert attempts(server, quick)["passed"] >= 5
    slow.release()
    assert server.get("/prime").status == 200


def test_answers_of_all_kinds(httpd, app):
    """Byte for byte, one after the other over a connection that the client keeps."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick])
    slow.behave("/x", hold=True, body=b"slow", headers={"X-From": "slow"})
    with server.session() as session:
        for settings, body, status in (
                ({"body": b""}, b"", 200),
                ({"body": b"small"}, b"small", 200),
                ({"body": b"small", "chunked": True}, b"small", 200),
                ({"size": LARGE}, pattern(LARGE), 200),
                ({"size": LARGE, "chunked": True}, pattern(LARGE), 200),
                ({"size": LARGE, "headers": {"Connection": "close", "Content-Length": None}}, pattern(LARGE), 200),
                ({"status": 404, "body": b"gone"}, b"gone", 404),
                ({"status": 204}, b"", 204),
                ({"drip": (1, 0.001), "body": b"drop by drop"}, b"drop by drop", 200)):
            quick.behave("/x", **settings)
            session.get("/prime")  # else the slow one is suspect after a while, and not asked first
            reply = session.get("/x")
            assert reply.status == status and reply.body == body and reply.headers["X-From"] is None, settings
        quick.behave("/x", size=LARGE, etag="one")
        reply = session.get("/x", method="HEAD")
        assert reply.body == b"" and reply.headers["Content-Length"] == str(LARGE)
        reply = session.get("/x", headers={"If-None-Match": '"one"'})
        assert reply.status == 304 and reply.body == b"" and reply.headers["ETag"] == '"one"'
    assert set(logged(server, "/x", 11)) == {("second", quick.url)}


def test_nothing_of_the_loser(httpd, app):
    """It answers while the winner's answer is on its way."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick])
    slow.behave("/x", hold=True, body=b"S" * LARGE)
    quick.behave("/x", hold_at=1000, size=LARGE)
    asked = Asked(server)
    wait_until(lambda: traffic(server)["hedges_won"] >= 1)
    slow.release()
    quick.release()
    assert asked.reply().body == pattern(LARGE)
    assert [server.get("/prime").status for _ in range(5)] == [200] * 5


def test_the_first_answers_after_all(httpd, app):
    slow, hung = app(), app()
    server = hedging(httpd, [slow, hung])
    slow.behave("/x", hold=True, body=b"first")
    hung.behave("/x", hold=True, body=b"second")
    asked = Asked(server)
    wait_until(lambda: slow.count("/x") == 1 and hung.count("/x") == 1)
    assert busy(server) == [1, 1]
    slow.release()
    assert asked.reply().body == b"first" and logged(server, "/x") == [("first", slow.url)]
    assert sum(value for kind, value in attempts(server, hung).items() if kind.startswith("failed")) == 0
    wait_until(lambda: busy(server) == [0, 0])


def test_what_is_not_hedged(httpd, app):
    """What must not be done twice at once; a body that is not kept; where it is off."""
    slow, quick = app(), app()
    more = HEDGE + "\n    TierHealthRetryBody 1K"
    server = hedging(httpd, [slow, quick], more=more,
                     conf='<Location "/off">\nTierHealthHedge off\n</Location>')
    for path in ("/x", "/off"):
        slow.behave(path, delay=0.15, body=b"slow")
        quick.behave(path, body=b"quick")
    before = traffic(server)["hedged"]
    for method, path, body in (("POST", "/x", b"a=1"), ("PUT", "/x", b"a=1"), ("DELETE", "/x", None),
                               ("GET", "/x", b"b" * 2000), ("GET", "/off", None)):
        assert server.get(path, method=method, body=body).body == b"slow", (method, path)
    assert quick.count("/x") == quick.count("/off") == 0 and traffic(server)["hedged"] == before
    assert set(logged(server, "/x", 4)) == {("-", slow.url)}


@pytest.mark.parametrize("preserve", ["Off", "On"])
def test_the_second_has_the_same_request(httpd, app, preserve):
    slow, quick = app(), app()
    server = hedging(httpd, [f"{slow.url}/one", f"{quick.url}/two"], conf=f"ProxyPreserveHost {preserve}")
    slow.behave("/one/x", hold=True)
    quick.behave("/two/x", body=b"quick")
    reply = server.get("/x?q=a%20b", headers={"X-Mine": "1", "Cookie": "a=b"}, body=b"asked", host="www.example.com")
    assert reply.body == b"quick"
    first, second = slow.requests("/one/x")[0], quick.requests("/two/x")[0]
    hosts = ["www.example.com"] * 2 if preserve == "On" else [f"127.0.0.1:{slow.port}", f"127.0.0.1:{quick.port}"]
    assert [first["headers"].pop("host"), second["headers"].pop("host")] == hosts
    # It is not kept beyond this answer.
    assert [first["headers"].pop("connection"), second["headers"].pop("connection")] == ["Keep-Alive", "close"]
    assert first["headers"] == second["headers"] and first["body"] == second["body"] == b"asked"
    assert second["path"] == "/two/x?q=a%20b" and second["method"] == "GET"


def test_sessions_stay(httpd, app):
    """Slowness is no reason for another member, which knows nothing of the session."""
    slow, quick = app(), app()
    server = hedging(httpd, [f"{slow.url} route=one", f"{quick.url} route=two"],
                     more=HEDGE + "\n    ProxySet stickysession=ID",
                     conf='Header add Set-Cookie "ID=x.%{BALANCER_WORKER_ROUTE}e" env=BALANCER_ROUTE_CHANGED')
    slow.behave("/x", delay=0.15, body=b"slow")
    quick.behave("/x", body=b"quick")
    assert server.get("/x", headers={"Cookie": "ID=x.one"}).body == b"slow" and quick.count("/x") == 0
    # One that begins here begins at who has answered.
    slow.behave("/x", hold=True)
    reply = server.get("/x")
    assert reply.body == b"quick" and reply.headers["Set-Cookie"] == "ID=x.two"


def test_a_cold_balancer_waits(httpd, app):
    """Nobody knows yet how long answers take."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick], prime=0)
    slow.behave("/x", delay=0.15, body=b"slow")
    assert server.get("/x").body == b"slow" and quick.count() == 0
    told = traffic(server)
    assert told["hedged"] == 0 and told["hedge_quantile"] == 0


def test_over_a_unix_socket(httpd, app, workspace):
    slow = app()
    slow.behave("/x", hold=True)
    path = str(workspace.new_dir("member") / "s")
    with Script(lambda _: answer(body=b"unix"), path) as member:
        os.chmod(path, 0o777)
        server = hedging(httpd, [slow, member])
        assert server.get("/x").body == b"unix"
        assert member.requests[-1].startswith(b"GET /x HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize("options", [{"tls": True}, {"http2": True}], ids=["tls", "http2"])
def test_other_clients(httpd, app, options):
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick], **options)
    slow.behave("/x", hold=True)
    quick.behave("/x", size=LARGE)
    get = server.h2get if "http2" in options else server.get
    for _ in range(3):
        assert get("/x").body == pattern(LARGE)
    assert logged(server, "/x", 3) == [("second", quick.url)] * 3


def test_the_share_holds(httpd, app):
    """All are slow: of a hundred requests one is sent twice."""
    members = [app(), app()]
    server = hedging(httpd, members, more="TierHealthHedge on least=1ms share=1%")
    for member in members:
        member.behave("/x", hold=True, body=b"late")
    load = server.load(rate=400, seconds=0.01, path="/x", connections=4, expect_body=b"late", timeout=20)
    wait_until(lambda: traffic(server)["hedges_over_budget"] >= 3)
    told = traffic(server)
    assert told["hedged"] <= 1 and sum(member.count("/x") for member in members) <= 5
    for member in members:
        member.release()
    report = load.join()
    assert report.errors == [] and report.total == 4, report


def test_no_room_at_the_second(httpd, app):
    """max=2: a connection that other requests might need is not taken, and nobody waits for one."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, f"{quick.url} max=2"], conf=ONE_CHILD)
    slow.behave("/x", hold=True, body=b"slow")
    quick.behave("/x", hold_at=10, size=LARGE)
    first = Asked(server)
    wait_until(lambda: traffic(server)["hedges_won"] == 1)  # one of the two is in use
    before = traffic(server)["hedges_without_member"]
    second = Asked(server)
    wait_until(lambda: traffic(server)["hedges_without_member"] > before)
    assert quick.count("/x") == 1
    slow.release()
    assert second.reply().body == b"slow"
    quick.release()
    assert first.reply().body == pattern(LARGE)
    # And with room it is asked again.
    slow.behave("/y", hold=True)
    quick.behave("/y", body=b"quick")
    assert server.get("/y").body == b"quick"


def test_a_name_with_several_addresses(httpd, app):
    """Where nobody listens at the first one, the next one is tried."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, f"http://localhost:{quick.port}"], modules=["health", "status", "test_fault"], conf=f"""{ONE_CHILD}
        <Location "/fault">
            ProxyPass "!"
            SetHandler test-fault
        </Location>""")
    assert quick.count("/prime") >= 1  # so that the child knows the name
    assert server.get("/fault?addresses").body == b"done\n"
    quick.kill()  # and no connection is left
    quick.restart()
    slow.behave("/x", hold=True)
    quick.behave("/x", body=b"quick")
    for _ in range(2):
        assert server.get("/x").body == b"quick"
    # A child that does not know them asks nobody, as that could take long.
    (child,) = server.children()
    server.kill_child(child)
    slow.behave("/x", hold=True, body=b"slow")
    before = traffic(server)["hedges_without_member"]
    asked = Asked(server)
    wait_until(lambda: traffic(server)["hedges_without_member"] > before)
    slow.release()
    assert asked.reply().body == b"slow"


class Talkative(Script):
    """Keeps connections, and has something to add to its answers to /prime."""

    said = 0

    def _talk(self, connection, number):
        while request := connection.recv(4096):
            prime = request.startswith(b"GET /prime ")
            for body in (b"prime", b"stale") if prime else (b"quick",):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body)
            self.said += prime


def test_bytes_left_over_on_a_kept_connection(httpd, app):
    """What a member says without being asked is nobody's answer."""
    slow = app()
    with Talkative(None) as quick:
        server = hedging(httpd, [slow, quick], conf=ONE_CHILD)
        wait_until(lambda: quick.said >= 1)
        slow.behave("/x", hold=True)
        for _ in range(3):
            assert server.get("/x").body == b"quick"


def test_other_protocols(httpd):
    """They are not hedged, and the log says so where it was asked for."""
    for here, around, told in ((HEDGE, "", True), ("", HEDGE, True), ("TierHealthHedge off", HEDGE, False), ("", "", False)):
        code, text = httpd.check(modules=["health"], extra=["ssl"], conf=around, vhost=f"""
            <Proxy "balancer://app">
                BalancerMember https://127.0.0.1:1
                {here}
            </Proxy>
            <Proxy "balancer://plain">
                BalancerMember http://127.0.0.1:1
                {HEDGE}
            </Proxy>""")
        assert code == 0 and text.count("WT1046") == told, text
        assert not told or "requests at https://127.0.0.1:1 of balancer://app are not sent to a second member" in text


def test_behind_a_further_proxy(httpd, app):
    """ProxyRemote leads all that the first attempts send: no second one goes past it."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick], conf=f"ProxyRemote {quick.url} {quick.url}")
    slow.behave("/x", hold=True, body=b"slow")
    before = traffic(server)["hedges_without_member"]
    asked = Asked(server)
    wait_until(lambda: traffic(server)["hedges_without_member"] > before)
    slow.release()
    assert asked.reply().body == b"slow" and quick.count("/x") == 0


def test_nobody_else_is_fit(httpd, app):
    """Of two members the other one is drained: the slow one is waited for, and nothing is paid."""
    slow, other = app(), app()
    server = hedging(httpd, [slow, f"{other.url} status=+N"])
    slow.behave("/x", hold=True, body=b"slow")
    asked = Asked(server)
    wait_until(lambda: slow.count("/x") == 1 and traffic(server)["hedges_without_member"] >= 1)
    slow.release()
    assert asked.reply().body == b"slow" and other.count() == 0 and traffic(server)["hedged"] == 0


def test_connections_are_not_leaked(httpd, app):
    """Both connections of a hedged request are closed, or kept for the next one."""
    slow, quick = app(), app()
    server = hedging(httpd, [slow, quick], conf=ONE_CHILD)
    (child,) = server.children()

    def open_files():
        return len(os.listdir(f"/proc/{child}/fd"))

    before = open_files()
    for path, behaviour in (("/won", {"hold": True}), ("/lost", {"delay": 0.01})):
        slow.behave(path, **behaviour)
    quick.behave("/lost", hold=True)
    for _ in range(12):
        assert server.get("/won").status == server.get("/lost").status == 200
    slow.release()
    assert traffic(server)["hedged"] >= 12
    wait_until(lambda: open_files() <= before + 4)
    wait_until(lambda: busy(server) == [0, 0])
