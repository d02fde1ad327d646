# SPDX-License-Identifier: Apache-2.0
"""Many clients and one key: how often the origin is asked, and how long clients wait."""
import json
import os
import pathlib
import threading
import time

import pytest
from cache_support import FRESH, cached, is_hit
from herd_support import at_once, burst, median
from webtier_testing import PROXY_FAULTS, wait_until
from webtier_testing.settings import scale

ROOMY = "ThreadLimit 64\nThreadsPerChild 64\nMaxRequestWorkers 192\nMaxSpareThreads 192\nStartServers 3\n"


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_cold_key_is_asked_for_once(httpd, app, mpm):
    origin = app(delay=0.5, size=20_000, headers=FRESH)
    server = cached(httpd, origin, conf=ROOMY, mpm=mpm)
    answers = burst(server, 100)
    assert origin.count() == 1
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert sum("; collapsed" in answer.head for answer in answers) >= 20
    assert median(answers) <= scale(0.8), median(answers)


def test_a_cold_key_is_asked_for_once_by_processes_of_one_thread(httpd, app):
    origin = app(delay=0.5, headers=FRESH)
    server = cached(httpd, origin, conf="StartServers 40\nMinSpareServers 30", mpm="prefork")
    answers = at_once(30, lambda: server.get("/", timeout=20))
    assert origin.count() == 1 and {answer.status for answer in answers} == {200}


def test_a_cold_key_is_asked_for_once_by_web_boxes(httpd, app, memcached):
    origin, store = app(delay=0.5, headers=FRESH), memcached()
    boxes = [cached(httpd, origin, "ServerName shop.test:80", f"TierCacheServer {store.server}") for _ in range(2)]
    turn = iter(range(1000))
    answers = at_once(40, lambda: boxes[next(turn) % 2].get("/", timeout=20, host="shop.test"))
    assert origin.count() == 1
    assert median(answers) <= scale(0.8)


def test_an_expired_key_is_asked_for_once(httpd, app):
    origin = app(headers={"Cache-Control": "max-age=1"}, etag="one")
    server = cached(httpd, origin)
    server.get()
    time.sleep(1.1)
    origin.behave(delay=0.3, headers=FRESH, etag="one")
    answers = at_once(40, lambda: server.get("/", timeout=20))
    assert origin.count() == 2 and {answer.status for answer in answers} == {200}


def test_an_uncacheable_answer_releases_all_and_is_remembered(httpd, app):
    origin = app(delay=0.2, headers={"Cache-Control": "no-store"})
    server = cached(httpd, origin, conf=ROOMY)
    first = burst(server, 50)
    assert origin.count() == 50 and median(first) < scale(0.6)
    assert median(burst(server, 50)) < scale(0.35) and origin.count() == 100


def test_what_was_uncacheable_may_become_cacheable(httpd, app):
    origin = app(headers={"Cache-Control": "no-store"})
    server = cached(httpd, origin)
    server.get()
    origin.behave(headers=FRESH)
    server.get()
    assert is_hit(server.get())


def test_a_killed_leader_strands_nobody(httpd, app):
    origin = app(delay=1.0, headers=FRESH)
    server = cached(httpd, origin)
    server.allow_log("AH00052", "exit signal Kill")
    failed, answers = [], []

    def ask():
        try:
            answers.append(server.get("/", timeout=20))
        except OSError as error:
            failed.append(error)
    threads = [threading.Thread(target=ask) for _ in range(30)]
    threads[0].start()
    wait_until(lambda: origin.count() == 1)
    leader = holder_of(server, origin)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.3)
    server.kill_child(leader)
    began = time.monotonic()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < scale(1.6), "the next leader begins at once"
    assert {answer.status for answer in answers} == {200} and answers
    assert origin.count() == 2


def holder_of(server, origin):
    """Returns the child that has a connection to the origin."""
    wanted = f":{origin.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table][1:]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(wanted) and row[3] == "01"}
    for pid in server.children():
        fds = pathlib.Path(f"/proc/{pid}/fd")
        if any(os.readlink(fd) in inodes for fd in fds.iterdir()):
            return pid
    raise AssertionError("no child is connected to the origin")


def test_a_leader_that_goes_away_is_replaced(httpd, app):
    origin = app(delay=0.5, size=3_000_000, drip=(300_000, 0.05), headers=FRESH)
    server = cached(httpd, origin, conf="TierCacheMaxSize 8M")
    gone = server.connect()
    gone.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: origin.count() == 1)
    waiter = []
    thread = threading.Thread(target=lambda: waiter.append(server.get("/", timeout=20)))
    thread.start()
    time.sleep(0.1)
    gone.close()
    thread.join()
    assert waiter[0].status == 200 and len(waiter[0].body) == 3_000_000


def test_variants_are_not_one_another(httpd, app):
    origin = app(delay=0.3, headers={**FRESH, "Vary": "X-Kind"}, echo=True)
    server = cached(httpd, origin)
    kinds = iter(["a", "b"] * 20)
    answers = at_once(40, lambda: (lambda kind: (kind, server.get("/", timeout=20, headers={"X-Kind": kind})))(next(kinds)))
    assert all(f'"x-kind": "{kind}"' in answer.body.decode().lower() for kind, answer in answers)
    assert origin.count() <= 3


def test_who_has_credentials_waits_for_nobody(httpd, app):
    origin = app(delay=0.5, headers=FRESH)
    server = cached(httpd, origin)
    headers = {"Authorization": "Basic dTpw"}
    answers = at_once(10, lambda: server.get("/", timeout=20, headers=headers))
    assert origin.count() == 10 and median(answers) < scale(0.8)


def test_waiting_is_bounded_in_time_and_number(httpd, app):
    origin = app(hang=True)
    server = cached(httpd, origin, "TierCacheWait 300ms\nProxyTimeout 1", "TierCacheWaiters 2\nStartServers 1\n"
                    "MaxRequestWorkers 32\n")
    server.allow_log(*PROXY_FAULTS)
    answers = at_once(10, lambda: server.get("/", timeout=20))
    assert {answer.status for answer in answers} <= {502, 504}
    assert origin.count() == 10 and max(answer.elapsed for answer in answers) < scale(2.0)


def test_off(httpd, app):
    origin = app(delay=0.2, headers=FRESH)
    server = cached(httpd, origin, "TierCacheWait 0")
    at_once(10, lambda: server.get("/", timeout=20))
    assert origin.count() == 10


def test_a_memcached_that_is_down_makes_nobody_wait(httpd, app, memcached):
    origin, store = app(delay=0.2, headers=FRESH), memcached()
    server = cached(httpd, origin, conf=f"TierCacheServer {store.server}\n{ROOMY}")
    server.allow_log("WT01")
    store.kill()
    at_once(5, lambda: server.get("/", timeout=20))
    answers = at_once(30, lambda: server.get("/", timeout=20))
    assert max(answer.elapsed for answer in answers) < scale(0.5)


def test_the_counters_tell(httpd, app):
    origin = app(delay=0.3, headers=FRESH)
    server = httpd(modules=["cache", "status"], vhost=f"""
        <Location /tier-status>
            SetHandler tier-status
        </Location>
        <LocationMatch "^/(?!tier-status)">
            TierCache on
        </LocationMatch>
        ProxyPass /tier-status !
        ProxyPass / {origin.url}/
        """)
    burst(server, 10)
    told = json.loads(server.get("/tier-status/json").body)["modules"]["cache"]
    assert told["collapsed"] + told["hits"] == 9 and told["collapsed"] >= 1
    assert told["forwarded"]["uri_miss"] == 1 and told["not_waited"] == 0
