# SPDX-License-Identifier: Apache-2.0
"""A thousand members probed by mod_tier_health and by HAProxy: CPU a check, and how late the checks are.

The members are addresses of 127/8 on which one nginx answers; of those that hang the kernel accepts the connections
and nobody says a word. The probers take turns. The times of a member's checks are nginx's, to the millisecond;
lateness is how far the time between two of them is from the interval.
"""
import argparse
import collections
import contextlib
import json
import os
import resource
import socket
import statistics
import sys
import time

from bench_lib import Httpd, Unmeasurable, cpu_us, positive, process, settings, wait_until
from webtier_testing.ports import Reservation
from webtier_testing.workspace import Workspace

MEMBERS = 1000
HUNG = 200
UNITS = {"cpu": "CPU us/check", "checks": "answered checks/s", "hanging": "hanging checks/s", "p50": "ms late p50", "p99": "ms late p99",
         "max": "ms late max", "share": "CPU ratio"}
GOAL_CPU, GOAL_LATE = 0.7, 5  # of HAProxy's CPU a check; ms
ADDRESSES = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(MEMBERS)]
PROXY = ("proxy", "proxy_http", "proxy_balancer", "slotmem_shm", "lbmethod_byrequests")


class Nginx:
    """Answers on all addresses that do not hang, and logs when."""

    def __init__(self, workspace, port, addresses):
        self.root = workspace.new_dir("nginx")
        self.log = self.root / "access.log"
        listens = "\n".join(f"listen {address}:{port};" for address in addresses)
        (self.root / "nginx.conf").write_text(f"""
            daemon off; master_process off; worker_rlimit_nofile 16384; pid {self.root}/pid;
            error_log {self.root}/error.log crit;
            events {{ worker_connections 8192; }}
            http {{
                log_format probe "$server_addr $msec";
                keepalive_timeout 60;
                access_log {self.log} probe buffer=64k flush=200ms;
                client_body_temp_path {self.root}/body; proxy_temp_path {self.root}/proxy;
                fastcgi_temp_path {self.root}/fastcgi; uwsgi_temp_path {self.root}/uwsgi;
                scgi_temp_path {self.root}/scgi;
                server {{ {listens} location / {{ return 204; }} }}
            }}""")
        self._process = process.Process([settings.program("nginx"), "-p", str(self.root), "-c",
                                         str(self.root / "nginx.conf")], self.root, self.root / "output.log")
        wait_until(lambda: not self._process.running() or self.log.exists(), 10)
        if not self._process.running():
            raise Unmeasurable("nginx did not start:\n" + (self.root / "output.log").read_text())

    def times(self):
        """The times of the checks so far, in seconds, by address."""
        time.sleep(0.5)  # the buffer
        found = collections.defaultdict(list)
        for line in self.log.read_text().splitlines():
            address, when = line.split()
            found[address].append(float(when))
        return found

    def close(self):
        self._process.stop()


class Haproxy:
    def __init__(self, workspace, port, interval):
        self.root = workspace.new_dir("haproxy")
        servers = "\n".join(f"    server s{number} {address}:{port} check inter {interval}"
                            for number, address in enumerate(ADDRESSES))
        conf = self.root / "haproxy.cfg"
        conf.write_text(f"""global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect {interval}
    timeout check {interval}
    timeout client 5s
    timeout server 5s
listen app
    bind unix@{self.root}/socket
    option httpchk GET /
{servers}
""")
        log = self.root / "output.log"
        self._process = process.Process([settings.program("haproxy"), "-db", "-q", "-f", str(conf)], self.root, log)
        time.sleep(0.5)
        if not self._process.running():
            raise Unmeasurable("HAProxy did not start:\n" + log.read_text())

    def cpu_us(self):
        return cpu_us(self._process.pid)

    def close(self):
        self._process.stop()


def webtier(workspace, port, interval, more=""):
    lines = "\n".join(f"BalancerMember http://{address}:{port}" for address in ADDRESSES)
    return Httpd(workspace, f"""<Proxy balancer://app>
{lines}
TierHealthCheck http uri=/ interval={interval} timeout={interval} {more}
</Proxy>
ProxyPass / balancer://app/""", ["health"], PROXY)


def keeping(workspace, port, interval):
    return webtier(workspace, port, interval, "reuse=10")


PROBERS = {"mod_tier_health": webtier, "the same, reuse=10": keeping, "HAProxy": Haproxy}


