# SPDX-License-Identifier: Apache-2.0
"""X-REPROXY-URL: what the application names comes from storage, with the application's fields."""
import pytest
from reproxy_support import memory_kib, placed, reproxying, says
from webtier_testing import pattern, settings, wait_until

@pytest.fixture(scope="module")
def shared(module_stage):
    """A front, an application and a node that several tests without faults share."""
    application, node = module_stage.app(), module_stage.nginx()
    return reproxying(module_stage.httpd, application, node), application, node


@pytest.fixture
def site(shared):
    """(front, application, node); the application has said nothing yet."""
    shared[1].clear()
    return shared


INTERNAL = ("X-REPROXY-URL", "X-REPROXY-FILE", "X-REPROXY-EXPECTED-SIZE", "X-REPROXY-CACHE-FOR", "Location")


def test_the_file_comes_in_place_of_the_body(site):
    s, a, node = site
    with s.session() as session:
        for size in (0, 1, 1000, 65_535, 1_000_000):
            says(a, node.put("/f", pattern(size)), headers={"X-REPROXY-EXPECTED-SIZE": str(size)})
            answer = session.get("/x")
            assert answer.status == 200 and answer.body == pattern(size), size
            assert answer.headers["Content-Length"] == str(size)
            assert answer.headers["Content-Type"] == "image/png"
            assert not [name for name in INTERNAL if name in answer.headers]
    assert a.requests("/x")[0]["headers"]["x-proxy-capabilities"] == "reproxy-file"


def test_the_application_is_the_author_of_the_fields(httpd, app, nginx):
    a, node = app(), nginx('add_header Set-Cookie "storage=1"; add_header Location "http://10.0.0.1/x"; '
                           'add_header X-Storage yes; add_header X-REPROXY-URL "http://10.0.0.1/x"; '
                           'add_header X-REPROXY-FILE "/etc/passwd"; etag on;')
    says(a, node.put("/f.txt", pattern(5000)), headers={"Set-Cookie": "app=1", "Cache-Control": "max-age=9",
                                                        "ETag": '"app"', "X-Other": "1"})
    s = reproxying(httpd, a, node)
    answer = s.get("/x")
    assert answer.body == pattern(5000)  # what storage says is not obeyed
    assert not {"X-REPROXY-URL", "X-REPROXY-FILE"} & set(answer.headers.keys())
    assert answer.headers.get_all("Set-Cookie") == ["app=1"] and answer.headers.get_all("Cache-Control") == ["max-age=9"]
    assert answer.headers["ETag"] == '"app"' and answer.headers["X-Other"] == "1"
    assert "X-Storage" not in answer.headers and "Location" not in answer.headers
    assert "Last-Modified" not in answer.headers and answer.headers["Accept-Ranges"] == "bytes"


def test_fields_of_storage_that_are_let_through(httpd, app, nginx):
    a, node = app(), nginx("add_header X-Storage yes; add_header X-Other storage;")
    says(a, node.put("/f", pattern(50)), headers={"Content-Type": None, "X-Other": "app"})
    s = reproxying(httpd, a, node, more="TierReproxyStorageFields Content-Type Last-Modified X-Storage X-Other")
    answer = s.get("/x")
    assert answer.headers["Content-Type"] == "application/octet-stream" and answer.headers["X-Storage"] == "yes"
    assert answer.headers.get_all("X-Other") == ["app"] and "Last-Modified" in answer.headers


def test_storage_gets_no_credentials(httpd, app):
    a, storage = app(), app(body=b"stored")
    says(a, f"{storage.url}/f?q=1")
    s = reproxying(httpd, a, storage)
    answer = s.get("/x", headers={"Cookie": "a=1", "Authorization": "Basic eDp5", "X-Forwarded-For": "1.2.3.4",
                                  "Accept-Encoding": "gzip", "If-None-Match": '"x"', "User-Agent": "test"})
    assert answer.status == 200 and answer.body == b"stored"
    request, = storage.requests()
    assert request["method"] == "GET" and request["path"] == "/f?q=1"
    assert set(request["headers"]) == {"host", "connection"}
    assert request["headers"]["host"] == f"127.0.0.1:{storage.port}"


def test_a_client_s_own_fields_are_not_obeyed(httpd, app, nginx):
    a, node = app(body=b"page"), nginx()
    url = node.put("/f", b"secret")
    s = reproxying(httpd, a, node, more=f"TierReproxyFileRoot {node.docs}")
    answer = s.get("/x", headers={"X-REPROXY-URL": url, "X-REPROXY-FILE": str(node.docs / "f")})
    assert answer.body == b"page" and not node.requests()


def test_without_the_directive_nothing_is_touched(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, node.put("/f", b"stored"))
    s = reproxying(httpd, a, node, more="TierReproxy off")
    answer = s.get("/x")
    assert answer.body == b"the application's own body\n" and answer.headers["X-REPROXY-URL"] == f"{node.url}/f"
    assert "x-proxy-capabilities" not in a.requests("/x")[0]["headers"]


def test_the_application_s_status_is_the_client_s(site):
    s, a, node = site
    url = node.put("/f", b"stored")
    for status, expected in ((204, 200), (200, 200), (203, 203), (404, 404), (503, 503)):
        says(a, url, status=status)
        answer = s.get("/x", headers={"Range": "bytes=0-1"} if expected != 200 else None)
        assert answer.status == expected and answer.body == b"stored", status


