# SPDX-License-Identifier: Apache-2.0
"""What is served from the cache, with shared memory as the store."""

import pytest
from cache_support import FRESH, asked_twice, cached, http_date, is_hit, proxied, status_of, why_forwarded
from herd_support import PATIENT, Asking, herded, until_waiting
from webtier_testing import wait_until

STALE = {"Cache-Control": "max-age=0"}


def test_second_request_is_a_hit(httpd, app):
    origin = app(body=b"hello", headers=FRESH)
    server = cached(httpd, origin)
    first = server.get("/page")
    second = server.get("/page")
    assert status_of(first) == ["webtier", "fwd=uri-miss", "stored"]
    assert status_of(second)[:2] == ["webtier", "hit"]
    assert second.body == b"hello" and second.status == 200
    assert int(second.headers["Age"]) <= 1
    assert second.headers["Content-Length"] == "5"
    assert origin.count("/page") == 1


def test_hit_has_the_stored_fields_and_date(httpd, app):
    date = http_date(-5)
    origin = app(headers={**FRESH, "X-Own": "a", "Date": date, "Content-Type": "text/x-own; charset=utf-8"})
    server = cached(httpd, origin)
    server.get()
    hit = server.get()
    assert is_hit(hit)
    assert (hit.headers["X-Own"], hit.headers["Date"], hit.headers["Content-Type"]) == \
        ("a", date, "text/x-own; charset=utf-8")
    assert 5 <= int(hit.headers["Age"]) <= 7
    assert 53 <= int(status_of(hit)[2].removeprefix("ttl=")) <= 55


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_any_size_come_back_whole(httpd, app, chunked):
    origin = app()
    server = cached(httpd, origin)
    for size in (0, 1, 511, 8192, 70_000, 900_000):
        path = f"/{size}"
        origin.behave(path, size=size, headers=FRESH, chunked=chunked)
        first = server.get(path)
        second = server.get(path)
        assert is_hit(second), size
        assert second.body == first.body and len(second.body) == size
        assert second.headers["Content-Length"] == str(size)


def test_body_over_the_maximum_passes_and_is_not_stored(httpd, app):
    origin = app(size=3000, headers=FRESH)
    server = cached(httpd, origin, "TierCacheMaxSize 2K")
    assert status_of(server.get("/"))[2:] == ["detail=too-large"]
    assert not is_hit(server.get("/"))
    origin.behave("/chunked", size=3000, headers=FRESH, chunked=True)
    assert len(server.get("/chunked").body) == 3000
    assert not is_hit(server.get("/chunked"))


def test_any_final_status_with_explicit_freshness(httpd, app):
    origin = app()
    server = cached(httpd, origin)
    for status, reason in ((299, "Odd"), (404, "Not Found"), (410, "Gone"), (499, "Weird"), (503, "Service Unavailable"),
                           (599, "Strange")):
        origin.behave(f"/{status}", status=status, reason=reason, body=b"x", headers=FRESH)
        server.get(f"/{status}")
        hit = server.get(f"/{status}")
        assert is_hit(hit), status
        assert (hit.status, hit.reason, hit.body) == (status, reason, b"x")


def test_204_has_no_body_and_no_length(httpd, app):
    server = cached(httpd, app(status=204, headers=FRESH))
    server.get()
    hit = server.get()
    assert is_hit(hit) and hit.status == 204 and hit.headers["Content-Length"] is None


def test_head_is_answered_from_a_get_and_not_stored_itself(httpd, app):
    origin = app(body=b"hello", headers=FRESH)
    server = cached(httpd, origin)
    assert why_forwarded(server.get(method="HEAD")) == "uri-miss"
    assert why_forwarded(server.get()) == "uri-miss"
    hit = server.get(method="HEAD")
    assert is_hit(hit) and hit.body == b"" and hit.headers["Content-Length"] == "5"


def test_url_of_any_length(httpd, app):
    server = cached(httpd, app(headers=FRESH))
    path = "/" + "x" * 3000
    assert asked_twice(server, path + "?a=1")
    assert not is_hit(server.get(path + "?a=2"))


def test_query_order_is_kept(httpd, app):
    server = cached(httpd, app(headers=FRESH))
    server.get("/?a=1&b=2")
    assert not is_hit(server.get("/?b=2&a=1"))


def test_hosts_do_not_share(httpd, app):
    server = cached(httpd, app(echo=True, headers=FRESH), "ProxyPreserveHost on")
    server.get(host="one.test")
    other = server.get(host="two.test")
    assert not is_hit(other) and b"two.test" in other.body
    assert is_hit(server.get(host="ONE.test"))
    assert not is_hit(server.get(host="one.test:1"))


def test_directory_can_turn_it_off_and_on(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin, "<Location /off>\nTierCache off\n</Location>")
    assert server.get("/off/a").headers["Cache-Status"] is None
    assert not asked_twice(server, "/off/a") and asked_twice(server, "/on")
    below = httpd(modules=["cache"], vhost=f"ProxyPass / {origin.url}/\n<Location /on>\nTierCache on\n</Location>")
    assert not asked_twice(below, "/off") and asked_twice(below, "/on/b")


