# SPDX-License-Identifier: Apache-2.0
"""An application without manners and clients without sense, both at random, and what may reach the clients all the same."""
import asyncio
import collections
import hashlib
import itertools
import random
import re
import time

from adversary_server import Asker, Server
from webtier_testing import scale

Sent = collections.namedtuple("Sent", "body whole partial")

SIZES = (0, 1, 17, 100, 1000, 5000, 8192, 16384, 40000, 70000, 300000)
RUBBISH = (b"rubbish\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 999 \r\n\r\n", b"\0" * 100, b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nabcde", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")
INTERIM = (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
           b"HTTP/1.1 103 Early Hints\r\nLink: </assets/x.css>; rel=preload; as=style\r\n\r\n",
           b"HTTP/1.1 103 Early Hints\r\nLink: <\r\n\r\n")
TRAILERS = (b"", b"", b"X-T: 1\r\n", b'ETag: "trailer"\r\nCache-Control: max-age=1000\r\n')
PIECES = (b'<img src="/assets/i.png">', b"<a href='/assets/z'>", b"<!-- ", b"-->", b'<script>"<img src=/assets/q>"</script>',
          b"<style>a{background:url(/assets/u.png)}</style>", b'<img srcset="/assets/1.png 1x, /assets/2.png 2x">',
          b"<textarea>", b"</textarea>", b"<", b"&amp;", b"\0", b"<svg><image xlink:href=/assets/s.svg></svg>")
FIELDS = {
    "Cache-Control": (.8, ["max-age=0", "max-age=2", "s-maxage=1", "public, max-age=3", "private", "no-store", "no-cache",
                           'no-cache="x-a"', "max-age=1, stale-while-revalidate=5", "max-age=1, stale-if-error=60",
                           "must-revalidate, max-age=1", "max-age=2, max-age=0", 'max-age="5"', "max-age=99999999999999999999",
                           "max-age=-1", "max-age=1.5", "immutable, max-age=100", "must-understand, no-store, max-age=9",
                           ",,,max-age=3,,", '="x"', 'max-age=4,"a', "max-age=9, no-transform"]),
    "CDN-Cache-Control": (.1, ["max-age=5", "no-store", 'max-age="a"', "max-age=1;x=y, private", "(", ""]),
    "ETag": (.3, ['"a"', 'W/"a"', "bad", '"', 'W/"', '""', '"a", "b"']),
    "Last-Modified": (.3, ["Wed, 25 Nov 2020 10:00:00 GMT", "Wed, 25 Nov 2099 10:00:00 GMT", "rubbish", ""]),
    "Expires": (.15, ["0", "-1", "Wed, 25 Nov 2099 10:00:00 GMT", "Wed, 25 Nov 2099 10:00:00 EST", "x" * 300]),
    "Age": (.15, ["0", "5", "-3", "99999999999", "1, 2", "x", "3.7"]),
    "Vary": (.25, ["Accept-Encoding", "X-V", "*", "X-V, *", "accept-encoding,,X-V", "Cookie", "", ",", "X-V," * 300]),
    "Set-Cookie": (.1, ["s=1"]),
    "Connection": (.05, ["X-A", "close, ETag", "keep-alive, Cache-Control", "upgrade"]),
    "Surrogate-Key": (.05, ["k1", "k1 k2 " * 200]),
    "Link": (.05, ["</assets/x.css>; rel=preload; as=style", "<", '</assets/x>; rel="preload', '</assets/x>;as="a\\"']),
    "X-Long": (.03, ["y" * 7000, "y" * 9000, "y" * 70000]),
}
REPROXY = ("{0}/store/1", "{0}/store/2 {0}/store/3", "http://127.0.0.1:1/x {0}/store/4", "../x", "http://example.invalid/", "http://",
           "", "file:///etc/passwd", "{0}/store/5\t{0}/store/6", "{0}/store/%00", "{0}/store/a b", "{1}/root/file",
           "{1}/root/../secret", "{1}/root/link", "{1}/secret")
