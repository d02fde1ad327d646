# SPDX-License-Identifier: Apache-2.0
"""Requests that try to put a wrong answer under another visitor's key."""
from cache_support import FRESH, cached, is_hit
from herd_support import PATIENT_STORE


def echoing(httpd, app, more=""):
    origin = app(echo=True, headers=FRESH)
    return origin, cached(httpd, origin, "ProxyPreserveHost on\n" + more)


def test_two_different_hosts_in_one_request(httpd, app):
    _, server = echoing(httpd, app)
    server.raw(b"GET http://victim.test/ HTTP/1.1\r\nHost: attacker.test\r\nConnection: close\r\n\r\n")
    for host, other in (("victim.test", b"attacker.test"), ("attacker.test", b"victim.test")):
        body = server.get(host=host).body
        assert host.encode() in body and other not in body


def test_absolute_and_origin_form_are_one_page(httpd, app):
    _, server = echoing(httpd, app)
    server.raw(b"GET http://shop.test/x?y HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
    assert is_hit(server.get("/x?y", host="shop.test"))


PATHS = [("/a/b", "/a%2fb"), ("/a", "//a"), ("/a", "/a/"), ("/a", "/A"), ("/a?", "/a"), ("/a?x", "/a%3fx"),
         ("/a/../b", "/b"), ("/a;x", "/a")]


def test_paths_that_an_application_may_tell_apart(httpd, app):
    _, server = echoing(httpd, app, "AllowEncodedSlashes NoDecode")
    for number, (one, other) in enumerate(PATHS):
        host = f"pair-{number}.test"
        server.get(one, host=host)
        assert not is_hit(server.get(other, host=host)), (one, other)


def test_body_of_a_get_is_not_unkeyed_input(httpd, app):
    origin, server = echoing(httpd, app)
    server.get("/", body=b"q=attack")
    answer = server.get("/")
    assert not is_hit(answer) and b"attack" not in answer.body
    server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n6\r\nattack\r\n0\r\n\r\n")
    assert b"attack" not in server.get("/", host="a").body


def test_head_does_not_make_an_empty_page(httpd, app):
    _, server = echoing(httpd, app)
    server.get(method="HEAD")
    assert len(server.get().body) > 0


def test_lower_case_method_is_another_method(httpd, app):
    _, server = echoing(httpd, app)
    server.get(method="get")
    assert not is_hit(server.get())


def test_fragment_in_the_request_target(httpd, app):
    _, server = echoing(httpd, app)
    server.raw(b"GET /x#y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert not is_hit(server.get("/x", host="a"))


def test_tls_and_plain_text_are_two_sites(httpd, app, memcached):
    """Two boxes of one name share memcached, one of them speaks TLS."""
    store, origin = memcached(), app(headers=FRESH)
    conf, name = f"TierCacheServer {store.server}\n{PATIENT_STORE}", "ServerName localhost:8080"
    plain = cached(httpd, origin, name, conf)
    secure = cached(httpd, origin, name, conf, tls=True)
    plain.get(host="localhost:8080")
    assert not is_hit(secure.get(host="localhost:8080"))


def test_virtual_hosts_of_other_names_are_other_sites(httpd, app, memcached):
    store, origin = memcached(), app(headers=FRESH)
    conf = f"TierCacheServer {store.server}\n{PATIENT_STORE}"
    one, other = (cached(httpd, origin, f"ServerName {name}", conf) for name in ("one.test:80", "other.test:80"))
    one.get(host="shop.test")
    assert not is_hit(other.get(host="shop.test"))


def test_fields_that_make_another_request_of_it(httpd, app):
    """An application that obeys them answers another request: it is never stored, nor is it answered from the store."""
    _, server = echoing(httpd, app)
    for field in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"):
        attack, path = {field: "DELETE"}, "/" + field
        assert b"DELETE" in server.get(path, headers=attack).body
        answer = server.get(path)
        assert not is_hit(answer) and b"DELETE" not in answer.body
        assert not is_hit(server.get(path, headers=attack)) and is_hit(server.get(path))


def test_links_made_from_a_field_that_is_not_in_the_key(httpd, app):
    """X-Forwarded-Host is the administrator's: taken away, it does no harm; made part of the key, it is the attacker's own page."""
    attack = {"X-Forwarded-Host": "evil.test"}
    origin = app(echo=True, headers=FRESH)
    for cure in ("RequestHeader unset X-Forwarded-Host early\nProxyAddHeaders off", 'TierCacheKey "%{HTTP:X-Forwarded-Host}"'):
        server = cached(httpd, origin, cure)
        server.get(headers=attack)
        assert b"evil.test" not in server.get().body, cure


ASSETS = ["/account/x.css", "/account/%2e%2e/account/x.css", "//account/x.css", "/%61ccount/x.css", "/./account/x.css",
                                  "/account/x.css?v=1", "/account%2fx.css", "/account;x.css", "/account.css"]


def test_a_personal_page_under_the_name_of_an_asset(httpd, app):
    """Web cache deception: the application answers all of them with the account of whoever asks, and says nothing of freshness."""
    origin = app(echo=True, headers={"Date": None})
    server = cached(httpd, origin, 'TierCacheDefault 10min\nTierCacheBypass "%{HTTP_COOKIE} =~ /session=/"')
    for path in ASSETS:
        server.get(path, headers={"Cookie": "session=victim"})
        assert b"victim" not in server.get(path).body, path


def test_a_part_of_the_site_that_is_not_cached_in_every_spelling(httpd, app):
    server = cached(httpd, app(headers=FRESH), "<Location /account>\nTierCache off\n</Location>")
    for path in ("/account/x.css", "//account/x", "/%61ccount/x", "/x/../account/x", "/account/", "/account%2fx"):
        assert not any(is_hit(server.get(path)) for _ in range(3)), path


def test_the_suffix_of_a_path_says_nothing(httpd, app):
    """Nothing is taken for an asset by its name alone."""
    server = cached(httpd, app(headers={"Date": None}))
    assert not any(is_hit(server.get(path)) for path in ("/x.css", "/x.css", "/x.js", "/x.js"))


def test_hosts_that_an_application_may_tell_apart(httpd, app):
    _, server = echoing(httpd, app)
    for host in ("shop.test", "shop.test:80", "shop.test.", "www.shop.test"):
        assert not is_hit(server.get(host=host)), host


NO_HOSTS = [b"Host: shop.test\r\nHost: evil.test", b"Host: shop.test/x", b"Host: a@shop.test", b"Host: shop.test\\evil", b"Host:"]


def test_hosts_that_are_none(httpd, app):
    """They are refused, or answered and not stored."""
    _, server = echoing(httpd, app)
    for number, lines in enumerate(NO_HOSTS):
        server.raw(b"GET /%d HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n" % (number, lines))
        answer = server.get(f"/{number}", host="shop.test")
        assert not is_hit(answer) and b"evil" not in answer.body, lines


def test_a_part_of_a_body_does_not_become_the_page(httpd, app):
    origin = app(size=1000, headers=FRESH)
    server = cached(httpd, origin)
    server.get(headers={"Range": "bytes=0-9"})
    assert len(server.get().body) == 1000


def test_errors_that_a_request_provokes_are_not_stored_unasked(httpd, app):
    """A field that is too large, or odd, for the application would else take the page away from all."""
    origin = app()
    server = cached(httpd, origin, "TierCacheDefault 10min")
    for status in (400, 403, 413, 429, 431):
        origin.behave(f"/{status}", status=status, headers={"Date": None})
        assert not any(is_hit(server.get(f"/{status}")) for _ in range(2)), status


def test_separators_that_only_the_application_knows(httpd, app):
    """Parameter cloaking: a semicolon hides a parameter in one that is dropped; it is dropped for the application too."""
    _, server = echoing(httpd, app, "TierCacheQuery drop utm_*")
    server.get("/?utm_content=x;callback=evil&a=1")
    answer = server.get("/?a=1")
    assert b"evil" not in answer.body
