# SPDX-License-Identifier: Apache-2.0
"""What the tests of the hedge share: a balancer that asks its first member nearly always first."""
import contextlib
import threading

from health_retry_support import ATTEMPT_FAULTS, traffic
from health_support import PAGES
from webtier_testing import wait_until

# Waits as short as can be, and as many second attempts as there are requests.
HEDGE = "TierHealthHedge on least=1ms share=100%"
LOG = 'LogFormat "%m %U %s %{TIER_HEALTH_HEDGE}e %{BALANCER_WORKER_NAME}e" hedges\nCustomLog hedges.log hedges\n'
# Counts that the time within which answers come is known from.
ENOUGH = 110


def hedging(httpd, members, more=HEDGE, prime=ENOUGH, modules=("health", "status"), **settings):
    """Starts an httpd whose balancer has the members, of which the first one has nearly all first attempts.

    A member may also be text, its URL and options. A hundred requests in a row go to it, one to another member, so that the forty after prime go to it, too.
    """
    lines = "\n".join(f'    BalancerMember {getattr(member, "url", member)} loadfactor={1 if number else 100}'
                      for number, member in enumerate(members))
    server = httpd(modules=[*modules], vhost=f"""{LOG}
<Proxy "balancer://app">
{lines}
    {more}
</Proxy>
{PAGES}
ProxyPass "/" "balancer://app/"
""", **settings)
    server.allow_log(*ATTEMPT_FAULTS)
    if prime:
        primed(server, prime)
    return server


def primed(server, count=ENOUGH):
    with server.session() as session:
        for _ in range(count):
            assert session.get("/prime").status == 200
    if traffic(server)["hedge_quantile"] == 0:
        # It is asked for with each request, and known from a hundred on.
        assert server.get("/prime").status == 200


def logged(server, path, count=1):
    """Waits for the lines of a path in the log, and returns what they say: pairs of who answered ("first", "second"
    or "-": nobody was asked beside the first) and the member's name."""
    def lines():
        with contextlib.suppress(FileNotFoundError):
            found = (server.root / "hedges.log").read_text().splitlines()
            return [line.split()[3:] for line in found if line.split()[1] == path]
        return []
    wait_until(lambda: len(lines()) >= count)
    return [tuple(line) for line in lines()]


class Asked:
    """A request under way."""

    def __init__(self, server, path="/x"):
        self._replies = []
        self._thread = threading.Thread(target=lambda: self._replies.append(server.get(path, timeout=25)))
        self._thread.start()

    def reply(self):
        self._thread.join()
        return self._replies[0]
