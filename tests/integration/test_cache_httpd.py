# SPDX-License-Identifier: Apache-2.0
"""The cache among httpd's other modules."""
import gzip

import pytest
from cache_support import FRESH, asked_twice, cached, is_hit, proxied, status_of, why_forwarded
from webtier_testing import wait_until

GZIP = {"Accept-Encoding": "gzip"}


def test_compressed_once_and_served_compressed(httpd, app):
    origin = app(body=b"compress me " * 500, headers=FRESH)
    server = cached(httpd, origin, "SetOutputFilter DEFLATE", extra=["deflate"])
    first = server.get(headers=GZIP)
    second = server.get(headers=GZIP)
    plain = server.get()
    assert is_hit(second) and second.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(second.body) == gzip.decompress(first.body) == b"compress me " * 500
    assert why_forwarded(plain) == "vary-miss" and plain.body == b"compress me " * 500
    assert is_hit(server.get()) and server.get().headers["Content-Encoding"] is None


def test_fields_of_mod_headers_are_stored_once(httpd, app):
    server = cached(httpd, app(headers=FRESH), 'Header set X-Set 1\nHeader always set X-Always 1\nHeader append X-Appended 1')
    server.get()
    hit = server.get()
    assert is_hit(hit)
    for name in ("X-Set", "X-Always", "X-Appended"):
        assert hit.headers.get_all(name) == ["1"], name


def test_freshness_given_by_mod_headers(httpd, app):
    assert asked_twice(cached(httpd, app(), 'Header set Cache-Control "max-age=60"'))


def test_cookie_set_by_httpd_itself_is_not_stored(httpd, app):
    server = cached(httpd, app(headers=FRESH), 'Header always add Set-Cookie "a=b"')
    assert status_of(server.get())[2] == "detail=set-cookie"
    assert not is_hit(server.get())


def test_backend_that_is_down(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin)
    server.allow_log("AH00957", "AH01114", "AH00959")
    assert asked_twice(server, "/kept")
    origin.kill()
    answer = server.get("/other")
    assert answer.status == 503 and why_forwarded(answer) == "uri-miss"
    assert is_hit(server.get("/kept"))


def test_unauthorised_error_page_is_not_stored(httpd, app):
    server = cached(httpd, app(headers=FRESH), '<Location />\nRequire expr "%{HTTP:X-Pass} == \'1\'"\n</Location>')
    server.allow_log("AH01630")
    assert server.get().status == 403
    assert server.get(headers={"X-Pass": "1"}).status == 200


def test_error_document_does_not_become_the_page(httpd, app):
    origin = app(status=404, body=b"origin", headers={})
    server = cached(httpd, origin, "ProxyErrorOverride on\nErrorDocument 404 /sorry")
    origin.behave("/sorry", body=b"sorry", headers=FRESH)
    first = server.get("/missing")
    assert (first.status, first.body) == (404, b"sorry")
    second = server.get("/missing")
    assert (second.status, second.body) == (404, b"sorry")


def test_directory_index_and_rewriting(httpd):
    server = httpd(modules=["cache"], vhost=(
        'TierCache on\nHeader set Cache-Control "max-age=60"\nDirectoryIndex index.html\n'
        "RewriteEngine on\nRewriteRule ^/nice/(.*) /plain-$1.html [PT]"))
    (server.docroot / "index.html").write_text("index")
    (server.docroot / "plain-a.html").write_text("a")
    assert asked_twice(server, "/") and server.get("/").body == b"index"
    assert asked_twice(server, "/nice/a") and server.get("/nice/a").body == b"a"


def test_rewriting_in_htaccess(httpd):
    server = httpd(modules=["cache"], vhost=(
        'TierCache on\nHeader set Cache-Control "max-age=60"\n'
        "<Directory />\nAllowOverride All\nOptions FollowSymLinks\n</Directory>"))
    (server.docroot / ".htaccess").write_text("RewriteEngine on\nRewriteRule ^nice/(.*) /plain-$1.html\n")
    (server.docroot / "plain-a.html").write_text("a")
    assert asked_twice(server, "/nice/a") and server.get("/nice/a").body == b"a"
    assert why_forwarded(server.get("/plain-a.html")) == "uri-miss"


def test_page_made_by_mod_include(httpd, app):
    server = httpd(modules=["cache"], extra=["include"], vhost=(
        'TierCache on\nHeader set Cache-Control "max-age=60"\n'
        '<Location />\nOptions +Includes\nAddOutputFilter INCLUDES .html\n</Location>'))
    (server.docroot / "page.html").write_text('frame <!--#include virtual="/part.txt" -->')
    (server.docroot / "part.txt").write_text("part")
    assert asked_twice(server, "/page.html")
    assert server.get("/page.html").body == b"frame part"
    assert not is_hit(server.get("/part.txt")), "a part of a page was stored under its own URL by the page's request"


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_other_safe_methods_pass(httpd, app, method):
    server = cached(httpd, app(headers=FRESH))
    server.get()
    assert why_forwarded(server.get(method=method)) == "method"
    assert is_hit(server.get())


def test_answers_to_other_virtual_hosts_are_left_alone(httpd, app):
    origin = app(headers=FRESH)
    server = httpd(modules=["cache"], vhost=f"ProxyPass / {origin.url}/")
    assert server.get().headers["Cache-Status"] is None
    assert not asked_twice(server)


def test_cache_status_of_an_upstream_cache_comes_first(httpd, app):
    server = cached(httpd, app(headers={**FRESH, "Cache-Status": "origin; hit"}))
    assert server.get().headers["Cache-Status"] == "origin; hit, webtier; fwd=uri-miss; stored"
    assert server.get().headers["Cache-Status"].startswith("origin; hit, webtier; hit; ttl=")


def test_304_and_416_to_the_client_say_how_they_came_about(httpd, app):
    server = cached(httpd, app(headers={**FRESH, "ETag": '"one"'}))
    server.get()
    answer = server.get(headers={"If-None-Match": '"one"'})
    assert answer.status == 304 and is_hit(answer) and answer.headers["Age"] is not None
    answer = server.get(headers={"Range": "bytes=100000-"})
    assert answer.status == 416 and is_hit(answer)


def test_bounded_memory_with_many_urls(httpd, app):
    origin = app(size=20_000, headers=FRESH)
    server = cached(httpd, origin, conf="TierCacheSize 1M")
    for number in range(200):
        assert len(server.get(f"/{number}").body) == 20_000
    assert is_hit(server.get("/199"))


def test_pipelined_requests(httpd, app):
    server = cached(httpd, app(body=b"hello", headers=FRESH))
    server.get(host="a")
    one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    answers = server.raw(one * 3 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answers.count(b"HTTP/1.1 200 OK") == 4 and answers.count(b"webtier; hit") == 4
    assert answers.endswith(b"\r\n\r\nhello")


def test_http_1_0_without_host(httpd, app):
    server = cached(httpd, app(body=b"hello", headers=FRESH))
    for expected in (b"fwd=uri-miss", b"webtier; hit"):
        assert expected in server.raw(b"GET / HTTP/1.0\r\n\r\n")


def test_log_note_of_an_internal_redirect(httpd, app):
    origin = app(status=404, headers={})
    server = httpd(modules=["cache"], vhost=proxied(origin, (
        'ProxyErrorOverride on\nErrorDocument 404 /sorry\nCustomLog access.log "%U %{tier-cache}n"')))
    origin.behave("/sorry", body=b"sorry")
    server.get("/missing")
    wait_until(lambda: server.access_log().splitlines()[-1:] == ["/missing uri-miss"])
