# SPDX-License-Identifier: Apache-2.0
"""Where the application may send httpd: hosts, networks, ports, files."""
import os
import socket

import pytest
from reproxy_support import placed, reproxying, says, told
from webtier_testing import pattern


def allowing(httpd, app, node, *lists):
    """Starts an httpd whose location /N may go where the Nth of lists says; None: it says nothing."""
    s = reproxying(httpd, app, more="".join(
        f"<Location /{number}>\nTierReproxyAllow {allow.format(port=node.port)}\n</Location>\n"
        for number, allow in enumerate(lists) if allow))
    s.allow_log("WT3003", "WT3011")
    return s


def test_addresses(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=100))
    refused = (None, "none", "127.0.0.1", "127.0.0.1:1", "10.0.0.0/8:*", "localhost:{port}")
    allowed = ("127.0.0.1:{port}", "127.0.0.0/8:{port}", "127.0.0.0/8:*", "[::1]:1 127.0.0.1:{port}")
    s = allowing(httpd, a, node, *refused, *allowed)
    for number, allow in enumerate(refused):
        answer = s.get(f"/{number}")
        assert answer.status == 502 and str(node.port).encode() not in answer.body, allow
        assert told(s)["refused"] == number + 1, allow
    assert not node.requests() and told(s)["nodes"] == []
    for number, allow in enumerate(allowed, len(refused)):
        assert s.get(f"/{number}").status == 200, allow


def test_names(httpd, app, nginx):
    """A name that is not named is allowed when each of its addresses is."""
    a, node = app(), nginx()
    placed([node], size=100)
    says(a, f"http://LocalHost:{node.port}/file")
    lists = {"localhost:{port}": 200, "LOCALHOST:*": 200, "localhost": 502, "127.0.0.1:{port} [::1]:{port}": 200,
             "other:{port}": 502}
    s = allowing(httpd, a, node, *lists)
    s.allow_log("AH00957")
    for number, (allow, status) in enumerate(lists.items()):
        assert s.get(f"/{number}").status == status, allow


def test_what_is_no_url_of_storage(httpd, app, nginx):
    a, node = app(), nginx()
    placed([node], size=100)
    s = reproxying(httpd, a, allow="0.0.0.0/0:*")
    s.allow_log("WT3005", "WT3011")
    for url in ("ftp://127.0.0.1/f", "http://user:pass@127.0.0.1:{port}/file", "/file", "http://",
                "http://127.0.0.1:{port}0000/file", "http://[::1/file", "unix:/tmp/x|http://a/",
                "http://127.0.0.1:{port}\\@10.0.0.1/file", "balancer://x/"):
        says(a, url.format(port=node.port))
        assert s.get("/x").status == 502 and not node.requests(), url


def test_the_next_place_is_asked_when_one_is_refused(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, "http://10.1.2.3:9/x", *placed([node], size=100))
    s = reproxying(httpd, a, node)
    s.allow_log("WT3003")
    assert s.get("/x").body == pattern(100)


def test_redirects_are_followed_only_to_where_is_allowed(httpd, app, nginx):
    a, sender, node = app(), app(), nginx()
    url, = placed([node], size=100)
    says(a, f"{sender.url}/f")
    s = reproxying(httpd, a, sender, node, more="TierReproxyRedirects 2")
    s.allow_log("WT3003", "WT3005", "WT3011")
    sender.behave("/f", status=302, headers={"Location": "/g"})
    sender.behave("/g", status=307, headers={"Location": url})
    answer = s.get("/x")
    assert answer.status == 200 and answer.body == pattern(100) and "Location" not in answer.headers
    for target in ("http://10.1.2.3/x", "file:///etc/passwd", "/f", "//10.1.2.3/x", "ftp://127.0.0.1/x"):
        sender.behave("/f", status=302, headers={"Location": target})
        answer = s.get("/x")
        assert answer.status == 502 and "Location" not in answer.headers


# Files.

@pytest.fixture
def files(httpd, app, tmp_path_factory):
    """An application and a root with files, links and what is no file."""
    a = app()
    s = reproxying(httpd, a, more="TierReproxyFileRoot run/files", extra=["deflate"])
    root = s.runtime_dir / "files"
    (root / "sub").mkdir(parents=True)
    (root / "a b.bin").write_bytes(pattern(100_000))
    (root / "sub" / "f").write_bytes(b"below")
    (root / "empty").write_bytes(b"")
    (root / "inside").symlink_to(root / "sub" / "f")
    (root / "outside").symlink_to("/etc/passwd")
    (root / "up").symlink_to("..")
    os.mkfifo(root / "pipe")
    (s.runtime_dir / "files-not").mkdir()
    (s.runtime_dir / "files-not" / "f").write_bytes(b"beside")
    os.utime(root / "a b.bin", (1_700_000_000, 1_700_000_000))  # httpd's ETag of a file just written is a weak one
    for path in (s.runtime_dir / "files-not", s.runtime_dir / "files-not" / "f", root, root / "sub"):
        path.chmod(0o755)
    s.app, s.root = a, root

    def name(path, **headers):
        a.behave(headers={"X-REPROXY-FILE": str(path), "Content-Type": "image/png", **headers}, body="application's")
        return s
    s.name = name
    return s


