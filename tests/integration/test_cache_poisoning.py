# SPDX-License-Identifier: Apache-2.0
"""Requests that try to put a wrong answer under another visitor's key."""
import pytest
from cache_support import FRESH, cached, is_hit


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


@pytest.mark.parametrize("one,other", [("/a/b", "/a%2fb"), ("/a", "//a"), ("/a", "/a/"), ("/a", "/A"), ("/a?", "/a"),
                                       ("/a?x", "/a%3fx"), ("/a/../b", "/b"), ("/a;x", "/a")])
def test_paths_that_an_application_may_tell_apart(httpd, app, one, other):
    _, server = echoing(httpd, app, "AllowEncodedSlashes NoDecode")
    server.get(one)
    assert not is_hit(server.get(other))


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
    conf, name = f"TierCacheServer {store.server}", "ServerName localhost:8080"
    plain = cached(httpd, origin, name, conf)
    secure = cached(httpd, origin, name, conf, tls=True)
    plain.get(host="localhost:8080")
    assert not is_hit(secure.get(host="localhost:8080"))


def test_virtual_hosts_of_other_names_are_other_sites(httpd, app, memcached):
    store, origin = memcached(), app(headers=FRESH)
    conf = f"TierCacheServer {store.server}"
    one, other = (cached(httpd, origin, f"ServerName {name}", conf) for name in ("one.test:80", "other.test:80"))
    one.get(host="shop.test")
    assert not is_hit(other.get(host="shop.test"))
