# SPDX-License-Identifier: Apache-2.0
"""Requests without a client: through all of httpd, from any thread, in bounded memory and time."""
import json
import time

import pytest
from webtier_testing import PROXY_FAULTS, wait_until
from webtier_testing.settings import SCALE, scale

ALL_MPMS = pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
# A sanitizer keeps what was freed for a while.
GROWTH_KIB = 1024 if SCALE == 1 else 64 * 1024
TRAPS = ("deflate", "filter", "reqtimeout", "logio")


def fire(server, mode, count=1, patience_ms=5000, uri="/app/", timeout=50, **options):
    """Has a child fire so many internal requests; returns what it says came of them."""
    answer = server.get(f"/fire?{mode},{count},{patience_ms},{uri}", timeout=timeout, **options)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def firing(httpd, origin, more="", conf="", **options):
    """Returns an httpd whose /fire fires, and whose /app is a balancer before origin."""
    return httpd(modules=["test_internal"], conf=f"ExtendedStatus On\n{conf}", vhost=f"""
        <Proxy balancer://app>
            BalancerMember {origin.url}
        </Proxy>
        ProxyPass /app balancer://app
        <Location /fire>
            SetHandler test-internal
        </Location>
        {more}
        """, **options)


@ALL_MPMS
def test_thousands_through_the_balancer_in_flat_memory(httpd, app, mpm):
    origin = app(body=b"x" * 1000)
    server = firing(httpd, origin, "RewriteEngine on\nRewriteRule ^/old(.*) /app$1 [PT]\nHeader set X-Seen yes\n"
                    "SetOutputFilter DEFLATE", mpm=mpm, extra=TRAPS)
    with server.session() as client:
        def batch():
            answer = client.get("/fire?run,500,20000,/old/", timeout=50)
            return json.loads(answer.body)
        first = batch()
        for _ in range(3):
            last = batch()
            assert last["statuses"] == {"200": 500} and last["bytes"] == 500_000
    assert origin.count() == 2000
    assert last["pid"] == first["pid"] and last["resident"] - first["resident"] < GROWTH_KIB
    assert "/old" not in (server.root / "access.log").read_text().replace("/fire?run,500,20000,/old/", "")


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_thousands_in_the_background(httpd, app, mpm):
    origin = app(body=b"x" * 1000)
    server = firing(httpd, origin, mpm=mpm, extra=TRAPS)
    with server.session() as client:
        first = json.loads(client.get("/fire?background,500,20000,/app/", timeout=50).body)
        for _ in range(3):
            last = json.loads(client.get("/fire?background,500,20000,/app/", timeout=50).body)
            assert last["statuses"] == {"200": 500} and last["bytes"] == 500_000
    assert origin.count() == 2000 and last["resident"] - first["resident"] < GROWTH_KIB


def test_prefork_runs_what_was_left_when_the_client_has_gone(httpd, app):
    origin = app(delay=0.3)
    server = firing(httpd, origin, mpm="prefork")
    with server.session() as client:
        client.get("/fire?leave,3,5000,/app/")
        began = time.monotonic()
        assert client.get("/").status in (200, 403, 404) and time.monotonic() - began < scale(0.2)
        assert origin.count() == 0
    wait_until(lambda: origin.count() == 3)


@ALL_MPMS
def test_an_internal_request_cannot_make_another(httpd, app, mpm):
    server = firing(httpd, app(), mpm=mpm)
    assert fire(server, "run", 2, uri="/fire?run,3,1000,/app/")["statuses"] == {"508": 2}
    assert fire(server, "run", 1, uri="/fire?leave,3,1000,/app/")["statuses"] == {"508": 1}


@ALL_MPMS
def test_the_deadline_holds_against_a_hung_origin(httpd, app, mpm):
    server = firing(httpd, app(hang=True), mpm=mpm)
    server.allow_log(*PROXY_FAULTS)
    began = time.monotonic()
    server.get("/fire?leave,1,300,/app/")
    server.wait_log("left one: 0")
    assert 0.3 <= time.monotonic() - began < scale(0.8)


@pytest.mark.parametrize("fault", [{"drip": (1, 0.05), "size": 100_000}, {"garbage": b"HTTP/1.1 200 OK\r\n"}])
def test_the_deadline_holds_in_the_background(httpd, app, fault):
    server = firing(httpd, app(**fault))
    server.allow_log(*PROXY_FAULTS, "AH10404")
    began = time.monotonic()
    told = fire(server, "background", 2, 300)
    assert told["late"] + told["broken"] + told["statuses"].get("502", 0) >= 2
    assert time.monotonic() - began < scale(1.0)


def test_a_kept_connection_to_the_origin_waits_as_before_afterwards(httpd, app):
    origin = app()
    server = firing(httpd, origin, conf="StartServers 1\nMaxRequestWorkers 32")
    assert fire(server, "background", 3, 300)["statuses"] == {"200": 3}
    origin.behave(delay=0.8)
    assert server.get("/app/").status == 200


def test_no_rights_are_gained(httpd, app):
    origin = app(echo=True)
    server = firing(httpd, origin, """
        <Location /app/secret>
            Require ip 10.0.0.0/8
        </Location>
        <Location /app/local>
            Require ip 127.0.0.0/8
        </Location>
        RemoteIPHeader X-Client
        RemoteIPInternalProxy 127.0.0.1
        """, extra=["remoteip"])
    server.allow_log("AH01630")
    outside, inside = {"X-Client": "192.0.2.7"}, {"X-Client": "10.1.2.3"}
    assert fire(server, "run", uri="/app/secret", headers=outside)["statuses"] == {"403": 1}
    assert fire(server, "run", uri="/app/local", headers=outside)["statuses"] == {"403": 1}
    assert fire(server, "run", uri="/app/secret", headers=inside)["statuses"] == {"200": 1}
    assert origin.requests()[-1]["headers"]["x-forwarded-for"] == "10.1.2.3"


def test_https_is_carried(httpd, app):
    server = firing(httpd, app(), """
        RewriteEngine on
        RewriteCond %{HTTPS} !=on
        RewriteRule ^/app - [F]
        """, tls=True)
    assert fire(server, "run", 2)["statuses"] == {"200": 2}


def test_fields_of_the_connection_are_dropped(httpd, app):
    origin = app()
    server = firing(httpd, origin)
    fire(server, "run", headers={"Connection": "X-Hop, Upgrade", "X-Hop": "1", "Upgrade": "h2c", "X-End": "2",
                                 "Expect": ""})
    got = origin.requests()[-1]["headers"]
    assert "x-hop" not in got and "upgrade" not in got and got["x-end"] == "2"


def test_an_origin_that_is_down_is_502_or_503(httpd, app):
    origin = app()
    server = firing(httpd, origin)
    server.allow_log(*PROXY_FAULTS)
    origin.kill()
    assert set(fire(server, "run", 3)["statuses"]) <= {"502", "503"}


@ALL_MPMS
def test_the_child_ends_in_time_while_requests_run(httpd, app, mpm):
    origin = app(hang=True)
    server = firing(httpd, origin, mpm=mpm)
    server.allow_log(*PROXY_FAULTS)
    server.get("/fire?leave,8,60000,/app/")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < scale(3)


def test_a_graceful_restart_ends_what_runs(httpd, app):
    origin = app(hang=True)
    server = firing(httpd, origin)
    server.allow_log(*PROXY_FAULTS)
    server.get("/fire?leave,8,60000,/app/")
    wait_until(lambda: origin.count() >= 2)
    before = set(server.children())
    server.graceful()
    wait_until(lambda: not before & set(server.children()), timeout=scale(5))
