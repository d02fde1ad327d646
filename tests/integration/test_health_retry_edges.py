# SPDX-License-Identifier: Apache-2.0
"""Retry while something else happens: the client goes, httpd restarts, members are added."""
import socket
import struct
import time

from health_retry_support import RETRY, attempts, retrying, traffic
from health_support import change
from webtier_testing import scale, wait_until

BODY = b"fine" * 500


def test_client_goes_between_attempts(httpd, app):
    """Nobody waits for the answer any more, so that no other member is asked for it."""
    apps = [app(), app()]
    for one in apps:
        one.behave("/slow", hang=True)
    server = retrying(httpd, apps)
    with server.connect() as stream:
        stream.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: sum(one.count("/slow") for one in apps) == 1)
        # A reset, as of a client that has ended; one that only stops sending still wants the answer.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: sum(attempts(server, one)["failed_timeout"] for one in apps) == 1 or
               "the client is gone" in server.error_log(), scale(5))
    time.sleep(0.4)
    assert sum(one.count("/slow") for one in apps) == 1
    assert traffic(server)["retries"] == 0 and server.get("/").status == 200


def test_graceful_restart(httpd, app):
    apps = [app(body=BODY), app(body=BODY), app(body=BODY)]
    apps[0].behave(status=500)
    server = retrying(httpd, apps)
    load = server.load(rate=100, seconds=1.8, connections=40, expect_body=BODY, timeout=10)
    time.sleep(0.4)
    before = traffic(server)["rescued"]
    server.graceful()
    report = load.join()
    assert report.errors == [] and report.total == 180, report
    # Counted on, by another generation.
    assert 0 < before < traffic(server)["rescued"]


def test_member_added_at_run_time(httpd, app):
    first, added = app(status=500), app(body=BODY)
    server = retrying(httpd, [first], more=f"ProxySet growth=2\n    {RETRY}")
    assert server.get("/").status == 500 and traffic(server)["retries_without_member"] == 1
    change(server, b_wyes=1, b_nwrkr=added.url)
    change(server, w=added.url, w_status_D=0)
    assert [server.get("/").body for _ in range(6)] == [BODY] * 6
    assert added.count("/") == 6 and attempts(server, added)["passed"] == 6 and traffic(server)["rescued"] >= 1
