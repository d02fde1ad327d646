# SPDX-License-Identifier: Apache-2.0
"""Faults of trackers, the database and storage nodes, each counted from the client's side."""
import threading
import time

import pytest
from mogile_support import web  # noqa: F401
from reproxy_support import told
from webtier_testing import scale, wait_until
from webtier_testing.pattern import pattern
from webtier_testing.tracker_server import path_of

BODY = pattern(50_000)
PATIENCE = ""  # the defaults: what hangs is to be left soon
NODE_AWAY = ("AH00957", "AH01114", "AH01102")
TIMES = "TierReproxyTimeout connect=300ms first=400ms stall=400ms"


STATUS = "</Location>\n<Location /tier-status>\nSetHandler tier-status"
ALT = """</Location>
<Location /alt/>
    TierMogileDomain web
    TierMogileKey ^/alt/(.+)$ $1
    TierMogileCacheTime 0
    TierMogileZone alt"""


def ask(server, count=8, key="key", **options):
    """Asks so often, one after the other; returns (status, right body, seconds) of each."""
    answers = []
    for _ in range(count):
        began = time.monotonic()
        answer = server.get(f"/f/{key}", **options)
        answers.append((answer.status, answer.body == BODY, time.monotonic() - began))
    return answers


def all_well(answers):
    return all(status == 200 and right for status, right, _ in answers)


def given_up(server, kind="trackers"):
    """How often each tracker, or the database, was waited for in vain."""
    return [sum(one["errors"].values()) for one in told(server)["mogile"][kind]]


def requests_of(tracker):
    return [line for line in tracker.seen("get_paths") if "webtier-probe" not in line]


def test_a_sick_tracker_costs_no_client_its_answer(web):  # noqa: F811
    """One after the other of them; each is left out once it has shown its fault."""
    server = web(TIMES, trackers=7, nodes=2)
    server.allow_log("WT3501")
    server.fs.store("key", BODY)
    for count, (sick, fault) in enumerate(zip(server.fs.trackers, (
            "hang", "kill", "half", "garbage", "shutdown", "elsewhere")), 1):
        asked = len(requests_of(sick))
        if fault == "kill":
            sick.kill()
        else:
            sick.fault(fault)
        answers = []
        while len(server.log_lines("WT3501")) < count:
            answers += ask(server, 4)
            assert len(answers) < 100, fault
        answers += ask(server)
        assert all_well(answers), fault
        if fault in ("hang", "half", "garbage"):
            assert len(requests_of(sick)) == asked + 1  # and no more until a probe says that it is well
    back = server.fs.trackers[0]
    asked = len(requests_of(back))
    back.fault("none")
    server.wait_log(f"WT3503.*{back.address}", timeout=10)
    wait_until(lambda: all_well(ask(server, 3)) and len(requests_of(back)) > asked, 10)


def test_a_hung_tracker_costs_one_client_half_a_second(web):  # noqa: F811
    """By the defaults, and only once. Of three that hang one after the other the quickest is judged: each may meet a
    moment in which the machine is busy."""
    server = web("TierReproxyTimeout connect=60s first=60s stall=60s", trackers=4, nodes=2)
    server.allow_log("WT3501")
    server.fs.store("key", BODY)
    usual = sorted(seconds for *_, seconds in ask(server, 9))[4]
    cost = []
    for sick in server.fs.trackers[:3]:
        asked = len(requests_of(sick))
        sick.fault("hang")
        while len(requests_of(sick)) == asked:
            (status, right, seconds), = ask(server, 1)
            assert status == 200 and right
        cost.append(seconds)
        assert all_well(ask(server, 4)) and len(requests_of(sick)) == asked + 1
    assert min(cost) >= 0.4 and min(cost) <= 0.5 + scale(10) * usual, (cost, usual)


def test_without_trackers_and_database_it_is_503(web):  # noqa: F811
    server = web(f"{TIMES}\n{STATUS}", modules=("status",))
    server.allow_log("WT3501")
    server.fs.store("key", BODY)
    for tracker in server.fs.trackers:
        tracker.stop()
    answers = [server.get("/f/key") for _ in range(4)]
    assert all(answer.status == 503 and answer.headers["Retry-After"] for answer in answers)
    assert given_up(server) == [1, 1]


