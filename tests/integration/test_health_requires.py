# SPDX-License-Identifier: Apache-2.0
"""A balancer that another one needs is down: the members of the other are not to blame."""
from health_retry_support import ATTEMPT_FAULTS, traffic
from health_support import FAST, PAGES, balancer, flags, members, told
from webtier_testing import wait_until

CHECK = f"TierHealthCheck http uri=/health {FAST}"


def section(name, apps, more=""):
    lines = "\n".join(f'BalancerMember "{one.url}"' for one in apps)
    return f'<Proxy "balancer://{name}">\n{lines}\n{CHECK}\n{more}\n</Proxy>\n'


def test_members_stay_while_the_database_is_down(httpd, app):
    db, apps = app(), [app(), app()]
    server = httpd(modules=["health", "status"], vhost=section("db", [db]) + section(
        "app", apps, "TierHealthRequires balancer://db\nTierHealthEject on errors=3 time=30s") + PAGES +
        'ProxyPass "/" "balancer://app/"')
    server.allow_log(*ATTEMPT_FAULTS)
    server.wait_log("WT1002", count=3)
    db.kill()
    server.wait_log("WT1065")
    for one in apps:
        one.behave("/health", status=500)
        one.behave("/error", status=500)
    wait_until(lambda: {members(server)[one.url]["state"] for one in apps} == {"down"})
    for _ in range(12):
        assert server.get("/error").status == 500
    # They are down by their checks and fail requests, and yet are asked, and not ejected.
    assert [flags(server, one) for one in apps] == ["Init Ok"] * 2 and server.log_lines("WT1060") == []
    assert server.get("/").status == 200
    assert traffic(server)["all_members_tried"] == "a balancer they require is down"
    db.restart()
    for one in apps:
        one.behave("/health", status=200)
    server.wait_log("WT1068")
    assert traffic(server)["all_members_tried"] == "no"
    # Now they are.
    apps[0].behave("/health", status=500)
    wait_until(lambda: flags(server, apps[0]) == "Init HcFl")


def test_members_stay_while_a_service_is_down(httpd, app):
    """A service that no balancer has, named by the template of its check; two balancers that need it probe it once."""
    db, apps = app(), [app(), app()]
    template = f"TierHealthCheckTemplate db http address=127.0.0.1 port={db.port} uri=/writable {FAST}"
    sections = [section(name, [one], "TierHealthRequires db") for name, one in zip(("app", "other"), apps)]
    server = httpd(modules=["health", "status"], conf=template,
                   vhost="".join(sections) + PAGES + 'ProxyPass "/" "balancer://app/"')
    server.wait_log("WT1002", count=3)
    url = f"http://127.0.0.1:{db.port}"
    found = {one["name"]: one for one in told(server)["balancers"]}
    assert set(found) == {"balancer://app", "balancer://other", "db"}
    assert [(one["url"], one["actions"]["allowed"]) for one in found["db"]["members"]] == [(url, ["maintenance"])]
    db.behave("/writable", status=503)
    assert "requires db, which is down" in server.wait_log("WT1065", count=2)[0]
    for one in apps:
        one.behave("/health", status=500)
    server.wait_log("WT1001", count=3)
    assert [flags(server, one) for one in apps] == ["Init Ok"] * 2 and server.get("/").status == 200
    db.behave("/writable", status=200)
    for one in apps:
        one.behave("/health", status=200)
    server.wait_log("WT1068", count=2)
    apps[0].behave("/health", status=500)
    wait_until(lambda: flags(server, apps[0]) == "Init HcFl")


def test_unknown_balancer(httpd, app):
    server = httpd(modules=["health", "status"], vhost=balancer([app()], check=f"http {FAST}",
                                                                more="TierHealthRequires balancer://nobody"))
    server.allow_log("WT1069")
    assert "balancer://nobody" in server.log_lines("WT1069")[0]
    assert server.get("/").status == 200


def test_wrong_names(httpd):
    templates = "TierHealthCheckTemplate web http uri=/up\nTierHealthCheckTemplate bare tcp address=127.0.0.1"
    for wrong, why in (("db", "balancer://name"), ("balancer://", "balancer://name"), ("balancer://a/b", "balancer://name"),
                       ("balancer://app", "require itself"), ("web", "has no address="), ("bare", "has no port=")):
        code, text = httpd.check(modules=["health"], conf=templates, vhost=balancer(
            ["http://127.0.0.1:8001"], check="", more=f'TierHealthRequires "{wrong}"'))
        assert code != 0 and why in text, text
