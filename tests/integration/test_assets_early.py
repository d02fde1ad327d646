# SPDX-License-Identifier: Apache-2.0
"""Early hints: what a page's head had clients load is told to the next ones before the application answers."""
import socket

import pytest
from assets_support import STATUS, counters
from webtier_testing import process, settings

HTML = [("Content-Type", "text/html")]
PAGE = b"<head><link rel=stylesheet href=/assets/a.css><script src=/assets/b.js></script><body><p>x"
LINK = "</static/a.css>; rel=preload; as=style, </static/b.js>; rel=preload; as=script"
HINTS = f"HTTP/1.1 103 Early Hints\r\nLink: {LINK}\r\n\r\nHTTP/1.1 200 OK\r\n".encode()
OWN = b"HTTP/1.1 103 Early Hints\r\nLink: </own.css>; rel=preload; as=style\r\n\r\n"
MAPPED = b"HTTP/1.1 103 Early Hints\r\nX-Own: </assets/no>\r\nLink: </own.css>; rel=preload, <../assets/own.js>; rel=preload\r\n\r\n"


@pytest.fixture(scope="module")
def origin(module_stage):
    started = module_stage.app(body=PAGE, headers=HTML)
    started.behave("/on/own", garbage=OWN + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    started.behave("/http2/own", garbage=OWN + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    for path in ("/on/mapped", "/off/mapped"):
        started.behave(path, garbage=MAPPED * 2 + b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n"
                       b"HTTP/1.1 103 \r\nLink: </assets/>")
    started.behave("/on/missing", status=404, body=PAGE, headers=HTML)
    started.behave("/on/kept", body=b"<script src=../kept/c.js></script><script src=../other/c.js></script>", headers=HTML)
    started.behave("/on/private", body=PAGE.replace(b"/assets/", b"/mine/"), headers=HTML)
    return started


@pytest.fixture(scope="module")
def server(module_stage, origin):
    return module_stage.httpd(modules=["assets", "status"], http2=True, vhost=f"""
        H2EarlyHints on
        TierAssetsRewrite on
        TierAssetsMap "/assets/" "/static/"
        TierAssets "/kept/" "store"
        <Location "/on">
            TierAssetsEarlyHints on
        </Location>
        <Location "/http2">
            TierAssetsEarlyHints http2
        </Location>
        {STATUS}
        ProxyPass "/tier-status" "!"
        ProxyPass "/" "{origin.url}/"
        """)


def answer(server, path, *fields, accept="text/html", protocol="1.1", method="GET", host="localhost"):
    """All that httpd says to a browser that opens a page."""
    lines = [f"{method} {path} HTTP/{protocol}", f"Host: {host}", f"Accept: {accept}", *fields, "Connection: close", "", ""]
    return server.raw("\r\n".join(lines).encode(), timeout=10)


def heads(server, path):
    """The heads that an HTTP/2 client gets."""
    ran = process.run([settings.program("curl"), "--silent", "--show-error", "--http2-prior-knowledge", "--output", "/dev/null",
                       "--dump-header", "-", "--header", "Accept: text/html", server.url + path])
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip().split("\n\n")


def test_the_second_client_gets_what_the_page_had(server):
    before = counters(server)["early_hints"]
    assert answer(server, "/on/page").startswith(b"HTTP/1.1 200 OK\r\n")
    second = answer(server, "/on/page?x=y")
    assert second.startswith(HINTS) and second.endswith(b"\r\n\r\n" + PAGE.replace(b"/assets/", b"/static/"))
    assert second.count(b"Link:") == 1 and counters(server)["early_hints"] == before + 1


def test_only_who_opens_a_page_gets_them(server):
    answer(server, "/on/who")
    assert answer(server, "/on/who", "Sec-Fetch-Dest: document", accept="*/*").startswith(HINTS)
    for fields in (["Sec-Fetch-Dest: empty"], ['If-None-Match: "x"'], ["If-Modified-Since: Tue, 24 Nov 2020 10:00:00 GMT"],
                   ["Range: bytes=0-1"], ["Expect: 100-continue"]):
        assert b" 103 " not in answer(server, "/on/who", *fields), fields
    assert answer(server, "/on/who", host="www.example.com").startswith(b"HTTP/1.1 200 OK")
    assert b" 103 " not in answer(server, "/on/who", accept="image/png")
    assert b" 103 " not in answer(server, "/on/who", protocol="1.0")
    assert b" 103 " not in answer(server, "/on/who", method="HEAD")


def test_nothing_is_learnt_from_errors_and_of_what_is_no_asset(server):
    for path in ("/on/missing", "/on/private", "/on/missing", "/on/private"):
        assert b" 103 " not in answer(server, path)


def test_assets_of_the_site_need_no_rule(server):
    answer(server, "/on/kept")
    assert b"Link: </kept/c.js>; rel=preload; as=script\r\n\r\n" in answer(server, "/on/kept")


def test_a_page_without_them_ends_them(server, origin):
    origin.behave("/on/changed", body=PAGE, headers=HTML)
    answer(server, "/on/changed")
    origin.behave("/on/changed", body=b"<p>x", headers=HTML)
    assert answer(server, "/on/changed").startswith(HINTS)
    assert b" 103 " not in answer(server, "/on/changed")


def test_off_by_default_and_http2_alone_where_that_is_said(server):
    for path in ("/off", "/http2/page"):
        assert b" 103 " not in answer(server, path) and b" 103 " not in answer(server, path)
    heads(server, "/http2/page")  # under another Host than those before
    early, page = heads(server, "/http2/page")
    assert early.splitlines() == ["HTTP/2 103 ", f"link: {LINK}"] and page.startswith("HTTP/2 200")
    assert len(heads(server, "/off")) == 1


def test_those_of_the_application_are_passed_on(server):
    assert OWN in answer(server, "/on/own")
    got = answer(server, "/http2/own")
    assert b" 103 " not in got and got.endswith(b"\r\n\r\nx")
    early, _ = heads(server, "/http2/own")
    assert early.startswith("HTTP/2 103") and "link: </own.css>; rel=preload; as=style" in early


def test_links_of_those_are_rewritten_and_nothing_else(server):
    rewritten = MAPPED.replace(b"<../assets/", b"</static/")
    for path in ("/on/mapped", "/off/mapped"):
        got = answer(server, path)
        assert got.startswith(rewritten * 2 + b"HTTP/1.1 200 OK\r\n") and got.endswith(b"\r\n\r\nHTTP/1.1 103 \r\nLink: </assets/>")
    got = heads(server, "/on/mapped")
    assert len(got) == 3 and got[0].startswith("HTTP/2 103") and "</static/own.js>" in got[0] and "</static/own.js>" in got[1]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:  # other requests of the connection
        client.sendall(b"GET /on/mapped HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2
                       + b"GET /on/mapped HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = b"".join(iter(lambda: client.recv(65536), b""))
    assert got.count(rewritten) == 6 and got.count(b"HTTP/1.1 200 OK") == 3


def test_the_value_is_checked(httpd):
    status, text = httpd.check(modules=["assets"], conf="TierAssetsEarlyHints yes")
    assert status != 0 and 'TierAssetsEarlyHints: "yes" is not off, http2 or on' in text
