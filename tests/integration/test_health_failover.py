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
from webtier_testing import wait_until

BODY = b"fine" * 500
SLOW = 20  # seconds of a slow answer
CONF = """TierHealthRetry on
    TierHealthRetryOn connect timeout empty malformed truncated 500 502 503 504
    TierHealthAttemptTimeout 400ms
    TierHealthHold 64K 2s
    TierHealthEject on errors=3 time=400ms
    TierHealthQueueTimeout 8s
    TierHealthQueueMax 30"""
CHECK = "http uri=/health interval=400ms suspect=100ms down=100ms timeout=400ms rise=2 fall=2"


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
    "slow on everything": everywhere(delay=SLOW, body=BODY),
    "slow on traffic": in_traffic(delay=SLOW, body=BODY),
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


def count(apps):
    """Returns how many requests of clients these members have had."""
    return sum(one.count("/") for one in apps)


def failed(server, member):
    return sum(number for kind, number in attempts(server, member).items() if kind.startswith("failed_"))


def asked_since(member, when):
    return [request["time"] for request in member.requests("/") if request["time"] > when]


@pytest.mark.parametrize("fault", FAULTS)
def test_one_member(httpd, app, fault):
    server, apps = serve(httpd, app)
    strike, repair = FAULTS[fault]
    load = server.load(rate=100, seconds=50, connections=40, expect_body=BODY, timeout=30)
    wait_until(lambda: apps[0].count("/") > 3)
    strike(apps[0])
    wait_until(lambda: failed(server, apps[0]) > 0)
    found, others = time.time(), count(apps[1:])
    wait_until(lambda: count(apps[1:]) >= others + 60)
    repaired = time.time()
    repair(apps[0])
    # Those that a stopped member reads when it goes on were sent before.
    wait_until(lambda: asked_since(apps[0], repaired + 0.05))
    report = load.finish()
    assert report.errors == [] and set(report.statuses) == {200}, report
    # A third of all would be 30.
    late = [at for at in asked_since(apps[0], found) if at < repaired]
    assert len(late) <= 15, late
    # Nobody waits for the slow answer itself.
    assert report.slower_than(SLOW * 0.8) == 0, report
    # It is asked again as soon as it is put back: a balancer's turn comes round within a few requests.
    put_back = [log_time(line) for mark in ("WT1061", "WT1002") for line in server.log_lines(mark)
                if apps[0].url in line and log_time(line) > repaired]
    back = asked_since(apps[0], repaired + 0.05)[0]
    between = [at for one in apps[1:] for at in asked_since(one, min(put_back, default=back)) if at < back]
    assert len(between) <= 50, len(between)


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
    load = server.load(rate=20, seconds=50, connections=60, expect_body=BODY, timeout=30)
    wait_until(lambda: count(apps) > 3)
    for one in apps:
        one.kill()
    server.wait_log("WT1001", count=3)
    time.sleep(0.5)  # ten requests begin to wait
    for one in apps:
        one.clear()
    apps[1].restart()
    up = log_time(server.wait_log("WT1002", count=4)[3])
    wait_until(lambda: apps[1].count("/") > 5)
    report = load.finish()
    assert report.errors == [], report
    assert traffic(server)["admitted"] > 0
    first = min(request["time"] for request in apps[1].requests("/"))
    # A member that is up is looked for every 20 ms, and probed every 100 ms: on a busy machine both are late.
    between = [probe for probe in apps[1].requests("/health") if up < probe["time"] < first]
    assert len(between) <= 4, first - up


def test_drain_by_the_health_url(httpd, app):
    """The health URL says 503 and the traffic is fine: no request is sent there, and none is lost."""
    server, apps = serve(httpd, app)
    load = server.load(rate=100, seconds=50, connections=40, expect_body=BODY, timeout=30)
    wait_until(lambda: apps[0].count("/") > 3)
    apps[0].behave("/health", status=503)
    struck = time.time()
    wait_until(lambda: flags(server, apps[0]) == "Init HcFl")
    others = count(apps[1:])
    wait_until(lambda: count(apps[1:]) > others + 30)
    report = load.finish()
    assert report.errors == [], report
    last = max(request["time"] for request in apps[0].requests("/"))
    assert len([probe for probe in apps[0].requests("/health") if struck < probe["time"] < last]) <= 4, last - struck
