# SPDX-License-Identifier: Apache-2.0
"""When a worker does not linger, or not for long: far clients, time-outs, limits, busy children, restarts."""
import contextlib
import http.client
import os
import signal
import threading
import time

import pytest

from linger_support import STATUS, Wire, ask, counters, grown, lingering, lingers
from webtier_testing import pattern, scale, settings, wait_until


def test_a_far_client_costs_nothing(httpd):
    """Gaps longer than the linger time: after the first response no worker waits any more."""
    server = lingering(httpd, time="5ms")
    before = counters(server)
    with Wire(server) as client:
        for _ in range(15):
            client.get()
            time.sleep(0.06)
    assert grown(server, before).keys() <= {"refused_gap"}


def test_a_client_that_slows_down_is_dropped(httpd):
    server = lingering(httpd, time="10ms")
    with Wire(server) as client:
        for _ in range(5):
            client.get()
        before = counters(server)
        for _ in range(10):
            client.get()
            time.sleep(0.15)
    assert grown(server, before).get("timeouts", 0) <= 2


def test_a_free_worker_lingers_longer(httpd):
    """Gaps five times the linger time, on an idle server. Tries of clients that only look slow begin later."""
    server = lingering(httpd, time="on")

    def is_met():
        with Wire(server) as client:
            for _ in range(10):
                client.get()
                time.sleep(0.01)
        return counters(server)["hits"]

    wait_until(is_met, 30)


def test_keepalive_timeout_shorter_than_the_linger(httpd):
    server = lingering(httpd, time="1s", conf="KeepAliveTimeout 200ms")
    before = counters(server)
    with Wire(server) as client:
        client.warm()
        assert client.closed_after() > 0.15
    assert lingers(server, before) == {"timeouts": 1}


def test_keepalive_timeout_after_the_linger(httpd):
    server = lingering(httpd, time="20ms", conf="KeepAliveTimeout 1")
    with Wire(server) as client:
        client.warm()
        assert client.closed_after() > 0.9


def test_the_last_request_of_a_connection_is_not_lingered_on(httpd):
    server = lingering(httpd, time="1s", conf="MaxKeepAliveRequests 3")
    before = counters(server)
    with Wire(server) as client:
        assert ["close" in client.get()[1].get("connection", "") for _ in range(4)] == [False, False, False, True]
        client.closed_after()
    assert lingers(server, before) == {"hits": 2}


def test_reqtimeout_counts_from_the_first_byte(httpd):
    server = lingering(httpd, time="1s", extra=["reqtimeout"], conf="RequestReadTimeout header=2 body=2")
    with Wire(server) as client:
        client.warm()
        time.sleep(0.9)  # lingered
        client.send(ask()[:10])
        time.sleep(1.2)
        client.send(ask()[10:])
        assert client.answer()[0] == 200


def test_reqtimeout_still_ends_slow_headers(httpd):
    server = lingering(httpd, time="1s", extra=["reqtimeout"], conf="RequestReadTimeout header=1 body=1")
    with Wire(server) as client:
        client.warm()
        client.send(ask()[:10])
        assert client.closed_after() > 0.9


def logged_bytes(httpd, time):
    """Returns the byte counts that mod_logio logs of one connection's requests.

    Responses that httpd sends before it looks for the next request are not among them: when the client is quick, that
    look itself finds a byte, which mod_logio counts, with lingering or without.
    """
    server = lingering(httpd, time=time, conf='LogFormat "%I %O %S %X" bytes\nCustomLog bytes.log bytes')
    with Wire(server) as client:
        for path in ("/small", "/none", "/small", "/small", "/none", "/small"):
            client.get(path)
            client.send(ask(path, "X-Long: " + "x" * 500) + b"\r\n")
            client.answer()
    log = server.root / "bytes.log"
    wait_until(lambda: log.exists() and log.read_text().count("\n") == 12)
    return log.read_text()


