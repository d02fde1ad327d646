# SPDX-License-Identifier: Apache-2.0
"""A MogileFS tracker for tests, over a database with MogileFS's tables: tracker_server.py PORT DB-SOCKET DB-NAME.

It answers as MogileFS-Server 2.73 does; test_mogile_tracker.py holds it against recorded exchanges. On demand it
misbehaves: "!fault MODE" says how every later request is answered ("none" is well again), "!seen" lists the requests
read so far and "!connections" tells how many connections there have been.
"""
import hashlib
import os
import random
import re
import socket
import sys
import threading
import time

try:
    from mysql_client import Mysql, MysqlError
except ImportError:  # as a part of the package, for path_of
    from .mysql_client import Mysql, MysqlError

PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_,-./\\:"
READABLE, WRITABLE = (b"alive", b"readonly", b"drain"), (b"alive",)


class Refused(Exception):
    """An ERR answer: code and text."""

    def __init__(self, code, text=None):
        super().__init__(code)
        self.code, self.text = code, text or code


def quote(value):
    value = value.encode() if isinstance(value, str) else value
    return "".join(chr(byte) if byte in PLAIN else "+" if byte == 32 else f"%{byte:02X}" for byte in value)


def unquote(value):
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), value.replace(b"+", b" "))


def arguments(text):
    """As MogileFS::Util::decode_url_args: the value ends at a second "=", a repeated name joins with NUL."""
    values = {}
    for pair in text.split(b"&"):
        name, _, value = pair.partition(b"=")
        if not pair:
            continue
        name, value = unquote(name).decode("latin-1"), unquote(value.split(b"=")[0])
        values[name] = values[name] + b"\0" + value if name in values else value
    return values


def path_of(devid, fid):
    digits = f"{fid:010d}"
    return f"/dev{devid}/{digits[0]}/{digits[1:4]}/{digits[4:7]}/{digits}.fid"