def test_other_names_and_repeated_fields(httpd, app, nginx):
    a, node = app(), nginx()
    good = node.put("/f", b"stored")
    a.behave(headers=[("X-Accel", f"{node.url}/absent"), ("X-Accel", good), ("X-Size", "6")])
    s = reproxying(httpd, a, node, more="TierReproxyHeader url X-Accel X-Other\nTierReproxyHeader size X-Size")
    answer = s.get("/x")
    assert answer.body == b"stored" and "X-Accel" not in answer.headers and "X-Size" not in answer.headers


def test_head_asks_storage_for_the_head(site):
    s, a, node = site
    says(a, node.put("/head", pattern(70_000)))
    with s.session() as session:
        for _ in range(2):
            answer = session.get("/x", method="HEAD")
            assert answer.status == 200 and answer.body == b"" and answer.headers["Content-Length"] == "70000"
        assert session.get("/x").body == pattern(70_000)
    wait_until(lambda: [line.split('"')[1].split()[0] for line in node.requests() if " /head " in line] ==
               ["HEAD", "HEAD", "GET"])


def test_a_post_is_answered_with_the_file(site):
    s, a, node = site
    says(a, node.put("/f", b"stored"))
    answer = s.get("/x", method="POST", body=b"form")
    assert answer.body == b"stored" and a.requests("/x")[0]["body"] == b"form"


def test_pipelined_requests_are_answered_in_order(site):
    s, a, node = site
    for number in range(3):
        says(a, node.put(f"/f{number}", b"file %d." % number), path=f"/{number}")
    a.behave("/plain", body=b"plain.")
    paths = ["/0", "/plain", "/1", "/2"]
    sent = "".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths[:-1])
    sent += "GET /2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = s.raw(sent.encode())
    assert [answer.find(text) for text in (b"file 0.", b"plain.", b"file 1.", b"file 2.")] == sorted(
        answer.find(text) for text in (b"file 0.", b"plain.", b"file 1.", b"file 2."))
    assert answer.count(b"HTTP/1.1 200 OK") == 4 and b"file 2." in answer


def test_connections_to_storage_are_kept(httpd, app):
    a, storage = app(), app(body=b"stored")
    says(a, f"{storage.url}/f")
    s = reproxying(httpd, a, storage, conf="ServerLimit 1\nStartServers 1\nMaxRequestWorkers 32")
    with s.session() as session:
        for _ in range(20):
            assert session.get("/x").body == b"stored"
    assert len({request["connection"] for request in storage.requests()}) == 1
    assert len(storage.requests()) == 20


def test_storage_answers_without_a_length(httpd, app):
    a, storage = app(), app()
    s = reproxying(httpd, a, storage)
    for chunked in (True, False):
        storage.behave(size=200_000, chunked=chunked, headers={} if chunked else {"Content-Length": None,
                                                                                  "Connection": "close"})
        says(a, f"{storage.url}/f")
        answer = s.get("/x")
        assert answer.body == pattern(200_000) and answer.headers["Transfer-Encoding"] == "chunked"
        says(a, f"{storage.url}/f", headers={"X-REPROXY-EXPECTED-SIZE": "200000"})
        answer = s.get("/x")
        assert answer.body == pattern(200_000) and answer.headers["Content-Length"] == "200000"


def test_if_none_match_is_answered_without_storage(site):
    s, a, node = site
    says(a, node.put("/conditional", b"stored"), headers={"ETag": '"v1"'})
    answer = s.get("/x", headers={"If-None-Match": '"v1"'})
    assert answer.status == 304 and answer.headers["ETag"] == '"v1"' and answer.body == b""
    assert s.get("/x", headers={"If-Match": '"v2"'}).status == 412
    assert s.get("/x", headers={"If-None-Match": '"v2"'}).body == b"stored"
    wait_until(lambda: sum(" /conditional " in line for line in node.requests()) == 1)


def test_if_modified_since_by_the_application_s_date(site):
    s, a, node = site
    says(a, node.put("/f", b"stored"), headers={"Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"})
    assert s.get("/x", headers={"If-Modified-Since": "Wed, 01 Jan 2025 00:00:00 GMT"}).status == 304
    assert s.get("/x", headers={"If-Modified-Since": "Tue, 31 Dec 2024 00:00:00 GMT"}).status == 200
    says(a, f"{node.url}/f")
    assert s.get("/x", headers={"If-Unmodified-Since": "Tue, 31 Dec 2024 00:00:00 GMT"}).status == 200


def test_idle_connections_keep_no_buffer(httpd, app, nginx):
    """A body is read into 128 KiB; 200 connections that wait for their next request would have 25 MiB of them."""
    a, node, sessions = app(), nginx(), []
    says(a, *placed([node], size=100_000))
    s = reproxying(httpd, a, node, conf="StartServers 1\nServerLimit 1\nThreadsPerChild 32\nMaxRequestWorkers 32\n"
                   "AsyncRequestWorkerFactor 8\nKeepAliveTimeout 60")
    for count in range(220):
        if count == 20:  # what threads have for good is there
            before = memory_kib(s)
        sessions.append(s.session())
        assert sessions[-1].get("/x").body == pattern(100_000)
    assert settings.SANITIZE or (memory_kib(s) - before) / 200 < 80
    for session in sessions:
        session.close()
