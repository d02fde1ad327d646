# SPDX-License-Identifier: Apache-2.0
"""What RFC 9111 lets a shared cache store, and what a request may ask of it."""
from cache_support import FRESH, asked_twice, cached, http_date, is_hit, status_of, why_forwarded


NOT_STORED = [
    ({"Cache-Control": "max-age=60, no-store"}, "no-store"),
    ({"Cache-Control": "private, max-age=60"}, "private"),
    ({"Cache-Control": "max-age=60, PRIVATE"}, "private"),
    ({"Cache-Control": "max-age=0"}, "expired"),
    ({"Cache-Control": "max-age=60, max-age=90"}, "expired"),
    ({"Cache-Control": "s-maxage=0, max-age=60"}, "expired"),
    ({"Cache-Control": "max-age='60'"}, "expired"),
    ({"Expires": "0"}, "expired"),
    ({}, "no-freshness"),
    ({"Cache-Control": "max-age=60", "Set-Cookie": "a=b"}, "set-cookie"),
    ({"Cache-Control": "max-age=60", "Vary": "*"}, "vary"),
    ({"Cache-Control": "max-age=60", "Vary": "Accept, *"}, "vary"),
    ({"Cache-Control": "max-age=60", "CDN-Cache-Control": "no-store"}, "no-store"),
]


def test_not_stored(httpd, app):
    origin = app()
    server = cached(httpd, origin)
    for number, (fields, reason) in enumerate(NOT_STORED):
        origin.behave(f"/{number}", headers=fields)
        assert status_of(server.get(f"/{number}")) == ["webtier", "fwd=uri-miss", f"detail={reason}"], fields
        assert not is_hit(server.get(f"/{number}")), fields


STORED = [
    {"Cache-Control": "max-age=0, s-maxage=60"},
    {"Cache-Control": "MAX-AGE=\"60\""},
    {"Expires": http_date(600)},
    {"Cache-Control": "max-age=60", "Expires": "0"},
    {"Cache-Control": "public, max-age=60", "Set-Cookie": "a=b"},
    {"Cache-Control": "no-store", "CDN-Cache-Control": "max-age=60"},
    {"Cache-Control": "no-store, must-understand, max-age=60"},
    {"Cache-Control": "private=\"x-own\", max-age=60", "X-Own": "1"},
]


def test_stored(httpd, app):
    origin = app()
    server = cached(httpd, origin)
    for number, fields in enumerate(STORED):
        origin.behave(f"/{number}", headers=fields)
        assert asked_twice(server, f"/{number}"), fields


def test_fields_named_private_are_not_stored(httpd, app):
    server = cached(httpd, app(headers={"Cache-Control": 'private="set-cookie, x-own", max-age=60',
                                        "Set-Cookie": "a=b", "X-Own": "1"}))
    assert server.get().headers["X-Own"] == "1"
    hit = server.get()
    assert is_hit(hit) and hit.headers["X-Own"] is None and hit.headers["Set-Cookie"] is None


def test_vary_keeps_variants_apart(httpd, app):
    origin = app(echo=True, headers={**FRESH, "Vary": "Accept-Language"})
    server = cached(httpd, origin)
    german, english = {"Accept-Language": "de"}, {"Accept-Language": "en"}
    assert why_forwarded(server.get(headers=german)) == "uri-miss"
    assert why_forwarded(server.get(headers=english)) == "vary-miss"
    assert why_forwarded(server.get()) == "vary-miss"
    for wanted in (german, english, {}):
        assert is_hit(server.get(headers=wanted))
    assert b'"de"' in server.get(headers=german).body and b'"en"' in server.get(headers=english).body
    assert origin.count() == 3


def test_vary_by_a_long_field(httpd, app):
    server = cached(httpd, app(headers={**FRESH, "Vary": "User-Agent, Accept-Encoding"}))
    assert asked_twice(server, headers={"User-Agent": "x" * 500, "Accept-Encoding": "gzip, br"})
    assert is_hit(server.get(headers={"User-Agent": "x" * 500, "Accept-Encoding": "br,GZIP"}))


def test_unsafe_methods_invalidate(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin)
    for method in ("POST", "PUT", "DELETE", "PATCH", "FOO"):
        assert asked_twice(server, f"/{method}"), method
        changed = server.get(f"/{method}", method=method, body=b"x")
        assert why_forwarded(changed) == "method", method
        assert not is_hit(server.get(f"/{method}")), method


def test_failed_post_and_safe_methods_do_not_invalidate(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin)
    server.get("/page")
    server.get("/page", method="OPTIONS")
    origin.behave("/page", status=500)
    server.get("/page", method="POST", body=b"x")
    assert is_hit(server.get("/page"))


def test_post_invalidates_variants_and_related_uris_of_the_same_origin(httpd, app):
    origin = app(headers={**FRESH, "Vary": "Accept"})
    server = cached(httpd, origin)
    base = f"http://localhost:{server.port}"
    for path in ("/page", "/made", "/list"):
        assert asked_twice(server, path, headers={"Accept": "a"})
    origin.behave("/page", status=201, headers={"Location": f"{base}/made", "Content-Location": "list"})
    server.get("/page", method="POST", body=b"x")
    for path in ("/made", "/list"):
        assert not is_hit(server.get(path, {"Accept": "a"})), path


def test_location_of_another_host_is_left_alone(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin)
    server.get("/made", host="other.test")
    origin.behave("/page", status=201, headers={"Location": "http://other.test/made"})
    server.get("/page", method="POST", body=b"x")
    assert is_hit(server.get("/made", host="other.test"))


def test_get_with_a_body_is_not_cached(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin)
    assert why_forwarded(server.get(body=b"select")) == "bypass"
    assert not asked_twice(server, body=b"select")
    assert why_forwarded(server.get()) == "uri-miss"


def test_truncated_answers_are_not_stored(httpd, app):
    origin = app(size=20_000, headers=FRESH, truncate=9000)
    server = cached(httpd, origin)
    server.allow_log("AH01110", "AH01102", "AH00898", "AH01114", "AH10013")
    for path, chunked in (("/length", False), ("/chunked", True)):
        origin.behave(path, size=20_000, headers=FRESH, truncate=9000, chunked=chunked)
        broken = server.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert len(broken) < 20_000
        origin.behave(path, size=20_000, headers=FRESH, chunked=chunked)
        whole = server.get(path, host="a")
        assert not is_hit(whole) and len(whole.body) == 20_000


def test_client_that_leaves_does_not_get_half_a_body_stored(httpd, app):
    origin = app(size=800_000, headers=FRESH, hold_at=100_000)
    server = cached(httpd, origin)
    with server.connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1000)
    origin.release()
    whole = server.get("/big", host="a")
    assert len(whole.body) == 800_000
    again = server.get("/big", host="a")
    assert is_hit(again) and again.body == whole.body
