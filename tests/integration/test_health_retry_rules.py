# SPDX-License-Identifier: Apache-2.0
"""What is tried again and what is not, and that nothing of a failed attempt is left in the answer."""
import gzip
import socket
import time

import pytest
from health_retry_support import RETRY, attempts, retrying, traffic
from health_support import Script, answer, told
from webtier_testing import wait_until

def pair(httpd, app, more=RETRY, **options):
    """A bad member that is asked first, a good one, and their server."""
    bad, good = app(), app()
    good.behave(body=b"good", headers={"X-From": "good"})
    return bad, good, retrying(httpd, [bad, good], more=f"ProxySet lbmethod=bybusyness\n    {more}", **options)


def ask_until(server, bad, ask):
    """Asks until the bad member has had a request; returns every answer."""
    answers = []
    while bad.count() == 0:
        answers.append(ask(server))
        assert len(answers) < 20
    return answers


def test_idempotent_methods(httpd, app):
    bad, good, server = pair(httpd, app)
    bad.behave(status=500, body=b"bad", headers={"Set-Cookie": "bad=1", "X-Bad": "yes", "Content-Language": "xx"})
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD", "GET"):
        bad.clear()
        good.clear()
        is_tried_again(server, bad, good, method)


def is_tried_again(server, bad, good, method):
    body = b"kept" * 1000 if method in ("PUT", "DELETE") else None
    answers = ask_until(server, bad, lambda s: s.get("/", method=method, body=body))
    for got in answers:
        assert got.status == 200 and got.headers["X-From"] == "good"
        assert "Set-Cookie" not in got.headers and "X-Bad" not in got.headers
        assert "Content-Language" not in got.headers
        assert got.body == (b"" if method == "HEAD" else b"good")
    assert good.count() == len(answers)
    if body:
        assert all(request["body"] == body for request in bad.requests() + good.requests())