def test_a_file_is_sent(files):
    s = files.name(files.root / "a b.bin")
    with s.session() as session:
        answer = session.get("/x")
        assert answer.status == 200 and answer.body == pattern(100_000) and answer.headers["Content-Type"] == "image/png"
        assert "X-REPROXY-FILE" not in answer.headers and answer.headers["Accept-Ranges"] == "bytes"
        etag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
        assert session.get("/x", method="HEAD").headers["Content-Length"] == "100000"
        part = session.get("/x", headers={"Range": "bytes=10-19", "If-Range": etag})
        assert part.status == 206 and part.body == pattern(100_000)[10:20]
        assert session.get("/x", headers={"Range": "bytes=0-1,5-6"}).headers["Content-Type"].startswith("multipart/")
        assert session.get("/x", headers={"Range": "bytes=100000-"}).status == 416
        assert session.get("/x", headers={"If-None-Match": etag}).status == 304
        assert session.get("/x", headers={"If-Modified-Since": date}).status == 304
    assert told(s)["files"] == 7


def test_the_application_s_validators_win(files):
    s = files.name(files.root / "sub/f", ETag='"app"', **{"Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"})
    answer = s.get("/x")
    assert answer.headers["ETag"] == '"app"' and answer.headers["Last-Modified"] == "Wed, 01 Jan 2025 00:00:00 GMT"
    assert s.get("/x", headers={"If-None-Match": '"app"'}).status == 304
    assert s.get("/x", headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status == 200


def test_files_that_may_be_sent(files):
    for path, body in ((files.root / "inside", b"below"), ("sub/f", b"below"), (files.root / "sub/../sub/f", b"below"),
                       (f"{files.root}//sub/./f", b"below"), (files.root / "empty", b"")):
        answer = files.name(path).get("/x")
        assert answer.status == 200 and answer.body == body, path


def test_files_that_may_not(files):
    files.allow_log("WT3020", "WT3021")
    for path in ("/etc/passwd", files.root / "outside", files.root / "up/files-not/f", f"{files.root}/../files-not/f",
                 f"{files.root}-not/f", "../files-not/f", "/etc/no-such-file", files.root / "pipe", files.root,
                 files.root / "sub", "/dev/zero", "/proc/self/environ", files.root / "up"):
        answer = files.name(path).get("/x")
        assert answer.status == 502, path
        assert b"beside" not in answer.body and b"root:" not in answer.body and str(path).encode() not in answer.body
    assert files.name(files.root / "absent").get("/x").status == 404
    assert files.name(files.root / "sub/f/x").get("/x").status == 404


def test_the_size_must_be_right(files):
    files.allow_log("WT3022")
    assert files.name("sub/f", **{"X-REPROXY-EXPECTED-SIZE": "5"}).get("/x").body == b"below"
    assert files.name("sub/f", **{"X-REPROXY-EXPECTED-SIZE": "6"}).get("/x").status == 502


def test_a_file_comes_before_a_url(files):
    answer = files.name("sub/f", **{"X-REPROXY-URL": "http://127.0.0.1:1/never"}).get("/x")
    assert answer.body == b"below" and not {"X-REPROXY-URL", "X-REPROXY-FILE"} & set(answer.headers.keys())


def test_without_a_root_no_file_is_sent(httpd, app):
    a = app(headers={"X-REPROXY-FILE": "/etc/passwd"})
    s = reproxying(httpd, a)
    s.allow_log("WT3020")
    assert s.get("/x").status == 502


def test_x_sendfile_and_x_accel_redirect(httpd, app, nginx, workspace):
    a, node, root = app(), nginx(), workspace.new_dir("private")
    placed([node], path="/pub/a%20b.png".replace("%20", " "), size=100)
    s = reproxying(httpd, a, node, more=f"""
        TierReproxyHeader file X-Sendfile
        TierReproxyHeader path X-Accel-Redirect
        TierReproxyFileRoot {root}
        TierReproxyMap /private/ {root}/
        TierReproxyMap /stored {node.url}/pub/
        """)
    root.chmod(0o755)
    (root / "a b.txt").write_bytes(b"private")
    s.allow_log("WT3006", "WT3020", "WT3021", "AH00")
    a.behave(headers={"X-Sendfile": str(root / "a b.txt")})
    assert s.get("/x").body == b"private"
    a.behave(headers={"X-REPROXY-FILE": str(root / "a b.txt")}, body="page")
    assert s.get("/x").body == b"page"
    for path, status, body in (("/private/a%20b.txt?x=1", 200, b"private"), ("/stored/a%20b.png", 200, pattern(100)),
                               ("/private/../x", 502, None), ("/private/%2e%2e/x", 502, None), ("/other/x", 502, None),
                               ("/private/%00", 502, None), ("/private/", 502, None)):
        a.behave(headers={"X-Accel-Redirect": path})
        answer = s.get("/x")
        assert answer.status == status and (body is None or answer.body == body), path


def test_hosts_are_connected_to_by_the_address_that_was_checked(httpd, app):
    """A name that leads somewhere else than to what is allowed is not asked, whatever it is called."""
    a = app()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        says(a, f"http://2130706433:{port}/", f"http://127.1:{port}/", f"http://0x7f000001:{port}/",
             f"http://[::ffff:127.0.0.1]:{port}/", f"http://localhost.:{port}/")
        s = reproxying(httpd, a, allow="10.0.0.0/8:* www.example.com:*")
        s.allow_log("WT3003", "WT3004", "WT3011", "AH")
        assert s.get("/x").status in (502, 503)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
