# SPDX-License-Identifier: Apache-2.0
"""With too few members left, all are tried: a wrong health URL takes no balancer out of service."""
import time

from health_support import FAST, balancer, flags, state
from webtier_testing import wait_until

CHECK = f"http uri=/health {FAST}"


def serve(httpd, app, panic="TierHealthPanic 50%", count=3):
    apps = [app() for _ in range(count)]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, check=CHECK, more=panic))
    server.allow_log("AH01170")  # all workers are in error state
    server.wait_log("WT1002", count=count)
    return server, apps


def fail(server, apps):
    before = len(server.log_lines("WT1001"))
    for one in apps:
        one.behave("/health", status=500)
    server.wait_log("WT1001", count=before + len(apps))


def test_off_by_default(httpd, app):
    server, apps = serve(httpd, app, panic="")
    fail(server, apps)
    wait_until(lambda: server.get("/").status == 503)
    assert server.log_lines("WT106") == []


def test_in_and_out(httpd, app):
    server, apps = serve(httpd, app)
    fail(server, apps[:1])
    time.sleep(0.2)
    assert server.log_lines("WT106") == [] and flags(server, apps[0]) == "Init HcFl"
    fail(server, apps[1:2])
    assert "only 1 of 3 members are usable, fewer than TierHealthPanic 50%" in server.wait_log("WT1062")[0]
    wait_until(lambda: flags(server, apps[0]) == flags(server, apps[1]) == "Init Ok")
    assert state(server, apps[0]) == "down"
    report = server.load(rate=100, seconds=0.4).join()
    assert report.errors == [] and all(one.count("/") > 5 for one in apps)
    apps[0].behave("/health", status=200)
    assert "2 of 3 members are usable again" in server.wait_log("WT1063")[0]
    wait_until(lambda: flags(server, apps[1]) == "Init HcFl")
    assert flags(server, apps[0]) == "Init Ok"
    assert len(server.log_lines("WT1062")) == 1 and len(server.log_lines("WT1063")) == 1


def test_graceful_restart_in_panic(httpd, app):
    server, apps = serve(httpd, app)
    fail(server, apps)
    server.wait_log("WT1062")
    wait_until(lambda: server.get("/").status == 200)
    server.graceful()
    report = server.load(rate=100, seconds=0.5).join()
    assert report.errors == [], report
    assert len(server.log_lines("WT1062")) == 1 and server.log_lines("WT1063") == []


def test_removed_at_restart(httpd, app):
    server, apps = serve(httpd, app)
    fail(server, apps)
    server.wait_log("WT1062")
    server.reconfigure(vhost=balancer(apps, check=CHECK))
    server.graceful()
    wait_until(lambda: server.get("/").status == 503)


def test_stopped_members_do_not_count(httpd, app):
    """One of three is stopped by the administrator and stays so; of the other two one is half."""
    apps = [app() for _ in range(3)]
    site = balancer(apps, check=CHECK, more="TierHealthPanic 50%")
    server = httpd(modules=["health", "status"], vhost=site.replace(f'"{apps[2].url}"', f'"{apps[2].url}" status=+D'))
    server.wait_log("WT1002", count=3)
    fail(server, apps[:1])
    time.sleep(0.2)
    assert server.log_lines("WT1062") == []
    fail(server, apps[1:2])
    assert "only 0 of 2" in server.wait_log("WT1062")[0]
    report = server.load(rate=100, seconds=0.3).join()
    assert report.errors == [] and apps[2].count("/") == 0


def test_ejected_members_count(httpd, app):
    server, apps = serve(httpd, app, "TierHealthPanic 80%\n    TierHealthEject on errors=2")
    apps[0].behave("/health")
    apps[0].behave(status=500)
    wait_until(lambda: server.get("/") and server.log_lines("WT1060"))
    assert "only 2 of 3" in server.wait_log("WT1062")[0]
    wait_until(lambda: flags(server, apps[0]) == "Init Ok")
