# SPDX-License-Identifier: Apache-2.0
"""Storage nodes that fail at random, the application that names them, and clients that compare every byte."""
import asyncio
import http.client
import random
import re
import threading
import time

from webtier_testing import pattern, scale

SIZES = (0, 1, 5000, 8064, 20_000, 40_000, 70_000, 200_000, 700_000)
FAULTS = ("none",) * 12 + ("cut", "chunked", "pieces") * 3 + ("absent", "error", "garbage", "close", "hang", "stall", "long",
                                                               "no ranges", "interim", "chunked cut")
HEADS = {"absent": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
         "error": b"HTTP/1.1 500 Error\r\nContent-Length: 4\r\n\r\noops",
         "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "close": b""}
PAUSE = 0.01


def content(number):
    """The file of that number."""
    return pattern(SIZES[number % len(SIZES)] + number)[number:]


def chunks(body, rng):
    """The body in chunks of any size."""
    wire = b""
    while body:
        size = rng.choice((100, 1000, 8000, 100_000))
        wire += b"%x\r\n" % len(body[:size]) + body[:size] + b"\r\n"
        body = body[size:]
    return wire + b"0\r\n\r\n"


class Nodes:
    """Storage nodes, and an application whose /number names some copies of that file. One thread."""

    def __init__(self, seed, count=3):
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self.ports = [self._listen(self._storage) for _ in range(count)]
        self.application = self._listen(self._name)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def _listen(self, answer):
        async def serve(reader, writer):
            try:
                while await answer(await reader.readuntil(b"\r\n\r\n"), writer):
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()
        server = self._loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
        return server.sockets[0].getsockname()[1]

    async def _name(self, head, writer):
        number = int(re.match(rb"\w+ /(\d+)", head)[1])
        urls = [f"http://127.0.0.1:{self._random.choice(self.ports)}/{number}?copy={copy}" for copy in range(4)]
        answer = (f"HTTP/1.1 200 OK\r\nX-REPROXY-URL: {' '.join(urls)}\r\nX-REPROXY-EXPECTED-SIZE: {len(content(number))}\r\n"
                  "Content-Length: 4\r\n\r\nmine").encode()
        await self._send(writer, answer, self._random.random() < 0.2)
        return True

    async def _send(self, writer, wire, in_pieces):
        cuts = sorted(self._random.randrange(len(wire) + 1) for _ in range(3)) if in_pieces else []
        for first, last in zip([0, *cuts], [*cuts, len(wire)]):
            writer.write(wire[first:last])
            await writer.drain()
            await asyncio.sleep(PAUSE if in_pieces else 0)

    async def _storage(self, head, writer):
        fault = self._random.choice(FAULTS)
        if fault in HEADS:
            writer.write(HEADS[fault])
            return fault in ("absent", "error")
        wire = self._answer(head, fault)
        if fault in ("cut", "stall", "chunked cut"):
            wire = wire[:self._random.randrange(len(wire))]
        if fault == "hang":
            wire = b""
        await self._send(writer, wire, fault == "pieces")
        if fault in ("hang", "stall"):
            await asyncio.sleep(1)
        return fault not in ("cut", "chunked cut", "hang", "stall")

    def _answer(self, head, fault):
        number = int(re.match(rb"\w+ /(\d+)", head)[1])
        body = content(number)
        asked = re.search(rb"Range: bytes=(\d+)-(\d*)", head)
        start = b"HTTP/1.1 200 OK\r\n"
        if asked and fault != "no ranges":
            first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
            start = b"HTTP/1.1 206 Part\r\nContent-Range: bytes %d-%d/%d\r\n" % (first, last, len(body))
            body = body[first:last + 1]
        if fault == "interim":
            start = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + start
        start += b'ETag: "%d"\r\nSet-Cookie: storage=1\r\n' % number
        if fault.startswith("chunked"):
            return start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(body, self._random)
        return start + b"Content-Length: %d\r\n\r\n" % len(body) + body + (b"more" if fault == "long" else b"")

    async def _end_all(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def end(self):
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(scale(20))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Reader(threading.Thread):
    """Gets files and parts of them for a while; problems: what was wrong with the answers."""

    def __init__(self, number, seed, server, seconds):
        super().__init__()
        self._random = random.Random(f"{seed} {number}")
        self._server = server
        self._end = time.monotonic() + seconds
        self.problems, self.whole = [], 0

    def _goes_on(self):
        """As long as it is to, and until it has got something."""
        now = time.monotonic()
        return now < self._end or (not self.whole and now < self._end + scale(60))

    def run(self):
        while self._goes_on():
            try:
                with self._server.session() as session:
                    while self._goes_on():
                        self._read(session)
            except (http.client.HTTPException, ConnectionError):
                continue  # the connection was cut, within a body at the most: _read has compared that

    def _read(self, session):
        number = self._random.randrange(30)
        body = content(number)
        headers, part = {}, body
        if len(body) > 1 and self._random.random() < 0.3:
            first = self._random.randrange(len(body))
            last = self._random.randrange(first, len(body))
            headers, part = {"Range": f"bytes={first}-{last}"}, body[first:last + 1]
        try:
            answer = session.get(f"/{number}", headers=headers, timeout=scale(60))
        except http.client.IncompleteRead as broken:
            if not body.startswith(broken.partial) and not part.startswith(broken.partial):
                self.problems.append(("wrong bytes before a cut", number, headers, len(broken.partial)))
            raise
        right = {200: body, 206: part}.get(answer.status)
        if right is not None and answer.body != right:
            self.problems.append((answer.status, number, headers, len(answer.body), len(right)))
        if any(name.lower().startswith("x-reproxy") or name.lower() == "set-cookie" for name in answer.headers):
            self.problems.append(("a field of others", str(answer.headers)))
        if right is None and (answer.status < 500 and answer.status != 404 or b"mine" in answer.body):
            self.problems.append((answer.status, number, headers, answer.body[:100]))
        self.whole += right is not None
