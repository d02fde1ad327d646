# SPDX-License-Identifier: Apache-2.0
"""Files that a build has compressed, sent to those who want them."""
import gzip
import os
import time

import pytest
from assets_support import counters, kept, put, wait_kept
from webtier_testing import wait_until

OLD = "Tue, 24 Nov 2020 10:00:00 GMT"  # files that are younger than two seconds are left alone
CSS = b"body { margin: 0 }\n" * 50


@pytest.fixture
def server(httpd, app):
    origin = app(body=b"fetched", headers={"Content-Type": "text/css", "Cache-Control": "max-age=60"})
    # All of the same time, as copying may make them: that alone is no tag.
    made = kept(httpd, origin, more="TierAssetsVariants br zstd gzip\nFileETag MTime\n")
    when = time.time() - 1000
    for name, body in (("a.css", CSS), ("a.css.gz", gzip.compress(CSS)), ("a.css.br", b"brotli"), ("a.css.zst", b"zstandard"), ("b.css", CSS),
                       ("a.png", b"png"), ("a.png.gz", b"no")):
        os.utime(put(made, name, body), (when, when))
    return made


def get(server, name, accept, **headers):
    return server.get("/assets/" + name, headers={**({"Accept-Encoding": accept} if accept else {}), **headers})


def test_each_gets_what_it_wants_most_with_conditions_and_ranges_of_its_own(server):
    plain = get(server, "a.css", None)
    small = get(server, "a.css", "gzip, deflate")
    smallest = get(server, "a.css", "gzip, deflate, br")
    assert plain.body == CSS and gzip.decompress(small.body) == CSS and smallest.body == b"brotli"
    assert [answer.headers["Content-Encoding"] for answer in (plain, small, smallest)] == [None, "gzip", "br"]
    assert {answer.headers["Vary"] for answer in (plain, small, smallest)} == {"Accept-Encoding"}
    assert {answer.headers["Content-Type"] for answer in (plain, small, smallest)} == {"text/css"}
    assert len({answer.headers["ETag"] for answer in (plain, small, smallest)}) == 3
    assert get(server, "a.css", "gzip;q=0").body == CSS and get(server, "a.css", "br;q=0, gzip").body == small.body
    assert counters(server)["variants"] == 3
    zstd = get(server, "a.css", "gzip;q=0.5, zstd")
    assert zstd.body == b"zstandard" and zstd.headers["Content-Encoding"] == "zstd"
    assert zstd.headers["ETag"] not in {answer.headers["ETag"] for answer in (plain, small, smallest)}
    tag = small.headers["ETag"]
    assert get(server, "a.css", "gzip", **{"If-None-Match": tag}).status == 304
    assert get(server, "a.css", None, **{"If-None-Match": tag}).status == 200
    part = get(server, "a.css", "gzip", Range="bytes=0-9", **{"If-Range": tag})
    assert part.status == 206 and part.body == small.body[:10] and part.headers["Content-Encoding"] == "gzip"
    assert part.headers["Content-Range"] == f"bytes 0-9/{len(small.body)}"
    # A tag of one is no tag of another: whoever has a part of the one must not put a part of the other to it.
    other = get(server, "a.css", "br", Range="bytes=0-2", **{"If-Range": tag})
    assert other.status == 200 and other.body == b"brotli"
    assert get(server, "a.css", "br", Range="bytes=1-3").body == b"rot"
    put(server, "a.css.gz", gzip.compress(CSS, 1))  # made anew, of the same file
    assert get(server, "a.css", "gzip", **{"If-None-Match": tag}).headers["ETag"] not in (None, tag)


def test_what_is_no_variant(server):
    plain = get(server, "b.css", "br, gzip")
    assert plain.body == CSS and plain.headers["Vary"] == "Accept-Encoding"
    image = get(server, "a.png", "gzip")
    assert image.body == b"png" and image.headers["Vary"] is None

    path = put(server, "a.css", b"new")
    later = path.stat().st_mtime + 100
    os.utime(path, (later, later))
    assert get(server, "a.css", "br, gzip").body == b"new"
    assert get(server, "c.css.gz", "gzip").body == b"fetched"
    wait_kept(server, "c.css.gz")
    put(server, "c.css", CSS)
    os.utime(put(server, "c.css", CSS), (1, 1))
    assert get(server, "c.css", "gzip").body == CSS


def test_what_is_missing_is_compressed_in_the_background(httpd, app):
    text = b"".join(b"p { margin: %d }\n" % number for number in range(800))
    origin = app(body=text, headers={"Content-Type": "text/css", "Cache-Control": "max-age=60", "ETag": '"1"', "Last-Modified": OLD})
    origin.behave(path="/assets/own.css", body=text, headers={"Content-Type": "text/css", "Last-Modified": OLD,
                                                               "Cache-Control": "no-transform"})
    made = kept(httpd, origin, more="TierAssetsVariants br gzip\nTierAssetsCompress on\n")
    put(made, "a.css", text)
    for name in ("b.css", "own.css"):
        made.get("/assets/" + name)
        wait_kept(made, name)
    wait_until(lambda: counters(made)["compressed"] == 6, 25)
    for name in ("a.css", "b.css"):
        br, gz = get(made, name, "br, gzip"), get(made, name, "gzip")
        assert gzip.decompress(gz.body) == text and len(br.body) < len(gz.body) and br.headers["Content-Encoding"] == "br"
        assert len({br.headers["ETag"], gz.headers["ETag"], get(made, name, None).headers["ETag"]}) == 3
    assert get(made, "own.css", "br, gzip").body == text
    # Another content: never that of before, compressed or not.
    put(made, "a.css", b"new" * 1000)
    assert get(made, "a.css", "br, gzip").body == b"new" * 1000
    wait_until(lambda: counters(made)["compressed"] == 8, 25)
    assert gzip.decompress(get(made, "a.css", "gzip").body) == b"new" * 1000
