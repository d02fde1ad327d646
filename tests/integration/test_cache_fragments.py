# SPDX-License-Identifier: Apache-2.0
"""Pages put together by mod_include: the frame and each part is cached, or not, as itself."""
import gzip

import pytest
from cache_support import FRESH, is_hit, status_of
from herd_support import PATIENT_STORE
from test_conf_examples import HOST, needs, text_of
from webtier_testing import wait_until

NAME = "cache-fragments.conf"
HTML = {"Content-Type": "text/html"}
FRAME = b'<p>frame</p><!--#include virtual="/basket" -->|<!--#include virtual="/news" -->'


@pytest.fixture
def shop(httpd, app, request):
    """httpd with the example (and more of the virtual host) in front of a shop; server.origin."""
    more, conf = getattr(request, "param", ("", ""))
    origin = app(body=FRAME, headers={**HTML, "Cache-Control": "s-maxage=3600"}, etag="frame")
    origin.behave("/basket", echo=True, headers={"Content-Type": "text/html", "Cache-Control": "private"})
    origin.behave("/news", body=b"old news", headers={**HTML, **FRESH})
    ours, stock = needs(NAME)
    server = httpd(modules=ours, stock=[*stock, "deflate"])
    server.stop()
    text = text_of(NAME, LISTEN=f"127.0.0.1:{server.port}", APP1=origin.url).replace("</VirtualHost>", more + "\n</VirtualHost>")
    server.reconfigure(conf=conf + text)
    server.start()
    server.origin = origin
    return server


def page(server, who="anna", path="/", **fields):
    return server.get(path, host=HOST, headers={"Cookie": f"user={who}", **fields})


@pytest.mark.parametrize("shop", [("", ""), ("TierCacheQuick on", "")], ids=["handler", "quick"], indirect=True)
def test_the_frame_is_cached_and_the_basket_is_not(shop):
    for who in ("anna", "bob", "anna"):
        answer = page(shop, who)
        assert answer.status == 200 and b"frame" in answer.body and b"old news" in answer.body
        assert f"user={who}".encode() in answer.body and b"<!--" not in answer.body
        assert answer.headers["ETag"] is None and answer.headers["Cache-Control"] == "private, no-cache"
    assert is_hit(page(shop))
    assert (shop.origin.count("/"), shop.origin.count("/news"), shop.origin.count("/basket")) == (1, 1, 4)


def test_a_part_is_removed_by_itself(shop):
    page(shop)
    shop.origin.behave("/news", body=b"new news", headers={**HTML, **FRESH})
    shop.get("/news", host=HOST, method="POST", body=b"")
    answer = page(shop)
    assert b"new news" in answer.body and is_hit(answer)
    assert shop.origin.count("/") == 1


def test_a_part_as_a_page_of_its_own(shop):
    page(shop)
    answer = shop.get("/news", host=HOST)
    assert is_hit(answer) and answer.body == b"old news"
    assert b"old news" in page(shop).body


def test_conditions_and_ranges_are_not_the_parts(shop):
    """The page as a whole has no validator, and no part is cut or left out because of what the client has."""
    for number, fields in enumerate(({"If-None-Match": '"frame"'}, {"Range": "bytes=0-4"}, {"If-Modified-Since": "Sun, 06 Nov 2044 08:49:37 GMT"})):
        for _ in range(2):
            answer = page(shop, path=f"/?{number}", **fields)
            assert answer.status == 200 and b"frame" in answer.body and b"old news" in answer.body, fields
        assert is_hit(answer)


@pytest.mark.parametrize("shop", [("<Location />\nSetOutputFilter DEFLATE\n</Location>", "")], indirect=True)
def test_the_whole_is_compressed_for_who_takes_it(shop):
    for _ in range(2):
        packed = page(shop, **{"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip" and b"old news" in gzip.decompress(packed.body)
        assert b"old news" in page(shop).body
    assert shop.origin.count("/news") == 1
    assert all("accept-encoding" not in request["headers"] for request in shop.origin.requests("/news"))


def test_a_stale_frame_is_confirmed_and_a_stale_part_fetched(shop):
    """mod_proxy sends no conditions for the parts of a page."""
    shop.origin.behave("/", body=FRAME, etag="frame", headers={**HTML, "Cache-Control": "max-age=0"})
    shop.origin.behave("/news", body=b"old news", etag="news", headers={**HTML, "Cache-Control": "max-age=0"})
    for _ in range(3):
        answer = page(shop)
        assert b"old news" in answer.body and b"user=anna" in answer.body
    assert "fwd-status=304" in status_of(answer)
    assert shop.origin.count("/news") == 3


def test_a_part_that_fails(shop):
    """Its place says so; the page and the other parts are there, and nothing of it is kept."""
    shop.allow_log("AH01071", "mod_include", "include")
    shop.origin.behave("/news", status=503, headers=HTML)
    assert b"frame" in page(shop).body
    shop.origin.behave("/news", body=b"old news", headers={**HTML, **FRESH})
    assert b"old news" in page(shop).body


def test_many_visitors_share_one_request_for_a_part(shop):
    shop.origin.behave("/news", body=b"old news", hold=True, headers={**HTML, **FRESH})
    load = shop.load(rate=100, seconds=0.3, headers={"Host": HOST}, timeout=30)
    wait_until(lambda: shop.origin.count("/news") == 1)
    shop.origin.release()
    report = load.join()
    assert not report.errors, report
    assert shop.origin.count("/news") == 1 and shop.origin.count("/") == 1


def test_it_is_off_by_default(httpd, app):
    """A part is asked for each time; nothing of the page is kept, as its answer is private to mod_include's visitor."""
    origin = app(body=b'<!--#include virtual="/news" -->', headers={**HTML, "Cache-Control": "no-store"})
    origin.behave("/news", body=b"news", headers={**HTML, **FRESH})
    server = httpd(modules=["cache"], extra=["include", "filter"], vhost=(
        f"TierCache on\nProxyPass / {origin.url}/\n<Location />\nOptions +IncludesNoExec\nAddOutputFilterByType INCLUDES text/html\n</Location>"))
    for _ in range(3):
        assert server.get().body == b"news"
    assert origin.count("/news") == 3


def test_with_memcached(httpd, app, memcached):
    origin, store = app(body=FRAME, headers={**HTML, "Cache-Control": "max-age=60"}), memcached()
    origin.behave("/news", body=b"news", headers={**HTML, **FRESH})
    origin.behave("/basket", body=b"basket", headers={**HTML, "Cache-Control": "private"})
    servers = [httpd(modules=["cache"], extra=["include", "filter"], conf=f"TierCacheServer {store.server}\n{PATIENT_STORE}", vhost=(
        f"ServerName {HOST}:80\nTierCache on\nProxyPass / {origin.url}/\n<Location />\nTierCacheFragments on\nOptions +IncludesNoExec\n"
        "AddOutputFilterByType INCLUDES text/html\n</Location>")) for _ in range(2)]
    wait_until(lambda: is_hit(page(servers[0])))
    for _ in range(3):
        assert page(servers[1]).body == b"<p>frame</p>basket|news"
    assert origin.count("/") <= 2 and origin.count("/news") <= 2
