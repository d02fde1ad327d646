# SPDX-License-Identifier: Apache-2.0
"""Background load on a server: the side of the test. The requests are made by load_generator.py."""
import collections
import contextlib
import dataclasses
import json
import math
import socket

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

    def __init__(self, workspace, url, rate, seconds, path="/", headers=None, method="GET", connections=20, body=None,
                 expect_status=None, expect_body=None, timeout=5):
        shares = max(1, math.ceil(rate / _RATE_OF_ONE_PROCESS))
        job = {"url": url, "rate": rate, "seconds": seconds, "paths": [path] if isinstance(path, str) else list(path),
               "headers": pairs(headers), "method": method, "connections": max(1, connections // shares),
               "body": (body or b"").decode("latin-1"), "expect_status": expect_status,
               "expect_body": None if expect_body is None else expect_body.decode("latin-1"),
               "timeout": scale(timeout), "shares": shares}
        self._report = None
        limit = seconds + 2 * scale(timeout) + scale(20)
        self._generators = [_Generator(workspace, {**job, "share": share}, limit) for share in range(shares)]
        for generator in self._generators:
            generator.go()

    @property
    def pids(self):
        """Of the processes that make it."""
        return [generator.process.pid for generator in self._generators]

    def running(self):
        return any(generator.process.running() for generator in self._generators)

    def join(self):
        """Waits for the last answer and returns the Report."""
        if self._report is None:
            self._report = _merged([generator.report() for generator in self._generators])
            self.stop()
        return self._report

    def finish(self):
        """Begins no more requests, waits for the answers of those begun and returns the Report."""
        for generator in self._generators:
            generator.finish()
        return self.join()

    def stop(self):
        """Ends a load nobody has joined."""
        for generator in self._generators:
            generator.end()
        self._generators = []


class _Generator:
    """The side of the test of one load_generator.py."""

    def __init__(self, workspace, job, limit):
        self._output = workspace.new_dir("load") / "output.log"
        control, theirs = socket.socketpair()
        with theirs:
            self.process = workspace.nursery().load_generator(theirs, self._output)
        control.settimeout(limit)
        self._control = control.makefile("rw")
        control.close()  # the file keeps it open
        self._tell(json.dumps(job))

    def _tell(self, line):
        print(line, file=self._control, flush=True)

    def go(self):
        if self._control.readline() != "ready\n":
            raise RuntimeError(f"the load generator failed to start: {self._output.read_text()}")
        self._tell("go")

    def finish(self):
        with contextlib.suppress(BrokenPipeError):
            self._tell("end")

    def report(self):
        """Waits for what the generator has to say at its end."""
        text = self._control.read()
        if not text:
            raise RuntimeError(f"the load generator failed: {self._output.read_text()}")
        return json.loads(text)

    def end(self):
        self._control.close()
        self.process.kill_group()


def _merged(parts):
    statuses = collections.Counter()
    for part in parts:
        statuses.update({int(status): count for status, count in part["statuses"].items()})
    return Report(sum(part["total"] for part in parts),
                  sorted((at, what) for part in parts for at, what in part["errors"]),
                  statuses, sorted(latency for part in parts for latency in part["latencies"]),
                  sum(part["races"] for part in parts), sum(part["connections"] for part in parts))
