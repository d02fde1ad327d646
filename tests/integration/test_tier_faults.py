# SPDX-License-Identifier: Apache-2.0
"""The whole tier at 500 requests/s while a part of it dies: what the clients see."""
import time

import pytest
from webtier_testing import scale, wait_until

FAULT = (
    "AH00957", "AH00959", "AH01114",  # mod_proxy could not connect to the killed member
    "AH01102",  # the killed member was answering this request
    "AH00940",  # mod_proxy does not ask it for a while
    "WT1001", "WT0101",
)
# Kept pages, pages that must not be kept, and pages that are kept by half.
PATHS = [*(f"/page/{n}" for n in range(20)), *(f"/private/{n}" for n in range(5))]


@pytest.fixture
def tier(httpd, app, memcached):
    """Returns httpd, its three application servers and its memcached, warm and proven up."""
    apps = [app() for _ in range(3)]
    for one in apps:
        one.behave(size=2000, headers={"Cache-Control": "max-age=60"})
        for path in PATHS[20:]:
            one.behave(path, size=2000, headers={"Cache-Control": "private"})
    store = memcached()
    members = "\n".join(f'BalancerMember "{one.url}"' for one in apps)
    server = httpd(
        modules=["health", "cache", "status", "linger"],
        conf=f"TierCacheServer {store.server}\nTierLinger on",
        vhost=f"""
            <Proxy "balancer://app">
                {members}
                TierHealthCheck http uri=/health interval=100ms timeout=80ms
                TierHealthRetry on
            </Proxy>
            ProxyPass "/" "balancer://app/"
            TierCache on
            <Location "/tier-status">
                SetHandler tier-status
            </Location>""")
    server.wait_log("WT1002", count=3)
    return server, apps, store


def load_through(server, fault, seconds=1.2):
    """Runs 500 requests/s and calls fault() in the midst of them; returns the report."""
    load = server.load(rate=500, seconds=seconds, path=PATHS, connections=20)
    time.sleep(seconds / 3)
    fault()
    return load.join()


def test_application_killed(tier):
    """Nothing is unavoidable: what the member was answering in the instant of its death is asked of another one."""
    server, apps, _ = tier
    report = load_through(server, lambda: None, 0.6)
    assert report.total == 300 and report.errors == [] and set(report.statuses) == {200}
    # Four of five requests are for pages that are kept: only the first round of them went to an application.
    assert sum(one.count(path) for one in apps for path in PATHS[:20]) < 100
    server.allow_log(*FAULT)
    report = load_through(server, apps[0].kill)
    assert report.errors == [] and set(report.statuses) == {200}
    assert apps[0].url in server.wait_log("WT1001")[0]


def test_watching_child_killed(tier):
    """Unavoidable: what was under way on the child's own connections, one request a connection at most.

    The probes go on in another child: a member that dies after it is still found.
    """
    server, apps, _ = tier
    server.allow_log(*FAULT)
    children = server.children()
    leader = int(server.wait_log("WT0001: tier-health")[-1].split("[pid ")[1].split(":")[0])

    def fault():
        server.kill_child(leader)
        apps[1].kill()

    report = load_through(server, fault)
    assert len(report.errors) <= 20
    assert apps[1].url in server.wait_log("WT1001")[0]
    assert len(server.wait_log("WT0001: tier-health", count=2)) == 2
    wait_until(lambda: len(server.children()) == len(children), timeout=10)
    after = server.load(rate=500, seconds=0.4, path=PATHS, connections=20).join()
    assert after.errors == [] and set(after.statuses) == {200}


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_memcached_lost(tier, fault):
    """Killed or hung: every request is answered, and only what was under way waits for the deadline."""
    server, _, store = tier
    server.allow_log(*FAULT)
    report = load_through(server, getattr(store, fault))
    assert report.errors == [] and set(report.statuses) == {200}
    assert len(server.wait_log("WT0101")) == 1
    # 100 ms of deadline for the calls under way when it hung; one a connection at most.
    assert report.slower_than(scale(0.3)) <= 20
    if fault == "kill":
        store.restart()
    else:
        store.cont()
    server.wait_log("WT0102")
    wait_until(lambda: "hit" in server.get(PATHS[0]).headers["Cache-Status"], timeout=2)
