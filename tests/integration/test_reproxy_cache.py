# SPDX-License-Identifier: Apache-2.0
"""X-REPROXY-CACHE-FOR: the application is not asked again, and nobody gets what is another's."""
import pytest
from reproxy_support import placed, reproxying, says, told
from webtier_testing import wait_until

ONE_CHILD = "ServerLimit 1\nStartServers 1\nMaxRequestWorkers 32\nTierReproxyCache 2"


@pytest.fixture
def site(httpd, app, nginx):
    a, node = app(), nginx()
    url, = placed([node], size=1000)
    server = reproxying(httpd, a, node, conf=ONE_CHILD)

    def remember(said="60; X-Kept Set-Cookie", **headers):
        a.clear()
        says(a, url, headers={"X-REPROXY-CACHE-FOR": said, "X-Kept": "yes", "X-Dropped": "yes", "Set-Cookie": "a=1",
                              **{name.replace("_", "-"): value for name, value in headers.items()}})
        return server
    server.app, server.node, server.remember = a, node, remember
    return server


def test_the_application_is_asked_once(site):
    site.remember()
    first = site.get("/x")
    assert first.headers["X-Dropped"] == "yes" and "X-REPROXY-CACHE-FOR" not in first.headers
    for _ in range(3):
        answer = site.get("/x")
        assert answer.status == 200 and answer.body == first.body and answer.headers["X-Kept"] == "yes"
        assert answer.headers["Content-Type"] == "image/png"
        assert "X-Dropped" not in answer.headers and "Set-Cookie" not in answer.headers
    assert site.get("/x", headers={"Range": "bytes=0-9"}).body == first.body[:10]
    assert site.get("/x", method="HEAD").headers["Content-Length"] == "1000"
    assert site.app.count() == 1 and told(site)["remembered"] == 5


def test_what_is_not_the_same_request(site):
    site.remember()
    site.get("/x")
    site.get("/x?a=1")
    site.get("/x", host="other.example.com")
    site.get("/x", method="POST", body=b"1")
    assert site.app.count() == 4


def test_credentials(site):
    site.remember()
    for headers in ({"Cookie": "user=1"}, {"Authorization": "Basic eDp5"}):
        site.get("/x", headers=headers)
        site.get("/x", headers=headers)
    assert site.app.count() == 4
    site.get("/x")
    site.get("/x", headers={"Cookie": "user=1"})
    assert site.app.count() == 6
    site.remember(Cache_Control="public, max-age=5")
    site.get("/y", headers={"Cookie": "user=1"})
    site.get("/y", headers={"Cookie": "user=2"})
    site.get("/y")
    assert site.app.count() == 1


def test_what_is_not_remembered(site):
    site.allow_log("WT3006")
    for headers in ({"Cache_Control": "private"}, {"Cache_Control": "no-store"}, {"Vary": "Accept-Language"}, {"said": "0"},
                    {"said": "soon"}):
        site.remember(**headers)
        site.get("/x")
        site.get("/x")
        assert site.app.count() == 2, headers


def test_it_ends_and_is_bounded(site):
    site.remember("1")
    site.get("/x")
    site.get("/x")
    assert site.app.count() == 1
    wait_until(lambda: site.get("/x") and site.app.count() == 2, 3)
    site.remember()
    for path in ("/1", "/2", "/3", "/1"):
        site.get(path)
    assert site.app.count() == 4


def test_a_file_that_is_gone_is_asked_for_again(site):
    site.remember()
    assert site.get("/x").status == 200
    site.node.remove("/file")
    other = site.node.put("/other", b"new place")
    says(site.app, other)
    assert site.get("/x").body == b"new place"


def test_off_by_default(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node]), headers={"X-REPROXY-CACHE-FOR": "60"})
    s = reproxying(httpd, a, node)
    assert "X-REPROXY-CACHE-FOR" not in s.get("/x").headers
    s.get("/x")
    assert a.count() == 2
