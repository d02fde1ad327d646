# SPDX-License-Identifier: Apache-2.0
"""Stale answers (RFC 5861): instant while they are revalidated, and in the place of errors."""
import http.client
import re
import time

import pytest
from cache_support import FRESH, cached, is_hit, status_of, why_forwarded
from herd_support import PATIENT_STORE, ROOMY, Asking, Crowd, Gate, herded, told
from webtier_testing import PROXY_FAULTS, wait_until

# Stale from the first moment on, and stored nevertheless: no test has to wait for that.
SWR = {"Cache-Control": "max-age=0, stale-while-revalidate=60"}
SIE = {"Cache-Control": "max-age=0, stale-if-error=60"}


def expired(httpd, app, headers, more="", conf="", paths=("/",), **options):
    """Returns an httpd that has stale answers, and its origin."""
    origin = app(body=b"old", headers=headers)
    server = cached(httpd, origin, more, conf, **options)
    for path in paths:
        server.get(path)
    origin.clear()
    return server, origin


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_stale_is_instant_and_revalidated_once(httpd, app, mpm):
    server, origin = expired(httpd, app, SWR, mpm=mpm)
    origin.behave(body=b"new", hold=True, headers=FRESH)
    answers = Asking(12, lambda: server.get("/", timeout=30)).join()
    assert {answer.body for answer in answers} == {b"old"}
    assert all(is_hit(answer) and "ttl=-" in answer.headers["Cache-Status"] or "ttl=0" in status_of(answer)
               for answer in answers)
    wait_until(lambda: origin.count() == 1)
    origin.release()
    wait_until(lambda: server.get().body == b"new")
    assert origin.count() == 1


def test_what_was_fresh_becomes_stale(httpd, app):
    origin = app(body=b"old", headers={"Cache-Control": "max-age=1, stale-while-revalidate=60", "Date": None})
    server = cached(httpd, origin)
    began = time.monotonic()
    server.get()
    origin.behave(body=b"new", headers=FRESH)
    wait_until(lambda: server.get().body == b"new")
    assert time.monotonic() - began >= 1.0


def test_a_hundred_clients_of_a_stale_key(httpd, app):
    """All are answered before the origin answers the one request that it gets."""
    server, origin = expired(httpd, app, SWR, conf=ROOMY)
    origin.behave(body=b"new", hold=True, headers=FRESH)
    answers = Crowd(server, 100).answers()
    assert {answer.body for answer in answers} == {b"old"}
    origin.release()
    wait_until(lambda: server.get().body == b"new")
    assert origin.count() == 1


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_the_next_request_of_the_connection_is_not_delayed(httpd, app, mpm):
    server, origin = expired(httpd, app, SWR, mpm=mpm)
    origin.behave(body=b"new", hold=True, headers=FRESH)
    origin.behave("/quick", body=b"quick")
    with server.session() as client:
        assert client.get("/", timeout=30).body == b"old"
        assert client.get("/quick", timeout=30).body == b"quick"
    origin.release()
    wait_until(lambda: server.get().body == b"new")


def test_what_another_visitor_has_had_revalidated_is_not_asked_for_again(httpd, app):
    """prefork revalidates for each when he leaves; both processes are idle when two more are answered at a time."""
    server, origin = expired(httpd, app, SWR, mpm="prefork", conf="MaxRequestWorkers 2")
    server.allow_log("AH00161")  # no process is left
    origin.behave(body=b"new", headers=FRESH)
    with server.session() as last:
        with server.session() as first:
            assert first.get("/").body == last.get("/").body == b"old" and origin.count() == 0
        wait_until(lambda: origin.count() == 1)
        assert server.get().body == b"new"
    with server.session() as one, server.session() as other:
        assert one.get("/").body == other.get("/").body == b"new"
    assert origin.count() == 1


