# SPDX-License-Identifier: Apache-2.0
"""An origin that says anything of its answers."""
import asyncio
import collections
import dataclasses
import email.message
import email.utils
import hashlib
import random
import re
import time

from adversary_server import Server, chunked, head_of

PATHS = 14
SIZES = (0, 20, 500, 3000, 9000, 30000, 100000)
CONTROLS = (
    "max-age=1", "max-age=2", "max-age=3", "s-maxage=1", "s-maxage=2, max-age=9", "public, max-age=2", "max-age=2, must-revalidate",
    "max-age=1, proxy-revalidate", "private, max-age=5", "no-store", "no-store, max-age=5", "no-cache", "no-cache, max-age=5",
    'no-cache="x-secret", max-age=3', 'private="x-secret", max-age=3', "max-age=0", "max-age=1, stale-while-revalidate=1",
    "max-age=1, stale-if-error=3", "max-age=1, stale-while-revalidate=1, stale-if-error=2", "MAX-AGE=2", 'max-age="2"', "max-age=x",
    "max-age=1, max-age=3", "max-age = 2", "max-age=2 , , foo=bar", "public", "must-revalidate", "must-understand, no-store, max-age=3",
    "max-age=1.5", "max-age=-1", 'foo="no-store", max-age=2', 'foo="a, max-age=9", max-age=1', "no-transform, max-age=2",
    "s-maxage=0, max-age=10", "max-age=2, s-maxage=x", "max-age=00002", 'private="x-secret, set-cookie", max-age=2')
TARGETED = ("max-age=1", "max-age=3", "no-store", "no-cache", "private", "max-age=2;foo", "", "(", "max-age=2, private", "s-maxage=1",
            "max-age=1, stale-while-revalidate=1")
VARY = ("X-V", "X-V", "x-w, X-V", "Accept-Encoding", "*", "X-V,, X-W", "Accept-Language", "X-W")
SUCCESS, FAILURE = (200, 201, 204, 303), (400, 404, 500)


@dataclasses.dataclass
class Sent:
    """A response of the origin, the request it answers, and when that came and this went."""
    method: str
    path: str
    asked: email.message.Message
    arrived: float
    status: int = 0
    fields: list = dataclasses.field(default_factory=list)
    sent: float = 0

    def get(self, name):
        """Returns a field, its lines joined; None where there is none."""
        values = [value for given, value in self.fields if given.lower() == name.lower()]
        return ", ".join(values) if values else None


def date(when):
    return email.utils.formatdate(when, usegmt=True)


