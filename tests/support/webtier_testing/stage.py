# SPDX-License-Identifier: Apache-2.0
"""The servers of one test."""
import contextlib

from . import httpd, httpd_conf
from .app import App
from .memcached import Memcached
from .mogile import Mogile
from .nginx import Nginx
from .perlbal import Perlbal

_GRACE = 0.3  # seconds that httpd gets to stop before the application servers are killed
_PROMPT = 5  # seconds it may take altogether; after 3 it complains about its children itself

class HttpdFactory:
    """What the fixture `httpd` is: call it for a running httpd, or check() a configuration."""

    def __init__(self, workspace, started):
        self._workspace = workspace
        self._started = started

    def __call__(self, modules=(), conf="", vhost="", mpm="event", extra=(), tls=False, http2=False, expect_start=True,
                 stock=httpd_conf.STOCK, env=None):
        """Returns a started Httpd; with expect_start=False, one that has refused to start.

        modules  names of ours ("health") or of test-only DSOs      extra  stock modules beside the usual ones
        stock    the usual ones (httpd_conf.STOCK)                  env    additional environment
        """
        server = httpd.Httpd(self._workspace, httpd_conf.Site(tuple(modules), conf, vhost, mpm, tuple(extra), tls,
                                                              http2, tuple(stock)), env)
        self._started.append(server)
        if expect_start:
            server.start()
        else:
            server.start_and_fail()
        return server

    def check(self, modules=(), conf="", vhost="", mpm="event", extra=(), tls=False, http2=False,
              stock=httpd_conf.STOCK):
        """Runs `httpd -t`; returns (exit code, text of standard error)."""
        return httpd.check(self._workspace, httpd_conf.Site(tuple(modules), conf, vhost, mpm, tuple(extra), tls, http2,
                                                            tuple(stock)))


class Stage:
    """Starts servers for a test and ends them in good order."""

    def __init__(self, workspace):
        self._workspace = workspace
        self._httpds = []
        self._backends = []
        self.httpd = HttpdFactory(workspace, self._httpds)

    def app(self, **behaviour):
        """Returns a started App; `behaviour` as for App.behave()."""
        server = self._backend(App(self._workspace))
        if behaviour:
            server.behave(**behaviour)
        return server

    def memcached(self, args=()):
        """Returns a started Memcached with additional command line arguments."""
        return self._backend(Memcached(self._workspace, args))

    def nginx(self, extra=""):
        """Returns a started Nginx, a storage node with dav."""
        return self._backend(Nginx(self._workspace, extra))

    def perlbal(self, app):
        """Returns a started Perlbal in front of an App."""
        return self._backend(Perlbal(self._workspace, app))

    def mogile(self, mariadb, trackers=2, nodes=3):
        """Returns a started Mogile over the server mariadb."""
        return self._backend(Mogile(self._workspace, mariadb, trackers, nodes))

    def _backend(self, server):
        self._backends.append(server)
        return server

    def end(self):
        """Ends all servers, httpd before what it talks to; returns what is wrong with them."""
        with contextlib.ExitStack() as ends:
            for server in (*self._backends, *self._httpds):
                ends.callback(server.close)
            found = self._stop_httpds()
        found += [f"httpd {server.port}: {problem}" for server in self._httpds for problem in server.judge()]
        found += [f"app {app.port}: {app.output()}" for app in self._apps() if "Traceback" in app.output()]
        return found + self.sanitizer_reports(forget=True)

    def _stop_httpds(self):
        """Tells every httpd to stop and returns complaints about those that do not do so soon."""
        for server in self._httpds:
            server.begin_stop()
        if not all(server.stops(_GRACE) for server in self._httpds):
            self._release_workers()
        return [f"httpd {server.port}: still ran {_PROMPT} s after it was told to stop" for server in self._httpds
                if not server.stops(_PROMPT) and not server.site.http2]

    def _release_workers(self):
        """Kills the application servers: a worker that waits for a hung one would keep httpd from ending."""
        for server in self._httpds:
            server.stop_judging()
        for app in self._apps():
            app.kill()

    def _apps(self):
        return [server for server in self._backends if isinstance(server, App)]

    def sanitizer_reports(self, forget=False):
        """Returns the texts of the sanitizers' reports so far, removing them if told to."""
        reports = sorted(self._workspace.sanitizer_dir.iterdir())
        texts = [path.read_text(errors="replace") for path in reports]
        if forget:
            for path in reports:
                path.unlink()
        return texts

    def sections(self):
        """Returns (title, text) pairs for pytest's report of a failure."""
        shown = [(f"httpd {server.port}", server.describe()) for server in self._httpds]
        shown += [(f"app {app.port}", app.output()) for app in self._apps() if app.output()]
        return shown + [("sanitizer", text) for text in self.sanitizer_reports()]
