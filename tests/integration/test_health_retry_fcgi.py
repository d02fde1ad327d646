# SPDX-License-Identifier: Apache-2.0
"""A balancer of members that speak FastCGI and HTTP: a request goes on from one to the other whole, or not at all."""
import pytest
from fcgi_support import FcgiResponder
from health_retry_support import ATTEMPT_FAULTS, RETRY
from health_support import balancer

BODY = b"a=1&" * 1000
CHUNKED = {"Transfer-Encoding": "chunked"}


def mixed(httpd, first, other, more=RETRY):
    """The other one is asked when the first cannot be."""
    members = f"BalancerMember {first} retry=0\n    BalancerMember {other} status=+H\n    {more}"
    server = httpd(modules=["health", "status"], extra=["proxy_fcgi"], vhost=balancer([], check="", more=members))
    server.allow_log(*ATTEMPT_FAULTS, "AH01068", "AH01067", "AH01075", "AH01079")
    return server


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_body_goes_on_to_another_protocol(httpd, method):
    """mod_proxy_http reads of it before it connects, in vain."""
    with FcgiResponder(b"done") as responder:
        server = mixed(httpd, "http://127.0.0.1:1", f"fcgi://127.0.0.1:{responder.port}")
        for fields, body in (({}, BODY), (CHUNKED, chunked(BODY))):
            assert server.get("/", method=method, body=body, headers=fields).body == b"done"
        assert responder.bodies == [BODY, BODY]


def test_a_body_that_is_not_kept_goes_nowhere(httpd):
    with FcgiResponder(b"done") as responder:
        server = mixed(httpd, "http://127.0.0.1:1", f"fcgi://127.0.0.1:{responder.port}", more=f"{RETRY}\n    TierHealthRetryBody 1K")
        assert server.get("/", method="PUT", body=BODY).status == 503
        assert responder.bodies == []


def test_a_post_leaves_a_member_that_is_not_there(httpd, app):
    other = app(body=b"done")
    server = mixed(httpd, "fcgi://127.0.0.1:1", other.url)
    assert server.get("/", method="POST", body=BODY).status == 200
    assert [request["body"] for request in other.requests()] == [BODY]


@pytest.mark.parametrize("says", [{"garbage": b"rubbish!" * 10}, {"headers": {"Status": "503 Busy"}}], ids=["garbage", "status"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_what_a_member_has_had(httpd, app, method, says):
    """mod_proxy would try a POST again at another member, too, and without its body."""
    other = app(body=b"done")
    with FcgiResponder(b"", **says) as responder:
        server = mixed(httpd, f"fcgi://127.0.0.1:{responder.port}", other.url)
        answer = server.get("/", method=method, body=BODY)
        assert responder.bodies == [BODY]
    assert [request["body"] for request in other.requests()] == ([BODY] if method == "PUT" else [])
    assert answer.status == (200 if method == "PUT" else 503)
