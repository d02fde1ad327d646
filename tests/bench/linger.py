# SPDX-License-Identifier: Apache-2.0
"""Lingering against the same httpd without it, turn by turn: hot connections, crowds, far clients, TLS.

Each case loads two servers that differ in one line, `TierLinger on`. A ratio is that of a round, lingering over not;
the median of the rounds counts. Not so for p99: two equal servers differ by a factor of two in single rounds, so it is
taken of all requests of all rounds. It, and the rate, are worse only where they were in three quarters of the rounds
too. Closed connections are those that a client lost although it meant to go on: the event MPM closes connections that
it keeps alive when it runs out of idle workers.
"""
import argparse
import functools
import json
import re
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench_lib import Bench, Unmeasurable, positive
from webtier_testing import client, process
from webtier_testing.workspace import Workspace

PATH = "/floor"
FLOOR = f"TestFloor quick {PATH} 1024\n"
THREADS = 128   # of the child with the hot connections
CROWDED = 32    # of the child that has as many connections, or more
FAR = 256       # far clients; each asks again GAP_MS after its last answer
GAP_MS = 50
IDLE = 10_000   # connections that are kept alive and say nothing
NOISE = 1.05    # "not worse" means within this

HOLD = f"""
import socket, sys
held = []
for number in range(int(sys.argv[2])):
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
    held[-1].sendall(b"GET {PATH} HTTP/1.1\\r\\nHost: idle\\r\\n\\r\\n")
    if len(held) % 100 == 0:
        for one in held[-100:]:
            one.recv(65536)
print("held", flush=True)
sys.stdin.read()
"""


# Prints each thousandth of the latencies, in microseconds.
THOUSANDTHS = """
function done(summary, latency, requests)
    local values = {}
    for number = 0, 999 do values[#values + 1] = latency:percentile(number / 10 + 0.05) end
    io.write("thousandths: " .. table.concat(values, " ") .. "\\n")
end
"""


def mpm(threads, factor=2):
    return (f"StartServers 1\nServerLimit 1\nThreadLimit {threads}\nThreadsPerChild {threads}\n"
            f"MaxRequestWorkers {threads}\nMinSpareThreads 1\nMaxSpareThreads {threads}\n"
            f"AsyncRequestWorkerFactor {factor}\nKeepAliveTimeout 300\n")


def cpu_us(group):
    """CPU time of the threads of a process group in microseconds, to the nanosecond; /proc/*/stat counts in 10 ms."""
    spent = 0
    for pid in process.group_members(group):
        for schedule in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                spent += int(schedule.read_text().split()[0])
            except OSError:
                continue
    return spent / 1000


def idle_connections():
    """As many as this process may have descriptors for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(IDLE, soft - 1000)


@dataclass
class Sample:
    requests: int
    rate: float
    cpu: float  # microseconds a request
    thousandths: list  # of the requests: how many microseconds they took
    closed: int

    @property
    def p99(self):
        return percentile([self], 99)


def percentile(samples, wanted):
    """The latency in milliseconds that `wanted` percent of all samples' requests kept."""
    weighed = sorted((value, sample.requests) for sample in samples for value in sample.thousandths)
    left = wanted / 100 * sum(weight for _, weight in weighed)
    for value, weight in weighed:
        left -= weight
        if left < 0:
            break
    return value / 1000


