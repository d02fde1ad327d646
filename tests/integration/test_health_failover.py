# SPDX-License-Identifier: Apache-2.0
"""The failover table: three members, 100 requests a second, a fault of one of them, or of all, that begins and ends.

No client sees an error in any of them. How soon, and how few requests, is for build/bench health to measure: here the
machine may be busy, and a bound only tells a fault that is found from one that is not.
"""
import datetime
import time

import pytest
from health_retry_support import ATTEMPT_FAULTS, attempts, traffic
from health_support import balancer, flags
from webtier_testing import scale, wait_until

BODY = b"fine" * 500
INTERVAL = 0.1
CONF = """TierHealthRetry on
    TierHealthRetryOn connect timeout empty malformed truncated 500 502 503 504
    TierHealthAttemptTimeout 400ms
    TierHealthHold 64K 2s
    TierHealthEject on errors=3 time=400ms
    TierHealthQueueTimeout 8s
    TierHealthQueueMax 30"""
CHECK = "http uri=/health interval=100ms timeout=100ms rise=2 fall=2"


def log_time(line):
    """Returns when a line of the error log was written."""
    return datetime.datetime.strptime(line[1:32], "%a %b %d %H:%M:%S.%f %Y").timestamp()


def healthy(member):
    member.behave(body=BODY)
    member.behave("/health", body=b"healthy")


def everywhere(**fault):
    def strike(member):
        member.behave(**fault)
        member.behave("/health", **fault)
    return strike, healthy


def in_traffic(**fault):
    return lambda member: member.behave(**fault), healthy


# Fault: how it begins, how it ends.
FAULTS = {
    "killed": (lambda member: member.kill(), lambda member: member.restart()),
    "stopped": (lambda member: member.stop(), lambda member: member.cont()),
    "500 on everything": everywhere(status=500, body=BODY),
    "500 on traffic": in_traffic(status=500, body=BODY),
    "slow on everything": everywhere(delay=2.0, body=BODY),
    "slow on traffic": in_traffic(delay=2.0, body=BODY),
    "truncated": in_traffic(body=BODY, truncate=900),
}


def serve(httpd, app):
    apps = [app() for _ in range(3)]
    for one in apps:
        healthy(one)
    server = httpd(modules=["health", "status"], vhost=balancer(apps, check=CHECK, more=CONF))
    server.allow_log(*ATTEMPT_FAULTS, "AH01170", "AH01167")
    server.wait_log("WT1002", count=3)
    return server, apps


@pytest.mark.parametrize("fault", FAULTS)
def test_one_member(httpd, app, fault):
    server, apps = serve(httpd, app)
    strike, repair = FAULTS[fault]
    load = server.load(rate=100, seconds=1.8, connections=40, expect_body=BODY)
    time.sleep(0.4)
    strike(apps[0])
    struck = time.time()
    time.sleep(0.9)
    repaired = time.time()
    repair(apps[0])
    report = load.join()
    assert report.errors == [] and report.total == 180 and set(report.statuses) == {200}, report
    met = [request["time"] for request in apps[0].requests("/")]
    # Those that a stopped member reads when it goes on were sent before.
    bad = [at for at in met if struck + 0.01 <= at < repaired]
    # A third of the requests of that time would be 30.
    assert len(bad) <= 20, len(bad)
    # Nobody waits for the slow answer itself.
    assert report.slower_than(scale(1.9)) == 0, report
    # It is asked again as soon as it is put back; the test adds requests where the load has ended before.
    wait_until(lambda: server.get("/") and any(request["time"] > repaired + 0.05 for request in apps[0].requests("/")))
    back = min(request["time"] for request in apps[0].requests("/") if request["time"] > repaired + 0.05)
    put_back = [log_time(line) for mark in ("WT1061", "WT1002") for line in server.log_lines(mark)
                if apps[0].url in line and log_time(line) > repaired]
    assert back < max([repaired, *put_back[:1]]) + 2 * INTERVAL + scale(2), (back, repaired, put_back)
    assert any(count for kind, count in attempts(server, apps[0]).items() if kind.startswith("failed_"))


def test_flapping(httpd, app):
    server, apps = serve(httpd, app)
    load = server.load(rate=100, seconds=2, connections=40, expect_body=BODY)
    for _ in range(3):
        time.sleep(0.3)
        apps[0].kill()
        time.sleep(0.3)
        apps[0].restart()
    report = load.join()
    assert report.errors == [] and report.total == 200, report


def test_all_down(httpd, app):
    """Requests wait, and go through as soon as the first member is up again."""
    server, apps = serve(httpd, app)
    load = server.load(rate=20, seconds=1.6, connections=60, expect_body=BODY, timeout=10)
    time.sleep(0.3)
    for one in apps:
        one.kill()
    server.wait_log("WT1001", count=3)
    time.sleep(0.3)
    for one in apps:
        one.clear()
    apps[1].restart()
    up = log_time(server.wait_log("WT1002", count=4)[3])
    report = load.join()
    assert report.errors == [] and report.total == 32, report
    assert traffic(server)["admitted"] > 0
    first = min(request["time"] for request in apps[1].requests("/"))
    # A member that is up is looked for every 20 ms, and probed every 100 ms: on a busy machine both are late.
    between = [probe for probe in apps[1].requests("/health") if up < probe["time"] < first]
    assert len(between) <= 4, first - up


def test_drain_by_the_health_url(httpd, app):
    """The health URL says 503 and the traffic is fine: no request is sent there, and none is lost."""
    server, apps = serve(httpd, app)
    load = server.load(rate=100, seconds=1.2, connections=40, expect_body=BODY)
    time.sleep(0.3)
    apps[0].behave("/health", status=503)
    struck = time.time()
    wait_until(lambda: flags(server, apps[0]) == "Init HcFl")
    report = load.join()
    assert report.errors == [] and report.total == 120, report
    last = max(request["time"] for request in apps[0].requests("/"))
    assert len([probe for probe in apps[0].requests("/health") if struck < probe["time"] < last]) <= 4, last - struck
