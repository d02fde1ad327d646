# SPDX-License-Identifier: Apache-2.0
"""Directives of mod_tier_reproxy: what httpd -t says of wrong ones, and how sections add up."""
import pytest
from reproxy_support import placed, reproxying, says
from webtier_testing import pattern

WRONG = {
    "TierReproxyAllow 10.0.0.0/33": "10.0.0.0/33", "TierReproxyAllow 10.0.0.1:0": "10.0.0.1:0",
    "TierReproxyAllow host/8": "host/8", "TierReproxyAllow [::1": "[::1", "TierReproxyAllow a:70000": "a:70000",
    "TierReproxyAllow http://a/": "http://a/", "TierReproxyAllow 10.0.0.1/": "10.0.0.1/",
    "TierReproxyTimeout first=5sx": "first", "TierReproxyTimeout last=5s": "last=5s",
    "TierReproxyTimeout connect=1ms": "connect", "TierReproxyHeader url": "names no field",
    "TierReproxyHeader place X": "place", 'TierReproxyHeader url "X Y"': "X Y",
    "TierReproxyStorageFields Set-Cookie": "Set-Cookie", "TierReproxyStorageFields Location": "Location",
    "TierReproxyMap private /srv": "private", "TierReproxyMap /private srv": "srv",
    "TierReproxyMap /private http:///": "http:///", "TierReproxyResume maybe": "maybe",
    "TierReproxyHedge 5sx": "5sx", "TierReproxyRedirects 6": "6", "TierReproxyCache 0": "0",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_named(httpd, line):
    status, text = httpd.check(modules=["reproxy"], conf=line)
    assert status != 0 and line.split()[0] in text and WRONG[line] in text, text


def test_right_lines(httpd):
    status, text = httpd.check(modules=["reproxy"], conf="""
        TierReproxyAllow 10.0.0.0/8 10.0.0.1:* [fd00::]/8:80 host.example.com:7500 none
        TierReproxyFileRoot /srv/files relative none
        TierReproxyTimeout connect=50ms first=2s
        TierReproxyTimeout stall=1min
        TierReproxyHedge 50ms
        TierReproxyHeader path none
        TierReproxyStorageFields none
        TierReproxyCache off
        """)
    assert status == 0, text


def test_the_cache_is_the_whole_server_s(httpd):
    status, text = httpd.check(modules=["reproxy"], vhost="TierReproxyCache 10")
    assert status != 0 and "TierReproxyCache" in text


def test_a_section_s_list_takes_the_place_of_the_outer_one(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=100))
    s = reproxying(httpd, a, node, more=f"""
        <Location /closed>
            TierReproxyAllow none
        </Location>
        <Location /off>
            TierReproxy off
        </Location>
        <Location /closed/open>
            TierReproxyAllow 127.0.0.1:{node.port}
        </Location>
        """)
    s.allow_log("WT3003", "WT3011")
    assert s.get("/x").body == pattern(100) and s.get("/closed/open").body == pattern(100)
    assert s.get("/closed").status == 502 and s.get("/off").body == b"the application's own body\n"


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms(httpd, app, nginx, mpm):
    a, first, second = app(), nginx(), nginx()
    says(a, *placed([first, second], size=100_000))
    s = reproxying(httpd, a, first, second, mpm=mpm, more="TierReproxyHedge 50ms")
    report = s.load(rate=100, seconds=0.4, path="/x", expect_body=pattern(100_000)).join()
    assert not report.errors, report
    first.stop()
    assert s.get("/x").body == pattern(100_000)
    first.cont()


def test_a_graceful_restart_keeps_what_is_known_and_breaks_nothing(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=50_000))
    s = reproxying(httpd, a, node)
    load = s.load(rate=100, seconds=1.2, path="/x", expect_body=pattern(50_000))
    s.graceful()
    s.graceful()
    report = load.join()
    assert not report.errors, report
