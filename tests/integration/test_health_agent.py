# SPDX-License-Identifier: Apache-2.0
"""Members whose agents say how much they want, and that they want no more."""
import pathlib

from health_support import FAST, Agent, Script, balancer, change, factor, flags, manager, members, state
from webtier_testing import wait_until


def start(httpd, apps, agent, more=""):
    return httpd(modules=["health", "status"],
                 vhost=balancer(apps, f"agent port={agent.port} {FAST} member={apps[0].url}", more=more))


def test_up_and_down(httpd, app):
    apps = [app(), app()]
    with Agent(b"up\n") as agent:
        server = start(httpd, apps, agent)
        assert 'the agent says "up"' in server.wait_log("WT1002")[0]
        agent.line = b"down # disk full\r\n"
        assert 'down: the agent says "down # disk full"' in server.wait_log("WT1001")[0]
        agent.line = b"ready"
        server.wait_log("WT1002", count=2)
        agent.line = b"what?\n"
        assert 'malformed: the agent says "what?"' in server.wait_log("WT1001", count=2)[1]
    assert state(server, apps[0]) == "down"


def test_drain_of_the_administrator_outlasts_the_agents(httpd, app):
    apps = [app(), app()]
    with Agent(b"up\n") as agent:
        server = start(httpd, apps, agent)
        server.wait_log("WT1002")
        change(server, w=apps[0].url, w_status_N=1)
        agent.line = b"drain\n"
        wait_until(lambda: members(server)[apps[0].url]["agent"] == "wants no new sessions")
        agent.line = b"up\n"
        wait_until(lambda: members(server)[apps[0].url]["agent"] == "ready")
        probes = members(server)[apps[0].url]["probes"]
        wait_until(lambda: members(server)[apps[0].url]["probes"] > probes + 1)  # and a tick of the watch
        assert "Drn" in flags(server, apps[0])


def test_drain_by_the_health_url(httpd, app):
    apps = [app(), app()]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, f"http uri=/health {FAST} drain=503"))
    server.wait_log("WT1002", count=2)
    apps[0].behave("/health", status=503)
    wait_until(lambda: "Drn" in flags(server, apps[0]))
    assert state(server, apps[0]) == "up" and server.log_lines("WT1001") == []
    apps[0].clear()
    assert {server.get("/").status for _ in range(6)} == {200} and apps[0].count("/") == 0
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    apps[0].behave("/health", status=200)
    wait_until(lambda: flags(server, apps[0]) == "Init Ok")
    # A check that asks for no drain any more ends one.
    apps[0].behave("/health", status=503)
    wait_until(lambda: "Drn" in flags(server, apps[0]))
    server.reconfigure(vhost=balancer(apps, f"http uri=/health {FAST} status=200-599"))
    server.graceful()
    wait_until(lambda: flags(server, apps[0]) == "Init Ok")


def test_drain_by_a_header_or_the_body(httpd, app):
    """Of a health URL that answers 200 all the time: its sessions stay, new ones go elsewhere."""
    apps = [app(), app()]
    check = f'http uri=/health {FAST} "drain-header=X-Health: drain" "drain-body=status: leaving"'
    server = httpd(modules=["health", "status"], vhost=balancer(
        [f'{one.url}" "route={number}' for number, one in enumerate(apps)], check, more="ProxySet stickysession=ROUTE"))
    server.wait_log("WT1002", count=2)
    for leaving in ({"headers": {"X-Health": "Drain"}}, {"body": b"status: leaving"}):
        apps[0].behave("/health", **leaving)
        wait_until(lambda: "Drn" in flags(server, apps[0]))
        for one in apps:
            one.clear()
        assert {server.get("/").status for _ in range(6)} == {200} and apps[0].count("/") == 0
        assert server.get("/mine", headers={"Cookie": "ROUTE=me.0"}).status == 200 and apps[0].count("/mine") == 1
        apps[0].behave("/health", status=200)
        wait_until(lambda: "Drn" not in flags(server, apps[0]))
    assert server.log_lines("WT1001") == []


def test_weight(httpd, app):
    apps = [app(), app()]
    with Agent(b"up 25%\n") as agent:
        server = start(httpd, apps, agent)
        wait_until(lambda: factor(server, apps[0]) == 0.25)
        assert factor(server, apps[1]) == 1 and members(server)[apps[0].url]["agent_weight"] == 25
        load = server.load(rate=200, seconds=0.5).join()
        assert not load.errors
        assert 10 <= apps[0].count("/") <= 30  # a fifth of 100
        server.graceful()
        wait_until(lambda: factor(server, apps[0]) == 0.25)
        agent.line = b"up 50%\n"
        wait_until(lambda: factor(server, apps[0]) == 0.5)
        agent.line = b"up\n"
        wait_until(lambda: factor(server, apps[0]) == 1)