def test_a_tracker_that_cannot_is_not_a_key_that_is_not(web):  # noqa: F811
    server = web()
    server.fs.store("key", BODY)
    for tracker in server.fs.trackers:
        tracker.fault("failure")
    assert server.get("/f/key").status == 503
    server.fs.trackers[1].fault("none")
    assert all_well(ask(server, 4)) and server.get("/f/nosuch").status == 404


def test_without_trackers_the_database_is_asked(web):  # noqa: F811
    server = web(f"{TIMES}\nTierMogileVerify checksum\n{ALT}\n{STATUS}", conf="$DB", modules=("status",))
    server.allow_log("WT3501")
    server.fs.store("elsewhere", BODY, on=(2,))
    fid = server.fs.store("key&=", BODY, on=(1, 2))
    server.fs.store("gone", BODY, on=())
    server.fs.store("dead", BODY, on=(3,))
    server.fs.sql("UPDATE host SET status='dead' WHERE hostid=3")
    server.fs.sql("UPDATE device SET status='down' WHERE devid=1")
    server.fs.sql("UPDATE host SET http_get_port=http_port, http_port=1 WHERE hostid=2")
    server.fs.trackers[0].kill()
    server.fs.trackers[1].stop()
    answers = ask(server, 6, "key%26=")
    assert all_well(answers) and sum(given_up(server)) <= 2
    assert server.get("/f/nosuch").status == 404
    assert server.get("/f/o'%5C%22r").status == 404
    assert server.get("/f/%E6%97%A5%E6%9C%AC").status == 404
    assert server.get("/f/%FF%FE").status == 404
    server.fs.sql("UPDATE host SET altip=hostip, hostip='127.0.0.9' WHERE hostid=2")
    assert server.get("/alt/elsewhere").body == BODY
    server.allow_log("WT3512", *NODE_AWAY, "WT3011")
    assert server.get("/f/gone").status == 503 and server.get("/f/dead").status == 503
    assert not server.fs.nodes[0].requests()  # its device is down
    assert server.fs.copy(2, fid).exists()


def test_a_database_that_is_away_too_costs_one_deadline(web):  # noqa: F811
    server = web(f"{TIMES}\n{STATUS}", conf="$DB", nodes=2, modules=("status",))
    server.allow_log("WT3501")
    server.fs.store("key", BODY)
    for tracker in server.fs.trackers:
        tracker.kill()
    assert all_well(ask(server, 3))
    for fault in ("stop", "kill"):
        getattr(server.fs.mariadb, fault)()
        began, before = time.monotonic(), sum(given_up(server, "databases"))
        assert {server.get("/f/key").status for _ in range(6)} == {503}, fault
        tries = 1 + (time.monotonic() - began) / 2  # one in two seconds finds out whether it is back
        assert sum(given_up(server, "databases")) - before <= 1 + tries, fault
        if fault == "stop":
            server.fs.mariadb.revive()
            wait_until(lambda: server.get("/f/key").status == 200, 10)
            assert all_well(ask(server, 3))


def test_a_hung_database_behind_trackers_is_their_hang(web):  # noqa: F811
    server = web(f"{TIMES}\nTierMogileCacheTime 1ms\n{STATUS}", modules=("status",))
    server.allow_log("WT3501")
    server.fs.store("key", BODY)
    server.fs.store("new", BODY)
    assert all_well(ask(server, 6))
    server.fs.mariadb.stop()
    answers = ask(server, 6)
    assert all_well(answers) and given_up(server) == [1, 1]  # by what is known of a while ago
    assert server.get("/f/new").status == 503
    server.fs.mariadb.revive()
    wait_until(lambda: server.get("/f/new").status == 200, 10)


