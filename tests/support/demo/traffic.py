# SPDX-License-Identifier: Apache-2.0
"""Clients that keep asking, and remember of each request when it began and what came of it."""
import dataclasses
import http.client
import threading
import time

from webtier_testing import Session


@dataclasses.dataclass
class Visit:
    """One request as its client saw it; status 0: no whole answer came. Times are time.monotonic()'s."""
    began: float
    ended: float
    status: int = 0
    server: str = ""
    error: str = ""
    again: bool = False

    @property
    def failed(self):
        return not 200 <= self.status < 400


def once(session, path):
    """Sends one GET; returns the Visit."""
    began = time.monotonic()
    try:
        answer = session.get(path)
        return Visit(began, time.monotonic(), answer.status, answer.headers.get("X-App", ""))
    except (OSError, http.client.HTTPException) as error:
        session.close()
        return Visit(began, time.monotonic(), error=f"{type(error).__name__}: {error}")


def visit(session, path):
    """Sends one GET as any browser does: once more where a kept connection was closed without an answer (RFC 9112, 9.3.1)."""
    kept = session.socket is not None
    first = once(session, path)
    if not kept or not first.error.startswith("RemoteDisconnected"):
        return first
    second = once(session, path)
    return dataclasses.replace(second, began=first.began, again=True)


class Traffic:
    """Clients on keep-alive connections of their own, together at `rate` requests a second, until stop()."""

    def __init__(self, port, path, rate, clients):
        self._port = port
        self._path = path
        self._pause = clients / rate
        self._stopped = threading.Event()
        self._visits = [[] for _ in range(clients)]
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        """Each request has its moment, however long the one before it took."""
        due = time.monotonic() + self._pause * number / len(self._threads)
        with Session(self._port) as session:
            while not self._stopped.wait(max(0, due - time.monotonic())):
                self._visits[number].append(visit(session, self._path))
                due += self._pause

    def stop(self):
        """Ends the clients when they have their answers; returns all Visits in the order of their beginning."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return sorted((one for visits in self._visits for one in visits), key=lambda one: one.began)