ASKED = {
    "Range": (.2, ["bytes=0-9", "bytes=-5", "bytes=5-", "bytes=0-0,2-3", "bytes=9-1", "bytes=0-99999999999999999999", "bytes=abc",
                   "items=0-1", "bytes=" + "0-1," * 300, "bytes=1000-70000"]),
    "If-Range": (.1, ['"a"', 'W/"a"', "Wed, 25 Nov 2020 10:00:00 GMT", "x"]),
    "If-None-Match": (.1, ['"a"', "*", 'W/"a"', '"', '"a","b"']),
    "If-Modified-Since": (.1, ["Wed, 25 Nov 2020 10:00:00 GMT", "x"]),
    "If-Match": (.05, ['"a"', "*", '"zz"']),
    "Cache-Control": (.1, ["no-cache", "no-store", "max-age=0", "max-stale", "only-if-cached", "min-fresh=3", "max-stale=x"]),
    "Accept-Encoding": (.2, ["gzip", "br", "gzip;q=0, *", "identity;q=0", "", ",,", "gzip;q=2"]),
    "X-V": (.1, ["a", "b", "x" * 3000]),
    "Cookie": (.05, ["a=b"]),
    "Authorization": (.05, ["Basic x"]),
    "Expect": (.03, ["100-continue"]),
    "TE": (.03, ["trailers"]),
}
METHODS = ("GET",) * 16 + ("HEAD", "HEAD", "POST", "PUT", "DELETE", "PURGE", "FOO", "OPTIONS")
PLACES = ("p", "p", "q", "html", "re", "assets/f", "assets/d/")
ENDINGS = (".css", ".png", "", ".css?v=3", "%20x.css", "/../x", ".css.gz", "%2e%2e/y", "//z")
SECRET = b"only to be read here"
WHOLE_STATUSES = (200, 203, 299, 599)


def some(chance, table):
    return [(name, chance.choice(values)) for name, (share, values) in table.items() if chance.random() < share]


