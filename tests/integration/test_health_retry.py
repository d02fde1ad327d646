# SPDX-License-Identifier: Apache-2.0
"""One of three members is bad and its health URL is fine: no client may see it."""
import pytest
from health_retry_support import attempts, retrying, traffic
from webtier_testing import scale

BODY = b"fine" * 500

FAULTS = {
    "killed": (lambda bad: bad.kill(), "failed_connect"),
    "stopped": (lambda bad: bad.stop(), "failed_timeout"),
    "status 500": (lambda bad: bad.behave(status=500, body=BODY), "failed_status"),
    "slow": (lambda bad: bad.behave(delay=2.0, body=BODY), "failed_timeout"),
    "truncated": (lambda bad: bad.behave(body=BODY, truncate=900), "failed_truncated"),
    "truncated chunks": (lambda bad: bad.behave(body=BODY, truncate=900, chunked=True), "failed_truncated"),
    "closes": (lambda bad: bad.behave(close=True), "failed_empty"),
    "garbage": (lambda bad: bad.behave(garbage=b"\x00\x01\x02 no http\r\n\r\n" * 20), "failed_malformed"),
    "half a head": (lambda bad: bad.behave(garbage=b"HTTP/1.1 200 OK\r\nContent-Type: te"), "failed_malformed"),
    "header without a colon": (lambda bad: bad.behave(garbage=b"HTTP/1.1 200 OK\r\nNonsense\r\n\r\nok"),
                               "failed_malformed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(httpd, app, fault):
    apps = [app(), app(), app()]
    for good in apps:
        good.behave(body=BODY)
    server = retrying(httpd, apps)
    strike, kind = FAULTS[fault]
    load = server.load(rate=200, seconds=3, connections=40, expect_body=BODY)
    strike(apps[0])
    report = load.join()
    assert report.errors == [], report
    assert report.total == 600 and set(report.statuses) == {200}
    assert report.p(99) < (scale(0.6 if kind == "failed_timeout" else 0.3)), report
    assert attempts(server, apps[0])[kind] > 0, attempts(server, apps[0])
    # mod_proxy takes a member that refuses connections out of service by itself.
    assert fault == "killed" or traffic(server)["rescued"] > 0
