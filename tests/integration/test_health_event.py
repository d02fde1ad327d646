# SPDX-License-Identifier: Apache-2.0
"""A program is told of each change of a member's state, whatever it does itself."""
import json
import os

import pytest
from health_probe_support import TlsScript, authority
from health_support import Script, answer, balancer, told
from test_health_actions import act
from webtier_testing import wait_until


# No good member fails three times for being slow.
CHECK = "http uri=/health interval=1s suspect=100ms down=100ms timeout=1s"


def serve(httpd, apps, script, workspace):
    """An httpd that runs the lines of script, a shell's, for each change; $1 is the event, $0.out a file for it."""
    program = workspace.new_dir("event") / "told"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    server = httpd(modules=["health", "status"], conf=f'TierHealthEvent "{program}" "with blank"',
                   vhost=balancer(apps, check=CHECK))
    return server, program.with_suffix(".out")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_each_change_is_told(httpd, app, workspace):
    apps = [app(), app()]
    server, out = serve(httpd, apps, '[ "$1" = "with blank" ] && echo "$2" >> "$0.out"', workspace)
    server.wait_log("WT1002", count=2)
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    act(server, "maintenance", apps[1])
    wait_until(lambda: len(lines(out)) >= 4)
    assert [(event["from"], event["to"]) for event in lines(out) if event["member"] == apps[0].url] == [
        ("checking", "up"), ("up", "down")]
    event = next(event for event in lines(out) if event["to"] == "down")
    assert event["balancer"] == "balancer://app" and event["time"].endswith("Z")
    assert "status 500" in event["reason"]
    assert lines(out)[-1]["to"] == "maintenance" and lines(out)[-1]["reason"] == "asked for on the status page"
    count = len(lines(out))
    wait_until(lambda: told(server)["events"]["delivered"] == count)
    # What was told is not told again.
    server.graceful()
    act(server, "normal", apps[1])
    wait_until(lambda: len(lines(out)) > count)
    assert len(lines(out)) == count + 1 and lines(out)[-1]["from"] == "maintenance"


@pytest.mark.parametrize("script,why", [("exit 3", "exit status is not 0"), ("kill -9 $$", "exit status is not 0")])
def test_a_program_that_fails(httpd, app, workspace, script, why):
    server, _ = serve(httpd, [app(), app()], script, workspace)
    server.allow_log("WT1073")
    assert why in server.wait_log("WT1073")[0]
    wait_until(lambda: told(server)["events"]["failed"] >= 2)
    assert told(server)["events"]["delivered"] == 0 and len(server.log_lines("WT1073")) == 1


def test_a_program_that_hangs_holds_up_nobody(httpd, app, workspace):
    apps = [app(), app()]
    server, out = serve(httpd, apps, 'echo "$2" >> "$0.out"; yes | head -c 500000; sleep 60 & sleep 60', workspace)
    wait_until(lambda: len(lines(out)) == 1)
    server.wait_log("WT1002", count=2)
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    apps[0].clear()
    wait_until(lambda: apps[0].count("/health") >= 5)
    assert len(lines(out)) == 1 and server.get("/").status == 200


def serve_url(httpd, apps, url, *settings):
    quoted = " ".join(f'"{word}"' for word in (url, *settings))
    return httpd(modules=["health", "status"], conf=f"TierHealthEvent {quoted}",
                 vhost=balancer(apps, check=CHECK))


def posted(receiver):
    return [json.loads(request["body"]) for request in receiver.requests("/told?by=webtier")]


def test_each_change_is_posted_to_a_url(httpd, app):
    apps, receiver = [app(), app()], app(status=202)
    server = serve_url(httpd, apps, receiver.url.replace("127.0.0.1", "localhost") + "/told?by=webtier",
                       "header=Authorization: Bearer mine")
    server.wait_log("WT1002", count=2)
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    act(server, "maintenance", apps[1])
    wait_until(lambda: told(server)["events"]["delivered"] >= 4)
    events = posted(receiver)
    assert [event["time"] for event in events] == sorted(event["time"] for event in events) and len(events) == 4
    assert {event["to"] for event in events[:2]} == {"up"} and {event["member"] for event in events[:2]} == {
        member.url for member in apps}
    assert (events[2]["from"], events[2]["to"], events[2]["balancer"]) == ("up", "down", "balancer://app")
    assert "status 500" in events[2]["reason"] and events[3]["to"] == "maintenance"
    request = receiver.requests("/told?by=webtier")[0]
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert request["method"] == "POST" and headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer mine" and headers["host"].startswith("localhost:")


