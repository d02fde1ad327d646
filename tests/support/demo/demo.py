# SPDX-License-Identifier: Apache-2.0
"""A whole tier on 127.0.0.1: what build/demo shows. See there for the options."""
import collections
import http.client
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from traffic import Traffic  # noqa: E402
from webtier_testing import PROXY_FAULTS, Session, scale, wait_until  # noqa: E402
from webtier_testing.stage import Stage  # noqa: E402
from webtier_testing.workspace import Workspace  # noqa: E402

RATE = 200
CLIENTS = 20
BEFORE_FAULT = 0.7
AFTER_FAULT = 1.5
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

SERVER = """
TierCacheServer {memcached}
TierCacheTimeout 1s
"""
SITE = """
<Proxy "balancer://application">
{members}
    TierHealthCheck http uri=/health interval=250ms timeout=250ms rise=2 fall=2
    TierHealthRetry on
</Proxy>
ProxyPass "/" "balancer://application/"
TierCache On
<Location "/tier-status">
    SetHandler tier-status
</Location>
"""


class Failed(Exception):
    """Something that the demonstration claims is not so."""


def say(text=""):
    print(text, flush=True)


def check(claim, text):
    """Prints what was measured; ends the demonstration when it is not what is claimed."""
    if not claim:
        raise Failed(f"this is not so: {text}")
    say(f"   {text}")


def several(count, noun):
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Tier:
    """The servers of the demonstration."""

    def __init__(self, stage):
        self.memcached = stage.memcached()
        self.apps = [stage.app() for _ in range(3)]
        for number, app in enumerate(self.apps, 1):
            app.behave("/page", body=f"made by application server {number}\n", headers={"Cache-Control": "max-age=60"})
        members = "\n".join(f'    BalancerMember "{app.url}"' for app in self.apps)
        self.conf = SERVER.format(memcached=self.memcached.server).strip()
        self.site = SITE.format(members=members).strip()
        self.httpd = stage.httpd(modules=["health", "cache", "status"], conf=self.conf, vhost=self.site)
        # Killing an application server makes mod_proxy say so; every other warning is a failure.
        self.httpd.allow_log(*PROXY_FAULTS)

    def introduce(self, directory):
        say(f"Started, all on 127.0.0.1, all files in {directory}:")
        for number, app in enumerate(self.apps, 1):
            say(f"   application server {number}  port {app.port}, process {app.pid}")
        say(f"   memcached             port {self.memcached.port}, process {self.memcached.pid}")
        say(f"   httpd                 port {self.httpd.port}, process {self.httpd.pid}, "
            "with mod_tier_health, mod_tier_cache and mod_tier_status")
        say("Its configuration beside the LoadModule lines:")
        for line in f"{self.conf}\n{self.site}".splitlines():
            say(f"   | {line}")

    def status(self):
        """Returns what the status page knows, from its JSON."""
        answer = self.httpd.get("/tier-status/json")
        if answer.status != 200:
            raise Failed(f"the status page answered {answer.status}")
        return json.loads(answer.body)

    def member(self, app):
        """Returns what the status page knows of one application server."""
        for balancer in self.status()["modules"]["health"]["balancers"]:
            for member in balancer["members"]:
                if member["url"].rstrip("/") == app.url:
                    return member
        raise Failed(f"the status page does not know {app.url}")

    def asked(self, path):
        """Returns how often the application servers were asked for path, together."""
        return sum(app.count(path) for app in self.apps)


def by_server(tier, visits):
    """Returns how many answers each application server gave, as text."""
    counts = collections.Counter(one.server for one in visits if not one.failed)
    return ", ".join(str(counts[str(app.port)]) for app in tier.apps)


def is_up(tier, app):
    if not app.running():
        raise Failed(f"the application server {app.url} has ended")
    return tier.member(app)["state"] == "up"


def show_balancing(tier):
    say("\n1. The application servers share the work")
    for app in tier.apps:
        wait_until(lambda app=app: is_up(tier, app), what=f"{app.url} being up")
    with Session(tier.httpd.port) as session:
        servers = [session.get("/").headers["X-App"] for _ in range(60)]
    counts = [servers.count(str(app.port)) for app in tier.apps]
    check(min(counts) > 0, f"60 requests, 60 answers: {counts[0]}, {counts[1]} and {counts[2]} by the three servers")
    mood = tier.status()["mood"]
    check(mood == "good", f"the status page says: {mood}")


def show_cache(tier):
    say("\n2. The cache answers for them")
    first = tier.httpd.get("/page")
    check(tier.asked("/page") == 1, f"the first request for /page took an application server's time: "
          f"Cache-Status: {first.headers['Cache-Status']}")
    # The client has its answer before it is stored; who asks meanwhile waits for that, and does not count as a hit.
    wait_until(lambda: "hit" in tier.httpd.get("/page").headers["Cache-Status"], what="a hit")
    with Session(tier.httpd.port) as session:
        answers = [session.get("/page") for _ in range(200)]
    check(all(answer.body == first.body for answer in answers), "200 more: 200 times the same body")
    check(all("hit" in answer.headers["Cache-Status"] for answer in answers),
          f"                  200 times a hit, the last one Cache-Status: {answers[-1].headers['Cache-Status']}")
    check(tier.asked("/page") == 1, f"the application servers were asked {tier.asked('/page')} time, by the first")
    items = tier.memcached.stats()["curr_items"]
    check(items > 0, f"memcached keeps {several(items, 'item')} for every web box; what is asked for often comes "
          "from httpd's own shared memory")


