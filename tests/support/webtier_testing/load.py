# SPDX-License-Identifier: Apache-2.0
"""Background load on a server: the side of the test. The requests are made by load_generator.py."""
import collections
import dataclasses
import json
import math
import pathlib
import subprocess
import sys

from . import process
from .client import pairs
from .settings import scale

_RATE_OF_ONE_PROCESS = 1500


@dataclasses.dataclass
class Report:
    """What the clients saw.

    total      requests made, each counted once
    errors     (seconds since the start, what happened) of every request that got no complete answer, a status other
               than expected, or a body other than expected, or could not be sent because all connections were busy
               for `timeout` seconds; in order of time
    statuses   Counter of the complete answers
    latencies  seconds from the moment a request was due until its answer was complete, sorted
    races      requests sent again, as any client does, because the server closed an idle connection at that moment
    connections  connections opened
    """
    total: int
    errors: list
    statuses: collections.Counter
    latencies: list
    races: int
    connections: int

    def p(self, percent):
        """Returns the latency (seconds) that `percent` of the answers did not exceed."""
        if not self.latencies:
            return math.nan
        return self.latencies[min(len(self.latencies) - 1, math.ceil(len(self.latencies) * percent / 100) - 1)]

    def slower_than(self, seconds):
        """Returns how many answers took longer."""
        return sum(latency > seconds for latency in self.latencies)

    def __str__(self):
        shown = "".join(f"\n  at {at:.3f} s: {what}" for at, what in self.errors[:20])
        return (f"{self.total} requests, {len(self.errors)} errors, {dict(self.statuses)}, {self.races} races, "
                f"p50 {self.p(50) * 1e3:.1f} ms, p99 {self.p(99) * 1e3:.1f} ms{shown}")


class Load:
    """A running load: `rate` requests a second for `seconds`, each at its moment however slow the answers are.

    path         a path, or a list of paths taken in turn
    connections  keep-alive connections; when all are busy, a request waits, and its wait counts as latency
    expect_status  statuses that are no error; by default everything below 400
    expect_body  the bytes every answer to a GET must have
    timeout      seconds (scaled) a request may take
    body         bytes sent with every request
    """

    def __init__(self, url, rate, seconds, path="/", headers=None, method="GET", connections=20, body=None,
                 expect_status=None, expect_body=None, timeout=5):
        shares = max(1, math.ceil(rate / _RATE_OF_ONE_PROCESS))
        job = {"url": url, "rate": rate, "seconds": seconds, "paths": [path] if isinstance(path, str) else list(path),
               "headers": pairs(headers), "method": method, "connections": max(1, connections // shares),
               "body": (body or b"").decode("latin-1"), "expect_status": expect_status,
               "expect_body": None if expect_body is None else expect_body.decode("latin-1"),
               "timeout": scale(timeout), "shares": shares}
        self._limit = seconds + 2 * scale(timeout) + scale(20)
        self._report = None
        self._processes = [self._launch({**job, "share": share}) for share in range(shares)]
        for running in self._processes:
            if running.stdout.readline() != b"ready\n":
                raise RuntimeError("the load generator failed to start")
        for running in self._processes:
            running.stdin.write(b"go\n")
            running.stdin.flush()

    def _launch(self, job):
        script = pathlib.Path(__file__).with_name("load_generator.py")
        running = subprocess.Popen([sys.executable, "-S", "-E", str(script)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, start_new_session=True)
        process.watch(running.pid)
        running.stdin.write(json.dumps(job).encode() + b"\n")
        running.stdin.flush()
        return running

    def running(self):
        return any(running.poll() is None for running in self._processes)

    def join(self):
        """Waits for the last answer and returns the Report."""
        if self._report is not None:
            return self._report
        parts = []
        for running in self._processes:
            output, _ = running.communicate(timeout=self._limit)
            process.forget(running.pid)
            parts.append(json.loads(output))
        self._processes = []
        self._report = _merged(parts)
        return self._report

    def stop(self):
        """Ends a load nobody has joined."""
        for running in self._processes:
            running.kill()
            running.communicate()
            process.forget(running.pid)
        self._processes = []


def _merged(parts):
    statuses = collections.Counter()
    for part in parts:
        statuses.update({int(status): count for status, count in part["statuses"].items()})
    return Report(sum(part["total"] for part in parts),
                  sorted((at, what) for part in parts for at, what in part["errors"]),
                  statuses, sorted(latency for part in parts for latency in part["latencies"]),
                  sum(part["races"] for part in parts), sum(part["connections"] for part in parts))
