# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around the files of a TierAssets directory, and what clients see of it."""
import contextlib
import os
import shutil
import subprocess
import threading

import pytest

from assets_support import counters, files, kept, make_stale, put, set_times, store, wait_kept, works
from webtier_testing import PROXY_FAULTS, pattern, process, settings, wait_until

CSS = {"Content-Type": "text/css", "ETag": '"1"', "Cache-Control": "max-age=60"}


def limit_files(server, size):
    """Limits what the children may write to a file, as the user that they run as."""
    user = process.unprivileged()
    for child in server.children():
        subprocess.run(["prlimit", f"--pid={child}", f"--fsize={size}:unlimited"], check=True,
                       **({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}))


@contextlib.contextmanager
def small_disk(server):
    """Has the files on a disk of 200 KiB; yields what makes it larger.

    Where nothing may be mounted, a limit of what the children write to one file stands for it: EFBIG in ENOSPC's place.
    """
    user = process.unprivileged()
    owner = f",uid={user.pw_uid},gid={user.pw_gid}" if user else ""
    store(server).mkdir(exist_ok=True)
    process.give_to_server(store(server))
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=200k{owner}", "tmpfs", store(server)], capture_output=True)
    if made.returncode:
        limit_files(server, "100000")
        yield lambda: limit_files(server, "unlimited")
        return
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=8m", store(server)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", store(server)], check=True)


def test_a_full_disk_and_a_folder_of_somebody_else_cost_no_answer(httpd, app):
    origin = app(size=300_000, headers=CSS)
    origin.behave(path="/assets/small", size=50_000, headers=CSS)
    origin.behave(path="/assets/stream", size=2_000_000, chunked=True, headers=CSS)
    server = kept(httpd, origin)
    server.allow_log("WT4001")
    with small_disk(server) as enlarge:
        assert [server.get("/assets/a").body for _ in range(3)] == [pattern(300_000)] * 3
        assert server.get("/assets/small").body == pattern(50_000)
        wait_kept(server, "small")
        # Whose size nobody knows before may break off, once.
        server.raw(b"GET /assets/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", timeout=30)
        assert server.get("/assets/stream", timeout=30).body == pattern(2_000_000)
        wait_until(lambda: works(server) == [])
        assert files(server) == ["small"] and len(server.log_lines("WT4001")) == 1 and counters(server)["disk_errors"] == 2
        enlarge()
        assert server.get("/assets/later").body == pattern(300_000)
        wait_kept(server, "later")
        # Nor may it write there any more; what is there is still sent.
        shutil.rmtree(store(server) / ".tier")
        os.chown(store(server), 0, 0)
        store(server).chmod(0o755)
        origin.clear()
        assert [server.get("/assets/b").body for _ in range(3)] == [pattern(300_000)] * 3
        assert server.get("/assets/small").body == pattern(50_000) and origin.count("/assets/small") == 0
        assert files(server) == ["later", "small"]


def test_a_disk_that_takes_nothing_makes_no_copy_last_longer(httpd, app):
    origin = app(body=b"one", headers=CSS)
    server = kept(httpd, origin)
    server.allow_log("WT4001")
    server.get("/assets/a")
    wait_kept(server, "a")
    make_stale(server, "a")
    shutil.rmtree(store(server) / ".tier")
    os.chown(store(server), 0, 0)
    store(server).chmod(0o755)
    origin.behave(body=b"two", headers=CSS)
    assert [server.get("/assets/a").body for _ in range(3)] == [b"two"] * 3


def test_two_boxes_with_many_processes_store_a_file_once(httpd, app):
    origin = app(size=500_000, headers=CSS, delay=0.3)
    one = kept(httpd, origin)
    shared = store(one)
    other = httpd(modules=["assets"], vhost=f'TierAssets /assets/ "{shared}"\nProxyPass / {origin.url}/\n')
    answers = []
    crowd = [threading.Thread(target=lambda box=box: answers.append(box.get("/assets/a", timeout=50)))
             for box in (one, other) * 6]
    for client in crowd:
        client.start()
    for client in crowd:
        client.join()
    assert all(answer.body == pattern(500_000) for answer in answers) and len(answers) == 12
    assert origin.count() == 1
    wait_kept(one, "a")
    assert (shared / "a").read_bytes() == pattern(500_000) and other.get("/assets/a").body == pattern(500_000)


