# SPDX-License-Identifier: Apache-2.0
"""References in pages and style sheets, rewritten while they stream.

Tests that neither stop nor reconfigure anything share one httpd, and answer from a path of their own.
"""
import gzip
import http.client
import random
import re
import socket

import pytest
from assets_support import counters, put
from webtier_testing import wait_until

HTML = {"Content-Type": "text/html; charset=utf-8"}
MAP = 'TierAssetsRewrite on\nTierAssetsMap "/assets/" "/static/v1/"\nTierAssetsMap "/logo.png" "/static/logo-2.png"\n'
ELSEWHERE = 'TierAssetsMap "/elsewhere/" "https://cdn.example.net/a/"\n'
PAGE = b"""<!doctype html><!-- /assets/no --><link rel=stylesheet href="/assets/a.css">
<script>var a = "<img src='/assets/no.png'>";</script>
<img src=/assets/b.png srcset='/assets/c.png 1x, /logo.png 2x'><a href="/assets">no</a><textarea>/assets/</textarea>
<p style="background:url(&quot;/assets/d.png&quot;)">\xc3\xa9 &copy; <b title='/assets/'></p>"""
REWRITTEN = PAGE.replace(b'href="/assets/a', b'href="/static/v1/a').replace(b"src=/assets/b", b"src=/static/v1/b") \
    .replace(b"/assets/c", b"/static/v1/c").replace(b"/logo.png", b"/static/logo-2.png") \
    .replace(b"/assets/d", b"/static/v1/d")


def rewriting(httpd, origin, more="", lines=MAP, **options):
    return httpd(modules=[*options.pop("modules", []), "assets", "status"], vhost=f"""
        {lines}
        <Location "/tier-status">
            SetHandler tier-status
        </Location>
        ProxyPass "/tier-status" "!"
        ProxyPass "/local/" "!"
        {more}
        ProxyPass "/" "{origin.url}/"
        """, **options)


@pytest.fixture(scope="module")
def origin(module_stage):
    return module_stage.app()


