# SPDX-License-Identifier: Apache-2.0
"""Who may read the status, by which methods and URLs, and what may keep the answer."""
import pytest

from webtier_testing import wait_until

URLS = ("/tier-status", "/tier-status/json", "/tier-status/metrics")


def section(*lines, path="/tier-status"):
    body = "".join(f"    {line}\n" for line in lines)
    return f'<Location "{path}">\n    SetHandler tier-status\n{body}</Location>\n'


def statuses(server, **options):
    return [server.get(url, **options).status for url in URLS]


def refused(server, count):
    """Checks that as many refusals were logged, and announces them."""
    server.allow_log("WT8001")
    assert len(server.wait_log("WT8001", count=count)) == count


def test_local_by_default(httpd):
    server = httpd(modules=["status"], vhost=section())
    assert statuses(server) == [200, 200, 200]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_forwarded_requests_are_not_local(httpd, name):
    """A proxy on the same host connects from loopback for anybody; what it adds gives it away."""
    server = httpd(modules=["status"], vhost=section())
    assert statuses(server, headers={name: "127.0.0.1"}) == [403, 403, 403]
    refused(server, 3)


def test_a_proxy_on_this_host_does_not_open_the_page(httpd):
    inner = httpd(modules=["status"], vhost=section())
    outer = httpd(vhost=f"ProxyPass / {inner.url}/")
    assert outer.get("/tier-status").status == 403
    refused(inner, 1)


def test_remoteip_cannot_make_a_client_local(httpd):
    """mod_remoteip, which trusts everybody here, believes the header; the connection has to be admitted as well."""
    server = httpd(modules=["status"], extra=["remoteip"], conf="RemoteIPHeader X-Client",
                   vhost=section("TierStatusAllow 203.0.113.0/24"))
    assert server.get("/tier-status", headers={"X-Client": "203.0.113.9"}).status == 403
    assert "[client 203.0.113.9" in server.wait_log("WT8001")[0]
    refused(server, 1)


def test_remoteip_makes_a_client_remote(httpd):
    server = httpd(modules=["status"], extra=["remoteip"], conf="RemoteIPHeader X-Client", vhost=section())
    assert server.get("/tier-status", headers={"X-Client": "203.0.113.9"}).status == 403
    assert server.get("/tier-status").status == 200
    refused(server, 1)


def test_both_addresses_admitted(httpd):
    server = httpd(modules=["status"], extra=["remoteip"], conf="RemoteIPHeader X-Client",
                   vhost=section("TierStatusAllow local 203.0.113.0/24"))
    assert server.get("/tier-status", headers={"X-Client": "203.0.113.9"}).status == 200


def test_other_networks_only(httpd):
    server = httpd(modules=["status"], vhost=section("TierStatusAllow 192.0.2.0/24 2001:db8::/32"))
    assert statuses(server) == [403, 403, 403]
    refused(server, 3)


def test_network_of_the_client(httpd):
    server = httpd(modules=["status"], vhost=section("TierStatusAllow 127.0.0.0/24"))
    assert statuses(server) == [200, 200, 200]


def test_all_leaves_it_to_require(httpd):
    server = httpd(modules=["status"], vhost=section("TierStatusAllow all") +
                   section("TierStatusAllow all", "Require expr \"%{QUERY_STRING} == 'key'\"", path="/guarded"))
    assert server.get("/tier-status", headers={"X-Forwarded-For": "203.0.113.9"}).status == 200
    assert server.get("/guarded?key").status == 200
    server.allow_log("AH01630")
    assert server.get("/guarded").status == 403


def test_require_holds_as_well(httpd):
    server = httpd(modules=["status"], vhost=section("Require all denied"))
    server.allow_log("AH01630")
    assert statuses(server) == [403, 403, 403]


def test_a_section_replaces_what_it_inherits(httpd):
    server = httpd(modules=["status"], conf="TierStatusAllow 192.0.2.1",
                   vhost=section() + '<Location "/tier-status/metrics">\nTierStatusAllow local\n</Location>')
    assert statuses(server) == [403, 403, 200]
    refused(server, 2)


@pytest.mark.parametrize("word", ["Local", "none", "localhost", "10.0.0.0/33", "10.0.0.256", "1.2.3.4/x"])
def test_wrong_words_stop_the_start(httpd, word):
    code, text = httpd.check(modules=["status"], vhost=section(f"TierStatusAllow local {word}"))
    assert code != 0
    assert f'TierStatusAllow: "{word}" is not allowed: expected local, all, an IP address or a network' in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "BREW"])
