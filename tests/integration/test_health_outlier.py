# SPDX-License-Identifier: Apache-2.0
"""Members that are worse than the others by what a window of live requests says."""
import pytest
from health_retry_support import ATTEMPT_FAULTS
from health_support import balancer, flags, members, state

EJECT = "TierHealthEject on errors=1000 time=30s"


def serve(httpd, app, more, count=3):
    apps = [app() for _ in range(count)]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, check="", more=more))
    server.allow_log(*ATTEMPT_FAULTS)
    return server, apps


def paths(server, count, share, under=""):
    """Sends requests, of which one in `share` goes to /odd."""
    with server.session() as session:
        for number in range(count):
            session.get(f"{under}/odd" if number % share == 0 else f"{under}/")


def test_success_rate(httpd, app):
    server, apps = serve(httpd, app, f"{EJECT}\n    TierHealthOutlier on requests=20")
    # A fifth of its requests fail, never many in a row; of the others none.
    apps[0].behave("/odd", status=500)
    paths(server, 120, 4)
    line = server.wait_log("WT1066")[0]
    assert f"member {apps[0].url} is an outlier and ejected for 30000 ms: only 7" in line
    assert flags(server, apps[0]) == "Init HcFl" and state(server, apps[0]) == "ejected"
    assert "fewer than of the others" in members(server)[apps[0].url]["history"][0]["reason"]
    assert len(server.log_lines("WT1066")) == 1


def test_latency(httpd, app):
    server, apps = serve(httpd, app, f"{EJECT}\n    TierHealthOutlier on latency=4 success=off requests=10 window=20s")
    apps[0].behave(delay=0.15)
    for one in apps[1:]:
        one.behave(delay=0.01)
    server.load(rate=60, seconds=1.5, connections=20).join()
    assert "much longer than those of the others" in server.wait_log("WT1066")[0]
    assert flags(server, apps[0]) == "Init HcFl"


def test_nobody_is_judged(httpd, app):
    apps = [app() for _ in range(3)]
    apps[0].behave("/odd", status=500)
    sections = "\n".join(balancer(apps, check="", name=name, path=f"/{name}/", more=f"{EJECT}\n    {more}") for name, more in (
        ("none", ""), ("off", "TierHealthOutlier off"), ("few", "TierHealthOutlier on requests=1000")))
    server = httpd(modules=["health", "status"], vhost=sections)
    for name in ("none", "off", "few"):
        paths(server, 90, 3, f"/{name}")
    server.load(rate=20, seconds=1.2, path="/few/").join()  # longer than the second after which it is looked again
    assert [one.count("/odd") for one in apps] == [90, 0, 0]
    assert server.log_lines("WT1066") == []


def test_without_ejection(httpd, app):
    server, _ = serve(httpd, app, "TierHealthOutlier on")
    server.allow_log("WT1067")
    assert len(server.log_lines("WT1067")) >= 1


@pytest.mark.parametrize("wrong,told", [
    ("", "neither off nor on"), ("maybe", "neither off nor on"), ("on success", "no setting"), ("on sucess=1", "no setting"),
    ("on success=0", "0.1 to 99.9"), ("on success=1.99", "0.1 to 99.9"), ("on success=-1", "0.1 to 99.9"),
    ("on latency=x", "0.1 to 999.9"), ("on failures=85", "1% to 100%"), ("on requests=0", "requests"),
    ("on members=1", "members"), ("on window=10ms", "window")])
def test_wrong_settings(httpd, wrong, told):
    code, text = httpd.check(modules=["health"], vhost=balancer(["http://127.0.0.1:8001"], check="",
                                                                more=f"TierHealthOutlier {wrong}"))
    assert code != 0 and "TierHealthOutlier" in text and told in text, text
