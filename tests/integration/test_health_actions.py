# SPDX-License-Identifier: Apache-2.0
"""What an administrator asks for on the status page: drain, maintenance, eject, restore; and who may ask."""
import html
import json
import re
import urllib.parse

import pytest
from health_support import FAST, balancer, flags, manager, members, state
from webtier_testing import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EJECT = "TierHealthEject on time=30s"


def serve(httpd, app, more="", count=2, **options):
    apps = [app(body=f"member {number}".encode()) for number in range(count)]
    server = httpd(modules=["health", "status"], vhost=balancer(apps, check=f"http {FAST}", more=more), **options)
    server.wait_log("WT1002", count=count)
    return server, apps


def token(server):
    return json.loads(server.get("/tier-status/json").body)["token"]


def post(server, action, member, path="/tier-status/json", headers=None, **fields):
    target = members(server)[member.url]["actions"]["target"] if hasattr(member, "url") else member
    form = {"module": "health", "target": target, "action": action, "token": token(server), **fields}
    body = urllib.parse.urlencode({name: value for name, value in form.items() if value is not None})
    return server.get(path, method="POST", headers={**FORM, **(headers or {})}, body=body.encode())


def act(server, action, member):
    answer = post(server, action, member)
    assert answer.status == 200 and json.loads(answer.body) == {"done": True, "text": "done"}, answer.body


def test_maintenance_and_back(httpd, app):
    server, apps = serve(httpd, app)
    act(server, "maintenance", apps[0])
    # It is so when the answer comes.
    assert flags(server, apps[0]) == "Init HcFl" and state(server, apps[0]) == "maintenance"
    apps[0].clear()
    assert {server.get("/page").body for _ in range(6)} == {b"member 1"}
    apps[1].kill()
    wait_until(lambda: state(server, apps[1]) == "down")
    server.allow_log("AH0", "AH1")
    assert server.get("/page").status == 503 and apps[0].count("/page") == 0
    act(server, "normal", apps[0])
    assert server.get("/page").body == b"member 0" and state(server, apps[0]) == "up"
    history = members(server)[apps[0].url]["history"]
    assert [(line["from"], line["to"], line["reason"]) for line in history[:2]] == [
        ("maintenance", "up", "asked for on the status page"), ("up", "maintenance", "asked for on the status page")]
    assert len(server.log_lines("WT1064")) == 2 and len(server.log_lines("WT8003")) == 2


def test_drain_keeps_sessions(httpd, app):
    apps = [app(body=b"member 0"), app(body=b"member 1")]
    lines = "\n".join(f'    BalancerMember "{one.url}" route=r{number}' for number, one in enumerate(apps))
    server = httpd(modules=["health", "status"],
                   vhost=balancer([], check=f"http {FAST}", more=f"{lines}\n    ProxySet stickysession=SID"))
    server.wait_log("WT1002", count=2)
    act(server, "drain", apps[0])
    assert flags(server, apps[0]) == "Init Drn Ok" and state(server, apps[0]) == "drain"
    assert {server.get("/page").body for _ in range(6)} == {b"member 1"}
    assert {server.get("/page", headers={"Cookie": "SID=x.r0"}).body for _ in range(3)} == {b"member 0"}
    # balancer-manager writes the whole word; what was asked for here comes back.
    page = manager(server).body.decode()
    query = next(html.unescape(found) for found in re.findall(r'href="(/balancer-manager\?[^"]*)"', page)
                 if apps[0].url in urllib.parse.unquote(html.unescape(found)))
    referer = {"Referer": "http://localhost/balancer-manager"}
    server.get(f"{query}&w_status_N=0", headers=referer)
    wait_until(lambda: flags(server, apps[0]) == "Init Drn Ok")
    act(server, "normal", apps[0])
    assert flags(server, apps[0]) == "Init Ok"


def test_eject_and_restore(httpd, app):
    server, apps = serve(httpd, app, more=EJECT)
    assert members(server)[apps[0].url]["actions"]["allowed"] == ["drain", "maintenance", "eject"]
    act(server, "eject", apps[0])
    assert flags(server, apps[0]) == "Init HcFl" and state(server, apps[0]) == "ejected"
    assert members(server)[apps[0].url]["actions"]["allowed"] == ["drain", "maintenance", "restore"]
    act(server, "restore", apps[0])
    assert flags(server, apps[0]) == "Init Ok" and state(server, apps[0]) == "up"


