# SPDX-License-Identifier: Apache-2.0
"""Many requests at the same moment, and an origin that keeps its answer until all who shall wait for it do."""
import dataclasses
import json
import selectors
import socket
import threading
import time

from webtier_testing import wait_until

# Beside the pages: how many requests wait is told there.
STATUS = """<Location /tier-status>
    SetHandler tier-status
    TierCache off
</Location>
ProxyPass /tier-status !
"""
# Nobody gives up waiting, nor memcached, because the machine is slow.
PATIENT = "TierCacheWait 60s"
PATIENT_STORE = "TierCacheTimeout 10s"
# A thread for each of a hundred clients, and for who asks for the status meanwhile.
ROOMY = "ThreadLimit 64\nThreadsPerChild 64\nMaxRequestWorkers 192\nMaxSpareThreads 192\nStartServers 3\n"


def herded(httpd, origin, more=PATIENT, conf=ROOMY, **options):
    """Returns an httpd that caches what origin answers and tells its status."""
    return httpd(modules=["cache", "status"], conf=conf, **options,
                 vhost=f"{STATUS}TierCache on\n{more}\nProxyPass / {origin.url}/")


def told(server):
    """Returns what the status says of the cache."""
    return json.loads(server.get("/tier-status/json", timeout=30).body)["modules"]["cache"]


def until_waiting(count, *servers):
    """Waits until so many requests of all servers wait for another one's answer."""
    wait_until(lambda: sum(told(server)["waiting"] for server in servers) >= count, what=f"{count} requests that wait")


@dataclasses.dataclass
class Answer:
    """One answer: head and body as received."""
    status: int
    head: str
    body: bytes


def _parse(data):
    head, _, body = data.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]) if head else 0, head.decode("latin-1"), body)


class Crowd:
    """So many requests, sent at once over connections of their own."""

    def __init__(self, server, count, path="/", fields=""):
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n{fields}\r\n".encode()
        self._count = count
        self._poll = selectors.DefaultSelector()
        connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
        for connection in connections:
            connection.sendall(request)
            self._poll.register(connection, selectors.EVENT_READ, bytearray())

    def answers(self, timeout=40):
        """Returns all answers, in the order they came."""
        poll, answers, end = self._poll, [], time.monotonic() + timeout
        while poll.get_map() and time.monotonic() < end:
            for key, _ in poll.select(0.1):
                part = key.fileobj.recv(1 << 16)
                key.data.extend(part)
                if not part:
                    answers.append(_parse(bytes(key.data)))
                    poll.unregister(key.fileobj)
                    key.fileobj.close()
        assert not poll.get_map(), f"{len(poll.get_map())} of {self._count} had no answer within {timeout} s"
        return answers


class Asking:
    """Calls ask in so many threads at once."""

    def __init__(self, count, ask):
        self.answers, self.failed = [], []
        self._threads = [threading.Thread(target=self._run, args=(ask,)) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, ask):
        try:
            self.answers.append(ask())
        except OSError as error:
            self.failed.append(error)

    def join(self):
        """Returns what the calls returned; raises what the first of them raised."""
        self.settle()
        if self.failed:
            raise self.failed[0]
        return self.answers

    def settle(self):
        """Waits until all calls are over, however."""
        for thread in self._threads:
            thread.join()


class Gate:
    """Stands between a web box and its memcached; what would get a lease waits there until the gate is opened."""

    def __init__(self, store):
        self._store = ("127.0.0.1", store.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked, self.opened, self.given_back = (threading.Event() for _ in range(3))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            try:
                store = socket.create_connection(self._store)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._carry, args=(client, store, self._look), daemon=True).start()
            threading.Thread(target=self._carry, args=(store, client, lambda data: None), daemon=True).start()

    def _look(self, command):
        if command.startswith(b"add wtl1-"):
            self.asked.set()
            self.opened.wait(60)
        elif command.startswith(b"delete wtl1-"):
            self.given_back.set()

    def _carry(self, source, target, look):
        try:
            while data := source.recv(1 << 16):
                look(data)
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()
