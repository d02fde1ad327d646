# SPDX-License-Identifier: Apache-2.0
"""Failover beside mod_proxy_hcheck, HAProxy and nginx, and what watching costs a request when nothing is wrong.

Three members stand behind four front ends, each with its best settings; one fault at the same moment meets all of them,
under a load of each that does not wait for slow answers (RATE requests a second). A run takes four times --seconds: the
fault begins after the first quarter and ends after five eighths. Counted are errors that clients saw, answers that took
longer than SLOW, the 99th percentile, requests that reached the bad member while it was bad, how long it took until it
was called down, and how long after the fault's end it had its first request again. What mod_tier_health has to reach is
in GOALS. Then the child that leads the watch is killed, and the time until another one leads is taken. The second part
is the CPU time of a request through mod_proxy_balancer, with mod_tier_health watching it and without.
"""
import argparse
import datetime
import json
import os
import re
import signal
import sys
import time

from bench_lib import Bench, Unmeasurable, positive, print_table
from webtier_testing import client, process, wait_until
from webtier_testing.app import App
from webtier_testing.load import Load
from webtier_testing.ports import Reservation

RATE = 200
SLOW = 0.5
COST_GOAL = 1.02
TAKE_OVERS, TAKE_OVER_GOAL = 10, 100  # times, ms
INTERVAL = 0.1
# What no figure may be above, by fault; "": each fault.
GOALS = {"": {"errors": 0, "p99_ms": 20}, "all down": {"p99_ms": None, "back_s": 0.1},
         "kill -9": {"found_s": 0.3, "back_s": 2 * INTERVAL}, "SIGSTOP": {"found_s": 0.3, "back_s": 2 * INTERVAL},
         "500 on everything": {"back_s": 2 * INTERVAL}, "2 s slow on everything": {"back_s": 2 * INTERVAL},
         "500 on traffic": {"to_bad": 10}, "2 s slow on traffic": {"to_bad": 10}, "cut mid-body": {"to_bad": 10}}
UNITS = {"errors": "errors", "slow": "slow answers", "p99_ms": "ms p99", "to_bad": "requests to the bad member",
         "found_s": "s until down", "back_s": "s until back"}
