# SPDX-License-Identifier: Apache-2.0
"""What is one page and what is another: TierCacheQuery, TierCacheKey, codings, long URLs."""
import gzip
import zlib

import pytest
from cache_support import FRESH, asked_twice, cached, is_hit
from webtier_testing import wait_until


def paths_of(origin):
    return [request["path"] for request in origin.requests()]


def test_dropped_and_sorted_parameters_are_one_page_that_the_application_sees(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin, "TierCacheQuery sort\nTierCacheQuery drop utm_* fbclid")
    server.get("/p?b=2&utm_source=mail&a=1&fbclid=x")
    for query in ("a=1&b=2", "b=2&a=1", "utm_campaign=y&b=2&a=1&ut%6D_x"):
        assert is_hit(server.get("/p?" + query)), query
    assert not is_hit(server.get("/p?a=1&b=3"))
    server.get("/q?utm_source=mail")
    assert is_hit(server.get("/q"))
    assert paths_of(origin) == ["/p?a=1&b=2", "/p?a=1&b=3", "/q"]


def test_only_listed_parameters_are_kept(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin, "TierCacheQuery keep id\n<Location /off>\nTierCache off\n</Location>\n"
                    "<Location /more>\nTierCacheQuery keep id page\n</Location>")
    server.get("/p?x=1&id=7")
    assert is_hit(server.get("/p?id=7&y"))
    server.get("/off?token=1")
    server.get("/p?token=1", method="POST", body=b"x")
    server.get("/more?page=2&x=1&id=7")
    assert paths_of(origin) == ["/p?id=7", "/off?token=1", "/p?token=1", "/more?page=2&id=7"]


@pytest.mark.parametrize("more", ["TierCacheQuick on", "", "ProxyPass /n/ {url}/n/ nocanon", "RewriteEngine on\nRewriteRule ^/n/(.*) {url}/n/$1 [P,NE]"],
                         ids=["quick", "plain", "nocanon", "rewrite"])
def test_what_is_dropped_never_reaches_the_application(httpd, app, more):
    """Whatever way its URL is made: what the key does not have must not change the answer."""
    origin = app(headers=FRESH, echo=True)
    text = more.format(url=origin.url)
    server = httpd(modules=["cache"], vhost=f"TierCache on\nTierCacheQuery drop utm_*\n{text}\nProxyPass / {origin.url}/")
    server.get("/n/x?utm_source=attack&a=1")
    answer = server.get("/n/x?a=1")
    assert is_hit(answer) and b"attack" not in answer.body
    assert all("attack" not in path for path in paths_of(origin))


def test_revalidation_in_the_background_asks_for_the_normalised_url(httpd, app):
    origin = app(headers={"Cache-Control": "max-age=0, stale-while-revalidate=60"}, etag="x")
    server = cached(httpd, origin, "TierCacheQuery drop utm_*")
    server.get("/?utm_a=1&b")
    server.get("/?utm_a=2&b")
    wait_until(lambda: origin.count() >= 2)
    assert set(paths_of(origin)) == {"/?b"}


def test_parts_of_the_key(httpd, app):
    origin = app(echo=True, headers=FRESH)
    server = cached(httpd, origin, 'TierCacheKey "%{HTTP:X-Device}"\nTierCacheKey "%{req_novary:X-Land}"')
    phone, desk = {"X-Device": "phone"}, {"X-Device": "desk"}
    for fields in (phone, desk):
        assert asked_twice(server, headers=fields)
        assert fields["X-Device"].encode() in server.get(headers=fields).body
    assert not is_hit(server.get()) and is_hit(server.get())
    assert server.get(headers=phone).headers["Vary"] is None
    for one, other in (({"X-Device": "a", "X-Land": ""}, {"X-Device": "", "X-Land": "a"}),
                       ({"X-Device": "a1:b", "X-Land": ""}, {"X-Device": "a", "X-Land": "b"})):
        server.get("/x", headers=one)
        assert not is_hit(server.get("/x", headers=other))


def test_an_unsafe_request_and_a_purge_reach_all_parts(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin, 'TierCachePurgeAllow local\nTierCacheKey "%{HTTP:X-Device}"')
    devices = [{"X-Device": name} for name in ("phone", "desk")]
    for method in ("POST", "PURGE"):
        for device in devices:
            assert asked_twice(server, headers=device)
        server.get(method=method, body=b"x")
        assert not any(is_hit(server.get(headers={**device, "Cache-Control": "only-if-cached"})) for device in devices)


def test_a_key_that_comes_with_a_restart(httpd, app):
    """What was stored for all is not given to anybody after it."""
    origin = app(echo=True, headers=FRESH)
    server = cached(httpd, origin)
    server.get(headers={"X-Device": "phone"})
    server.reconfigure(vhost=f'TierCache on\nTierCacheKey "%{{HTTP:X-Device}}"\nProxyPass / {origin.url}/')
    server.graceful()
    wait_until(lambda: b"desk" in server.get(headers={"X-Device": "desk"}).body)


def test_codings_that_clients_take(httpd, app):
    """Three variants for all browsers and bots; nobody gets a coding that he does not take."""
    body = gzip.compress(b"hello")
    origin = app(body=body, headers={**FRESH, "Vary": "Accept-Encoding", "Content-Encoding": "gzip"})
    server = cached(httpd, origin)
    server.get(headers={"Accept-Encoding": "gzip, deflate"})
    for coding in ("gzip", "deflate, gzip;q=1.0", "gzip, br;q=0"):
        assert is_hit(server.get(headers={"Accept-Encoding": coding})), coding
    for coding in ("deflate", "identity", "br", "gzip;q=0"):
        assert not is_hit(server.get(headers={"Accept-Encoding": coding, "Cache-Control": "only-if-cached"})), coding
    origin.behave("/d", body=zlib.compress(b"hello"), headers={**FRESH, "Vary": "Accept-Encoding", "Content-Encoding": "deflate"})
    assert not asked_twice(server, "/d", headers={"Accept-Encoding": "gzip, deflate"})


def test_long_urls(httpd, app):
    server = cached(httpd, app(headers=FRESH))
    one, other = "/" + "a" * 8000 + "b", "/" + "a" * 8000 + "c"
    assert asked_twice(server, one) and not is_hit(server.get(other)) and is_hit(server.get(one))


@pytest.mark.parametrize("line,words", [
    ("TierCacheQuery", ["TierCacheQuery", "sort"]),
    ("TierCacheQuery sort a", ["TierCacheQuery", "sort"]),
    ("TierCacheQuery keep", ["TierCacheQuery", "keep"]),
    ("TierCacheQuery lose a", ["TierCacheQuery", "lose"]),
    ("TierCacheKey \"%{HTTP\"", ["TierCacheKey", "expressions"]),
])
def test_bad_values_are_refused_in_words(httpd, line, words):
    code, said = httpd.check(modules=["cache"], conf=line)
    assert code != 0
    for word in words:
        assert word in said, said
