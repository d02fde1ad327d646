# SPDX-License-Identifier: Apache-2.0
"""Applications of all kinds, beside other modules."""
import socketserver
import struct
import threading

import pytest
from reproxy_support import placed, reproxying, says, told
from webtier_testing import PROXY_FAULTS, pattern, wait_until


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def _serve(handle, address=("127.0.0.1", 0)):
    """Starts a server whose connections are handled by handle(socket file)."""
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            handle(self.rfile, self.wfile)
    server = _UnixServer(str(address), Handler) if not isinstance(address, tuple) else _Server(address, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _scgi(answer):
    def handle(reader, writer):
        size = b""
        while (byte := reader.read(1)) != b":":
            size += byte
        reader.read(int(size) + 1)
        writer.write(b"Status: 200 OK\r\n" + answer)
    return handle


def _uwsgi(answer):
    def handle(reader, writer):
        reader.read(struct.unpack("<xHx", reader.read(4))[0])
        writer.write(b"HTTP/1.1 200 OK\r\n" + answer)
    return handle


def _fcgi(answer):
    def record(kind, data=b""):
        return struct.pack(">BBHHBx", 1, kind, 1, len(data), 0) + data

    def handle(reader, writer):
        while len(head := reader.read(8)) == 8:
            _, kind, _, size, padding = struct.unpack(">BBHHBx", head)
            reader.read(size + padding)
            if kind == 5 and size == 0:
                writer.write(record(6, b"Status: 200 OK\r\n" + answer) + record(6) + record(3, bytes(8)))
                return
    return handle


def _ajp(answer):
    """The AJP 1.3 messages SEND_HEADERS, SEND_BODY_CHUNK and END_RESPONSE."""
    head, _, body = answer.partition(b"\r\n\r\n")

    def text(value):
        return struct.pack(">H", len(value)) + value + b"\0"

    def message(data):
        return b"AB" + struct.pack(">H", len(data)) + data

    def handle(reader, writer):
        while len(start := reader.read(4)) == 4:
            reader.read(struct.unpack(">2xH", start)[0])
            fields = [line.split(b": ", 1) for line in head.split(b"\r\n")]
            writer.write(message(b"\x04" + struct.pack(">H", 200) + text(b"OK") + struct.pack(">H", len(fields)) +
                                 b"".join(text(name) + text(value) for name, value in fields)))
            writer.write(message(b"\x03" + struct.pack(">H", len(body)) + body + b"\0") + message(b"\x05\x01"))
    return handle


PROTOCOLS = {"scgi": _scgi, "uwsgi": _uwsgi, "fcgi": _fcgi, "ajp": _ajp}


def test_each_protocol_of_mod_proxy(httpd, app, nginx):
    a, node = app(), nginx()
    url, = placed([node], size=100_000)
    said = (f"Content-Type: image/png\r\nX-REPROXY-URL: {url}\r\nETag: \"v1\"\r\nSet-Cookie: a=1\r\n"
            "Cache-Control: max-age=9\r\n\r\nthe application's body").encode()
    servers = {scheme: _serve(speak(said)) for scheme, speak in PROTOCOLS.items()}
    s = reproxying(httpd, a, node, extra=[f"proxy_{scheme}" for scheme in servers], more="\n".join(
        f"ProxyPass /{scheme} {scheme}://127.0.0.1:{server.server_address[1]}/" for scheme, server in servers.items()))
    try:
        for scheme in servers:
            answer = s.get(f"/{scheme}/x")
            assert answer.status == 200 and answer.body == pattern(100_000) and answer.headers["ETag"] == '"v1"', scheme
            assert answer.headers["Content-Type"] == "image/png" and "X-REPROXY-URL" not in answer.headers, scheme
            assert answer.headers.get_all("Set-Cookie") == ["a=1"], scheme
            assert s.get(f"/{scheme}/x", headers={"Range": "bytes=5-9"}).body == pattern(100_000)[5:10], scheme
        # What CGI's kin say goes into no answer of an error.
        node.remove("/file")
        for scheme in servers:
            answer = s.get(f"/{scheme}/x")
            assert answer.status == 404, scheme
            assert not {"ETag", "Cache-Control", "X-REPROXY-URL"} & set(answer.headers.keys()), scheme
    finally:
        for server in servers.values():
            server.shutdown()


def test_an_application_behind_a_unix_socket(httpd, app, nginx, workspace):
    """mod_proxy's note of the socket must not lead the question for the file to the application."""
    a, node = app(), nginx()
    url, = placed([node], size=1000)
    path = workspace.new_dir("unix") / "app"
    server = _serve(_fcgi(f"Content-Type: image/png\r\nX-REPROXY-URL: {url}\r\n\r\n".encode()), path)
    path.chmod(0o777)
    s = reproxying(httpd, a, node, extra=["proxy_fcgi"], more=f'ProxyPass /app "unix:{path}|fcgi://localhost/"')
    try:
        assert s.get("/app/x").body == pattern(1000)
    finally:
        server.shutdown()


def test_cgi(httpd, app, nginx, workspace):
    a, node = app(), nginx()
    url, = placed([node], size=1000)
    folder = workspace.new_dir("cgi")
    script = folder / "script"
    script.write_text(f'#!/bin/sh\nprintf "Content-Type: image/png\\r\\nX-REPROXY-URL: {url}\\r\\n'
                      'X-Seen: $HTTP_X_PROXY_CAPABILITIES\\r\\n\\r\\nbody"\n')
    script.chmod(0o755)
    s = reproxying(httpd, a, node, extra=["cgid"], more=f"""
        ProxyPass /cgi !
        ScriptAlias /cgi {script}
        <Directory {folder}>
            Options +ExecCGI
        </Directory>
        """, conf="ScriptSock cgid")
    answer = s.get("/cgi")
    assert answer.body == pattern(1000) and answer.headers["X-Seen"] == "reproxy-file"


def test_static_files_and_errors_are_as_before(httpd, app):
    a = app(status=404, body=b"no such page")
    s = reproxying(httpd, a, more="ProxyPass /static !")
    (s.docroot / "static").mkdir()
    (s.docroot / "static" / "f.txt").write_bytes(b"static")
    assert s.get("/static/f.txt").body == b"static" and s.get("/static/absent").status == 404
    assert s.get("/x").body == b"no such page"


def test_filters_see_the_file(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, node.put("/f", b"stored text " * 1000), headers={"Content-Type": "text/plain"})
    s = reproxying(httpd, a, node, extra=["deflate", "filter"], more="AddOutputFilterByType DEFLATE text/plain")
    answer = s.get("/x", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and len(answer.body) < 1000


def test_a_body_without_end_is_not_read_to_its_end(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=1000), body="x" * 5_000_000)
    s = reproxying(httpd, a, node)
    assert s.get("/x").body == pattern(1000)


def test_only_the_answer_that_mod_tier_health_lets_pass_is_obeyed(httpd, app, nginx):
    good, bad, node = app(), app(), nginx()
    url, = placed([node], size=1000)
    says(good, url)
    says(bad, f"{node.url}/wrong", status=503)
    s = httpd(modules=["reproxy", "health", "status"], vhost=f"""
        TierReproxy on
        TierReproxyAllow 127.0.0.1:{node.port}
        TierHealthRetry on
        TierHealthRetryOn 503
        <Proxy balancer://app>
            BalancerMember {bad.url}
            BalancerMember {good.url}
        </Proxy>
        <Location /tier-status>
            SetHandler tier-status
        </Location>
        ProxyPass /tier-status !
        ProxyPass / balancer://app/
        """)
    s.allow_log(*PROXY_FAULTS)
    for _ in range(6):
        assert s.get("/x").body == pattern(1000)
    assert bad.count() > 0 and told(s)["orders"] == 6


def test_the_cache_stores_the_file(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=1000), headers={"Cache-Control": "max-age=60"})
    s = reproxying(httpd, a, node, modules=("reproxy", "cache", "status"), more="TierCache on")
    for _ in range(3):
        assert s.get("/x").body == pattern(1000)
    assert "X-REPROXY-URL" not in s.get("/x").headers


