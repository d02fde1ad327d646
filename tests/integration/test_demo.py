# SPDX-License-Identifier: Apache-2.0
"""build/demo keeps its promises, notices when it could not, and leaves nothing behind however it ends."""
import os
import pathlib
import re
import signal
import subprocess
import urllib.request

import pytest

from webtier_testing import scale, settings, wait_until


class Demo:
    """A running build/demo of the build under test."""

    def __init__(self, *options):
        self._process = subprocess.Popen([settings.REPOSITORY / "build" / "demo", *options], text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         env={**os.environ, "WEBTIER_BUILD": str(settings.BUILD)})
        self.text = ""
        self.directory = self.read_until(r"all files in (\S+):")[1]

    def read_until(self, pattern):
        """Returns the match; fails when the demo ends before it has printed that."""
        while not (found := re.search(pattern, self.text)):
            line = self._process.stdout.readline()
            assert line, f"the demo ended early:\n{self.text}"
            self.text += line
        return found

    def send(self, number):
        self._process.send_signal(number)

    def join(self):
        """Returns the exit status, negative for a signal."""
        self.text += self._process.communicate(timeout=scale(40))[0]
        return self._process.returncode

    def left(self):
        """Returns what there is of it: its directory, and processes that run in it or were told of it."""
        found = [self.directory] if os.path.exists(self.directory) else []
        return found + [path.name for path in pathlib.Path("/proc").glob("[0-9]*") if self._belongs(path)]

    def _belongs(self, process):
        try:
            return (self.directory in (process / "cmdline").read_text() or
                    str((process / "cwd").readlink()).startswith(self.directory))
        except OSError:
            return False


def test_once():
    demo = Demo("--once")
    assert demo.join() == 0, demo.text
    sent, failed = map(int, re.search(r"(\d+) requests, (\d+) failed", demo.text).groups())
    assert sent > 100 and failed == 0
    assert "200 times a hit" in demo.text and "asked 1 time," in demo.text
    assert demo.text.rstrip().endswith("is as it should be.")
    assert demo.left() == []


def test_stays_up_until_ctrl_c():
    demo = Demo()
    url = demo.read_until(r"its status +(\S+)\n")[1]
    demo.read_until("until Ctrl-C")
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert b"application" in answer.read()
    assert len(demo.left()) > 5  # so that what follows could fail
    demo.send(signal.SIGINT)
    assert demo.join() == 0, demo.text
    assert demo.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["1. The application servers", "3. An application server dies"])
def test_interrupted(number, moment):
    demo = Demo("--once")
    demo.read_until(moment)
    demo.send(number)
    assert demo.join() == 128 + number
    assert demo.left() == []


def test_killed():
    demo = Demo("--once")
    demo.read_until("3. An application server dies")
    demo.send(signal.SIGKILL)
    assert demo.join() == -signal.SIGKILL
    wait_until(lambda: demo.left() == [])


def test_notices_that_nothing_is_cached():
    """memcached is killed before the cache's turn."""
    demo = Demo("--once")
    os.kill(int(demo.read_until(r"memcached .* process (\d+)")[1]), signal.SIGKILL)
    assert demo.join() == 1
    assert "FAILED" in demo.text and "as it should be" not in demo.text
    assert demo.left() == []


def test_notices_that_a_server_is_missing():
    """An application server dies that the demonstration does not restart."""
    demo = Demo("--once")
    os.kill(int(demo.read_until(r"application server 1 .* process (\d+)")[1]), signal.SIGKILL)
    assert demo.join() == 1
    assert "FAILED" in demo.text and "as it should be" not in demo.text
    assert demo.left() == []
