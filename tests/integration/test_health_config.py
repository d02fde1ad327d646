# SPDX-License-Identifier: Apache-2.0
"""Directives that cannot be meant: `httpd -t` names the directive, the value and what is allowed."""
import pytest
from health_support import balancer
from webtier_testing import httpd_conf

MEMBER = "http://127.0.0.1:8080"

WRONG = {
    "https uri=/": ['TierHealthCheck: "https" is neither http nor tcp', "setting=value"],
    "http uri=health": ['uri "health" cannot be used', "begins with /"],
    'http "uri=/a b"': ['uri "/a b" cannot be used', "visible ASCII"],
    "http uri=*": ["uri=* goes with method=OPTIONS only"],
    "http method=POST": ['method "POST" cannot be used', "allowed are GET, HEAD and OPTIONS"],
    "http interval=20ms": ['interval "20ms" is too small', "50ms"],
    "http interval=fast": ['interval "fast" is not a time'],
    "http interval=2h": ['interval "2h" is too large', "1h"],
    "http timeout=1ms": ['timeout "1ms" is too small', "5ms"],
    "http interval=1s timeout=2s": ["timeout=2s is longer than interval=1s", "may be up to interval"],
    "http rise=0": ['rise "0" is too small', "from 1 to 1000"],
    "http fall=many": ['fall "many" is not a number', "from 1 to 1000"],
    "http status=200-": ['status "200-" cannot be used', "100 to 599"],
    "http status=600": ['status "600" cannot be used', "100 to 599"],
    "http status=": ['status "" cannot be used'],
    'http "host=a b"': ['host "a b" cannot be used', "a host name or address"],
    "http colour=red": ['there is no setting "colour"', "uri, method, host, status, interval, timeout, rise and fall"],
    "tcp uri=/health": ['uri "/health" has no meaning with tcp'],
    "tcp colour=red": ['there is no setting "colour"', "interval, timeout, rise and fall"],
}


@pytest.mark.parametrize("check", WRONG)
def test_wrong_value(httpd, check):
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER], check))
    assert code != 0 and "TierHealthCheck" in text
    for words in WRONG[check]:
        assert words in text


def test_outside_of_a_section(httpd):
    code, text = httpd.check(modules=["health"], vhost="TierHealthCheck http")
    assert code != 0 and "TierHealthCheck not allowed in <VirtualHost> context" in text


@pytest.mark.parametrize("vhost", [
    '<Location "/">\nTierHealthCheck http\n</Location>',
    '<Proxy "*">\nTierHealthCheck http\n</Proxy>',
    '<Proxy "balancer://*">\nTierHealthCheck http\n</Proxy>',
    '<ProxyMatch "balancer://app">\nTierHealthCheck http\n</ProxyMatch>',
    f'<Proxy "{MEMBER}">\nTierHealthCheck http\n</Proxy>',
])
def test_wrong_place(httpd, vhost):
    code, text = httpd.check(modules=["health"], vhost=vhost)
    assert code != 0
    assert 'TierHealthCheck: allowed only directly in a section of one balancer, <Proxy "balancer://name">' in text


def test_twice(httpd):
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER], "http\nTierHealthCheck tcp"))
    assert code != 0 and "balancer://app has one already" in text


@pytest.mark.parametrize("member", ["https://127.0.0.1:8443", "ajp://127.0.0.1:8010", "fcgi://127.0.0.1:9000"])
def test_http_probes_of_other_protocols(httpd, member):
    code, text = httpd.check(modules=["health"], vhost=balancer([member], "http"))
    assert code != 0 and "WT1010: TierHealthCheck http" in text
    assert f"member {member} of balancer://app speaks {member.partition(':')[0]}" in text
    assert httpd.check(modules=["health"], vhost=balancer([member], "tcp"))[0] == 0


def test_nothing_to_check(httpd):
    code, text = httpd.check(modules=["health"], vhost=balancer([]))
    assert code == 0 and "WT1012" in text and "balancer://app has no BalancerMember" in text


def test_both_health_checks(httpd):
    site = balancer([MEMBER]).replace(f'"{MEMBER}"', f'"{MEMBER}" hcmethod=TCP')
    code, text = httpd.check(modules=["health"], extra=["proxy_hcheck"], vhost=site)
    assert code == 0 and "WT1011" in text and f"member {MEMBER} of balancer://app has an hcmethod too" in text


def test_times_that_mod_proxy_misreads(httpd):
    site = balancer([MEMBER]).replace(f'"{MEMBER}"', f'"{MEMBER}" retry=1 timeout=300ms')
    code, text = httpd.check(modules=["health"], vhost=site)
    assert code == 0 and "WT1009: BalancerMember at " in text
    assert "mod_proxy reads timeout=300ms as seconds" in text


def test_without_mod_proxy(httpd):
    stock = [name for name in httpd_conf.STOCK if "proxy" not in name and "lbmethod" not in name]
    server = httpd(modules=["health"], stock=stock)
    assert server.get("/").status in (403, 404)


def test_without_mod_proxy_balancer(httpd):
    stock = [name for name in httpd_conf.STOCK if name != "proxy_balancer" and "lbmethod" not in name]
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER]), stock=stock)
    assert code != 0 and "WT1013: TierHealthCheck needs mod_proxy_balancer" in text


def test_everything_said(httpd):
    check = ('http method=OPTIONS "uri=*" host=[::1]:80 status=200,204,301-302 interval=50ms timeout=50ms rise=1000 '
             "fall=1")
    assert httpd.check(modules=["health"], vhost=balancer([MEMBER], check))[0] == 0


def test_loaded_and_not_used(httpd):
    server = httpd(modules=["health"])
    assert server.get("/").status in (403, 404) and server.log_lines("WT1") == []
