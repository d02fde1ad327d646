# SPDX-License-Identifier: Apache-2.0
"""Names with fingerprints that are computed, and versions in queries."""
import hashlib
import os
import threading
import time
from pathlib import Path

from assets_support import files, kept, make_stale, put, set_times, store, wait_kept, works
from webtier_testing import PROXY_FAULTS, pattern, wait_until

FOREVER = "public, max-age=31536000, immutable"
SHORT = "public, max-age=60"
LARGE = pattern(100_000)  # not read while a client waits
ON = "TierAssetsFingerprint on\nTierAssetsRewrite on\nTierAssetsVersions ver v\n"


def fingerprint(body):
    return hashlib.sha1(body).hexdigest()[:16]


def named(name, body):
    stem, _, extension = name.rpartition(".")
    return f"{stem}.h{fingerprint(body)}.{extension}"


def names(server):
    """What is written down of the fingerprints."""
    path = store(server) / ".tier/fingerprints"
    return path.read_text() if path.exists() else ""


def lifetime(server, name):
    answer = server.get("/assets/" + name)
    return answer.status, answer.headers["Cache-Control"], answer.body


def test_files_get_names_by_their_content_and_former_names_still_answer(httpd, app):
    origin = app(body=b"<script src=/assets/js/a.js></script><link href='/assets/b.css'>", headers={"Content-Type": "text/html"})
    server = kept(httpd, origin, more=ON)
    put(server, "js/a.js", b"one")
    put(server, "b.css", b"a{background:url(js/a.js)}")
    put(server, "large.bin", LARGE)
    # Once the names are written down every process knows them, also one that has looked a moment before.
    wait_until(lambda: server.get("/assets/b.css").status == 200 and fingerprint(LARGE) in names(server), 30)
    assert [lifetime(server, named("large.bin", LARGE)) for _ in range(8)] == [(200, FOREVER, LARGE)] * 8
    first, sheet = named("js/a.js", b"one"), named("b.css", b"a{background:url(js/a.js)}")
    page = f"<script src=/assets/{first}></script><link href='/assets/{sheet}'>".encode()
    wait_until(lambda: all(server.get("/").body == page for _ in range(10)), 30)
    assert lifetime(server, first) == (200, FOREVER, b"one")
    assert server.get("/assets/" + first).headers["Content-Type"] == server.get("/assets/js/a.js").headers["Content-Type"]
    assert lifetime(server, "js/a.js")[1] is None
    # what is sent of this one depends on the other file's name
    rewritten = (200, SHORT + ", stale-while-revalidate=86400", f"a{{background:url(/assets/{first})}}".encode())
    wait_until(lambda: all(lifetime(server, sheet) == rewritten for _ in range(5)), 30)
    # what is fetched for the last one has another content
    for wrong in ("js/a.h0123456789abcdef.js", "large.h0123456789abcdef.bin", "js/none.h0123456789abcdef.js"):
        assert lifetime(server, wrong)[0] == 404, wrong
    # another content: the new name is right at once, the old one only for a moment
    os.rename(put(server, "js/new", b"two"), store(server) / "js/a.js")
    second = named("js/a.js", b"two")
    assert lifetime(server, second) == (200, FOREVER, b"two") and lifetime(server, first) == (200, SHORT, b"two")
    wait_until(lambda: fingerprint(b"two") in names(server), 30)
    for _ in range(8):  # by all processes, also those that have not been asked for it before
        assert lifetime(server, first) == (200, SHORT, b"two") and lifetime(server, second)[1] == FOREVER
    wait_until(lambda: all(second.encode() in server.get("/").body for _ in range(10)), 30)
    assert server.get("/assets/" + second, headers={"Range": "bytes=1-"}).body == b"wo"
    put(server, second, b"mine")  # a file of that very name
    wait_until(lambda: all(server.get("/assets/" + second).body == b"mine" for _ in range(8)), 30)


def test_a_cache_keeps_apart_what_names_keep_apart(httpd, app):
    """It is asked for one file by three names, of which one is right for ever and one nobody has made."""
    origin = app(status=404)
    server = kept(httpd, origin, modules=["cache"], more=f"{ON}TierCache on\n")
    put(server, "a.txt", b"one")
    right, wrong = named("a.txt", b"one"), "a.h0123456789abcdef.txt"
    for _ in range(3):
        assert lifetime(server, right) == (200, FOREVER, b"one") == lifetime(server, f"{right}?x")
        assert lifetime(server, "a.txt")[1:] == (None, b"one")
        assert lifetime(server, wrong)[0] == 404
    assert "hit" in server.get("/assets/" + right).headers["Cache-Status"]


