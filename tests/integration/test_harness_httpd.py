# SPDX-License-Identifier: Apache-2.0
"""The fixture httpd: it serves, restarts, ends, and shows what a test needs to see."""
import os

import pytest

from webtier_testing import wait_until
from webtier_testing.ports import accepts, listens, settle
from webtier_testing import sockets


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_serves_files_restarts_and_stops(httpd, mpm):
    s = httpd(mpm=mpm)
    (s.docroot / "a.txt").write_text("a file")
    before = s.children()
    for restart in (s.graceful, s.restart_hard):
        restart()
        answer = s.get("/a.txt")
        assert (answer.status, answer.reason, answer.body) == (200, "OK", b"a file")
    assert before and not set(before) & set(s.children())
    pid = s.pid
    s.stop()
    assert not os.path.exists(f"/proc/{pid}")
    with pytest.raises(ConnectionRefusedError):
        s.get("/a.txt")
    s.start()
    assert s.get("/a.txt").text == "a file"


def test_servers_run_unprivileged(httpd, app, memcached):
    s, a, m = httpd(), app(), memcached()
    for pid in (s.pid, *s.children(), a.pid, m.pid):
        assert os.stat(f"/proc/{pid}").st_uid != 0


def test_headers_keep_duplicates_and_ignore_case(httpd):
    s = httpd(vhost="Header add X-Twice one\nHeader add X-Twice two")
    answer = s.get("/", headers=[("X-Any", "1")], host="other.example")
    assert answer.status == 404
    s.reconfigure(vhost="Header always add X-Twice one\nHeader always add X-Twice two")
    s.graceful()
    wait_until(lambda: s.get("/").headers["x-twice"])
    answer = s.get("/")
    assert [value for name, value in answer.header_list if name == "X-Twice"] == ["one", "two"]
    assert answer.headers["X-TWICE"] == "one" and answer.headers["X-Never"] is None


def test_client_sends_what_it_is_told(httpd, app):
    a = app(echo=True)
    s = httpd(vhost=f"ProxyPass / {a.url}/\nProxyPreserveHost On")
    s.get("/p?q=1", method="POST", body=b"x\x00y", headers={"X-A": "1"}, host="some.example")
    got = a.requests("/p")[0]
    assert (got["method"], got["path"], got["body"]) == ("POST", "/p?q=1", b"x\x00y")
    assert got["headers"]["host"] == "some.example" and got["headers"]["x-a"] == "1"
    assert "accept-encoding" not in got["headers"] and "user-agent" not in got["headers"]


def test_session_keeps_its_connection(httpd):
    s = httpd(extra=["info"], vhost="<Location /status>\nSetHandler server-status\n</Location>")
    with s.session() as session:
        assert session.get("/status").status == 200
        first = session.socket
        assert session.get("/status?auto").status == 200 and session.socket is first
        session.get("/status", headers={"Connection": "close"})
        assert session.socket is None


def test_raw_returns_what_comes_until_the_close(httpd):
    s = httpd()
    assert s.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert s.raw(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert s.raw(b"GET / HT", timeout=0.2) == b""


@pytest.mark.parametrize("tls", [False, True])
def test_http2(httpd, app, tls):
    a = app(body=b"over h2", headers={"X-Origin": "a"})
    s = httpd(tls=tls, http2=True, vhost=f"ProxyPass / {a.url}/")
    answer = s.h2get("/x", headers={"X-B": "2"}, method="POST", body=b"sent")
    assert (answer.status, answer.version, answer.body, answer.headers["x-origin"]) == (200, "2", b"over h2", "a")
    assert (a.requests()[0]["body"], a.requests()[0]["headers"]["x-b"]) == (b"sent", "2")
    assert s.h2get("/x", method="HEAD").body == b""
    assert s.get("/x").version == "1.1"
    assert s.load(rate=100, seconds=0.3, expect_body=b"over h2").join().errors == []


def test_a_wrong_configuration_is_shown(httpd):
    code, text = httpd.check(vhost="NoSuchDirective on")
    assert code == 1 and "NoSuchDirective" in text
    assert httpd.check(vhost="Header set A b")[0] == 0
    with pytest.raises(RuntimeError, match="NoSuchDirective"):
        httpd(conf="NoSuchDirective on")
    s = httpd(conf="NoSuchDirective on", expect_start=False)
    assert s.exit_code == 1 and "NoSuchDirective" in s.stderr()


def test_a_killed_child_is_replaced(httpd):
    s = httpd()
    first = s.children()
    assert s.kill_child() == first[0] and s.kill_child(first[1]) == first[1]
    wait_until(lambda: len(s.children()) == 3 and not set(first[:2]) & set(s.children()))
    assert s.get("/").status == 404


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_after_a_graceful_restart_no_child_of_before_takes_a_connection(httpd, mpm):
    s = httpd(mpm=mpm)
    before = s.children()
    assert all(accepts(pid, s.port) for pid in before)
    s.graceful()
    assert not any(accepts(pid, s.port) for pid in before) and s.get("/").status == 404


@pytest.mark.parametrize("ask", [sockets._asked, sockets._listed])
def test_sockets_are_told_by_port_and_state(httpd, ask):
    s = httpd()
    assert listens(s.port)
    with s.session() as session:
        session.get("/")
        port = session.socket.getsockname()[1]
        assert [one.peer for one in ask({sockets.ESTABLISHED}) if one.port == s.port] == [port]
        assert [one.port for one in ask(sockets.OPEN) if one.peer == s.port] == [port]
        assert s.port not in [one.port for one in ask({sockets.TIME_WAIT})]
    settle(s.port, 20)
    assert s.port not in [one.port for one in ask(sockets.OPEN)]
    inode, = (one.inode for one in ask({sockets.LISTEN}) if one.port == s.port)
    assert f"socket:[{inode}]" in [os.readlink(fd.path) for fd in os.scandir(f"/proc/{s.pid}/fd")]
    s.stop()
    assert not listens(s.port)


def test_wait_log_counts_and_gives_up(httpd):
    s = httpd()
    s.graceful()
    assert len(s.wait_log("resuming normal operations", count=2)) == 2
    with pytest.raises(TimeoutError, match="never logged"):
        s.wait_log("never logged", timeout=0.1)