@pytest.fixture(scope="module")
def by_hand():
    """A socket of an application that is played by a test."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        yield listening


@pytest.fixture(scope="module")
def server(module_stage, origin, by_hand):
    return rewriting(module_stage.httpd, origin, modules=["cache"], extra=["filter", "deflate"], lines=MAP + ELSEWHERE, more=f"""
        ProxyPass "/by-hand/" "http://127.0.0.1:{by_hand.getsockname()[1]}/"
        TierAssets "/local/" "store"
        TierAssetsVariants gzip
        TierAssets "/kept/" "kept"
        <Location "/off">
            TierAssetsRewrite off
        </Location>
        <Location "/deflated">
            SetOutputFilter DEFLATE
        </Location>
        <Location "/cached">
            TierCache on
        </Location>
        """)


def grown(server, before):
    """What the counters of pages have grown by, without those that have not."""
    now = counters(server)
    flat = {name: now[name] - before[name] for name in ("pages", "references", "references_changed")}
    flat.update({name: now["pages_untouched"][name] - number for name, number in before["pages_untouched"].items()})
    return {name: number for name, number in flat.items() if number}


def test_a_page_is_rewritten_and_nothing_else_of_it(server, origin):
    origin.behave("/page", body=PAGE,
                  headers={**HTML, "Last-Modified": "Tue, 24 Nov 2020 10:00:00 GMT", "Content-MD5": "x",
                           "Digest": "x", "Content-Digest": "x", "Repr-Digest": "x"})
    before = counters(server)
    answer = server.get("/page", headers={"Accept-Encoding": "gzip"})
    assert answer.body == REWRITTEN and answer.headers["Content-Type"] == HTML["Content-Type"]
    for gone in ("Last-Modified", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest"):
        assert answer.headers[gone] is None, gone
    assert answer.headers["Content-Length"] in (None, str(len(REWRITTEN)))
    assert "accept-encoding" not in origin.requests("/page")[0]["headers"]
    assert grown(server, before) == {"pages": 1, "references": 6, "references_changed": 5}


def test_in_pieces_it_is_the_same(server, origin):
    origin.behave("/pieces", body=PAGE * 8, headers=HTML, chunked=True, drip=(97, 0.0005))
    assert server.get("/pieces").body == REWRITTEN * 8


def test_what_is_known_is_sent_at_once(server, by_hand):
    parts = [b"<img src='/assets/%d'>" % number + b" " * 2980 + b"<i " for number in range(3)]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(20)
        client.sendall(b"GET /by-hand/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
        application, _ = by_hand.accept()
        with application:
            application.recv(4096)
            application.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
            got = b""
            for number, part in enumerate(parts):  # each is sent once the one before has arrived
                application.sendall(part)
                while b"/static/v1/%d" % number not in got:
                    got += client.recv(16384)
        while piece := client.recv(16384):
            got += piece
    # The page ends within a tag.
    assert got.partition(b"\r\n\r\n")[2] == b"".join(parts).replace(b"/assets/", b"/static/v1/")


def test_pages_of_any_size_stay_whole(server, origin):
    text = b"".join(b"<img src='/assets/%d.png'>" % number + b"x" * (number * 37 % 9001) for number in range(60))
    origin.behave("/large", body=text, headers=HTML)
    assert server.get("/large").body == text.replace(b"/assets/", b"/static/v1/")


def test_the_tag_depends_on_the_map_and_is_translated_back(httpd, app):
    origin = app(body=PAGE, headers=HTML, etag='"one"')
    server = rewriting(httpd, origin)
    tag = server.get("/").headers["ETag"]
    assert re.fullmatch(r'"one-t[0-9a-f]{16}"', tag)
    again = server.get("/", headers={"If-None-Match": f'"x", W/"y,z", {tag}'})
    assert again.status == 304 and again.headers["ETag"] == tag
    assert origin.requests("/")[1]["headers"]["if-none-match"] == '"x", W/"y,z", "one"'
    assert server.get("/", method="HEAD").headers["ETag"] == tag
    server.stop()  # after a graceful restart a child of the old generation may still answer
    server.reconfigure(vhost=f'{MAP}TierAssetsMap "/x/" "/y/"\nProxyPass "/" "{origin.url}/"\n')
    server.start()
    changed = server.get("/", headers={"If-None-Match": tag, "If-Modified-Since": "Tue, 24 Nov 2040 10:00:00 GMT"})
    assert changed.status == 200 and changed.headers["ETag"] != tag
    sent = origin.requests("/")[-1]["headers"]
    assert "if-none-match" not in sent and "if-modified-since" not in sent


def test_head_says_what_get_says(server, origin):
    origin.behave("/head", body=PAGE, headers={**HTML, "ETag": '"one"'})
    head, page = server.get("/head", method="HEAD"), server.get("/head")
    assert head.headers["ETag"] == page.headers["ETag"]
    assert head.headers["Content-Length"] in (None, str(len(REWRITTEN)))


def test_ranges_are_of_the_rewritten_page_or_of_none(server, origin):
    origin.behave("/range", body=PAGE, headers={**HTML, "ETag": '"one"'})
    tag = server.get("/range").headers["ETag"]
    part = server.get("/range", headers={"Range": "bytes=60-79", "If-Range": tag})
    assert part.body in (REWRITTEN, REWRITTEN[60:80]) and "range" not in origin.requests("/range")[1]["headers"]
    origin.behave("/range", status=206, body=PAGE[:70],
                  headers={**HTML, "ETag": '"one"', "Content-Range": "bytes 0-69/999"})
    before = counters(server)
    plain = server.get("/range", headers={"Range": "bytes=0-69"})
    assert plain.status == 206 and plain.body == PAGE[:70] and plain.headers["ETag"] == '"one"'
    assert grown(server, before) == {"range": 1}


def test_local_pages_are_rewritten_too(server):
    put(server, "p.html", PAGE)
    put(server, "s.css", b"@import '/assets/a.css'; a{b:url(../logo.png)}")
    page = server.get("/local/p.html")
    assert page.body == REWRITTEN
    put(server, "s.css.gz", gzip.compress(b"what is compressed could not be read"))
    for encoding in ("identity", "gzip"):
        assert server.get("/local/s.css", headers={"Accept-Encoding": encoding}).body == \
            b"@import '/static/v1/a.css'; a{b:url(/static/logo-2.png)}"
    again = server.get("/local/p.html", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status == 304 and again.headers["ETag"] == page.headers["ETag"]
    part = server.get("/local/p.html", headers={"Range": "bytes=60-79"})
    assert part.status == 206 and part.body == REWRITTEN[60:80] and part.headers["ETag"] == page.headers["ETag"]
    assert part.headers["Content-Range"] == f"bytes 60-79/{len(REWRITTEN)}"
    same = server.get("/local/p.html", headers={"Range": "bytes=60-79", "If-Range": page.headers["ETag"]})
    assert same.body in (REWRITTEN, REWRITTEN[60:80])


@pytest.mark.parametrize("reason, headers, body", [
    ("encoded", {**HTML, "Content-Encoding": "gzip"}, gzip.compress(PAGE, mtime=0)),
    ("no_transform", {**HTML, "Cache-Control": "max-age=9, no-transform"}, PAGE),
    ("charset", {"Content-Type": "text/html; charset=UTF-16LE"}, PAGE.decode().encode("utf-16-le")),
    ("charset", {"Content-Type": "text/html"}, PAGE.decode().encode("utf-16")),
], ids=["encoded", "no_transform", "utf-16le", "utf-16 mark"])
def test_pages_that_must_not_be_read_pass_untouched(server, origin, reason, headers, body):
    origin.behave("/untouched", body=body, headers={**headers, "ETag": '"one"'})
    before = counters(server)
    answer = server.get("/untouched")
    assert answer.body == body and answer.headers["ETag"] == '"one"'
    assert answer.headers["Content-Length"] == str(len(body)) and grown(server, before) == {reason: 1}


@pytest.mark.parametrize("body, expected", [
    (PAGE, REWRITTEN), (PAGE.decode().encode("utf-16"), PAGE.decode().encode("utf-16")), (b"", b"")], ids=["page", "utf-16 mark", "empty"])
def test_a_head_that_comes_alone(server, origin, body, expected):
    """It is sent on before the page's first byte, and must not tell the length that the page had."""
    origin.behave("/late", body=body, headers=[("Content-Type", "text/html")], hold_at=0)
    with server.connect() as stream:
        stream.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = http.client.HTTPResponse(stream)
        if body:
            answer.begin()
        origin.release()
        if not body:
            answer.begin()
        assert answer.status == 200 and answer.read() == expected


