# SPDX-License-Identifier: Apache-2.0
"""conf-examples/cache-wordpress.conf: what a visitor sees comes from the cache, what a user sees never does."""
import contextlib

import pytest
import wordpress_support
from cache_support import is_hit
from test_conf_examples import HOST, needs, text_of
from wordpress_support import CART, COMMENTER, LOGGED_IN

NAME = "cache-wordpress.conf"


@pytest.fixture
def site(httpd):
    """httpd with the example in front of a fake WordPress."""
    with contextlib.closing(wordpress_support.Server()) as blog:
        ours, stock = needs(NAME)
        server = httpd(modules=ours, stock=stock)
        server.stop()
        server.reconfigure(conf=text_of(NAME, LISTEN=f"127.0.0.1:{server.port}", APP1=blog.url))
        server.start()
        server.blog = blog
        yield server
        server.stop()


def get(site, path="/", cookie=None, **options):
    headers = dict(options.pop("headers", {}))
    if cookie:
        headers["Cookie"] = cookie
    return site.get(path, host=HOST, headers=headers, **options)


def test_a_visitors_page_is_cached(site):
    first = get(site, "/post/")
    again = get(site, "/post/", cookie="_ga=GA1.2.3; wp-settings-time-1=2")
    assert is_hit(again) and again.body == first.body and b"visitor" in first.body
    assert is_hit(get(site, "/post/", headers={"Cache-Control": "no-cache", "Pragma": "no-cache"}))


KNOWN = [
    f"{LOGGED_IN}=anna", f"a=b; {LOGGED_IN}=anna", f"{COMMENTER}=anna", f"a=b; {CART}=3; c=d",
    "wp-postpass_0123=secret", "wordpress_sec_0123=x", "wp_woocommerce_session_0123=x", "woocommerce_cart_hash=x"]


def test_a_known_visitor_neither_gets_nor_leaves_a_cached_page(site):
    for number, cookie in enumerate(KNOWN):
        path = f"/post-{number}/"
        mine = get(site, path, cookie=cookie)
        visitors = get(site, path)
        assert b"visitor, 0" in visitors.body and not is_hit(visitors), cookie
        again = get(site, path, cookie=cookie)
        assert not is_hit(again) and again.body not in (mine.body, visitors.body), cookie
        assert get(site, path).body == visitors.body, cookie


def test_a_cookie_in_a_second_line_counts(site):
    get(site, "/post/")
    answer = site.raw(f"GET /post/ HTTP/1.1\r\nHost: {HOST}\r\nCookie: a=b\r\nCookie: {LOGGED_IN}=anna\r\n"
                      "Connection: close\r\n\r\n".encode())
    assert b"hello anna" in answer


NEVER = [
    "/wp-admin/", "/wp-login.php", "/wp-json/wp/v2/posts", "/wp-cron.php", "/xmlrpc.php", "/cart/", "/checkout/", "/my-account/orders/",
    "/?p=7&preview=true", "/?s=shoes", "/shop/?add-to-cart=12", "/?wc-ajax=get_refreshed_fragments", "/blog//wp-admin/"]


def test_what_is_never_cached(site):
    for path in NEVER:
        before = len(site.blog.made)
        assert not any(is_hit(get(site, path)) for _ in range(3)), path
        assert len(site.blog.made) == before + 3, path


def test_logging_in_and_commenting(site):
    get(site, "/post/")
    logged_in = get(site, "/wp-login.php", method="POST", body=b"log=anna&pwd=x")
    cookie = logged_in.headers["Set-Cookie"].partition(";")[0]
    assert b"hello anna" in get(site, "/post/", cookie=cookie).body
    assert is_hit(get(site, "/post/"))
    commented = get(site, "/wp-comments-post.php", method="POST", body=b"author=bob&comment=hi")
    assert commented.status == 302 and not is_hit(get(site, "/post/"))
    assert b"hello bob" in get(site, "/post/", cookie=commented.headers["Set-Cookie"].partition(";")[0]).body
    assert b"visitor" in get(site, "/post/").body and is_hit(get(site, "/post/"))


def test_head_and_post_of_a_page(site):
    get(site, "/post/")
    assert is_hit(get(site, "/post/", method="HEAD"))
    assert not is_hit(get(site, "/post/", method="POST", body=b"x=y"))
    assert not is_hit(get(site, "/post/"))
