# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: servers on loopback, load by wrk, CPU from /proc, cases that take turns.

A benchmark is a file of this folder:

    from bench_lib import main

    def prepare(bench):
        front = bench.httpd("TestFloor quick /a 1024", ours=["test_floor"])
        floor = bench.case("floor", front, "/a")
        bench.case("mine", other, "/a", charged=[other, cache], against=floor, goal=1.15)

    if __name__ == "__main__":
        main(prepare)

CPU a request is user and system time of all processes charged to the case, of those too that ended meanwhile,
divided by the requests that wrk counted. It is steadier than requests/s where load and servers share the cores. Each
round measures every case once, in turn, so that a change of the machine's mood meets them all; a ratio is the median
of the rounds' ratios.
"""
import argparse
import contextlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from webtier_testing import client, process, settings, wait_until  # noqa: E402
from webtier_testing.memcached import Memcached  # noqa: E402
from webtier_testing.ports import Reservation  # noqa: E402
from webtier_testing.workspace import Workspace  # noqa: E402

# With a session each, a server of many busy threads would get no more CPU than one of few: autogroups share it among
# sessions, and a thread alone on a core waits tens of milliseconds for the share of its session there.
process.own_sessions = False

CONNECTIONS = 32
_TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
# Two children, as any small web box has, and more threads than connections.
_MPM = ("StartServers 2", "ServerLimit 2", "ThreadLimit 64", "ThreadsPerChild 64", "MaxRequestWorkers 128",
        "MinSpareThreads 1", "MaxSpareThreads 128")


class Unmeasurable(Exception):
    """A case whose answers are wrong or fail: no figure of it would mean anything."""


def cpu_us(group):
    """User and system time of a process group, in microseconds; ended children are in their parent's account."""
    ticks = 0
    for pid in process.group_members(group):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks * _TICK_US


class Httpd:
    """An httpd with the least configuration: no access log, no debug level; stock and our modules as named."""

    def __init__(self, workspace, conf, ours, stock):
        self.root = workspace.new_dir("httpd")
        self.docroot = self.root / "htdocs"
        for folder in (self.root / "run", self.docroot):
            folder.mkdir()
            process.give_to_server(folder)
        self._reservation = Reservation()
        self.port = self._reservation.port
        self._write(workspace, conf, ours, stock)
        log = self.root / "error.log"
        self._process = process.Process([settings.httpd_program(), "-DFOREGROUND", "-f", str(self.root / "httpd.conf")],
                                        self.root, self.root / "stderr.log")
        self.pid = self._process.pid
        wait_until(lambda: not self._process.running() or (log.exists() and "resuming normal" in log.read_text()), 10)
        if not self._process.running():
            texts = [path.read_text() for path in sorted(self.root.glob("*.log"))]
            raise Unmeasurable("httpd did not start:\n" + "".join(texts))

    def _write(self, workspace, conf, ours, stock):
        lines = [f'ServerRoot "{self.root}"', f'DefaultRuntimeDir "{self.root}/run"', f'PidFile "{self.root}/run/pid"',
                 f'ErrorLog "{self.root}/error.log"', "LogLevel notice", "ServerName localhost"]
        for name in dict.fromkeys(("mpm_event", "authz_core", *stock)):
            if name not in settings.builtin_modules():
                lines.append(f"LoadModule {name}_module {settings.stock_modules_dir()}/mod_{name}.so")
        for name in ours:
            lines.append("LoadModule {} {}".format(*workspace.module(name)))
        lines += [f"Listen 127.0.0.1:{self.port}", *_MPM, "KeepAlive On", "MaxKeepAliveRequests 0",
                  f'DocumentRoot "{self.docroot}"', conf]
        (self.root / "httpd.conf").write_text("\n".join(lines) + "\n")

    def cpu_us(self):
        return cpu_us(self.pid)

    def close(self):
        self._process.stop()
        self._reservation.close()


@dataclass
class Sample:
    """One case in one round."""
    requests: int
    rate: float
    cpu: float  # microseconds a request
    p50: float  # milliseconds
    p99: float


