# SPDX-License-Identifier: Apache-2.0
"""A member that is back gets little first, and the administrator's own load factor stays what it is."""
from health_support import FAST, balancer, change, factor, members, told
from webtier_testing import wait_until

CHECK = f"http uri=/health {FAST}"


def serve(httpd, app, time_text="1h", before="", factor=""):
    apps = [app(), app()]
    site = balancer(apps, check=CHECK, more=f"TierHealthSlowStart {time_text}" if time_text else "")
    site = before + site.replace(f'"{apps[0].url}"', f'"{apps[0].url}" {factor}', 1)
    server = httpd(modules=["health", "status"], vhost=site)
    server.wait_log("WT1002", count=2)
    return server, apps, site


def bounce(server, member):
    """Lets a member fail its checks and come back."""
    down, up = len(server.log_lines("WT1001")), len(server.log_lines("WT1002"))
    member.behave("/health", status=500)
    server.wait_log("WT1001", count=down + 1)
    member.behave("/health", status=200)
    server.wait_log("WT1002", count=up + 1)


def shares(server, apps):
    for one in apps:
        one.clear()
    assert server.load(rate=200, seconds=0.5).join().errors == []
    return [one.count("/") for one in apps]


def test_share_of_the_traffic(httpd, app):
    server, apps, _ = serve(httpd, app)
    even = shares(server, apps)
    assert 40 <= even[0] <= 60, even
    bounce(server, apps[0])
    slow = shares(server, apps)
    assert 2 <= slow[0] <= 23, slow  # a tenth and a little more of the other one's


def after_ticks(server, member):
    """Waits until the watch has had time to write once more."""
    probes = members(server)[member.url]["probes"]
    wait_until(lambda: members(server)[member.url]["probes"] > probes + 1)


def end(server, site):
    """Lets ramps that took an hour be over."""
    server.reconfigure(vhost=site.replace("TierHealthSlowStart 1h", "TierHealthSlowStart 100ms"))
    server.graceful()


def test_ramp_ends_at_the_own_factor(httpd, app):
    server, apps, _ = serve(httpd, app, time_text="1s", factor="loadfactor=7")
    assert factor(server, apps[0]) == 7
    bounce(server, apps[0])
    wait_until(lambda: factor(server, apps[0]) == 7)
    after_ticks(server, apps[0])
    assert factor(server, apps[0]) == 7 and factor(server, apps[1]) == 1


def test_off_by_default(httpd, app):
    server, apps, _ = serve(httpd, app, time_text="")
    bounce(server, apps[0])
    assert factor(server, apps[0]) == 1


def test_factor_changed_and_watch_killed_meanwhile(httpd, app):
    server, apps, site = serve(httpd, app, factor="loadfactor=50")
    bounce(server, apps[0])
    assert factor(server, apps[0]) == 5
    leader = told(server)["watch"]["pid"]
    server.kill_child(leader)
    wait_until(lambda: told(server)["watch"]["pid"] not in (leader, 0))
    after_ticks(server, apps[0])
    assert factor(server, apps[0]) == 5
    change(server, w=apps[0].url, w_lf="20")
    wait_until(lambda: factor(server, apps[0]) == 2)
    end(server, site)
    wait_until(lambda: factor(server, apps[0]) == 50)  # without BalancerPersist the configured one counts


def test_graceful_restart_meanwhile(httpd, app):
    """Both servers at once, since the next generation's children may be a second late."""
    sites = [serve(httpd, app, before=before, factor="loadfactor=50") for before in ("", "BalancerPersist On\n")]
    for server, apps, _ in sites:
        bounce(server, apps[0])
        server.graceful()
        wait_until(lambda: factor(server, apps[0]) == 5)
    for server, _, site in sites:
        end(server, site)
    for server, apps, _ in sites:
        wait_until(lambda: factor(server, apps[0]) == 50)


def test_removed_meanwhile(httpd, app):
    """What BalancerPersist keeps is the administrator's factor."""
    server, apps, site = serve(httpd, app, before="BalancerPersist On\n", factor="loadfactor=50")
    bounce(server, apps[0])
    assert factor(server, apps[0]) < 50
    server.reconfigure(vhost=site.replace("TierHealthSlowStart 1h", "").replace(f"TierHealthCheck {CHECK}", ""))
    server.graceful()
    wait_until(lambda: factor(server, apps[0]) == 50)


def test_stopped_and_started_meanwhile(httpd, app):
    server, apps, _ = serve(httpd, app, before="BalancerPersist On\n", factor="loadfactor=50")
    bounce(server, apps[0])
    assert factor(server, apps[0]) < 50
    server.stop()
    server.start()
    assert factor(server, apps[0]) == 50


def test_after_an_ejection(httpd, app):
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(
        apps, check="", more="TierHealthEject on errors=2 time=200ms\n    TierHealthSlowStart 1h"))
    apps[0].behave(status=500)
    wait_until(lambda: server.get("/") and server.log_lines("WT1060"))
    apps[0].behave(status=200)
    server.wait_log("WT1061")
    wait_until(lambda: factor(server, apps[0]) < 0.3)
    assert members(server)[apps[0].url]["state"] == "up"
