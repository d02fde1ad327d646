# SPDX-License-Identifier: Apache-2.0
"""A program is told of each change of a member's state, whatever it does itself."""
import json

import pytest
from health_support import FAST, balancer, told
from test_health_actions import act
from webtier_testing import scale, wait_until


def serve(httpd, apps, script, workspace):
    """An httpd that runs the lines of script, a shell's, for each change; $1 is the event, $0.out a file for it."""
    program = workspace.new_dir("event") / "told"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    server = httpd(modules=["health", "status"], conf=f'TierHealthEvent "{program}" "with blank"',
                   vhost=balancer(apps, check=f"http uri=/health {FAST}"))
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
    wait_until(lambda: told(server)["events"]["delivered"] == 4)
    # What was told is not told again.
    server.graceful()
    act(server, "normal", apps[1])
    wait_until(lambda: len(lines(out)) >= 5)
    assert len(lines(out)) == 5 and lines(out)[-1]["from"] == "maintenance"


@pytest.mark.parametrize("script,why", [("exit 3", "exit status is not 0"), ("kill -9 $$", "exit status is not 0")])
def test_a_program_that_fails(httpd, app, workspace, script, why):
    server, _ = serve(httpd, [app(), app()], script, workspace)
    server.allow_log("WT1073")
    assert why in server.wait_log("WT1073")[0]
    wait_until(lambda: told(server)["events"]["failed"] == 2)
    assert told(server)["events"]["delivered"] == 0 and len(server.log_lines("WT1073")) == 1


def test_a_program_that_hangs_holds_up_nobody(httpd, app, workspace):
    apps = [app(), app()]
    server, out = serve(httpd, apps, 'echo "$2" >> "$0.out"; yes | head -c 500000; sleep 60 & sleep 60', workspace)
    wait_until(lambda: len(lines(out)) == 1)
    server.wait_log("WT1002", count=2)
    apps[0].behave("/health", status=500)
    server.wait_log("WT1001")
    apps[0].clear()
    wait_until(lambda: apps[0].count("/health") >= 5, 2 * scale(1))
    assert len(lines(out)) == 1 and server.get("/").status == 200


def test_wrong_commands(httpd):
    for wrong in ('""', "relative/path", " ".join(["/bin/true"] * 33)):
        code, text = httpd.check(modules=["health"], conf=f"TierHealthEvent {wrong}")
        assert code != 0 and "TierHealthEvent" in text, text
    code, text = httpd.check(modules=["health"], vhost="TierHealthEvent /bin/true")
    assert code != 0 and "TierHealthEvent" in text
