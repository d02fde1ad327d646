# SPDX-License-Identifier: Apache-2.0
"""Web boxes with shared memory of their own in front of one memcached: what they share, how soon, and large objects."""
import json
import re
import socket
import threading
import time

import pytest
from cache_support import FRESH, cached, is_hit
from herd_support import PATIENT_STORE
from webtier_testing import pattern, wait_until

DOWN = "WT01"  # the memcached client's own lines about servers that went and came
HOST = "shop.test"
LARGE = 3 * 1024 * 1024
STATUS = "ProxyPass /tier-status !\n<Location /tier-status>\nSetHandler tier-status\nTierCache off\nRequire local\n</Location>\n"


def box(httpd, origin, store, conf="", **options):
    """Returns a web box of the site; what conf says of TierCacheTimeout counts."""
    return httpd(modules=["cache", "status"], conf=f"TierCacheServer {store.server}\n{PATIENT_STORE}\n{conf}",
                 vhost=f"ServerName {HOST}:80\n{STATUS}TierCache on\nProxyPass / {origin.url}/", **options)


def get(server, path="/", **options):
    return server.get(path, host=HOST, **options)


def told(server):
    return json.loads(server.get("/tier-status/json", host=HOST).body)["modules"]["cache"]


def stored(server, path="/"):
    """Sends one request and waits until what it brought is stored."""
    before = told(server)["stored"]
    answer = get(server, path)
    wait_until(lambda: told(server)["stored"] > before)
    return answer


def talk(store, request, end):
    with socket.create_connection(("127.0.0.1", store.port), 2) as stream:
        stream.sendall(request)
        data = b""
        while not data.endswith(end):
            data += stream.recv(65536)
    return data


def keys_of(store, prefix):
    lines = talk(store, b"lru_crawler metadump hash\r\n", b"END\r\n").decode()
    return sorted(re.findall(rf"key=({prefix}\S+)", lines))


def test_a_hit_of_shared_memory_does_not_ask_memcached(httpd, app, memcached):
    origin, store = app(size=20_000, headers=FRESH), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 60s")
    first = stored(server)
    before = store.stats()["cmd_get"]
    answers = [get(server) for _ in range(50)]
    assert all(is_hit(answer) and answer.body == first.body for answer in answers)
    assert store.stats()["cmd_get"] == before
    assert told(server)["hits_local"] == 50 and told(server)["hits_remote"] == 0


def test_another_boxs_answer_is_taken_from_memcached_once(httpd, app, memcached):
    origin, store = app(size=20_000, headers=FRESH), memcached()
    boxes = [box(httpd, origin, store, "TierCacheLocalTTL 60s") for _ in range(2)]
    first = stored(boxes[0])
    assert all(get(boxes[1]).body == first.body for _ in range(5)) and origin.count() == 1
    assert (told(boxes[1])["hits_remote"], told(boxes[1])["hits_local"]) == (1, 4)


def test_an_unsafe_request_reaches_other_boxes_within_a_second(httpd, app, memcached):
    """The other box is asked 50 times a second all the time: its copies stay in use and are looked up beside requests."""
    origin, store = app(), memcached()
    boxes = [box(httpd, origin, store) for _ in range(2)]
    pages = {"/plain": FRESH, "/variant": {**FRESH, "Vary": "Accept"}}

    def bodies(server):
        return {get(server, path).body for path in pages}
    for path, fields in pages.items():
        origin.behave(path, body=b"old", headers=fields)
        stored(boxes[0], path)
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        assert bodies(boxes[1]) == {b"old"}
        time.sleep(0.02)
    for path, fields in pages.items():
        origin.behave(path, body=b"new", headers=fields)
        assert get(boxes[0], path, method="POST", body=b"").status == 200
    changed = time.monotonic()
    assert bodies(boxes[0]) == {b"new"}
    while bodies(boxes[1]) != {b"new"}:
        assert time.monotonic() - changed < 10  # a second, and what a busy machine takes for asking
        time.sleep(0.01)
    time.sleep(1.1)
    assert {body for server in boxes for body in bodies(server)} == {b"new"}


def test_no_first_level(httpd, app, memcached):
    origin, store = app(headers=FRESH), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 0")
    stored(server)
    before = store.stats()["cmd_get"]
    assert all(is_hit(get(server)) for _ in range(5))
    assert store.stats()["cmd_get"] == before + 5 and "memory" not in told(server)


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms(httpd, app, memcached, mpm):
    origin, store = app(headers=FRESH), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 200ms", mpm=mpm)
    stored(server)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert is_hit(get(server))
    server.graceful()
    assert is_hit(get(server)) and origin.count() == 1


def test_hung_memcached_does_not_slow_what_is_hot(httpd, app, memcached):
    """300 requests/s of 10 hot pages for 3.5 s; memcached is stopped from 0.3 s to 3.3 s.

    Copies are looked up beside requests: those find the deadline missed, by the time the requests would have to ask
    themselves memcached is known to be down. On a machine that has no time for that a few requests wait, once.
    """
    origin, store = app(size=1000, headers=FRESH), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 2500ms\nTierCacheTimeout 600ms")
    server.allow_log(DOWN)
    paths = [f"/{n}" for n in range(10)]
    for path in paths:
        stored(server, path)
    load = server.load(rate=300, seconds=3.5, path=paths, headers={"Host": HOST})
    threading.Timer(0.3, store.stop).start()
    threading.Timer(3.3, store.cont).start()
    report = load.join()
    assert report.errors == [] and report.total == 1050, str(report)
    assert origin.count() == 10
    after = told(server)
    assert after["hits_local_only"] > 0 and after["memcached_calls"]["over_100ms"] <= 40, after


