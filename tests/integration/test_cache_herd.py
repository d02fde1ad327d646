# SPDX-License-Identifier: Apache-2.0
"""Many clients and one key: how often the origin is asked, who waits for it and who does not.

The origin keeps its answer until the clients are where the test wants them, however long the machine takes for that.
"""
import http.client
import itertools
import os
import pathlib
import socket

import pytest
from cache_support import FRESH, cached, is_hit
from herd_support import PATIENT, PATIENT_STORE, ROOMY, Asking, Crowd, Gate, herded, told, until_waiting
from webtier_testing import pattern, settings, wait_until
from webtier_testing.sockets import ESTABLISHED, sockets


def asking(count, *servers, **options):
    """Sends so many requests for the page, to the servers in turn."""
    turn = itertools.cycle(servers)
    lucky = [next(turn) for _ in range(count)]
    return Asking(count, lambda: lucky.pop().get("/", timeout=60, **options))


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_cold_key_is_asked_for_once(httpd, app, mpm):
    origin = app(hold=True, size=20_000, headers=FRESH)
    server = herded(httpd, origin, mpm=mpm)
    crowd = Crowd(server, 100)
    until_waiting(99, server)
    origin.release()
    answers = crowd.answers()
    assert origin.count() == 1
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert sum("; collapsed" in answer.head for answer in answers) == 99


def test_a_cold_key_is_asked_for_once_by_processes_of_one_thread(httpd, app):
    origin = app(hold=True, headers=FRESH)
    server = herded(httpd, origin, conf="StartServers 40\nMinSpareServers 30", mpm="prefork")
    clients = asking(30, server)
    until_waiting(29, server)
    origin.release()
    assert {answer.status for answer in clients.join()} == {200} and origin.count() == 1


def test_a_cold_key_is_asked_for_once_by_web_boxes(httpd, app, memcached):
    """One request asks, one of the other box waits for memcached to tell, 38 wait for these two."""
    origin, store = app(hold=True, headers=FRESH), memcached()
    boxes = [herded(httpd, origin, f"{PATIENT}\nServerName shop.test:80", f"TierCacheServer {store.server}\n{PATIENT_STORE}")
             for _ in range(2)]
    clients = asking(40, *boxes, host="shop.test")
    until_waiting(39, *boxes)
    origin.release()
    assert {answer.status for answer in clients.join()} == {200} and origin.count() == 1


def test_what_another_web_box_has_stored_meanwhile_is_not_asked_for_again(httpd, app, memcached):
    """One box has looked in vain, and gets the lease only when the other has given it back."""
    origin, store = app(headers=FRESH), memcached()
    gate = Gate(store)
    far, near = (cached(httpd, origin, f"{PATIENT}\nServerName shop.test:80", f"TierCacheServer {server}\n{PATIENT_STORE}")
                 for server in (gate.server, store.server))
    clients = asking(1, far, host="shop.test")
    wait_until(gate.asked.is_set)
    wait_until(lambda: is_hit(near.get(host="shop.test")))
    gate.opened.set()
    answer, = clients.join()
    assert answer.status == 200 and origin.count() == 1


def test_a_web_box_that_is_lost_is_not_waited_for_longer_than_others(httpd, app, memcached):
    """It is asking the origin, and what it left in memcached says so; nobody is there to take that back."""
    origin, store = app(hold=True, headers=FRESH), memcached()
    lost, other = (herded(httpd, origin, "TierCacheWait 300ms\nServerName shop.test:80",
                          f"TierCacheServer {store.server}\n{PATIENT_STORE}") for _ in range(2))
    lost.allow_log("AH00052", "exit signal Kill")
    first = asking(1, lost, host="shop.test")
    wait_until(lambda: origin.count() == 1)
    lost.kill_child(holder_of(lost, origin))
    clients = asking(5, other, host="shop.test")
    wait_until(lambda: origin.count() == 6)  # none of them is answered yet
    origin.release()
    first.settle()
    assert {answer.status for answer in clients.join()} == {200} and first.failed


