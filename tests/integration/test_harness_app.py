# SPDX-License-Identifier: Apache-2.0
"""The fixture app: each way to behave, seen by a client that asks it directly."""
import http.client
import json
import time

import pytest

from webtier_testing import client, pattern, wait_until


def ask(server, path="/", **options):
    return client.request(server.port, path, **options)


def test_default_answer_and_record(app):
    a = app()
    answer = ask(a, "/x?y=1", headers={"X-A": "b"})
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"ok\n")
    assert answer.headers["X-App"] == str(a.port) and answer.headers["Date"]
    request, = a.requests()
    assert (request["method"], request["path"], request["body"]) == ("GET", "/x?y=1", b"")
    assert request["headers"]["x-a"] == "b"
    assert abs(request["time"] - time.time()) < 60
    assert (a.count("/x"), a.count("/x?y=1"), a.count("/z")) == (1, 1, 0)
    a.clear()
    assert a.count() == 0


def test_behaviour_of_one_path_and_of_the_rest(app):
    a = app(status=503, reason="Gone Fishing", headers=[("X-A", "1"), ("X-A", "2"), ("Date", None)])
    a.behave("/good", body="gut", headers={"Content-Type": "text/x"})
    bad, good = ask(a, "/any"), ask(a, "/good?q")
    assert (bad.status, bad.reason, bad.headers["date"]) == (503, "Gone Fishing", None)
    assert bad.headers.get_all("x-a") == ["1", "2"]
    assert (good.status, good.body, good.headers["content-type"]) == (200, b"gut", "text/x")


@pytest.mark.parametrize("settings", [{"size": 100_001}, {"size": 100_001, "chunked": True},
                                      {"size": 3000, "drip": (1000, 0.05)}, {"size": 0, "chunked": True}])
def test_bodies(app, settings):
    answer = ask(app(**settings))
    assert answer.body == pattern(settings["size"])
    assert (answer.headers["Transfer-Encoding"] == "chunked") == settings.get("chunked", False)
    assert answer.elapsed > 0.1 or "drip" not in settings


def test_delay_and_hang(app):
    a = app(delay=0.2)
    assert ask(a).elapsed >= 0.2
    a.behave(hang=True)
    with pytest.raises(TimeoutError):
        ask(a, timeout=0.2)
    assert a.count() == 2


def test_broken_answers(app):
    a = app(size=100, truncate=40)
    with pytest.raises(http.client.IncompleteRead) as error:
        ask(a)
    assert error.value.partial == pattern(40)
    a.behave(size=100, truncate=40, chunked=True)
    with pytest.raises(http.client.IncompleteRead):
        ask(a)
    a.behave(close=True)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(a)
    a.behave(garbage=b"\x00\xffnot HTTP\r\n\r\n")
    assert client.raw(a.port, b"GET / HTTP/1.1\r\n\r\n") == b"\x00\xffnot HTTP\r\n\r\n"


@pytest.mark.parametrize("given, status", [('"v1"', 304), ('W/"v1"', 304), ("*", 304), ('"v0", "v1"', 304),
                                           ('"v2"', 200), (None, 200)])
def test_etag(app, given, status):
    answer = ask(app(etag="v1", body=b"x"), headers={"If-None-Match": given} if given else {})
    assert (answer.status, answer.headers["ETag"], answer.body) == (status, '"v1"', b"x" if status == 200 else b"")


def test_echo_and_chunked_request(app):
    a = app(echo=True)
    sent = client.raw(a.port, b"POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                              b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n")
    echoed = json.loads(sent.partition(b"\r\n\r\n")[2])
    assert (echoed["method"], echoed["path"], echoed["body"]) == ("POST", "/e", "abcde")
    assert a.requests()[0]["body"] == b"abcde"


def test_head_and_bodyless_answers_keep_the_connection(app):
    a = app(body=b"12345")
    a.behave("/none", status=204)
    with client.Session(a.port) as session:
        assert session.get("/", method="HEAD").headers["Content-Length"] == "5"
        assert session.get("/none").status == 204
        assert session.get("/").body == b"12345"


def test_a_killed_server_comes_back_with_its_behaviour(app):
    a = app(body=b"same")
    ask(a)
    old = a.pid
    a.kill()
    with pytest.raises(ConnectionRefusedError):
        ask(a)
    a.behave("/new", body=b"told while dead")
    a.restart()
    assert a.pid != old
    assert (ask(a).body, ask(a, "/new").body) == (b"same", b"told while dead")
    assert a.count() == 3


def test_a_stopped_server_accepts_and_does_not_answer(app):
    a = app()
    a.stop()
    a.behave(body=b"told while stopped")
    with pytest.raises(TimeoutError):
        ask(a, timeout=0.2)
    a.cont()
    assert ask(a).body == b"told while stopped"


@pytest.mark.parametrize("settings,seen", [({"hold": True}, b""), ({"hold_at": 3}, b"hel")])
def test_what_is_held_comes_when_it_is_let_go(app, settings, seen):
    a = app(body=b"hello", headers={"Connection": "close"}, **settings)
    with client.connect(a.port) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: a.count() == 1)
        received = b""
        while seen and not received.endswith(b"\r\n\r\n" + seen):
            received += stream.recv(100)
        a.release()
        assert ask(a).body == b"hello"  # not held any more
        while piece := stream.recv(100):
            received += piece
    assert received.endswith(b"\r\n\r\nhello")
    a.behave(body=b"again", **settings)
    with client.connect(a.port) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: a.count() == 3)
        a.release()
