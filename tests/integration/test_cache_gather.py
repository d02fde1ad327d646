# SPDX-License-Identifier: Apache-2.0
"""What comes in small pieces is sent in larger ones, but never kept while more has to be waited for."""
import http.client

import pytest
from cache_support import FRESH, cached, is_hit
from fcgi_support import FcgiResponder
from reproxy_support import reproxying, says
from webtier_testing import PROXY_FAULTS, pattern

BEGUN = 20_000
SIZE = 120_000


def read_until(client, size):
    """Reads until there are so many bytes; they come without more being asked for."""
    got = b""
    while len(got) < size:
        more = client.recv(65536)
        assert more, f"the connection ended after {len(got)} bytes"
        got += more
    return got


def comes_as_it_is_made(server, source, path, begun=BEGUN):
    """The first part is here while the rest is held back, which then is here as well."""
    with server.connect() as client:
        client.settimeout(60)
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        got = read_until(client, begun)
        head, _, body = got.partition(b"\r\n\r\n")
        body += read_until(client, max(0, begun - len(body)))
        assert body == pattern(SIZE)[:len(body)] and len(body) == begun
        source.release()
        assert body + read_until(client, SIZE - begun) == pattern(SIZE)


@pytest.mark.parametrize("said,begun", [(FRESH, BEGUN), (FRESH, 1000), ({"Cache-Control": "private"}, BEGUN)],
                         ids=["stored", "little", "private"])
def test_what_there_is_is_sent_before_more_comes(httpd, app, said, begun):
    origin = app(size=SIZE, hold_at=begun, headers=said)
    server = cached(httpd, origin)
    comes_as_it_is_made(server, origin, "/", begun)
    assert is_hit(server.get(host="localhost")) == (said is FRESH)


def test_a_member_that_speaks_another_protocol_is_not_waited_for(httpd):
    """mod_proxy_http was asked first and found nobody; mod_proxy_fcgi flushes nothing."""
    with FcgiResponder(pattern(SIZE), BEGUN, FRESH) as responder:
        server = httpd(modules=["cache"], extra=["proxy_fcgi"], vhost=f"""
            <Proxy balancer://app>
                BalancerMember http://127.0.0.1:1
                BalancerMember fcgi://127.0.0.1:{responder.port} status=+H
            </Proxy>
            TierCache on
            ProxyPass / balancer://app/""")
        server.allow_log(*PROXY_FAULTS)
        with server.connect(timeout=60) as client:
            client.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            got = read_until(client, BEGUN - 4096)  # httpd keeps what is too little for a write
            responder.release()
            got += read_until(client, got.index(b"\r\n\r\n") + 4 + SIZE - len(got))
            assert got.partition(b"\r\n\r\n")[2] == pattern(SIZE)


def test_what_a_storage_node_has_begun_is_sent_too(httpd, app):
    """The application flushes before it waits, who delivers the file in its place does not."""
    origin, node = app(), app(size=SIZE, hold_at=BEGUN)
    server = reproxying(httpd, origin, node, modules=("reproxy", "cache", "status"),
                        more="TierCache on\nTierReproxyTimeout stall=60s")
    says(origin, f"{node.url}/file", headers=FRESH)
    comes_as_it_is_made(server, node, "/")


def test_no_part_of_what_broke_off(httpd, app):
    """Gathered with its end, half an answer is one brigade, of which httpd would make ranges as of a whole one."""
    half = b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + pattern(500)
    server = cached(httpd, app(garbage=half))
    server.allow_log(*PROXY_FAULTS)
    for _ in range(30):  # as the end comes with the rest, or a moment later
        try:
            assert server.get(headers={"Range": "bytes=5-"}).status == 502
        except http.client.IncompleteRead:
            pass


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_every_byte_is_there(httpd, app, chunked):
    origin = app()
    server = cached(httpd, origin)
    for size in (1, 8000, 8192, 49151, 49152, 49153, 65536, 300_000, 1_000_000):
        path = f"/{size}"
        origin.behave(path, size=size, chunked=chunked, headers=FRESH)
        assert [server.get(path).body == pattern(size) for _ in range(2)] == [True, True], size
        assert origin.count(path) == 1