class Queries:
    """The commands, over one connection to the database."""

    def __init__(self, db_socket, db_name):
        self._where = db_socket, db_name
        self._db = None

    def run(self, statement, *values):
        if self._db is None:
            self._db = Mysql(*self._where)
        return self._db.query(statement, *values)

    def forget(self):
        if self._db is not None:
            self._db.close()
        self._db = None

    def domain(self, args):
        if not args.get("domain"):
            raise Refused("no_domain", "No domain provided")
        rows = self.run("SELECT dmid FROM domain WHERE namespace=%s", args["domain"])
        if not rows:
            raise Refused("unreg_domain", "Domain name invalid/not found")
        return int(rows[0][0])

    def file(self, dmid, key):
        rows = self.run("SELECT fid, length, classid, devcount, dkey FROM file WHERE dmid=%s AND dkey=%s", dmid, key)
        if not rows:
            raise Refused("unknown_key")
        return int(rows[0][0]), int(rows[0][1]), int(rows[0][2]), int(rows[0][3]), rows[0][4]

    def devices(self):
        """devid -> (device status, host status, GET base, PUT base)."""
        rows = self.run("SELECT d.devid, d.status, h.status, h.hostip, h.http_port, h.http_get_port "
                        "FROM device d JOIN host h ON h.hostid=d.hostid")
        return {int(devid): (status, host_status, f"http://{ip.decode()}:{int(get_port or 0) or int(port)}",
                             f"http://{ip.decode()}:{int(port)}")
                for devid, status, host_status, ip, port, get_port in rows}

    def key_of(self, args):
        if not args.get("key"):
            raise Refused("no_key")
        return args["key"]

    def get_paths(self, args):
        dmid = self.domain(args)
        fid = self.file(dmid, self.key_of(args))[0]
        devices = self.devices()
        on = [int(row[0]) for row in self.run("SELECT devid FROM file_on WHERE fid=%s", fid)]
        random.shuffle(on)
        usable = [devid for devid in on if devices[devid][0] in READABLE and devices[devid][1] in (b"alive", b"readonly")]
        usable.sort(key=lambda devid: devices[devid][0] == b"drain")
        chosen = usable or on[:1]  # one path as a last resort, whatever its device's state
        count = args.get("pathcount", b"")
        chosen = chosen[:max(2, int(count)) if count.isdigit() else 2]
        answer = {"paths": str(len(chosen))}
        for number, devid in enumerate(chosen, 1):
            answer[f"path{number}"] = devices[devid][2] + path_of(devid, fid)
        return answer

    def file_info(self, args):
        dmid = self.domain(args)
        fid, length, classid, devcount, key = self.file(dmid, self.key_of(args))
        on = self.run("SELECT devid FROM file_on WHERE fid=%s ORDER BY devid", fid)
        checksum = self.run("SELECT hashtype, checksum FROM checksum WHERE fid=%s", fid)
        answer = {"fid": str(fid), "domain": args["domain"], "key": key, "length": str(length),
                  "devcount": str(devcount), "class": self.class_name(dmid, classid),
                  "checksum": {b"1": "MD5:", b"2": "SHA-1:"}[checksum[0][0]] + checksum[0][1].hex() if checksum
                  else "NONE"}
        if args.get("devices") == b"1":
            answer["devids"] = b",".join(row[0] for row in on)
        return answer

    def class_name(self, dmid, classid):
        rows = self.run("SELECT classname FROM class WHERE dmid=%s AND classid=%s", dmid, classid)
        return rows[0][0] if rows else b"default"

    def create_open(self, args):
        dmid = self.domain(args)
        classid = 0
        if args.get("class"):
            rows = self.run("SELECT classid FROM class WHERE dmid=%s AND classname=%s", dmid, args["class"])
            if not rows and args["class"] != b"default":
                raise Refused("unreg_class")
            classid = int(rows[0][0]) if rows else 0
        size = int(args.get("size") or 0)
        devices = {devid: its for devid, its in self.devices().items()
                   if its[0] in WRITABLE and its[1] == b"alive" and size < 10 ** 12}
        if not devices:
            raise Refused("no_devices", "No devices found to store file")
        chosen = sorted(devices, key=lambda devid: self.rank(devid))
        self.run("INSERT INTO tempfile (createtime, classid, dmid, dkey, devids) VALUES (UNIX_TIMESTAMP(), %s, %s, %s, %s)",
                 classid, dmid, args.get("key", b""), ",".join(map(str, chosen)))
        fid = self._db.insert_id()
        if args.get("multi_dest") != b"1":
            return {"fid": str(fid), "devid": str(chosen[0]), "path": devices[chosen[0]][3] + path_of(chosen[0], fid)}
        answer = {"fid": str(fid), "dev_count": str(len(chosen))}
        for number, devid in enumerate(chosen, 1):
            answer[f"devid_{number}"] = str(devid)
            answer[f"path_{number}"] = devices[devid][3] + path_of(devid, fid)
        return answer

    def rank(self, devid):
        """Tests may want an order of destinations: heavier devices first; equal ones by chance."""
        weight = int(self.run("SELECT weight FROM device WHERE devid=%s", devid)[0][0])
        return -weight, random.random()

    def create_close(self, args):
        dmid = self.domain(args)
        for name in ("fid", "devid", "path"):
            if not args.get(name):
                raise Refused(f"no_{name}")
        fid, devid = int(args["fid"]), int(args["devid"])
        devices = self.devices()
        checksum = args.get("checksum")
        if checksum and not re.fullmatch(rb"MD5:[0-9a-f]{32}|SHA-1:[0-9a-f]{40}", checksum):
            raise Refused("invalid_checksum_format")
        if args["path"].decode() != devices[devid][3] + path_of(devid, fid):
            raise Refused("bogus_args")
        temp = self.run("SELECT classid, dkey FROM tempfile WHERE fid=%s", fid)
        if not temp:
            raise Refused("no_temp_file", "No tempfile or file already closed")
        if not args.get("key"):
            self.run("DELETE FROM tempfile WHERE fid=%s", fid)
            self.run("REPLACE INTO file_to_delete (fid) VALUES (%s)", fid)
            return {}
        size = self.stored_size(args["path"].decode())
        if size is None:
            raise Refused("size_verify_error", f"Expected: {args.get('size', b'').decode()}; actual: 0 (missing); "
                                               f"path: {args['path'].decode()}")
        if args.get("size") and size != int(args["size"]):
            raise Refused("size_mismatch", f"Expected: {int(args['size'])}; actual: {size}; path: {args['path'].decode()}")
        if checksum and args.get("checksumverify") == b"1":
            self.verify(args["path"].decode(), fid, checksum.decode())
        self.register(dmid, args["key"], fid, devid, size, int(temp[0][0]), checksum)
        return {}

    def stored_size(self, url):
        try:
            head, _ = self.ask_storage("HEAD", url)
        except OSError:
            return None
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        return int(length[1]) if b" 200 " in head.split(b"\r\n")[0] and length else None

    def verify(self, url, fid, checksum):
        kind, _, wanted = checksum.partition(":")
        found = hashlib.new({"MD5": "md5", "SHA-1": "sha1"}[kind], self.ask_storage("GET", url)[1]).hexdigest()
        if found != wanted:
            raise Refused("checksum_mismatch",
                          f"Expected: Checksum[f={fid};{kind}={wanted}]; actual: {kind}:{found}; path: {url}")

    def ask_storage(self, method, url):
        """(head, body) of a node's answer; by a bare socket, as http.client takes long to import."""
        node, _, path = url.removeprefix("http://").partition("/")
        host, _, port = node.partition(":")
        with socket.create_connection((host, int(port)), 5) as stream, stream.makefile("rb") as answer:
            stream.sendall(f"{method} /{path} HTTP/1.0\r\nHost: {node}\r\n\r\n".encode())
            head, _, body = answer.read().partition(b"\r\n\r\n")
        return head, body

    def register(self, dmid, key, fid, devid, size, classid, checksum):
        """What create_close does to the tables, in MogileFS's order."""
        old = self.run("SELECT fid FROM file WHERE dmid=%s AND dkey=%s", dmid, key)
        if checksum:
            kind, _, digest = checksum.decode().partition(":")
            self.run("REPLACE INTO checksum (fid, hashtype, checksum) VALUES (%s, %s, %s)", fid,
                     1 if kind == "MD5" else 2, bytes.fromhex(digest))
        self.run("INSERT IGNORE INTO file_on (fid, devid) VALUES (%s, %s)", fid, devid)
        self.run("REPLACE INTO file (fid, dmid, dkey, length, classid, devcount) VALUES (%s, %s, %s, %s, %s, 1)",
                 fid, dmid, key, size, classid)
        self.run("DELETE FROM tempfile WHERE fid=%s", fid)
        for row in old:
            self.run("REPLACE INTO file_to_delete (fid) VALUES (%s)", int(row[0]))

    def delete(self, args):
        dmid = self.domain(args)
        fid = self.file(dmid, self.key_of(args))[0]
        self.run("DELETE FROM file WHERE fid=%s", fid)
        self.run("REPLACE INTO file_to_delete (fid) VALUES (%s)", fid)
        return {}

    def noop(self, _args):
        return {}

    def sleep(self, args):
        time.sleep(float(args.get("duration") or 1))
        return {}

    def answer(self, line):
        """The answer to one request, with its end of line."""
        command, _, text = line.partition(b" ")
        args = arguments(text.lstrip(b" "))
        callid = args.get("callid")
        handler = getattr(self, command.decode("latin-1").lower(), None) if command in COMMANDS else None
        try:
            if handler is None:
                raise Refused("unknown_command", "Unknown server command")
            pairs = handler(args)
        except Refused as refused:
            return f"ERR {refused.code} {quote(refused.text)}{' ' + quote(callid) if callid is not None else ''}\r\n"
        except MysqlError:
            self.forget()
            return "ERR db Database+error\r\n" if command == b"create_open" else "ERR failure Operation+failed\r\n"
        if callid is not None:
            pairs = {**pairs, "callid": callid}
        items = list(pairs.items())
        random.shuffle(items)
        return "OK " + "&".join(f"{quote(name)}={quote(value)}" for name, value in items) + "\r\n"


