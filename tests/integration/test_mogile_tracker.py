# SPDX-License-Identifier: Apache-2.0
"""The tests' tracker answers as a real one did: recorded exchanges, sent again."""
import json
import pathlib
import socket

import pytest
from webtier_testing.mogile import TABLES
from webtier_testing.tracker_server import arguments

TRANSCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "support/mogilefs/transcripts.jsonl"
# Recorded while something else was in another state, or about details that are the real tracker's own.
OTHER_STATE = ("down", "drain", "SIGSTOP", "kill", "marked", "database", "restart", "all devices", "all hosts", "GET port",
               "charset", "listed again", "busy", "default (noverify", "noverify=0", "second", "all nodes", "same,",
               "again, noverify", "back: ", "after 29.5", "altip", "debug_profile", "over-long", "create_close", "pipelined",
               "delete", "create_open, multi_dest", "create_open single", "test crash")
FILES = {3: ("f0", 0, (2, 3)), 4: ("f1k", 1024, (1, 3)), 5: ("f100k", 102400, (2, 3)), 6: ("f5m", 5242880, (1, 3)),
         10: ("key with spaces", 3, (1, 2)), 12: ("café.jpg", 3, (2, 3))}


def recorded():
    for line in TRANSCRIPTS.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        command = entry["send"].split(" ")[0].strip()
        if command in ("get_paths", "file_info", "create_open", "noop", "frobnicate") and entry["recv"] and \
                "send_repeat" not in entry and not any(word in entry["comment"] for word in OTHER_STATE):
            yield entry


def meaning(answer):
    """An answer without what chance decides: the order of its pairs, and that of its paths."""
    if not answer.startswith(b"OK "):
        return answer
    values = arguments(answer[3:].rstrip(b"\r\n"))
    paths = sorted(value for name, value in values.items() if name.startswith("path") and name != "paths")
    return paths, {name: value for name, value in values.items() if not name.startswith("path") or name == "paths"}


@pytest.fixture
def tracker(mogile):
    made = mogile(trackers=1, nodes=0)
    for devid in (1, 2, 3):
        made.sql("INSERT INTO host VALUES (%s, 'alive', %s, NULL, %s, '127.0.0.1', NULL, NULL)", devid, 11020 + devid,
                 f"s{devid}")
        made.sql("INSERT INTO device VALUES (%s, %s, 'alive', 100)", devid, devid)
    for fid, (key, length, on) in FILES.items():
        made.sql("INSERT INTO file VALUES (%s, 1, %s, %s, 1, 2)", fid, key, length)
        for devid in on:
            made.sql("INSERT INTO file_on VALUES (%s, %s)", fid, devid)
    made.sql("INSERT INTO checksum VALUES (4, 1, UNHEX('e99c1d7d37b1470a24b395e411f3b18b'))")
    return made.trackers[0]


def test_it_answers_as_the_real_one_did(tracker):
    entries = list(recorded())
    assert len(entries) > 40 and len(TABLES) > 8
    for entry in entries:
        answer = tracker.exchange(entry["send"].encode("latin-1"))
        assert meaning(answer) == meaning(entry["recv"].encode("latin-1")), entry


def test_pipelined_requests_are_answered_in_order(tracker):
    with socket.create_connection(("127.0.0.1", tracker.port), 5) as stream, stream.makefile("rb") as lines:
        stream.sendall(b"noop callid=1\r\nget_paths domain=web&key=f1k&callid=2\r\nnoop callid=3\r\n")
        answers = [arguments(lines.readline()[3:].strip())["callid"] for _ in range(3)]
    assert answers == [b"1", b"2", b"3"]


def test_uploads_are_answered_as_recorded(mogile):
    made = mogile(trackers=1)
    tracker = made.trackers[0]
    opened = arguments(tracker.exchange(b"create_open domain=web&class=photo&key=t1&multi_dest=1&size=5\r\n")[3:].strip())
    assert opened["dev_count"] == b"3" and opened["devid_1"] == b"1"
    fid, path = opened["fid"].decode(), opened["path_1"].decode()
    close = f"create_close domain=web&key=t1&fid={fid}&devid=1&path={path}"
    assert tracker.exchange(f"{close}&size=5\r\n".encode()).startswith(b"ERR size_verify_error ")
    made.nodes[0].put(path.split(str(made.nodes[0].port))[1], b"hello")
    assert tracker.exchange(f"{close}&size=6\r\n".encode()).startswith(b"ERR size_mismatch Expected:+6%3B+actual:+5")
    wrong = "&size=5&checksumverify=1&checksum=MD5:9dd4e461268c8034f5c8564e155c67a6\r\n"
    assert tracker.exchange((close + wrong).encode()).startswith(b"ERR checksum_mismatch ")
    assert tracker.exchange(f"{close}&size=5&checksum=CRC:12\r\n".encode()) == (
        b"ERR invalid_checksum_format invalid_checksum_format\r\n")
    assert tracker.exchange(f"{close}x&size=5\r\n".encode()) == b"ERR bogus_args bogus_args\r\n"
    assert tracker.exchange(f"{close}&size=5\r\n".encode()) == b"OK \r\n"
    assert tracker.exchange(f"{close}&size=5\r\n".encode()) == (
        b"ERR no_temp_file No+tempfile+or+file+already+closed\r\n")
    assert made.files() == {"t1": (int(fid), 5)}
    assert tracker.exchange(b"delete domain=web&key=t1\r\n") == b"OK \r\n"
    assert tracker.exchange(b"delete domain=web&key=t1\r\n") == b"ERR unknown_key unknown_key\r\n"