def test_an_expired_key_is_asked_for_once(httpd, app):
    origin = app(headers={"Cache-Control": "max-age=60", "Age": "60"}, etag="one")
    server = herded(httpd, origin)
    server.get()
    origin.behave(hold=True, headers=FRESH, etag="one")
    clients = asking(40, server)
    until_waiting(39, server)
    origin.release()
    assert {answer.status for answer in clients.join()} == {200} and origin.count() == 2


def test_an_uncacheable_answer_releases_all_and_is_remembered(httpd, app):
    origin = app(hold=True, headers={"Cache-Control": "no-store"})
    server = herded(httpd, origin)
    crowd = Crowd(server, 50)
    until_waiting(49, server)
    origin.release()
    crowd.answers()
    assert origin.count() == 50
    origin.behave(hold=True, headers={"Cache-Control": "no-store"})
    crowd = Crowd(server, 50)
    wait_until(lambda: origin.count() == 100)  # none of them is answered yet
    assert told(server)["waiting"] == 0
    origin.release()
    crowd.answers()


def herd_waits(server, origin, fields, count=5):
    """Sends so many requests; returns whether all but one waited for its answer, or none did."""
    before = origin.count()
    origin.behave(hold=True, headers=fields)
    clients = asking(count, server)
    wait_until(lambda: origin.count() == before + count or (origin.count() == before + 1 and told(server)["waiting"] == count - 1))
    waited = origin.count() == before + 1
    origin.release()
    assert {answer.status for answer in clients.join()} == {200}
    return waited


def test_what_is_stale_from_the_first_moment_on_makes_nobody_wait(httpd, app):
    """It is to be asked for each time. That is remembered, until an answer comes that can be shared."""
    origin = app()
    server = herded(httpd, origin)
    stale = {"Cache-Control": "max-age=0", "ETag": '"one"'}
    assert herd_waits(server, origin, stale) and origin.count() == 5
    assert not herd_waits(server, origin, stale)
    origin.behave(headers=FRESH)
    server.get()
    server.get(method="DELETE")
    before = origin.count()
    assert herd_waits(server, origin, FRESH) and origin.count() == before + 1


def test_an_answer_that_came_too_late_is_not_held_against_the_next(httpd, app):
    """It was fresh for a minute, all of which it has spent elsewhere."""
    origin = app()
    server = herded(httpd, origin)
    for _ in range(2):
        assert herd_waits(server, origin, {"Cache-Control": "max-age=60", "Age": "100", "ETag": '"one"'})


def test_what_was_uncacheable_may_become_cacheable(httpd, app):
    origin = app(headers={"Cache-Control": "no-store"})
    server = cached(httpd, origin)
    server.get()
    origin.behave(headers=FRESH)
    server.get()
    assert is_hit(server.get())


def test_a_killed_leader_strands_nobody(httpd, app):
    """More clients than a child has threads: some wait in others. The next leader asks although the origin answers nobody."""
    origin = app(hold=True, headers=FRESH)
    server = herded(httpd, origin, conf="")
    server.allow_log("AH00052", "exit signal Kill")
    first = asking(1, server)
    wait_until(lambda: origin.count() == 1)
    leader = holder_of(server, origin)
    others = asking(39, server)
    until_waiting(39, server)
    server.kill_child(leader)
    wait_until(lambda: origin.count() == 2)
    origin.release()
    for clients in (first, others):
        clients.settle()
    assert {answer.status for answer in others.answers} == {200} and first.failed
    assert origin.count() == 2


def holder_of(server, origin):
    """Returns the child that has a connection to the origin."""
    inodes = {f"socket:[{one.inode}]" for one in sockets({ESTABLISHED}) if one.peer == origin.port}
    for pid in server.children():
        fds = pathlib.Path(f"/proc/{pid}/fd")
        if any(os.readlink(fd) in inodes for fd in fds.iterdir()):
            return pid
    raise AssertionError("no child is connected to the origin")


def test_a_leader_that_goes_away_is_replaced(httpd, app):
    origin = app(hold_at=300_000, size=3_000_000, headers=FRESH)
    server = herded(httpd, origin, f"{PATIENT}\nTierCacheFinish off", "TierCacheMaxSize 8M")
    gone = server.connect()
    gone.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: origin.count() == 1)
    waiter = asking(1, server, host="localhost")
    until_waiting(1, server)
    gone.close()
    origin.release()
    answer, = waiter.join()
    assert answer.status == 200 and len(answer.body) == 3_000_000


