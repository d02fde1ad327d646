# SPDX-License-Identifier: Apache-2.0
"""Members that fail in front of clients: how soon they are out of service, and what the clients see."""
import time

import pytest
from health_support import Script, answer, balancer, down_lines, flags, members, state
from webtier_testing import wait_until

# mod_proxy's own words about a member that refuses connections.
REFUSED = ("AH00957", "AH00959", "AH01114")
# The same of one that is killed over an answer.
LOST = ("AH01102", "AH00898")


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_killed_member_is_dropped_and_comes_back(httpd, app, mpm):
    apps = [app(), app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps), mpm=mpm)
    server.allow_log(*REFUSED, *LOST)
    server.wait_log("WT1002", count=3)
    load = server.load(rate=300, seconds=1.5, connections=8)
    time.sleep(0.2)
    apps[0].kill()
    assert "after 3 consecutive failures: refused" in server.wait_log("WT1001")[0]
    assert "HcFl" in flags(server, apps[0])
    apps[0].restart()
    apps[0].clear()
    # mod_proxy alone would leave it out for 60 s (retry) after the first refused connection.
    wait_until(lambda: server.get("/").status == 200 and apps[0].count("/") > 0)
    report = load.join()
    # mod_proxy goes on to another member when a connection is refused; a request that the member was answering
    # in the instant it was killed is lost: one for each of the load's 8 connections at most.
    lost = max(len(server.log_lines(mark)) for mark in LOST)
    assert len(report.errors) <= lost <= 8


def test_hung_member(httpd, app):
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps))
    server.wait_log("WT1002", count=2)
    apps[0].stop()
    assert "timeout: no whole answer within 400ms" in server.wait_log("WT1001")[0]
    report = server.load(rate=200, seconds=0.4).join()
    assert report.errors == [] and set(report.statuses) == {200} and report.slower_than(4) == 0
    apps[0].cont()
    wait_until(lambda: state(server, apps[0]) == "up")


def test_500_on_health_url(httpd, app):
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps))
    server.wait_log("WT1002", count=2)
    assert flags(server, apps[0]) == "Init Ok"
    apps[0].behave("/health", status=500)
    line = server.wait_log("WT1001")[0]
    assert f"balancer://app: member {apps[0].url} is down (was up) after 3 consecutive failures: " in line
    assert "bad_status: status 500 Internal Server Error" in line
    assert flags(server, apps[0]) == "Init HcFl"
    apps[0].clear()
    report = server.load(rate=200, seconds=0.2).join()
    assert set(report.statuses) == {200} and apps[0].count("/") == 0
    apps[0].behave("/health")
    assert "is up (was down) after 2 consecutive passes: status 200 OK" in server.wait_log("WT1002", count=3)[2]
    assert flags(server, apps[0]) == "Init Ok"
    server.load(rate=200, seconds=0.2).join()
    assert apps[0].count("/") > 10


def test_flapping_below_fall(httpd):
    with Script(lambda n: answer(500 if n % 3 else 200)) as flapping:
        server = httpd(modules=["health", "status"], vhost=balancer([flapping]))
        wait_until(lambda: len(flapping.requests) >= 15)
        told = members(server)[flapping.url]
        # Two of three fail, but never three in a row.
        assert told["state"] == "up" and told["probes_failed"] >= 8 and told["transitions"] == 1
        assert down_lines(server) == []


def test_dead_member_is_not_retried_by_live_requests(httpd, app):
    """retry=1 makes mod_proxy try a failed member again each second; with HC_FAIL it must not."""
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, more="ProxySet timeout=5").replace(
        f'"{apps[0].url}"', f'"{apps[0].url}" retry=1'))
    server.allow_log(*REFUSED)
    server.wait_log("WT1002", count=2)
    apps[0].kill()
    server.wait_log("WT1001")
    before = len(server.log_lines("AH00957"))
    report = server.load(rate=50, seconds=1.3).join()
    assert report.errors == [] and set(report.statuses) == {200}
    assert len(server.log_lines("AH00957")) == before


def test_all_down_and_back(httpd, app):
    only = app()
    server = httpd(modules=["health", "status"], vhost=balancer([only]))
    server.allow_log(*REFUSED, "AH01167", "AH01170")
    server.wait_log("WT1002")
    only.kill()
    server.wait_log("WT1001")
    assert server.get("/").status == 503
    only.restart()
    wait_until(lambda: server.get("/").status == 200)