def whole(path, version):
    """Returns the body of a version."""
    line = hashlib.sha1(f"{path}|{version}".encode()).hexdigest().encode()
    size = SIZES[int(path[1:]) % len(SIZES)]
    return f"{path}|{version}|".encode() + (line * (size // len(line) + 1))[:size]


class Origin(Server):
    """Answers with a number in X-Serial, by which everybody finds what was sent, and the version of the body in X-Version.

    Of three pages one has no tag, of two one has a date; dates of versions differ, and all that a page depends on is in its tag.
    """

    def __init__(self, seed):
        super().__init__()
        self.sent, self.front = [], 0
        self._chance = random.Random(seed)
        self._versions = collections.Counter()
        self._began = int(time.time()) - 50000
        self.port = self.speak(self._answer)

    async def _answer(self, request, writer):
        chance = self._chance
        it = Sent(request.method, request.path, request.fields, time.time())
        it.fields.append(("X-Serial", str(len(self.sent))))
        self.sent.append(it)
        if chance.random() < .1:
            await asyncio.sleep(chance.random() * .3)
        if request.method not in ("GET", "HEAD"):
            body = self._change(it)
        elif chance.random() < .04:
            body = self._fail(it)
        else:
            body = self._page(it)
        it.sent = time.time()
        if it.status:
            self._send(it, body, writer)
        return it.status

    def _send(self, it, body, writer):
        framing, wire = [], b"" if it.method == "HEAD" else body
        if it.status not in (204, 304):
            is_chunked = self._chance.random() < .4 and it.method != "HEAD"
            framing = [("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(len(body)))]
            wire = chunked(wire, 40000) if is_chunked else wire
        fields = it.fields + framing
        self._chance.shuffle(fields)
        writer.write(head_of(it.status, fields) + (b"" if it.status in (204, 304) else wire))

    def _change(self, it):
        self._versions[it.path] += 1
        it.status = self._chance.choice(SUCCESS + FAILURE)
        if self._chance.random() < .3:
            other = f"/{self._chance.randrange(PATHS)}"
            place = self._chance.choice((other, f"http://127.0.0.1:{self.front}{other}", f"http://other.test{other}"))
            it.fields.append((self._chance.choice(("Location", "Content-Location")), place))
        return b"" if it.status == 204 else b"done"

    def _fail(self, it):
        it.status = self._chance.choice((500, 502, 503, 504, 0))
        it.fields += self._some([(.3, "Cache-Control", CONTROLS)])
        return b""

    def _some(self, table):
        return [(name, self._chance.choice(values)) for share, name, values in table if self._chance.random() < share]

    def _page(self, it):
        chance, number = self._chance, int(it.path[1:])
        self._versions[it.path] += chance.random() < .08
        vary = random.Random(it.path).choice(VARY + (None,) * 6)
        if vary and number % 3 and chance.random() < .05:
            vary = chance.choice(VARY)
        names = sorted({name.strip().lower() for name in (vary or "").split(",")} - {"", "*"})
        variant = hashlib.sha1(repr([it.asked.get(name) for name in names]).encode()).hexdigest()[:6]
        version = f"{self._versions[it.path]}.{variant}"
        it.fields.append(("X-Version", version))
        it.fields += [("Vary", vary)] if vary else []
        if number % 3:
            it.fields.append(("ETag", f'W/"{version}"' if number % 6 == 1 else f'"{version}"'))
        if number % 2:
            it.fields.append(("Last-Modified", date(self._began + self._versions[it.path])))
        self._say(it)
        body = self._judge_conditions(it, whole(it.path, version))
        if it.status == 304 and chance.random() < .2:
            it.fields = [pair for pair in it.fields if pair[0] in ("X-Serial", "X-Version", "ETag", "Date")]
        return body

    def _say(self, it):
        chance, serial, now = self._chance, it.get("X-Serial"), time.time()
        said = random.Random(f"{it.path} {self._versions[it.path]} {chance.randrange(3)}").choice(CONTROLS)
        lines = [said] if '"' in said or chance.random() < .8 else said.split(", ")
        it.fields += [("Cache-Control", line) for line in lines] if chance.random() < .85 else []
        it.fields += self._some([
            (.08, "CDN-Cache-Control", TARGETED), (.08, "Age", ("1", "2", "0", "x", "-1", "1, 5", "1.5")),
            (.1, "Expires", (date(now + 2), date(now - 5), "0", "tomorrow")), (.8, "Date", [date(now)] * 4 + [date(now - 1)]),
            (.2, "X-Secret", [f"s{serial}"]), (.08, "Set-Cookie", [f"c=s{serial}"]), (.03, "Pragma", ["no-cache"])])
        if chance.random() < .08:
            it.fields += [("Connection", "X-Hop"), ("X-Hop", "1")]

    def _judge_conditions(self, it, body):
        it.status = self._chance.choice((200,) * 20 + (203, 404, 410, 299, 301))
        tag, condition = it.get("ETag"), it.asked.get("If-None-Match")
        if it.status != 200:
            return body
        if condition is not None:
            tags = [one.strip().removeprefix("W/") for one in condition.split(",")]
            is_same = "*" in tags or tag and tag.removeprefix("W/") in tags
        else:
            is_same = it.get("Last-Modified") and it.asked.get("If-Modified-Since") == it.get("Last-Modified")
        if is_same and self._chance.random() < .9:
            it.status = 304
            return b""
        part = re.fullmatch(r"bytes=(\d*)-(\d*)", it.asked.get("Range", "")) if it.method == "GET" else None
        if not part or self._chance.random() < .3 or it.asked.get("If-Range") not in (None, tag) or (tag or "").startswith("W/"):
            return body
        first = int(part[1]) if part[1] else max(0, len(body) - int(part[2] or 0))
        last = min(len(body) - 1, int(part[2])) if part[1] and part[2] else len(body) - 1
        if first > last:
            return body
        it.status = 206
        it.fields.append(("Content-Range", f"bytes {first}-{last}/{len(body)}"))
        return body[first:last + 1]
