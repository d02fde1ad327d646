# SPDX-License-Identifier: Apache-2.0
"""Large bodies that are sent out of shared memory, small ones that push them out, and clients that look at every byte."""
import collections
import functools
import random
import re
import socket
import time

from adversary_server import Asker, Server, head_of, send_in_two
from webtier_testing import scale

LARGE = [f"/large{number}" for number in range(9)]
SMALL = [f"/small{number}" for number in range(400)]
SIZES = {"l": (524_288, 600_000, 700_001, 1_048_576, 1_500_000, 2_500_000, 3_000_000), "s": (100, 5000, 20_000, 60_000, 120_000)}
LINE, BLOCK = 512, 4096


@functools.lru_cache(maxsize=60)
def body_of(path, generation):
    """Returns a body each line of which says whose it is, of which generation, and which block of it."""
    size = random.Random(path).choice(SIZES[path[1]])
    return b"".join(f"{path}|{generation}|{at}|".encode().ljust(LINE, b".") * (BLOCK // LINE) for at in range(0, size, BLOCK))[:size]


class Origin(Server):
    """Its pages have a generation, which is their tag too."""

    def __init__(self, seed):
        super().__init__()
        self.generations = collections.Counter()
        self._chance = random.Random(seed)
        self.port = self.speak(self._answer)

    async def _answer(self, request, writer):
        path, chance = request.path, self._chance
        if request.method != "GET":
            self.generations[path] += 1
            writer.write(head_of(204, []))
            return True
        tag, body = f'"{self.generations[path]}"', body_of(path, self.generations[path])
        fields = [("ETag", tag), ("Cache-Control", random.Random(-len(body)).choice(("max-age=1000", "max-age=2")))]
        if request.fields.get("If-None-Match") == tag:
            writer.write(head_of(304, fields))
            return True
        writer.write(head_of(200, [*fields, ("Content-Length", str(len(body)))]))
        is_cut = chance.random() < .03
        await send_in_two(chance, writer, body[:chance.randrange(len(body))] if is_cut else body, .1 if chance.random() < .2 else 0)
        return not is_cut


class World:
    """The server, and what has been purged: by path, the generation that is left, and when that was done."""

    def __init__(self, server, origin):
        self.server, self.origin, self.purged = server, origin, collections.defaultdict(list)

    def wrong_with(self, path, tag, begun, first, body):
        """Returns what is wrong with a body, or the part of one that begins at first; None: nothing."""
        match = re.fullmatch(r'"(\d+)"', tag or "")
        if not match:
            return "no tag"
        least = max((generation for generation, when in list(self.purged[path]) if when < begun), default=0)
        if int(match[1]) < least:
            return f"generation {match[1]}, purged up to {least}"
        right = body_of(path, int(match[1]))[first:first + len(body)]
        at = next((at for at, (one, other) in enumerate(zip(body, right)) if one != other), len(right))
        return None if body == right else f"other bytes from {at} of {len(body)} on: {body[at:at + 80]}, not {right[at:at + 80]}"


class Reader(Asker):
    """Asks for what is large, and often for the same; for whole bodies and parts."""

    def __init__(self, world, chance, seconds):
        super().__init__(chance, seconds)
        self.world = world

    def path(self):
        return self.chance.choice(LARGE[:4] * 9 + LARGE * 2 + self.chance.sample(SMALL, 18))

    def one(self):
        path, fields = self.path(), self.chance.choice([{}] * 6 + [
            {"Range": self.chance.choice(("bytes=0-9", "bytes=5-", "bytes=-8", "bytes=100000-500000", "bytes=4096-"))}, {"Connection": "close"}])
        got = self.ask(self.world.server.port, "GET", path, fields)
        if not got or got.answer.status in (416, 502, 503):  # 502: the origin broke off; 503: the child was killed
            return
        first, last = map(int, re.match(r"bytes (\d+)-(\d+)/|$", got.answer.getheader("Content-Range", "")).groups("0"))
        wrong = self.world.wrong_with(path, got.answer.getheader("ETag"), got.begun, first, got.body)
        if not wrong and len(got.body) != (last - first + 1 if got.answer.status == 206 else len(body_of(path, 0))):
            wrong = "another length"
        if wrong:
            self.problems.append((wrong, path, fields, got.answer.status, got.answer.getheaders()))


class SlowReader(Reader):
    """Takes its time, so that what it reads is kept although it is replaced, or leaves in the middle."""

    def one(self):
        path, chance, data, begun = self.path(), self.chance, b"", time.time()
        ends = chance.choice((10, 100_000, 600_000, 10**9, 10**9))
        with socket.socket() as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, chance.choice((4096, 65536, 400_000)))
            stream.settimeout(scale(20))
            try:
                stream.connect(("127.0.0.1", self.world.server.port))
                stream.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{self.world.server.port}\r\n\r\n".encode())
                while len(data) < ends and (part := stream.recv(chance.choice((3000, 20_000, 100_000)))):
                    data += part
                    time.sleep(chance.choice((0, 0, 0, .001, .02)))
            except ConnectionError:
                return
        self.answers += 1
        head, _, body = data.partition(b"\r\n\r\n")
        tag = re.search(rb'ETag: ("\d+")', head)
        wrong = tag and b" 200 " in head[:20] and self.world.wrong_with(path, tag[1].decode(), begun, 0, body)
        if wrong:
            self.problems.append((wrong, path, head))


class Disturber(Reader):
    """Changes, purges and deletes; restarts gracefully and kills children."""

    def one(self):
        self.answers, path = 1, self.path()
        time.sleep(self.chance.expovariate(6))
        what = self.chance.choice(("PURGE",) * 6 + ("soft",) * 3 + ("DELETE",) * 3 + ("change",) * 3 + ("all", "kill", "graceful"))
        if what == "kill" and len(self.world.server.children()) > 1:
            self.world.server.kill_child(self.chance.choice(self.world.server.children()))
        elif what == "graceful":
            self.world.server.graceful(wait=False)
        elif what != "kill":
            self.world.origin.generations[path] += what != "DELETE"
            self._purge(what, path, self.world.origin.generations[path] + (what == "DELETE"))

    def _purge(self, what, path, generation):
        fields = {"all": {"Purge-Scope": "all"}, "soft": {"Soft-Purge": "1"}}.get(what, {})
        got = what != "change" and self.ask(self.world.server.port, "DELETE" if what == "DELETE" else "PURGE", path, fields)
        if got and got.answer.status in (200, 204):
            self.world.purged[path].append((generation, got.ended))
