# SPDX-License-Identifier: Apache-2.0
"""What RFC 9111 and 9110 allow a shared cache to answer: a model that knows all that the origin has sent, and when.

It is written from the standards, not from the cache, and asks of each answer whether it may be given, never which one has to be. Times
are compared so that a machine that is slow makes no answer wrong.
"""
import collections
import email.utils
import itertools
import re
import time

from adversary_rfc_support import FAILURE, Sent, whole
from adversary_server import Asker

HEURISTIC = {200, 203, 204, 206, 300, 301, 304, 308, 404, 405, 410, 414, 501}  # 304: to the client, of one of the others
ASK = ("no-cache", "no-store", "max-age=0", "max-age=1", "max-age=2", "min-fresh=1", "max-stale", "max-stale=1", "only-if-cached",
       "max-age=1, max-stale=1", "no-cache, only-if-cached", "max-age=x")
RANGES = ("bytes=0-9", "bytes=5-", "bytes=-8", "bytes=10-30", "bytes=0-0,5-9", "bytes=999999-", "bytes=9-3", "bytes=100-5000")
ROUNDING = 1.1  # Age, and all lifetimes, are whole seconds


def directives(value):
    """Returns {name: [arguments]} of a Cache-Control field."""
    found = collections.defaultdict(list)
    for match in re.finditer(r'([^\s=,;"]+)(\s*=\s*("(?:[^"\\]|\\.)*"|[^,]*))?[^,]*,?', re.sub(r";[a-z]+", "", value or "")):
        found[match[1].lower()].append((match[3] or "").strip().strip('"') if match[2] else None)
    return found


def seconds(arguments):
    """Returns the most that anybody may read in them, None where nothing can be read."""
    return max((int(value) for value in arguments or () if value and value.isdigit()), default=None)


def timestamp(text):
    """Returns a date's time, None where it is none."""
    return email.utils.parsedate_to_datetime(text).timestamp() if text and "GMT" in text else None


def told_by(it):
    """Returns the directives that count (RFC 9213), and whether they are those for this kind of cache."""
    targeted = it.get("CDN-Cache-Control")
    if targeted and re.fullmatch(r"[a-z-]+(=\d+)?(;[a-z]+)?(, [a-z-]+(=\d+)?)*", targeted):
        return directives(targeted), True
    return directives(it.get("Cache-Control")), False


def lifetime(it):
    """Returns the longest that it may be fresh (RFC 9111 section 4.2.1)."""
    told, is_targeted = told_by(it)
    for name in ("s-maxage", "max-age"):
        if name in told:
            return seconds(told[name]) or 0
    made = timestamp(it.get("Date")) or it.sent
    if it.get("Expires") is not None and not is_targeted:
        return max(0, (timestamp(it.get("Expires")) or 0) - made)
    modified = timestamp(it.get("Last-Modified"))
    if modified and (it.status in HEURISTIC or "public" in told):
        return min(86400, max(0, made - modified) / 10)
    return 0