def test_a_clock_that_jumps_makes_files_stale_at_worst(httpd, app):
    origin = app(body=b"one", headers=CSS, etag='"1"')
    server = kept(httpd, origin)
    server.get("/assets/a")
    wait_kept(server, "a")
    for fetched, expires in ((3600, 7200), (10_000_000, 20_000_000), (-10_000_000, -9_000_000)):
        set_times(server, "a", fetched, expires)
        before = origin.count()
        assert server.get("/assets/a").body == b"one" and int(server.get("/assets/a").headers["Age"]) < 60
        assert origin.count() == before + 1
    assert counters(server)["revalidated"] == 3
    put(server, "b", b"mine")
    os.utime(store(server) / "b", (2**31, 2**31))
    assert server.get("/assets/b").body == b"mine"


def test_a_slow_application_does_not_take_all_workers(httpd, app):
    origin = app(body=b"old", headers=CSS)
    server = kept(httpd, origin, conf="TierAssetsHot off\nTierAssetsWaiters 3 200ms\nStartServers 1\nServerLimit 1\n"
                                      "ThreadLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 8\nMaxSpareThreads 8\n")
    server.allow_log("WT4011")
    put(server, "there", b"there")
    server.get("/assets/old")
    wait_kept(server, "old")
    make_stale(server, "old")
    origin.behave(body=b"new", headers=CSS, hold=True)
    answers = []
    crowd = [threading.Thread(target=lambda name=name: answers.append(server.get(f"/assets/{name}", timeout=50)))
             for name in range(7)]
    for one in crowd:
        one.start()
    wait_until(lambda: len(answers) == 4, 25)
    assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(503, "2")}
    # Nobody waits in vain now: for others there are workers, a copy past its time is used, who would have to wait is told.
    assert server.get("/assets/there").body == b"there" and server.get("/assets/old").body == b"old"
    assert server.get("/assets/another").status == 503
    assert counters(server)["shed"] == 6 and len(server.log_lines("WT4011")) == 1
    origin.release()
    for one in crowd:
        one.join()
    assert [answer.body for answer in answers[4:]] == [b"new"] * 3
    assert server.get("/assets/another").body == b"new"  # it waits again


def test_a_hung_application_costs_its_time_out(httpd, app):
    origin = app(body=b"one", headers=CSS)
    server = kept(httpd, origin, more="TierAssetsTimeout 500ms")
    server.allow_log(*PROXY_FAULTS)
    wait_until(lambda: server.get("/assets/a").status == 200, 30)  # where 500 ms are not enough, it is tried again
    wait_kept(server, "a")
    make_stale(server, "a")
    origin.stop()
    assert server.get("/assets/missing", timeout=30).status == 503
    assert server.get("/assets/a", timeout=30).body == b"one"
    assert [server.get("/assets/a").body for _ in range(3)] == [b"one"] * 3
    origin.cont()
    wait_until(lambda: server.get("/assets/other", timeout=30).status == 200, 30)


@pytest.mark.skipif(settings.SANITIZE in ("address", "thread"), reason="its run time is preloaded itself")
@pytest.mark.parametrize("scarce, told", [("memory", ["WT4002"]), ("threads,locks", ["WT4003", "WT4004", "WT4007"])])
def test_what_the_system_does_not_give_is_told_and_costs_no_answer(httpd, app, scarce, told):
    page = b"<img src=/assets/a>"
    origin = app(body=b"a", headers=CSS)
    origin.behave(path="/page", body=page, headers={"Content-Type": "text/html"})
    server = kept(httpd, origin, more="TierAssetsRewrite on\nTierAssetsMap /assets/ /static/\n"
                                      "TierAssetsVariants gzip\nTierAssetsCompress on\n",
                  env={"LD_PRELOAD": str(settings.BUILD / "test-modules/test_scarce.so"),
                       "TEST_SCARCE": f"mod_tier_assets.so:{scarce}"})
    server.allow_log(*told)
    for number in told:
        server.wait_log(number)
    assert server.get("/page").body == page  # unchanged
    assert [server.get("/assets/a").body for _ in range(2)] == [b"a"] * 2
    if scarce == "memory":
        assert files(server) == [] and origin.count("/assets/a") == 2
    else:
        assert files(server) == ["a"] and origin.count("/assets/a") == 1  # before the first answer
        # Nobody compresses but a thread that was not to be had: no request does.
        put(server, "b.css", b"a { margin: 0 }\n" * 1000)
        answers = [server.get("/assets/b.css", headers={"Accept-Encoding": "gzip"}) for _ in range(4)]
        assert {(len(answer.body), answer.headers["Content-Encoding"]) for answer in answers} == {(16_000, None)}
        assert [path for path in (store(server) / ".tier").rglob("*") if path.is_file()] == []