def test_chunked_body_is_sent_again(httpd, app):
    bad, good, server = pair(httpd, app)
    bad.behave(close=True)
    message = (b"PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    answers = ask_until(server, bad, lambda s: s.raw(message))
    assert all(got.startswith(b"HTTP/1.1 200") for got in answers)
    assert all(request["body"] == b"hello world" for request in good.requests())


def test_body_over_the_limit_is_not_sent_again(httpd, app):
    bad, good, server = pair(httpd, app, more=RETRY + "\nTierHealthRetryBody 1K")
    bad.behave(status=500, body=b"mine")
    answers = ask_until(server, bad, lambda s: s.get("/", method="PUT", body=b"x" * 3000))
    assert answers[-1].status == 500 and answers[-1].body == b"mine"
    assert good.count() == len(answers) - 1


def test_post_is_sent_once(httpd, app):
    bad, good, server = pair(httpd, app)
    count = 0
    for number, fault in enumerate(({"status": 500}, {"close": True}, {"body": b"x" * 99, "truncate": 9})):
        bad.behave(**fault)
        while bad.count() == number:
            server.raw(b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nonce")
            count += 1
    assert bad.count() + good.count() == count
    assert traffic(server)["retries"] == 0


def test_post_goes_on_where_the_connection_is_refused(httpd, app):
    bad, good, server = pair(httpd, app)
    bad.kill()
    for number in range(6):
        body = b"number %d" % number
        assert server.get("/", method="POST", body=body).status == 200
    assert [request["body"] for request in good.requests()] == [b"number %d" % number for number in range(6)]
    assert attempts(server, bad)["failed_connect"] >= 1


def test_status_that_is_not_listed(httpd, app):
    bad, good, server = pair(httpd, app, more="TierHealthRetry on")
    bad.behave(status=500, body=b"mine", headers={"X-From": "bad"})
    answers = ask_until(server, bad, lambda s: s.get("/"))
    assert answers[-1].status == 500 and answers[-1].body == b"mine" and answers[-1].headers["X-From"] == "bad"
    assert attempts(server, bad)["failed_status"] == 1 and traffic(server)["retries"] == 0


def test_last_answer_is_the_members_own(httpd, app):
    apps = [app(), app(), app()]
    for each in apps:
        each.behave(status=503, body=b"own words", headers={"Retry-After": "7"})
    server = retrying(httpd, apps)
    got = server.get("/")
    assert got.status == 503 and got.body == b"own words" and got.headers["Retry-After"] == "7"
    assert [each.count() for each in apps] == [1, 1, 1]


def test_off_in_a_location(httpd, app):
    bad, good, server = pair(httpd, app)
    bad.behave(status=500)
    server = retrying(httpd, [bad, good], more=RETRY + "\n</Proxy>\n<Location /slow>\nTierHealthRetry off\n"
                      "</Location>\n<Proxy balancer://app>")
    statuses = {server.get("/slow/x").status for _ in range(4)}
    assert statuses == {200, 500}
    assert {server.get("/x").status for _ in range(4)} == {200}


def test_time_out_of_an_attempt_is_not_left_on_the_connection(httpd, app):
    only = app()
    server = retrying(httpd, [only], more=RETRY)
    assert server.get("/").status == 200
    only.behave(delay=0.8, body=b"late")
    # The last attempt, as there is no other member, has the member's own time; so has a POST on a kept connection.
    assert server.get("/").body == b"late"
    assert server.get("/", method="POST", body=b"x").body == b"late"


def test_streamed_answer_is_not_delayed(httpd, app):
    apps = [app(), app()]
    for each in apps:
        each.behave(size=4000, chunked=True, drip=(1000, 0.3))
    server = retrying(httpd, apps)
    first_at, whole_at = first_byte(server)
    assert whole_at - first_at > 0.6
    # A stream is one good attempt.
    assert traffic(server)["retries"] == 0


def first_byte(server):
    """Returns when the first byte of the body and the end of an answer came, in seconds."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        begun = time.monotonic()
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        data = client.recv(65536)
        while b"\r\n\r\n" not in data or data.endswith(b"\r\n\r\n"):
            data += client.recv(65536)
        first = time.monotonic() - begun
        while client.recv(65536):
            pass
        return first, time.monotonic() - begun


def test_long_answer_that_is_cut_counts_against_the_member(httpd, app):
    bad, good, server = pair(httpd, app, more=RETRY + "\nTierHealthHold 1K 50ms")
    bad.behave(size=200_000, truncate=100_000)
    while bad.count() == 0:
        server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert attempts(server, bad)["failed_truncated"] == 1 and traffic(server)["retries"] == 0


def test_budget_stops_a_storm(httpd, app):
    apps = [app(), app(), app()]
    for each in apps:
        each.behave(status=500)
    server = retrying(httpd, apps, more=RETRY + "\nTierHealthRetryBudget 20% 5")
    server.allow_log("WT1041")
    report = server.load(rate=200, seconds=1, expect_status=[500]).join()
    sent = sum(each.count() for each in apps)
    assert report.total == 200 and report.errors == []
    assert 200 < sent <= 200 * 1.2 + 5 * 4, sent
    assert len(server.log_lines("WT1041")) == 1
    assert traffic(server)["retries_over_budget"] > 100


def test_sticky_session_moves_on(httpd, app):
    bad, good = app(), app()
    good.behave(body=b"good")
    bad.behave(status=500)
    vhost_more = RETRY + "\nProxySet stickysession=SID"
    server = retrying(httpd, [bad.url + '" "route=a', good.url + '" "route=b'], more=vhost_more)
    for _ in range(3):
        got = server.get("/", headers={"Cookie": "SID=x.a"})
        assert got.status == 200 and got.body == b"good"
    assert bad.count() == 3


def test_sticky_session_may_not_move(httpd, app):
    bad, good = app(), app()
    bad.behave(status=500, body=b"stay")
    server = retrying(httpd, [bad.url + '" "route=a', good.url + '" "route=b'],
                      more=RETRY + "\nProxySet stickysession=SID nofailover=On")
    got = server.get("/", headers={"Cookie": "SID=x.a"})
    assert got.status == 500 and got.body == b"stay" and good.count() == 0


def test_error_override_and_error_document(httpd, app):
    bad, good = app(), app()
    for each in (bad, good):
        each.behave("/page", body=b"the page")
        each.behave(status=500)
    server = retrying(httpd, [bad, good], more=RETRY + "\n</Proxy>\nProxyErrorOverride On\nErrorDocument 500 /page\n"
                      "<Proxy balancer://app>")
    got = server.get("/")
    assert got.status == 500 and got.body == b"the page"
    assert bad.count("/") == 1 and good.count("/") == 1
    good.behave(body=b"fine")
    assert all(server.get("/").body == b"fine" for _ in range(4))


def test_range_and_deflate_see_only_the_good_answer(httpd, app):
    bad, good, server = pair(httpd, app, extra=["filter", "deflate"],
                             more=RETRY + "\nSetOutputFilter DEFLATE")
    text = b"0123456789" * 100
    good.behave(body=text)
    bad.behave(body=text, truncate=500)
    answers = ask_until(server, bad, lambda s: s.get("/", headers={"Accept-Encoding": "gzip"}))
    assert all(gzip.decompress(got.body) == text for got in answers)


def test_early_hints_before_a_failure(httpd):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    with Script(lambda n: hints + answer(500, b"bad")) as bad, Script(lambda n: answer(200, b"good")) as good:
        server = retrying(httpd, [bad, good])
        got = server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got += server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert got.count(b"HTTP/1.1 200") == 2 and b"500" not in got


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(httpd, app, status):
    bad, good, server = pair(httpd, app)
    bad.behave(close=True)
    good.behave(status=status)
    assert all(got.status == status for got in ask_until(server, bad, lambda s: s.get("/")))


def test_access_log_has_one_line(httpd, app):
    bad, good, server = pair(httpd, app)
    bad.behave(status=500)
    answers = ask_until(server, bad, lambda s: s.get("/one"))

    def lines_of():
        return [line for line in (server.runtime_dir.parent / "access.log").read_text().splitlines() if "/one" in line]
    wait_until(lambda: len(lines_of()) >= len(answers))
    server.stop()
    lines = lines_of()
    assert len(lines) == len(answers) and all('" 200 4 ' in line for line in lines)


def test_http2(httpd, app):
    bad, good, server = pair(httpd, app, http2=True)
    bad.behave(body=b"x" * 50, truncate=5)
    answers = ask_until(server, bad, lambda s: s.h2get("/"))
    assert all(got.status == 200 and got.body == b"good" for got in answers)


def test_lbmethod_changed_at_run_time(httpd, app):
    """The choice of another member does not depend on the balancer's method."""
    bad, good = app(), app()
    bad.behave(status=500)
    for method in ("byrequests", "bytraffic", "bybusyness"):
        server = retrying(httpd, [bad, good], more=f"ProxySet lbmethod={method}\n{RETRY}")
        assert {server.get("/").status for _ in range(6)} == {200}
        server.stop()
    assert bad.count() > 0


def test_nothing_when_off(httpd, app):
    bad, good, server = pair(httpd, app, more="")
    bad.behave(status=500)
    assert {server.get("/").status for _ in range(6)} >= {500}
    assert "traffic" not in told(server)
