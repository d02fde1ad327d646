# SPDX-License-Identifier: Apache-2.0
"""What is known of members outlives the processes that found it out; changes at run time are followed."""
import os
import re
import signal
import time
import urllib.parse

import pytest
from health_support import FAST, balancer, flags, manager, members, state, told
from webtier_testing import wait_until

CHECK = f"http uri=/health {FAST}"


def gaps(member):
    times = [request["time"] for request in member.requests("/health")]
    return [after - before for before, after in zip(times, times[1:])]


def test_graceful_restart_keeps_everything(httpd, app):
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps))
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    before = members(server)[apps[0].url]
    apps[0].clear()
    server.graceful()
    # mod_proxy's slots are new: the first request of the new generation must not meet the bad member.
    assert flags(server, apps[0]) == "Init HcFl"
    report = server.load(rate=100, seconds=0.4).join()
    assert set(report.statuses) == {200} and apps[0].count("/") == 0
    after = wait_until(lambda: (now := members(server)[apps[0].url])["probes"] > before["probes"] + 5 and now)
    assert after["state"] == "down" and after["since"] == before["since"]
    assert after["history"] == before["history"] and len(server.log_lines("WT1001")) == 1
    # httpd may be without any child for up to a second, and there is nobody to probe meanwhile.
    assert max(gaps(apps[1])) < 5


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_leader_killed(httpd, app, mpm):
    good, bad = app(), app()
    bad.behave("/health", status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([good, bad]), mpm=mpm)
    server.wait_log("WT1001")
    wait_until(lambda: good.count("/health") > 5)
    leader = told(server)["watch"]["pid"]
    before = members(server)
    server.kill_child(leader)
    time.sleep(0.05)  # until it accepts no more connections, ours included
    wait_until(lambda: told(server)["watch"]["pid"] not in (leader, 0))
    wait_until(lambda: members(server)[good.url]["probes"] > before[good.url]["probes"] + 5)
    # 100 ms of interval, at most 100 ms until another child leads, and the slowness of this host.
    assert max(gaps(good)) < 2
    # None is made twice.
    times = [request["time"] for request in good.requests("/health")]
    assert len(times) <= 1.5 * (times[-1] - times[0]) / 0.1 + 2
    assert members(server)[bad.url]["history"] == before[bad.url]["history"]
    assert len(server.log_lines("WT1001")) == 1 and "HcFl" in flags(server, bad)


def test_restarts_and_kills_in_turn(httpd, app):
    """No member is ever taken for down because of them."""
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, "http uri=/health interval=50ms fall=2"))
    server.wait_log("WT1002", count=2)
    for _ in range(2):
        leader = told(server)["watch"]["pid"]
        server.kill_child(leader)
        # A restart before httpd has replaced the child leaves stock httpd with a child that hears no signal any more.
        wait_until(lambda: leader not in server.children() and len(server.children()) == 3)
        server.graceful()
        time.sleep(0.3)
    probes = members(server)[apps[0].url]["probes"]
    wait_until(lambda: members(server)[apps[0].url]["probes"] > probes + 5)
    assert server.log_lines("WT1001") == [] and len(server.log_lines("WT1002")) == 2


def test_check_removed_at_restart(httpd, app):
    """With BalancerPersist httpd keeps the bit that we set: it goes with the check."""
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost="BalancerPersist On\n" + balancer(apps))
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    server.reconfigure(vhost="BalancerPersist On\n" + balancer(apps, check=""))
    server.graceful()
    server.wait_log("WT0002")
    assert flags(server, apps[0]) == "Init Ok" and "balancers" not in told(server)
    apps[0].clear()
    time.sleep(0.3)
    assert apps[0].count("/health") == 0


def test_changed_settings_hold_after_restart(httpd, app):
    member = app()
    member.behave("/other", status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([member]))
    server.wait_log("WT1002")
    server.reconfigure(vhost=balancer([member], CHECK.replace("/health", "/other").replace("fall=3", "fall=5")))
    server.graceful()
    assert "is down (was up) after 5 consecutive failures" in server.wait_log("WT1001")[0]


def change(server, **parameters):
    """Posts to balancer-manager as its forms do."""
    nonce = re.search(r"nonce=([0-9a-f-]+)", manager(server).body.decode()).group(1)
    form = urllib.parse.urlencode({"b": "app", "nonce": nonce, **parameters})
    answer = server.get("/balancer-manager", method="POST", body=form.encode(),
                        headers={"Referer": "http://localhost/balancer-manager",
                                 "Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200


def test_member_added_at_run_time(httpd, app):
    first, added = app(), app()
    server = httpd(modules=["health", "status"], vhost=balancer([first], more="ProxySet growth=2"))
    server.wait_log("WT1002")
    added.behave("/health", status=500)
    change(server, b_wyes=1, b_nwrkr=added.url)
    assert f"member {added.url} is down" in server.wait_log("WT1001")[0]
    change(server, w=added.url, w_status_D=0)
    assert flags(server, added) == "Init HcFl"
    added.behave("/health")
    wait_until(lambda: state(server, added) == "up")
    wait_until(lambda: server.get("/").status == 200 and added.count("/") > 0)


def test_administrators_bits_are_left_alone(httpd, app):
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps))
    server.wait_log("WT1002", count=2)
    change(server, w=apps[0].url, w_status_D=1)
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    assert "Dis" in flags(server, apps[0]) and "HcFl" in flags(server, apps[0])
    apps[0].behave("/health")
    wait_until(lambda: state(server, apps[0]) == "up")
    assert "Dis" in flags(server, apps[0]) and "HcFl" not in flags(server, apps[0])


def test_bit_is_written_again(httpd, app):
    """httpd's own writes to the word are not atomic and can undo ours; the next tick sets it right."""
    bad = app()
    bad.behave("/health", status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([bad]))
    server.wait_log("WT1001")
    change(server, w=bad.url, w_status_C=0)
    wait_until(lambda: "HcFl" in flags(server, bad), timeout=0.5)


def test_two_servers_two_balancers(httpd, app):
    """Balancers of one name in two virtual hosts and one of the main server, which both inherit."""
    mine, theirs, shared = app(), app(), app()
    theirs.behave("/theirs", status=500)
    conf = f"""
<Proxy "balancer://shared">
    BalancerMember "{shared.url}"
    TierHealthCheck tcp interval=100ms
</Proxy>
<VirtualHost 127.0.0.1:1>
    ServerName other.example
    <Proxy "balancer://app">
        BalancerMember "{theirs.url}"
        TierHealthCheck http uri=/theirs interval=100ms
    </Proxy>
    ProxyPass "/" "balancer://app/"
</VirtualHost>
"""
    server = httpd(modules=["health", "status"], conf=conf, vhost=balancer([mine]))
    assert theirs.url in server.wait_log("WT1001")[0]
    found = {(one["virtual_host"], one["name"], one["members_up"], one["members_down"]) for one in
             told(server)["balancers"]}
    assert found == {(f"localhost:{server.port}", "balancer://app", 1, 0), ("other.example:1", "balancer://app", 0, 1),
                     ("main server", "balancer://shared", 1, 0)}
    assert mine.count("/theirs") == 0 and theirs.count("/health") == 0


def test_parent_killed_children_stop_probing(httpd, app):
    member = app()
    server = httpd(modules=["health", "status"], vhost=balancer([member]))
    server.wait_log("WT1002")
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: not server.running())
    member.clear()
    time.sleep(0.3)
    assert member.count() == 0