@dataclass
class Case:
    """goals: for cpu and p99 the most that the ratio may be, for rate the least; closed: times those without."""
    name: str
    servers: tuple  # without lingering, with it
    connections: int
    goals: dict
    script: str  # for wrk
    scheme: str = "http"
    samples: tuple = field(default_factory=lambda: ([], []))

    def median(self, side, what):
        if what == "p99":
            return percentile(self.samples[side], 99)
        return statistics.median(getattr(sample, what) for sample in self.samples[side])

    def ratios(self, what):
        return [getattr(with_it, what) / getattr(without, what) for without, with_it in zip(*self.samples)]

    def ratio(self, what):
        return self.median(1, what) / self.median(0, what) if what == "p99" else statistics.median(self.ratios(what))

    def closed(self, side):
        """Closed connections in 1,000 requests."""
        return 1000 * sum(sample.closed for sample in self.samples[side]) / sum(
            sample.requests for sample in self.samples[side])

    def is_worse_in_most(self, what):
        worse = sum(ratio < 1 if what == "rate" else ratio > 1 for ratio in self.ratios(what))
        return worse >= 0.75 * len(self.samples[0])

    def verdicts(self):
        """Yields (unit, value, goal, what is to be said of it)."""
        for what, goal in self.goals.items():
            if what == "closed":
                goal = goal * self.closed(0) + 0.1
                yield "closed in 1000 requests", self.closed(1), goal, "met" if self.closed(1) <= goal else "MISSED"
            else:
                value = self.ratio(what)
                met = value >= goal if what == "rate" else value <= goal
                noise = what in ("p99", "rate") and not self.is_worse_in_most(what)
                yield f"{what} ratio", value, goal, "met" if met else "not told apart" if noise else "MISSED"


def load(case, server, seconds):
    ran = subprocess.run(["wrk", "-t1", f"-c{case.connections}", f"-d{seconds}s", "-s", case.script,
                          f"{case.scheme}://127.0.0.1:{server.port}{PATH}"], capture_output=True, text=True,
                         start_new_session=True)  # with a share of the CPU of its own
    if ran.returncode != 0 or "Non-2xx" in ran.stdout:
        raise Unmeasurable(f"{case.name}: {ran.stderr or ran.stdout}")
    return ran.stdout


def measure(case, server, seconds):
    before = cpu_us(server.pid)
    report = load(case, server, seconds)
    spent = cpu_us(server.pid) - before
    requests = int(re.search(r"(\d+) requests in", report)[1])
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    closed = sum(map(int, errors.groups())) if errors else 0
    if requests == 0 or (closed and "closed" not in case.goals):
        raise Unmeasurable(f"{case.name}: {report}")
    return Sample(requests, float(re.search(r"Requests/sec:\s+([\d.]+)", report)[1]), spent / requests,
                  [float(value) for value in re.search(r"thousandths: (.*)", report)[1].split()], closed)