def first_chunk(server, path, *fields):
    """Returns the size of the first chunk of an answer that has some, or its Content-Length."""
    fields = "".join(f"{field}\r\n" for field in fields)
    head, _, body = server.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n".encode(),
                               timeout=30).partition(b"\r\n\r\n")
    return int(body.split(b"\r\n")[0], 16) if b"Transfer-Encoding: chunked" in head else (head, len(body))


def test_the_first_bytes_of_a_page_do_not_wait_for_those_behind_them(httpd, app):
    noise = bytes(random.Random(1).choices(b"abcdefghijklmnopqrstuvwxyz", k=60_000))
    body = b"<img src=/assets/a>" + noise
    origin = app(body=body, headers=HTML)
    origin.behave("/small", body=PAGE * 8, headers=HTML)
    server = httpd(modules=["assets"], extra=["deflate"], vhost=f"""
        {MAP}
        <Location /packed>
            SetOutputFilter DEFLATE
        </Location>
        ProxyPass / {origin.url}/
        """)
    assert 500 < first_chunk(server, "/") <= 1024 + len("static/v1") - len("assets")
    assert server.get("/").body == body.replace(b"/assets/", b"/static/v1/")
    # Compressed all the worse the sooner it has to be sent.
    assert first_chunk(server, "/packed", "Accept-Encoding: gzip") > 1500
    head, size = first_chunk(server, "/small")
    assert size == 8 * len(REWRITTEN) and b"Content-Length: %d" % size in head  # whole, as it came


def test_a_client_may_forbid_it(server, origin):
    origin.behave("/forbidden", body=PAGE, headers={**HTML, "ETag": '"one"'})
    before = counters(server)
    answer = server.get("/forbidden", headers={"Cache-Control": "no-transform"})
    assert answer.body == PAGE and answer.headers["ETag"] == '"one"' and grown(server, before) == {"no_transform": 1}


def test_other_types_pass_untouched(server, origin):
    for kind in ("application/json", "text/javascript", "image/svg+xml", "application/rss+xml", "application/xml", "text/plain"):
        origin.behave("/other", body=PAGE, headers={"Content-Type": kind, "ETag": '"one"'})
        before = counters(server)
        answer = server.get("/other")
        assert answer.body == PAGE and answer.headers["ETag"] == '"one"' and grown(server, before) == {}, kind


def test_xhtml_is_read_as_xml(server, origin):
    origin.behave("/xhtml", body=b"<html><title/><img src='/assets/a'/><![CDATA[<img src='/assets/no'/>]]></html>",
                  headers={"Content-Type": "application/xhtml+xml"})
    assert server.get("/xhtml").body == \
        b"<html><title/><img src='/static/v1/a'/><![CDATA[<img src='/assets/no'/>]]></html>"


def test_links_of_the_head_are_rewritten(server, origin):
    origin.behave("/links", body=b"<p>", headers=[
        ("Content-Type", "text/html"), ("Link", '</assets/a.css>; rel=preload; title="</assets/no>", <b>; rel=next'),
        ("Link", "</assets/c.js>; rel=preload")])
    links = ", ".join(value for name, value in server.get("/links").header_list if name == "Link")
    assert links == '</static/v1/a.css>; rel=preload; title="</assets/no>", <b>; rel=next, </static/v1/c.js>; rel=preload'


def test_another_host_keeps_integrity_valid_and_the_policy_is_looked_at(server, origin):
    origin.behave("/policy", body=b"<script integrity=x src='/elsewhere/a.js'></script>",
                  headers={**HTML, "Content-Security-Policy": "script-src 'self'"})
    server.allow_log("WT4005")
    for _ in range(3):
        assert server.get("/policy").body == \
            b"<script crossorigin=\"anonymous\" integrity=x src='https://cdn.example.net/a/a.js'></script>"
    assert len(server.log_lines("WT4005")) == 1 and "cdn.example.net" in server.log_lines("WT4005")[0]


