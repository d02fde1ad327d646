# SPDX-License-Identifier: Apache-2.0
"""One process of a load: reads its job (a line of JSON), says "ready", begins at "go", writes its report as JSON."""
import asyncio
import json
import selectors
import socket
import ssl
import time
import urllib.parse


class NoAnswer(Exception):
    """The connection ended before the first byte of an answer."""


class Broken(Exception):
    """The connection ended, or became unreadable, within an answer."""


class Connection:
    """One keep-alive HTTP/1.1 connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.used = False

    def usable(self):
        return not self.writer.is_closing() and not self.reader.at_eof() and self.reader.exception() is None

    def close(self):
        self.writer.close()

    async def exchange(self, message, head_only):
        """Sends a request; returns (status, body, whether the connection may be kept)."""
        try:
            self.writer.write(message)
            head = await self.reader.readuntil(b"\r\n\r\n")
            while head.startswith((b"HTTP/1.1 100", b"HTTP/1.1 103")):
                head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            raise (Broken("closed within the head") if end.partial else NoAnswer("closed without an answer")) from None
        except ConnectionError as error:
            raise NoAnswer(type(error).__name__) from None
        status, headers = parse_head(head)
        try:
            body, framed = await self.read_body(status, headers, head_only)
        except asyncio.IncompleteReadError:
            raise Broken(f"closed within the body, status {status}") from None
        except ConnectionError as error:
            raise Broken(f"{type(error).__name__} within the body, status {status}") from None
        self.used = True
        return status, body, framed and "close" not in headers.get("connection", "").lower()

    async def read_body(self, status, headers, head_only):
        """Returns (body, whether its end was marked)."""
        if head_only or status in (204, 304):
            return b"", True
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await self.read_chunked(), True
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"])), True
        return await self.reader.read(), False

    async def read_chunked(self):
        pieces = []
        while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await self.reader.readexactly(size))
            await self.reader.readexactly(2)
        while await self.reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return b"".join(pieces)


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    try:
        status = int(lines[0].split(" ")[1])
    except (IndexError, ValueError):
        raise Broken(f"no status line: {lines[0][:60]!r}") from None
    headers = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return status, headers


class Generator:
    """The requests of one process: number `share` and every `shares`-th after it."""

    def __init__(self, job):
        self.job = job
        url = urllib.parse.urlsplit(job["url"])
        self.address = url.hostname, url.port
        self.tls = tls_context() if url.scheme == "https" else None
        count = round(job["rate"] * job["seconds"])
        self.numbers = iter(range(job["share"], count, job["shares"]))
        self.messages = [self.message(path) for path in job["paths"]]
        self.head_only = job["method"] == "HEAD"
        self.repeatable = job["method"] in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
        self.expect_body = None if job["expect_body"] is None else job["expect_body"].encode("latin-1")
        self.total = self.races = self.connections = 0
        self.errors, self.statuses, self.latencies = [], {}, []
        self.start = 0.0
        self.ended = False

    def message(self, path):
        job = self.job
        headers = list(job["headers"])
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            headers.insert(0, ("Host", f"localhost:{self.address[1]}"))
        if job["body"] and "content-length" not in names:
            headers.append(("Content-Length", str(len(job["body"]))))
        lines = [f"{job['method']} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + job["body"].encode("latin-1")

    def hear(self, connection):
        """The test says "end", or is gone: no request is begun any more."""
        asyncio.get_running_loop().remove_reader(connection)
        connection.recv(16)
        self.ended = True

    async def run(self, connection):
        asyncio.get_running_loop().add_reader(connection, self.hear, connection)
        self.start = time.monotonic()
        await asyncio.gather(*(self.client() for _ in range(self.job["connections"])))
        return {"total": self.total, "errors": self.errors, "statuses": self.statuses, "latencies": self.latencies,
                "races": self.races, "connections": self.connections}

    async def client(self):
        """Makes every request that is due while this client is free, on one connection as long as it lasts."""
        connection = None
        for number in self.numbers:
            due = self.start + number / self.job["rate"]
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if self.ended:
                break
            if -early > self.job["timeout"]:
                self.total += 1
                self.errors.append((round(due - self.start, 6), "not sent: every connection was busy"))
                continue
            message = self.messages[number % len(self.messages)]
            connection = await self.one(connection, message, due)
        if connection is not None:
            connection.close()

    async def one(self, connection, message, due):
        """Makes one request and notes what came of it; returns the connection if it may be used again."""
        self.total += 1
        held = Held(connection)
        try:
            async with asyncio.timeout(self.job["timeout"]):
                status, body, kept = await self.attempt(held, message)
        except TimeoutError:
            return self.failed(held, f"no complete answer within {self.job['timeout']:g} s")
        except (Broken, NoAnswer) as error:
            return self.failed(held, str(error))
        except (OSError, ValueError, asyncio.LimitOverrunError) as error:
            return self.failed(held, f"{type(error).__name__}: {error}")
        self.judge(status, body, due)
        if kept:
            return held.connection
        held.connection.close()
        return None

    async def attempt(self, held, message):
        if held.connection is not None and not held.connection.usable():
            held.connection.close()
            held.connection = None
        if held.connection is None:
            held.connection = await self.connect()
        used = held.connection.used
        try:
            return await held.connection.exchange(message, self.head_only)
        except NoAnswer:
            if not used or not self.repeatable:
                raise
        self.races += 1
        held.connection.close()
        held.connection = await self.connect()
        return await held.connection.exchange(message, self.head_only)

    async def connect(self):
        self.connections += 1
        return Connection(*await asyncio.open_connection(*self.address, ssl=self.tls, limit=1 << 18))

    def failed(self, held, what):
        self.errors.append((round(time.monotonic() - self.start, 6), what))
        if held.connection is not None:
            held.connection.close()

    def judge(self, status, body, due):
        now = time.monotonic()
        self.latencies.append(now - due)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        expected = self.job["expect_status"]
        if status not in expected if expected else status >= 400:
            self.errors.append((round(now - self.start, 6), f"status {status}"))
        elif self.expect_body is not None and not self.head_only and body != self.expect_body:
            self.errors.append((round(now - self.start, 6), f"wrong body of {len(body)} bytes: {body[:40]!r}"))


class Held:
    """The connection a request is using; a retry changes it."""

    def __init__(self, connection):
        self.connection = connection


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one reads all authorities there are
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def run(control):
    """Makes the load that it is told over the control socket, a descriptor."""
    with socket.socket(fileno=control) as connection, connection.makefile("rw") as control:
        generator = Generator(json.loads(control.readline()))
        # select() waits to the microsecond; epoll's whole milliseconds would make every request late.
        selector = selectors.SelectSelector() if generator.job["connections"] < 500 else selectors.DefaultSelector()
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            print("ready", file=control, flush=True)
            if control.readline():
                json.dump(runner.run(generator.run(connection)), control)