@dataclass
class Case:
    name: str
    server: Httpd
    path: str
    charged: list
    against: "Case" = None
    goal: float = None
    connections: int = CONNECTIONS
    script: Path = None  # for wrk: Lua that makes the requests
    scheme: str = "http"
    comparisons: list = field(default_factory=list)  # further ones: (case, goal)
    samples: list = field(default_factory=list)

    def median(self, what):
        return statistics.median(getattr(sample, what) for sample in self.samples)

    def ratio(self, other=None):
        """CPU a request over that of another case (the one it is measured against), median of the rounds."""
        pairs = zip(self.samples, (other or self.against).samples)
        return statistics.median(mine.cpu / theirs.cpu for mine, theirs in pairs)

    def all_comparisons(self):
        return ([(self.against, self.goal)] if self.against else []) + self.comparisons


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def wrk(case, seconds):
    """Loads a case; returns wrk's report. Raises Unmeasurable when an answer was an error."""
    threads = min(2, os.cpu_count() or 1, case.connections)
    script = ["-s", str(case.script)] if case.script else []
    # wrk takes whole seconds only; interrupted, it ends with its report as always.
    early = [] if seconds == int(seconds) else ["timeout", "--preserve-status", "-s", "INT", str(seconds)]
    ran = subprocess.run([*early, "wrk", f"-t{threads}", f"-c{case.connections}", f"-d{math.ceil(seconds)}s", "--latency", *script,
                          f"{case.scheme}://127.0.0.1:{case.server.port}{case.path}"], capture_output=True, text=True,
                         start_new_session=True)  # with a share of the CPU of its own
    if ran.returncode != 0:
        raise Unmeasurable(f"{case.name}: wrk failed: {ran.stderr or ran.stdout}")
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (?!connect 0, read 0, write 0).*", ran.stdout)
    if wrong:
        raise Unmeasurable(f"{case.name}: {wrong[0]}")
    return ran.stdout


def measure(case, seconds):
    before = sum(server.cpu_us() for server in case.charged)
    report = wrk(case, seconds)
    spent = sum(server.cpu_us() for server in case.charged) - before
    requests = int(re.search(r"(\d+) requests in", report)[1])
    if requests == 0:
        raise Unmeasurable(f"{case.name}: no request was answered")
    return Sample(requests, float(re.search(r"Requests/sec:\s+([\d.]+)", report)[1]), spent / requests,
                  milliseconds(re.search(r"\s50%\s+(\S+)", report)[1]),
                  milliseconds(re.search(r"\s99%\s+(\S+)", report)[1]))


def tree_cpu_us(pid):
    """As cpu_us, of a process and all its descendants, whatever process group they moved to."""
    ticks, pids = 0, [pid]
    while pids:
        pid = pids.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
        pids += process.children_of(pid)
    return ticks * _TICK_US


class Other:
    """A server of another kind: its program, arguments, port; files as (name, text) are written into its folder."""

    def __init__(self, workspace, argv, files=(), name="other"):
        self.root = workspace.new_dir(name)
        self._reservation = Reservation()
        self.port = self._reservation.port
        for file, text in files:
            (self.root / file).write_text(self._filled(text))
        process.give_to_server(self.root)
        self._process = process.Process([self._filled(word) for word in argv], self.root, self.root / "output.log")
        self.pid = self._process.pid
        wait_until(lambda: not self._process.running() or self._listens(), 20)
        if not self._process.running():
            raise Unmeasurable(f"{argv[0]} did not start:\n{(self.root / 'output.log').read_text()}")

    def _filled(self, text):
        return text.replace("@PORT@", str(self.port)).replace("@ROOT@", str(self.root))

    def _listens(self):
        try:
            client.connect(self.port).close()
        except OSError:
            return False
        return True

    def cpu_us(self):
        return tree_cpu_us(self.pid)

    def close(self):
        self._process.stop()
        self._reservation.close()


class ChargedMemcached(Memcached):
    def cpu_us(self):
        return cpu_us(self.pid)