COMMANDS = {b"get_paths", b"file_info", b"create_open", b"create_close", b"delete", b"noop", b"sleep"}


class Tracker:
    """Listens; one thread a connection."""

    def __init__(self, port, db_socket, db_name):
        self._where = db_socket, db_name
        self._fault, self._seen, self._connections = "none", [], 0
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)

    def run(self):
        while True:
            connection, _ = self._listener.accept()
            self._connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        queries = Queries(*self._where)
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    line = line.rstrip(b"\r\n")
                    if line.startswith(b"!"):
                        connection.sendall(self._admin(line[1:].decode()))
                    elif line and not self._reply(connection, queries, line):
                        break
        except OSError:
            pass
        finally:
            queries.forget()

    def _admin(self, line):
        command, _, value = line.partition(" ")
        if command == "shutdown":
            os._exit(0)
        if command == "fault":
            self._fault = value
        text = {"version": "2.73\r\n", "seen": "".join(f"{seen}\r\n" for seen in self._seen),
                "connections": f"{self._connections}\r\n"}.get(command, "")
        return text.encode("latin-1") + b".\r\n"

    def _reply(self, connection, queries, line):
        """Answers one request; returns whether the connection goes on."""
        self._seen.append(line.decode("latin-1"))
        fault, _, only = self._fault.partition(":")
        if only and not line.startswith(only.encode()):
            fault = "none"
        if fault == "hang":
            time.sleep(3600)
        if fault == "shutdown":
            os._exit(0)
        if fault == "close":
            return False
        if fault == "lost":  # done, and the answer does not arrive
            queries.answer(line)
            return False
        answer = {"garbage": "HTTP/1.1 400 Bad Request\r\n\r\n", "failure": "ERR failure Operation+failed\r\n",
                  "flood": "x" * 200_000, "elsewhere": "OK paths=1&path1=http://127.0.0.1:1/etc/passwd\r\n"}.get(fault)
        if answer is None:
            answer = queries.answer(line)
        if fault == "slow":
            time.sleep(0.1)
        data = answer.encode("latin-1")
        connection.sendall(data[:len(data) // 2] if fault == "half" else data)
        if fault == "half":
            time.sleep(3600)
        return True


if __name__ == "__main__":
    Tracker(int(sys.argv[1]), sys.argv[2], sys.argv[3]).run()
