# SPDX-License-Identifier: Apache-2.0
"""Ten million requests on lingering connections, with a graceful restart every other second.

Every body is compared. What may go wrong without being wrong: httpd closes a kept-alive connection at a restart while
the client's next request is on its way, so at most each connection once a restart; and when the machine stands still,
each connection's request is late. Everything else fails the soak: a wrong answer, a connection refused, a request
without an answer for two seconds, a child that crashes or does not end, a line at warn or above in the error log, a
connection or a worker that is left over, memory that grows.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench_lib import Bench, Unmeasurable, positive
from webtier_testing import client, pattern, process, wait_until
from webtier_testing.workspace import Workspace

REQUESTS = 10_000_000
RESTART_EVERY = 2  # seconds
LATE = 2           # seconds without an answer; wrk's own limit
LOOK_EVERY = 0.5   # seconds
CONNECTIONS = 48
FILE_SIZE = 20_000
CONF = """
StartServers 2
ServerLimit 8
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 128
MinSpareThreads 1
MaxSpareThreads 128
LogLevel warn
TestFloor quick /small 100
TestFloor handler /floor 1024
TierLinger on
<Location "/tier-status">
    SetHandler tier-status
</Location>
"""
SCRIPT = """
local paths = { "/small", "/floor", "/file" }
local sizes = { [100] = string.rep("f", 100), [1024] = string.rep("f", 1024) }
local next, threads = 0, {}
function setup(thread) table.insert(threads, thread) end
function init(arguments)
    wrong = 0
    local file = io.open("@FILE@", "rb")
    sizes[@SIZE@] = file:read("*a")
    file:close()
end
function request()
    next = next % 3 + 1
    return wrk.format("GET", paths[next])