class Lingering:
    """The cases whose names contain `wanted`, and the servers that these need."""

    def __init__(self, bench, wanted):
        self._bench = bench
        self._wanted = wanted
        self._workspace = Workspace()
        self._holders = []
        self.cases = []

    def _pair(self, conf, ours=("test_floor",), stock=()):
        """Returns what starts two servers that differ in lingering, the first time that it is called."""
        return functools.cache(lambda: (self._bench.httpd(conf, ours, stock),
                                        self._bench.httpd(conf + "TierLinger on\n", [*ours, "linger"], stock)))

    def _script(self, name, text=""):
        """Writes a script for wrk; returns its path."""
        script = self._workspace.path / name
        script.write_text(text + THOUSANDTHS)
        return str(script)

    def _add(self, name, pair, connections, goals, **options):
        if self._wanted not in name:
            return
        case = Case(name, pair(), connections, goals, **{"script": self._script("load.lua"), **options})
        for server in case.servers:
            answer = client.request(server.port, PATH, case.scheme == "https")
            if (answer.status, len(answer.body)) != (200, 1024):
                raise Unmeasurable(f"{name}: {answer.status} with {len(answer.body)} bytes")
        self.cases.append(case)

    def _add_hot(self, kind, pair, most, **options):
        for connections in (8, 32, 64):
            self._add(f"{kind}, {connections} connections", pair, connections, {"cpu": most, "p99": NOISE}, **options)

    def prepare(self):
        self._add_hot("quick_handler", self._pair(mpm(THREADS) + FLOOR), 0.6)
        self._add_hot("mod_proxy", self._proxies, 0.8)
        certificate, key = self._workspace.certificate()
        tls = f"SSLEngine on\nSSLCertificateFile {certificate}\nSSLCertificateKeyFile {key}\n"
        self._add_hot("TLS", self._pair(mpm(THREADS) + FLOOR + tls, stock=["ssl"]), 0.6, scheme="https")
        crowded = self._pair(mpm(CROWDED) + FLOOR)
        for times in (1, 2, 6):
            self._add(f"{times} connections a thread", crowded, times * CROWDED,
                      {"rate": 1 / NOISE, "p99": NOISE, "closed": NOISE})
        self._add(f"{FAR} clients with {GAP_MS} ms gaps, {idle_connections()} idle connections", self._idle_pair, FAR,
                  {"cpu": 1.02}, script=self._script("far.lua", f"function delay() return {GAP_MS} end\n"))
        if not self.cases:
            raise Unmeasurable(f"no case has {self._wanted!r} in its name")

    @functools.cache
    def _proxies(self):
        origin = self._bench.httpd(mpm(THREADS) + FLOOR, ["test_floor"])
        return self._pair(mpm(THREADS) + f'ProxyPass "{PATH}" "http://127.0.0.1:{origin.port}{PATH}"\n', (),
                          ("proxy", "proxy_http"))()

    def _idle_pair(self):
        """Threads enough for every far client: otherwise the MPM closes the idle connections when all ask at once."""
        servers = self._pair(mpm(2 * FAR, factor=IDLE // FAR) + FLOOR)()
        for server in servers:
            self._hold(server, idle_connections())
        return servers

    def _hold(self, server, idle):
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(server.port), str(idle)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self._holders.append(holder)
        if holder.stdout.readline() != b"held\n":
            raise Unmeasurable(f"the {idle} idle connections could not be made")

    def run(self, rounds, seconds):
        for number in range(rounds):
            for case in self.cases:
                print(f"linger: round {number + 1} of {rounds}: {case.name}", file=sys.stderr)
                for side in (0, 1) if number % 2 == 0 else (1, 0):
                    case.samples[side].append(measure(case, case.servers[side], seconds))

    def close(self):
        for holder in self._holders:
            holder.kill()
            holder.communicate()
        self._workspace.remove()


def print_rows(cases):
    for case in cases:
        for side, name in enumerate(("without", "lingering")):
            for what, unit in (("rate", "requests/s"), ("cpu", "CPU us/request"), ("p99", "ms p99")):
                print(json.dumps({"bench": "linger", "case": f"{case.name}, {name}",
                                  "value": round(case.median(side, what), 2), "unit": unit, "against": None,
                                  "goal": None, "ok": True}))
        for unit, value, goal, verdict in case.verdicts():
            print(json.dumps({"bench": "linger", "case": case.name, "value": round(value, 3), "unit": unit,
                              "against": "the same httpd without lingering", "goal": round(goal, 3), "ok": verdict != "MISSED"}))


def print_table(cases, options):
    width = max(len(case.name) for case in cases)
    print(f"\nlinger: {options.rounds} rounds of {options.seconds} s, medians; without lingering -> with it")
    print(f"{'':{width}}  {'CPU us/request':>14}  {'requests/s':>16}  {'p99 ms':>14}")
    for case in cases:
        cells = [f"{case.median(0, what):.{digits}f} -> {case.median(1, what):.{digits}f}"
                 for what, digits in (("cpu", 1), ("rate", 0), ("p99", 2))]
        verdicts = [f"{unit} {value:.2f}, goal {goal:.2f}: {verdict}" for unit, value, goal, verdict in case.verdicts()]
        print(f"{case.name:{width}}  {cells[0]:>14}  {cells[1]:>16}  {cells[2]:>14}  {'; '.join(verdicts)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=positive, default=2)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--case", default="")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench = Bench("linger", options)
    lingering = Lingering(bench, options.case)
    try:
        lingering.prepare()
        lingering.run(options.rounds, options.seconds)
    except Unmeasurable as why:
        sys.exit(f"linger: {why}")
    finally:
        lingering.close()
        bench.close()
    if options.json:
        print_rows(lingering.cases)
    else:
        print_table(lingering.cases, options)


if __name__ == "__main__":
    main()
