# SPDX-License-Identifier: Apache-2.0
"""The list of what hits the application hardest: who is in it, why, and what would change it."""
import json
from html import escape

from cache_support import FRESH, http_date
from webtier_testing import wait_until

STATUS = "ProxyPass /tier-status !\n<Location /tier-status>\nSetHandler tier-status\nTierCache off\nRequire local\n</Location>\n"
SITE = ('TierCacheBypass "%{QUERY_STRING} =~ /bypass/"\nTierCacheNoStore "%{REQUEST_URI} == \'/rule\'"\nTierCacheMaxSize 1K\n')


def site(httpd, origin, more="", **options):
    return httpd(modules=["cache", "status"], vhost=f"{STATUS}{SITE}TierCache on\n{more}\nProxyPass / {origin.url}/", **options)


def hardest(server):
    return json.loads(server.get("/tier-status/json").body)["modules"]["cache"]["hardest"]


def entry(server, path):
    return next((one for one in hardest(server) if one["url"].endswith(path)), None)


WHY = [("/silent", {"Date": None}, "no-freshness", "TierCacheDefault"),
       ("/private", {"Cache-Control": "private"}, "private", "the application"),
       ("/never", {"Cache-Control": "no-store"}, "no-store", "the application"),
       ("/cookie", {**FRESH, "Set-Cookie": "a=b"}, "set-cookie", "TierCacheIgnoreSetCookie"),
       ("/any", {**FRESH, "Vary": "*"}, "vary", "Vary"),
       ("/over", {"Cache-Control": "max-age=0"}, "expired", "TierCacheMinTTL"),
       ("/visitor", {"Last-Modified": http_date(-100_000)}, "cookie", "TierCacheBypass"),
       ("/rule", FRESH, "rule", "TierCacheNoStore"),
       ("/fine", FRESH, "uri-miss", "TierCacheQuery")]


def test_each_reason_and_its_remedy(httpd, app):
    origin = app(headers=FRESH)
    server = site(httpd, origin)
    for path, fields, _, _ in WHY:
        origin.behave(path, headers=fields)
        server.get(path, headers={"Cookie": "a=b"})
    origin.behave("/large", size=5000, headers=FRESH)
    server.get("/large")
    server.get("/user", headers={"Authorization": "Basic YTpi"})
    server.get("/by?bypass")
    server.get("/wish", headers={"Cache-Control": "no-store"})
    server.get("/post", method="POST", body=b"x")
    for path, why, remedy in [*((path, why, remedy) for path, _, why, remedy in WHY), ("/large", "too-large", "TierCacheMaxSize"),
                              ("/user", "authorization", "public"), ("/by", "bypass", "TierCacheBypass"),
                              ("/wish", "request", "TierCacheIgnoreClient"), ("/post", "method", "only GET")]:
        found = entry(server, path)
        assert found and found["why"] == why and remedy in found["remedy"], (path, found)
    page = server.get("/tier-status").body.decode()
    assert all(escape(one[name]) in page for one in hardest(server) for name in ("url", "why", "remedy"))


def test_what_takes_the_application_longest_is_first(httpd, app):
    origin = app(headers={"Cache-Control": "private"})
    server = site(httpd, origin)
    took = sum(server.get(f"/often?n={number}").elapsed for number in range(20))
    origin.behave("/slow", delay=took + 0.1, headers={"Cache-Control": "private"})
    server.get("/slow", timeout=30)
    first = hardest(server)[0]
    assert first["url"].endswith("/slow") and first["origin_ms"] >= took * 1000 and first["requests"] == 1
    often = entry(server, "/often")
    assert often["requests"] == 20 and "?" not in often["url"]
    assert sum(one["percent"] for one in hardest(server)) <= 100


def test_hits_are_not_in_it(httpd, app):
    server = site(httpd, app(headers=FRESH))
    for _ in range(10):
        server.get("/page")
    assert entry(server, "/page")["requests"] == 1


def test_hostile_urls(httpd, app):
    """What is shown is visible ASCII; the page is not left by it, and neither is a line of a terminal."""
    server = site(httpd, app(headers=FRESH))
    for target in ("/%3Cscript%3Ealert(1)%3C/script%3E", "/\"'><b>", "/%0a%0d%1b[2J", "/" + "x" * 7000, "/\xff\xfe".encode().decode("latin-1")):
        server.raw(f"GET {target} HTTP/1.1\r\nHost: a\"<i>\r\nConnection: close\r\n\r\n".encode("latin-1"))
        server.raw(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode("latin-1"))
    urls = [one["url"] for one in hardest(server)]
    assert any("script" in url for url in urls)
    assert all(len(url) < 160 and all("!" <= letter <= "~" and letter not in "<>\"'" for letter in url) for url in urls)
    assert b"<script>alert" not in server.get("/tier-status").body


def test_a_child_killed_under_load_takes_nothing_with_it(httpd, app):
    origin = app(headers={"Cache-Control": "private"})
    server = site(httpd, origin)
    server.allow_log("AH00052", "AH00051")
    load = server.load(rate=200, seconds=1.5, path=[f"/{n}" for n in range(50)])
    for _ in range(3):
        server.kill_child()
    load.join()
    wait_until(lambda: len(hardest(server)) == 20)
    server.get("/after")
    assert server.get("/tier-status").status == 200


def test_more_urls_than_it_holds(httpd, app):
    """The heavy one stays among 400 that come once."""
    origin = app(headers={"Cache-Control": "private"})
    origin.behave("/heavy", delay=0.05, headers={"Cache-Control": "private"})
    server = site(httpd, origin)
    with server.session() as session:
        for number in range(400):
            session.get(f"/light-{number}")
            if number % 40 == 0:
                session.get("/heavy")
    first = hardest(server)[0]
    assert first["url"].endswith("/heavy") and first["requests"] >= 8
