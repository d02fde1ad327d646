# SPDX-License-Identifier: Apache-2.0
"""The health URL of a member is fine and its traffic is bad: live requests take it out of service."""
import time

import pytest
from health_retry_support import ATTEMPT_FAULTS
from health_support import FAST, balancer, flags, members, state, told
from webtier_testing import wait_until

BODY = b"fine" * 500
CHECK = f"http uri=/health {FAST}"
EJECT = "TierHealthEject on errors=3 time=30s"
RETRY = "TierHealthRetry on\n    TierHealthAttemptTimeout 80ms\n    TierHealthHold 64K 2s\n    TierHealthRetryOn connect timeout empty " \
        "malformed truncated 500 502 503 504"

FAULTS = {
    "status 500": {"status": 500, "body": BODY},
    "slow": {"delay": 2.0, "body": BODY},
    "truncated": {"body": BODY, "truncate": 900},
    "hung": {"hang": True},
}


def serve(httpd, app, more=f"{RETRY}\n    {EJECT}", check=CHECK, count=3, **options):
    """Starts members with a good health URL, and an httpd before them."""
    apps = [app() for _ in range(count)]
    for one in apps:
        one.behave(body=BODY)
        one.behave("/health", body=b"healthy")
    server = httpd(modules=["health", "status"], vhost=balancer(apps, check=check, more=more), **options)
    server.allow_log(*ATTEMPT_FAULTS)
    if check:
        server.wait_log("WT1002", count=count)
    return server, apps


def ejected(server, member):
    return [line for line in server.log_lines("WT1060") if member.url in line]


def is_out(server, member):
    """Whether mod_proxy leaves the member out; it may say Err too: it gave up a connection when the ejection came."""
    return "HcFl" in flags(server, member).split()


def provoke(server, member, count=1):
    """Sends requests until the member has been ejected so often."""
    wait_until(lambda: server.get("/") and len(ejected(server, member)) >= count)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_traffic(httpd, app, fault):
    server, apps = serve(httpd, app)
    apps[0].behave(**FAULTS[fault])
    report = server.load(rate=200, seconds=0.9, connections=40, expect_body=BODY).join()
    assert report.errors == [], report
    assert report.total == 180 and set(report.statuses) == {200}
    # Those that are under way when it is ejected come on top; a third of all would be 60.
    assert 3 <= apps[0].count("/") <= 20, apps[0].count("/")
    # Good probes go on, and do not put it back.
    probes = apps[0].count("/health")
    wait_until(lambda: apps[0].count("/health") > probes + 3)
    assert state(server, apps[0]) == "ejected"
    assert is_out(server, apps[0]) and len(ejected(server, apps[0])) == 1
    assert len(server.log_lines("WT1060")) == 1 and server.log_lines("WT1061") == []


@pytest.mark.parametrize("fault,seen", [
    ({"status": 500}, "status 500"), ({"body": BODY, "truncate": 900}, "truncated"), ({"close": True}, "empty")])
def test_without_retry_and_checks(httpd, app, fault, seen):
    server, apps = serve(httpd, app, more=EJECT, check="", count=2)
    apps[0].behave(**fault)
    report = server.load(rate=100, seconds=0.6).join()
    assert 3 <= len(report.errors) <= 15, report  # of 30
    assert f"3 consecutive requests failed, the last one{' with' if 'status' in seen else ':'} {seen}" in \
        ejected(server, apps[0])[0]
    wait_until(lambda: state(server, apps[0]) == "ejected")
    assert state(server, apps[1]) == "up"


def test_time_outs_of_mod_proxy(httpd, app):
    """The member's own time-out ends the attempts: nothing else does."""
    server, apps = serve(httpd, app, more=EJECT, check="", count=2, conf="ProxyTimeout 1")
    apps[0].behave(hang=True)
    report = server.load(rate=200, seconds=0.05, connections=10, timeout=20).join()
    assert set(report.statuses) <= {200, 502, 504}, report
    assert "3 consecutive requests failed, the last one: timeout" in server.wait_log("WT1060")[0]
    assert ejected(server, apps[0])
    wait_until(lambda: state(server, apps[0]) == "ejected")


def test_off_by_default(httpd, app):
    server, apps = serve(httpd, app, more=RETRY)
    apps[0].behave(status=500)
    server.load(rate=100, seconds=0.4).join()
    assert server.log_lines("WT106") == [] and state(server, apps[0]) == "up"


def test_failures_that_are_not_consecutive(httpd, app):
    server, apps = serve(httpd, app, more=EJECT, check="", count=2)
    apps[0].behave("/bad", status=500)
    for _ in range(8):
        server.get("/bad"), server.get("/bad")
        server.get("/"), server.get("/")
    assert apps[0].count("/bad") >= 6 and server.log_lines("WT1060") == []


def test_connection_errors(httpd, app):
    """mod_proxy's own error state ends at once here, so that only the ejection keeps requests away."""
    apps = [app(body=BODY), app(body=BODY)]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, check="", more=EJECT).replace(
        f'"{apps[0].url}"', f'"{apps[0].url}" retry=0'))
    server.allow_log(*ATTEMPT_FAULTS)
    apps[0].kill()
    load = server.load(rate=50, seconds=0.5).join()
    assert load.errors == [] and "connect" in ejected(server, apps[0])[0]


