# SPDX-License-Identifier: Apache-2.0
"""Conditional requests, to the origin and from the client, and ranges."""
import pytest
from cache_support import FRESH, cached, is_hit, status_of, why_forwarded
from herd_support import Asking
from webtier_testing import wait_until

STALE = {"Cache-Control": "max-age=0"}


def test_304_keeps_the_body_and_updates_the_fields(httpd, app):
    origin = app(body=b"the body", etag="one", headers={**STALE, "X-Own": "old", "X-Kept": "k"})
    server = cached(httpd, origin)
    server.get()
    origin.behave(body=b"the body", etag="one", headers={**FRESH, "X-Own": "new", "Content-Length": "0"})
    confirmed = server.get()
    assert status_of(confirmed)[:3] == ["webtier", "fwd=stale", "fwd-status=304"]
    assert (confirmed.status, confirmed.body) == (200, b"the body")
    hit = server.get()
    assert is_hit(hit) and hit.body == b"the body"
    assert (hit.headers["X-Own"], hit.headers["X-Kept"]) == ("new", "k")
    assert origin.count() == 2
    assert origin.requests()[1]["headers"]["if-none-match"] == '"one"'


def test_changed_answer_replaces_the_stored_one(httpd, app):
    origin = app(body=b"old", etag="one", headers=STALE)
    server = cached(httpd, origin)
    server.get()
    origin.behave(body=b"new!", etag="two", headers=FRESH)
    assert server.get().body == b"new!"
    hit = server.get()
    assert is_hit(hit) and hit.body == b"new!"


def test_304_that_forbids_storing_ends_the_entry(httpd, app):
    origin = app(body=b"x", etag="one", headers=STALE)
    server = cached(httpd, origin)
    server.get()
    origin.behave(body=b"x", etag="one", headers={"Cache-Control": "no-store"})
    assert server.get().body == b"x"
    origin.behave(body=b"y", etag="one", headers=FRESH)
    assert server.get().body == b"y"


def test_own_condition_of_the_client_while_validating(httpd, app):
    origin = app(body=b"x", etag="one", headers=STALE)
    server = cached(httpd, origin)
    server.get()
    assert server.get(headers={"If-None-Match": '"one"'}).status == 304
    other = server.get(headers={"If-None-Match": '"other"'})
    assert (other.status, other.body) == (200, b"x")
    assert [asked["headers"]["if-none-match"] for asked in origin.requests()[1:]] == ['"one"', '"one"']


def test_range_of_the_client_while_validating(httpd, app):
    origin = app(body=b"0123456789", etag="one", headers=STALE)
    server = cached(httpd, origin)
    server.get()
    part = server.get(headers={"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"234")
    assert "range" not in origin.requests()[1]["headers"]
    origin.behave(body=b"abcdefghij", etag="two", headers=FRESH)
    part = server.get(headers={"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"cde")
    assert server.get().body == b"abcdefghij" and origin.count() == 3


def test_if_match_is_for_the_origin(httpd, app):
    origin = app(headers={**FRESH, "ETag": '"one"'})
    server = cached(httpd, origin)
    server.get()
    assert why_forwarded(server.get(headers={"If-Match": '"two"'})) == "bypass"
    assert origin.count() == 2


@pytest.mark.parametrize("by", ["POST", "Location"])
def test_what_was_asked_for_before_an_unsafe_request_is_not_stored(httpd, app, by):
    """The page is on its way while a visitor changes it."""
    origin = app(status=201, headers={"Location": "/page"})
    origin.behave("/page", body=b"old", hold=True, headers=FRESH)
    server = cached(httpd, origin)
    asking = Asking(1, lambda: server.get("/page", timeout=60))
    wait_until(lambda: origin.count("/page") == 1)
    origin.behave("/page", body=b"new", headers=FRESH)
    server.get("/page" if by == "POST" else "/comments", method="POST", body=b"")
    origin.release()
    assert asking.join()[0].body == b"old"
    assert server.get("/page").body == b"new" and is_hit(server.get("/page"))


def test_static_file_is_validated(httpd):
    server = httpd(modules=["cache"], vhost='TierCache on\nHeader set Cache-Control "no-cache"')
    (server.docroot / "file.txt").write_text("static")
    server.get("/file.txt")
    again = server.get("/file.txt")
    assert status_of(again)[1:3] == ["fwd=stale", "fwd-status=304"]
    assert (again.status, again.body, again.headers["Content-Type"]) == (200, b"static", "text/plain")
    assert server.get("/file.txt", method="HEAD").headers["Content-Length"] == "6"