def test_storage_over_tls(httpd, app, workspace):
    """A storage node that is itself an httpd with TLS, verified by its certificate."""
    a = app()
    storage = httpd(tls=True, vhost='LogFormat "%k" kept\nCustomLog kept.log kept')
    (storage.docroot / "f").write_bytes(pattern(200_000))
    certificate, _ = workspace.certificate()
    says(a, f"https://localhost:{storage.port}/f")
    s = reproxying(httpd, a, allow=f"localhost:{storage.port}", extra=["socache_shmcb", "ssl"], more=f"""
        SSLProxyEngine on
        SSLProxyVerify require
        SSLProxyCACertificateFile {certificate}
        ProxyPreserveHost on
        """)
    s.allow_log("AH00957")  # localhost may be ::1 first
    with s.session() as session:
        for _ in range(5):
            assert session.get("/x").body == pattern(200_000)
        assert session.get("/x", headers={"Range": "bytes=9-70000"}).body == pattern(200_000)[9:70_001]
    # How many requests there were before on the same connection: it is kept.
    wait_until(lambda: max(map(int, (storage.docroot.parent / "kept.log").read_text().split() or [0])) > 0)
    s.stop()
    s.reconfigure(vhost=s.site.vhost.replace("SSLProxyEngine on", "SSLProxyEngine off"))
    s.start()
    s.allow_log("WT3011", "AH", "SSL Library Error")
    assert s.get("/x").status in (502, 503)
