# SPDX-License-Identifier: Apache-2.0
"""Files below a TierAssets prefix: served where they are, fetched from the application where they are not."""
import array
import contextlib
import fcntl
import os
import shutil
import socket
import termios
import threading
import time
import types
from pathlib import Path

import pytest
from assets_support import counters, files, kept, make_stale, put, store, wait_kept, works
from webtier_testing import PROXY_FAULTS, pattern, wait_until

CSS = {"Content-Type": "text/css", "Last-Modified": "Tue, 24 Nov 2020 10:00:00 GMT", "ETag": '"app-1"',
       "X-Own": "a", "Cache-Control": "max-age=60"}
SHORTER = "/sys/devices/system/cpu/online"  # stat(2) says 4096 bytes


def test_a_missing_file_is_fetched_once_and_kept(httpd, app):
    origin = app(body=b"body{}", headers=CSS)
    server = kept(httpd, origin)
    first = server.get("/assets/css/a.css", headers={"Cookie": "a=b"})
    wait_kept(server, "css/a.css")
    second = server.get("/assets/css/a.css")
    for answer in (first, second):
        assert answer.status == 200 and answer.body == b"body{}"
        for name in ("Content-Type", "Last-Modified", "ETag", "X-Own", "Cache-Control"):
            assert answer.headers[name] == CSS[name], name
        assert answer.headers["Content-Length"] == "6" and int(answer.headers["Age"]) < 60
    request, = origin.requests("/assets/css/a.css")
    assert "cookie" not in request["headers"]
    wait_until(lambda: works(server) == [])
    assert (store(server) / "css/a.css").read_bytes() == b"body{}"
    told = {"fetched": 1, "fetched_bytes": 6, "followed": 1, "served": 1}
    wait_until(lambda: {name: counters(server)[name] for name in told} == told)


@pytest.mark.parametrize("path", ["/assets/a.css", "/assets/ranged.css"])
def test_with_the_cache_before_it(httpd, app, path):
    """The client's request leads those for its URL in the cache, and must not be waited for by its own fetch."""
    origin = app(body=b"body{}", headers={**CSS, "Content-Type": "" if path == "/assets/a.css" else "text/css"})
    server = kept(httpd, origin, modules=["cache"], more="TierCache on")
    headers = {"Range": "bytes=1-3"} if "ranged" in path else None
    for body in (b"ody" if headers else b"body{}", b"ody" if headers else b"body{}"):
        answer = server.get(path, headers=headers)
        assert answer.body == body and "Cache-Status" in answer.headers
    assert origin.count(path) == 1


