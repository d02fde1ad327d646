# SPDX-License-Identifier: Apache-2.0
"""What the adversaries share: servers in a thread, which may send anything, and clients that go on until their time is over."""
import asyncio
import collections
import contextlib
import http.client
import io
import threading
import time

from webtier_testing import scale

Request = collections.namedtuple("Request", "method path fields body")
Got = collections.namedtuple("Got", "answer body begun ended")


class Server:
    """Listens on ports of 127.0.0.1, all in one thread; a context manager."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    def listen(self, serve):
        """Has serve(reader, writer) called for each connection; before the thread begins. Returns the port."""
        async def connected(reader, writer):
            with contextlib.suppress(EOFError, ConnectionError, ValueError, asyncio.LimitOverrunError):
                await serve(reader, writer)
            writer.close()

        server = self._loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20))
        return server.sockets[0].getsockname()[1]

    def speak(self, answer):
        """The same for HTTP: answer(request, writer) says whether the connection goes on."""
        async def serve(reader, writer):
            while await answer(await self._request(reader, writer), writer):
                await writer.drain()
            await writer.drain()
        return self.listen(serve)

    @staticmethod
    async def _request(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = http.client.parse_headers(io.BytesIO(head.partition("\r\n")[2].encode("latin-1")))
        if "Expect" in fields:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b""
        if fields.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            body = await reader.readexactly(int(fields.get("Content-Length", 0)))
        return Request(*head.split(" ", 2)[:2], fields, body)


def head_of(status, fields):
    """Returns the head of an answer with these fields (pairs)."""
    lines = [f"HTTP/1.1 {status} Text", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def chunked(body, size):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in
                    (body[at:at + size] for at in range(0, len(body), size))) + b"0\r\n\r\n"


async def send_in_two(chance, writer, wire, pause):
    """Sends bytes, with a pause anywhere."""
    cut = chance.randrange(len(wire) + 1)
    writer.write(wire[:cut])
    await writer.drain()
    await asyncio.sleep(chance.random() * pause)
    writer.write(wire[cut:])


class Answer(http.client.HTTPResponse):
    """http.client takes 102 and 103 for the end."""

    def _read_status(self):
        version, status, reason = super()._read_status()
        while 100 <= status < 200:
            while self.fp.readline(65537).strip():
                pass
            version, status, reason = super()._read_status()
        return version, status, reason


class Asker(threading.Thread):
    """Calls one() until its time is over or there is a problem; `problems` says what it should not have got."""

    def __init__(self, chance, seconds):
        super().__init__()
        self.chance, self.problems, self.answers = chance, [], 0
        self._end = time.monotonic() + seconds
        self._connections = {}

    def run(self):
        # On a slow machine the first answer may take as long as all that is asked for.
        while not self.problems and (time.monotonic() < self._end or not self.answers and time.monotonic() < self._end + scale(30)):
            try:
                self.one()
            except Exception as error:  # pylint: disable=broad-except
                self.problems.append(repr(error))
                raise
        for connection in self._connections.values():
            connection.close()

    def one(self):
        """Asks once, and judges the answer."""
        raise NotImplementedError

    def complain(self, wrong, got, *asked):
        """Notes what is wrong with what was got for what was asked; nothing where it is right."""
        if wrong:
            self.problems.append((wrong, *asked, got.answer.status, got.answer.getheaders(), got.body[:100]))

    def ask(self, port, method, path, fields, body=None):
        """Returns a Got, or None where the connection was cut, which the client can tell."""
        if port not in self._connections:
            self._connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=scale(30))
            self._connections[port].response_class = Answer
        connection = self._connections[port]
        begun = time.time()
        try:
            connection.request(method, path, body=body, headers=fields, encode_chunked="Transfer-Encoding" in fields)
            answer = connection.getresponse()
            content = answer.read()
        except (http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionError):
            connection.close()
            return None
        except (http.client.HTTPException, OSError) as error:
            self.problems.append((repr(error)[:300], method, path, fields))
            connection.close()
            return None
        self.answers += 1
        return Got(answer, content, begun, time.time())

    def part_of(self, answer, content, whole):
        """Returns what is wrong with a 206 of the whole, None: nothing."""
        first, _, rest = answer.getheader("Content-Range", "").removeprefix("bytes ").partition("-")
        last, _, size = rest.partition("/")
        if not size or int(size) != len(whole) or whole[int(first):int(last) + 1] != content:
            return "another part than of the whole"
        return None


def run_all(askers):
    """Runs them to their end; returns their problems."""
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    return [problem for asker in askers for problem in asker.problems]