def test_what_is_fetched_is_named_by_its_content_too(httpd, app):
    origin = app(headers={"Cache-Control": "max-age=60", "ETag": '"1"'}, size=300_000)
    server = kept(httpd, origin, more=ON)
    server.allow_log(*PROXY_FAULTS)
    right = named("big.bin", pattern(300_000))
    assert lifetime(server, right) == (200, FOREVER, pattern(300_000)) and origin.requests()[0]["path"] == "/assets/big.bin"
    wait_kept(server, "big.bin")
    assert lifetime(server, right)[1] == FOREVER and lifetime(server, "big.bin")[1] == "max-age=60"
    # A name that no content of it ever had costs one question a second at most, and is 404.
    set_times(server, "big.bin", -100, 1000)
    origin.clear()
    began = time.monotonic()
    assert [lifetime(server, "big.h0123456789abcdef.bin")[0] for _ in range(5)] == [404] * 5
    assert {one["path"] for one in origin.requests()} == {"/assets/big.bin"}
    assert 1 <= origin.count() <= 2 + (time.monotonic() - began), origin.requests()
    # The file is older than the fingerprint asked for: fetched anew.
    origin.behave(headers={"Cache-Control": "max-age=60", "ETag": '"2"'}, body=b"newer")
    set_times(server, "big.bin", -100, 1000)
    newer = named("big.bin", b"newer")
    wait_until(lambda: lifetime(server, newer) == (200, FOREVER, b"newer"), 20)  # not in the second of the last question
    # The application is down: what is not there is not known not to be.
    wait_until(lambda: (store(server) / "big.bin").read_bytes() == b"newer")
    origin.kill()
    make_stale(server, "big.bin")
    assert lifetime(server, named("big.bin", b"newer"))[:2] == (200, FOREVER)
    set_times(server, "big.bin", -100, 1000)
    assert lifetime(server, "big.h0123456789abcdef.bin")[0] == 503


def test_versions_in_queries_are_versions_of_one_file(httpd, app):
    origin = app(body=b"one", headers={"Cache-Control": "max-age=31536000"}, etag='"1"')
    server = kept(httpd, origin, more=ON)
    assert server.get("/assets/a.css?ver=6.1").body == b"one"
    wait_kept(server, "a.css")
    assert [server.get("/assets/a.css?ver=6.1").body for _ in range(3)] == [b"one"] * 3 and origin.count() == 1
    assert server.get("/assets/a.css").body == b"one" and origin.count() == 1
    assert origin.requests()[0]["path"] == "/assets/a.css?ver=6.1" and files(server) == ["a.css"]
    origin.behave(body=b"two", headers={"Cache-Control": "max-age=31536000"}, etag='"2"')
    set_times(server, "a.css", -100, 1000)
    assert server.get("/assets/a.css?ver=6.2").body == b"two" and origin.count() == 2
    assert server.get("/assets/a.css?ver=6.2").body == b"two" and origin.count() == 2
    server.get("/assets/a.css?size=1")
    server.get("/assets/a.css?ver=1&size=1")
    assert origin.count() == 4  # no versions


def test_a_folder_that_cannot_be_written_keeps_its_names(httpd, app):
    origin = app(body=b"<img src=/assets/a.png>", headers={"Content-Type": "text/html"})
    server = httpd(modules=["assets", "status"], expect_start=True)
    folder = store(server)
    folder.mkdir()
    folder.chmod(0o755)
    put(server, "a.png", b"one")
    os.chown(folder, 0, 0)
    server.allow_log("WT4008")
    server.reconfigure(vhost=f'TierAssets /assets/ store\n{ON}ProxyPass / {origin.url}/\n')
    server.graceful()
    server.wait_log("WT4008")
    assert server.get("/").body == b"<img src=/assets/a.png>" and lifetime(server, "a.png") == (200, None, b"one")
    assert lifetime(server, named("a.png", b"one"))[1] == FOREVER  # small: found out at once
    assert len(server.log_lines("WT4008")) == 1


def test_more_files_than_get_fingerprints_are_told_of(httpd, app):
    server = kept(httpd, app(body=b"one", headers={"Cache-Control": "max-age=600"}), more=ON)
    server.allow_log("WT4009")
    server.get("/assets/a")
    wait_kept(server, "a")
    for number in range(20_000):  # what is kept beside the one file says what the fingerprint of each is
        os.link(store(server) / "a", store(server) / str(number))
    server.wait_log("WT4009", timeout=60)
    assert "20000 files" in server.log_lines("WT4009")[0]


def joined(server):
    """Returns how often the files of fetches under way are open."""
    opened = [os.readlink(link) for child in server.children() for link in Path(f"/proc/{child}/fd").iterdir() if link.is_symlink()]
    return sum(opened.count(str(path)) for path in works(server))


def test_a_name_nobody_ever_had_is_404_also_when_its_fetch_began_a_second_before(httpd, app):
    origin = app(size=100_000, headers={"Cache-Control": "max-age=60"}, hold_at=20_000)
    server = kept(httpd, origin, more=ON)
    statuses = []
    crowd = [threading.Thread(target=lambda name=name: statuses.append(server.get(f"/assets/{name}", timeout=50).status))
             for name in ("a.bin", "a.h0123456789abcdef.bin")]
    crowd[0].start()
    wait_until(lambda: any(path.stat().st_size for path in works(server)), 30, what="the head of the answer")
    began, before = int(time.time()), joined(server)
    wait_until(lambda: time.time() >= began + 1, 30)
    crowd[1].start()
    wait_until(lambda: joined(server) > before, 30, what="the one who follows")
    origin.release()
    for one in crowd:
        one.join()
    assert sorted(statuses) == [200, 404] and origin.count() == 1