def test_what_cannot_be_done(httpd, app):
    server, apps = serve(httpd, app)
    answer = post(server, "eject", apps[0])
    assert answer.status == 409 and b"TierHealthEject is off" in answer.body
    assert post(server, "explode", apps[0]).status == 400
    for target in ("", "-", "- balancer://app", "- balancer://app http://127.0.0.1:1", "x" * 2000, "a b c\r\nd"):
        assert post(server, "drain", target).status == 404, target
    assert post(server, "drain", apps[0], module="status").status == 404
    assert post(server, "drain", apps[0], module=None).status == 400
    assert post(server, "drain", apps[0], headers={"Content-Type": "text/plain"}).status == 415
    assert post(server, "drain", apps[0], path="/tier-status/metrics").status == 405
    assert post(server, "drain", apps[0], filler="x" * 9000).status in (400, 413)
    assert flags(server, apps[0]) == "Init Ok"
    server.allow_log("AH")


def test_by_the_page_s_own_form(httpd, app):
    server, apps = serve(httpd, app)
    page = server.get("/tier-status")
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    # With "no-referrer" a browser sends the form with "Origin: null", which is refused.
    assert page.headers["Referrer-Policy"] == "same-origin"
    forms = re.findall(r'<form method="post" action="([^"]*)">(.*?)</form>', page.body.decode(), re.S)
    assert len(forms) == 2
    action, fields = next(form for form in forms if apps[0].url in form[1])
    values = {name: html.unescape(value) for name, value in
              re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', fields)}
    assert '<button name="action" value="drain">drain</button>' in fields
    answer = server.get(action, method="POST", headers={**FORM, "Origin": f"http://127.0.0.1:{server.port}",
                                                        "Host": f"127.0.0.1:{server.port}",
                                                        "Sec-Fetch-Site": "same-origin"},
                        body=urllib.parse.urlencode({**values, "action": "drain"}).encode())
    assert answer.status == 303 and answer.headers["Location"] == "/tier-status"
    assert state(server, apps[0]) == "drain"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"},
                                     {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                                     {"Host": "evil.example"}, {"X-Forwarded-For": "127.0.0.1"}], ids=str)
def test_other_sites(httpd, app, headers):
    server, apps = serve(httpd, app, conf="UseCanonicalName Off")
    server.allow_log("WT8001", "WT8002")
    assert post(server, "drain", apps[0], headers=headers).status == 403
    assert flags(server, apps[0]) == "Init Ok"


def test_token(httpd, app):
    server, apps = serve(httpd, app)
    server.allow_log("WT8002")
    old = token(server)
    for wrong in (None, "", "0" * 32, old[:-1], old + "0"):
        assert post(server, "drain", apps[0], token=wrong).status == 403
    server.graceful()
    assert token(server) != old and post(server, "drain", apps[0], token=old).status == 403
    # Who asks by a name that is not ours, as after DNS rebinding, is not told it.
    assert "token" not in json.loads(server.get("/tier-status/json", headers={"Host": "evil.example"}).body)


@pytest.mark.parametrize("allow,status", [("off", 403), ("192.0.2.0/24", 403), ("local", 200), ("127.0.0.0/8", 200)])
def test_who_may_act(httpd, app, allow, status):
    member = app()
    server = httpd(modules=["health", "status"], vhost=balancer([member], check=f"http {FAST}").replace(
        "SetHandler tier-status", f"SetHandler tier-status\n    TierStatusActions {allow}"))
    server.wait_log("WT1002")
    known = json.loads(server.get("/tier-status/json").body).get("token")
    assert (known is not None) == (status == 200)
    if status == 403:
        server.allow_log("WT8002")
        assert b"<form" not in server.get("/tier-status").body
    target = members(server)[member.url]["actions"]["target"]
    body = urllib.parse.urlencode({"module": "health", "target": target, "action": "drain", "token": known or ""})
    assert server.get("/tier-status/json", method="POST", headers=FORM, body=body.encode()).status == status


def test_graceful_restart_keeps_it(httpd, app):
    server, apps = serve(httpd, app, count=3)
    act(server, "maintenance", apps[0])
    act(server, "drain", apps[1])
    for one in apps:
        one.clear()
    server.graceful()
    assert flags(server, apps[0]) == "Init HcFl" and flags(server, apps[1]) == "Init Drn Ok"
    assert {server.get("/page").body for _ in range(5)} == {b"member 2"}
