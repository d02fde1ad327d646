# SPDX-License-Identifier: Apache-2.0
"""The relay: a slow client pins no worker, and nobody else notices that its body goes another way."""
import time

import pytest
from reproxy_relay_support import (LOG, ONE_CHILD, SIZE, SMALL, SlowClient, begun, busy_workers, lines, pattern, placed, relay,
                                   relaying, says, told)
from reproxy_support import memory_kib, node_of, reproxying
from webtier_testing import settings, wait_until


def test_two_hundred_slow_clients_need_no_workers(httpd, app, nginx):
    size = 40_000  # more than the buffers in between hold
    s = relaying(httpd, app(), nginx(), size=size, conf=SMALL)
    assert s.get("/x").status == 200
    before = memory_kib(s)
    clients = [SlowClient(s, buffer=4096) for _ in range(200)]
    begun(s, 200)
    # 18 KiB and what each thread needs when it runs for the first time; mod_proxy has 150 for each.
    assert settings.SANITIZE or (memory_kib(s) - before) / 200 < 80
    wait_until(lambda: busy_workers(s) <= 3, 30)
    wait_until(lambda: relay(s)["running"] == 200)
    for client in clients:
        assert client.read_body(size) == pattern(size)
        client.close()
    wait_until(lambda: relay(s)["complete"] == 201)


def test_a_quick_client_needs_no_relay(httpd, app, nginx):
    """The worker gives it what the socket takes at once, and keeps the connection to storage."""
    size = 60_000  # what a new connection's buffers hold
    storage = nginx("add_header X-Connection $connection;")
    s = relaying(httpd, app(), storage, size=size, conf=ONE_CHILD, more="TierReproxyStorageFields X-Connection")
    connections = []  # of the storage, as it numbers them
    while len(set(connections)) == len(connections):
        answer = s.get("/x")
        assert answer.body == pattern(size)
        connections.append(answer.headers["X-Connection"])
        assert len(connections) < 100  # the worker has 20 ms for each: on a busy machine some go to the relay
    count = len(connections)
    now = wait_until(lambda: relay(s)["complete"] == count and relay(s))
    assert now["begun"] == count and now["handed_over"] < count and now["bytes"] == count * size
    assert node_of(s, storage)["body_bytes"] == count * size