class Hung:
    """Sockets that listen and whose connections nobody reads from: the kernel accepts them, as long as there is room."""

    def __init__(self, port, addresses):
        self._listeners = []
        self._connections = []
        for address in addresses:
            listener = socket.socket()
            listener.bind((address, port))
            listener.listen(4096)
            listener.setblocking(False)
            self._listeners.append(listener)

    def checks(self):
        """How many there were so far. They stay open, or the prober would see their end."""
        for listener in self._listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._connections.append(listener.accept()[0])
        return len(self._connections)

    def close(self):
        for one in (*self._listeners, *self._connections):
            one.close()


def lateness(times, interval):
    """How far each gap is from the interval, in ms, sorted; a gap in which checks were left out counts as it is."""
    found = sorted(abs(later - earlier - interval) * 1000 for one in times.values()
                   for earlier, later in zip(one, one[1:]))
    if not found:
        raise Unmeasurable("no member was checked twice")
    return found


def quantile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def wait_for_checks(server, nginx):
    """A prober that has ended, or checks nothing, is no measurement."""
    try:
        wait_until(nginx.log.read_text, 10)
    except TimeoutError:
        raise Unmeasurable(f"no check: {[path.read_text() for path in server.root.glob('*.log')]}") from None


def measure(workspace, prober, interval, hung, seconds):
    """One sample: CPU a check, and lateness."""
    held = Reservation()
    port = held.port
    bad = ADDRESSES[::MEMBERS // hung][:hung] if hung else []
    nginx = Nginx(workspace, port, [address for address in ADDRESSES if address not in set(bad)])
    stuck = Hung(port, bad)
    server = PROBERS[prober](workspace, port, interval)
    try:
        wait_for_checks(server, nginx)
        time.sleep(2)  # past the start
        hanging = stuck.checks()
        spent, begin = server.cpu_us(), time.time()
        time.sleep(seconds)
        spent, end = server.cpu_us() - spent, time.time()
        hanging = stuck.checks() - hanging
        times = {address: [when for when in whens if begin <= when <= end] for address, whens in nginx.times().items()}
    finally:
        server.close()
        stuck.close()
        nginx.close()
        held.close()
    answered = sum(map(len, times.values()))
    late = lateness(times, {"1s": 1, "100ms": 0.1}[interval])
    # Counted, since not every prober asks those that hang as often as the others.
    return {"cpu": spent / (answered + hanging), "checks": answered / (end - begin), "hanging": hanging / (end - begin),
            "p50": quantile(late, 0.5), "p99": quantile(late, 0.99), "max": late[-1]}


def run(options):
    workspace = Workspace()
    try:
        for interval in options.interval:
            for hung in (0, HUNG):
                samples = collections.defaultdict(list)
                for number in range(options.rounds):
                    for prober in PROBERS:
                        print(f"health_probes: round {number + 1}: {prober}, {interval}, {hung} hung", file=sys.stderr)
                        samples[prober].append(measure(workspace, prober, interval, hung, options.seconds))
                yield f"{MEMBERS} members at {interval}, {hung} hung", samples
    finally:
        workspace.remove()


def medians(samples):
    return {what: statistics.median(sample[what] for sample in samples) for what in samples[0]}


def ratio(samples, prober):
    return statistics.median(mine["cpu"] / other["cpu"] for mine, other in zip(samples[prober], samples["HAProxy"]))


def show(case, samples, as_json):
    for prober, of_one in samples.items():
        figures = medians(of_one)
        figures["share"] = ratio(samples, prober)
        goals = {"share": GOAL_CPU, "p99": GOAL_LATE} if prober != "HAProxy" else {}
        if as_json:
            for what, value in figures.items():
                print(json.dumps({"bench": "health_probes", "case": f"{prober}, {case}", "value": round(value, 2),
                                  "unit": UNITS[what], "against": "HAProxy" if what == "share" else None,
                                  "goal": goals.get(what), "ok": value <= goals.get(what, value)}), flush=True)
            continue
        missed = [UNITS[what] for what, goal in goals.items() if figures[what] > goal]
        print(f"{case}: {prober:18} {figures['checks']:5.0f} answered/s, {figures['hanging']:4.0f} hanging/s, CPU {figures['cpu']:6.1f} us a check, "
              f"{figures['share']:.2f} of HAProxy's, late p50 {figures['p50']:.1f}, p99 {figures['p99']:.1f}, "
              f"max {figures['max']:.1f} ms{', MISSED: ' + ' and '.join(missed) if missed else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=positive, default=10)
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--interval", action="append", choices=("1s", "100ms"))
    options = parser.parse_args()
    options.interval = options.interval or ["1s", "100ms"]
    limit = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    try:
        for case, samples in run(options):
            show(case, samples, options.json)
    except Unmeasurable as why:
        sys.exit(f"health_probes: {why}")


if __name__ == "__main__":
    main()
