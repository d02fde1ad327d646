# SPDX-License-Identifier: Apache-2.0
"""Files that change at random, on the disk and at the application, pages that refer to them, and clients that know each version."""
import asyncio
import collections
import gzip
import hashlib
import random
import re
import time

from adversary_server import Asker, Server, chunked, head_of, send_in_two
from webtier_testing import process

KINDS = {"css": "text/css", "js": "text/javascript", "png": "image/png", "txt": "text/plain"}
SIZES = (0, 30, 900, 3000, 15000, 60000, 250000)
SAYS = ("max-age=1", "max-age=2", "", "no-store", "private", "max-age=1, no-transform", "max-age=0", "public, max-age=3")
FETCHED = [f"/assets/f{number}.{list(KINDS)[number % 4]}" for number in range(12)]
PUT = [f"/assets/sub/p{number}.{list(KINDS)[number % 4]}" for number in range(8)]
PIECES = ('<link rel="stylesheet" href="%s">', "<script src='%s'></script>", "<img src=%s >", '<img srcset="%s 1x, /other/x.png 2x">',
          "<style>a{background:url(%s)}</style>", '<div style="background:url(&quot;%s&quot;)">', "<a href=/somewhere>", "&amp; \xe4",
          "<!-- /assets/f1.js -->", "<script>var x = '/assets/f1.js';</script>", "<textarea>/assets/f1.js</textarea>", "<p>" * 50)
TYPES = ("text/html", "text/html; charset=utf-8", "text/html; charset=iso-8859-1", "text/html; charset=utf-16")
ODD = ("/assets/none.css", "/assets/f1.h0123456789abcdef.js", "/assets/../secret", "/assets/.tier/fingerprints", "/assets/sub/")
NAME = re.compile(r"\.h([0-9a-f]{16})(?=\.[a-z]+$)")
SECRET = b"only to be read here"


