# SPDX-License-Identifier: Apache-2.0
"""One httpd, fresh in a directory of its own."""
import os
import pathlib
import re
import signal
import time

from . import client, http2, httpd_conf, log, process, settings
from .load import Load
from .ports import Reservation, accepts, settle
from .wait import wait_until
from .workspace import instrumentation, without_randomness

_READY = "configured -- resuming normal operations"


def make_root(workspace):
    """Returns a new server root with its run and htdocs directories."""
    root = workspace.new_dir("httpd")
    for name in ("run", "htdocs"):
        (root / name).mkdir()
        process.give_to_server(root / name)
    return root


def check(workspace, site):
    """Runs `httpd -t` on the configuration; returns (exit code, text of standard error)."""
    root = make_root(workspace)
    conf = httpd_conf.write(site, root, 1, workspace)
    done = process.run([*without_randomness(), settings.httpd_program(), "-t", "-f", str(conf)],
                       instrumentation(workspace))
    return done.returncode, done.stderr


class Httpd:
    """An httpd under test; the fixture starts it, stops it and judges its logs."""

    def __init__(self, workspace, site, env=None):
        self._workspace = workspace
        self._env = {**instrumentation(workspace), **(env or {})}
        self.site = site
        self.root = make_root(workspace)
        self.docroot = self.root / "htdocs"
        self.runtime_dir = self.root / "run"
        self._reservation = Reservation()
        self.port = self._reservation.port
        self.url = f"{'https' if site.tls else 'http'}://127.0.0.1:{self.port}"
        self._allowed = []
        self._loads = []
        self._process = None
        self._told = False  # to stop
        self._survivors = []
        self._marks = []

    # Life

    def start(self):
        """Writes the configuration and starts httpd; returns when it serves, raises with all logs when it does not."""
        ready = self._ready_count()
        self._launch()
        try:
            wait_until(lambda: not self.running() or self._ready_count() > ready, 10, what="the start of httpd")
        except TimeoutError as late:
            raise RuntimeError(self._explain(str(late))) from None
        if not self._process.running():
            raise RuntimeError(self._explain(f"httpd ended with exit code {self._process.exit_code} while starting"))

    def start_and_fail(self):
        """Starts an httpd that is expected to end by itself with an error; its log lines are not judged."""
        self._launch()
        if not self._process.wait(10):
            raise AssertionError("httpd was expected not to start, but runs")
        assert self._process.exit_code != 0, self._explain("httpd was expected to end with an error")
        self.allow_log(r":(warn|error|crit|alert|emerg)\]")

    def _launch(self):
        self._mark(())
        self._told = False
        conf = httpd_conf.write(self.site, self.root, self.port, self._workspace)
        argv = [*without_randomness(), settings.httpd_program(), "-DFOREGROUND", "-f", str(conf)]
        self._process = process.Process(argv, self.root, self.root / "stderr.log", self._env)

    def _ready_count(self):
        return self.error_log().count(_READY)

    @property
    def pid(self):
        """The parent process."""
        return self._process.pid

    @property
    def exit_code(self):
        """The parent's exit code, None while it runs."""
        return self._process.exit_code

    def running(self):
        return self._process is not None and self._process.running()

    def stop(self):
        """Stops httpd and what is left of its process group; loads still running are ended first."""
        self.begin_stop()
        if self._process is not None:
            self._survivors += self._process.stop()
            self._process = None

    def _end_loads(self):
        for load in self._loads:
            load.stop()
        self._loads.clear()

    def begin_stop(self):
        """Tells httpd to stop and does not wait for it."""
        self._end_loads()
        if self._process is not None and self._process.running() and not self._told:
            slow = self.site.http2 or settings.SANITIZE
            self._mark(log.STOPPING + (log.SLOW_STOP if slow else ()))
            settle(self.port)
            self._told = True
            self._process.terminate()

    def stops(self, timeout):
        """Says whether httpd, told to stop, has ended within `timeout` seconds (scaled)."""
        return self._process is None or self._process.wait(timeout)

    def stop_judging(self):
        """What httpd logs from now on is the doing of the fixtures; only crashes still count."""
        self._mark(None)

    def _mark(self, also_allowed):
        """From here in the error log these patterns are allowed too; None: everything but a crash is."""
        self._marks.append((len(self.error_log()), also_allowed))

    def kill(self):
        """Kills the parent and its children at one blow."""
        self._process.kill_group()
        self._process = None

    def close(self):
        """Stops httpd and gives its port back; judge() may be called afterwards."""
        self.stop()
        self._reservation.close()

    def reconfigure(self, conf=None, vhost=None):
        """Rewrites the configuration file; a restart makes it count."""
        self.site.conf = self.site.conf if conf is None else conf
        self.site.vhost = self.site.vhost if vhost is None else vhost
        httpd_conf.write(self.site, self.root, self.port, self._workspace)

    def graceful(self, wait=True):
        """Restarts gracefully (SIGUSR1); with `wait`, returns when the new configuration is in force.

        Stock httpd may start the new generation's children only a second later; connections wait that long. Children of
        before may take a connection more until they have heard of it: that is waited for, too, some seconds at most.
        """
        before = self._restart(signal.SIGUSR1, wait)
        end = time.monotonic() + settings.scale(4)
        while wait and time.monotonic() < end and any(accepts(pid, self.port) for pid in before):
            time.sleep(0.002)

    def restart_hard(self, wait=True):
        """Restarts at once (SIGHUP), breaking the requests in progress.

        A worker that waits for a hung backend holds this up for some 10 s, as it does with stock httpd.
        """
        self.allow_log(*log.STOPPING)
        self._restart(signal.SIGHUP, wait)

    def _restart(self, number, wait):
        """Returns the children of before; some may have been started only while the signal was on its way."""
        ready = self._ready_count()
        before = set(self.children())

        def is_over():
            children = self.children()
            if not self.running() or self._ready_count() > ready:
                return True
            before.update(children)
            return False

        self._process.send(number)
        if wait:
            wait_until(is_over, 15, what="the restart of httpd")
            assert self.running(), self._explain("httpd ended instead of restarting")
        return before

    def children(self):
        """Returns the process ids of httpd's children."""
        return process.children_of(self.pid)

    def memory_kib(self):
        """Returns the most memory that any child has had."""
        texts = [pathlib.Path(f"/proc/{pid}/status").read_text() for pid in self.children()]
        return max(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) for text in texts)

    def kill_child(self, pid=None):
        """Kills a child by SIGKILL (the first, if none is named) and returns its id.

        httpd logs nothing of one such death; its complaint about a third within a second is announced.
        """
        pid = pid or self.children()[0]
        self.allow_log(rf"child pid {pid} exit signal Killed", "AH10392")
        os.kill(pid, signal.SIGKILL)
        return pid

    # Requests

    def get(self, path="/", headers=None, method="GET", body=None, timeout=5, host=None):
        """Sends one request on a new connection; see client.Session.get() for what may be raised."""
        return client.request(self.port, path, self.site.tls, headers=headers, method=method, body=body,
                              timeout=timeout, host=host)

    def h2get(self, path="/", headers=None, method="GET", body=None, timeout=5, host=None):
        """Sends one HTTP/2 request through curl, over TLS or (tls=False) by prior knowledge; needs http2=True."""
        return http2.request(self.url, path, headers, method, body, timeout, host)

    def session(self, timeout=5):
        """Returns a client.Session: one keep-alive connection."""
        return client.Session(self.port, self.site.tls, timeout)

    def connect(self, timeout=5):
        """Returns a connected socket."""
        return client.connect(self.port, self.site.tls, timeout)

    def raw(self, data, timeout=2):
        """Sends bytes; returns what comes back until httpd closes or `timeout` seconds pass."""
        return client.raw(self.port, data, self.site.tls, timeout)

    def load(self, rate=100, seconds=3, path="/", headers=None, method="GET", connections=20, **options):
        """Starts a background load; see load.Load."""
        load = Load(self._workspace, self.url, rate=rate, seconds=seconds, path=path, headers=headers, method=method,
                    connections=connections, **options)
        self._loads.append(load)
        return load

    # Logs

    def _read(self, name):
        path = self.root / name
        return path.read_text(errors="replace") if path.exists() else ""

    def error_log(self):
        return self._read("error.log")

    def access_log(self):
        return self._read("access.log")

    def stderr(self):
        return self._read("stderr.log")

    def log_lines(self, pattern):
        """Returns the error log's lines that contain the text or match the regular expression."""
        return [line for line in self.error_log().splitlines() if log.matches(line, [pattern])]

    def wait_log(self, pattern, timeout=30, count=1):
        """Waits until the error log has `count` matching lines and returns all that match."""
        def enough():
            lines = self.log_lines(pattern)
            return lines if len(lines) >= count else None
        try:
            return wait_until(enough, timeout)
        except TimeoutError:
            raise TimeoutError(self._explain(f"no {count} lines of {pattern!r} within {timeout} s")) from None

    def allow_log(self, *patterns):
        """Announces lines of warn and above, or crashes, that the test provokes: text or regular expressions."""
        for pattern in patterns:
            re.compile(pattern)
        self._allowed += patterns

    def judge(self):
        """Returns what is wrong with a stopped httpd: unannounced log lines, processes that outlived it."""
        text = self.error_log()
        found = log.problems(self.stderr(), self._allowed)
        ends = [start for start, _ in self._marks[1:]] + [len(text)]
        for (start, also), end in zip(self._marks, ends):
            if also is None:
                found += log.crashes(text[start:end], self._allowed)
            else:
                found += log.problems(text[start:end], [*self._allowed, *also])
        if self._survivors:
            found.append(f"processes {self._survivors} had to be killed after httpd was told to stop")
        return found

    def _explain(self, headline):
        """Returns a message with the latest words of httpd."""
        return "\n".join([headline, *self.stderr().splitlines()[-20:], *self.error_log().splitlines()[-20:]])

    def describe(self):
        """Returns the configuration, standard error and error log, long files shortened."""
        parts = []
        last = slice(-80, None)
        for name, shown in (("httpd.conf", slice(150)), ("stderr.log", last), ("error.log", last)):
            lines = self._read(name).splitlines()[shown]
            parts += [f"---- {self.root / name}", *(line[:500] for line in lines)]
        return "\n".join(parts)
