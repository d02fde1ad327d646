# SPDX-License-Identifier: Apache-2.0
"""Each attempt asks for the URL that mod_proxy_balancer alone would ask for: encoded as it was, with the query."""
import pytest
from health_retry_support import ATTEMPT_FAULTS, RETRY

PATHS = ["x?a=1&b=%20", "x?", "x", "a%20b%2520c?q=%0d%0aX", "%c3%a4;v=1/b?%23", "a%22%3c%3e%7c?p=/a//b", "deep/path/?" + "k=v&" * 400]

WAYS = {
    "ProxyPass": "ProxyPass /{0}/ balancer://{0}/",
    "ProxyPass nocanon": "ProxyPass /{0}/ balancer://{0}/ nocanon",
    "ProxyPassMatch": "ProxyPassMatch ^/{0}/(.*)$ balancer://{0}/$1",
    "RewriteRule": "RewriteEngine on\n RewriteRule ^/{0}/(.*)$ balancer://{0}/$1 [P]",
    "RewriteRule noescape": "RewriteEngine on\n RewriteRule ^/{0}/([a-z]*)$ balancer://{0}/$1?own=%2520 [P,QSA,NE]",
    "SetHandler": "<Location /{0}/>\n SetHandler proxy:balancer://{0}\n </Location>",
}


def balancer(name, members, base, more=""):
    lines = "\n".join(f"BalancerMember {one.url}{base}" for one in members)
    return f"<Proxy balancer://{name}>\n{lines}\n{more}\n</Proxy>\n"


@pytest.mark.parametrize("base", ["", "/base"])
@pytest.mark.parametrize("way", WAYS)
def test_every_attempt_has_the_same_url(httpd, app, way, base):
    stock, *tried = [app(status=500) for _ in range(3)]
    server = httpd(modules=["health"], vhost=balancer("stock", [stock], base) + balancer("retry", tried, base, RETRY) +
                   "AllowEncodedSlashes NoDecode\n" + "\n".join(WAYS[way].format(name) for name in ("stock", "retry")))
    server.allow_log(*ATTEMPT_FAULTS)
    for path in PATHS:
        statuses = {server.get(f"/{name}/{path}").status for name in ("stock", "retry")}
        assert len(statuses) == 1, (path, statuses)
    wanted = [request["path"].replace("stock", "retry", 1) for request in stock.requests()]
    assert len(wanted) >= 1 and any("?" in url for url in wanted)
    for one in tried:
        assert [request["path"] for request in one.requests()] == wanted


@pytest.mark.parametrize("panic", ["", "TierHealthPanic 100%"])
def test_control_characters_reach_no_member(httpd, app, panic):
    """Decoded, they would end the request line and begin a request of the client's own."""
    members = [app(status=500), app(status=500)]
    server = httpd(modules=["health"], vhost=balancer("app", members, "", f"{RETRY}\n{panic}") +
                   "ProxyPass / balancer://app/")
    server.allow_log(*ATTEMPT_FAULTS, "AH10419", "AH10420")
    answer = server.get("/a%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0aGET%20/secret")
    assert answer.status in (403, 500)
    asked = [request["path"] for one in members for request in one.requests()]
    assert not any("secret" in path and "%" not in path for path in asked), asked
    assert len({*asked}) <= 1


def test_a_location_overrules_the_section_of_set_handler(httpd, app):
    members = [app(status=500), app(status=500)]
    server = httpd(modules=["health"], vhost=balancer("app", members, "", RETRY) + """
        <Location /once>
            SetHandler proxy:balancer://app
            TierHealthRetry off
        </Location>
        <Location /twice>
            SetHandler proxy:balancer://app
        </Location>""")
    server.allow_log(*ATTEMPT_FAULTS)
    for path, attempts in (("/once", 1), ("/twice", 2)):
        for one in members:
            one.clear()
        assert server.get(path).status == 500
        assert sum(one.count() for one in members) == attempts
