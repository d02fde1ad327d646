# SPDX-License-Identifier: Apache-2.0
"""Files of MogileFS straight from the URL: what clients see, and what trackers and storage are asked for."""
import pytest
from mogile_support import web  # noqa: F401
from webtier_testing import wait_until
from webtier_testing.pattern import pattern

BODY = pattern(50_000)


def storage_requests(server):
    return [line for node in server.fs.nodes for line in node.requests()]


def tracker_requests(server, command="get_paths"):
    return [line for tracker in server.fs.trackers for line in tracker.seen(command)
            if "key=webtier-probe" not in line]


def test_a_key_is_a_file(any_web):
    server = any_web
    fid = server.fs.store("img/a b.png", BODY, on=(2, 3))
    answer = server.get("/f/img/a%20b.png")
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["ETag"] == f'"fid-{fid}"' and answer.headers["Content-Type"] == "image/png"
    assert "Last-Modified" not in answer.headers
    head = server.get("/f/img/a%20b.png", method="HEAD")
    assert head.status == 200 and head.headers["Content-Length"] == "50000" and head.body == b""
    part = server.get("/f/img/a%20b.png", headers={"Range": "bytes=100-199", "If-Range": f'"fid-{fid}"'})
    assert (part.status, part.body) == (206, BODY[100:200])
    assert server.get("/f/img/a%20b.png", headers={"Range": "bytes=60000-"}).status == 416
    assert all("noverify=1" in line for line in tracker_requests(server))


def test_an_unchanged_file_costs_storage_nothing(any_web):
    server = any_web
    fid = server.fs.store("key", BODY)
    for method in ("GET", "HEAD"):
        answer = server.get("/f/key", method=method, headers={"If-None-Match": f'"other", "fid-{fid}"'})
        assert answer.status == 304 and answer.headers["ETag"] == f'"fid-{fid}"'
    assert server.get("/f/key", headers={"If-Match": '"fid-0"'}).status == 412
    assert server.get("/f/key", headers={"If-None-Match": '"fid-0"'}).status == 200
    wait_until(lambda: any(f"{fid:010d}.fid" in line for line in storage_requests(server)))
    assert sum(f"{fid:010d}.fid" in line for line in storage_requests(server)) == 1


@pytest.mark.parametrize("key, url", [("a&key=b", "a%26key=b"), ("1+1=2", "1+1=2"), ("100%", "100%25"),
                                      ("café/ü", "caf%C3%A9/%C3%BC"), ("x y", "x%20y"), ("q?v=1", "q%3Fv=1")])
def test_keys_reach_the_tracker_as_they_are(any_web, key, url):
    server = any_web
    server.fs.store(key, key.encode())
    answer = server.get(f"/f/{url}?query=is&not=key")
    assert (answer.status, answer.body) == (200, key.encode())


@pytest.fixture(scope="module")
def any_web(module_stage, mariadb):
    """An httpd that several tests without faults share."""
    fs = module_stage.mogile(mariadb)
    server = module_stage.httpd(modules=["reproxy"], extra=("proxy_http", "mime"), conf=f"TierMogileTrackers {fs.trackers_line()}", vhost="""
        TierMogileDomain web
        TierMogileCacheTime 0
        TierMogileKey ^/f/(.+)$ $1
        <Location /expr/>
            TierMogileKey "%{HTTP_HOST}/%{QUERY_STRING}"
        </Location>
        <Location /whole/>
            TierMogileKey "%{REQUEST_URI}"
            ForceType text/x-forced
        </Location>
        <Location /off/>
            TierMogileDomain off
        </Location>
        <Location /unknown/>
            TierMogileDomain nosuch
            TierMogileKey "x"
        </Location>
        """)
    server.fs = fs
    return server


def test_what_is_no_key_is_404_and_not_asked_for_where_it_cannot_be(any_web):
    server = any_web
    assert server.get("/f/nosuch").status == 404
    assert server.get("/f/" + "k" * 2000).status == 404
    assert server.get("/f/%E6%97%A5%E6%9C%AC").status == 404  # the column is latin1: every tracker says "failure"
    assert server.get("/f/nul%00byte").status in (400, 404)
    assert server.get("/f/").status == 404
    assert server.get("/off/f/x").status == 404
    assert not [line for tracker in server.fs.trackers for line in tracker.seen() if "kkkkk" in line or "%00" in line]


def test_the_key_may_be_an_expression(any_web):
    server = any_web
    server.fs.store("localhost/a.jpg", b"by expression")
    assert server.get("/expr/?a.jpg", host="localhost").body == b"by expression"
    server.fs.store("/whole/page", b"whole")
    answer = server.get("/whole/page")
    assert answer.body == b"whole" and answer.headers["Content-Type"] == "text/x-forced"


def test_types_come_from_the_key_or_are_bytes(any_web):
    server = any_web
    for key, kind in (("t/page.html", "text/html"), ("t/none", "application/octet-stream"),
                      ("t/x.php", "application/octet-stream")):
        server.fs.store(key, b"x")
        assert server.get(f"/f/{key}").headers["Content-Type"] == kind


def test_the_databases_collation_decides_which_keys_are_equal(any_web):
    server = any_web
    server.fs.store("Case", b"x")
    assert [server.get(f"/f/{key}").status for key in ("Case", "CASE", "case", "cas")] == [200, 200, 200, 404]


def test_an_unknown_domain_is_503_and_in_the_log(any_web):
    any_web.allow_log("WT3510")
    answer = any_web.get("/unknown/x")
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert any_web.log_lines("WT3510")


def test_empty_files_are_files(any_web):
    any_web.fs.store("empty", b"")
    answer = any_web.get("/f/empty")
    assert answer.status == 200 and answer.headers["Content-Length"] == "0"


@pytest.mark.parametrize("mpm, tls, http2", [("prefork", False, False), ("worker", True, True)])
def test_it_works_everywhere(web, mpm, tls, http2):  # noqa: F811
    server = web(mpm=mpm, tls=tls, http2=http2, trackers=1, nodes=2)
    server.fs.store("key", BODY)
    get = server.h2get if http2 else server.get
    for _ in range(4):
        answer = get("/f/key")
        assert (answer.status, answer.body) == (200, BODY)


def test_connections_to_trackers_are_kept(web):  # noqa: F811
    server = web()
    server.fs.store("key", b"x")
    for _ in range(30):
        assert server.get("/f/key").status == 200
    opened = sum(tracker.connections() for tracker in server.fs.trackers)
    assert opened < 20 + 10, opened  # three processes, two trackers, and the questions of this test
    assert len(tracker_requests(server)) == 30
