# SPDX-License-Identifier: Apache-2.0
"""Two web boxes that share a memcached, which fails, and purges: what each box may still answer with."""
import asyncio
import collections
import contextlib
import hashlib
import random
import re
import threading
import time

from adversary_server import Asker, Server, chunked, head_of, send_in_two

HOST = "shop.test"
POLICIES = (("max-age=60", 60), ("max-age=1, stale-while-revalidate=2", 3), ("s-maxage=2", 2), ("max-age=30", 30), ("no-cache", 0),
            ("max-age=1, stale-if-error=3", 4), ("max-age=100, stale-while-revalidate=100", 200), ("max-age=3, must-revalidate", 3),
            ("public, max-age=5", 5), ("max-age=0, stale-while-revalidate=2", 2))
SIZES = (0, 10, 300, 3000, 9000, 20000, 200000, 1300000)
PAGES, TAGS = 40, 7
SLACK = 3.0  # of what other boxes learn: a busy machine may be late with what undoes what was stored too late

Page = collections.namedtuple("Page", "kind policy life size tag")
Purge = collections.namedtuple("Purge", "what generations box begun ended status")


def page_of(path):
    """Says what a page is: for whom, for how long, how large."""
    chance = random.Random(path)
    kind = chance.choice(("plain", "plain", "plain", "X-V", "Cookie", "private", "Set-Cookie"))
    policy, life = chance.choice(POLICIES)
    if kind in ("private", "Set-Cookie"):
        policy, life = policy.replace("public, ", "").replace("s-maxage", "max-age"), 0
    return Page(kind, policy, life, chance.choice(SIZES), f"t{int(path[1:]) % TAGS}")


def variant_of(page, fields):
    """Returns what the page depends on in a request."""
    return "" if page.kind == "plain" else fields.get("X-V" if page.kind == "X-V" else "Cookie", "")