def show_fault(tier):
    victim = tier.apps[1]
    say(f"\n3. An application server dies: {RATE} requests a second on {CLIENTS} connections, kill -9 {victim.pid}")
    traffic = Traffic(tier.httpd.port, "/", RATE, CLIENTS)
    try:
        time.sleep(BEFORE_FAULT)
        killing = time.monotonic()
        victim.kill()
        killed = time.monotonic()
        dropped = wait_until(lambda: (member := tier.member(victim))["state"] == "down" and member,
                             what="mod_tier_health dropping the dead server")
        noticed = time.monotonic() - killing
        time.sleep(AFTER_FAULT)
    finally:
        visits = traffic.stop()
    judge_fault(tier, visits, killing, killed)
    check(noticed < scale(2), f"mod_tier_health had dropped it {noticed * 1e3:.0f} ms after the kill: {dropped['last_result']}")
    status = tier.status()
    check(status["mood"] == "degraded", f"the status page says: {status['mood']}")
    hit = tier.httpd.get("/page").headers["Cache-Status"]
    check("hit" in hit and tier.asked("/page") == 1, f"the cache still answers /page: Cache-Status: {hit}")


def judge_fault(tier, visits, killing, killed):
    """Every request must be answered, also what was in the killed server's hands: it is asked of another one."""
    held = [one for one in visits if one.began < killed and one.ended > killing]
    failed = [one for one in visits if one.failed]
    after = [one for one in visits if one.began >= killed]
    slowest = max(one.ended - one.began for one in after)
    for one in failed[:5]:
        say(f"   failed, {one.began - killed:.3f} s after the kill: {one.status or one.error}")
    check(not failed, f"{len(visits)} requests, {len(failed)} failed; {len(after)} of them began after the kill, "
          f"the slowest took {slowest * 1e3:.1f} ms")
    again = sum(one.again for one in visits)
    if again:
        say(f"   {again} of them asked twice, as browsers do: httpd closed a connection when the server behind it died")
    say(f"   {len(held)} were under way in the instant of the kill, and were answered too")
    say(f"   answered by the three servers: {by_server(tier, visits)}; after the kill: {by_server(tier, after)}")


def show_return(tier):
    victim = tier.apps[1]
    say("\n4. It comes back")
    started = time.monotonic()
    victim.restart()
    wait_until(lambda: tier.member(victim)["state"] == "up", what="mod_tier_health taking the server back")
    back = time.monotonic() - started
    with Session(tier.httpd.port) as session:
        def share():
            return [session.get("/").headers["X-App"] for _ in range(30)].count(str(victim.port))
        served = wait_until(share, what="requests to the server that is back")
    check(served > 0, f"started anew, and back in service {back * 1e3:.0f} ms later; of 30 requests it answers {served}")
    mood = tier.status()["mood"]
    check(mood == "good", f"the status page says: {mood}")


def show(tier, directory, once):
    tier.introduce(directory)
    show_balancing(tier)
    show_cache(tier)
    show_fault(tier)
    show_return(tier)
    say("\nEverything above was measured just now, and is as it should be.")
    if not once:
        say(f"\n   the site    {tier.httpd.url}/page\n   its status  {tier.httpd.url}/tier-status"
            f"\n   as JSON     {tier.httpd.url}/tier-status/json\n   metrics     {tier.httpd.url}/tier-status/metrics"
            "\nIt stays up until Ctrl-C; kill and stop servers by their process ids and watch the status.")
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        signal.sigwait(ENDING)
        say("\nEnding the servers, removing their files.")


def interrupt(number, _frame):
    # One is enough: the servers are ended in order.
    for ignored in ENDING:
        signal.signal(ignored, signal.SIG_IGN)
    raise SystemExit(128 + number)


def run(once):
    """Returns the exit status."""
    workspace = Workspace()
    stage = Stage(workspace)
    status = 1
    try:
        show(Tier(stage), workspace.path, once)
        # httpd's event MPM can crash when it is told to stop while it closes a connection.
        time.sleep(0.2)
        status = 0
    except (Failed, KeyError, RuntimeError, OSError, http.client.HTTPException) as error:
        say(f"\nFAILED: {error}")
    finally:
        problems = stage.end()
        workspace.remove()
    for problem in problems:
        say(f"FAILED: {problem}")
    return 1 if problems else status


def main():
    if sys.argv[1:] not in ([], ["--once"]):
        sys.exit("usage: demo.py [--once]")
    for number in ENDING:
        signal.signal(number, interrupt)
    sys.exit(run("--once" in sys.argv))


if __name__ == "__main__":
    main()