@pytest.mark.parametrize("behaviour,why", [({"status": 500}, "status 500"), ({"garbage": b"\x00\xff"}, "fails: "),
                                           (None, "refused")])
def test_a_receiver_that_fails(httpd, app, behaviour, why):
    apps, receiver = [app(), app()], app(**(behaviour or {}))
    if behaviour is None:
        receiver.kill()
    server = serve_url(httpd, apps, receiver.url + "/secret")
    server.allow_log("WT1073")
    line = server.wait_log("WT1073")[0]
    assert why in line and receiver.url in line and "secret" not in line
    wait_until(lambda: told(server)["events"]["failed"] >= 2)
    assert told(server)["events"]["delivered"] == 0 and len(server.log_lines("WT1073")) == 1


def test_a_receiver_that_hangs_holds_up_nobody(httpd, app):
    """Nor the probes: none of them waits for an event to be over."""
    apps, receiver = [app(), app()], app(hang=True)
    server = serve_url(httpd, apps, receiver.url + "/told?by=webtier", "timeout=1s")
    server.allow_log("WT1073")
    wait_until(lambda: receiver.count() >= 1)
    server.wait_log("WT1002", count=2)
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    assert server.get("/").status == 200
    probes, told_of = apps[0].count("/health"), receiver.count()
    wait_until(lambda: apps[0].count("/health") >= probes + 12)
    # A tenth of a second each, where one that waited for an event would take its whole second.
    assert receiver.count() - told_of <= 6
    receiver.behave(status=200)
    apps[1].behave("/health", status=500)
    assert "timeout: no whole answer within" in server.wait_log("WT1073")[0]
    wait_until(lambda: told(server)["events"]["delivered"] >= 1 and posted(receiver)[-1]["member"] == apps[1].url)


def test_a_receiver_behind_a_unix_socket(httpd, app, workspace):
    path = str(workspace.new_dir("hook") / "s")
    with Script(lambda _: answer(), path) as receiver:
        os.chmod(path, 0o777)
        server = serve_url(httpd, [app()], receiver.url + "/told")
        wait_until(lambda: told(server)["events"]["delivered"] >= 1)
        assert receiver.requests[0].startswith(b"POST /told HTTP/1.1\r\nHost: localhost\r\n")


def test_a_receiver_over_tls(httpd, app):
    """Its certificate is verified unless the directive says otherwise."""
    with authority() as ca, TlsScript(lambda _: answer(), ca.certificate()) as receiver:
        server = serve_url(httpd, [app()], receiver.url + "/told", f"ca={ca.file}")
        wait_until(lambda: told(server)["events"]["delivered"] >= 1)
        assert b'"to": "up"' in receiver.requests[0]
        server.allow_log("WT1073")
        server.reconfigure(conf=f"TierHealthEvent {receiver.url}/told",
                           vhost=balancer([app()], check=CHECK))
        server.graceful()
        assert "untrusted: " in server.wait_log("WT1073")[0]


def test_wrong_urls(httpd):
    for wrong in ("ftp://a/", "http://", "http:///path", "http://me:secret@a/", "http://a/#there", "http://a:0/",
                  "http://a:99999/", "unix:/socket", "unix:relative|http://a/", '"http://a/with blank"',
                  "http://a/ interval=1s", "http://a/ anything", "http://a/ timeout=11s", "http://a/ ca=/no/such",
                  "https://a/ ca=/no/such", '"http://a/" "header=Content-Length: 3"'):
        code, text = httpd.check(modules=["health"], conf=f"TierHealthEvent {wrong}")
        assert code != 0 and "TierHealthEvent" in text, (wrong, text)
    code, text = httpd.check(modules=["health"], conf="TierHealthEvent https://[::1]/path")
    assert code == 0, text


def test_wrong_commands(httpd):
    for wrong in ('""', "relative/path", " ".join(["/bin/true"] * 33)):
        code, text = httpd.check(modules=["health"], conf=f"TierHealthEvent {wrong}")
        assert code != 0 and "TierHealthEvent" in text, text
    code, text = httpd.check(modules=["health"], vhost="TierHealthEvent /bin/true")
    assert code != 0 and "TierHealthEvent" in text
