# SPDX-License-Identifier: Apache-2.0
"""Members of a balancer that do anything, by HTTP and FastCGI, and clients that know what each answer has to be."""
import asyncio
import collections
import hashlib
import os
import random
import struct
import time

from adversary_server import Asker, Server, chunked, head_of, send_in_two

MODES = ("well",) * 4 + ("slow", "hang", "garbage", "cut", "cut head", "empty", "reset", "503", "408", "500", "in two", "interim", "stop reading")
GARBAGE = (b"garbage\r\n\r\n", b"\0\1\2" * 30, b"HTTP/1.1 20\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad line\r\n\r\nxxx", b"HTTP/9.9 200 OK\r\n\r\n",
           b"<html>hallo</html>")
INTERIM = (b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
SIZES = (0, 1, 50, 3000, 9000, 40000, 70000, 200000)
ONCE = ("POST", "PATCH")
ERRORS = (408, 416, 500, 502, 503, 504)
END, PARAMS, STDIN, STDOUT = 3, 4, 5, 6  # FastCGI


def content(member, name, size):
    """Returns the body that a member answers a request with."""
    head = f"{member}|{name}|".encode()
    line = hashlib.sha1(head).hexdigest().encode()
    return head + (line * (size // len(line) + 1))[:size] + b"|end"


def digest(body):
    return f"{len(body)}-{hashlib.sha1(body).hexdigest()}"


def pairs_of(params):
    """Reads the names and values of a FastCGI request."""
    found, at = {}, 0
    while at < len(params):
        sizes = []
        for _ in range(2):
            long = params[at] & 0x80
            sizes.append(struct.unpack("!I", params[at:at + 4])[0] & 0x7fffffff if long else params[at])
            at += 4 if long else 1
        name, value = params[at:at + sizes[0]], params[at + sizes[0]:at + sum(sizes)]
        found[name.decode("latin-1")] = value.decode("latin-1")
        at += sum(sizes)
    return found


class Members(Server):
    """All of them; `modes` is what each does. `had`: which members have had the whole of a request."""

    def __init__(self, seed, count=3):
        super().__init__()
        self.had = collections.defaultdict(list)
        self._chance = random.Random(seed)
        self.modes = {f"http{number}": "well" for number in range(count)} | {"fcgi": "well"}
        self.urls = {name: f"http://127.0.0.1:{self.speak(self._answerer(name))}" for name in self.modes if name != "fcgi"}
        self.urls["fcgi"] = f"fcgi://127.0.0.1:{self.listen(self._serve_fcgi)}"

    def change(self):
        """Has one of them do something else."""
        self.modes[self._chance.choice(list(self.modes))] = self._chance.choice(MODES)

    def _answerer(self, member):
        async def answer(request, writer):
            self.had[request.fields.get("X-Name")].append(member)
            return await self._answer(member, request, writer)
        return answer

    def _page(self, member, name, path, body):
        """Returns the fields and the body of a good answer."""
        fields = [("X-Member", member), ("X-Name", name), ("X-Had", digest(body)), ("Cache-Control", "no-store"),
                  ("Content-Type", self._chance.choice(("text/plain", "text/html", "image/png")))]
        return fields, content(member, name, int(path.rpartition("=")[2]))

    async def _answer(self, member, request, writer):
        chance, mode = self._chance, self.modes[member]
        if mode in ("slow", "hang"):
            await asyncio.sleep(chance.random() if mode == "slow" else 20)
        if mode in ("empty", "reset", "stop reading", "garbage"):
            writer.write(chance.choice(GARBAGE) if mode == "garbage" else b"")
            if mode == "reset":
                writer.transport.abort()
            return False
        if mode.isdigit():
            writer.write(head_of(int(mode), [("Content-Length", "5"), ("X-Member", member)]) + b"error")
            return True
        if mode == "interim":
            writer.write(chance.choice(INTERIM))
            if chance.random() < .3:
                return False
            await asyncio.sleep(chance.random() * .5)
        fields, body = self._page(member, request.fields.get("X-Name"), request.path, request.body)
        how = chance.choice(("Content-Length", "Transfer-Encoding", "Connection"))
        fields.append((how, {"Content-Length": str(len(body)), "Transfer-Encoding": "chunked", "Connection": "close"}[how]))
        head, wire = head_of(200, fields), chunked(body, chance.choice((100, 5000, 60000))) if how == "Transfer-Encoding" else body
        wire = b"" if request.method == "HEAD" else wire
        if mode == "cut head" or (mode == "cut" and wire and how != "Connection"):  # of the other the client cannot know the end
            writer.write(head[:chance.randrange(len(head) - 2)] if mode == "cut head" else head + wire[:chance.randrange(len(wire))])
            return False
        writer.write(head)
        await send_in_two(chance, writer, wire, .3 if mode == "in two" else 0)
        return how != "Connection" and chance.random() > .03

    async def _serve_fcgi(self, reader, writer):
        request, params, body, kind, data = 1, b"", b"", 0, b""
        while kind != STDIN or data:
            _, kind, request, size, padding, _ = struct.unpack("!BBHHBB", await reader.readexactly(8))
            data = (await reader.readexactly(size + padding))[:size]
            params += data if kind == PARAMS else b""
            body += data if kind == STDIN else b""
        given, chance, mode = pairs_of(params), self._chance, self.modes["fcgi"]
        self.had[given.get("HTTP_X_NAME")].append("fcgi")
        await asyncio.sleep({"slow": chance.random(), "hang": 20}.get(mode, 0))
        if mode in ("empty", "reset", "stop reading", "garbage"):
            writer.write(chance.choice(GARBAGE) if mode == "garbage" else b"")
            return
        fields, page = self._page("fcgi", given.get("HTTP_X_NAME"), given["REQUEST_URI"], body)
        status = mode if mode.isdigit() else "200"
        head = "".join(f"{name}: {value}\r\n" for name, value in [("Status", f"{status} Text"), *fields]).encode()
        out = head + b"\r\n" + (b"" if given["REQUEST_METHOD"] == "HEAD" else page)

        def record(kind, data):
            return struct.pack("!BBHHBB", 1, kind, request, len(data), 0, 0) + data
        wire = b"".join(record(STDOUT, out[at:at + 8000]) for at in range(0, len(out), 8000)) + record(STDOUT, b"") + record(END, bytes(8))
        if mode in ("cut", "cut head"):
            wire = wire[:chance.randrange(len(wire) - 16)]
        await send_in_two(chance, writer, wire, .3 if mode == "in two" else 0)
        await writer.drain()


class Client(Asker):
    """Sends requests of all methods, with bodies and without; each has a name, and its answer has to be of it."""

    def __init__(self, port, members, number, chance, seconds):
        super().__init__(chance, seconds)
        self._port, self._members, self._number, self._count = port, members, number, 0

    def one(self):
        chance = self.chance
        self._count += 1
        name, size = f"{self._number}.{self._count}", chance.choice(SIZES)
        method = chance.choice(("GET",) * 8 + ("POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"))
        fields = {"X-Name": name} | chance.choice([{}] * 8 + [{"Range": "bytes=0-9"}, {"Range": "bytes=-7"}, {"Connection": "close"}])
        body = os.urandom(chance.choice((0, 10, 5000, 70000, 300000))) if method in ("POST", "PUT", "PATCH") else b""
        sent = body or None
        if body and chance.random() < .3:
            fields["Transfer-Encoding"] = "chunked"
            sent = iter([body[at:at + 20000] for at in range(0, len(body), 20000)])
        elif body and chance.random() < .1:
            fields["Expect"] = "100-continue"
        got = self.ask(self._port, method, f"/?s={size}", fields, sent)
        wrong = got and self._judge(method, name, size, body, got)
        self.complain(wrong, got, method, fields, size, len(body), self._members.had[name])

    def _judge(self, method, name, size, body, got):
        answer, member = got.answer, got.answer.getheader("X-Member")
        if method in ONCE and len(self._members.had[name]) > 1:
            return "sent twice"
        if answer.status not in (200, 206):
            return None if answer.status in ERRORS else "a status that nobody sends"
        if answer.headers.get_all("X-Name") != [name] or not member:
            return "the answer to another request, or two"
        if answer.getheader("X-Had") != digest(body):
            return "another body than was sent"
        whole = content(member, name, size)
        if answer.status == 206:
            return self.part_of(answer, got.body, whole)
        return "other bytes" if got.body != (b"" if method == "HEAD" else whole) else None


class Changer(Asker):
    """Has the members do something else, several times a second."""

    def __init__(self, members, chance, seconds):
        super().__init__(chance, seconds)
        self._members, self.answers = members, 1

    def one(self):
        time.sleep(self.chance.uniform(.05, .5))
        self._members.change()
