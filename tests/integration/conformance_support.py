# SPDX-License-Identifier: Apache-2.0
"""Many small exchanges with one caching httpd: what the origin would answer, what is asked, what has to come of it.

A case is a name and its steps; each has a path of its own, all share one httpd and one origin:

    case("max-age is obeyed", get(told("max-age=60")), get(HIT))

Each step says what the origin answers if it is asked: told(...), or answers(...) in full. HIT stands for an origin
that must not be asked. A step whose origin was not asked, or was asked without need, fails, and so does one that got
another body than that of the answer it is about: each answer of the origin has a body of its own unless it says so.
"""
import dataclasses
import socketserver
import threading

from cache_support import cached


@dataclasses.dataclass
class Answer:
    """What the origin sends: status and reason, fields as pairs, a body (None: one made for the step)."""
    status: object = 200
    fields: tuple = ()
    body: object = None
    before: bytes = b""  # raw: interim responses


HIT = None


def pairs(fields):
    """Returns fields given as keywords (_ for -; a list for several lines) as pairs."""
    made = []
    for name, value in fields.items():
        for line in value if isinstance(value, (list, tuple)) else [value]:
            made.append((name.replace("_", "-"), line))
    return made


def answers(status=200, body=None, before=b"", **fields):
    return Answer(status, tuple(pairs(fields)), body, before)


def told(cache_control, status=200, body=None, **fields):
    """An answer with this Cache-Control; a list: several lines of it."""
    return answers(status, body, Cache_Control=cache_control, **fields)


@dataclasses.dataclass
class Step:
    """One request. A field that is expected or asked to be None must not be there."""
    origin: object
    method: str = "GET"
    path: str = ""
    fields: tuple = ()
    status: object = None      # of the client's answer; None: that of the origin's answer, or of the hit's
    body: object = None        # of the client's answer; None: that of the origin's answer, or of what was stored last
    has: dict = dataclasses.field(default_factory=dict)    # of the client's answer
    asked: dict = dataclasses.field(default_factory=dict)  # of the request that reached the origin
    check: object = None       # a function of the client's answer that says whether it is right
    reason: object = None


def get(origin=HIT, **options):
    fields = tuple(pairs(options.pop("fields", {})))
    return Step(origin, fields=fields, **options)


def head(origin=HIT, **options):
    return get(origin, method="HEAD", **options)


def case(name, *steps):
    return name, steps


class _Handler(socketserver.StreamRequestHandler):
    """One connection of the origin; requests are read to the end of head and body."""

    def handle(self):
        while (line := self.rfile.readline()) not in (b"", b"\r\n"):
            fields = {}
            while (field := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = field.decode("latin-1").partition(":")
                fields[name.strip().lower()] = value.strip()
            self.rfile.read(int(fields.get("content-length", 0)))
            method, path, _ = line.decode("latin-1").split(" ", 2)
            self.wfile.write(self.server.answer(method, path, fields))


class Origin(socketserver.ThreadingTCPServer):
    """Answers as the current step says; what the step did not foresee is an error of its own kind."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.step = None
        self.body = b""
        self.seen = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def answer(self, method, path, fields):
        self.seen.append((method, path, fields))
        answer = self.step.origin
        if answer is HIT:
            return b"HTTP/1.1 418 Not Asked For\r\nContent-Length: 0\r\n\r\n"
        status = answer.status if isinstance(answer.status, str) else f"{answer.status} Fine"
        own = {name.lower() for name, _ in answer.fields}
        lines = [f"{name}: {value}" for name, value in answer.fields if value is not None]
        if not own & {"content-length", "transfer-encoding"} and not status.startswith(("304", "204")):
            lines.append(f"Content-Length: {len(self.body)}")
        head_ = "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")
        empty = method == "HEAD" or status.startswith(("304", "204"))
        return answer.before + head_ + (b"" if empty else self.body)


def _status(answer):
    return int(str(answer.status).split(" ", 1)[0])


class _Run:
    """One case under way: what the cache should have by now."""

    def __init__(self, origin, session, number):
        self._origin = origin
        self._session = session
        self._base = f"/{number}"
        self._number = number
        self._stored = (200, b"")

    def step(self, index, step):
        """Returns what is wrong, as sentences."""
        origin, answer = self._origin, step.origin
        origin.step, origin.seen = step, []
        origin.body = b""
        if answer is not HIT:
            origin.body = answer.body if answer.body is not None else b"body %d of case %d" % (index, self._number)
        got = self._session.get(self._base + step.path, headers=list(step.fields), method=step.method,
                                body=b"x" if step.method == "POST" else None)
        wrong = list(self._of_origin(step)) + list(self._of_client(step, got))
        if answer is not HIT and _status(answer) != 304 and step.method == "GET":
            self._stored = (_status(answer), origin.body)
        return [f"step {index + 1}: {sentence} (Cache-Status: {got.headers['Cache-Status']})" for sentence in wrong]

    def _of_origin(self, step):
        seen = self._origin.seen
        if step.origin is HIT and seen:
            yield "the origin was asked"
        if step.origin is not HIT and len(seen) != 1:
            yield f"the origin was asked {len(seen)} times"
        for name, value in step.asked.items():
            got = seen[0][2].get(name.lower()) if seen else "nothing"
            if got != value:
                yield f"the origin was asked with {name}: {got}, not {value}"

    def _of_client(self, step, got):
        status, body = self._stored
        if step.origin is not HIT and _status(step.origin) != 304:
            status, body = _status(step.origin), self._origin.body
        status = step.status or status
        body = step.body if step.body is not None else b"" if step.method == "HEAD" or status in (304, 204) else body
        if got.status != status:
            yield f"the client got status {got.status}, not {status}"
        elif body is not any and got.body != body:
            yield f"the client got {got.body[:80]!r}, not {body[:80]!r}"
        if step.reason and got.reason != step.reason:
            yield f"the reason is {got.reason!r}, not {step.reason!r}"
        for name, value in step.has.items():
            lines = [line for given, line in got.header_list if given.lower() == name.lower()]
            joined = ", ".join(lines) if lines else None
            if joined != value:
                yield f"the client got {name}: {joined}, not {value}"
        if step.check and not step.check(got):
            yield f"the answer is not as it should be: {got.status} {got.header_list} {got.body[:80]!r}"


def run(httpd, cases, more="", conf="", **options):
    """Runs the cases; returns one text a case that went wrong."""
    with Origin() as origin:
        server = cached(httpd, origin, more, conf, **options)
        failures = []
        for number, (name, steps) in enumerate(cases):
            with server.session() as session:
                of_case = _Run(origin, session, number)
                wrong = [sentence for index, step in enumerate(steps) for sentence in of_case.step(index, step)]
            if wrong:
                failures.append(f"{name}: " + "; ".join(wrong))
        origin.shutdown()
        return failures