def test_weight_ends_with_the_check(httpd, app):
    apps = [app(), app()]
    with Agent(b"drain 10%\n") as agent:
        server = start(httpd, apps, agent)
        wait_until(lambda: factor(server, apps[0]) == 0.1 and "Drn" in flags(server, apps[0]))
        server.reconfigure(vhost=balancer(apps, f"tcp {FAST}"))
        server.graceful()
        wait_until(lambda: factor(server, apps[0]) == 1 and "Drn" not in flags(server, apps[0]))


def test_drain(httpd, app):
    """Sessions stay, nothing new comes."""
    apps = [app(), app()]
    with Agent(b"up\n") as agent:
        server = httpd(modules=["health", "status"], vhost=balancer(
            [f'{one.url}" "route={number}' for number, one in enumerate(apps)],
            f"agent port={agent.port} {FAST} member={apps[0].url}", more="ProxySet stickysession=ROUTE"))
        server.wait_log("WT1002")
        agent.line = b"drain\n"
        wait_until(lambda: "Drn" in flags(server, apps[0]))
        for one in apps:
            one.clear()
        assert not server.load(rate=100, seconds=0.5).join().errors
        assert not apps[0].count("/") and apps[1].count("/")
        assert server.get("/mine", headers={"Cookie": "ROUTE=me.0"}).status == 200 and apps[0].count("/mine") == 1
        assert state(server, apps[0]) == "up"
        agent.line = b"up\n"
        wait_until(lambda: "Drn" not in flags(server, apps[0]))


def test_agent_that_is_silent(httpd, app):
    apps = [app(), app()]
    with Agent(b"") as agent:
        server = start(httpd, apps, agent)
        assert "closed: the agent closed the connection without a word" in server.wait_log("WT1001")[0]


def test_agent_that_is_asked(httpd, app):
    member = app()
    with Script(lambda n: b"up 75%\n") as agent:
        server = httpd(modules=["health", "status"], vhost=balancer(
            [member], f'agent port={agent.url.rpartition(":")[2]} "send=state of {pathlib.Path(member.url).name}" {FAST}'))
        server.wait_log("WT1002")
        assert agent.requests[0].startswith(b"state of 127.0.0.1:")
        assert manager(server).status == 200


def down(server, why):
    wait_until(lambda: any(why in line for line in server.log_lines("WT1001")))


def test_agent_beside_a_check(httpd, app):
    """The agent says how much and whether at all, the check says whether the member is well: down when either says so."""
    apps = [app(), app()]
    with Agent(b"up 25%\n") as agent:
        server = httpd(modules=["health", "status"], vhost=balancer(
            apps, f"http uri=/health {FAST} agent-port={agent.port} agent-interval=50ms member={apps[0].url}"))
        wait_until(lambda: state(server, apps[0]) == "up" and factor(server, apps[0]) == 0.25)
        assert members(server)[apps[0].url]["last_result"] == "status 200 OK"
        agent.line = b"drain\n"
        wait_until(lambda: "Drn" in flags(server, apps[0]) and factor(server, apps[0]) == 1)
        assert state(server, apps[0]) == "up"
        agent.line = b"maint # a new disk\n"
        down(server, 'maint: the agent says "maint # a new disk"')
        wait_until(lambda: "Drn" not in flags(server, apps[0]))
        assert server.get("/").status == 200
        agent.line = b"up\n"
        wait_until(lambda: state(server, apps[0]) == "up")
        apps[0].behave("/health", status=500)
        down(server, "status 500")
        apps[0].behave("/health", status=200)
        agent.line = b"down\n"
        wait_until(lambda: 'says "down"' in members(server)[apps[0].url]["last_result"])
    # An agent that is gone has no say any more, and the check alone judges.
    assert "refused" in server.wait_log("WT1074")[0]
    wait_until(lambda: state(server, apps[0]) == "up")


def test_wrong_agents(httpd):
    for wrong, why in (("http agent-interval=1s", "goes with agent-port= only"), ("agent port=1 agent-port=2", "no meaning"),
                       ("http agent-port=0", "agent-port"), ("http agent-port=1 agent-interval=1ms", "agent-interval"),
                       ("http agent-port=1 drain=503", "drain=")):
        code, text = httpd.check(modules=["health"], vhost=balancer(["http://127.0.0.1:1"], wrong))
        assert code != 0 and "TierHealthCheck" in text and why in text, (wrong, text)
