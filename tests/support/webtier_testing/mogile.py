# SPDX-License-Identifier: Apache-2.0
"""A MogileFS installation: trackers over a real database, and storage nodes."""
import hashlib
import signal
import socket
import sys

from . import process
from .nginx import Nginx
from .ports import Reservation
from .settings import scale
from .tracker_server import path_of
from .wait import wait_until

# The tables as MogileFS's Store.pm makes them, as far as look-ups and uploads use them.
TABLES = (
    "CREATE TABLE domain (dmid SMALLINT UNSIGNED NOT NULL PRIMARY KEY, namespace VARCHAR(255), UNIQUE (namespace))",
    "CREATE TABLE class (dmid SMALLINT UNSIGNED NOT NULL, classid TINYINT UNSIGNED NOT NULL, PRIMARY KEY (dmid, classid), "
    "classname VARCHAR(50), UNIQUE (dmid, classname), mindevcount TINYINT UNSIGNED NOT NULL, hashtype TINYINT UNSIGNED)",
    "CREATE TABLE file (fid INT UNSIGNED NOT NULL PRIMARY KEY, dmid SMALLINT UNSIGNED NOT NULL, dkey VARCHAR(255), "
    "UNIQUE dkey (dmid, dkey), length BIGINT UNSIGNED, classid TINYINT UNSIGNED NOT NULL, "
    "devcount TINYINT UNSIGNED NOT NULL)",
    "CREATE TABLE tempfile (fid INT UNSIGNED NOT NULL PRIMARY KEY AUTO_INCREMENT, createtime INT UNSIGNED NOT NULL, "
    "classid TINYINT UNSIGNED NOT NULL, dmid SMALLINT UNSIGNED NOT NULL, dkey VARCHAR(255), devids VARCHAR(60))",
    "CREATE TABLE file_to_delete (fid INT UNSIGNED NOT NULL PRIMARY KEY)",
    "CREATE TABLE file_on (fid INT UNSIGNED NOT NULL, devid MEDIUMINT UNSIGNED NOT NULL, PRIMARY KEY (fid, devid))",
    "CREATE TABLE host (hostid MEDIUMINT UNSIGNED NOT NULL PRIMARY KEY, status ENUM('alive','dead','down','readonly'), "
    "http_port MEDIUMINT UNSIGNED DEFAULT 7500, http_get_port MEDIUMINT UNSIGNED, hostname VARCHAR(40), "
    "hostip VARCHAR(15), altip VARCHAR(15), altmask VARCHAR(18))",
    "CREATE TABLE device (devid MEDIUMINT UNSIGNED NOT NULL PRIMARY KEY, hostid MEDIUMINT UNSIGNED NOT NULL, "
    "status ENUM('alive','dead','down','readonly','drain'), weight MEDIUMINT DEFAULT 100)",
    "CREATE TABLE checksum (fid INT UNSIGNED NOT NULL PRIMARY KEY, hashtype TINYINT UNSIGNED NOT NULL, "
    "checksum VARBINARY(64) NOT NULL)",
    "INSERT INTO domain VALUES (1, 'web'), (2, 'other')",
    "INSERT INTO class VALUES (1, 1, 'photo', 2, 1), (1, 2, 'thumb', 1, NULL)",
    "INSERT INTO tempfile (fid, createtime, classid, dmid) VALUES (100, 0, 0, 1)",
    "DELETE FROM tempfile",
)