def test_killed_memcached_leaves_what_is_local(httpd, app, memcached):
    """And what is asked for meanwhile is stored locally."""
    origin, store = app(size=1000, headers=FRESH), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 100ms")
    server.allow_log(DOWN)
    stored(server)
    store.kill()
    time.sleep(0.3)
    assert all(is_hit(get(server)) for _ in range(10))
    stored(server, "/new")
    time.sleep(0.3)
    assert is_hit(get(server, "/new")) and origin.count() == 2


def test_local_copies_end_with_their_own_lifetime(httpd, app, memcached):
    origin, store = app(body=b"old", headers={"Cache-Control": "max-age=3"}), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 100ms")
    server.allow_log(DOWN)
    began = time.monotonic()
    stored(server)
    store.kill()
    origin.behave(body=b"new", headers=FRESH)
    answer, took = get(server), time.monotonic() - began
    assert answer.body == b"old" or took > 2
    wait_until(lambda: get(server).body == b"new")


def test_what_was_removed_while_memcached_was_away_does_not_come_back(httpd, app, memcached):
    """memcached hangs and wakes up with everything it had; the removal is made up for, for all boxes."""
    origin, store = app(body=b"old", headers=FRESH), memcached()
    boxes = [box(httpd, origin, store, "TierCacheLocalTTL 100ms\nTierCacheTimeout 300ms") for _ in range(2)]
    for server in boxes:
        server.allow_log(DOWN)
    stored(boxes[0])
    origin.behave(body=b"new", headers={"Cache-Control": "no-store"})
    store.stop()
    get(boxes[0], method="POST", body=b"")
    assert get(boxes[0]).body == b"new"
    store.cont()
    wait_until(lambda: told(boxes[0])["servers"][0]["state"] == "up")
    assert get(boxes[0]).body == b"new"
    assert get(boxes[1]).body == b"new"


def test_a_large_body_of_two_boxes(httpd, app, memcached):
    origin, store = app(size=LARGE, headers=FRESH), memcached()
    boxes = [box(httpd, origin, store) for _ in range(2)]
    assert stored(boxes[0]).body == pattern(LARGE)
    assert len(keys_of(store, "wtp1-")) == 4
    for server in boxes:
        answer = get(server)
        assert is_hit(answer) and answer.body == pattern(LARGE)
    assert origin.count() == 1


def test_sizes_about_the_limit_of_an_item(httpd, app, memcached):
    origin, store = app(), memcached(["-m", "128"])
    server = box(httpd, origin, store)
    for size in (1024 * 1024 - 1400, 1024 * 1024, 15 * 1024 * 1024):
        origin.behave(f"/{size}", size=size, chunked=True, headers=FRESH)
        stored(server, f"/{size}")
        answer = get(server, f"/{size}")
        assert is_hit(answer) and answer.body == pattern(size), size


def test_parts_on_several_servers(httpd, app, memcached):
    origin, stores = app(size=LARGE, headers=FRESH), [memcached() for _ in range(4)]
    server = cached(httpd, origin, conf=f"{PATIENT_STORE}\nTierCacheServer " + " ".join(store.server for store in stores))
    server.get()
    wait_until(lambda: is_hit(server.get()))
    assert server.get().body == pattern(LARGE)
    assert sum(len(keys_of(store, "wtp1-")) for store in stores) == 4


def damage(data):
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


def spoil(store, key, change):
    if change:
        head, _, rest = talk(store, b"get %s\r\n" % key, b"\r\nEND\r\n").partition(b"\r\n")
        value = change(rest[:int(head.split()[3])])
        talk(store, b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value), b"STORED\r\n")
    else:
        talk(store, b"delete %s\r\n" % key, b"DELETED\r\n")


def test_a_part_that_is_lost_or_damaged_is_a_miss(httpd, app, memcached):
    size = 1_500_000
    origin, store = app(size=size, headers=FRESH), memcached()
    server = box(httpd, origin, store, "TierCacheLocalTTL 0")
    changes = {"lost": None, "bit": damage, "cut": lambda data: data[:-1], "longer": lambda data: data + b"x",
               "empty": lambda data: b""}
    known = []
    for path in ("/whole", *(f"/{name}-{part}" for name in changes for part in (0, 1))):
        stored(server, path)
        parts = [key for key in keys_of(store, "wtp1-") if key not in known]
        assert len(parts) == 2, path
        if path == "/whole":
            assert is_hit(get(server, path))
        else:
            name, part = path[1:].split("-")
            spoil(store, parts[int(part)].encode(), changes[name])
            answer = get(server, path)
            assert not is_hit(answer) and answer.body == pattern(size) and origin.count(path) == 2, path
        known = keys_of(store, "wtp1-")


def test_two_boxes_write_the_same_large_key(httpd, app, memcached):
    """Each box stores bodies of its own letter again and again, as fast as it can; no answer mixes them."""
    store = memcached(["-m", "256"])
    letters = [b"a", b"b"]
    origins = [app(body=letter * LARGE, headers={"Cache-Control": "max-age=1"}) for letter in letters]
    boxes = [box(httpd, origin, store, "TierCacheWait 0") for origin in origins]
    wrong, hits = [], []
    end = time.monotonic() + 40

    def ask(server, fields):
        while time.monotonic() < end and min(hits.count(True), hits.count(False)) < 20:
            answer = get(server, headers=fields)
            hits.append(is_hit(answer))
            if answer.body not in (b"a" * LARGE, b"b" * LARGE):
                wrong.append((len(answer.body), answer.body[:1], answer.body[-1:]))
    threads = [threading.Thread(target=ask, args=(server, fields)) for server in boxes
               for fields in ({"Cache-Control": "no-cache"}, {})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and min(hits.count(True), hits.count(False)) >= 20
