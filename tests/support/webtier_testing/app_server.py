# SPDX-License-Identifier: Apache-2.0
"""An application server that misbehaves on demand: app_server.py PORT CONTROL-FD RECORDS-FILE.

Speaks keep-alive HTTP/1.1 on 127.0.0.1:PORT once the first behaviour has come. Each line on the control socket is a
JSON list of [path or null, settings] and replaces all behaviour, or null and lets go what is held; the answer is "ok". Every complete request is
written to RECORDS-FILE at once, so that it is known even if this process is killed the moment after.
"""
import asyncio
import email.utils
import json
import os
import socket
import sys
import time

from pattern import pattern

FULL_RECORDS = 20_000
RECORDED_BODY = 1 << 20
CONTROL_LINE = 1 << 28
MAX_HEAD = 1 << 18
LONGEST_HOLD = 30


class BadRequest(Exception):
    """The client's bytes are no request; answered by 400 and the end of the connection."""


class Request:
    """A request read to its end."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        try:
            self.method, self.path, self.version = lines[0].split(" ")
        except ValueError:
            raise BadRequest(lines[0]) from None
        self.headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequest(line)
            name, value = name.lower(), value.strip()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self.body = b""

    def keep_alive(self):
        tokens = self.headers.get("connection", "").lower()
        return "close" not in tokens and (self.version == "HTTP/1.1" or "keep-alive" in tokens)

    def record(self):
        return {"method": self.method, "path": self.path, "headers": self.headers,
                "body": self.body[:RECORDED_BODY].decode("latin-1"), "time": time.time()}


async def read_chunked(reader):
    pieces = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            break
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(pieces)


async def read_request(reader, writer):
    """Returns the next Request, or None when the client has closed the connection between two."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    request = Request(head[:-4])
    if "100-continue" in request.headers.get("expect", "").lower():
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        request.body = await read_chunked(reader)
    elif length := int(request.headers.get("content-length", "0")):
        request.body = await reader.readexactly(length)
    return request


def matches_etag(request, etag):
    """Says whether If-None-Match names the entity tag, by weak comparison."""
    given = request.headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return given.strip() == "*" or etag.removeprefix("W/") in tags


class Answer:
    """One answer as the settings want it: bytes of the head, the body, and how to send them."""

    def __init__(self, request, settings, port):
        self.settings = settings
        self.status = settings.get("status", 200)
        headers = {"Date": email.utils.formatdate(usegmt=True), "X-App": str(port), "Content-Type": "text/plain"}
        self.body = self._body(request, headers)
        self._validate(request, headers)
        self.bodyless = self.status in (204, 304) or self.status < 200
        self.chunked = settings.get("chunked", False) and not self.bodyless and request.version == "HTTP/1.1"
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif not self.bodyless:
            headers["Content-Length"] = str(len(self.body))
        self.headers = self._merged(headers)
        self.keep_alive = request.keep_alive() and not any(
            name.lower() == "connection" and "close" in value.lower() for name, value in self.headers)
        if not request.keep_alive():
            self.headers.append(("Connection", "close"))
        self.without_body = self.bodyless or request.method == "HEAD"

    def _body(self, request, headers):
        if self.settings.get("echo"):
            headers["Content-Type"] = "application/json"
            return json.dumps(request.record()).encode()
        if "size" in self.settings:
            return pattern(self.settings["size"])
        return self.settings.get("body", "ok\n").encode("latin-1")

    def _validate(self, request, headers):
        etag = self.settings.get("etag")
        if etag:
            quoted = etag if etag.endswith('"') else f'"{etag}"'
            headers["ETag"] = quoted
            if request.method in ("GET", "HEAD") and matches_etag(request, quoted):
                self.status = 304

    def _merged(self, defaults):
        """Returns the headers as pairs; those of the settings replace defaults, and None removes one."""
        given = self.settings.get("headers", [])
        names = {name.lower() for name, _ in given}
        return [pair for pair in defaults.items() if pair[0].lower() not in names] + [
            (name, value) for name, value in given if value is not None]

    def head(self):
        reason = self.settings.get("reason") or REASONS.get(self.status, "Status")
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def framed(self, piece):
        return b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece

    async def send(self, writer, gate):
        """Writes the answer, waiting at the gate where it is to be held; returns whether the connection may be kept."""
        if self.without_body:
            writer.write(self.head())
            return self.keep_alive
        cut = self.settings.get("truncate")
        body = self.body if cut is None else self.body[:cut]
        size, pause = self.settings.get("drip") or (len(body) or 1, 0)
        pieces = [self.framed(body[at:at + size]) for at in range(0, len(body), size)]
        end = b"0\r\n\r\n" if self.chunked and cut is None else b""
        held_at = self.settings.get("hold_at")
        if held_at is not None:
            writer.write(self.head() + self.framed(body[:held_at]))
            await gate.passed()
            writer.write(self.framed(body[held_at:]) + end)
        elif not pause:
            writer.write(self.head() + b"".join(pieces) + end)
        else:
            writer.write(self.head())
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            writer.write(end)
        await writer.drain()
        return self.keep_alive and cut is None