def test_a_304_in_the_background_renews(httpd, app):
    origin = app(body=b"same", headers=SWR, etag="one")
    server = cached(httpd, origin)
    server.get()
    origin.behave(body=b"same", headers=FRESH, etag="one")
    assert server.get().body == b"same"
    wait_until(lambda: origin.count() == 2)
    assert origin.requests()[-1]["headers"]["if-none-match"] == '"one"'
    wait_until(lambda: "ttl=-" not in server.get().headers["Cache-Status"])
    answer = server.get()
    assert is_hit(answer) and answer.body == b"same" and origin.count() == 2


def test_web_boxes_revalidate_once(httpd, app, memcached):
    """The other box tries, again and again, while the first one asks; it does not ask itself."""
    origin, store = app(body=b"old", headers=SWR), memcached()
    boxes = [herded(httpd, origin, "ServerName shop.test:80", f"TierCacheServer {store.server}\n{PATIENT_STORE}")
             for _ in range(2)]
    boxes[0].get(host="shop.test")
    wait_until(lambda: store.stats()["cmd_set"] > 1)
    origin.behave(body=b"new", hold=True, headers=FRESH)
    assert boxes[0].get(host="shop.test", timeout=30).body == b"old"
    wait_until(lambda: origin.count() == 2)
    wait_until(lambda: boxes[1].get(host="shop.test", timeout=30).body == b"old" and told(boxes[1])["revalidations"] >= 2)
    origin.release()
    wait_until(lambda: all(box.get(host="shop.test").body == b"new" for box in boxes))
    assert origin.count() == 2


def test_what_another_web_box_has_revalidated_meanwhile_is_not_asked_for_again(httpd, app, memcached):
    """One box has seen that it is stale, and gets the lease only when the other has given it back."""
    origin, store = app(body=b"old", headers=SWR), memcached()
    gate = Gate(store)
    far, near = (cached(httpd, origin, "ServerName shop.test:80", f"TierCacheServer {server}\n{PATIENT_STORE}")
                 for server in (gate.server, store.server))
    near.get(host="shop.test")
    wait_until(lambda: near.get(host="shop.test", headers={"Cache-Control": "max-stale, only-if-cached"}).status == 200)
    origin.behave(body=b"new", headers=FRESH)
    assert far.get(host="shop.test").body == b"old"
    wait_until(gate.asked.is_set)
    wait_until(lambda: near.get(host="shop.test").body == b"new")
    gate.opened.set()
    wait_until(gate.given_back.is_set)
    assert origin.count() == 2


def test_the_directive_does_not_speak_for_what_is_to_be_asked_for_each_time(httpd, app):
    """With a validator or without; the application may say otherwise, and so may TierCacheMinTTL."""
    rules = {"/plain": {"Cache-Control": "max-age=0"}, "/validator": {"Cache-Control": "max-age=0", "ETag": '"one"'},
             "/past": {"Expires": "0", "ETag": '"one"'}, "/own": SWR}
    server, origin = expired(httpd, app, {}, "TierCacheStaleWhileRevalidate 1min")
    for body in (b"old", b"new"):
        for path, fields in rules.items():
            origin.behave(path, body=body, headers=fields)
            assert server.get(path).body == (b"old" if path == "/own" else body), path


def test_the_directive_speaks_for_responses_that_say_nothing(httpd, app):
    server, origin = expired(httpd, app, {"Cache-Control": "max-age=60", "Age": "60", "ETag": '"one"'},
                             "TierCacheStaleWhileRevalidate 1min")
    origin.behave(body=b"new", hold=True, headers=FRESH)
    assert server.get().body == b"old"
    origin.release()
    wait_until(lambda: server.get().body == b"new")