def slow_client(server, data, receives=4096):
    """Returns a connection that has sent data and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    client.connect(("127.0.0.1", server.port))
    client.sendall(data)
    return client


@pytest.mark.parametrize("with_memcached,chunked", [(False, False), (True, True)], ids=["memory", "memcached"])
def test_a_leader_whose_client_reads_nothing_holds_nobody_up(httpd, app, memcached, with_memcached, chunked):
    """All who wait have the page before that client takes a byte; then it gets all of it as well."""
    origin = app(size=1_500_000, hold_at=100_000, chunked=chunked, headers=FRESH)
    store = f"TierCacheServer {memcached().server}\n{PATIENT_STORE}\n" if with_memcached else ""
    server = herded(httpd, origin, conf=f"{store}SendBufferSize 32768\n{ROOMY}")
    slow = slow_client(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    wait_until(lambda: origin.count() == 1)
    clients = asking(5, server, host="localhost")
    until_waiting(5, server)
    origin.release()
    assert {(answer.status, answer.body) for answer in clients.join()} == {(200, pattern(1_500_000))}
    assert origin.count() == 1
    with slow, http.client.HTTPResponse(slow) as answer:
        answer.begin()
        assert answer.status == 200 and answer.read() == pattern(1_500_000)


@pytest.mark.parametrize("piece", [20_000, 38_000])
def test_a_pause_of_the_origin_does_not_make_the_leader_wait_for_its_client(httpd, app, piece):
    """What comes before a pause is flushed: as far as that client takes it, of which the kernel has room for less than all."""
    size = 270_000
    origin = app(size=size, drip=(piece, 0.05), headers=FRESH)
    server = herded(httpd, origin, conf=f"SendBufferSize 32768\n{ROOMY}")
    slow = slow_client(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    wait_until(lambda: origin.count() == 1)
    answer, = asking(1, server, host="localhost").join()
    assert answer.body == pattern(size) and origin.count() == 1
    with slow, http.client.HTTPResponse(slow) as late:
        late.begin()
        assert late.read() == pattern(size)


@pytest.mark.skipif(settings.SANITIZE == "thread", reason="its run time keeps memory of its own for each byte")
def test_of_what_is_too_large_to_be_stored_no_more_is_kept_than_could_be(httpd, app):
    """Its client reads nothing until that is known; then it gets all of it."""
    size = 8_000_000
    origin = app(size=size, chunked=True, headers=FRESH)
    server = herded(httpd, origin, conf="TierCacheMaxSize 512K\nSendBufferSize 131072\nStartServers 1\nServerLimit 1\nMaxRequestWorkers 32\n")
    origin.behave("/small", headers=FRESH)
    server.get("/small")
    before = server.memory_kib()
    slow = slow_client(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 131_072)
    wait_until(lambda: told(server)["not_stored"]["too_large"] == 1)
    with slow, http.client.HTTPResponse(slow) as answer:
        answer.begin()
        assert answer.read() == pattern(size)
    assert server.memory_kib() - before < 5000


def test_a_leader_whose_stream_is_not_read_is_replaced(httpd, app):
    """It has sent what its client's window takes, and waits; what others wait for is asked for once more."""
    origin = app(size=1_000_000, hold_at=20_000, headers=FRESH)
    server = herded(httpd, origin, http2=True)
    slow = slow_client(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") +
                       frame(1, 5, 1, b"\x82\x86\x84\x41\x09localhost"))  # SETTINGS; HEADERS: GET http / localhost
    wait_until(lambda: origin.count() == 1)
    clients = asking(5, server, host="localhost")
    until_waiting(5, server)
    origin.release()
    assert {(answer.status, answer.body) for answer in clients.join()} == {(200, pattern(1_000_000))}
    assert origin.count() == 2
    slow.close()


