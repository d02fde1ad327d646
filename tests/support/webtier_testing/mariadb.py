# SPDX-License-Identifier: Apache-2.0
"""A mariadbd process, one a test process, with a database for each test."""
import fcntl
import itertools
import pathlib
import shutil
import signal

from . import process, settings
from .mysql_client import Mysql, MysqlError
from .ports import Reservation
from .wait import wait_until

_QUICK = ["--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=2",
          "--innodb-doublewrite=0", "--innodb-flush-method=nosync", "--performance-schema=0", "--skip-log-bin",
          "--key-buffer-size=1M", "--max-connections=200", "--skip-name-resolve", "--thread-cache-size=0",
          "--aria-log-file-size=8M", "--aria-pagecache-buffer-size=1M"]


def _template(workspace):
    """The files of a server without databases, made once in the build directory: that takes seconds."""
    version = process.run([settings.program("mariadbd"), "--no-defaults", "--version"]).stdout.split()[2]
    folder = settings.BUILD / f"mariadb-{version}"
    with open(f"{folder}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = workspace.new_dir("mariadb-template") / "data"
            ran = process.run([settings.program("mariadb-install-db"), "--no-defaults", f"--datadir={made}",
                               "--auth-root-authentication-method=normal", "--skip-test-db", *_QUICK], timeout=60,
                              cwd=made.parent)
            if ran.returncode != 0:
                raise RuntimeError(f"mariadb-install-db failed: {ran.stdout}{ran.stderr}")
            shutil.copytree(made, f"{folder}.new")
            pathlib.Path(f"{folder}.new").rename(folder)
    return folder


class MariaDb:
    """A server on a port of 127.0.0.1 and a Unix socket; root has no password on the socket."""

    def __init__(self, workspace):
        self._root = workspace.new_dir("mariadb")
        self._data = self._root / "data"
        self.socket = self._root / "sock"
        self._reservation = Reservation()
        self.port = self._reservation.port
        self._names = itertools.count(1)
        shutil.copytree(_template(workspace), self._data)
        for path in (self._data, *self._data.rglob("*")):
            process.give_to_server(path)
        self._start()

    def _start(self):
        argv = [settings.program("mariadbd"), "--no-defaults", f"--datadir={self._data}", f"--socket={self.socket}",
                f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self._root}/pid", *_QUICK]
        self._process = process.Process(argv, self._root, self._root / "output.log")
        wait_until(lambda: not self._process.running() or self._answers(), 30, what="the start of mariadbd")
        if not self._process.running():
            raise RuntimeError(f"mariadbd ended while starting: {(self._root / 'output.log').read_text()}")

    def _answers(self):
        try:
            Mysql(self.socket).close()
        except MysqlError:
            return False
        return True

    @property
    def pid(self):
        return self._process.pid

    def connect(self, database=None):
        return Mysql(self.socket, database)

    def make_database(self, statements):
        """Returns the name of a new database, made by these statements."""
        name = f"test{next(self._names)}"
        connection = self.connect()
        connection.query(f"CREATE DATABASE {name} CHARACTER SET latin1")
        connection.query(f"USE {name}")
        for statement in statements:
            connection.query(statement)
        connection.close()
        return name

    def drop_database(self, name):
        connection = self.connect()
        connection.query(f"DROP DATABASE {name}")
        connection.close()

    def kill(self):
        """Kills it by SIGKILL; connections are refused from now on."""
        self._process.kill_group()

    def stop(self):
        """Stops it by SIGSTOP: it accepts connections and never answers."""
        self._process.send(signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(self.pid), what="the stop of mariadbd")

    def cont(self):
        self._process.send(signal.SIGCONT)

    def revive(self):
        """Makes sure that it runs."""
        self.cont()
        if not self._process.running():
            self._start()

    def close(self):
        """Ends it by SIGKILL: it has nothing to save."""
        self._process.kill_group()
        self._reservation.close()
