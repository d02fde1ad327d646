# SPDX-License-Identifier: Apache-2.0
"""Many requests at the same moment, timed without threads, which would time one another."""
import dataclasses
import selectors
import socket
import statistics
import threading
import time


@dataclasses.dataclass
class Answer:
    """One answer: head and body as received, and seconds from its request to its last byte."""
    status: int
    head: str
    body: bytes
    elapsed: float


def _parse(data, elapsed):
    head, _, body = data.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]) if head else 0, head.decode("latin-1"), body, elapsed)


def burst(server, count, path="/", fields="", timeout=20):
    """Sends so many requests at once over connections of their own; returns the answers, in the order they came."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n{fields}\r\n".encode()
    poll, answers = selectors.DefaultSelector(), []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port))
        poll.register(connection, selectors.EVENT_READ, bytearray())
    keys = list(poll.get_map().values())
    began = {}
    for key in keys:
        began[key.fd] = time.monotonic()
        key.fileobj.sendall(request)
    end = time.monotonic() + timeout
    while poll.get_map() and time.monotonic() < end:
        for key, _ in poll.select(0.1):
            part = key.fileobj.recv(1 << 16)
            key.data.extend(part)
            if not part:
                answers.append(_parse(bytes(key.data), time.monotonic() - began[key.fd]))
                poll.unregister(key.fileobj)
                key.fileobj.close()
    assert not poll.get_map(), f"{len(poll.get_map())} of {count} had no answer within {timeout} s"
    return answers


def at_once(count, ask):
    """Calls ask in so many threads at once; returns what they return. For what is not timed to the millisecond."""
    answers, start = [], threading.Barrier(count)

    def run():
        start.wait()
        answers.append(ask())
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def median(answers):
    return statistics.median(answer.elapsed for answer in answers)
