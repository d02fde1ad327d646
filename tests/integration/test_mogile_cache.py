# SPDX-License-Identifier: Apache-2.0
"""Paths are looked up once for all processes and web boxes, and anew when they turn out wrong."""
from mogile_support import web  # noqa: F401
from webtier_testing import wait_until
from webtier_testing.pattern import pattern
from webtier_testing.tracker_server import path_of

BODY = pattern(5_000)


def asked(server):
    return len([line for tracker in server.fs.trackers for line in tracker.seen("get_paths")
                if "webtier-probe" not in line])


def move(fs, fid, source, target):
    """What MogileFS's rebalancing does."""
    fs.nodes[target - 1].put(path_of(target, fid), fs.copy(source, fid).read_bytes())
    fs.sql("UPDATE file_on SET devid=%s WHERE fid=%s AND devid=%s", target, fid, source)
    fs.nodes[source - 1].remove(path_of(source, fid))


def test_a_path_is_asked_for_once(web):  # noqa: F811
    server = web(cache="TierMogileCacheTime 60s 60s\nTierMogileMethods PUT DELETE")
    server.fs.store("key", BODY)
    for _ in range(20):
        assert server.get("/f/key").body == BODY
        assert server.get("/f/nosuch").status == 404
    server.graceful()
    assert server.get("/f/key").body == BODY and asked(server) == 2  # a new generation knows what the old one knew
    # Writes through this httpd are seen at once.
    assert server.get("/f/nosuch", method="PUT", body=b"new").status == 201
    assert server.get("/f/nosuch").body == b"new"
    assert server.get("/f/key", method="DELETE").status == 204
    assert server.get("/f/key").status == 404


def test_two_hundred_clients_at_once_are_one_look_up(web):  # noqa: F811
    server = web(cache="TierMogileCacheTime 60s 60s", nodes=2)
    server.allow_log("AH00484")  # there are less than two hundred workers
    server.fs.store("key", BODY)
    for tracker in server.fs.trackers:
        tracker.fault("slow")
    clients = [server.connect() for _ in range(200)]
    for client in clients:
        client.sendall(b"GET /f/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    for client in clients:
        with client, client.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and body == BODY
    assert asked(server) == 1


def test_paths_that_fail_are_looked_up_anew(web):  # noqa: F811
    server = web(cache="TierMogileCacheTime 60s")
    fid = server.fs.store("key", BODY, on=(1,))
    assert server.get("/f/key").body == BODY
    move(server.fs, fid, 1, 3)
    server.allow_log("WT3011")
    assert server.get("/f/key").body == BODY  # not even this request fails
    before = asked(server)
    assert server.get("/f/key").body == BODY
    assert asked(server) == before
    # Overwritten by somebody else, and the old body is gone.
    server.fs.sql("DELETE FROM file")
    server.fs.nodes[2].remove(path_of(3, fid))
    server.fs.store("key", b"new", on=(2,))
    assert server.get("/f/key").body == b"new"
    server.fs.sql("DELETE FROM file")
    server.fs.nodes[1].remove(path_of(2, fid + 1))
    assert server.get("/f/key").status == 404


def test_memcached_keeps_paths_for_all_web_boxes(web, memcached, httpd):  # noqa: F811
    shared = memcached()
    server = web(conf=f"TierMogileCacheServers {shared.server}", cache="TierMogileCacheTime 60s 60s", trackers=1)
    server.fs.store("key", BODY)
    other = httpd(modules=["reproxy"], conf=f"TierMogileTrackers {server.fs.trackers_line()}\n"
                  f"TierMogileCacheServers {shared.server}",
                  vhost="TierMogileDomain web\nTierMogileKey ^/f/(.+)$ $1\nTierMogileCacheTime 60s 60s")
    assert server.get("/f/key").body == BODY and server.get("/f/nosuch").status == 404
    assert other.get("/f/key").body == BODY and other.get("/f/nosuch").status == 404
    assert asked(server) == 2
    other.allow_log("WT0101")
    server.allow_log("WT0101")
    shared.kill()
    server.fs.store("more", BODY)
    assert server.get("/f/more").body == BODY and other.get("/f/more").body == BODY


def test_a_cache_that_is_too_small_is_still_right(web):  # noqa: F811
    server = web(conf="TierMogileCacheSize 512K", cache="TierMogileCacheTime 60s", trackers=1)
    for number in range(60):
        server.fs.store(f"{number}", b"%d" % number)
    for _ in range(2):
        for number in range(60):
            assert server.get(f"/f/{number}").body == b"%d" % number
    wait_until(lambda: asked(server) >= 60, 2)