def test_logged_byte_counts_are_the_same(httpd):
    assert logged_bytes(httpd, "500ms") == logged_bytes(httpd, None)


def test_a_slow_download_does_not_hold_its_worker(httpd):
    """Four clients that do not read, four workers: the fifth client is served at once, the files arrive whole."""
    server = lingering(httpd, time="1s", workers=4, conf="SendBufferSize 16384\nEnableSendfile On\nEnableMMAP Off")
    size = 1 << 20  # more than both sockets' buffers hold
    (server.docroot / "big").write_bytes(pattern(size))
    slow = [Wire(server).warm() for _ in range(4)]
    for client in slow:
        client.send(ask("/big"))
    time.sleep(0.2)
    assert server.get("/small").elapsed < scale(0.9)
    for client in slow:
        with client:
            assert client.answer()[2] == pattern(size)


def test_at_most_so_many_workers_linger(httpd):
    server = lingering(httpd, time="1s", conf="TierLingerMaxWorkers 2")
    before = counters(server)
    clients = [Wire(server).warm() for _ in range(5)]
    told = grown(server, before)
    for client in clients:
        client.__exit__()
    assert told["refused_full"] == 3


def test_a_share_of_the_workers(httpd):
    server = lingering(httpd, time="1s", conf="TierLingerMaxWorkers 25%", workers=16)
    before = counters(server)
    clients = [Wire(server).warm() for _ in range(6)]
    told = grown(server, before)
    for client in clients:
        client.__exit__()
    assert told["refused_full"] == 2


def test_a_connection_gives_its_worker_back(httpd):
    server = lingering(httpd, conf="TierLingerMaxRequests 3")
    before = counters(server)
    with Wire(server) as client:
        for _ in range(21):
            client.get()
    # The first request goes to learn the pace; then three hits and a turn, five times.
    told = grown(server, before)
    assert (told["hits"], told["refused_turn"]) == (15, 5)


def test_no_worker_lingers_when_few_are_idle(httpd, app):
    """Fourteen of sixteen workers wait for the backend: whoever lingers lets go, nobody starts."""
    backend = app(hold=True)
    server = lingering(httpd, time="1s", vhost=f'ProxyPass "/app" "{backend.url}"')
    with Wire(server) as client:
        client.warm()
        waiting = [Wire(server) for _ in range(15)]
        for other in waiting:
            other.send(ask("/app/x"))
        wait_until(lambda: backend.count() >= 14)
        client.get()
        told = counters(server)
        assert told["released"] == 1 or told["refused_busy"] >= 1
        assert told["refused_busy"] >= 1
        backend.release()
        for other in waiting:
            with other:
                assert other.answer()[0] == 200


def keep_asking(server, requests, waits):
    """A client that asks again at once; httpd may close its connection between two requests, then it connects anew."""
    while requests > 0:
        with server.session() as session, contextlib.suppress(http.client.RemoteDisconnected, ConnectionError):
            while requests > 0:
                answer = session.get("/small")
                assert answer.status == 200
                waits.append(answer.elapsed)
                requests -= 1


