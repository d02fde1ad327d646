# SPDX-License-Identifier: Apache-2.0
"""A member that is back gets little first, and the administrator's own load factor stays what it is."""
import html
import re
import time

from health_support import FAST, balancer, manager, members, told
from test_health_state import change
from webtier_testing import wait_until

CHECK = f"http uri=/health {FAST}"


def serve(httpd, app, time_text="30s", before="", factor=""):
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


def factor(server, member):
    """Returns the load factor that balancer-manager shows."""
    page = html.unescape(manager(server).body.decode())
    row = re.search(rf">{re.escape(member.url)}</a></td>(.*?)</tr>", page, re.S).group(1)
    return float(re.findall(r"<td>(.*?)</td>", row, re.S)[2])


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


def test_ramp_ends_at_the_own_factor(httpd, app):
    server, apps, _ = serve(httpd, app, time_text="1s", factor="loadfactor=7")
    assert factor(server, apps[0]) == 7
    bounce(server, apps[0])
    assert factor(server, apps[0]) < 7
    wait_until(lambda: factor(server, apps[0]) == 7)
    time.sleep(0.1)
    assert factor(server, apps[0]) == 7 and factor(server, apps[1]) == 1


def test_off_by_default(httpd, app):
    server, apps, _ = serve(httpd, app, time_text="")
    bounce(server, apps[0])
    assert factor(server, apps[0]) == 1


def test_factor_changed_meanwhile(httpd, app):
    server, apps, _ = serve(httpd, app, time_text="1500ms")
    bounce(server, apps[0])
    change(server, w=apps[0].url, w_lf="20")
    wait_until(lambda: factor(server, apps[0]) < 20)
    wait_until(lambda: factor(server, apps[0]) == 20)


def test_watch_killed_meanwhile(httpd, app):
    server, apps, _ = serve(httpd, app, time_text="2s", factor="loadfactor=50")
    bounce(server, apps[0])
    leader = told(server)["watch"]["pid"]
    server.kill_child(leader)
    wait_until(lambda: told(server)["watch"]["pid"] not in (leader, 0))
    assert factor(server, apps[0]) < 50
    wait_until(lambda: factor(server, apps[0]) == 50)


def test_graceful_restart_meanwhile(httpd, app):
    """Both servers at once: the next generation's children may be a second late, and the ramp must not be over by then."""
    sites = [serve(httpd, app, time_text="2500ms", before=before, factor="loadfactor=50")
             for before in ("", "BalancerPersist On\n")]
    for server, apps, _ in sites:
        bounce(server, apps[0])
        server.graceful()
        wait_until(lambda: factor(server, apps[0]) < 50)
    for server, apps, _ in sites:
        wait_until(lambda: factor(server, apps[0]) == 50)


def test_removed_meanwhile(httpd, app):
    """What BalancerPersist keeps is the administrator's factor."""
    server, apps, site = serve(httpd, app, before="BalancerPersist On\n", factor="loadfactor=50")
    bounce(server, apps[0])
    assert factor(server, apps[0]) < 50
    server.reconfigure(vhost=site.replace("TierHealthSlowStart 30s", "").replace(f"TierHealthCheck {CHECK}", ""))
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
        apps, check="", more="TierHealthEject on errors=2 time=200ms\n    TierHealthSlowStart 30s"))
    apps[0].behave(status=500)
    wait_until(lambda: server.get("/") and server.log_lines("WT1060"))
    apps[0].behave(status=200)
    server.wait_log("WT1061")
    wait_until(lambda: factor(server, apps[0]) < 0.3)
    assert members(server)[apps[0].url]["state"] == "up"
