# SPDX-License-Identifier: Apache-2.0
"""Files of MogileFS straight from the URL, their paths in the cache, beside plain mod_proxy to the same storage."""
from bench_lib import Unmeasurable, cpu_us, main

from webtier_testing import client
from webtier_testing.mariadb import MariaDb
from webtier_testing.mogile import Mogile

SIZES = {"1 KiB": 1024, "100 KiB": 102_400, "5 MiB": 5_242_880}
PROXY = ("proxy", "proxy_http")
KEY = "TierMogileDomain web\nTierMogileKey ^/(.+)$ $1\nTierMogileVerify"


class Installation(Mogile):
    """What its storage nodes used; trackers and database are asked once in a minute."""

    def cpu_us(self):
        return sum(cpu_us(node.pid) for node in self.nodes)


def hung_trackers(bench, mariadb):
    """Has each of some trackers hang: adds what the client waits that meets it first, and how many met it."""
    fs = bench._keep(Mogile(bench._workspace, mariadb, trackers=4, nodes=1))
    fs.store("key", b"f" * 1024, on=(1,))
    front = bench.httpd(f"TierMogileTrackers {fs.trackers_line()}\nTierMogileCacheTime 0\n{KEY} size", ["reproxy"], PROXY)
    times, met = [], []
    with client.Session(front.port) as session:
        for tracker in fs.trackers[:3]:
            asked = lookups_of(tracker)
            tracker.fault("hang")
            while lookups_of(tracker) == asked:
                times.append(timed(session))
            for _ in range(20):
                timed(session)
            met.append(lookups_of(tracker) - asked)
    bench.figure("the worst of 3 hung trackers", max(times), "ms until the client has its answer", 500)
    bench.figure("the worst of 3 hung trackers", max(met), "requests that waited for it", 1)


def lookups_of(tracker):
    return sum("webtier-probe" not in line for line in tracker.seen("get_paths"))


def timed(session):
    answer = session.get("/key")
    if answer.status != 200:
        raise Unmeasurable(f"beside a hung tracker the answer is {answer.status}")
    return 1000 * answer.elapsed


def prepare(bench):
    workspace = bench._workspace
    mariadb = bench._keep(MariaDb(workspace))
    fs = bench._keep(Installation(workspace, mariadb, trackers=1, nodes=1))
    fs.nodes[0].configure("access_log off; keepalive_requests 1000000000;")
    fs.nodes[0].restart()
    trackers = f"TierMogileTrackers {fs.trackers_line()}\nTierMogileCacheTime 1h\n{KEY}"
    sized = bench.httpd(f"{trackers} size", ["reproxy"], PROXY)
    checked = bench.httpd(f"{trackers} checksum", ["reproxy"], PROXY)
    for name, size in SIZES.items():
        fid = fs.store(str(size), b"f" * size, on=(1,))
        path = f"/dev1/0/000/000/{fid:010d}.fid"
        proxy = bench.httpd(f"ProxyPass /{size} {fs.nodes[0].url}{path}", stock=PROXY)

        def case(what, server, **options):
            return bench.case(f"{what}, {name}", server, f"/{size}", size=size, charged=[server, fs], **options)

        plain = case("mod_proxy to storage", proxy)
        case("key of MogileFS, path in the cache", sized, against=plain, goal=1.4)
        case("the same, TierMogileVerify checksum", checked, against=plain)
    hung_trackers(bench, mariadb)


if __name__ == "__main__":
    main(prepare)