def test_more_busy_connections_than_workers_all_go_on(httpd):
    """Sixteen busy clients on eight workers: none waits for those on whom a worker lingers."""
    server = lingering(httpd, time="100ms", workers=8)
    waits = []
    clients = [threading.Thread(target=keep_asking, args=(server, 100, waits)) for _ in range(16)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(waits) == 1600
    assert max(waits) < scale(10)


def test_one_virtual_host_lingers_the_other_does_not(httpd):
    other = """
    <VirtualHost 127.0.0.1:{port}>
        ServerName other
        TierLinger off
    </VirtualHost>"""
    server = lingering(httpd)
    server.reconfigure(conf=server.site.conf + other.format(port=server.port))
    server.graceful()
    quiet = ask().replace(b"localhost", b"other")
    before = counters(server)
    with Wire(server) as client:
        for _ in range(5):
            client.send(quiet)
            assert client.answer()[0] == 200
    assert grown(server, before).keys() <= {"refused_gap"}
    with Wire(server) as client:
        for _ in range(5):
            client.get()
    assert grown(server, before)["hits"] == 3


@pytest.mark.skipif(settings.SANITIZE == "thread", reason="a child hears of the restart when each linger has ended")
def test_a_graceful_restart_waits_for_no_linger(httpd):
    """On a busy machine a linger may end before the child knows that it stops: one that did not is enough."""
    server = lingering(httpd, time="1s")

    def is_released():
        old = server.children()
        with Wire(server) as client:
            client.warm()
            server.graceful(wait=False)
            client.closed_after()
        wait_until(lambda: not set(old) & set(server.children()))
        return counters(server)["released"]

    wait_until(is_released, 30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGWINCH], ids=["stop", "graceful-stop"])
def test_a_stop_waits_for_no_linger(httpd, number):
    """The client is let go as soon as on a kept connection that nobody lingers on, the first response's, give or take
    less than the linger time; at least now and then."""
    server = lingering(httpd, time="1s")

    def stop_time(requests):
        with Wire(server) as client:
            for _ in range(requests):
                client.get()
            started = time.monotonic()
            os.kill(server.pid, number)
            with contextlib.suppress(ConnectionError):
                assert client.socket.recv(1) == b""
            took = time.monotonic() - started
        wait_until(lambda: not server.running())
        server.start()
        return took

    wait_until(lambda: stop_time(requests=2) < stop_time(requests=1) + 0.7, 30)


def test_counters_outlive_a_graceful_restart(httpd):
    server = lingering(httpd)
    with Wire(server) as client:
        for _ in range(5):
            client.get()
    wait_until(lambda: counters(server)["closed"] == 1)
    server.graceful()
    told = counters(server)
    assert (told["hits"], told["closed"]) == (3, 1)


def test_a_lingering_worker_shows_as_keep_alive(httpd):
    server = lingering(httpd, time="1s", vhost=STATUS + '<Location "/server-status">\nSetHandler server-status\n</Location>')

    def keeping():
        client.get()
        return server.get("/server-status?auto").text.split("Scoreboard: ")[1].split("\n")[0].count("K")

    with Wire(server).warm() as client:
        wait_until(lambda: keeping() == 1)


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms_wait_by_themselves(httpd, mpm):
    server = httpd(modules=["linger", "status", "test_floor"], mpm=mpm, vhost=STATUS,
                   conf="TestFloor quick /small 100\nTierLinger on")
    server.allow_log("WT9002")
    assert len(server.wait_log(f"WT9002.*mpm_{mpm}")) == 1
    with server.session() as session:
        assert [session.get("/small").status for _ in range(3)] == [200, 200, 200]
    assert counters(server) == {"state": "off"}


def test_no_warning_where_lingering_is_off(httpd):
    server = httpd(modules=["linger"], mpm="worker", conf="TierLinger off")
    assert server.get("/").status in (200, 403, 404)


@pytest.mark.skipif(settings.SANITIZE in ("address", "thread"), reason="its run time needs mappings itself")
def test_without_shared_memory_nobody_lingers(httpd):
    """So many children that their counters are a large piece of memory; what small ones need is there."""
    server = httpd(modules=["test_memory", "linger", "status", "test_floor"], vhost=STATUS, conf="""
        StartServers 1
        ServerLimit 8192
        ThreadLimit 4
        ThreadsPerChild 4
        MaxRequestWorkers 32
        TestFloor quick /small 100
        TierLinger on
        """)
    server.allow_log("WT9001")
    assert len(server.wait_log("WT9001")) == 1
    for _ in range(2):
        with Wire(server) as client:
            assert [client.get()[0] for _ in range(5)] == [200] * 5
        assert counters(server) == {"state": "off"}
        server.graceful()
