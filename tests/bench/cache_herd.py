# SPDX-License-Identifier: Apache-2.0
"""A page that is in no cache, and 100 and 1,000 clients that want it at the same moment: how long after the application
has written its answer they have theirs. On one web box of two processes, and on two that share a memcached; beside it,
the same clients of a page that is there.

What counts is when an answer was in its client's socket, as the kernel has noted it: the clients are on other machines
elsewhere, and this one reads when all is over, so that it takes no CPU from the servers meanwhile.
"""
import select
import socket
import statistics
import struct
import time

from bench_lib import Unmeasurable, main, origin_running

CROWDS, GOAL_MS = (100, 1000), 20
SECONDS, SIZE = 0.5, 1024
BEYOND = 0.3  # seconds in which all answers have come
SO_TIMESTAMPNS = 35
ROOMY = "ThreadLimit 512\nThreadsPerChild 512\nServerLimit 2\nMaxRequestWorkers 1024\nMinSpareThreads 1\nMaxSpareThreads 1024\n"
PROXY = ("proxy", "proxy_http")
# An application that takes its time, and says when it has written which answer.
ORIGIN = f"""
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
print("up", flush=True)
while True:
    client, _ = listener.accept()
    path = client.recv(65536).split()[1].decode()
    time.sleep({SECONDS})
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: {SIZE}\\r\\nCache-Control: max-age=600\\r\\n"
                   b"Connection: close\\r\\n\\r\\n" + b"x" * {SIZE})
    print(path, time.time(), flush=True)
    client.close()
"""


class Crowd:
    """So many clients of these ports in turn, each with a connection that is kept."""

    def __init__(self, ports, count):
        self._poll, self._open = select.epoll(), {}
        for number in range(count):
            one = socket.create_connection(("127.0.0.1", ports[number % len(ports)]))
            one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._open[one.fileno()] = one
            self._poll.register(one, select.EPOLLIN)

    def _read(self, number):
        """Returns a part of an answer and when it came."""
        data, notes, _, _ = self._open[number].recvmsg(4096, socket.CMSG_SPACE(16))
        times = [struct.unpack("ll", note) for level, kind, note in notes if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
        if not times:
            raise Unmeasurable("the kernel does not say when an answer came")
        return data, times[0][0] + times[0][1] / 1e9

    def ask(self, path, seconds):
        """Asks for path over all of them, and reads after so many seconds, and what is usual beyond them; returns when it was
        asked first, and when the answers came, in order.
        """
        request = f"GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode()
        began, ended, parts = time.time(), [], {}
        for one in self._open.values():
            one.sendall(request)
        time.sleep(seconds + BEYOND)
        while len(ended) < len(self._open):
            found = self._poll.poll(30, 256)
            if not found:
                raise Unmeasurable(f"{len(self._open) - len(ended)} of {len(self._open)} clients waited for half a minute")
            for number, _ in found:
                part, came = self._read(number)
                parts[number] = parts.get(number, b"") + part
                head, end, body = parts[number].partition(b"\r\n\r\n")
                if end and len(body) == SIZE and head.startswith(b"HTTP/1.1 200 "):
                    ended.append(came)
                elif not end or len(body) >= SIZE or not part:
                    raise Unmeasurable(f"an answer that is none: {parts[number][:200]}")
        return began, sorted(ended)

    def close(self):
        for one in self._open.values():
            one.close()


def one_round(crowd, origin, path):
    """Returns milliseconds: the median client and the last beyond the application's answer, and the median one of a
    page that is there from the first request on.
    """
    _, ended = crowd.ask(path, SECONDS)
    said = origin.stdout.readline().split()
    if said[0] != path:
        raise Unmeasurable(f"the application was asked for {said[0]} again")
    began, again = crowd.ask(path, 0)
    return (1000 * (statistics.median(ended) - float(said[1])), 1000 * (ended[-1] - float(said[1])),
            1000 * (statistics.median(again) - began))


def compare(bench, origin, boxes, what):
    for count in CROWDS:
        crowd = Crowd([box.port for box in boxes], count)
        crowd.ask(f"/{what}/{count}/first".replace(" ", "-"), SECONDS)  # all threads are there
        origin.stdout.readline()
        rounds = [one_round(crowd, origin, f"/{what}/{count}/{number}".replace(" ", "-"))
                  for number in range(bench.options.rounds)]
        crowd.close()
        median, last, there = (statistics.median(values) for values in zip(*rounds))
        bench.figure(f"{count} clients of {what}: median beyond the application's {SECONDS} s", median, "ms", GOAL_MS)
        bench.figure(f"{count} clients of {what}: the last of them", last, "ms")
        bench.figure(f"{count} clients of {what}: median from asking on, of a page that is there", there, "ms")


def box(bench, port, more=""):
    return bench.httpd(f"{ROOMY}{more}TierCache on\nServerName shop.test:80\nProxyPass / http://127.0.0.1:{port}/\n",
                       ["cache"], PROXY)


def prepare(bench):
    with origin_running(ORIGIN) as (origin, port):
        compare(bench, origin, [box(bench, port)], "one box")
        store = f"TierCacheServer {bench.memcached().server}\nTierCacheTimeout 1s\n"
        compare(bench, origin, [box(bench, port, store) for _ in range(2)], "two boxes")


if __name__ == "__main__":
    main(prepare)