def written_over(server, url, path):
    """What a client gets of a file that is written over once httpd has sent it, and before the client has read it."""
    size, there = path.stat().st_size, array.array("i", [0])
    with server.connect() as client:
        client.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        wait_until(lambda: fcntl.ioctl(client, termios.FIONREAD, there) == 0 and there[0] > size)
        with path.open("r+b") as file:
            file.write(b"later" * (size // 5))
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_file_that_is_there_is_never_asked_for(httpd, app):
    origin = app()
    server = kept(httpd, origin, more='ProxyPass "/own" "!"', conf="TierAssetsHot off\nEnableSendfile on")
    put(server, "a.css", b"0123456789")
    answer = server.get("/assets/a.css?whatever=1")
    assert answer.body == b"0123456789" and answer.headers["Content-Type"] == "text/css"
    assert server.get("/assets/a.css", headers={"Range": "bytes=2-4"}).body == b"234"
    assert server.get("/assets/a.css", headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    assert server.get("/assets/a.css", headers={"If-Modified-Since": answer.headers["Last-Modified"]}).status == 304
    head = server.get("/assets/a.css", method="HEAD")
    assert head.headers["Content-Length"] == "10" and head.body == b""
    # By sendfile(2), as httpd's own: nobody has copied the bytes until the client does.
    for path in (server.docroot / "own", put(server, "b", b"")):
        path.write_bytes(b"first" * 3000)
    own, ours = written_over(server, "/own", server.docroot / "own"), written_over(server, "/assets/b", store(server) / "b")
    assert (b"later" in ours) == (b"later" in own) and len(ours) > 15_000
    assert origin.count() == 0


def test_ranges_and_conditions_of_a_missing_file(httpd, app):
    origin = app(body=b"0123456789", headers=CSS)
    server = kept(httpd, origin)
    part = server.get("/assets/a", headers={"Range": "bytes=2-4"})
    assert part.status == 206 and part.body == b"234"
    assert server.get("/assets/b", headers={"If-None-Match": '"app-1"'}).status == 304
    wait_kept(server, "a")
    wait_kept(server, "b")
    assert files(server) == ["a", "b"] and "range" not in origin.requests("/assets/a")[0]["headers"]


def test_answers_that_are_not_for_everybody_are_passed_through(httpd, app):
    origin = app()
    server = kept(httpd, origin)
    fields = [("Set-Cookie", "a=b"), ("Cache-Control", "private"), ("Cache-Control", "no-store"), ("Vary", "Cookie"),
              ("Content-Encoding", "x-own"), ("X-Long", "x" * 4000)]
    for number, (name, value) in enumerate(fields):
        path = f"/assets/{number}"
        origin.behave(path=path, body=b"mine", headers={name: value})
        for _ in range(3):
            answer = server.get(path)
            assert answer.body == b"mine" and answer.headers[name] == value
        assert origin.count(path) == 4, name  # the first of them asked twice
    told = {"set_cookie": 1, "private": 2, "vary": 1, "encoded": 1, "fields": 1}
    wait_until(lambda: {name: number for name, number in counters(server)["not_stored"].items() if number} == told)
    assert files(server) == [] and works(server) == []


def test_requests_that_are_not_for_everybody_are_passed_through(httpd, app):
    origin = app(body=b"x", headers=CSS)
    server = kept(httpd, origin)
    server.get("/assets/a", headers={"Authorization": "Basic eDp5"})
    server.get("/assets/a?size=1")
    server.get("/assets/a", method="POST", body=b"z")
    server.get("/assets/a", method="HEAD")
    server.get("/assets/a", body=b"z")
    assert origin.count() == 5 and files(server) == [] and counters(server)["passed"] == 4  # a POST is none of ours
    put(server, ".htpasswd", b"secret")
    for name in (".htpasswd", "%2e%2e/a", "a/.b/c", "a%5cb", "a%0ab", "a/", "x" * 300, ".tier/x", "a/%2e%2e/.htpasswd"):
        assert b"secret" not in server.get("/assets/" + name).body, name
    assert files(server) == [".htpasswd"]


def test_a_file_is_what_its_plain_url_gives_whoever_asked_for_it_how(httpd, app):
    """For an application that gets URLs as they are written, and has something else for other ways to write one."""
    origin = app(body=b"wrong", headers=CSS)
    server = kept(httpd, origin, more=f'ProxyPass "/" "{origin.url}/" nocanon\nAllowEncodedSlashes NoDecode\n')
    server.allow_log("AH01136")  # mod_proxy ignores nocanon where the beginning of the path is written in another way
    urls = ("/assets//{}.css", "/assets/./{}.css", "/x/../assets/{}.css", "http://localhost/assets/{}.css", "/%61ssets/{}.css")
    for name, url in enumerate(urls):
        origin.behave(path=f"/assets/{name}.css", body=b"right", headers=CSS)
        origin.behave(path=f"/%61ssets/{name}.css", body=b"right", headers=CSS)  # the same by RFC 3986
        answer = server.raw(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % url.format(name).encode())
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"right"), url
        wait_kept(server, f"{name}.css")
    for url in ("/assets/a%2fb.css", "/assets/a%252fb.css", "/assets/a%5cb.css", "/assets/%00.css"):
        server.get(url)
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert server.get("/assets/other.css", headers={name: "/secret"}).body == b"wrong"
    assert files(server) == [f"{name}.css" for name in range(len(urls))]
    origin.clear()
    server.get("/assets/host.css", headers={"X-Forwarded-Host": "evil.test", "X-Host": "evil.test", "Forwarded": "host=evil.test",
                                            "Accept": "image/webp"})
    wait_kept(server, "host.css")
    request, = origin.requests()
    assert "evil.test" not in str(request) and request["headers"]["accept"] == "*/*"


def test_a_name_is_never_run(httpd, app):
    origin = app(body=b"#!/bin/sh\necho run", headers={"Cache-Control": "max-age=60"})
    server = kept(httpd, origin, more="AddHandler server-status .php\nAddHandler cgi-script .cgi\n")
    for name in ("/assets/a.php", "/assets/a.cgi"):
        for _ in range(2):
            assert server.get(name).body == b"#!/bin/sh\necho run"
        wait_kept(server, name.rpartition("/")[2])


def test_404_is_remembered_for_a_moment(httpd, app):
    origin = app(status=404, body=b"none")
    server = kept(httpd, origin, more="TierAssetsNotFound 1s")
    began = time.monotonic()
    assert [server.get("/assets/a").status for _ in range(4)] == [404] * 4
    assert origin.count() <= 1 + (time.monotonic() - began)  # it is asked again after a second
    origin.behave(body=b"now", headers=CSS)
    wait_until(lambda: server.get("/assets/a").body == b"now", 30)
    assert counters(server)["not_found"] >= 4


def test_a_file_past_its_time_is_revalidated_and_one_that_is_gone_goes(httpd, app):
    origin = app(body=b"one", headers=CSS, etag='"app-1"')
    server = kept(httpd, origin)
    server.get("/assets/a")
    wait_kept(server, "a")
    make_stale(server, "a")
    again = server.get("/assets/a")
    assert again.body == b"one" and again.headers["ETag"] == '"app-1"'
    asked = origin.requests("/assets/a")[1]["headers"]
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"app-1"', CSS["Last-Modified"])
    assert counters(server)["revalidated"] == 1
    assert server.get("/assets/a").body == b"one" and origin.count() == 2
    # What a 304 says takes the place of what was kept, and may be that it must not be kept.
    origin.behave(body=b"one", headers={**CSS, "X-Own": "b"}, etag='"app-1"')
    make_stale(server, "a")
    assert [server.get("/assets/a").headers["X-Own"] for _ in range(2)] == ["b", "b"] and origin.count() == 3
    server.get("/assets/mine")
    wait_kept(server, "mine")
    make_stale(server, "mine")
    origin.behave(path="/assets/mine", body=b"one", headers={**CSS, "Cache-Control": "no-store"}, etag='"app-1"')
    assert server.get("/assets/mine").body == b"one" and files(server) == ["a"]
    # While one asks, the others get what is there.
    origin.behave(path="/assets/a", body=b"second", headers={**CSS, "ETag": '"app-2"'}, hold=True)
    make_stale(server, "a")
    origin.clear()
    answers = []
    first = threading.Thread(target=lambda: answers.append(server.get("/assets/a", timeout=50)))
    first.start()
    wait_until(lambda: origin.count("/assets/a") == 1)
    assert server.get("/assets/a").body == b"one" and not answers
    origin.release()
    first.join()
    assert answers[0].body == b"second" and origin.count("/assets/a") == 1
    wait_until(lambda: (store(server) / "a").read_bytes() == b"second")
    make_stale(server, "a")
    origin.behave(path="/assets/a", status=410)
    assert server.get("/assets/a").status == 404 and files(server) == []


def test_with_the_application_down_a_stale_copy_is_used(httpd, app):
    origin = app(body=b"one", headers=CSS)
    server = kept(httpd, origin)
    server.allow_log(*PROXY_FAULTS)
    server.get("/assets/a")
    wait_kept(server, "a")
    origin.kill()
    make_stale(server, "a")
    assert [server.get("/assets/a").body for _ in range(3)] == [b"one"] * 3
    missing = server.get("/assets/b")
    assert missing.status == 503 and missing.headers["Retry-After"]
    told = counters(server)
    assert (told["stale"], told["unavailable"]) == (3, 1) and told["failed"] >= 2 and files(server) == ["a"]
    origin.restart()
    assert server.get("/assets/c").status == 200  # another name waits for nothing
    wait_until(lambda: server.get("/assets/b").status == 200, 30)


def test_a_fetch_goes_through_the_balancer(httpd, app):
    gone, origin = app(), app(size=300_000, headers=CSS)
    gone.kill()
    server = kept(httpd, origin, more=f"""<Proxy "balancer://app">
        BalancerMember "{gone.url}"
        BalancerMember "{origin.url}"
        </Proxy>
        ProxyPass "/assets/" "balancer://app/assets/"
        """)
    server.allow_log(*PROXY_FAULTS)
    for name in ("a", "b"):
        assert server.get(f"/assets/{name}").body == pattern(300_000)
        wait_kept(server, name)
    assert origin.count() == 2


def test_what_was_used_last_stays_within_the_bound(httpd, app):
    origin = app(size=400_000)
    server = kept(httpd, origin, more="TierAssetsMaxSize 1M\nTierAssetsMaxAge 1h\n")
    put(server, "own", b"x" * 2_000_000)
    for age, name in enumerate("abcd"):
        server.get(f"/assets/{name}")
        wait_kept(server, name)
        wait_until(lambda: works(server) == [])
        _, _, fetched, expires, _ = os.getxattr(store(server) / name, "user.webtier.asset").split(b" ", 4)
        assert int(expires) - int(fetched) == 3600
        os.utime(store(server) / name, (time.time() - 1000 + 100 * age, 1e9))
    server.stop()
    server.start()  # it looks soon after its start
    told = {"removed": 2, "files": 4, "disk_bytes": 1_600_000}  # as they were counted before
    wait_until(lambda: {name: counters(server)[name] for name in told} == told, 30)
    assert files(server) == ["c", "d", "own"]
    assert server.get("/assets/d").body == pattern(400_000) and origin.count() == 4


def test_links_are_followed_and_those_that_lead_nowhere_are_replaced(httpd, app):
    origin = app(body=b"fetched", headers=CSS)
    server = kept(httpd, origin)
    for release in ("one", "two"):
        put(server, f"{release}/a.css", release.encode())
    for name, target in (("now", "one"), ("next", "two"), ("gone", "nowhere"), ("loop", "loop")):
        os.symlink(target, store(server) / name)
    assert server.get("/assets/now/a.css").body == b"one"
    os.rename(store(server) / "next", store(server) / "now")  # as deployments do
    assert server.get("/assets/now/a.css").body == b"two"
    for name in ("gone", "loop"):
        assert server.get(f"/assets/{name}").body == b"fetched"
        wait_until(lambda name=name: not (store(server) / name).is_symlink())
        assert (store(server) / name).read_bytes() == b"fetched"


def test_half_an_answer_is_never_published(httpd, app):
    origin = app()
    server = kept(httpd, origin)
    server.allow_log(*PROXY_FAULTS)
    for name, chunked in (("a", True), ("b", False)):
        origin.behave(path=f"/assets/{name}", size=100_000, headers=CSS, chunked=chunked, truncate=50_000)
        answer = server.raw(b"GET /assets/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % name.encode())
        assert len(answer) < 100_000 and not answer.endswith(b"0\r\n\r\n")
    origin.behave(path="/assets/c", garbage=b"no HTTP\r\n")  # mod_proxy makes a 200 of it
    assert server.get("/assets/c").status == 503
    wait_until(lambda: works(server) == [])
    assert files(server) == []


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_herd_costs_one_fetch(httpd, app, mpm):
    origin = app(size=300_000, headers=CSS, delay=0.3)
    server = kept(httpd, origin, mpm=mpm, conf=f"TierAssetsHot off\nEnableSendfile {'on' if mpm == 'event' else 'off'}")
    answers = []
    crowd = [threading.Thread(target=lambda: answers.append(server.get("/assets/big", timeout=50)))
             for _ in range(12)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert all(answer.body == pattern(300_000) for answer in answers) and len(answers) == 12
    assert origin.count("/assets/big") == 1


def test_the_file_is_sent_while_it_comes_and_the_fetch_outlives_its_client(httpd):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        server = kept(httpd, types.SimpleNamespace(url=f"http://127.0.0.1:{listening.getsockname()[1]}"))
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(b"GET /assets/slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            application, _ = listening.accept()
            application.recv(4096)
            application.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n" + pattern(60_000)[:20_000])
            assert b"200 OK" in client.recv(4096)
        assert not files(server)  # the client is gone, the fetch goes on
        with application:
            application.sendall(pattern(60_000)[20_000:])
        wait_kept(server, "slow")
    assert (store(server) / "slow").read_bytes() == pattern(60_000)


def test_httpd_killed_in_a_fetch_leaves_nothing_that_is_seen(httpd, app):
    origin = app(size=60_000, headers=CSS, drip=(20_000, 30))
    server = kept(httpd, origin)
    server.allow_log("exit signal Killed", "AH00052")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /assets/slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.recv(4096)
        assert len(works(server)) == 1
        for child in server.children():
            server.kill_child(child)
    assert files(server) == []
    origin.behave(size=60_000, headers=CSS)
    wait_until(lambda: server.get("/assets/slow").body == pattern(60_000), 30)
    wait_kept(server, "slow")
    wait_until(lambda: works(server) == [])


def test_a_folder_that_cannot_be_written_costs_no_answer(httpd, app):
    origin = app(body=b"x", headers=CSS)
    server = kept(httpd, origin)
    server.allow_log("WT4001")
    put(server, "taken", b"a file where a folder is needed")
    assert [server.get("/assets/taken/a").body for _ in range(3)] == [b"x"] * 3
    server.wait_log("WT4001")
    wait_until(lambda: works(server) == [])
    assert files(server) == ["taken"]
    shutil.rmtree(store(server) / ".tier")
    put(server, ".tier", b"")
    assert [server.get("/assets/a").body for _ in range(5)] == [b"x"] * 5
    assert len(server.log_lines("WT4001")) == 1 and counters(server)["disk_errors"] >= 2


def test_large_files_are_passed_through(httpd, app):
    origin = app(size=100_000, headers=CSS, hold_at=20_000)
    server = kept(httpd, origin, more="TierAssetsMaxFile 64K")
    answers = []
    large = threading.Thread(target=lambda: answers.append(server.get("/assets/a", timeout=50)))
    large.start()
    wait_until(lambda: origin.count() == 2)  # the size is enough to know it
    origin.release()
    large.join()
    assert answers[0].body == pattern(100_000)
    assert files(server) == [] and counters(server)["not_stored"]["too_large"] == 1
    # One whose size is not announced may break off for who is the first to ask for it.
    origin.behave(path="/assets/stream", size=100_000, chunked=True, headers=CSS)
    server.raw(b"GET /assets/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", timeout=30)
    assert server.get("/assets/stream").body == pattern(100_000)
    wait_until(lambda: works(server) == [])
    assert files(server) == [] and counters(server)["not_stored"]["too_large"] == 2


def test_a_file_replaced_while_it_is_sent_is_sent_as_it_was(httpd, app):
    server = kept(httpd, app())
    old = put(server, "a", b"a" * 3_000_000)
    tag = server.get("/assets/a", method="HEAD").headers["ETag"]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /assets/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = client.recv(1000)
        new = put(server, "b", b"b" * 10)
        os.rename(new, old)
        while piece := client.recv(65536):
            got += piece
    assert got.partition(b"\r\n\r\n")[2] == b"a" * 3_000_000
    part = {"Range": "bytes=2-4"}
    new_tag = server.get("/assets/a").headers["ETag"]
    for condition, status, body in ((tag, 200, b"b" * 10), (new_tag, 206, b"bbb")):  # a part of another file is none of this one
        answer = server.get("/assets/a", headers={**part, "If-Range": condition})
        assert answer.status == status and answer.body == body


def test_files_are_mapped_unless_it_is_switched_off(httpd, app):
    server = kept(httpd, app(), more="<Location /assets/off/>\nEnableMMAP off\n</Location>")
    for name in ("on/a", "off/b"):
        os.truncate(put(server, name, b""), 64 << 20)  # no socket takes all of it

    def is_mapped(name):
        return any(f"/store/{name}" in Path(f"/proc/{child}/maps").read_text() for child in server.children())
    with contextlib.ExitStack() as stack:
        for name in ("on/a", "off/b"):
            client = stack.enter_context(server.connect(timeout=30))
            client.sendall(b"GET /assets/%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % name.encode())
            assert client.recv(1000)  # and no more: the rest waits
        assert is_mapped("on/a") and not is_mapped("off/b")


@pytest.mark.skipif(not os.path.exists(SHORTER), reason="there is no such file")
def test_a_file_that_is_shorter_than_it_was_breaks_off(httpd, app):
    """As one of sysfs always is: the client gets no more than there is, and notices."""
    server = kept(httpd, app())
    put(server, "a", b"")
    os.symlink(SHORTER, store(server) / "b")
    assert "Content-Length: 4096" in str(server.get("/assets/b", method="HEAD").headers)
    _, _, body = server.raw(b"GET /assets/b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").partition(b"\r\n\r\n")
    assert len(body) < 100 and Path(SHORTER).read_bytes().startswith(body)


def test_access_control_holds(httpd, app):
    origin = app(body=b"x", headers=CSS)
    server = kept(httpd, origin, more='<Location "/assets/no/">\nRequire all denied\n</Location>')
    server.allow_log("AH01630")
    put(server, "no/a", b"secret")
    assert server.get("/assets/no/a").status == 403 and server.get("/assets/no/b").status == 403
    assert server.get("/assets/yes").status == 200 and origin.count() == 1


def test_over_tls_and_http2(httpd, app):
    origin = app(size=100_000, headers=CSS)
    server = kept(httpd, origin, tls=True, http2=True, mpm="worker")
    assert server.h2get("/assets/a").body == pattern(100_000)
    wait_kept(server, "a")
    assert server.h2get("/assets/a").body == pattern(100_000) and origin.count() == 1


def test_without_an_application_missing_is_404(httpd):
    server = httpd(modules=["assets"], vhost='TierAssets "/assets" "store/"\n')
    put(server, "a", b"x")
    assert server.get("/assets/a").body == b"x" and server.get("/assets/b").status == 404


def test_without_fetching_missing_files_are_the_applications(httpd, app):
    origin = app(body=b"x", headers=CSS)
    server = kept(httpd, origin, more="TierAssetsFetch off\n")
    assert [server.get("/assets/a").body for _ in range(2)] == [b"x"] * 2
    assert origin.count() == 2 and files(server) == []


def test_wrong_lines_are_refused(httpd):
    for line, problem in (
        ("TierAssets assets store", "TierAssets: \"assets\" is no path of a URL"),
        ("TierAssetsMaxFile 0", "TierAssetsMaxFile: \"0\" is too small"),
        ("TierAssetsMaxAge soon", "TierAssetsMaxAge: \"soon\" is not a time"),
        ("TierAssetsTimeout 1ms", "TierAssetsTimeout: \"1ms\" is too small"),
        ("TierAssetsManifest assets/ m.json", 'TierAssetsManifest: "assets/" is no beginning of references'),
        ("TierAssetsManifest /assets m.json", 'TierAssetsManifest: "/assets" is no beginning of references'),
        ("TierAssetsPeers https://box", 'TierAssetsPeers: "https://box" is no web box'),
        ("TierAssetsPeers timeout=1 ftp://x", 'TierAssetsPeers: "ftp://x" is no web box'),
        ("TierAssetsPeers timeout=1ms http://127.0.0.1", "TierAssetsPeers: timeout"),
        ("TierAssetsVersions a=b", 'TierAssetsVersions: "a=b" is no name'),
        ("TierAssetsWaiters 0", 'TierAssetsWaiters: "0" is too small'),
        ("TierAssetsWaiters 9 soon", 'TierAssetsWaiters: "soon" is not a time'),
        ("TierAssetsHot 1K", 'TierAssetsHot: "1K" is too small'),
        ("TierAssetsVariants deflate", 'TierAssetsVariants: "deflate" is no coding'),
        ("TierAssetsVariants br br", 'TierAssetsVariants: "br" is named twice'),
        ("TierAssetsVariants", "TierAssetsVariants: give off, or codings"),
    ):
        status, text = httpd.check(modules=["assets"], conf=line)
        assert status != 0 and problem in text
