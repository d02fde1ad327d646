# SPDX-License-Identifier: Apache-2.0
"""The same requests to Perlbal and to us: the same answers wherever Perlbal is right, better ones where it is not."""
import pytest
from reproxy_support import placed, reproxying, says
from webtier_testing import pattern, wait_until

SIZE = 200_000
COMPARED = ("Content-Type", "Content-Length", "Content-Range", "ETag", "Cache-Control", "Set-Cookie", "X-Other",
            "X-REPROXY-URL", "X-REPROXY-FILE", "Location", "Server-Timing")


@pytest.fixture
def fronts(httpd, app, nginx, perlbal):
    a, absent, node = app(), nginx(), nginx()
    url, = placed([node], size=SIZE)
    s = reproxying(httpd, a, absent, node)
    p = perlbal(a)

    def ask(headers=None, method="GET", **said):
        says(a, *said.pop("urls", [f"{absent.url}/absent", url]), headers={
            "ETag": '"v1"', "Cache-Control": "max-age=9", "Set-Cookie": "a=1", "X-Other": "x", **said.pop("more", {})}, **said)
        return [front.get("/x", headers=headers, method=method) for front in (s, p)]
    ask.app, ask.node = a, node
    return ask


def test_the_same_answers(fronts):
    for said in ({}, {"method": "HEAD"}, {"headers": {"Range": "bytes=100-199"}}, {"headers": {"Range": "bytes=-5"}},
                 {"headers": {"Range": "bytes=199999-"}}, {"status": 204}, {"status": 404},
                 {"more": {"X-REPROXY-EXPECTED-SIZE": str(SIZE)}}, {"headers": {"Cookie": "a=1"}}):
        ours, theirs = fronts(**said)
        assert (ours.status, ours.body) == (theirs.status, theirs.body), said
        for name in COMPARED:
            assert ours.headers.get_all(name) == theirs.headers.get_all(name), (said, name)
    capabilities = {request["headers"].get("x-proxy-capabilities") for request in fronts.app.requests("/x")}
    assert capabilities == {"reproxy-file"}

    def asked_alike():
        asked = [line.split('"')[1].rpartition(" ")[0] for line in fronts.node.requests()]
        return asked and asked[0::2] == asked[1::2]
    wait_until(asked_alike)  # nginx logs a request when it has been answered


def test_where_perlbal_is_wrong(fronts):
    ours, theirs = fronts(headers={"Range": "bytes=0-9"}, more={"X-REPROXY-EXPECTED-SIZE": str(SIZE)})
    assert (ours.status, theirs.status) == (206, 503) and ours.body == pattern(10)
    ours, theirs = fronts(urls=[f"{fronts.node.url}/absent"])
    assert (ours.status, theirs.status) == (404, 503)
