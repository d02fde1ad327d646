# SPDX-License-Identifier: Apache-2.0
"""A balancer of members that do anything: each client gets its own answer, whole, and nothing that is not idempotent is done twice.

WEBTIER_ADVERSARY="SEED SECONDS" lets it go on for longer, with the choices of that seed.
"""
import os
import random

import pytest
from adversary_members_support import Changer, Client, Members
from adversary_server import run_all
from webtier_testing import wait_until
from webtier_testing.ports import Reservation

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 2").split()


@pytest.fixture
def dead():
    """The URL of a member that is never there."""
    reservation = Reservation()
    yield f"http://127.0.0.1:{reservation.port}"
    reservation.close()


def test_members(httpd, dead):
    with Members(SEED) as members:
        lines = "\n".join(f"BalancerMember {url} retry=1" for url in (*members.urls.values(), dead))
        server = httpd(modules=["health", "cache", "assets", "linger"], extra=["proxy_fcgi"], conf="TierLinger on", vhost=f"""
            <Proxy balancer://app>
                {lines}
                TierHealthRetry on
                TierHealthEject on errors=3 time=1s max=3s share=50%
                TierHealthHedge on
                TierHealthPanic 30%
                TierHealthQueueTimeout 1s
                TierHealthAttemptTimeout 300ms
            </Proxy>
            ProxyTimeout 2
            TierCache on
            TierAssetsRewrite on
            TierAssetsMap /assets/ /static/
            ProxyPass / balancer://app/""")
        server.allow_log(r"^(?!.*exit signal)")  # what is said of such members is not judged here
        clients = [Client(server.port, members, number, random.Random(f"{SEED} {number}"), float(SECONDS)) for number in range(4)]
        assert run_all([*clients, Changer(members, random.Random(SEED), float(SECONDS))]) == []
        members.modes.update(dict.fromkeys(members.modes, "well"))
        wait_until(lambda: [server.get("/?s=10", headers={"X-Name": "last"}).status for _ in range(8)] == [200] * 8)