def test_small_answers_and_large_ones_keep_their_order(httpd, app, nginx):
    """Small ones wait in httpd's buffers for what follows, if the client has asked ahead."""
    a = app()
    s = relaying(httpd, a, nginx(), size=100_000)
    a.behave("/small", body=b"small")
    asked = b"".join(b"GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (path, more) for path, more in (
        (b"small", b""), (b"x", b""), (b"small", b""), (b"small", b""), (b"x", b""), (b"small", b"Connection: close\r\n")))
    answers = [answer.partition(b"\r\n\r\n")[2]
               for answer in SlowClient(s, request=asked).read_all().split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert answers == [b"small", pattern(100_000), b"small", b"small", pattern(100_000), b"small"]


def test_what_httpd_holds_back_goes_before_a_body(httpd, app, nginx):
    """Another module's bytes that wait for what follows: the answer does not overtake them, and is relayed."""
    s = relaying(httpd, app(), nginx(), size=100_000, modules=["reproxy", "status", "test_early"])
    ask = b"GET /x HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    got = SlowClient(s, request=ask % b"X-Early: 1\r\n" + ask % b"X-Early: 1\r\nConnection: close\r\n").read_all()
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    before, *answers = got.split(b"HTTP/1.1 200 OK\r\n")
    assert before == hints
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [pattern(100_000) + hints, pattern(100_000)]
    wait_until(lambda: relay(s)["complete"] == 2)


@pytest.mark.parametrize("truncate", [None, 20_000])
def test_a_head_that_the_client_takes_in_parts(httpd, app, nginx, truncate):
    """It is longer than the buffers: the rest of it is the relay's, also where another copy has to go on with the body."""
    size, a, first, second = 60_000, app(), app(size=60_000, truncate=truncate), nginx()
    s = reproxying(httpd, a, first, second, more=f"TierReproxyRelayMin 10000\n{LOG}", conf=SMALL)
    fields = {f"X-Field-{number}": f"{number:04}" * 1000 for number in range(30)}
    says(a, f"{first.url}/file", *placed([second], size=size), headers=fields)
    client = SlowClient(s, buffer=4096)
    begun(s)
    assert client.read_body(size) == pattern(size)
    head = bytes(client.received).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[0] == "HTTP/1.1 200 OK" and not {f"{name}: {value}" for name, value in fields.items()} - set(head)
    assert len(head) == len(set(head))
    line, = wait_until(lambda: lines(s))
    assert line["bytes"] == size and line["out"] == len(client.received) and line["end"] == "+"
    assert relay(s)["continued"] == (truncate is not None) and relay(s)["bytes"] == size


def test_a_slow_client_that_asks_ahead_pins_no_worker(httpd, app, nginx):
    """The next answer begins while its socket still holds the end of the one before."""
    size = 60_000
    s = relaying(httpd, app(), nginx(), size=size, conf=SMALL)
    ask = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
    client = SlowClient(s, request=ask % 1 + ask % 2, buffer=4096)
    begun(s)
    while relay(s)["complete"] == 0:
        client.read(1000)
    wait_until(lambda: relay(s)["begun"] == 2 and relay(s)["running"] == 1)
    wait_until(lambda: busy_workers(s) == 1)
    client.read_body(2 * size)
    while client.received.count(pattern(size)) < 2:
        assert client.read()
    wait_until(lambda: len(lines(s)) == 2)
    assert [(line["bytes"], line["end"]) for line in lines(s)] == [(size, "+")] * 2
    assert all(size + 100 < line["out"] < size + 1000 for line in lines(s))


def test_a_connection_goes_on_after_a_relayed_body(httpd, app, nginx):
    s = relaying(httpd, app(), nginx())
    with s.session() as session:
        for path in ("/a", "/b", "/tier-status", "/c"):
            answer = session.get(path)
            assert answer.status == 200 and answer.headers["Connection"] is None
            assert path == "/tier-status" or answer.body == pattern(SIZE)
    wait_until(lambda: relay(s)["complete"] == 3)
    assert relay(s)["bytes"] == 3 * SIZE


@pytest.mark.parametrize("size, count, conf", [(500_000, 3, ""), (12_000, 20, SMALL)])
def test_requests_sent_ahead_are_answered_in_order(httpd, app, nginx, size, count, conf):
    """Long ones, and short ones of which each begins while small buffers still hold the one before."""
    s = relaying(httpd, app(), nginx(), size=size, conf=conf)
    client = SlowClient(s, request=b"".join(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (
        number, b"Connection: close\r\n" if number == count - 1 else b"") for number in range(count)))
    answers = client.read_all(5000).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == count * [pattern(size)]


def test_a_range_is_relayed(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), minimum=1)
    for first, last in ((0, 0), (1, 1_000_000), (1_200_000, SIZE - 1)):
        answer = s.get("/x", headers={"Range": f"bytes={first}-{last}"})
        assert answer.status == 206 and answer.body == pattern(SIZE)[first:last + 1]
    wait_until(lambda: relay(s)["complete"] == 3)


def test_the_log_line_tells_what_happened(httpd, app, nginx):
    s = relaying(httpd, app(), nginx("limit_rate 700k;"), size=1_000_000)  # of which the first second's at once
    assert s.get("/x").body == pattern(1_000_000)
    line, = wait_until(lambda: lines(s))
    assert line["bytes"] == 1_000_000 and line["status"] == 200 and line["end"] == "+"
    assert 1_000_000 < line["out"] < 1_001_000
    assert line["microseconds"] > 250_000


def test_a_client_that_goes_away(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL)
    client = SlowClient(s)
    begun(s)
    client.read()
    client.close()
    wait_until(lambda: relay(s)["client_gone"] == 1 and relay(s)["running"] == 0)
    line, = wait_until(lambda: lines(s))
    assert line["end"] == "X" and len(client.body) <= line["bytes"] < SIZE


def test_a_client_that_takes_nothing_is_cut_after_timeout(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL + "Timeout 1\n")
    client = SlowClient(s)
    started = time.monotonic()
    wait_until(lambda: relay(s)["client_stalled"] == 1, 10)
    assert time.monotonic() - started > 0.9
    assert len(client.read_body(SIZE)) < SIZE and client.ended