class Application(Server):
    """Answers in a thread of its own; knows what it sent for each path."""

    def __init__(self, seed, folder):
        super().__init__()
        self.sent = collections.defaultdict(list)
        self._seed, self._folder, self._numbers = seed, folder, itertools.count()
        self.port = self.speak(self._answer)

    @staticmethod
    def _body(chance, path):
        size = chance.choice(SIZES)
        line = hashlib.sha1(repr((path, chance.random())).encode()).hexdigest().encode()
        page = b"".join(chance.choices(PIECES, k=chance.randrange(200))) if "/html" in path else b""
        return page + (line * (size // len(line) + 1))[:size]

    @staticmethod
    def _coded(chance, fields, body):
        """Returns how the body goes over the wire, and whether the connection's end is its own."""
        how = chance.choice(("length", "length", "chunked", "close"))
        if how == "length":
            fields.append(("Content-Length", str(len(body))))
            return body, False
        if how == "close":
            fields.append(("Connection", "close"))
            return body, True
        fields.append(("Transfer-Encoding", "chunked"))
        sizes = iter(lambda: chance.choice((1, 10, 1000, 8000)) if len(body) < 20000 else 50000, 0)
        chunks, at = [], 0
        while at < len(body):
            chunk = body[at:at + next(sizes)]
            chunks.append(b"%x%s\r\n%s\r\n" % (len(chunk), chance.choice((b"", b";x=y")), chunk))
            at += len(chunk)
        return b"".join(chunks) + b"0\r\n" + chance.choice(TRAILERS) + b"\r\n", False

    async def _answer(self, request, writer):
        """Returns whether the connection goes on."""
        method, path, asked, _ = request
        chance = random.Random(f"{self._seed}/{next(self._numbers)}")
        if chance.random() < .04:
            return False
        if chance.random() < .02:
            writer.write(chance.choice(RUBBISH))
            return False
        if chance.random() < .05:
            await asyncio.sleep(chance.random() / 2)
        if chance.random() < .05:
            writer.write(chance.choice(INTERIM))
        whole = body = self._body(chance, path)
        fields = some(chance, FIELDS)
        fields.append(("Content-Type", "text/html" if "/html" in path else chance.choice(("text/plain", "text/css; charset=x", "image/png", ""))))
        status = chance.choice((200,) * 14 + (203, 204, 206, 299, 301, 302, 304, 400, 404, 410, 416, 429, 500, 502, 503, 599, 999))
        if ("If-None-Match" in asked or "If-Modified-Since" in asked) and chance.random() < .5:
            status = 304
        if "/re" in path and chance.random() < .8:
            there = chance.choice(REPROXY).format(f"http://127.0.0.1:{self.port}", self._folder)
            fields.append((chance.choice(("X-Reproxy-URL", "X-Reproxy-File")), there))
            fields += some(chance, {"X-Reproxy-Expected-Size": (.2, [str(len(body)), "0", "-1", "x"]),
                                    "X-Reproxy-Cache-For": (.2, ["5", "5; X-Reproxy-URL", "x;", ";"])})
        if status == 206:
            start = chance.randrange(len(body) + 1)
            body = body[start:]
            fields.append(("Content-Range", chance.choice((f"bytes {start}-{len(whole) - 1}/{len(whole)}", "bytes 5-1/9", "bytes x"))))
        ends, wire = False, b""
        if status not in (204, 304) and method != "HEAD":
            wire, ends = self._coded(chance, fields, body)
        cut = chance.randrange(len(wire)) if wire and not ends and chance.random() < .06 else None
        self.sent[path].append(Sent(whole, cut is None, status == 206))
        chance.shuffle(fields)
        writer.write(f"HTTP/1.1 {status} {chance.choice(('OK', '', 'Other Text'))}\r\n".encode() +
                     "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1") + b"\r\n")
        if chance.random() < .05:
            await writer.drain()
            await asyncio.sleep(.1)  # the head comes alone
        writer.write(wire[:cut])
        await writer.drain()
        return not ends and cut is None and chance.random() > .05


class Client(Asker):
    """Asks for anything."""

    def __init__(self, number, seed, server, application, seconds):
        super().__init__(random.Random(f"{seed}.{number}"), seconds)
        self._server, self._application = server, application

    def one(self):
        chance = self.chance
        path = f"/{chance.choice(PLACES)}{chance.randrange(25)}"
        if path.startswith("/assets/"):
            path += chance.choice(ENDINGS)
        elif chance.random() < .1:
            path += f"?a={chance.randrange(3)}"
        method, fields, started = chance.choice(METHODS), dict(some(chance, ASKED)), time.monotonic()
        body = b"x" * chance.choice((0, 10, 5000, 100000)) if method in ("POST", "PUT", "FOO") else None
        got = self.ask(self._server.port, method, path, fields, body)
        if time.monotonic() - started > scale(8):
            self.problems.append((path, "took too long", time.monotonic() - started))
        self.complain(got and self._judge(method, path, got.answer, got.body), got, method, path, fields)

    def _sent_for(self, path):
        if path.startswith("/assets/"):  # httpd knows more than one spelling of a path
            return [sent for there, all_sent in list(self._application.sent.items()) if there.startswith("/assets/")
                    for sent in list(all_sent)]
        if path.startswith("/re"):
            return [sent for all_sent in list(self._application.sent.values()) for sent in list(all_sent)]
        return list(self._application.sent[path])

    def _judge(self, method, path, answer, content):
        if any(name.lower().startswith("x-reproxy") for name in answer.headers):
            return "a header of the application's to its web tier"
        if SECRET in content:
            return "a file that is not to be read"
        if method != "GET":
            return None
        if answer.status in WHOLE_STATUSES:
            return self._judge_whole(path, content)
        shown = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.getheader("Content-Range", ""))
        if answer.status == 206 and shown and not path.startswith(("/re", "/html")):
            first, last, size = map(int, shown.groups())
            if not any(sent.partial or (sent.whole and len(sent.body) == size and sent.body[first:last + 1] == content)
                       for sent in self._sent_for(path)):
                return "a part of nothing that was sent"
        return None

    def _judge_whole(self, path, content):
        if path.startswith("/html"):
            content = content.replace(b"/static/", b"/assets/")
        if path.startswith("/re") and content == FILE:
            return None
        same = [sent for sent in self._sent_for(path) if sent.body == content]
        if not same:
            return "a body that was not sent"
        return None if any(sent.whole for sent in same) else "a truncated body that looks whole"


FILE = b"a file below the root" * 3000


def make_files(folder):
    (folder / "root").mkdir()
    (folder / "root/file").write_bytes(FILE)
    (folder / "secret").write_bytes(SECRET)
    (folder / "root/link").symlink_to(folder / "secret")