def frame(kind, flags, stream, payload):
    """Returns a frame of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def test_variants_are_not_one_another(httpd, app):
    origin = app(hold=True, headers={**FRESH, "Vary": "X-Kind"}, echo=True)
    server = herded(httpd, origin)
    kinds = ["a", "b"] * 20

    def ask():
        kind = kinds.pop()
        return kind, server.get("/", timeout=60, headers={"X-Kind": kind})
    clients = Asking(40, ask)
    until_waiting(39, server)
    origin.release()
    assert all(f'"x-kind": "{kind}"' in answer.body.decode().lower() for kind, answer in clients.join())
    assert origin.count() <= 3


def test_who_has_credentials_waits_for_nobody(httpd, app):
    origin = app(hold=True, headers=FRESH)
    server = cached(httpd, origin, PATIENT)
    clients = asking(10, server, headers={"Authorization": "Basic dTpw"})
    wait_until(lambda: origin.count() == 10)  # none of them is answered yet
    origin.release()
    clients.join()


def test_waiting_is_bounded_in_number(httpd, app):
    origin = app(hold=True, headers=FRESH)
    server = herded(httpd, origin, conf="TierCacheWaiters 2\nStartServers 1\nServerLimit 1\nMaxRequestWorkers 32\n")
    clients = asking(10, server)
    wait_until(lambda: origin.count() == 8)
    until_waiting(2, server)
    origin.release()
    assert {answer.status for answer in clients.join()} == {200}
    assert origin.count() == 8 and told(server)["not_waited"] == 7


def test_waiting_is_bounded_in_time(httpd, app):
    """The origin answers none of them before it has been asked by all."""
    origin = app(hold=True, headers=FRESH)
    server = cached(httpd, origin, "TierCacheWait 100ms")
    clients = asking(5, server)
    wait_until(lambda: origin.count() == 5)
    origin.release()
    assert {answer.status for answer in clients.join()} == {200}


def test_off(httpd, app):
    origin = app(hold=True, headers=FRESH)
    server = cached(httpd, origin, "TierCacheWait 0")
    clients = asking(10, server)
    wait_until(lambda: origin.count() == 10)
    origin.release()
    clients.join()


def down(httpd, origin, store, conf=""):
    """Returns a server that has given up its memcached, which is dead."""
    server = herded(httpd, origin, conf=f"TierCacheServer {store.server}\n{conf}\n{ROOMY}")
    server.allow_log("WT01")
    store.kill()
    wait_until(lambda: server.get("/down").status == 200 and told(server)["servers"][0]["state"] == "down")
    return server


def test_a_memcached_that_is_down_is_called_by_nobody(httpd, app, memcached):
    """The first level has what one request brings: they wait for each other as ever."""
    origin = app(headers=FRESH)
    server = down(httpd, origin, memcached())
    before = told(server)
    origin.behave(hold=True, headers=FRESH)
    clients = asking(30, server)
    until_waiting(29, server)
    origin.release()
    assert {answer.status for answer in clients.join()} == {200}
    assert origin.count("/") == 1
    after = told(server)
    assert after["servers"][0]["not_asked"] >= before["servers"][0]["not_asked"] + 30
    for kind in ("timeout", "other"):
        assert after["store_errors"][kind] == before["store_errors"][kind], kind


def test_without_a_first_level_nobody_waits_for_a_memcached_that_is_down(httpd, app, memcached):
    """Nothing could be kept for those who wait."""
    origin = app(headers=FRESH)
    server = down(httpd, origin, memcached(), "TierCacheLocalTTL 0")
    origin.behave(hold=True, headers=FRESH)
    clients = asking(10, server)
    wait_until(lambda: origin.count("/") == 10)
    origin.release()
    clients.join()


def test_the_counters_tell(httpd, app):
    origin = app(hold=True, headers=FRESH)
    server = herded(httpd, origin)
    crowd = Crowd(server, 10)
    until_waiting(9, server)
    origin.release()
    crowd.answers()
    told_now = told(server)
    assert told_now["collapsed"] == 9 and told_now["hits"] == 0 and told_now["waiting"] == 0
    assert told_now["forwarded"]["uri_miss"] == 1 and told_now["not_waited"] == 0
