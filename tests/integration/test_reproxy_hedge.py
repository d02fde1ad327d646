# SPDX-License-Identifier: Apache-2.0
"""A second copy is asked when the first is slow."""
from reproxy_support import node_of, reproxying, says, told
from webtier_testing import pattern


def test_the_faster_copy_delivers(httpd, app):
    a, first, second = app(), app(size=1000), app(size=1000)
    says(a, f"{first.url}/f", f"{second.url}/f")
    s = reproxying(httpd, a, first, second, more="TierReproxyHedge 30ms\nTierReproxyTimeout first=5s")
    with s.session() as session:
        for _ in range(30):
            assert session.get("/x").body == pattern(1000)
        asked = second.count()
        first.behave(size=1000, delay=1)
        answer = session.get("/x")
        assert answer.body == pattern(1000)
        counts = told(s)
        assert counts["hedged"] > asked and counts["hedge_won"] >= 1
        # The faster one's answer is not of use: the slower one's is waited for.
        second.behave(status=500)
        assert session.get("/x").body == pattern(1000)
        assert node_of(s, second)["failed_status"] >= 1


def test_off_means_one_question(httpd, app):
    a, first, second = app(), app(size=1000, delay=0.1), app(size=1000)
    says(a, f"{first.url}/f", f"{second.url}/f")
    s = reproxying(httpd, a, first, second)
    for _ in range(3):
        s.get("/x")
    assert second.count() == 0