def test_the_database_may_come_first(web, workspace):  # noqa: F811
    server = web(TIMES, conf="$DB use=first connections=2")
    server.fs.store("key", BODY)
    assert all_well(ask(server, 4))
    assert not any(requests_of(tracker) for tracker in server.fs.trackers)
    assert server.get("/f/nosuch").status == 404
    assert sum(len(requests_of(tracker)) for tracker in server.fs.trackers) == 1  # a replica may lag
    # By an account that may only read, with a password in a file; a wrong one is told in the log.
    password = workspace.new_dir("password") / "file"
    server.allow_log("WT3501")
    for text, source in (("right\n", "right"), ("wrong\n", "right")):
        password.write_text(text)
        password.chmod(0o644)
        user = server.fs.reader(source)
        server.stop()
        server.reconfigure(conf=f"TierMogileTrackers {server.fs.trackers_line()}\nTierMogileDatabase "
                           f"127.0.0.1:{server.fs.mariadb.port} name={server.fs.database} user={user} "
                           f"password-file={password} use=first",
                           vhost="TierMogileDomain web\nTierMogileKey ^/f/(.+)$ $1\nTierMogileCacheTime 0")
        server.start()
        before = sum(len(requests_of(tracker)) for tracker in server.fs.trackers)
        assert all_well(ask(server, 4))
        after = sum(len(requests_of(tracker)) for tracker in server.fs.trackers)
        assert after - before == (0 if text.strip() == source else 4)
    assert server.log_lines("WT3504.*denied") or server.log_lines("denied")


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_a_node_that_is_away_costs_no_client_its_answer(web, fault):  # noqa: F811
    server = web(f"{TIMES}\n{STATUS}", modules=("status",))
    server.allow_log(*NODE_AWAY)
    server.fs.store("key", BODY, on=(1, 2, 3))
    getattr(server.fs.nodes[0], fault)()
    began = time.monotonic()
    answers = ask(server, 12)
    # All three processes know it after the first; it is asked again after two seconds.
    tries = 1 + (time.monotonic() - began) / 2
    server.fs.nodes[0].cont()
    failures = sum(node["failed_connect"] + node["failed_timeout"] for node in told(server)["nodes"])
    assert all_well(answers) and failures <= 1 + tries


def test_a_bad_copy_costs_no_client_its_answer(web):  # noqa: F811
    """Also wrong bytes, where they come in one piece: what a client has begun to get cannot be taken back."""
    server = web(f"{TIMES}\nTierMogileVerify checksum")
    bodies = {"absent": BODY, "short": BODY, "wrong": BODY[:2000]}
    fids = {key: server.fs.store(key, body, on=(1, 2, 3)) for key, body in bodies.items()}
    server.fs.nodes[0].remove(path_of(1, fids["absent"]))
    server.fs.nodes[0].put(path_of(1, fids["short"]), BODY[:-1])
    server.fs.nodes[0].put(path_of(1, fids["wrong"]), bodies["wrong"][:-1] + b"\0")
    for key, body in bodies.items():
        answers = [server.get(f"/f/{key}") for _ in range(8)]
        assert all(answer.status == 200 and answer.body == body for answer in answers), key


def test_a_node_does_not_lead_elsewhere(web):  # noqa: F811
    """Trackers are believed where copies are; storage that sends to another place is not: TierReproxyAllow is asked."""
    server = web(f"{TIMES}\nTierReproxyRedirects 1", nodes=2)
    server.allow_log("WT3003")
    server.fs.store("key", BODY)
    server.fs.sql("UPDATE device SET status='drain' WHERE devid=2")  # comes last
    first, second = server.fs.nodes
    secret = second.put("/secret", BODY[:-1] + b"\0")
    first.configure(f"return 302 {secret};")
    first.restart()
    assert all_well(ask(server, 4)) and not any("/secret" in line for line in second.requests())
    assert server.log_lines("WT3003")