class Bench:
    """The servers and cases of one benchmark."""

    def __init__(self, name, options):
        self.name = name
        self.options = options
        self.cases = []
        self._workspace = Workspace()
        self._servers = []
        self.figures = []

    def httpd(self, conf="", ours=(), stock=()):
        """A running httpd; ours: names as "cache" or "test_floor"; stock: names as "proxy_http"."""
        return self._keep(Httpd(self._workspace, conf, ours, stock))

    def other(self, argv, files=(), name="other"):
        """A running server of another kind; @PORT@ and @ROOT@ in arguments and files are filled in."""
        return self._keep(Other(self._workspace, argv, files, name))

    def script(self, text):
        """Writes a script for wrk; returns where it is."""
        path = self._workspace.new_dir("wrk") / "requests.lua"
        path.write_text(text)
        return path

    def memcached(self, args=()):
        return self._keep(ChargedMemcached(self._workspace, args))

    def _keep(self, server):
        self._servers.append(server)
        return server

    def figure(self, case, value, unit, goal=None):
        """Adds a figure of prepare()'s own; goal: the most that it may be."""
        self.figures.append({"bench": self.name, "case": case, "value": round(value, 1), "unit": unit, "against": None,
                              "goal": goal, "ok": goal is None or value <= goal})

    def case(self, name, server, path, charged=None, against=None, goal=None, size=None, connections=CONNECTIONS,
             check=None, script=None, scheme="http"):
        """Adds a case. charged: whose CPU counts (server alone by default). goal: the most that the CPU ratio to the
        case `against` may be. The case is measured once it answers 200, `size` bytes, and so that check(answer) holds:
        within two seconds, as a cache may store an answer after it was sent.
        """
        def is_ready():
            answers.append(client.request(server.port, path, scheme == "https"))
            return (answers[-1].status == 200 and len(answers) > 1 and (not check or check(answers[-1]))
                    and (size is None or len(answers[-1].body) == size))
        answers = []
        try:
            wait_until(is_ready, 2, interval=0.02)
        except TimeoutError:
            raise Unmeasurable(f"{name}: {path} is not answered as meant: {answers[-1].status}, "
                               f"{len(answers[-1].body)} bytes\n{answers[-1].headers}") from None
        case = Case(name, server, path, charged or [server], against, goal, connections, script, scheme)
        self.cases.append(case)
        return case

    def choose(self, text):
        """Leaves out the cases whose name does not contain text, and that none of the others is compared with."""
        wanted = [case for case in self.cases if text in case.name]
        for case in wanted:
            wanted += [other for other, _ in case.all_comparisons() if other not in wanted]
        self.cases = [case for case in self.cases if case in wanted]
        if not self.cases and not self.figures:
            raise Unmeasurable(f"no case has {text!r} in its name")

    def measure(self):
        for number in range(self.options.rounds):
            for case in self.cases:
                print(f"{self.name}: round {number + 1} of {self.options.rounds}: {case.name}", file=sys.stderr)
                case.samples.append(measure(case, self.options.seconds))

    def rows(self):
        """One dict a figure."""
        for case in self.cases:
            for what, unit, digits in (("rate", "requests/s", 0), ("cpu", "CPU us/request", 1), ("p50", "ms p50", 2),
                                       ("p99", "ms p99", 2)):
                yield self._row(case, round(case.median(what), digits or None), unit)
            for other, goal in case.all_comparisons():
                ratio = case.ratio(other)
                yield self._row(case, round(ratio, 3), "CPU ratio", other.name, goal, goal is None or ratio <= goal)
        yield from self.figures

    def _row(self, case, value, unit, against=None, goal=None, ok=True):
        return {"bench": self.name, "case": case.name, "value": value, "unit": unit, "against": against, "goal": goal,
                "ok": ok}

    def close(self):
        for server in reversed(self._servers):
            server.close()
        self._workspace.remove()


@contextlib.contextmanager
def origin_running(program):
    """Runs an application of the benchmark's own, Python text that says "up" when it listens on the port in its
    first argument; gives its process and the port, and raises Unmeasurable when it ended before its time."""
    reservation = Reservation()
    origin = subprocess.Popen([sys.executable, "-c", program, str(reservation.port)], stdout=subprocess.PIPE, text=True)
    try:
        origin.stdout.readline()
        yield origin, reservation.port
        if origin.poll() is not None:
            raise Unmeasurable("the application has ended")
    finally:
        origin.kill()
        origin.wait()
        reservation.close()


def _said(case, other, goal):
    verdict = "" if goal is None else f", goal {goal:g}: {'met' if case.ratio(other) <= goal else 'MISSED'}"
    return f"  {case.ratio(other):.2f} of {other.name}{verdict}"


def print_table(bench):
    width = max((len(case.name) for case in bench.cases), default=0)
    print(f"\n{bench.name}: {bench.options.rounds} rounds of {bench.options.seconds:g} s, medians")
    print(f"{'':{width}}  {'requests/s':>10}  {'CPU us/request':>14}  {'p50 ms':>7}  {'p99 ms':>7}  CPU ratio")
    for case in bench.cases:
        line = (f"{case.name:{width}}  {case.median('rate'):10.0f}  {case.median('cpu'):14.1f}"
                f"  {case.median('p50'):7.2f}  {case.median('p99'):7.2f}")
        print(line + "".join(_said(case, *comparison) for comparison in case.all_comparisons()))
    for row in bench.figures:
        goal = "" if row["goal"] is None else f", goal {row['goal']:g}: {'met' if row['ok'] else 'MISSED'}"
        print(f"{row['case']}: {row['value']:g} {row['unit']}{goal}")
    sys.stdout.flush()


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def duration(text):
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no time")
    return seconds


def main(prepare, add_arguments=None):
    """Runs one benchmark: prepare(bench) starts the servers and names the cases; add_arguments(parser) adds options."""
    parser = argparse.ArgumentParser()
    if add_arguments:
        add_arguments(parser)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=duration, default=3)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--case", default="")
    bench = Bench(Path(sys.argv[0]).stem, parser.parse_args())
    try:
        prepare(bench)
        bench.choose(bench.options.case)
        bench.measure()
    except Unmeasurable as why:
        sys.exit(f"{bench.name}: {why}")
    finally:
        bench.close()
    if bench.options.json:
        for row in bench.rows():
            print(json.dumps(row), flush=True)
    else:
        print_table(bench)