def test_never_against_the_rules(httpd, app):
    origin = app()
    server = cached(httpd, origin, "TierCacheStaleWhileRevalidate 1min\nTierCacheStaleIfError 1min")
    server.allow_log(*PROXY_FAULTS)
    rules = {"/allowed": "max-age=0", "/must": "max-age=0, must-revalidate", "/proxy": "max-age=0, proxy-revalidate",
             "/no-cache": "max-age=60, no-cache", "/shared": "max-age=60, s-maxage=0"}
    for body in (b"old", b"new"):
        for path, rule in rules.items():
            headers = {"Cache-Control": f"{rule}, stale-while-revalidate=60, stale-if-error=60", "ETag": f'"{body}"'}
            origin.behave(path, body=body, headers=headers)
            assert server.get(path).body == body or path == "/allowed", path
    origin.kill()
    statuses = {path: server.get(path).status for path in rules}
    assert statuses.pop("/allowed") == 200
    assert all(status in (502, 503, 504) for status in statuses.values()), statuses


def test_a_client_that_wants_it_fresh_gets_it(httpd, app):
    wishes = {"/1": "no-cache", "/2": "max-age=0", "/3": "min-fresh=1"}
    origin = app(body=b"old", headers={**SWR, "Age": "1"})
    server = cached(httpd, origin)
    for path in wishes:
        server.get(path)
    origin.behave(body=b"new", headers=FRESH)
    for path, wish in wishes.items():
        assert server.get(path, headers={"Cache-Control": wish}).body == b"new", wish


def test_stale_in_the_place_of_an_error(httpd, app):
    faults = ["500", "502", "503", "504", "killed"]
    server, origin = expired(httpd, app, SIE, paths=[f"/{fault}" for fault in faults])
    server.allow_log(*PROXY_FAULTS)
    for fault in faults:
        if fault == "killed":
            origin.kill()
        else:
            origin.behave(f"/{fault}", status=int(fault), body=b"error" * 10_000)
        first = server.get(f"/{fault}")
        assert first.status == 200 and first.body == b"old" and why_forwarded(first) == "stale", fault
        assert "detail=stale-if-error" in status_of(first), fault
        second = server.get(f"/{fault}")
        assert second.status == 200 and second.body == b"old" and is_hit(second), fault


def logged(server, path):
    """Returns the statuses of path in the access log; lines of different connections come in any order."""
    return re.findall(rf'"GET {path} HTTP/1\.1" (\d+) ', server.access_log())