end
function response(status, headers, body)
    if status ~= 200 or body ~= sizes[#body] then wrong = wrong + 1 end
end
function done()
    local sum = 0
    for _, thread in ipairs(threads) do sum = sum + thread:get("wrong") end
    io.write("wrong answers: " .. sum .. "\\n")
end
"""


def memory(server):
    """Anonymous memory of the parent and its children in MB, each page once."""
    pages = 0
    for pid in process.group_members(server.pid):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        pages += int(re.search(r"^Pss_Anon:\s+(\d+)", rollup, re.M)[1])
    return pages / 1024


class Restarts(threading.Thread):
    """Restarts httpd gracefully every other second until stopped."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self._server = server
        self._ended = threading.Event()
        self.count = 0
        self.last = time.monotonic()

    def run(self):
        while not self._ended.wait(RESTART_EVERY):
            self._server.restart()
            self.last = time.monotonic()
            self.count += 1

    def stop(self):
        self._ended.set()
        self.join()


def sockets(*conditions):
    """Yields the established TCP sockets that meet the conditions, as ss prints them, a line each."""
    ran = subprocess.run(["ss", "-tinpHO", "state", "established", *conditions], capture_output=True, text=True)
    if ran.returncode != 0:
        raise Unmeasurable(f"ss failed: {ran.stderr}")
    return ran.stdout.splitlines()


def ages(pid):
    """The ages of a process's children in seconds, the youngest first."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    found = []
    for child in process.children_of(pid):
        try:
            stat = Path(f"/proc/{child}/stat").read_text()
        except OSError:
            continue
        found.append(round(uptime - int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK"), 1))
    return sorted(found)


class Witness(threading.Thread):
    """Looks which requests have waited for LATE seconds, and what the server is doing then; until stopped.

    wrk does not tell when a late answer was due, and says nothing at all of a request that is never answered.
    """

    def __init__(self, server, restarts):
        super().__init__(daemon=True)
        self._server = server
        self._restarts = restarts
        self._ended = threading.Event()
        self._late = set()
        self._failure = None
        self.seen = []    # a sentence for each late request
        self.pauses = []  # for how many seconds the machine stood still

    def run(self):
        try:
            self._watch()
        except (OSError, Unmeasurable) as why:
            self._failure = why

    def _watch(self):
        since = time.monotonic()
        while not self._ended.wait(LOOK_EVERY):
            late = set(self._late_clients())
            if time.monotonic() - since > LOOK_EVERY + 1:
                self.pauses.append(time.monotonic() - since)
            self.seen += [self._describe(port) for port in late - self._late]
            self._late = late
            since = time.monotonic()

    def _late_clients(self):
        """Yields the ports of clients that have sent a request since they read their last answer, long ago."""
        for line in sockets(f"dport = :{self._server.port}"):
            sent, read = (count(rf"\b{what}:(\d+)", line) for what in ("lastsnd", "lastrcv"))
            if sent >= LATE * 1000 and read >= sent:
                yield int(re.search(r":(\d+)\s", line)[1])

    def _describe(self, port):
        held = sockets(f"sport = :{self._server.port}", f"dport = :{port}")
        owner = re.search(r"pid=(\d+)", held[0]) if held else None
        where = f"in child {owner[1]}" if owner else "not accepted yet" if held else "closed by httpd"
        unread = int(held[0].split()[0]) if held else 0
        try:
            told = status(self._server, timeout=1)["server"]
            doing = f"{told['workers_busy']} workers busy, {told['processes_leaving']} children leaving"
        except (OSError, ValueError) as why:
            doing = f"no status page: {why}"
        return (f"late: a request on port {port}, {where}, {unread} bytes unread; {doing}; the last graceful restart "
                f"{time.monotonic() - self._restarts.last:.1f} s ago, children {ages(self._server.pid)} s old; load "
                f"{os.getloadavg()[0]:.1f}; stood still for {[round(pause, 1) for pause in self.pauses[-3:]]} s")

    def stop(self):
        """Raises Unmeasurable when it could not see what it was to see."""
        self._ended.set()
        self.join()
        if self._failure:
            raise Unmeasurable(f"late requests could not be looked for: {self._failure}")


def status(server, timeout=10):
    return json.loads(client.request(server.port, "/tier-status/json", timeout=timeout).body)


def left_over(server):
    """What is still there although no client is; one connection and one worker are those that ask."""
    told = status(server)["server"]
    return told["processes_leaving"] or told["connections"] > 1 or told["workers_busy"] > 1


def run_wrk(server, script, seconds):
    ran = subprocess.run(["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script),
                          f"http://127.0.0.1:{server.port}/"], capture_output=True, text=True)
    if ran.returncode != 0:
        raise Unmeasurable(f"wrk failed: {ran.stderr or ran.stdout}")
    return ran.stdout


def count(pattern_, text):
    found = re.search(pattern_, text)
    return int(found[1]) if found else 0


def soak(server, script, wanted):
    """Loads until `wanted` requests were answered; returns what happened."""
    sums = {"requests": 0, "wrong": 0, "refused": 0, "timeouts": 0, "closed": 0}
    sizes = []
    restarts = Restarts(server)
    witness = Witness(server, restarts)
    restarts.start()
    witness.start()
    try:
        while sums["requests"] < wanted:
            report = run_wrk(server, script, 20 if wanted > 2_000_000 else 3)
            sums["requests"] += count(r"(\d+) requests in", report)
            sums["wrong"] += count(r"wrong answers: (\d+)", report) + count(r"Non-2xx or 3xx responses: (\d+)", report)
            sums["timeouts"] += count(r"timeout (\d+)", report)
            sums["refused"] += count(r"connect (\d+)", report)
            sums["closed"] += count(r"read (\d+)", report) + count(r"write (\d+)", report)
            sizes.append(memory(server))
            print(f"linger_soak: {sums['requests']} of {wanted} requests, {restarts.count} restarts, "
                  f"{sizes[-1]:.0f} MB", file=sys.stderr)
    finally:
        restarts.stop()
        witness.stop()
    return sums, sizes, restarts.count, witness


def judge_late(sums, witness):
    """Each time that the machine stands still makes one request of each connection late, at most."""
    if max(sums["timeouts"], len(witness.seen)) <= CONNECTIONS * len(witness.pauses):
        return []
    return [f"{sums['timeouts']} late, while the machine stood still {len(witness.pauses)} times", *witness.seen[:50]]


def judge(server, sums, sizes, restarts, witness):
    """Returns what is wrong, in words."""
    found = [f"{sums[what]} {what}" for what in ("wrong", "refused") if sums[what]] + judge_late(sums, witness)
    if sums["closed"] > CONNECTIONS * restarts:
        found.append(f"{sums['closed']} connections closed in {restarts} restarts")
    try:
        wait_until(lambda: not left_over(server), 40)
    except TimeoutError:
        found.append(f"left over: {status(server)['server']}")
    if len(sizes) > 4 and max(sizes[-2:]) > 1.5 * max(sizes[:2]) + 10:
        found.append(f"memory grew: {[round(size) for size in sizes]} MB")
    log = (server.root / "error.log").read_text(errors="replace")
    found += [line for line in log.splitlines() if re.search(r":(warn|error|crit|alert|emerg)\]|exit signal", line)][:20]
    return found


class SoakServer:
    """The httpd under test."""

    def __init__(self, bench):
        httpd = bench.httpd(CONF, ["test_floor", "linger", "status"])
        self.port, self.pid, self.root = httpd.port, httpd.pid, httpd.root
        (httpd.docroot / "file").write_bytes(pattern(FILE_SIZE))

    def restart(self):
        os.kill(self.pid, signal.SIGUSR1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--requests", type=positive, default=REQUESTS)
    parser.add_argument("--seconds", type=positive, help="not used here: the soak ends with its last request")
    parser.add_argument("--rounds", type=positive, help="not used here")
    options = parser.parse_args()
    bench, workspace = Bench("linger_soak", options), Workspace()
    try:
        server = SoakServer(bench)
        script = workspace.path / "soak.lua"
        script.write_text(SCRIPT.replace("@FILE@", str(server.root / "htdocs" / "file")).replace("@SIZE@", str(FILE_SIZE)))
        started = time.monotonic()
        sums, sizes, restarts, witness = soak(server, script, options.requests)
        took = time.monotonic() - started
        problems = judge(server, sums, sizes, restarts, witness)
        hits = status(server)["modules"]["linger"]["hits"]
    except Unmeasurable as why:
        sys.exit(f"linger_soak: {why}")
    finally:
        bench.close()
        workspace.remove()
    show(options, sums, restarts, hits, took, problems)
    if witness.pauses:
        print(f"linger_soak: the machine stood still {len(witness.pauses)} times, {max(witness.pauses):.1f} s at most; "
              f"{sums['timeouts']} requests were late", file=sys.stderr)
    sys.exit(1 if problems else 0)


def show(options, sums, restarts, hits, took, problems):
    if options.json:
        for value, unit in ((sums["requests"], "requests"), (hits, "lingers that the next request ended"),
                            (restarts, "graceful restarts"), (len(problems), "problems")):
            print(json.dumps({"bench": "linger_soak", "case": "soak", "value": value, "unit": unit, "against": None,
                              "goal": 0 if unit == "problems" else None, "ok": unit != "problems" or not problems}))
    else:
        print(f"\nlinger_soak: {sums['requests']} requests in {took:.0f} s, {hits} of them met a lingering worker; "
              f"{restarts} graceful restarts, {sums['closed']} connections closed between two requests; "
              f"{'no problem' if not problems else 'PROBLEMS'}")
    for problem in problems:
        print(f"linger_soak: {problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