def test_no_readable_copy_is_503_and_no_key_is_404(web):  # noqa: F811
    server = web(f"{TIMES}\nTierMogileVerify checksum")
    server.allow_log(*NODE_AWAY, "WT3011", "WT3512", "WT3012")
    fid = server.fs.store("lost", BODY, on=(1, 2))
    for devid in (1, 2):
        server.fs.nodes[devid - 1].remove(path_of(devid, fid))
    server.fs.store("dead", BODY, on=(3,))
    server.fs.nodes[2].kill()
    server.fs.store("nowhere", BODY, on=())
    for key in ("lost", "dead", "nowhere"):
        answer = server.get(f"/f/{key}")
        assert answer.status == 503 and answer.headers["Retry-After"], key
    assert server.get("/f/nosuch").status == 404


def test_wrong_bytes_are_never_taken_for_the_file(web):  # noqa: F811
    server = web(f"{TIMES}\nTierMogileVerify checksum")
    server.allow_log("WT3011", "WT3012", "WT3512")
    fid = server.fs.store("key", BODY, on=(1,))
    server.fs.nodes[0].put(path_of(1, fid), b"\0" + BODY[1:])
    answer = server.raw(b"GET /f/key HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 503 " in head.split(b"\r\n")[0] or len(body) < len(BODY)


def test_wrong_bytes_are_remembered(web):  # noqa: F811
    """Whoever comes after the client that was cut gets the other copy, whatever the tracker says."""
    server = web(f"{TIMES}\nTierMogileVerify checksum\n{STATUS}", modules=("status",))
    server.allow_log("WT3012")
    body = pattern(400_000)
    fid = server.fs.store("key", body, on=(1, 2))
    server.fs.sql("UPDATE device SET status='drain' WHERE devid=2")  # comes last
    server.fs.nodes[0].put(path_of(1, fid), b"\0" + body[1:])
    cut = server.raw(b"GET /f/key HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert len(cut.partition(b"\r\n\r\n")[2]) < len(body)
    asked = wait_until(lambda: len(server.fs.nodes[0].requests()))
    for _ in range(6):
        assert server.get("/f/key").body == body
    assert len(server.fs.nodes[0].requests()) == asked
    now = told(server)
    assert now["cut"] == 1 and sum(node["failed_checksum"] for node in now["nodes"]) == 1
    assert {"checksum": 1} in [device["failures"] for device in now["mogile"]["devices"]]


def test_everything_at_once(web):  # noqa: F811
    """One tracker hangs, one babbles, the database is asked; a node hangs, a copy is missing, one is wrong."""
    server = web(f"{TIMES}\nTierMogileVerify checksum", conf="$DB")
    server.allow_log(*NODE_AWAY, "WT3501")
    for number in range(6):
        fid = server.fs.store(str(number), BODY, on=(1, 2, 3))
        if number % 2:
            server.fs.nodes[1].remove(path_of(2, fid))
        else:
            server.fs.nodes[1].put(path_of(2, fid), BODY[:-5])
    server.fs.trackers[0].fault("hang")
    server.fs.trackers[1].fault("garbage")
    server.fs.nodes[0].stop()
    report = server.load(rate=60, seconds=1, path=[f"/f/{number}" for number in range(6)], expect_body=BODY).join()
    server.fs.nodes[0].cont()
    assert not report.errors and report.total >= 50, report


def test_a_relayed_key_goes_on_from_its_other_copy(web):  # noqa: F811
    server = web(f"TierReproxyTimeout stall=3s\nTierReproxyRelayMin 10K\n{STATUS}", modules=("status",))
    server.allow_log(*NODE_AWAY)
    body = pattern(1_500_000)
    server.fs.store("large", body)
    for node in server.fs.nodes[:2]:
        node.configure("limit_rate 50k;")
        node.restart()
    answers = []
    client = threading.Thread(target=lambda: answers.append(server.get("/f/large", timeout=60)))
    client.start()
    wait_until(lambda: told(server)["relay"]["running"] == 1, 20)
    serving = next(node["node"] for node in told(server)["nodes"] if node["requests"])
    for node in sorted(server.fs.nodes[:2], key=lambda node: node.url == serving):  # the one that serves comes last
        node.configure("")
        node.restart()
    client.join()
    assert answers[0].body == body
    server.wait_log("WT3013")