REASONS = {200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found",
           304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
           504: "Gateway Timeout"}


class Gate:
    """Where answers are held until the test lets them go; closed again by the next behaviour."""

    def __init__(self):
        self._event = asyncio.Event()

    def open(self):
        self._event.set()

    def close(self):
        if self._event.is_set():
            self._event = asyncio.Event()

    async def passed(self):
        """Returns once it is open; raises ConnectionError, which ends the connection, after LONGEST_HOLD seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), LONGEST_HOLD)
        except asyncio.TimeoutError:
            raise ConnectionError("held for too long") from None


class Server:
    """The behaviours in force and the connections they apply to."""

    def __init__(self, port, records):
        self.port = port
        self.behaviour = {}
        self.records = os.open(records, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.recorded = 0
        self.listener = None
        self.connections = 0
        self.gate = Gate()

    def record(self, request, connection):
        entry = {**request.record(), "connection": connection}
        self.recorded += 1
        if self.recorded > FULL_RECORDS:
            entry.update(headers={}, body="")
        os.write(self.records, json.dumps(entry).encode() + b"\n")

    def settings_for(self, path):
        for key in (path, path.partition("?")[0], None):
            if key in self.behaviour:
                return self.behaviour[key]
        return {}

    async def serve(self, reader, writer):
        self.connections += 1
        connection = self.connections
        try:
            while (request := await read_request(reader, writer)) is not None:
                self.record(request, connection)
                if not await self.answer(request, reader, writer):
                    break
        except (BadRequest, ValueError, asyncio.LimitOverrunError):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, request, reader, writer):
        settings = self.settings_for(request.path)
        if settings.get("delay"):
            await asyncio.sleep(settings["delay"])
        if settings.get("hold"):
            await self.gate.passed()
        if settings.get("hang"):
            await reader.read()
            return False
        if settings.get("close"):
            return False
        if "garbage" in settings:
            writer.write(settings["garbage"].encode("latin-1"))
            await writer.drain()
            return False
        return await Answer(request, settings, self.port).send(writer, self.gate)

    async def listen(self):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self.port))
        self.listener = await asyncio.start_server(self.serve, sock=bound, backlog=1024, limit=MAX_HEAD)

    async def obey(self, control):
        """Follows the control socket until its other end is closed."""
        reader, writer = await asyncio.open_connection(sock=control, limit=CONTROL_LINE)
        while line := await reader.readline():
            told = json.loads(line)
            if told is None:
                self.gate.open()
            else:
                self.gate.close()
                self.behaviour = dict(told)
            if self.listener is None:
                await self.listen()
            writer.write(b"ok\n")


def run(port, control, records):
    """Serves until the control socket, a descriptor, is closed."""
    asyncio.run(Server(port, records).obey(socket.socket(fileno=control)))


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