class Judge(Asker):
    """Asks the cache for anything, and judges what it answers."""

    def __init__(self, world, chance, seconds_):
        super().__init__(chance, seconds_)
        self._world = world

    def _fields(self, path):
        chance, tag = self.chance, self._world.tags.get(path, '"none"')
        weak = "W/" + tag.removeprefix("W/")
        table = ((.4, "X-V", "ab"), (.2, "X-W", "ab"), (.3, "Accept-Encoding", ("gzip", "br", "identity", "gzip, br", "")),
                 (.2, "Accept-Language", ("de, en", "en,de", "de;q=0.5, en")), (.12, "Cache-Control", ASK), (.02, "Pragma", ("no-cache",)),
                 (.04, "Authorization", ("Basic x",)), (.04, "Cookie", ("a=b",)), (.12, "Range", RANGES), (.03, "If-Range", (tag, '"no"', weak)),
                 (.15, "If-None-Match", (tag, weak, f'"x", {tag}', '"no"', "*")),
                 (.08, "If-Modified-Since", [email.utils.formatdate(when, usegmt=True) for when in (1, 1e9, 2e9)]))
        return {name: chance.choice(values) for share, name, values in table if chance.random() < share}

    def one(self):
        world = self._world
        path = f"/{min(13, int(self.chance.expovariate(.2)))}"
        method = self.chance.choice(("GET",) * 40 + ("HEAD",) * 4 + ("POST", "DELETE", "FOO"))
        fields = {"X-Request": world.number(), **self._fields(path)}
        got = self.ask(world.port, method, path, fields)
        if not got:
            return
        world.tags[path] = got.answer.getheader("ETag") or world.tags.get(path, '"none"')
        self.complain(self._judge(method, path, fields, got), got, method, path, fields)
        if method not in ("GET", "HEAD") and got.answer.getheader("X-Serial"):
            world.changed(path, world.origin.sent[int(got.answer.getheader("X-Serial"))], got.ended)

    def _judge(self, method, path, fields, got):
        serials = got.answer.headers.get_all("X-Serial") or []
        if len(serials) != 1:  # httpd's own error page, or 504 for only-if-cached
            return None if not serials and got.answer.status in (416, 502, 503, 504) else f"{len(serials)} serials"
        it = self._world.origin.sent[int(serials[0])]
        is_own = it.asked.get("X-Request") == fields["X-Request"]
        if it.path != path or (method not in ("GET", "HEAD") and not is_own):
            return "the answer to something else"
        if method not in ("GET", "HEAD"):
            return None
        return self._judge_bytes(method, path, fields, got, it) or (None if is_own else self._judge_use(fields, got, it))

    def _judge_bytes(self, method, path, fields, got, it):
        answer, version = got.answer, got.answer.getheader("X-Version")
        if version is None:
            return None if answer.status >= 500 else "no version"
        if it.method == "HEAD" and not it.get("ETag"):
            return None  # it may be of another version than what is stored, and nobody can tell
        if answer.status == 304:
            return "a body in a 304" if got.body else self._judge_304(fields, answer)
        body = whole(path, version)
        if method == "HEAD":
            length = answer.getheader("Content-Length")
            return "a HEAD of another length" if got.body or (answer.status == 200 and length not in (None, str(len(body)))) else None
        if answer.status == 206:
            return self._judge_206(fields, got, body)
        return "other bytes" if got.body != body and answer.status != 416 else None

    @staticmethod
    def _judge_304(fields, answer):
        tags = [tag.strip().removeprefix("W/") for tag in fields.get("If-None-Match", "").split(",")]
        if "If-None-Match" in fields:
            return None if "*" in tags or answer.getheader("ETag", "-").removeprefix("W/") in tags else "304 for another tag"
        return None if "If-Modified-Since" in fields else "304 to no condition"

    def _judge_206(self, fields, got, body):
        answer = got.answer
        if "Range" not in fields:
            return "a part nobody asked for"
        if "If-Range" in fields and (fields["If-Range"] != answer.getheader("ETag") or fields["If-Range"].startswith("W/")):
            return "a part against If-Range"
        if "multipart" in answer.getheader("Content-Type", ""):
            parts = re.findall(rb"bytes (\d+)-(\d+)/(\d+)\r\n\r\n", got.body)
            return None if parts and all(body[int(first):int(last) + 1] in got.body and int(size) == len(body)
                                         for first, last, size in parts) else "other parts"
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", fields["Range"])
        if asked and asked[1] and f"bytes {asked[1]}-" not in answer.getheader("Content-Range", ""):
            return "another part than asked for"
        return self.part_of(answer, got.body, body)

    def _judge_use(self, fields, got, it):
        """It was sent to another request, and validated for none of this one."""
        if "fwd-status=304" in got.answer.getheader("Cache-Status", ""):
            return None
        merged = Sent(it.method, it.path, it.asked, it.arrived, got.answer.status, got.answer.getheaders(), it.sent)
        told, asked = told_by(merged)[0], directives(fields.get("Cache-Control"))
        if "no-cache" in asked or ("Pragma" in fields and "Cache-Control" not in fields):
            return "used against the request's no-cache"
        return (self._may_be_stored(it, told) or self._is_of_one(got.answer) or self._is_variant(fields, it, merged) or
                self._was_removed(got, it) or self._is_stale(asked, got, it, merged))

    @staticmethod
    def _may_be_stored(it, told):
        if it.method not in ("GET", "HEAD") or "no-store" in directives(it.asked.get("Cache-Control")):
            return "stored against the request"
        if "no-store" in told and not ("must-understand" in told and it.status != 299):
            return "stored against no-store"
        if None in told.get("private", ()):
            return "stored although private"
        if None in told.get("no-cache", ()):
            return "used against no-cache"
        if "Authorization" in it.asked and not {"public", "must-revalidate", "s-maxage"} & set(told):
            return "stored of an authorized request"
        return None

    def _is_of_one(self, answer):
        """Whether a field was for the one alone who caused it."""
        secret, cookie = answer.getheader("X-Secret"), answer.getheader("Set-Cookie")
        if secret:
            told = told_by(self._world.origin.sent[int(secret[1:])])[0]
            if any("x-secret" in (value or "") for name in ("private", "no-cache") for value in told.get(name, ())):
                return "a field against its Cache-Control"
        if cookie:
            source = self._world.origin.sent[int(cookie[3:])]
            if not {"public", "s-maxage"} & set(directives(source.get("Cache-Control"))) and not source.get("CDN-Cache-Control"):
                return "somebody else's cookie"
        return "a field of another connection" if answer.getheader("X-Hop") else None

    @staticmethod
    def _is_variant(fields, it, merged):
        given = {name.lower(): value for name, value in fields.items()}
        for name in (merged.get("Vary") or "").split(","):
            name = name.strip().lower()
            if name == "*" or (name in ("x-v", "x-w") and given.get(name) != it.asked.get(name)):
                return f"another variant, by {name}"
        return None

    def _was_removed(self, got, it):
        for arrived, done in self._world.removed[it.path]:
            if it.arrived < arrived and got.begun > done:
                return f"it was removed {got.begun - done:.2f} s before"
        return None

    def _is_stale(self, asked, got, it, merged):
        told, life = told_by(merged)[0], lifetime(merged)
        said = (it.get("Age") or "").split(",")[0].strip()
        said = int(said) if said.isdigit() else 0
        age = max(said + got.begun - it.sent, got.begun - (timestamp(it.get("Date")) or got.begun))  # at least
        oldest = max(said + got.ended - self._world.begun_of(it), got.ended - (timestamp(it.get("Date")) or got.ended))
        if it.sent > got.begun:
            return None  # it was waited for
        if got.answer.getheader("Age") is None or not age - ROUNDING <= int(got.answer.getheader("Age")) <= oldest + ROUNDING:
            return f"Age {got.answer.getheader('Age')}, not {age:.1f} to {oldest:.1f}"
        on_error = seconds(told.get("stale-if-error")) or 0
        more = max(seconds(told.get("stale-while-revalidate")) or 0, on_error)
        if "max-stale" in asked:
            more = max(more, 1e9 if asked["max-stale"] == [None] else seconds(asked["max-stale"]) or 0)
        if {"must-revalidate", "proxy-revalidate", "s-maxage"} & set(told):
            more = 0
        if age > life + more + ROUNDING:
            return f"{age:.1f} s old, fresh for {life}, usable for {more} more"
        if seconds(asked.get("max-age")) is not None and age > seconds(asked["max-age"]) + max(more, on_error) + ROUNDING:
            return f"{age:.1f} s old, against the request's max-age"
        return "against min-fresh" if "min-fresh" in asked and not on_error and life - age < 1 - ROUNDING else None


class World:
    """What has happened so far."""

    def __init__(self, port, origin):
        self.port, self.origin = port, origin
        self.tags, self.removed = {}, collections.defaultdict(list)
        self._names, self._begun = itertools.count(), {}

    def number(self):
        """Returns the name of a request that begins."""
        name = str(next(self._names))
        self._begun[name] = time.time()
        return name

    def begun_of(self, it):
        """Returns when the request was begun that a response answers, or that caused one in the background."""
        return self._begun[it.asked["X-Request"]]

    def changed(self, path, it, ended):
        """An unsafe request has been answered: what it succeeded with, and what it names on the same origin, is to be removed."""
        if it.status in FAILURE:
            return
        paths = {path}
        for name in ("Location", "Content-Location"):
            match = re.fullmatch(rf"(http://127\.0\.0\.1:{self.port})?(/\d+)", it.get(name) or "")
            paths |= {match[2]} if match else set()
        for one in paths:
            self.removed[one].append((it.arrived, ended))
