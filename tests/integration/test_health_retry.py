# SPDX-License-Identifier: Apache-2.0
"""One of three members is bad and its health URL is fine: no client may see it."""
import http.client

import pytest
from health_retry_support import RETRY, attempts, retrying, traffic
from webtier_testing import scale

BODY = b"fine" * 500

FAULTS = {
    "killed": (lambda bad: bad.kill(), "failed_connect"),
    "stopped": (lambda bad: bad.stop(), "failed_timeout"),
    "slow": (lambda bad: bad.behave(delay=2.0, body=BODY), "failed_timeout"),
}

ANSWERS = {
    "status 500": ({"status": 500, "body": BODY}, "failed_status"),
    "truncated": ({"body": BODY, "truncate": 900}, "failed_truncated"),
    "truncated chunks": ({"body": BODY, "truncate": 900, "chunked": True}, "failed_truncated"),
    "closes": ({"close": True}, "failed_empty"),
    "half a head": ({"garbage": b"HTTP/1.1 200 OK\r\nContent-Type: te"}, "failed_malformed"),
    "header without a colon": ({"garbage": b"HTTP/1.1 200 OK\r\nNonsense\r\n\r\nok"}, "failed_malformed"),
    "no status": ({"garbage": b"HTTP/1.1\r\n\r\nok"}, "failed_malformed"),
    # Last: mod_proxy itself leaves a member out that has spoken so.
    "garbage": ({"garbage": b"\x00\x01\x02 no http\r\n\r\n" * 20}, "failed_malformed"),
}


def serve(httpd, app):
    apps = [app(body=BODY) for _ in range(3)]
    # On a busy machine good answers are late too, and the end of a cut one.
    return retrying(httpd, apps, more=f"{RETRY}\n    TierHealthAttemptTimeout 800ms\n    TierHealthHold 64K 2s"), apps


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(httpd, app, fault):
    server, apps = serve(httpd, app)
    strike, kind = FAULTS[fault]
    load = server.load(rate=200, seconds=1, connections=40, expect_body=BODY)
    strike(apps[0])
    report = load.join()
    assert report.errors == [], report
    assert report.total == 200 and set(report.statuses) == {200}
    assert report.p(99) < scale(1.9), report  # the slow answer itself takes 2 s
    assert attempts(server, apps[0])[kind] > 0, attempts(server, apps[0])
    # mod_proxy takes a member that refuses connections out of service by itself.
    assert fault == "killed" or traffic(server)["rescued"] > 0


def test_bad_answers(httpd, app):
    server, apps = serve(httpd, app)
    for fault, (behaviour, kind) in ANSWERS.items():
        apps[0].behave(**behaviour)
        before, rescued = attempts(server, apps[0])[kind], traffic(server)["rescued"]
        report = server.load(rate=200, seconds=0.4, connections=40, expect_body=BODY).join()
        assert report.errors == [] and report.total == 80 and set(report.statuses) == {200}, (fault, report)
        assert attempts(server, apps[0])[kind] > before, (fault, str(attempts(server, apps[0])))
        assert traffic(server)["rescued"] > rescued, fault


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_rubbish_reaches_no_client(httpd, app, method):
    """mod_proxy_http takes it for an answer of HTTP/0.9 with status 200; no member is left that has another."""
    server = retrying(httpd, [app(garbage=b"HTTP/1.1\r\n\r\nok"), app(garbage=b"no http\r\n\r\nok")])
    for _ in range(4):
        answer = server.get("/", method=method)
        assert answer.status in (502, 503) and b"ok" not in answer.body and b"no http" not in answer.body, answer


@pytest.mark.parametrize("chunked", [True, False])
def test_no_range_of_a_truncated_answer(httpd, app, chunked):
    """What was held of it is not the whole, of which httpd could make ranges."""
    server = retrying(httpd, [app(body=BODY, truncate=900, chunked=chunked) for _ in range(2)])
    for _ in range(4):
        try:
            answer = server.get("/", headers={"Range": "bytes=10-99"})
        except (OSError, http.client.HTTPException):
            continue
        assert answer.status in (502, 503), answer
