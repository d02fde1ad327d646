# SPDX-License-Identifier: Apache-2.0
"""What the administrator says of answers: freshness where there is none, bounds, who passes the cache by."""

import pytest
from cache_support import FRESH, asked_twice, cached, is_hit, status_of, ttl_of, why_forwarded
from herd_support import PATIENT, Asking
from webtier_testing import wait_until

SILENT = {"Date": None}


DEFAULTS = [
    ({}, 200, True), ({}, 404, True), ({}, 301, True), ({}, 302, False), ({}, 500, False), ({}, 503, False),
    ({"Cache-Control": "no-store"}, 200, False), ({"Cache-Control": "private"}, 200, False),
    ({"Cache-Control": "no-cache"}, 200, False), ({"Pragma": "no-cache"}, 200, False),
    ({"Expires": "Thu, 19 Nov 1981 08:52:00 GMT"}, 200, False), ({"Set-Cookie": "a=b"}, 200, False)]


def test_default(httpd, app):
    origin = app()
    server = cached(httpd, origin, "TierCacheDefault 10min")
    for number, (fields, status, hit) in enumerate(DEFAULTS):
        origin.behave(f"/{number}", status=status, headers={**SILENT, **fields})
        assert asked_twice(server, f"/{number}") == hit, (fields, status)


def test_default_is_off_and_can_be_switched_off_below(httpd, app):
    origin = app(headers=SILENT)
    assert not asked_twice(cached(httpd, origin))
    server = cached(httpd, origin, "TierCacheDefault 10min\n<Location /x>\nTierCacheDefault off\n</Location>\n"
                    "<Location /y>\nTierCacheDefault 1h\n</Location>")
    assert asked_twice(server) and not asked_twice(server, "/x")
    assert asked_twice(server, "/y") and 3590 < ttl_of(server.get("/y")) <= 3600


def test_default_is_not_for_requests_with_authorization(httpd, app):
    server = cached(httpd, app(headers=SILENT), "TierCacheDefault 10min")
    assert not asked_twice(server, headers={"Authorization": "Basic YTpi"})


def test_default_is_not_for_what_is_no_http(httpd, app):
    """What an application wrote that has just failed: mod_proxy takes it for an answer of HTTP/0.9, with status 200."""
    origin = app(garbage="Fatal error in line 1\n")
    server = cached(httpd, origin, "TierCacheDefault 10min")
    assert server.get().body.startswith(b"Fatal")
    origin.behave(headers=SILENT)
    assert not is_hit(server.get()) and is_hit(server.get())


def test_bounds(httpd, app):
    origin = app()
    server = cached(httpd, origin, "TierCacheMinTTL 1min\nTierCacheMaxTTL 5min")
    for number, (said, seconds) in enumerate([("max-age=1", 60), ("max-age=0", 60), ("max-age=500", 300), ("max-age=100", 100),
                                              ("s-maxage=1, max-age=200", 60)]):
        origin.behave(f"/{number}", headers={"Cache-Control": said})
        server.get(f"/{number}")
        assert seconds - 5 <= ttl_of(server.get(f"/{number}")) <= seconds, said
    for number, said in enumerate(["no-store, max-age=1", "private, max-age=1", "no-cache"]):
        origin.behave(f"/not-{number}", headers={"Cache-Control": said})
        assert not asked_twice(server, f"/not-{number}"), said


def test_bounds_hold_for_what_a_304_says(httpd, app):
    origin = app(etag="x", headers={"Cache-Control": "max-age=100"})
    server = cached(httpd, origin, "TierCacheMinTTL 50s\nTierCacheMaxTTL 200s")
    server.get()
    for said, longest in (("max-age=0", 50), ("max-age=500", 200)):
        origin.behave(etag="x", headers={"Cache-Control": said})
        assert "fwd-status=304" in status_of(server.get(headers={"Cache-Control": "no-cache"}))
        assert longest - 30 <= ttl_of(server.get()) <= longest, said


BYPASS = 'TierCacheBypass "%{HTTP_COOKIE} =~ /session=/"\n<Location /x>\nTierCacheBypass "%{QUERY_STRING} =~ /fresh/"\n</Location>\n'


def test_bypass(httpd, app):
    origin = app(echo=True, headers=FRESH)
    server = cached(httpd, origin, BYPASS)
    mine = {"Cookie": "session=anna"}
    assert not asked_twice(server, headers=mine)
    answer = server.get(headers=mine)
    assert why_forwarded(answer) == "bypass" and "detail=bypass" in status_of(answer)
    assert answer.headers["Vary"] is None
    assert b"anna" not in server.get().body and is_hit(server.get())
    assert not is_hit(server.get(headers=mine)) and is_hit(server.get())