def text(path, version):
    """Returns a version of a file; each has another size."""
    head = f"/*{path}|{version}|*/ ".encode()
    words = hashlib.sha1(head).hexdigest().encode() + b" color margin padding background"
    size = random.Random(path).choice(SIZES) + version
    return head + (words * (size // len(words) + 1))[:size]


def page(number):
    chance = random.Random(number)
    pieces = (chance.choice(PIECES) for _ in range(chance.choice((1, 5, 50, 300))))
    return "".join(piece % chance.choice(FETCHED + PUT) if "%s" in piece else piece for piece in pieces).encode("latin-1")


class Source(Server):
    """The application."""

    def __init__(self, seed):
        super().__init__()
        self.versions, self.fails = collections.Counter(), False
        self._chance = random.Random(seed)
        self.port = self.speak(self._answer)

    async def _answer(self, request, writer):
        path, chance = request.path.partition("?")[0], self._chance
        if path == "/page":
            return await self._page(request, writer)
        if chance.random() < .1:
            await asyncio.sleep(chance.random() * .3)
        status = 500 if self.fails or chance.random() < .03 else 200 if path in FETCHED and chance.random() > .02 else 404
        if status != 200:
            writer.write(head_of(status, [("Content-Length", "0")]))
            return True
        version, rule = self.versions[path], random.Random(f"rule {path}")
        fields = [("Content-Type", KINDS[path.rpartition(".")[2]]), ("Cache-Control", rule.choice(SAYS))]
        fields += [("ETag", f'"v{version}"')] if rule.random() < .7 else []
        if request.fields.get("If-None-Match") == f'"v{version}"' and len(fields) == 3:
            writer.write(head_of(304, fields))
            return True
        return await self._send(request, writer, fields, text(path, version), 20000, .03)

    async def _page(self, request, writer):
        number = int(request.path.rpartition("=")[2])
        rule, body = random.Random(-number), page(number)
        fields = [("Content-Type", rule.choice(TYPES)), ("Cache-Control", rule.choice(("no-store", "max-age=1", "no-transform, max-age=1")))]
        fields += [("ETag", f'"{number}"')] if rule.random() < .7 else []
        if request.fields.get("If-None-Match") == f'"{number}"':
            writer.write(head_of(304, fields))
            return True
        return await self._send(request, writer, fields, body, max(self._chance.choice((1, 7, 100, 4096)), len(body) // 500), 0)

    async def _send(self, request, writer, fields, body, size, share):
        chance = self._chance
        is_chunked = chance.random() < .5 and request.method == "GET"
        framing = ("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(len(body)))
        writer.write(head_of(200, [*fields, framing]))
        wire = b"" if request.method == "HEAD" else chunked(body, size) if is_chunked else body
        if wire and chance.random() < share:
            writer.write(wire[:chance.randrange(len(wire))])
            return False
        await send_in_two(chance, writer, wire, .2 if chance.random() < .2 else 0)
        return True


class Deployer(Asker):
    """Changes what the application has, and files on the disk, some with a compressed one beside; has the application fail."""

    def __init__(self, source, store, chance, seconds):
        super().__init__(chance, seconds)
        self._source, self._store, self.answers = source, store, 1
        for path in PUT:
            self._put(path)

    def _write(self, name, body):
        path = self._store / name
        path.parent.mkdir(exist_ok=True)
        process.give_to_server(path.parent)
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(body)
        beside.chmod(0o644)
        beside.rename(path)

    def _put(self, path):
        body = text(path, self._source.versions[path] + 1)
        self._source.versions[path] += 1  # it may be seen as soon as it is there
        self._write(path.removeprefix("/assets/"), body)
        if self.chance.random() < .3:
            self._write(path.removeprefix("/assets/") + ".gz", gzip.compress(body))

    def one(self):
        # A tick of the clock of files lies between a compressed file and the next version, else the two may fit.
        time.sleep(.02 + self.chance.expovariate(8))
        if self.chance.random() < .05:
            self._source.fails = True
            time.sleep(self.chance.random() / 2)
            self._source.fails = False
        elif self.chance.random() < .5:
            self._source.versions[self.chance.choice(FETCHED)] += 1
        else:
            self._put(self.chance.choice(PUT))


class Browser(Asker):
    """Opens pages, and asks for files by their own names and by those that pages have."""

    def __init__(self, port, source, shared, chance, seconds):
        super().__init__(chance, seconds)
        self._port, self._source, self._shared = port, source, shared  # shared: {path: tag}, {(path, tag): version}, [names]
        self._tags, self._versions, self._names = shared

    def one(self):
        chance, fields = self.chance, {}
        path = chance.choice([f"/page?n={chance.randrange(40)}"] * 3 + [chance.choice(self._names or PUT)] * 4 + [chance.choice(ODD)] +
                             [chance.choice(FETCHED + PUT) + chance.choice(("", "", "", "?v=1", "?x=1"))] * 12)
        if chance.random() < .5:
            fields["Accept-Encoding"] = chance.choice(("gzip", "gzip, br", "br;q=0.1, gzip;q=0.5", "identity", "gzip;q=0", "zstd, gzip"))
        if chance.random() < .15:
            fields["Range"] = chance.choice(("bytes=0-9", "bytes=5-", "bytes=-8", "bytes=100-5000"))
        if path in self._tags and chance.random() < .2:
            fields["If-Range" if "Range" in fields else "If-None-Match"] = self._tags[path]
        method = chance.choice(("GET",) * 10 + ("HEAD",))
        got = self.ask(self._port, method, path, fields)
        if not got:
            return
        self._tags[path] = got.answer.getheader("ETag") or self._tags.get(path, '"none"')
        self.complain(self._judge(method, path, fields, got), got, method, path, fields)

    def _judge(self, method, path, fields, got):
        status, plain = got.answer.status, NAME.sub("", path.partition("?")[0])
        if SECRET in got.body or (method == "HEAD" and got.body):
            return "what is not to be read"
        if status in (301, 403, 404, 416, 500, 502, 503):
            return f"{status} for what is there" if status >= 500 and path in PUT else None
        if status not in (200, 206, 304) or (plain not in FETCHED + PUT and plain != "/page"):
            return "an answer to what is not there"
        if status == 304:
            mine = fields.get("If-None-Match", "").removeprefix("W/")
            return None if mine and mine == got.answer.getheader("ETag", "").removeprefix("W/") else "304 for another tag"
        coding = got.answer.getheader("Content-Encoding", "gzip")
        if "Content-Encoding" in got.answer.headers and coding not in fields.get("Accept-Encoding", ""):
            return "a coding that was not asked for"
        if method == "HEAD" or coding != "gzip" or (status == 206 and ("Content-Encoding" in got.answer.headers or plain == "/page")):
            return None
        body = gzip.decompress(got.body) if "Content-Encoding" in got.answer.headers else got.body
        if plain == "/page":
            return self._judge_page(path, body)
        return self._judge_part(plain, got) if status == 206 else self._judge_file(path, plain, got, body)

    def _judge_page(self, path, body):
        self._names += [found.decode() for found in re.findall(rb"/assets/[a-z0-9/]+\.h[0-9a-f]{16}\.[a-z]+", body)[:5]]
        plain = re.sub(rb"\.h[0-9a-f]{16}(?=\.[a-z])", b"", body)
        return None if plain == page(int(path.rpartition("=")[2])) else "another page"

    def _judge_file(self, path, plain, got, body):
        match = re.match(rb"/\*([^|]*)\|(\d+)\|\*/ ", body)
        if not match or match[1].decode() != plain or body != text(plain, int(match[2])):
            return "other bytes"
        if "immutable" in got.answer.getheader("Cache-Control", ""):
            name = NAME.search(path.partition("?")[0])
            return None if name and name[1] == hashlib.sha1(body).hexdigest()[:16] else "immutable, and another content"
        tag = got.answer.getheader("ETag", "W/")
        known = self._versions.setdefault((path.partition("?")[0], tag), match[2])
        return None if known == match[2] or tag.startswith("W/") else f"a tag of version {known}"

    def _judge_part(self, plain, got):
        if "multipart" in got.answer.getheader("Content-Type", ""):
            return None
        versions = range(self._source.versions[plain] + 1)
        return None if any(not self.part_of(got.answer, got.body, text(plain, version)) for version in versions) else "a part of no version"
