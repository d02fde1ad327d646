# SPDX-License-Identifier: Apache-2.0
"""The file that keeps the members' states over a full restart, and what is wrong with such files."""
import pytest
from health_retry_support import ATTEMPT_FAULTS
from health_support import FAST, balancer, flags, members, state
from test_health_actions import act
from webtier_testing import process, wait_until

SLOW = "http uri=/health interval=1h timeout=100ms"


def folder(workspace):
    """A folder that httpd's children may write into."""
    made = workspace.new_dir("state")
    process.give_to_server(made)
    return made


def serve(httpd, apps, path, check=f"http uri=/health {FAST}", **options):
    server = httpd(modules=["health", "status"], conf=f'TierHealthStateFile "{path}"',
                   vhost=balancer(apps, check=check, more="TierHealthEject on errors=2 time=60s"), **options)
    server.allow_log(*ATTEMPT_FAULTS)
    return server


def test_a_full_restart_forgets_nothing(httpd, app, workspace):
    apps = [app(), app(), app(), app(), app(), app()]
    path = folder(workspace) / "health"
    server = serve(httpd, apps, path)
    server.wait_log("WT1002", count=6)
    apps[0].behave("/health", status=500)
    wait_until(lambda: state(server, apps[0]) == "down")
    act(server, "maintenance", apps[1])
    act(server, "drain", apps[2])
    apps[3].behave("/page", status=500)
    wait_until(lambda: server.get("/page") and state(server, apps[3]) == "ejected")
    before = members(server)
    server.stop()
    assert path.read_text().startswith("webtier-health-state 1 ")
    assert [found.name for found in path.parent.iterdir()] == ["health"]
    for one in apps:
        one.clear()
    # From now on no probe could tell.
    server.reconfigure(conf=f'TierHealthStateFile "{path}"',
                       vhost=balancer(apps, check=SLOW, more="TierHealthEject on errors=2 time=60s"))
    server.start()
    assert [flags(server, one) for one in apps] == ["Init HcFl"] * 2 + ["Init Drn Ok", "Init HcFl"] + ["Init Ok"] * 2
    assert {server.get("/").status for _ in range(12)} == {200}
    assert [one.count("/") > 0 for one in apps] == [False] * 4 + [True] * 2
    after = members(server)
    for one in apps:
        assert {key: after[one.url][key] for key in ("state", "since", "history")} == \
            {key: before[one.url][key] for key in ("state", "since", "history")}
    act(server, "restore", apps[3])
    act(server, "normal", apps[1])
    assert flags(server, apps[3]) == flags(server, apps[1]) == "Init Ok"


def test_killed_httpd(httpd, app, workspace):
    """What was known a second before is in the file, whatever ends httpd."""
    apps = [app(), app()]
    path = folder(workspace) / "health"
    server = serve(httpd, apps, path)
    server.wait_log("WT1002", count=2)
    act(server, "maintenance", apps[0])
    # State 1 is up, mode 2 maintenance.
    wait_until(lambda: path.exists() and f"{apps[0].url} 1 2 " in path.read_text())
    server.kill_child(next(iter(server.children())))
    assert path.read_text().count("\nm ") == 2


@pytest.mark.parametrize("damage", [
    lambda text: b"", lambda text: text[:len(text) // 2], lambda text: text.replace(b" 1 ", b" 2 ", 1),
    lambda text: b"\x00\xff" * 5000, lambda text: text.replace(b"state 1", b"state 9")],
    ids=["empty", "half", "changed", "binary", "version"])
def test_damaged_file(httpd, app, workspace, damage):
    one = app()
    path = folder(workspace) / "health"
    server = serve(httpd, [one], path)
    server.wait_log("WT1002")
    server.stop()
    path.write_bytes(damage(path.read_bytes()))
    server.allow_log("WT1070")
    server.start()
    assert len(server.log_lines("WT1070")) == 1
    server.wait_log("WT1002", count=2)
    # And is replaced by a good one.
    server.stop()
    assert path.read_text().startswith("webtier-health-state 1 ")


def test_unwritable_folder(httpd, app, workspace):
    one = app()
    path = folder(workspace) / "nowhere" / "health"
    server = serve(httpd, [one], path)
    server.allow_log("WT1071")
    server.wait_log("WT1071")
    act(server, "maintenance", one)
    act(server, "normal", one)
    server.graceful()
    assert server.get("/").status == 200
    act(server, "maintenance", one)
    server.wait_log("WT1071", count=2)
    act(server, "normal", one)
    act(server, "maintenance", one)
    assert len(server.log_lines("WT1071")) == 2  # once a watch
    path.parent.mkdir()
    process.give_to_server(path.parent)
    act(server, "normal", one)
    server.wait_log("WT1072")


def test_only_in_the_main_server(httpd):
    code, text = httpd.check(modules=["health"], vhost='TierHealthStateFile "state"')
    assert code != 0 and "TierHealthStateFile" in text
