# SPDX-License-Identifier: Apache-2.0
"""Uploads and deletions: the tables, the nodes' files and the client's answer agree, whatever fails."""
import base64
import hashlib
import socket
import time

import pytest
from mogile_support import web  # noqa: F401
from webtier_testing import wait_until
from webtier_testing.pattern import pattern

WRITES = "TierMogileMethods PUT DELETE\nTierMogileClass photo"
BODY = pattern(300_000)


@pytest.fixture
def store(web):  # noqa: F811
    return lambda vhost="", conf="TierMogileTimeout 2s 10s", **options: web(f"{WRITES}\n{vhost}", conf, **options)


@pytest.fixture(scope="module")
def shared(module_stage, mariadb):
    """An httpd and a MogileFS that several tests without faults share."""
    fs = module_stage.mogile(mariadb, 1, 2)
    server = module_stage.httpd(modules=["reproxy"], conf=f"TierMogileTrackers {fs.trackers_line()}", vhost=f"""
        TierMogileDomain web
        TierMogileKey ^/f/(.+)$ $1
        TierMogileCacheTime 0
        <Location /f/>
            {WRITES}
        </Location>
        <Location /read/>
            TierMogileKey ^/read/(.+)$ $1
        </Location>
        <Location /class/>
            TierMogileKey ^/class/(.+)$ $1
            {WRITES}
            TierMogileClass nope
        </Location>
        <Location /small/>
            TierMogileKey ^/small/(.+)$ $1
            {WRITES}
            LimitRequestBody 1000
        </Location>
        """)
    server.fs = fs
    return server


@pytest.fixture
def clean(shared):
    """The shared httpd; nothing is registered."""
    for table in ("file", "file_on", "tempfile", "checksum"):
        shared.fs.sql(f"DELETE FROM {table}")
    return shared


def stored(server, key):
    """(fid, the bytes of its one copy) of a registered key."""
    fs = server.fs
    fid, length = fs.files()[key]
    devid, = [int(row[0]) for row in fs.sql("SELECT devid FROM file_on WHERE fid=%s", fid)]
    data = fs.copy(devid, fid).read_bytes()
    assert len(data) == length
    return fid, data


def registered_nothing(server, key):
    return key not in server.fs.files() and not server.fs.sql("SELECT * FROM file_on")


def test_put_stores_and_registers_with_checksum(clean):
    server = clean
    answer = server.get("/f/a%26b=c+d%25.jpg", method="PUT", body=BODY)
    assert answer.status == 201 and answer.body == b""
    fid, data = stored(server, "a&b=c+d%.jpg")
    assert data == BODY and answer.headers["ETag"] == f'"fid-{fid}"'
    assert server.fs.sql("SELECT hashtype, checksum FROM checksum WHERE fid=%s", fid) == [
        (b"1", hashlib.md5(BODY).digest())]
    again = server.get("/f/a%26b=c+d%25.jpg", method="PUT", body=b"new")
    assert again.status == 204
    assert stored(server, "a&b=c+d%.jpg")[1] == b"new"


