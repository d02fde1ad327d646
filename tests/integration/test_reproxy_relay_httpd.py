# SPDX-License-Identifier: Apache-2.0
"""The relay within httpd's life: restarts, children that retire, TLS, HTTP/2, filters, other MPMs, settings."""
import os
import signal
import socket
import ssl

import pytest
from reproxy_relay_support import SIZE, SMALL, SlowClient, begun, lines, pattern, relay, relaying
from reproxy_support import told
from webtier_testing import wait_until


def test_a_graceful_restart_lets_a_download_finish(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL)
    client = SlowClient(s)
    begun(s)
    s.graceful()
    assert s.get("/x").body == pattern(SIZE)
    assert client.read_body(SIZE) == pattern(SIZE)
    wait_until(lambda: len(lines(s)) == 2)
    assert [line["bytes"] for line in lines(s)] == [SIZE, SIZE]


def test_a_graceful_stop_waits_for_a_download(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL)
    client = SlowClient(s)
    begun(s)
    os.kill(s.pid, signal.SIGWINCH)
    assert client.read_body(SIZE) == pattern(SIZE)
    client.close()
    assert s.stops(30)


def test_a_stop_cuts_a_download_and_logs_it(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL)
    client = SlowClient(s)
    begun(s)
    s.restart_hard()
    assert len(client.read_body(SIZE)) < SIZE and client.ended
    wait_until(lambda: lines(s))
    assert lines(s)[0]["end"] == "X" and 0 < lines(s)[0]["bytes"] < SIZE
    assert relay(s)["stopped"] == 1 and relay(s)["running"] == 0


def test_a_child_that_retires_finishes_its_downloads(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL + "MaxConnectionsPerChild 3\n")
    client = SlowClient(s)
    begun(s)
    for _ in range(10):
        assert s.get("/server-status?auto").status == 200
    assert client.read_body(SIZE) == pattern(SIZE)


def test_what_cannot_be_relayed_is_served_by_a_worker(httpd, app, nginx):
    a, node = app(), nginx()
    s = relaying(httpd, a, node, extra=["ratelimit"], more="".join(
        f"<Location /{path}>\n{line}\n</Location>\n" for path, line in (
        ("filter", "SetOutputFilter RATE_LIMIT"), ("off", "TierReproxyRelay off"),
        ("small", f"TierReproxyRelayMin {SIZE + 1}"))))
    assert s.get("/x", method="HEAD").headers["Content-Length"] == str(SIZE)
    for path in ("filter", "off", "small"):
        assert s.get(f"/{path}").body == pattern(SIZE), path
    assert told(s)["relay"]["begun"] == 0
    s = relaying(httpd, a, node, tls=True, http2=True)
    assert s.get("/x").body == pattern(SIZE) and s.h2get("/x").body == pattern(SIZE)
    assert told(s)["relay"]["begun"] == 0


def records(server, path):
    """Gets path; returns the body and the sizes of the TLS records of that answer."""
    incoming, outgoing, raw, sizes, plain = ssl.MemoryBIO(), ssl.MemoryBIO(), bytearray(), [], bytearray()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls = context.wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", server.port), 20) as stream:
        def until_done(call):
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    stream.sendall(outgoing.read())
                    data = stream.recv(65536)
                    incoming.write(data)
                    raw.extend(data)
                    while len(raw) >= 5 and len(raw) >= 5 + int.from_bytes(raw[3:5], "big"):
                        sizes.append(int.from_bytes(raw[3:5], "big"))
                        del raw[:5 + sizes[-1]]
        until_done(tls.do_handshake)
        tls.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        sizes.clear()
        piece = until_done(lambda: tls.read(65536))
        while piece:
            plain += piece
            try:
                piece = until_done(lambda: tls.read(65536))
            except ssl.SSLEOFError:
                break
    return bytes(plain.partition(b"\r\n\r\n")[2]), sizes


def test_over_tls_bodies_are_read_in_large_pieces(httpd, app, nginx):
    """mod_ssl makes a record of each piece, of 16 KiB at most; mod_proxy's are of 8."""
    s = relaying(httpd, app(), nginx(), tls=True)
    body, sizes = records(s, "/x")
    assert body == pattern(SIZE)
    assert sum(sizes) / len(sizes) > 10_000, sizes


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_an_mpm_that_keeps_a_worker_anyway(httpd, app, nginx, mpm):
    s = relaying(httpd, app(), nginx(), mpm=mpm)
    assert s.get("/x").body == pattern(SIZE)
    assert relay(s) == {"state": "off"}


def test_the_relay_lives_with_lingering_workers(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), modules=["reproxy", "status", "linger"], more="TierLinger on")
    with s.session() as session:
        for _ in range(5):
            assert session.get("/x").body == pattern(SIZE)
    wait_until(lambda: relay(s)["complete"] == 5)


@pytest.mark.parametrize("line, sentence", [
    ("TierReproxyRelayMin much", 'TierReproxyRelayMin: "much" is not a size'),
    ("TierReproxyRelayMin 0", "TierReproxyRelayMin"),
    ("TierReproxyRelayMax -1", "TierReproxyRelayMax"),
    ("TierReproxyRelayMax 5", "TierReproxyRelayMax"),  # not allowed within <VirtualHost>
    ("TierReproxyRelay maybe", "TierReproxyRelay must be On or Off"),
])
def test_wrong_settings_stop_httpd(httpd, line, sentence):
    code, text = httpd.check(modules=["reproxy"], vhost=line)
    assert code != 0 and sentence in text, text


def test_no_relay_where_none_may_run(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf="TierReproxyRelayMax 0")
    assert s.get("/x").body == pattern(SIZE)
    assert relay(s) == {"state": "off"}