def test_hit_obeys_access_control(httpd, app):
    origin = app(headers=FRESH)
    rule = "<Location /private>\nRequire expr \"%{HTTP:X-Pass} == 'yes'\"\n</Location>"
    server = cached(httpd, origin, rule)
    assert server.get("/private", {"X-Pass": "yes"}).status == 200
    server.allow_log("AH01630")
    assert server.get("/private").status == 403
    assert is_hit(server.get("/private", {"X-Pass": "yes"}))


def test_quick_serves_before_access_control(httpd, app):
    rule = "TierCacheQuick on\n<Location /private>\nRequire expr \"%{HTTP:X-Pass} == 'yes'\"\n</Location>"
    server = cached(httpd, app(headers=FRESH), rule)
    assert server.get("/private", {"X-Pass": "yes"}).status == 200
    assert is_hit(server.get("/private"))


def test_quick_validates_and_stores_too(httpd, app):
    origin = app(body=b"v", etag="one", headers={"Cache-Control": "no-cache"})
    server = cached(httpd, origin, "TierCacheQuick on")
    server.get()
    again = server.get()
    assert status_of(again)[1:3] == ["fwd=stale", "fwd-status=304"] and again.body == b"v"


def test_static_files_are_cached_like_any_other_answer(httpd):
    server = httpd(modules=["cache"], vhost='TierCache on\nHeader set Cache-Control "max-age=60"')
    (server.docroot / "file.txt").write_text("static")
    server.get("/file.txt")
    (server.docroot / "file.txt").unlink()
    assert server.get("/file.txt").body == b"static"


WAYS = [
    # The word, what the origin answers before, to which request, what after, and the request that is looked at.
    ("hit", FRESH, {}, {}, {}),
    ("uri-miss", None, {}, {"headers": FRESH}, {}),
    ("vary-miss", {**FRESH, "Vary": "Foo"}, {}, {"headers": FRESH}, {"headers": {"Foo": "1"}}),
    ("stale", STALE, {}, {"etag": "two", "headers": FRESH}, {}),
    ("revalidated", STALE, {}, {"etag": "one", "headers": FRESH}, {}),
    ("stale-if-error", {"Cache-Control": "max-age=0, stale-if-error=60"}, {}, {"status": 503}, {}),
    ("request", FRESH, {}, {"headers": FRESH}, {"headers": {"Cache-Control": "no-cache"}}),
    ("partial", {**FRESH, "Content-Range": "bytes 0-1/4", "ETag": '"one"'}, {"headers": {"Range": "bytes=0-1"}},
     {"status": 206, "body": b"cd", "headers": {**FRESH, "Content-Range": "bytes 2-3/4", "ETag": '"one"'}}, {}),
    ("bypass", None, {}, {"headers": FRESH}, {"headers": {"Cookie": "session=1"}}),
    ("method", None, {}, {}, {"method": "POST", "body": b"x"}),
    ("none", None, {}, {}, {"headers": {"Cache-Control": "only-if-cached"}})]


def test_the_log_tells_how_each_answer_came_about(httpd, app):
    origin = app()
    server = herded(httpd, origin, f"{PATIENT}\nTierCacheBypass \"%{{HTTP_COOKIE}} =~ /session=/\"\n"
                    'SetEnvIf Request_URI "^/tier-status" own\nCustomLog access.log "%U %{tier-cache}n %{tier-cache}e" env=!own', conf="")
    wanted = set()
    for word, before, first, after, asked in WAYS:
        path = f"/{word}"
        if before:
            origin.behave(path, status=206 if "Content-Range" in before else 200, body=b"ab", etag="one" if before == STALE else None, headers=before)
            server.get(path, **first)
        origin.behave(path, **after)
        server.get(path, **asked)
        wanted.add(f"{path} {word} {word}")
    origin.behave("/collapsed", hold=True, headers=FRESH)
    clients = Asking(2, lambda: server.get("/collapsed", timeout=60))
    until_waiting(1, server)
    origin.release()
    clients.join()
    wanted.add("/collapsed collapsed collapsed")
    wait_until(lambda: wanted <= set(server.access_log().splitlines()), what="a line for each")


def test_contents_survive_a_graceful_restart(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin)
    server.get()
    server.graceful()
    assert is_hit(server.get())
    assert origin.count() == 1


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms(httpd, app, mpm):
    server = cached(httpd, app(size=20_000, headers=FRESH), mpm=mpm)
    assert asked_twice(server)


def test_tls_has_keys_of_its_own_and_hits(httpd, app):
    server = cached(httpd, app(headers=FRESH), tls=True)
    assert asked_twice(server)


def test_http2(httpd, app):
    server = cached(httpd, app(size=50_000, headers=FRESH), http2=True)
    server.h2get()
    hit = server.h2get()
    assert is_hit(hit) and hit.version == "2" and len(hit.body) == 50_000
