# SPDX-License-Identifier: Apache-2.0
"""No memory to share at start: each module says so, and requests go on without what it does."""
import pytest
from reproxy_support import told
from webtier_testing import settings
from webtier_testing.pattern import pattern
from webtier_testing.tracker_server import path_of

LINES = ("WT1014", "WT1044", "WT2000")
# Counters of so many children that they are a large piece too; few threads, as each has a place on the scoreboard.
MANY = "ServerLimit 16000\nThreadLimit 4\nThreadsPerChild 4\nStartServers 2\nMinSpareThreads 1\nMaxSpareThreads 64\n"

pytestmark = pytest.mark.skipif(settings.SANITIZE in ("address", "thread"), reason="its run time needs mappings itself")


def test_httpd_serves_without_shared_memory(httpd, app):
    origin = app(body=b"served", headers={"Cache-Control": "max-age=60"})
    server = httpd(modules=["test_memory", "health", "cache"], vhost=f"""
        <Proxy balancer://app>
            BalancerMember {origin.url}
            TierHealthCheck http uri=/ interval=100ms
            TierHealthEject on
            TierHealthRetry on
        </Proxy>
        ProxyPass / balancer://app/
        TierCache on
        """)
    server.allow_log(*LINES)
    assert all(server.log_lines(line) for line in LINES), server.error_log()
    with server.session() as client:
        answers = [client.get("/page") for _ in range(3)]
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"served")}
    assert origin.count("/page") == 3 and origin.count("/") == 0  # nothing is cached, nothing is probed
    server.graceful()
    assert server.get("/page").body == b"served"


def test_files_of_storage_are_delivered_without_shared_memory(httpd, app, mogile):
    """Each child knows its storage nodes and trackers by itself, and a worker sends every body."""
    fs, body = mogile(1, 2), pattern(300_000)
    fid = fs.store("key", body)
    origin = app(headers={"X-REPROXY-URL": fs.nodes[0].url + path_of(1, fid)})
    server = httpd(modules=["test_memory", "reproxy", "status"], extra=("proxy_http",), conf=f"""{MANY}
        TierMogileTrackers {fs.trackers_line()}""", vhost=f"""
        ProxyPass /named {origin.url}/
        TierReproxy on
        TierReproxyAllow 127.0.0.1:{fs.nodes[0].port}
        <Location /f/>
            TierMogileDomain web
            TierMogileKey ^/f/(.+)$ $1
        </Location>
        <Location /tier-status>
            SetHandler tier-status
        </Location>
        """)
    server.allow_log("WT3007", "WT3506", "WT3602")
    assert all(server.log_lines(line) for line in ("WT3007", "WT3506.*each child", "WT3602")), server.error_log()
    for _ in range(2):
        assert [server.get(path).body == body for path in ("/named", "/f/key", "/f/key")] == [True] * 3
        assert told(server)["relay"]["state"] == "off"
        assert server.get("/f/nosuch").status == 404
        server.graceful()
