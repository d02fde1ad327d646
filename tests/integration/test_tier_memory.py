# SPDX-License-Identifier: Apache-2.0
"""No memory to share at start: each module says so, and requests go on without what it does."""
import pytest
from webtier_testing import settings

LINES = ("WT1014", "WT1044", "WT2000")


@pytest.mark.skipif(settings.SANITIZE in ("address", "thread"), reason="its run time needs mappings itself")
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
