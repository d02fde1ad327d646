# SPDX-License-Identifier: Apache-2.0
"""Directives that cannot be meant: `httpd -t` names the directive, the value and what is allowed."""
import pytest
from health_support import balancer
from webtier_testing import httpd_conf

MEMBER = "http://127.0.0.1:8080"

WRONG = {
    "ftp uri=/": ['TierHealthCheck: "ftp" is neither a kind of probe (http, https, tcp, tls, redis, memcached, agent, '
                  'mysql, command) or the name of a TierHealthCheckTemplate', "setting=value"],
    "http uri=health": ['uri "health" cannot be used', "begins with /"],
    'http "uri=/a b"': ['uri "/a b" cannot be used', "visible ASCII"],
    "http uri=*": ["uri=* goes with method=OPTIONS only"],
    'http "method=GET /"': ['method "GET /" cannot be used', "any method of HTTP but CONNECT"],
    "http method=CONNECT": ['method "CONNECT" cannot be used'],
    "http method=HEAD body=ok": ["body=, match= and drain-body= do not go with method=HEAD"],
    'http "header=Host: x"': ['header "Host: x" cannot be used', "Host has its own setting"],
    "http header=X": ['header "X" cannot be used', "Name: value"],
    "http match=a(b": ['match "a(b" cannot be used', "it is not a regular expression", "at character 4"],
    "http body=": ['body "" cannot be used', "1 to 1024 characters"],
    "http limit=10": ['limit "10" is too small'],
    "http limit=2M": ['limit "2M" is too large'],
    "http suspect=10ms": ['suspect "10ms" is too small', "50ms"],
    "http down=2h": ['down "2h" is too large', "1h"],
    "http initial=out": ['initial "out" cannot be used', "allowed are checking, up and down"],
    "http port=0": ['port "0" is too small'],
    "http port=65536": ['port "65536" is too large'],
    "http address=a/b": ['address "a/b" cannot be used'],
    "http ca=x.pem": ['ca "x.pem" has no meaning with http; it goes with https, tls'],
    "https verify=maybe": ['verify "maybe" cannot be used', "allowed are on, off"],
    "https ca=/no-such-file": ["TierHealthCheck: no authorities can be read from /no-such-file"],
    "https cert=/no-such-file": ["TierHealthCheck: no certificate can be read from /no-such-file"],
    "tcp user=x": ['user "x" has no meaning with tcp; it goes with redis, mysql'],
    "redis passwordfile=/dev/null": ["the first line of the file must be a password of 1 to 512 characters"],
    "redis user=x": ["user= goes with passwordfile= only"],
    "mysql": ["mysql needs user="],
    "mysql user=x expect=1": ["expect= goes with query= only"],
    "mysql user=x passwordfile=/no-such-file": ['passwordfile "/no-such-file" cannot be used', "cannot be opened"],
    "agent": ["agent needs port="],
    "command": ["command needs run="],
    "command run=true": ['run "true" cannot be used', "the whole path of a program"],
    "command run=/no/such/program": ["a program that can be run"],
    "off": ["off goes with member= only"],
    f"off member={MEMBER} rise=2": ["off goes with member= only"],
    f"http member={MEMBER}\nTierHealthCheck tcp member={MEMBER}": [f"member {MEMBER} of balancer://app has one already"],
    "http interval=20ms": ['interval "20ms" is too small', "50ms"],
    "http interval=fast": ['interval "fast" is not a time'],
    "http interval=2h": ['interval "2h" is too large', "1h"],
    "http timeout=1ms": ['timeout "1ms" is too small', "5ms"],
    "http interval=1s timeout=2s": ["timeout=2s is longer than interval=1s", "may be up to interval"],
    "http rise=0": ['rise "0" is too small', "from 1 to 1000"],
    "http fall=many": ['fall "many" is not a number', "from 1 to 1000"],
    "http status=200-": ['status "200-" cannot be used', "100 to 599"],
    "http drain-header=X-Health": ['drain-header "X-Health" cannot be used', "Name: value"],
    "http method=HEAD drain-body=x": ["drain-body=", "method=HEAD"],
    "tcp drain-body=x": ['drain-body "x" has no meaning with tcp', "http, https"],
    "http drain=": ['drain "" cannot be used', "100 to 599"],
    "http status=600": ['status "600" cannot be used', "100 to 599"],
    "http status=": ['status "" cannot be used'],
    'http "host=a b"': ['host "a b" cannot be used', "a host name or address"],
    "http colour=red": ['there is no setting "colour"', "allowed with http are uri, method, host, header, status, drain, drain-header, drain-body, body"],
    "tcp uri=/health": ['uri "/health" has no meaning with tcp'],
    "tcp colour=red": ['there is no setting "colour"', "allowed with tcp are address, port, interval, suspect, down, timeout"],
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


def test_https_probes(httpd):
    member = "https://127.0.0.1:8443"
    assert httpd.check(modules=["health"], vhost=balancer([member], "https"))[0] == 0
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER], "https"))
    assert code != 0 and "speaks http, which https probes do not; use TierHealthCheck http" in text
    # Where the probe goes elsewhere, the member's own protocol does not matter.
    assert httpd.check(modules=["health"], vhost=balancer([MEMBER], "https port=8443"))[0] == 0
    assert httpd.check(modules=["health"], vhost=balancer([member], "tls"))[0] == 0


TEMPLATES = {
    "http uri=/": ['TierHealthCheckTemplate: "http" cannot be a name'],
    "off http": ['"off" cannot be a name'],
    '"a b" http': ['"a b" cannot be a name'],
    "": ['"" cannot be a name'],
    "web http\nTierHealthCheckTemplate web tcp": ['there is a template "web" already'],
    "web http uri=x": ['TierHealthCheckTemplate: uri "x" cannot be used'],
    "web http member=x": ['TierHealthCheckTemplate: there is no setting "member"'],
    "web ftp": ['"ftp" is neither a kind of probe'],
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_wrong_templates(httpd, template):
    code, text = httpd.check(modules=["health"], conf=f"TierHealthCheckTemplate {template}",
                             vhost=balancer([MEMBER], "tcp"))
    assert code != 0
    for words in TEMPLATES[template]:
        assert words in text


def test_template_after_its_use(httpd):
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER], "web") + "TierHealthCheckTemplate web http")
    assert code != 0 and '"web" is neither a kind of probe' in text


def test_member_that_is_none(httpd):
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER], "tcp member=http://127.0.0.1:8081"))
    assert code == 0 and "WT1016: TierHealthCheck member=http://127.0.0.1:8081 at " in text


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
