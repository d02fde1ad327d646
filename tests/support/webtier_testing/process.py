# SPDX-License-Identifier: Apache-2.0
"""Starting and ending server processes, each the leader of a process group of its own."""
import atexit
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import time

from .settings import SANITIZE, scale

# Whether servers are sessions of their own too. The kernel's autogroups share the CPU among sessions, not threads.
own_sessions = True

_reaper = None


def _tell_reaper(line):
    """Tells the reaper (one a Python process, started at the first call) what to end if this process is killed."""
    global _reaper
    if _reaper is None:
        script = pathlib.Path(__file__).with_name("reaper.py")
        _reaper = subprocess.Popen([sys.executable, "-S", "-E", str(script)], stdin=subprocess.PIPE, cwd="/",
                                   start_new_session=True, stdout=subprocess.DEVNULL)
        atexit.register(_end_reaper)
    _reaper.stdin.write(line.encode() + b"\n")
    _reaper.stdin.flush()


def _end_reaper():
    _reaper.stdin.close()
    _reaper.wait()


def remove_if_killed(directory):
    """Has the directory removed when this Python process ends, however it ends."""
    _tell_reaper(f"={directory}")


def watch(group):
    """Has a process group killed when this Python process ends without forget()."""
    _tell_reaper(f"+{group}")


def forget(group):
    _tell_reaper(f"-{group}")


def unprivileged():
    """Returns the passwd entry servers run as when the tests run as root; None when they do not."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def give_to_server(path):
    """Makes a file or directory belong to the user that servers run as."""
    user = unprivileged()
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)


def _as_unprivileged(argv):
    """Returns (arguments, options) for subprocess that run argv as the servers' user.

    Python forks for the option user, which costs a large process milliseconds; setpriv needs none. What a sanitizer's
    library is loaded into is started directly.
    """
    user = unprivileged()
    if not user:
        return argv, {}
    if SANITIZE:
        return argv, {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return ["/usr/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--", *argv], {}


def _as_leader():
    return {"start_new_session": True} if own_sessions else {"process_group": 0}


def environment(extra=None):
    """Returns a small, fixed environment for servers, with `extra` added."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "TZ": "UTC", **(extra or {})}


def run(argv, env=None, timeout=20, **options):
    """Runs a program to its end as the servers' user; returns the CompletedProcess with text output."""
    argv, user = _as_unprivileged(argv)
    return subprocess.run(argv, env=environment(env), timeout=scale(timeout), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", **user, **options)


def _stat(pid):
    """Returns (state, parent, process group) of a process, or None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2:].split()
    return fields[0], int(fields[1]), int(fields[2])


def is_running(pid):
    """Says whether the process exists and is not a zombie."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def is_stopped(pid):
    """Says whether the process has been stopped by a signal."""
    stat = _stat(pid)
    return stat is not None and stat[0] == "T"


def _running():
    for entry in os.listdir("/proc"):
        stat = _stat(entry) if entry.isdigit() else None
        if stat and stat[0] not in "ZX":
            yield int(entry), stat


def children_of(pid):
    """Returns the ids of the running children of a process, in ascending order."""
    return sorted(child for child, (_, parent, _) in _running() if parent == pid)


def group_members(group):
    """Returns the ids of the running processes of a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return []
    return sorted(pid for pid, (_, _, of) in _running() if of == group)


class _Adopted:
    """A child that another process has forked for this one; Popen as far as Process needs it."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    def _wait(self, options):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def poll(self):
        return self._wait(os.WNOHANG)

    def wait(self):
        return self._wait(0)


def _reap(group):
    """Takes note of the ends of a group's processes whose parent has gone before them (nursery.py)."""
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


class Process:
    """A server process: unprivileged, leader of its own process group, ended with its whole group."""

    def __init__(self, argv, cwd, output, env=None, pass_fds=()):
        """Starts argv in directory cwd; standard output and error are appended to the file `output`."""
        argv, user = _as_unprivileged(argv)
        with open(output, "ab") as sink:
            self._popen = subprocess.Popen(argv, cwd=cwd, env=environment(env), stdin=subprocess.DEVNULL, stdout=sink,
                                           stderr=sink, pass_fds=pass_fds, **_as_leader(), **user)
        self.pid = self._popen.pid
        watch(self.pid)

    @classmethod
    def adopt(cls, pid):
        """Returns a child of this process that is the leader of its group already."""
        made = cls.__new__(cls)
        made._popen, made.pid = _Adopted(pid), pid
        watch(pid)
        return made

    @property
    def exit_code(self):
        """The exit code, or None while the process runs; negative is the signal that ended it."""
        return self._popen.poll()

    def running(self):
        return self.exit_code is None

    def send(self, number):
        """Sends a signal to the process itself; does nothing when it has ended."""
        if self.running():
            os.kill(self.pid, number)

    def wait(self, timeout):
        """Waits for the end (seconds, scaled); returns whether it came."""
        deadline = time.monotonic() + scale(timeout)
        while self.running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def terminate(self):
        """Asks the process to end, and wakes it if it is stopped; does not wait."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)

    def stop(self, timeout=10):
        """Ends the process by SIGTERM and its group by SIGKILL; returns the group's members that outlived it.

        A process that does not end within `timeout` seconds is itself among the members returned.
        """
        self.terminate()
        self.wait(timeout)
        survivors = group_members(self.pid)
        self.kill_group()
        return survivors

    def kill_group(self):
        """Kills the whole process group and waits until nothing of it runs."""
        deadline = time.monotonic() + scale(10)
        while group_members(self.pid):
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                break
            self._popen.poll()
            if time.monotonic() > deadline:
                raise RuntimeError(f"process group {self.pid} survived SIGKILL: {group_members(self.pid)}")
            time.sleep(0.002)
        self._popen.wait()
        _reap(self.pid)
        forget(self.pid)