def test_relative_references_know_their_page_and_base(server, origin):
    origin.behave("/shop/page", body=b"<img src='../assets/a'><base href='/assets/x/'><img src='b'><img src=../c>",
                  headers=HTML)
    assert server.get("/shop/page?x=/a/").body == \
        b"<img src='/static/v1/a'><base href='/assets/x/'><img src='/static/v1/x/b'><img src=/static/v1/c>"


def test_tokens_without_end_pass_within_bounds(server, origin):
    body = b"<img src='/assets/a'><img title='" + b"x" * 3_000_000 + b"'><img src='/assets/b'>"
    origin.behave("/endless", body=body, headers=HTML)
    assert server.get("/endless", timeout=20).body == body.replace(b"/assets/", b"/static/v1/")


def test_a_page_of_tiny_chunks_takes_no_longer_than_it_is(server, origin):
    page = b"<img title='" + b"x" * 50_000 + b"' src='/assets/a'>" + b"y" * 30_000 + b"<img src='/assets/b'>"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in page) + b"0\r\n\r\n"
    origin.behave("/tiny", garbage=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert server.get("/tiny", timeout=20).body == page.replace(b"/assets/", b"/static/v1/")


def test_it_is_off_where_it_is_off(server, origin):
    origin.behave("/off", body=PAGE, headers=HTML)
    assert server.get("/off").body == PAGE


def test_with_compression_behind_it(server, origin):
    origin.behave("/deflated", body=PAGE, headers=HTML, etag='"one"')
    answer = server.get("/deflated", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == REWRITTEN
    tag = answer.headers["ETag"]
    again = server.get("/deflated", headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
    assert again.status == 304 and origin.requests("/deflated")[1]["headers"]["if-none-match"] == '"one"'


def test_with_the_cache_behind_it(server, origin):
    origin.behave("/cached", body=PAGE, headers={**HTML, "Cache-Control": "max-age=60", "ETag": '"one"'})
    first, hits = server.get("/cached"), []

    def is_hit():
        hits.append(server.get("/cached"))
        return "hit" in hits[-1].headers["Cache-Status"]
    wait_until(is_hit, 20)
    assert first.body == hits[-1].body == REWRITTEN and first.headers["ETag"] == hits[-1].headers["ETag"]
    assert origin.count("/cached") <= len(hits)
    assert server.get("/cached", headers={"If-None-Match": first.headers["ETag"]}).status == 304


def test_what_is_kept_is_the_applications_and_what_is_sent_is_rewritten(server, origin):
    origin.behave("/kept/a.css", body=b"a{b:url(/assets/x)}", headers={"Content-Type": "text/css"})
    for _ in range(2):
        assert server.get("/kept/a.css").body == b"a{b:url(/static/v1/x)}"
    wait_until((server.root / "kept/a.css").exists)
    assert (server.root / "kept/a.css").read_bytes() == b"a{b:url(/assets/x)}"


def test_prefork_and_http2(httpd, app):
    origin = app(body=PAGE * 20, headers=HTML)
    assert rewriting(httpd, origin, mpm="prefork").get("/").body == REWRITTEN * 20
    lines = MAP.replace("TierAssetsRewrite on", '<Location "/on">\nTierAssetsRewrite on\n</Location>')
    server = rewriting(httpd, origin, http2=True, tls=True, lines=lines)
    assert server.h2get("/on").body == REWRITTEN * 20 and server.h2get("/").body == PAGE * 20  # off by default


def test_it_is_off_without_rules(httpd, app):
    origin = app(body=PAGE, headers=HTML, etag='"one"')
    answer = rewriting(httpd, origin, lines="TierAssetsRewrite on\n").get("/")
    assert answer.body == PAGE and answer.headers["ETag"] == '"one"'


@pytest.mark.parametrize("line, problem", [
    ('TierAssetsMap assets/ /a/', 'TierAssetsMap: "assets/" is neither a path nor an URL'),
    ('TierAssetsMap /a/ "/b c/"', 'TierAssetsMap: "/b c/" is neither a path nor an URL'),
    ('TierAssetsMap /a/ https://cdn.example.net', 'TierAssetsMap: "https://cdn.example.net" is neither'),
    ('TierAssetsMap /a/ /b', 'TierAssetsMap: "/a/" and "/b" must both end with a slash'),
    ('TierAssetsRewrite maybe', 'TierAssetsRewrite must be On or Off'),
])
def test_wrong_lines_are_refused(httpd, line, problem):
    status, text = httpd.check(modules=["assets"], conf=line)
    assert status != 0 and problem in text