def test_other_methods(httpd, method):
    server = httpd(modules=["status"], conf="TraceEnable off", vhost=section())
    answer = server.get("/tier-status", method=method)
    assert answer.status == 405
    assert {"GET", "HEAD"} <= set(answer.headers["allow"].replace(" ", "").split(","))
    assert not {"POST", "PUT", "DELETE", "PATCH"} & set(answer.headers["allow"].replace(" ", "").split(","))


def test_head_is_get_without_its_body(httpd):
    server = httpd(modules=["status"], vhost=section())
    for url in URLS:
        head, get = server.get(url, method="HEAD"), server.get(url)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
        # The uptime in it may have grown by a digit or two in between.
        assert abs(int(head.headers["content-length"]) - len(get.body)) < 64


def test_unknown_urls(httpd):
    server = httpd(modules=["status"], vhost=section() + '<Location "/">\nSetEnv x y\n</Location>')
    for url in ("/tier-status/jsno", "/tier-status/json/", "/tier-status/x/json", "/tier-statusjson"):
        assert server.get(url).status == 404, url
    assert statuses(server) == [200, 200, 200]


@pytest.mark.parametrize("paths", [("/tier-status", "/tier-status/metrics"), ("/tier-status/metrics", "/tier-status")])
def test_a_section_within_the_section(httpd, paths):
    server = httpd(modules=["status"], vhost="".join(section(path=path) for path in paths))
    assert statuses(server) == [200, 200, 200]
    assert server.get("/tier-status/metrics").headers["content-type"].startswith("text/plain")
    assert server.get("/tier-status/metrics/json").status == 404


def test_a_virtual_host_of_its_own(httpd):
    server = httpd(modules=["status"], vhost=section(path="/"))
    assert [server.get(url).status for url in ("/", "/json", "/metrics", "/x")] == [200, 200, 200, 404]
    assert b'href="/json"' in server.get("/").body


def test_a_regular_expression(httpd):
    server = httpd(modules=["status"], vhost='<LocationMatch "^/s[0-9]">\nSetHandler tier-status\n</LocationMatch>')
    assert server.get("/s1").headers["content-type"].startswith("text/html")
    assert server.get("/s1/json").headers["content-type"] == "application/json"


def test_proxypass_of_everything_needs_no_exception(httpd, app):
    origin = app()
    server = httpd(modules=["status"], vhost=f"ProxyPass / {origin.url}/\n" + section())
    assert statuses(server) == [200, 200, 200]
    assert server.get("/tier-status/x").status == 404
    assert server.get("/tier-status", method="POST", body=b"x").status == 405
    assert origin.count() == 0
    assert server.get("/other").status == 200
    assert origin.count() == 1


def test_nobody_keeps_an_answer(httpd):
    server = httpd(modules=["status"], vhost=section())
    answers = [server.get(url) for url in (*URLS, "/tier-status/none")]
    answers += [server.get(URLS[0], method="POST"), server.get(URLS[0], headers={"Via": "1.1 x"})]
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 405, 403]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    refused(server, 1)


def test_mod_cache_keeps_no_answer(httpd):
    """A cache that is told to keep everything it may keep asks the handler each time."""
    server = httpd(modules=["status"], extra=["cache", "cache_socache", "socache_shmcb"],
                   conf="CacheEnable socache /\nCacheDefaultExpire 100\nCacheHeader on", vhost=section())
    times = {server.get("/tier-status/json").body for _ in range(3)}
    assert len(times) == 3
    assert "HIT" not in server.get("/tier-status/json").headers.get("x-cache", "")


@pytest.mark.parametrize("lines", ["TierCache On", "TierCache On\nTierCacheQuick On"])
def test_mod_tier_cache_keeps_no_answer(httpd, app, lines):
    """The whole site is cached, and the status is not: also where the origin had an answer for its URL."""
    origin = app(headers={"Cache-Control": "max-age=60"})
    server = httpd(modules=["cache", "status"], vhost=f"{lines}\nProxyPass / {origin.url}/\n" + section())
    assert server.get("/page").status == 200
    wait_until(lambda: "hit" in server.get("/page").headers["cache-status"])
    bodies = set()
    for _ in range(3):
        answer = server.get("/tier-status/json")
        assert "hit" not in answer.headers.get("cache-status", "")
        bodies.add(answer.body)
    assert len(bodies) == 3
    assert server.get("/tier-status/json", headers={"Via": "1.1 x"}).status == 403
    refused(server, 1)


def test_a_request_body_is_read_and_ignored(httpd):
    server = httpd(modules=["status"], vhost=section())
    answer = server.raw(b"GET /tier-status/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
                        b"GET /tier-status/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2