BODY = b"fine" * 500
THREADS = "ThreadLimit 400\nThreadsPerChild 400\nMaxRequestWorkers 800\nMaxSpareThreads 800\n"
PROXY = ("proxy", "proxy_http", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests")
WATCHED = """TierHealthCheck http uri=/health interval=100ms suspect=50ms down=50ms timeout=80ms rise=2 fall=2
TierHealthRetry on
TierHealthRetryOn connect timeout empty malformed truncated 500 502 503 504
TierHealthAttemptTimeout 300ms
TierHealthEject on errors=3
TierHealthQueueTimeout 10s
TierHealthQueueMax 390"""


def balancer(urls, more="", member=""):
    lines = "\n".join(f'BalancerMember "{url}" {member}' for url in urls)
    return f'<Proxy "balancer://app">\n{lines}\n{more}\n</Proxy>\nProxyPass "/" "balancer://app/"\n'


def haproxy_conf(port, apps):
    servers = "\n".join(f"  server s{app.port} 127.0.0.1:{app.port} check inter 100ms fastinter 50ms downinter 50ms fall 2 rise 2 observe layer7 "
                        "error-limit 3 on-error mark-down" for app in apps)
    return f"""global
  maxconn 4000
defaults
  mode http
  timeout connect 300ms
  timeout server 300ms
  timeout check 80ms
  timeout client 30s
  timeout queue 10s
  retries 3
  option redispatch 1
  retry-on all-retryable-errors
  option httpchk GET /health
frontend front
  bind 127.0.0.1:{port}
  default_backend app
backend app
{servers}
"""


def nginx_conf(root, port, apps):
    servers = "\n".join(f"    server 127.0.0.1:{app.port} max_fails=1 fail_timeout=1s;" for app in apps)
    return f"""daemon off;
pid {root}/nginx.pid;
error_log {root}/error.log;
worker_processes 2;
events {{ worker_connections 2000; }}
http {{
  access_log off;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  upstream app {{
{servers}
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout 300ms; proxy_read_timeout 300ms;
      proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries 3;
    }}
  }}
}}
"""


class Peer:
    """HAProxy or nginx."""

    def __init__(self, workspace, name, apps):
        self._reservation = Reservation()
        self.port = self._reservation.port
        root = workspace.new_dir(name)
        conf = root / "conf"
        conf.write_text(haproxy_conf(self.port, apps) if name == "haproxy" else nginx_conf(root, self.port, apps))
        argv = ["haproxy", "-f", str(conf), "-db"] if name == "haproxy" else ["nginx", "-c", str(conf), "-p", str(root)]
        self._process = process.Process(argv, root, root / "output.log")

    def close(self):
        self._process.stop()
        self._reservation.close()


def everywhere(**fault):
    return lambda apps: [apps[0].behave(path, **fault) for path in (None, "/health")], heal


def in_traffic(**fault):
    return lambda apps: apps[0].behave(**fault), heal


def heal(apps):
    for app in apps:
        app.behave(body=BODY)
        app.behave("/health", body=b"healthy")


FAULTS = {
    "kill -9": (lambda apps: apps[0].kill(), lambda apps: apps[0].restart()),
    "SIGSTOP": (lambda apps: apps[0].stop(), lambda apps: apps[0].cont()),
    "500 on everything": everywhere(status=500, body=BODY),
    "500 on traffic": in_traffic(status=500, body=BODY),
    "2 s slow on everything": everywhere(delay=2.0, body=BODY),
    "2 s slow on traffic": in_traffic(delay=2.0, body=BODY),
    "cut mid-body": in_traffic(body=BODY, truncate=900),
    "flapping": (None, lambda apps: apps[0].restart()),
    "all down": (lambda apps: [app.kill() for app in apps], lambda apps: [app.restart() for app in apps]),
    "drain by health URL": (lambda apps: apps[0].behave("/health", status=503), heal),
}


def flap(apps, until):
    while time.time() < until:
        apps[0].kill()
        time.sleep(0.5)
        apps[0].restart()
        time.sleep(0.5)


class Failover:
    def __init__(self, bench, rate):
        self.bench = bench
        self.rate = rate
        self.rows = []
        self._closed = []

    def _fronts(self, apps):
        """Yields name and port."""
        urls = [app.url for app in apps]
        workspace = self.bench._workspace
        for name, conf, ours, stock in (
                ("webtier", THREADS + balancer(urls, WATCHED), ("health",), PROXY),
                ("mod_proxy_hcheck", THREADS + balancer(
                    urls, "ProxySet failonstatus=500,502,503 failontimeout=On timeout=1",
                    "retry=1 hcmethod=GET hcuri=/health hcinterval=100ms hcpasses=2 hcfails=2"), (),
                 (*PROXY, "watchdog", "proxy_hcheck"))):
            server = self.bench.httpd(conf, ours=ours, stock=stock)
            if ours:
                self.log = server.root / "error.log"
            yield name, server.port
        for name in ("haproxy", "nginx"):
            peer = Peer(workspace, name, apps)
            self._closed.append(peer)
            yield name, peer.port

    def run(self, fault, seconds):
        apps = [App(self.bench._workspace) for _ in range(3)]
        self._closed += apps
        heal(apps)
        fronts = dict(self._fronts(apps))
        for port in fronts.values():
            wait_until(lambda p=port: _answers(p), 10, interval=0.05)
        time.sleep(1)
        loads = {name: Load(self.bench._workspace, f"http://127.0.0.1:{port}", self.rate, 4 * seconds, path=f"/{name}",
                            connections=60, timeout=5)
                 for name, port in fronts.items()}
        began = time.time()
        time.sleep(seconds)
        strike, repair = FAULTS[fault]
        ends = began + 2.5 * seconds
        if strike:
            strike(apps)
            struck = time.time()
            time.sleep(max(0, ends - time.time()))
        else:
            struck = time.time()
            flap(apps, ends)
        repaired = _repair(fault, repair, apps)
        for name, load in loads.items():
            self._count(fault, name, load.join(), apps, struck, repaired)
        self.close()

    def _count(self, fault, name, report, apps, struck, repaired):
        members = apps if fault == "all down" else apps[:1]
        times = sorted(request["time"] for app in members for request in app.requests(f"/{name}"))
        # A stopped member reads what it was sent as soon as it goes on.
        ends = repaired + (0.05 if fault == "SIGSTOP" else 0)
        back = [at - repaired for at in times if at > ends]
        self.rows.append({"fault": fault, "front": name, "total": report.total, "errors": len(report.errors),
                          "slow": report.slower_than(SLOW), "p99_ms": round(1000 * report.p(99), 1),
                          "to_bad": sum(struck + 0.01 < at <= ends for at in times),
                          "found_s": self._found(apps[0], struck) if name == "webtier" else None,
                          "back_s": round(back[0], 2) if back else None})

    def _found(self, member, struck):
        """Seconds until the log says that the checks have taken the member down; None when they have not."""
        for line in self.log.read_text().splitlines():
            if "WT1001" in line and member.url in line:
                if log_time(line) > struck:
                    return round(log_time(line) - struck, 2)
        return None

    def close(self):
        while self._closed:
            self._closed.pop().close()
        self.bench._servers, servers = [], self.bench._servers
        for server in servers:
            server.close()


def _repair(fault, repair, apps):
    """Ends the fault and returns when it was over; a member that was killed is there only once it has started."""
    first = apps[:1] if fault == "all down" else apps
    began = time.time()
    repair(first)
    over = time.time() if fault in ("kill -9", "flapping", "all down") else began
    if first != apps:
        repair(apps[1:])
    return over


def _answers(port):
    try:
        return client.request(port, "/ready").status == 200
    except OSError:
        return False


def log_time(line):
    """Returns when a line of the error log was written."""
    return datetime.datetime.strptime(line[1:32], "%a %b %d %H:%M:%S.%f %Y").timestamp()


def take_over(bench):
    """The longest time from the kill -9 of the child that leads the watch until another one leads."""
    server = bench.httpd("LogLevel tier_health:info\n" + balancer(["http://127.0.0.1:1"], "TierHealthCheck tcp interval=100ms"),
                         ours=("health",), stock=PROXY)

    def elections():
        return [line for line in (server.root / "error.log").read_text().splitlines() if "WT0001" in line]
    took = []
    for number in range(1, TAKE_OVERS + 1):
        wait_until(lambda: len(process.children_of(server.pid)) == 2, 10)
        wait_until(lambda n=number: len(elections()) >= n, 10)
        time.sleep(0.2)  # the new child follows
        killed = time.time()
        os.kill(int(re.search(r"\[pid (\d+)", elections()[-1])[1]), signal.SIGKILL)
        wait_until(lambda n=number: len(elections()) > n, 10, interval=0.001)
        took.append(log_time(elections()[-1]) - killed)
    bench.figure(f"take-over after kill -9 of the leader, the worst of {TAKE_OVERS}", 1000 * max(took), "ms", TAKE_OVER_GOAL)


def cost(bench):
    """The cases of the second part."""
    members = [bench.httpd("TestFloor quick /a 1024", ours=["test_floor"]) for _ in range(2)]
    urls = [f"http://127.0.0.1:{member.port}" for member in members]
    plain = bench.case("mod_proxy_balancer", bench.httpd(balancer(urls), stock=PROXY), "/a")
    for name, conf in (("with checks", "TierHealthCheck http uri=/a"),
                       ("with checks, retry, ejection", WATCHED.replace("/health", "/a"))):
        bench.case(name, bench.httpd(balancer(urls, conf), ours=["health"], stock=PROXY), "/a", against=plain,
                   goal=COST_GOAL)


def goal(row, what):
    """Returns what the figure may not be above, None for any."""
    if row["front"] != "webtier":
        return None
    return (GOALS[""] | GOALS.get(row["fault"], {})).get(what)


def reached(row, what):
    wanted = goal(row, what)
    return wanted is None or (row[what] is not None and row[what] <= wanted)


def print_failover(rows):
    print(f"\n{'fault':24} {'front':18} {'total':>6} {'errors':>6} {'slow':>5} {'p99 ms':>8} {'to bad':>6} {'down s':>6} {'back s':>6}")
    for row in rows:
        found, back = ("-" if row[what] is None else f"{row[what]:.2f}" for what in ("found_s", "back_s"))
        missed = [UNITS[what] for what in UNITS if not reached(row, what)]
        print(f"{row['fault']:24} {row['front']:18} {row['total']:6} {row['errors']:6} {row['slow']:5} {row['p99_ms']:8.1f} "
              f"{row['to_bad']:6} {found:>6} {back:>6}{'  MISSED: ' + ', '.join(missed) if missed else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=positive, default=3)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--rate", type=positive, default=RATE, help="requests a second to each front end")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS))
    parser.add_argument("--without", choices=["failover", "cost"])
    options = parser.parse_args()
    bench = Bench("health", options)
    failover = Failover(bench, options.rate)
    try:
        if options.without != "failover":
            for fault in options.faults:
                print(f"health: {fault}", file=sys.stderr)
                failover.run(fault, options.seconds)
            take_over(bench)
        if options.without != "cost":
            cost(bench)
            bench.measure()
    except Unmeasurable as why:
        sys.exit(f"health: {why}")
    finally:
        failover.close()
        bench.close()
    report(bench, failover, options)


def report(bench, failover, options):
    if not options.json:
        print_failover(failover.rows)
        if bench.cases or bench.figures:
            print_table(bench)
        return
    for row in failover.rows:
        for what, unit in UNITS.items():
            print(json.dumps({"bench": "health", "case": f"{row['fault']}, {row['front']}", "value": row[what], "unit": unit,
                              "against": None, "goal": goal(row, what), "ok": reached(row, what)}))
    for row in bench.rows():
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
