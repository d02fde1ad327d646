# SPDX-License-Identifier: Apache-2.0
"""Probes of services that are no web servers, beside which the member is judged."""
import contextlib
import os
import pathlib
import tempfile

import pytest
from health_probe_support import mariadb, redis
from health_support import FAST, Script, balancer, members, state
from webtier_testing import process, wait_until

SLOW = "interval=400ms suspect=100ms down=100ms timeout=400ms"


@contextlib.contextmanager
def file_with(text):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        yield file.name


def start(httpd, member, check, more=""):
    return httpd(modules=["health", "status"], vhost=balancer([member], check, more=more))


def last(server, member):
    return members(server)[member.url]["last_result"]


def faults(server, member, service, passes):
    """Killed, stopped and back: what the log says of each."""
    assert passes in server.wait_log("WT1002")[0]
    service.kill()
    assert "refused: " in server.wait_log("WT1001")[0]
    service.restart()
    assert passes in server.wait_log("WT1002", count=2)[1]
    service.stop()
    assert "timeout: " in server.wait_log("WT1001", count=2)[1]
    service.cont()
    wait_until(lambda: state(server, member) == "up")


def test_redis(httpd, app, workspace):
    member = app()
    with redis(workspace) as service:
        server = start(httpd, member, f"redis port={service.port} {SLOW}")
        faults(server, member, service, "PONG")


def test_redis_with_a_password(httpd, app, workspace):
    a, b, c = app(), app(), app()
    with redis(workspace, "--requirepass", "s3 cret") as service, file_with("s3 cret\n") as right, file_with("x") as no:
        server = httpd(modules=["health", "status"], vhost=balancer(
            [a, b, c], f"redis port={service.port} {SLOW} passwordfile={right}",
            more=f"TierHealthCheck redis port={service.port} {SLOW} member={b.url}\n"
                 f"TierHealthCheck redis port={service.port} {SLOW} passwordfile={no} member={c.url}"))
        server.wait_log("WT1001", count=2)
        assert last(server, a) == "PONG"
        assert last(server, b).startswith("denied: NOAUTH") and last(server, c).startswith("denied: WRONGPASS")


def test_memcached(httpd, app, memcached):
    member, service = app(), memcached()
    server = start(httpd, member, f"memcached port={service.port} {SLOW}")
    faults(server, member, service, "version 1.")


@pytest.mark.parametrize("kind, words", [
    ("redis", "malformed: the answer is not that of a Redis server"),
    ("memcached", "malformed: the answer is not that of a memcached server"),
    ("mysql user=probe", "closed: "),
])
def test_garbage(httpd, app, kind, words):
    member = app()
    with Script(lambda n: b"\0\1\2 garbage\r\n") as service:
        server = start(httpd, member, f"{kind} port={service.url.rpartition(':')[2]} {FAST}")
        # The library waits for the server's greeting; this one reads until it is let go.
        assert any(word in server.wait_log("WT1001")[0] for word in (words, "timeout: no login"))


USERS = ("CREATE USER probe@'127.0.0.1' IDENTIFIED BY 'pass word'", "CREATE USER open@'127.0.0.1'",
         "CREATE DATABASE shop", "CREATE TABLE shop.t (a INT)", "GRANT SELECT ON shop.* TO probe@'127.0.0.1'")


CASES = {
    "user=open": "logged in to ",
    "user=nobody": "denied: Access denied for user",
    "user=open database=shop": "denied: Access denied for user",
    "user=probe passwordfile={password}": "logged in to ",
    'user=probe passwordfile={password} "query=SELECT @@read_only" expect=0': 'the query\'s first field is "0"',
    'user=probe passwordfile={password} "query=SELECT @@read_only" expect=1':
        'unexpected: the query\'s first field is "0", not "1"',
    'user=probe passwordfile={password} "query=SELECT NULL" expect=NULL': 'the query\'s first field is "NULL"',
    'user=probe passwordfile={password} database=shop "query=SELECT a FROM t"': "the query's answer has no row",
    'user=probe passwordfile={password} database=shop "query=SELECT a FROM t" expect=1':
        "unexpected: the query's answer has no row",
    'user=probe passwordfile={password} "query=SELECT 1 FROM nothing.there"': "bad_answer: ",
    'user=probe passwordfile={password} "query=SELECT REPEAT(1, 100000)"': "closed: ",
    'user=open "query=SELECT seq FROM mysql.user, seq_1_to_100000000"': "bad_answer: ",
    'user=probe passwordfile={password} "query=SELECT 7 FROM seq_1_to_1000000" database=shop':
        'the query\'s first field is "7"',
    'user=open "query=DO 1"': "the query's answer has no row",
    'user=open "query=SELECT SLEEP(5)"': "timeout: no answer to the query within 200ms",
}


def answers(httpd, app, service, password):
    apps = [app() for _ in range(3)]
    urls = [f"{one.url}/{number}" for one in apps for number in range(5)]
    more = "\n".join(f"TierHealthCheck mysql port={service.port} interval=500ms timeout=200ms fall=1 member={url} "
                     + case.format(password=password) for url, case in zip(urls, CASES))
    server = httpd(modules=["health", "status"], vhost=balancer(urls, "", more=more))
    wait_until(lambda: set(urls) <= members(server).keys() and all(one["probes"] > 0 for one in members(server).values()))
    found = members(server)
    for url, (case, words) in zip(urls, CASES.items()):
        assert found[url]["last_result"].startswith(words), (case, found[url]["last_result"])
    server.stop()


def test_mysql(httpd, app, workspace):
    """One database server, since its start takes longest: answers of every kind, then what the log says of faults."""
    member = app()
    with mariadb(workspace, *USERS) as service, file_with("pass word\n") as password:
        answers(httpd, app, service, password)
        server = start(httpd, member, f'mysql user=open "query=SELECT 1" expect=1 port={service.port} {SLOW}')
        faults(server, member, service, 'the query\'s first field is "1"')
        server.graceful()  # the library is loaded anew
        probes = members(server)[member.url]["probes"]
        wait_until(lambda: members(server)[member.url]["probes"] > probes + 3)
        assert state(server, member) == "up"


COMMAND = """#!/bin/sh
case "$(cat {file})" in
    good) echo "replicates, 0 s behind"; exit 0;;
    bad) echo "replication has stopped"; exit 2;;
    hang) sleep 300 & echo $! > {file}.pid; wait;;
esac
"""


def test_command(httpd, app):
    member = app()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        file, script = pathlib.Path(folder, "state"), pathlib.Path(folder, "check.sh")
        file.write_text("good")
        script.write_text(COMMAND.format(file=file))
        script.chmod(0o755)
        server = start(httpd, member, f'command "run={script} --once" interval=1s suspect=50ms down=50ms timeout=1s fall=1')
        assert "replicates, 0 s behind" in server.wait_log("WT1002")[0]
        file.write_text("bad")
        assert "command: exit status 2: replication has stopped" in server.wait_log("WT1001")[0]
        file.write_text("good")
        server.wait_log("WT1002", count=2)
        file.write_text("hang")
        assert "timeout: no end of the command within 1s" in server.wait_log("WT1001", count=2)[1]
        file.write_text("good")
        server.wait_log("WT1002", count=3)
        left = int(pathlib.Path(f"{file}.pid").read_text())
        wait_until(lambda: not process.is_running(left))
        server.stop()  # before the script goes