def test_a_slow_client_outlives_timeout(httpd, app, nginx):
    """The MPM would end a connection that it waits for after Timeout."""
    s = relaying(httpd, app(), nginx(), conf=SMALL + "Timeout 2\n")
    client = SlowClient(s)
    client.read_slowly(2.6, 40_000)
    assert client.read_body(SIZE) == pattern(SIZE)
    wait_until(lambda: relay(s)["complete"] == 1)


def test_a_node_killed_under_a_slow_client_is_replaced(httpd, app, nginx):
    first, second = nginx("limit_rate 100k;"), nginx()
    s = relaying(httpd, app(), first, second, conf=SMALL)
    s.allow_log("AH00957", "AH01114")
    client = SlowClient(s)
    begun(s)
    first.kill()
    assert client.read_body(SIZE) == pattern(SIZE)
    wait_until(lambda: relay(s)["complete"] == 1)
    figures = relay(s)
    assert node_of(s, first)["body_bytes"] + node_of(s, second)["body_bytes"] == SIZE
    assert figures["continued"] == 1 and figures["source_ended"] == 1 and figures["bytes"] == SIZE
    assert wait_until(lambda: lines(s))[0]["bytes"] == SIZE


def test_a_node_killed_with_no_other_cuts_the_client(httpd, app, nginx):
    node = nginx("limit_rate 100k;")
    s = relaying(httpd, app(), node, conf=SMALL)
    s.allow_log("AH00957", "AH01114", "WT3012")
    client = SlowClient(s)
    begun(s)
    node.kill()
    assert len(client.read_body(SIZE)) < SIZE and client.ended
    wait_until(lambda: lines(s))
    assert lines(s)[0]["bytes"] < SIZE and lines(s)[0]["end"] == "X"


def test_a_body_that_was_read_up_keeps_no_storage_waiting(httpd, app, nginx):
    """Its last bytes are in the relay's pipe: the next request has the connection while the client still takes them."""
    size, storage = 60_000, nginx("add_header X-Connection $connection;")
    s = relaying(httpd, app(), storage, size=size, conf=SMALL + ONE_CHILD, more="TierReproxyStorageFields X-Connection")
    for _ in range(50):  # where the storage is late the client is met first
        slow = SlowClient(s, buffer=4096)
        begun(s)
        used = slow.field("X-Connection")
        again = s.get("/x").headers["X-Connection"]
        assert slow.read_body(size) == pattern(size)
        slow.close()
        if again == used:
            break
        wait_until(lambda: relay(s)["running"] == 0)
    assert again == used


def test_a_copy_goes_on_where_the_relay_has_no_room_any_more(httpd, app, nginx):
    """Another body has taken its place in the relay while the next copy was asked."""
    a, first, second, other = app(), app(size=SIZE, hold_at=30_000), nginx(), nginx()
    url, busy = placed([second, other], size=SIZE)
    says(a, f"{first.url}/file", url, path="/one")
    says(a, busy, path="/two")
    s = reproxying(httpd, a, first, second, other, conf=SMALL + ONE_CHILD + "TierReproxyRelayMax 1\n",
                   more="TierReproxyRelayMin 10000\nTierReproxyTimeout first=20s stall=20s")
    s.allow_log("AH00957", "AH01114")
    client = SlowClient(s, "/one")
    begun(s)
    assert client.read_body(30_000) == pattern(SIZE)[:30_000]
    second.stop()
    first.kill()
    wait_until(lambda: [node["requests"] for node in told(s)["nodes"] if node["node"] == second.url] == [1])
    another = SlowClient(s, "/two")
    wait_until(lambda: relay(s)["handed_over"] == 2)
    second.cont()
    assert client.read_body(SIZE) == pattern(SIZE)
    assert another.read_body(SIZE) == pattern(SIZE)
    wait_until(lambda: relay(s)["complete"] == 2)
    assert relay(s)["refused"] == 1 and relay(s)["bytes"] == 2 * SIZE


def test_no_room_is_no_fault(httpd, app, nginx):
    s = relaying(httpd, app(), nginx(), conf=SMALL + "TierReproxyRelayMax 1\n" + ONE_CHILD)
    clients = [SlowClient(s) for _ in range(3)]
    wait_until(lambda: relay(s)["refused"] == 2)
    assert all(client.read_body(SIZE) == pattern(SIZE) for client in clients)
    wait_until(lambda: relay(s)["complete"] == 3)