def test_ejection_ends_and_grows(httpd, app):
    server, apps = serve(httpd, app, more="TierHealthEject on errors=2 time=400ms max=700ms", count=2)
    apps[0].behave(status=500)
    provoke(server, apps[0], count=3)
    assert [line.split("ejected for ")[1].split(":")[0] for line in ejected(server, apps[0])[:3]] == \
        ["400 ms", "700 ms", "700 ms"]
    apps[0].behave(body=BODY)
    server.wait_log("WT1061", count=3)
    apps[0].clear()
    wait_until(lambda: server.get("/").status == 200 and apps[0].count("/") > 0)
    history = members(server)[apps[0].url]["history"]
    assert [(line["from"], line["to"]) for line in history[:2]] == [("ejected", "up"), ("up", "ejected")]
    assert history[0]["reason"] == "its time is over and its checks pass"
    assert history[1]["reason"] == "2 consecutive requests failed, the last one with status 500"


def test_earlier_ejections_are_forgotten(httpd, app):
    server, apps = serve(httpd, app, more="TierHealthEject on errors=2 time=200ms", count=2)
    apps[0].behave(status=500)
    provoke(server, apps[0], count=2)
    apps[0].behave(body=BODY)
    server.wait_log("WT1061", count=2)
    time.sleep(0.6)
    apps[0].behave(status=500)
    provoke(server, apps[0], count=3)
    assert "for 200 ms" in ejected(server, apps[0])[2]


def test_not_back_while_checks_fail(httpd, app):
    """The first check that fails counts: the time is long enough for one on a slow machine."""
    server, apps = serve(httpd, app, more="TierHealthEject on errors=2 time=1s", count=2,
                         check="http uri=/health interval=50ms timeout=40ms rise=2 fall=1")
    apps[0].behave(status=500)
    provoke(server, apps[0])
    apps[0].behave("/health", status=500)
    probes = apps[0].count("/health")
    wait_until(lambda: apps[0].count("/health") > probes + 23)  # more than its time
    assert server.log_lines("WT1061") == [] and is_out(server, apps[0])
    apps[0].behave("/health", status=200)
    server.wait_log("WT1061")
    wait_until(lambda: flags(server, apps[0]) == "Init Ok")


def test_share_of_the_balancer(httpd, app):
    server, apps = serve(httpd, app, more=EJECT, count=4)
    for bad in apps:
        bad.behave(status=500)
    server.load(rate=200, seconds=0.4).join()
    assert len(server.log_lines("WT1060")) == 2
    assert sorted(is_out(server, one) for one in apps) == [False, False, True, True]


def test_one_member_stays(httpd, app):
    server, apps = serve(httpd, app, more=f"{EJECT} share=100%", check="", count=3)
    for bad in apps:
        bad.behave(status=500)
    report = server.load(rate=200, seconds=0.4).join()
    assert len(server.log_lines("WT1060")) == 2 and set(report.statuses) == {500}


def test_ejection_ends_when_no_other_member_is_left(httpd, app):
    server, apps = serve(httpd, app, more=EJECT, count=2)
    apps[0].behave(status=500)
    provoke(server, apps[0])
    apps[0].behave(body=BODY)
    apps[1].behave("/health", status=500)
    assert "no other member is left" in server.wait_log("WT1061")[0]
    wait_until(lambda: server.get("/").status == 200)


def test_graceful_restart_keeps_ejections(httpd, app):
    server, apps = serve(httpd, app)
    apps[0].behave(status=500)
    provoke(server, apps[0])
    wait_until(lambda: state(server, apps[0]) == "ejected")
    before = members(server)[apps[0].url]
    apps[0].clear()
    server.graceful()
    assert flags(server, apps[0]) == "Init HcFl"
    report = server.load(rate=100, seconds=0.5).join()
    assert report.errors == [] and apps[0].count("/") == 0
    after = members(server)[apps[0].url]
    assert after["ejected_until"] == before["ejected_until"] and after["history"] == before["history"]
    assert len(server.log_lines("WT1060")) == 1 and server.log_lines("WT1061") == []


def test_removed_at_restart(httpd, app):
    server, apps = serve(httpd, app, count=2)
    apps[0].behave(status=500)
    provoke(server, apps[0])
    wait_until(lambda: state(server, apps[0]) == "ejected")
    server.reconfigure(vhost=balancer(apps, check=CHECK))
    server.graceful()
    assert "TierHealthEject is off" in server.wait_log("WT1061")[0]
    wait_until(lambda: flags(server, apps[0]) == "Init Ok")


def test_watch_killed(httpd, app):
    """The next one knows of the ejection, and ends it when its time is over."""
    server, apps = serve(httpd, app, more="TierHealthEject on errors=2 time=1200ms", count=2)
    apps[0].behave(status=500)
    provoke(server, apps[0])
    server.kill_child(told(server)["watch"]["pid"])
    server.wait_log("WT1061")
    assert len(server.log_lines("WT1061")) == 1 and len(ejected(server, apps[0])) == 1