def test_put_of_unknown_length_is_spooled(clean):
    server = clean
    for key, body in (("empty", b""), ("one", b"x"), ("long", pattern(1_000_000))):
        pieces = [body[at:at + 10_000] for at in range(0, len(body), 10_000)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        answer = server.raw(b"PUT /f/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked"
                            b"\r\n\r\n" % key.encode() + chunks + b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 201 "), answer
        assert stored(server, key)[1] == body
        # The tracker's first choice of devices is ours.
        assert server.fs.sql("SELECT devid FROM file_on WHERE fid=%s", server.fs.files()[key][0]) == [(b"1",)]


def test_a_large_body_is_never_held_in_memory(clean):
    size, piece = 40_000_000, pattern(1_000_000)
    assert clean.get("/f/small", method="PUT", body=piece).status == 201
    before = clean.memory_kib()
    with clean.connect(timeout=20) as client:
        client.sendall(b"PUT /f/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(piece)):
            client.sendall(piece)
        assert client.recv(100).startswith(b"HTTP/1.1 201 ")
    assert clean.memory_kib() - before < 20_000
    assert clean.fs.files()["large"][1] == size


def test_methods_are_off_by_default(clean):
    server = clean
    for method in ("PUT", "DELETE", "POST"):
        answer = server.get("/read/key", method=method, body=b"x")
        assert answer.status == 405 and not {"PUT", "DELETE"} & set(answer.headers["Allow"].split(","))
    assert server.get("/read/key", method="OPTIONS").headers["Allow"] == "GET,HEAD,OPTIONS"
    assert server.fs.files() == {}


def test_delete_removes_the_key(clean):
    server = clean
    server.fs.store("key", b"x")
    assert server.get("/f/key", method="DELETE").status == 204
    assert server.fs.files() == {}
    assert server.get("/f/key", method="DELETE").status == 404


def test_conditions_hold_for_writes(clean):
    server = clean
    fid = server.fs.store("key", b"x")
    put = lambda path, headers: server.get(path, method="PUT", body=b"new", headers=headers).status  # noqa: E731
    assert put("/f/key", {"If-None-Match": "*"}) == 412
    assert put("/f/key", {"If-Match": '"other"'}) == 412
    assert put("/f/none", {"If-Match": "*"}) == 412
    assert server.get("/f/key", method="DELETE", headers={"If-Match": '"other"'}).status == 412
    assert set(server.fs.files()) == {"key"}
    assert put("/f/none", {"If-None-Match": "*"}) == 201
    assert put("/f/key", {"If-Match": f'"fid-{fid}"'}) == 204
    assert put("/f/key", {"Content-Range": "bytes 0-2/9"}) == 400


def test_content_md5_is_held_against_the_body(clean):
    server = clean
    right = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    before = {path for node in server.fs.nodes for path in node.docs.rglob("*.fid")}
    assert server.get("/f/key", method="PUT", body=BODY[:-1] + b"x", headers={"Content-MD5": right}).status == 400
    assert registered_nothing(server, "key")
    assert {path for node in server.fs.nodes for path in node.docs.rglob("*.fid")} == before
    assert server.get("/f/key", method="PUT", body=BODY, headers={"Content-MD5": right}).status == 201


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_a_node_that_is_away_costs_the_client_nothing(store, fault):
    server = store("", "TierMogileTimeout 400ms 1s")
    server.allow_log("WT3531")
    getattr(server.fs.nodes[0], fault)()
    body = BODY[:200_000]  # is kept, so that it can go to another node
    statuses = [server.get(f"/f/{number}", method="PUT", body=body).status for number in range(4)]
    assert statuses == [201] * 4
    assert all(stored(server, str(number))[1] == body for number in range(4))
    assert len(server.log_lines("WT3531")) == 1  # the next ones go to the other nodes at once


def test_a_node_that_refuses_to_store_is_followed_by_the_next(store):
    server = store()
    server.allow_log("WT3531")
    server.fs.nodes[0].configure("limit_except GET { deny all; }")
    server.fs.nodes[0].restart()
    assert server.get("/f/key", method="PUT", body=b"x").status == 201
    assert stored(server, "key")[1] == b"x"


def test_a_node_that_says_it_has_stored_and_has_not(store):
    """The tracker finds no file there, or one of the same size with other bytes: the upload goes to another device."""
    server = store()
    server.allow_log("WT3531", "WT3536")
    first = server.fs.nodes[0]
    for reads, code in (("return 404;", "size_verify_error"), ("return 200 wrong;", "checksum_mismatch")):
        first.configure("if ($request_method = PUT) { return 201; } " + reads)
        first.restart()
        assert server.get(f"/f/{code}", method="PUT", body=b"right").status == 201
        assert server.log_lines(f"WT3536.*{code}") and stored(server, code)[1] == b"right"


def test_what_cannot_be_replayed_registers_nothing(store):
    """The node dies with more sent than is kept: 503, and the key is as before."""
    server = store("", "TierMogileTimeout 400ms 500ms")
    server.allow_log("WT3531", "WT3533")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(10)
        client.sendall(b"PUT /f/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 600_000)
        wait_until(lambda: any(path.stat().st_size >= 300_000 for path in server.fs.nodes[0].docs.parent.rglob("*")
                               if path.is_file()), 5)
        server.fs.nodes[0].kill()
        time.sleep(0.05)
        try:
            client.sendall(b"x" * 3_400_000)
        except OSError:
            pass
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in answer
    assert registered_nothing(server, "key")


def test_every_node_away_is_503_and_registers_nothing(store):
    server = store()
    server.allow_log("WT3531", "WT3533")
    for node in server.fs.nodes:
        node.kill()
    answer = server.get("/f/key", method="PUT", body=b"x")
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert registered_nothing(server, "key")


def test_a_client_that_goes_away_leaves_nothing(store):
    server = store()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"PUT /f/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000)
        trackers = server.fs.trackers
        wait_until(lambda: any(tracker.seen("create_open") for tracker in trackers), 5)
    wait_until(lambda: any("key=&" in line for tracker in trackers for line in tracker.seen("create_close")), 5)
    assert registered_nothing(server, "key")
    assert not list(server.fs.nodes[0].docs.rglob("*.fid"))
    wait_until(lambda: server.fs.sql("SELECT * FROM tempfile") == [], 5)


@pytest.mark.parametrize("fault", ["hang:create_open", "failure:create_open", "lost:create_close",
                                   "shutdown:create_close"])
def test_a_sick_tracker_is_followed_by_the_next(store, fault):
    server = store("", "TierMogileTimeout 300ms 500ms")
    server.allow_log("WT3501")
    server.fs.trackers[0].fault(fault)
    statuses = [server.get(f"/f/{number}", method="PUT", body=b"x" * number).status for number in range(4)]
    assert statuses == [201] * 4
    assert all(stored(server, str(number))[1] == b"x" * number for number in range(4))


def test_no_tracker_means_503_and_nothing_changed(store):
    server = store()
    server.allow_log("WT3501", "WT3534", "WT3537")
    server.fs.store("old", b"x")
    for tracker in server.fs.trackers:
        tracker.kill()
    for method, key in (("PUT", "new"), ("PUT", "old"), ("DELETE", "old")):
        answer = server.get(f"/f/{key}", method=method, body=b"y")
        assert answer.status == 503 and answer.headers["Retry-After"]
    assert set(server.fs.files()) == {"old"}


def test_a_lost_deletion_is_done_once(store):
    server = store("", "TierMogileTimeout 300ms 500ms")
    server.allow_log("WT3501")
    for number in range(4):
        server.fs.store(str(number), b"x")
    server.fs.trackers[0].fault("lost:delete")
    assert [server.get(f"/f/{number}", method="DELETE").status for number in range(4)] == [204] * 4
    assert server.fs.files() == {}


def test_a_class_that_does_not_exist_is_in_the_log(clean):
    clean.allow_log("WT3534.*unreg_class")
    assert clean.get("/class/key", method="PUT", body=b"x").status == 503


def test_a_body_that_is_too_large_is_413(clean):
    server = clean
    server.allow_log("AH01588", "AH01589", "AH00588", "AH01587")
    assert server.get("/small/key", method="PUT", body=b"x" * 5000).status == 413
    assert registered_nothing(server, "key")