def test_bypass_is_added_to_below(httpd, app):
    server = cached(httpd, app(headers=FRESH), BYPASS)
    assert not asked_twice(server, "/x?fresh") and asked_twice(server, "/?fresh") and asked_twice(server, "/x")
    assert not asked_twice(server, "/x", headers={"Cookie": "session=1"})


def test_bypass_before_the_directory_is_known(httpd, app):
    """The quick handler knows what the server says; what a directory says still keeps an answer from being stored."""
    server = cached(httpd, app(headers=FRESH), "TierCacheQuick on\n" + BYPASS)
    assert not asked_twice(server, headers={"Cookie": "session=1"})
    assert not asked_twice(server, "/x?fresh") and asked_twice(server, "/x")


def test_those_who_bypass_do_not_wait_for_each_other(httpd, app):
    origin = app(hold=True, headers=FRESH)
    server = cached(httpd, origin, f"{PATIENT}\n{BYPASS}")
    clients = Asking(5, lambda: server.get(timeout=30, headers={"Cookie": "session=1"}))
    wait_until(lambda: origin.count() == 5)  # none of them is answered yet
    origin.release()
    clients.join()


def test_no_store_by_what_the_answer_says(httpd, app):
    origin = app(headers={**FRESH, "X-Kind": "personal"})
    server = cached(httpd, origin, "TierCacheNoStore \"resp('X-Kind') == 'personal'\"")
    assert not asked_twice(server) and "detail=rule" in status_of(server.get())
    origin.behave(headers=FRESH)
    assert asked_twice(server)


def test_no_store_leaves_what_is_stored(httpd, app):
    """Who may not store may still be answered, and may not take away what others stored."""
    origin = app(etag="x", headers=FRESH)
    origin.behave("/stale", etag="x", headers={**FRESH, "Age": "60"})
    server = cached(httpd, origin, 'TierCacheNoStore "%{HTTP_COOKIE} =~ /session=/"')
    mine = {"Cookie": "session=1"}
    for path in ("/", "/stale"):
        server.get(path)
    origin.behave("/stale", etag="x", headers=FRESH)
    assert is_hit(server.get(headers=mine))
    assert "fwd-status=304" in status_of(server.get("/stale", headers=mine))
    assert "fwd-status=304" in status_of(server.get("/stale")) and is_hit(server.get("/stale"))


def test_ignore_client(httpd, app):
    server = cached(httpd, app(headers=FRESH), "<Location /x>\nTierCacheIgnoreClient on\n</Location>")
    for wish in ({"Cache-Control": "no-cache"}, {"Pragma": "no-cache"}, {"Cache-Control": "max-age=0, no-store"}):
        assert asked_twice(server, "/x", headers=wish)
        assert wish.get("Cache-Control", "").startswith("max-age") or not asked_twice(server, headers=wish)
    assert server.get("/x?new", headers={"Cache-Control": "only-if-cached"}).status == 504


def test_set_cookie_that_counts_for_nothing(httpd, app):
    origin = app()
    server = cached(httpd, origin, "TierCacheIgnoreSetCookie sid track_*")
    for number, (cookies, hit) in enumerate([(["sid=1; Path=/"], True), (["sid=1", "track_a=1"], True), (["sid=1", "login=anna"], False)]):
        path = f"/{number}"
        origin.behave(path, headers=[*FRESH.items(), *(("Set-Cookie", line) for line in cookies)])
        assert server.get(path).headers.get_all("Set-Cookie") == cookies
        again = server.get(path)
        assert is_hit(again) == hit
        assert (again.headers["Set-Cookie"] is None) == hit


@pytest.mark.parametrize("line,words", [
    ("TierCacheDefault soon", ["TierCacheDefault", "soon"]),
    ("TierCacheMinTTL -1", ["TierCacheMinTTL", "-1"]),
    ("TierCacheMaxTTL 0", ["TierCacheMaxTTL", "0"]),
    ("TierCacheBypass \"%{HTTP_COOKIE\"", ["TierCacheBypass", "expression"]),
    ("TierCacheNoStore \"a =~ /(/\"", ["TierCacheNoStore", "expression"]),
])
def test_bad_values_are_refused_in_words(httpd, line, words):
    code, said = httpd.check(modules=["cache"], conf=line)
    assert code != 0
    for word in words:
        assert word in said, said
