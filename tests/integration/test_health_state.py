# SPDX-License-Identifier: Apache-2.0
"""What is known of members outlives the processes that found it out; changes at run time are followed."""
import os
import signal
import threading
import time

import pytest
from health_support import FAST, Agent, balancer, change, factor, flags, members, state, told
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


def none_is_doubled(member):
    """A good member is asked each 400 ms, whoever leads."""
    times = [request["time"] for request in member.requests("/health")]
    assert len(times) <= (times[-1] - times[0]) / 0.4 + 3, times


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_leader_killed(httpd, app, mpm):
    good, bad = app(), app()
    bad.behave("/health", status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([good, bad]), mpm=mpm)
    server.wait_log("WT1001")
    wait_until(lambda: good.count("/health") > 2)
    leader = told(server)["watch"]["pid"]
    before = members(server)
    server.kill_child(leader)
    time.sleep(0.05)  # until it accepts no more connections, ours included
    wait_until(lambda: told(server)["watch"]["pid"] not in (leader, 0))
    wait_until(lambda: members(server)[good.url]["probes"] > before[good.url]["probes"] + 2)
    # 400 ms of interval, at most 100 ms until another child leads, and the slowness of this host.
    assert max(gaps(good)) < 5
    none_is_doubled(good)
    assert members(server)[bad.url]["history"] == before[bad.url]["history"]
    assert len(server.log_lines("WT1001")) == 1 and "HcFl" in flags(server, bad)


def test_restarts_and_kills_in_turn(httpd, app):
    """No member is ever taken for down because of them."""
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps))
    server.wait_log("WT1002", count=2)
    for _ in range(2):
        leader = told(server)["watch"]["pid"]
        server.kill_child(leader)
        # A restart before httpd has replaced the child leaves stock httpd with a child that hears no signal any more.
        wait_until(lambda: leader not in server.children() and len(server.children()) == 3)
        server.graceful()
        time.sleep(0.3)
    probes = members(server)[apps[0].url]["probes"]
    wait_until(lambda: members(server)[apps[0].url]["probes"] > probes + 2)
    assert server.log_lines("WT1001") == [] and len(server.log_lines("WT1002")) == 2


def test_recycled_children(httpd, app):
    """MaxConnectionsPerChild: the leader ends again and again, and neither members nor clients notice."""
    good, bad = app(), app()
    bad.behave("/health", status=500)
    server = httpd(modules=["health", "status"], conf="MaxConnectionsPerChild 12", vhost=balancer([good, bad]))
    server.wait_log("WT1001")
    before = members(server)[bad.url]

    def ask_until_the_lead_has_changed_often():
        assert server.get("/", timeout=30).status == 200
        return len(server.log_lines("WT0001")) >= 4
    wait_until(ask_until_the_lead_has_changed_often)
    probes = members(server)[good.url]["probes"]
    wait_until(lambda: members(server)[good.url]["probes"] > probes)
    none_is_doubled(good)
    after = members(server)[bad.url]
    assert after["history"] == before["history"] and after["since"] == before["since"]
    assert after["probes"] > before["probes"]
    assert len(server.log_lines("WT1001")) == len(server.log_lines("WT1002")) == 1


def test_leader_of_before_writes_no_more(httpd, app):
    """A long request keeps it at work while the parent, which takes its time, gives back what BalancerPersist is to keep."""
    apps = [app(), app(), app()]
    persist = "BalancerPersist On\n"
    with Agent(b"up 50% drain\n") as agent:
        check = f"http uri=/health {FAST}\n    TierHealthCheck http uri=/health {FAST} agent-port={agent.port} member={apps[1].url}"
        server = httpd(modules=["health", "status", "test_fault"],
                       conf="StartServers 1\nMinSpareThreads 1\nTestFaultRestart 400", vhost=persist + balancer(apps, check))
        wait_until(lambda: "Drn" in flags(server, apps[1]) and factor(server, apps[1]) == 0.5)
        apps[0].behave("/health", status=500)
        server.wait_log("WT1001")
        assert server.children() == [told(server)["watch"]["pid"]]
        apps[2].behave("/long", hold=True)
        request = threading.Thread(target=lambda: server.get("/long", timeout=60))
        request.start()
        wait_until(lambda: apps[2].count("/long") == 1)
        server.reconfigure(vhost=persist + balancer(apps, check=""))
        server.graceful()
        assert as_configured(server, apps)
        # It works on, as nobody has taken its place.
        apps[0].clear()
        wait_until(lambda: apps[0].count("/health") > 4)
        assert as_configured(server, apps)
        apps[2].release()
        request.join()


def as_configured(server, apps):
    """No member is out, none drains, and all have their own factors."""
    return [(flags(server, one), factor(server, one)) for one in apps] == [("Init Ok", 1)] * 3


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
    """And a member that is no more there is forgotten."""
    member, gone = app(), app()
    member.behave("/other", status=500)
    server = httpd(modules=["health", "status"], vhost=balancer([member, gone]))
    server.wait_log("WT1002", count=2)
    server.reconfigure(vhost=balancer([member], CHECK.replace("/health", "/other").replace("fall=3", "fall=5")))
    server.graceful()
    assert "is down (was up) after 5 consecutive failures" in server.wait_log("WT1001")[0]
    assert list(members(server)) == [member.url]


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
    wait_until(lambda: "HcFl" in flags(server, bad), timeout=5)


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