def body_of(path, variant, generation):
    head = f"{path}|{variant}|{generation}|".encode()
    line = hashlib.sha1(head).hexdigest().encode()
    size = page_of(path).size
    return head + (line * (size // len(line) + 1))[:size] + b"end"


class Shop(Server):
    """Pages with a generation, which is the tag of the entity, too."""

    def __init__(self, seed):
        super().__init__()
        self.changes = collections.defaultdict(lambda: [(0.0, 0)])  # since when which generation
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self.port = self.speak(self._answer)

    def generation(self, path):
        return self.changes[path][-1][1]

    def change(self, path):
        with self._lock:
            self.changes[path].append((time.time(), self.generation(path) + 1))

    async def _answer(self, request, writer):
        chance, page, path = self._chance, page_of(request.path), request.path
        if request.method not in ("GET", "HEAD"):
            self.change(path)
            writer.write(head_of(204, []))
            return True
        generation, variant = self.generation(path), variant_of(page, request.fields)
        if chance.random() < .15:
            await asyncio.sleep(chance.random() * .4)
        tag = f'"{generation}-{variant}"'
        fields = [("ETag", tag), ("Surrogate-Key", f"{page.tag} all"),
                  ("Cache-Control", page.policy + (", private" if page.kind == "private" else ""))]
        if page.kind in ("X-V", "Cookie"):
            fields.append(("Vary", page.kind))
        if page.kind == "Set-Cookie":
            fields.append(("Set-Cookie", "a=b"))
        if request.fields.get("If-None-Match") == tag and chance.random() < .8:
            writer.write(head_of(304, fields))
            return True
        body = body_of(path, variant, generation)
        is_chunked = chance.random() < .5 and request.method == "GET"
        fields.append(("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(len(body))))
        writer.write(head_of(200, fields))
        wire = b"" if request.method == "HEAD" else chunked(body, 50000) if is_chunked else body
        if wire and chance.random() < .02:
            writer.write(wire[:chance.randrange(len(wire))])
            return False
        await send_in_two(chance, writer, wire, .3 if chance.random() < .1 else 0)
        return True


class Liar(Server):
    """Stands between the boxes and memcached, and changes what that says, while `lie` is set."""

    LIES = ("late", "garbage", "cut", "flip", "twice")
    GARBAGE = (b"rubbish\r\n", b"\0" * 50, b"VALUE x 0 5\r\nabc", b"EN\r\n", b"SERVER_ERROR out of memory\r\n", b"ERROR\r\n")

    def __init__(self, seed, port):
        super().__init__()
        self.lie, self._chance, self._there = None, random.Random(seed), port
        self.server = f"127.0.0.1:{self.listen(self._serve)}"

    async def _serve(self, reader, writer):
        there, to = await asyncio.open_connection("127.0.0.1", self._there)
        await asyncio.gather(self._carry(reader, to, ()), self._carry(there, writer, self.LIES))

    async def _carry(self, reader, writer, lies):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                lie = self.lie if self.lie in lies and self._chance.random() < .3 else None
                if lie == "late":
                    await asyncio.sleep(self._chance.random() * .6)
                writer.write(self._lied(lie, data))
                await writer.drain()
                if lie == "cut":
                    break
        writer.close()

    def _lied(self, lie, data):
        at = self._chance.randrange(len(data))
        return {"garbage": self._chance.choice(self.GARBAGE), "cut": data[:at], "twice": data + data,
                "flip": data[:at] + bytes([data[at] ^ 1 << self._chance.randrange(8)]) + data[at + 1:]}.get(lie, data)


class World:
    """What has happened so far. A moment in which memcached failed, or had failed a second before, is part of a fault."""

    def __init__(self, boxes, shop):
        self.boxes, self.shop = boxes, shop
        self.purges, self.faults = [], []  # faults: [begun, ended]

    def has_failed(self, since, until):
        return any(begun < until and ended > since for begun, ended in self.faults)

    def least(self, box, path, got):
        """Returns the generation that box must not be behind, and because of which purge."""
        due = [purge for purge in self.purges if path in purge.generations and self._binds(purge, box, got)]
        last = max(due, key=lambda purge: purge.generations[path], default=None)
        return (last.generations[path], last) if last else (0, None)

    def _binds(self, purge, box, got):
        if purge.box == box:
            return got.begun > purge.ended
        return purge.status != 202 and got.begun > purge.ended + 1 + SLACK and not self.has_failed(purge.begun - .2, got.ended)


class Visitor(Asker):
    """Asks both boxes for pages, as one of three users, in all the ways a browser does."""

    def __init__(self, world, chance, seconds):
        super().__init__(chance, seconds)
        self._world = world

    def _fields(self, path):
        chance, fields = self.chance, {"Host": HOST}
        if chance.random() < .5:
            fields["Cookie"] = f"user={chance.randrange(3)}"
        if chance.random() < .5:
            fields["X-V"] = chance.choice("ab")
        variant = variant_of(page_of(path), fields)
        fields.update(chance.choice([{}] * 15 + [
            {"Range": chance.choice(("bytes=0-9", "bytes=-7", "bytes=100-200", "bytes=5-"))},
            {"Cache-Control": chance.choice(("no-cache", "max-age=0", "max-age=1", "no-store"))},
            {"If-None-Match": f'"{self._world.shop.generation(path)}-{variant}"'}]))
        return fields, variant

    def one(self):
        chance, box = self.chance, self.chance.randrange(len(self._world.boxes))
        path = f"/{min(int(chance.expovariate(.1)), PAGES - 1)}"
        fields, variant = self._fields(path)
        method = chance.choice(("GET",) * 20 + ("HEAD",))
        got = self.ask(self._world.boxes[box].port, method, path, fields)
        if not got or got.answer.status in (416, 502):  # 502: the shop's answer broke off
            return
        self.complain(self._judge(box, method, path, variant, fields, got), got, box, method, path, fields)

    def _judge(self, box, method, path, variant, fields, got):
        match = re.fullmatch(r'"(\d+)-(.*)"', got.answer.getheader("ETag", ""))
        if got.answer.status not in (200, 206, 304) or not match:
            return "no page"
        if match[2] != variant:
            return f"somebody else's page, of {match[2]!r}"
        generation = int(match[1])
        whole = body_of(path, variant, generation)
        if got.answer.status == 304 and fields.get("If-None-Match") != match[0]:
            return "304 for another tag"
        if got.answer.status == 200 and method == "GET" and got.body != whole:
            return "other bytes"
        return (got.answer.status == 206 and self.part_of(got.answer, got.body, whole)) or self._is_old(box, path, generation, got)

    def _is_old(self, box, path, generation, got):
        replaced = next((when for when, number in self._world.shop.changes[path] if number > generation), None)
        if replaced and got.begun - replaced > page_of(path).life + 2:  # lifetimes are whole seconds
            return f"replaced {got.begun - replaced:.1f} s before, {page_of(path)}"
        least, purge = self._world.least(box, path, got)
        return f"{generation} after {purge}, {got.begun - purge.ended:.2f} s before" if generation < least else None


class Purger(Asker):
    """Changes pages and purges them, in every way, at either box."""

    def __init__(self, world, chance, seconds):
        super().__init__(chance, seconds)
        self._world = world

    def one(self):
        chance, world = self.chance, self._world
        time.sleep(chance.expovariate(4))
        box, path = chance.randrange(len(world.boxes)), f"/{min(int(chance.expovariate(.1)), PAGES - 1)}"
        what = chance.choice(("url",) * 4 + ("tag", "tag", "host", "all", "POST", "POST"))
        every = {f"/{number}" for number in range(PAGES)}
        pages = {"tag": {page for page in every if page_of(page).tag == page_of(path).tag}, "host": every, "all": every}.get(what, {path})
        fields = {"tag": {"Surrogate-Key": page_of(path).tag}, "host": {"Purge-Scope": "host"}, "all": {"Purge-Scope": "all"}}.get(what, {})
        if what != "POST" and chance.random() < .3:
            fields["Soft-Purge"] = "1"
            pages = {page for page in pages if "stale-" not in page_of(page).policy}
        for page in pages:
            world.shop.change(page)
        generations = {page: world.shop.generation(page) for page in pages}
        got = self.ask(world.boxes[box].port, "POST" if what == "POST" else "PURGE", path, {"Host": HOST, **fields}, b"")
        if got and got.answer.status in (200, 202, 204):
            world.purges.append(Purge(what, generations, box, got.begun, got.ended, got.answer.status))
        elif got and got.answer.status != 503:
            self.problems.append((what, got.answer.status, got.body))


class Breaker(Asker):
    """Has memcached fail now and then."""

    def __init__(self, world, chance, seconds, store, liar):
        super().__init__(chance, seconds)
        self._world, self._store, self._liar = world, store, liar
        self.answers = 1

    def one(self):
        chance = self.chance
        time.sleep(chance.uniform(.2, 4))
        kind, length = chance.choice(("kill", "stop", "restart", "flush", *Liar.LIES)), chance.choice((.05, .3, 1, 2))
        fault = [time.time(), float("inf")]
        self._world.faults.append(fault)
        if kind in Liar.LIES:
            self._liar.lie = kind
            time.sleep(length)
            self._liar.lie = None
        elif kind in ("kill", "stop"):
            getattr(self._store, kind)()
            time.sleep(length)
            getattr(self._store, {"kill": "restart", "stop": "cont"}[kind])()
        else:
            getattr(self._store, kind)()
        fault[1] = time.time() + 1
