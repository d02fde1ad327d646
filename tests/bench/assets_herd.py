# SPDX-License-Identifier: Apache-2.0
"""1,000 clients want a missing file of 1 MiB, beside the same clients on a file that is there, and beside
1,000 that wait in httpd for a last piece that is in memory, and are all let go at once."""
import select
import socket
import statistics
import time

from assets_files import put
from bench_lib import Unmeasurable, main, origin_running
from webtier_testing import client, wait_until

HERD, SIZE, PIECES, SECONDS = 1000, 1 << 20, 64, 2.4
CROWD = "ThreadLimit 512\nThreadsPerChild 512\nServerLimit 2\nMaxRequestWorkers 1024\nMinSpareThreads 1\nMaxSpareThreads 1024\n"
# An application that makes the file in even pieces, and says when it had the request and when its last byte was written.
ORIGIN = f"""
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", flush=True)
while True:
    client, _ = listener.accept()
    path = client.recv(65536).split()[1].decode()
    began = time.monotonic()
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/octet-stream\\r\\nContent-Length: {SIZE}\\r\\n"
                   b"Cache-Control: max-age=600\\r\\nConnection: close\\r\\n\\r\\n")
    for number in range({PIECES}):
        time.sleep(max(0, began + (number + 1) * {SECONDS / PIECES} - time.monotonic()))
        client.sendall(b"x" * {SIZE // PIECES})
    print(path, time.monotonic(), flush=True)
    client.close()
"""


def ask_all(port, path, count, size=SIZE, begin=None):
    """Asks for path over so many connections at once. Returns when the first request was written, and when each client
    had its last byte. Bodies are not copied out of the kernel: what is measured is the server, not this program.
    begin is called when all have the head of their answer.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    by_number, ended, nothing, heads = {one.fileno(): [one, None] for one in sockets}, [], bytearray(1 << 20), 0
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    began = time.monotonic()
    for one in sockets:
        one.sendall(request)
    while by_number and time.monotonic() - began < 60:
        for number, _ in poll.poll(0.1, 256):
            state = by_number[number]
            if state[1] is None:
                head, _, body = state[0].recv(4096).partition(b"\r\n\r\n")
                if b"Content-Length: %d" % size not in head:
                    raise Unmeasurable(f"an answer of another length: {head}")
                state[1] = size - len(body)
                heads += 1
                if heads == count and begin:
                    begin()
                continue
            got = state[0].recv_into(nothing, len(nothing), socket.MSG_TRUNC)
            state[1] -= got
            if not got or state[1] < 0:
                raise Unmeasurable(f"an answer without {state[1]} of its bytes")
            if not state[1]:
                ended.append(time.monotonic())
                poll.unregister(number)
                del by_number[number]
    if by_number:
        raise Unmeasurable(f"{len(by_number)} of {count} clients waited for more than a minute")
    for one in sockets:
        one.close()
    return began, ended


def let_go(front):
    """Returns milliseconds: the median client's last piece, from when all are let go."""
    opened = []

    def open_gate():
        opened.append(time.monotonic())
        client.request(front.port, "/gate?open")
    _, ended = ask_all(front.port, "/gate", HERD, SIZE // PIECES, open_gate)
    return 1000 * (statistics.median(ended) - opened[0])


def one_round(front, origin, number):
    """Returns milliseconds: of the median client beyond the fetch, and from its request on for a file that is there; and
    of clients that are let go at once."""
    path = f"/assets/{number}.bin"
    _, ended = ask_all(front.port, path, HERD)
    said = origin.stdout.readline().split()
    if said[0] != path:
        raise Unmeasurable(f"{said[0]} was fetched again")
    wait_until((front.root / "store" / f"{number}.bin").exists, 5)
    began, again = ask_all(front.port, "/there.bin", HERD)
    return 1000 * (statistics.median(ended) - float(said[1])), 1000 * (statistics.median(again) - began), let_go(front)


def compare(bench, origin, port, line):
    front = bench.httpd(f"{CROWD}{line}\nTestFloor gate /gate {SIZE // PIECES}\nTierAssets /assets/ store\nProxyPass /assets/ http://127.0.0.1:{port}/assets/\n",
                        ["assets", "test_floor"], ("proxy", "proxy_http"))
    put(front.root / "store")
    put(front.docroot, there_bin=b"x" * SIZE)
    ask_all(front.port, "/there.bin", HERD)  # all threads are there
    rounds = [one_round(front, origin, number) for number in range(bench.options.rounds)]
    beyond, there, least = (statistics.median(values) for values in zip(*rounds))
    bench.figure(f"{line}: {HERD} clients of a missing 1 MiB: median beyond a fetch of {SECONDS} s", beyond, "ms", 20)
    bench.figure(f"{line}: beside it, as many that wait in httpd are let go at once, {SIZE // PIECES} bytes each from memory",
                 least, "ms")
    bench.figure(f"{line}: the same clients of a file that is there: median from the request on", there, "ms")


def prepare(bench):
    with origin_running(ORIGIN) as (origin, port):
        for line in ("EnableSendfile on", "EnableSendfile off"):
            compare(bench, origin, port, line)


if __name__ == "__main__":
    main(prepare)
