# SPDX-License-Identifier: Apache-2.0
"""Ranges of files in storage."""
import email
import re

import pytest
from reproxy_support import placed, reproxying, says
from webtier_testing import pattern

SIZE = 200_000


def parts(answer):
    """(Content-Range, bytes) of each part."""
    message = email.message_from_bytes(b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" +
                                       answer.body)
    return [(part["Content-Range"], part.get_payload(decode=True)) for part in message.get_payload()]


@pytest.fixture
def site(httpd, app, nginx):
    a, node = app(), nginx()
    url, = placed([node], size=SIZE)
    says(a, url, headers={"ETag": '"v1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"})
    says(a, url, path="/sized", headers={"ETag": '"v1"', "X-REPROXY-EXPECTED-SIZE": str(SIZE)})
    server = reproxying(httpd, a, node)
    server.node = node
    return server


@pytest.mark.parametrize("path", ["/x", "/sized"])
def test_single_ranges(site, path):
    data = pattern(SIZE)
    for text, first, last in (("0-0", 0, 0), ("100-199", 100, 199), ("199990-", 199_990, SIZE - 1),
                              ("-5", SIZE - 5, SIZE - 1), ("-999999", 0, SIZE - 1), ("5-9999999", 5, SIZE - 1),
                              ("70000-140000", 70_000, 140_000)):
        answer = site.get(path, headers={"Range": f"bytes={text}"})
        assert answer.status == 206 and answer.body == data[first:last + 1], text
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
        assert answer.headers["Content-Length"] == str(last - first + 1) and answer.headers["ETag"] == '"v1"'
        assert answer.headers["Content-Type"] == "image/png"
    assert all(" 206 " in line for line in site.node.requests())


@pytest.mark.parametrize("path", ["/x", "/sized"])
def test_several_ranges(site, path):
    data = pattern(SIZE)
    with site.session() as session:
        answer = session.get(path, headers={"Range": "bytes=0-9, 100000-149999,-10,300000-"})
        assert answer.status == 206 and answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
        assert int(answer.headers["Content-Length"]) == len(answer.body) and "Content-Range" not in answer.headers
        assert [found[0] for found in parts(answer)] == [f"bytes 0-9/{SIZE}", f"bytes 100000-149999/{SIZE}",
                                                         f"bytes {SIZE - 10}-{SIZE - 1}/{SIZE}"]
        assert re.findall(rb"Content-Type: (\S+)", answer.body) == [b"image/png"] * 3
        assert data[100_000:150_000] in answer.body and data[:10] in answer.body and data[-10:] in answer.body
        # The first cannot be had, one is left: no multipart.
        answer = session.get(path, headers={"Range": "bytes=300000-,5-6"})
        assert answer.status == 206 and answer.body == data[5:7]
        # Parts that overlap are the whole file.
        answer = session.get(path, headers={"Range": "bytes=0-,0-,0-"})
        assert answer.status == 200 and answer.body == data


@pytest.mark.parametrize("path", ["/x", "/sized"])
def test_unsatisfiable(site, path):
    for text in ("200000-", "900000-900001", "200000-,300000-", "-0"):
        answer = site.get(path, headers={"Range": f"bytes={text}"})
        assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{SIZE}", text
        assert "ETag" not in answer.headers
    assert site.get(path).status == 200


def test_ranges_that_are_none(site):
    for text in ("bytes=", "bytes=5-4", "lines=1-2", "bytes=a-b", "bytes=0-1-2", "bytes=" + "0-0," * 65 + "1-1"):
        answer = site.get("/x", headers={"Range": text})
        assert answer.status == 200 and len(answer.body) == SIZE, text
    assert site.get("/x", headers={"Range": "bytes=0-1"}, method="HEAD").headers["Content-Length"] == str(SIZE)


def test_if_range(site):
    for validator, status in (('"v1"', 206), ('"v2"', 200), ('W/"v1"', 200),
                              ("Wed, 01 Jan 2025 00:00:00 GMT", 206), ("Wed, 01 Jan 2025 00:00:01 GMT", 200)):
        answer = site.get("/x", headers={"Range": "bytes=10-19", "If-Range": validator})
        assert answer.status == status, validator
        assert answer.body == (pattern(SIZE)[10:20] if status == 206 else pattern(SIZE))


def test_an_empty_file(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, node.put("/empty", b""))
    s = reproxying(httpd, a, node)
    assert s.get("/x").status == 200 and s.get("/x").headers["Content-Length"] == "0"
    assert s.get("/x", headers={"Range": "bytes=0-"}).status in (200, 416)


def test_a_node_that_knows_no_ranges(httpd, app):
    a, storage = app(), app(size=SIZE)
    says(a, f"{storage.url}/f")
    s = reproxying(httpd, a, storage)
    answer = s.get("/x", headers={"Range": "bytes=10-19"})
    assert answer.status == 200 and answer.body == pattern(SIZE)


def test_a_part_that_was_not_asked_for_is_not_sent(httpd, app, nginx):
    a, liar, node = app(), app(), nginx()
    url, = placed([node], size=SIZE)
    says(a, f"{liar.url}/f", url, headers={"X-REPROXY-EXPECTED-SIZE": str(SIZE)})
    s = reproxying(httpd, a, liar, node)
    for count, field in enumerate(("bytes 0-9/200000", "bytes 10-20/200000", "bytes 10-19/*", "nonsense",
                                   "bytes 10-19/100", None), 1):
        liar.behave(status=206, body=b"x" * 10, headers={"Content-Range": field})
        answer = s.get("/x", headers={"Range": "bytes=10-19"})
        assert answer.status == 206 and answer.body == pattern(SIZE)[10:20], field
        assert liar.count() == count


def test_a_206_that_nobody_asked_for(httpd, app):
    a, liar = app(), app()
    liar.behave(status=206, body=b"x" * 10, headers={"Content-Range": "bytes 10-19/200000"})
    says(a, f"{liar.url}/f")
    s = reproxying(httpd, a, liar)
    s.allow_log("WT3011")
    assert s.get("/x").status == 502