class Tracker:
    """One tracker process; it keeps its port when it is killed and restarted."""

    def __init__(self, workspace, db_socket, database):
        self._workspace = workspace
        self._root = workspace.new_dir("tracker")
        self._where = str(db_socket), database
        self._reservation = Reservation()
        self.port = self._reservation.port
        self.address = f"127.0.0.1:{self.port}"
        self._process = None
        self.restart()

    def restart(self):
        self.kill()
        script = self._workspace.script("tracker_server.py")
        argv = [sys.executable, "-S", "-E", str(script), str(self.port), *self._where]
        self._process = process.Process(argv, self._root, self._root / "output.log")
        wait_until(lambda: not self._process.running() or self._listens(), 10, what="the start of a tracker")
        if not self._process.running():
            raise RuntimeError(f"the tracker ended while starting: {self.output()}")

    def _listens(self):
        try:
            return self.admin("version")
        except OSError:
            return None

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.running()

    def output(self):
        return (self._root / "output.log").read_text(errors="replace")

    def exchange(self, line):
        """Sends one request's bytes; returns the line of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), scale(5)) as stream, stream.makefile("rb") as lines:
            stream.sendall(line)
            return lines.readline()

    def admin(self, command):
        """Sends "!command"; returns the lines of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), scale(5)) as stream, stream.makefile("rb") as lines:
            stream.sendall(f"!{command}\r\n".encode())
            return [line.decode("latin-1").rstrip("\r\n") for line in iter(lines.readline, b".\r\n") if line]

    def fault(self, mode):
        """Every later request is answered like that: none hang half garbage flood failure close lost slow shutdown
        elsewhere; "hang:create" only those whose line begins so."""
        self.admin(f"fault {mode}")

    def seen(self, command=""):
        """The requests read so far that begin with command."""
        return [line for line in self.admin("seen") if line.startswith(command)]

    def connections(self):
        """How many connections of others there have been."""
        return int(self.admin("connections")[0])

    def kill(self):
        if self._process:
            self._process.kill_group()

    def stop(self):
        """Stops it by SIGSTOP: the kernel accepts connections, nothing is answered."""
        self._process.send(signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(self.pid), what="the stop of the tracker")

    def cont(self):
        self._process.send(signal.SIGCONT)

    def close(self):
        self.kill()
        self._reservation.close()


class Mogile:
    """Trackers, nodes (device N on node N, from 1 on) and their database."""

    def __init__(self, workspace, mariadb, trackers=2, nodes=3):
        self.mariadb = mariadb
        mariadb.revive()
        self.database = mariadb.make_database(TABLES)
        self._db = mariadb.connect(self.database)
        self.nodes = [Nginx(workspace) for _ in range(nodes)]
        for number, node in enumerate(self.nodes, 1):
            self.sql("INSERT INTO host VALUES (%s, 'alive', %s, NULL, %s, '127.0.0.1', NULL, NULL)", number, node.port,
                     f"s{number}")
            self.sql("INSERT INTO device VALUES (%s, %s, 'alive', %s)", number, number, 100 - number)
        self.trackers = [Tracker(workspace, mariadb.socket, self.database) for _ in range(trackers)]
        self._fids = iter(range(1, 100))

    def sql(self, statement, *values):
        return self._db.query(statement, *values)

    def store(self, key, body, on=(1, 2), domain=1, checksum=True):
        """Makes a file with copies on these devices; returns its fid."""
        fid = next(self._fids)
        self.sql("INSERT INTO file VALUES (%s, %s, %s, %s, 1, %s)", fid, domain, key, len(body), len(on))
        for devid in on:
            self.sql("INSERT INTO file_on VALUES (%s, %s)", fid, devid)
            self.nodes[devid - 1].put(path_of(devid, fid), body)
        if checksum:
            self.sql("INSERT INTO checksum VALUES (%s, 1, %s)", fid, hashlib.md5(body).digest())
        return fid

    def reader(self, password):
        """Makes an account that may only read, over TCP; returns its name."""
        name = f"reader_{self.database}"
        self.sql(f"CREATE OR REPLACE USER {name}@'127.0.0.1' IDENTIFIED BY %s", password)
        self.sql(f"GRANT SELECT ON {self.database}.* TO {name}@'127.0.0.1'")
        return name

    def copy(self, devid, fid):
        """The file of a copy on its node."""
        return self.nodes[devid - 1].docs / path_of(devid, fid).lstrip("/")

    def files(self):
        """What is registered: key -> (fid, length)."""
        return {key.decode(): (int(fid), int(length))
                for key, fid, length in self.sql("SELECT dkey, fid, length FROM file")}

    def trackers_line(self):
        return " ".join(tracker.address for tracker in self.trackers)

    def close(self):
        for server in (*self.trackers, *self.nodes):
            server.close()
        self._db.close()
        self.mariadb.revive()
        self.mariadb.drop_database(self.database)