def test_on_a_connection_that_goes_on(httpd, app):
    """mod_proxy would have a client that has asked before ask again, by no answer at all: what is stored is one, or
    forbids that there is none (RFC 9111 section 5.2.2.2)."""
    origin = app(close=True)
    server = cached(httpd, origin)
    server.allow_log(*PROXY_FAULTS)
    rules = {"/allowed": SIE, "/must": {"Cache-Control": "max-age=0, must-revalidate", "ETag": '"one"'}, "/fresh": FRESH}
    for path, headers in rules.items():
        origin.behave(path, body=b"old", headers=headers)
        server.get(path, host="localhost")
        server.get(path)
    origin.behave("/allowed", close=True)
    origin.behave("/must", close=True)
    with server.session() as client:
        answers = [client.get(path) for path in ["/fresh", "/allowed", "/fresh"]]
        assert [(answer.status, answer.body) for answer in answers] == [(200, b"old")] * 3
        assert "detail=stale-if-error" in status_of(answers[1]) and answers[1].headers["Expires"] is None
    received = server.raw(b"GET /fresh HTTP/1.1\r\nHost: localhost\r\n\r\nGET /must HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          timeout=20)
    assert received.count(b"HTTP/1.1 502 ") == 1 and received.count(b"<html>") == 1  # one page
    wait_until(lambda: [logged(server, path) for path in rules] == [["200"] * 3, ["200", "200", "502"], ["200"] * 5])
    with server.session() as client, pytest.raises((ConnectionError, http.client.HTTPException)):
        client.get("/fresh")
        client.get("/new")


def test_an_origin_that_fails_is_asked_once_a_second(httpd, app):
    server, origin = expired(httpd, app, SIE)
    origin.behave(status=503)
    began = time.monotonic()
    assert {server.get().body for _ in range(60)} == {b"old"}
    assert 1 <= origin.count() <= 2 + time.monotonic() - began


def test_an_error_document_does_not_come_first(httpd, app):
    server, origin = expired(httpd, app, SIE, "ErrorDocument 503 /sorry\nErrorDocument 502 /sorry")
    server.allow_log(*PROXY_FAULTS)
    origin.kill()
    answer = server.get()
    assert answer.status == 200 and answer.body == b"old"


def test_errors_that_are_not_the_origins_are_passed_on(httpd, app):
    server, origin = expired(httpd, app, SIE)
    origin.behave(status=404, body=b"gone")
    assert server.get().status == 404


def test_not_for_longer_than_said(httpd, app):
    """What comes is as old as its Age says."""
    origin = app()
    server = cached(httpd, origin)
    ages = {"/20": 200, "/400": 503}
    for path in ages:
        origin.behave(path, headers={"Cache-Control": "max-age=0, stale-if-error=300", "Age": path[1:], "ETag": '"one"'})
        server.get(path)
        origin.behave(path, status=503)
    assert {path: server.get(path).status for path in ages} == ages


def test_an_origin_that_came_back_is_used(httpd, app):
    server, origin = expired(httpd, app, {"Cache-Control": "max-age=0", "ETag": '"one"'}, "TierCacheStaleIfError 1min")
    origin.behave(status=503)
    assert server.get().body == b"old"
    origin.behave(body=b"new", headers=FRESH)
    wait_until(lambda: server.get().body == b"new")


def test_a_hung_origin_costs_waiters_no_more_than_the_wait(httpd, app):
    """It was fresh: nobody waits for what is stale from the first moment on. Each asks the origin, as the first one, when the
    one before has taken too long, or is given what is stale; none hangs."""
    server, origin = expired(httpd, app, {"Cache-Control": "max-age=60, stale-if-error=60", "Age": "60"},
                             "TierCacheWait 1s")
    origin.behave(body=b"new", hold=True, headers=FRESH)
    clients = Asking(20, lambda: server.get("/", timeout=60))
    wait_until(lambda: clients.answers and len(clients.answers) + origin.count() == 20)
    assert {answer.body for answer in clients.answers} == {b"old"}
    origin.release()
    clients.join()


def test_range_and_condition_on_a_stale_answer(httpd, app):
    server, origin = expired(httpd, app, {**SWR, "ETag": '"one"'})
    origin.behave(body=b"new", hold=True, headers=FRESH)
    part = server.get(headers={"Range": "bytes=1-1"})
    assert part.status == 206 and part.body == b"l"
    assert server.get(headers={"If-None-Match": '"one"'}).status == 304
    origin.release()


def test_more_revalidations_than_there_is_room_for(httpd, app):
    """An origin that hangs, one child, 90 stale pages: 2 are asked for, 64 wait, the others are left for later."""
    paths = [f"/{number}" for number in range(90)]
    origin = app(body=b"old", headers=SWR)
    server = httpd(modules=["cache", "status"], conf="StartServers 1\nServerLimit 1\nMaxRequestWorkers 32",
                   vhost=f"<Location /tier-status>\nSetHandler tier-status\nTierCache off\n</Location>\n"
                         f"ProxyPass /tier-status !\nTierCache on\nProxyPass / {origin.url}/")

    def bodies():
        with server.session() as session:
            answers = [session.get(path) for path in paths]
        assert all(is_hit(answer) for answer in answers)
        return {answer.body for answer in answers}
    for path in paths:
        server.get(path)
    origin.behave(body=b"new", headers=FRESH)
    origin.stop()
    assert bodies() == {b"old"}
    counted = told(server)
    assert 64 <= counted["revalidations"] <= 66
    assert counted["revalidations"] + counted["revalidations_dropped"] == len(paths)
    origin.cont()
    wait_until(lambda: bodies() == {b"new"}, timeout=20)
    assert all(origin.count(path) == 2 for path in paths)
