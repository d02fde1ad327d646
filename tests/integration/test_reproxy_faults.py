# SPDX-License-Identifier: Apache-2.0
"""Storage nodes that fail, counted from the client's side."""
import http.client
import socket
import threading
import time

import pytest
from reproxy_support import CONNECT_FAULTS, node_of, placed, reproxying, says, told
from webtier_testing import pattern, scale, wait_until

SIZE = 300_000


def broken_off(server, path="/x", **options):
    """Asks for a file that breaks off; returns the bytes that came before."""
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        server.get(path, **options)
    return getattr(broken.value, "partial", b"")


BAD_FIRSTS = {
    "refused": ({}, "connect"), "hung": ({"hang": True}, "timeout"), "closed": ({"close": True}, "cut"),
    "absent": ({"status": 404}, "absent"), "error": ({"status": 500}, "status"),
    "redirect": ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/secret"}}, "status"),
    "wrong size": ({"body": b"short"}, "size"), "garbage": ({"garbage": b"SSH-2.0-OpenSSH\r\n"}, "garbage"),
    "two lengths": ({"garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 300000\r\n\r\nabc"}, "garbage"),
    "half a head": ({"garbage": b"HTTP/1.1 200 OK\r\nContent-Le"}, "cut"),
    "bad chunk": ({"garbage": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}, "garbage"),
}


@pytest.fixture
def bad_nodes(app):
    """A node of each fault: name -> App."""
    nodes = {fault: app(**behaviour) for fault, (behaviour, _) in BAD_FIRSTS.items()}
    nodes["refused"].kill()
    return nodes


def test_the_next_copy_answers(httpd, app, nginx, bad_nodes):
    a, node = app(), nginx()
    url, = placed([node], size=SIZE)
    s = reproxying(httpd, a, *bad_nodes.values(), node, more="TierReproxyTimeout first=400ms")
    s.allow_log(*CONNECT_FAULTS)
    for fault, bad in bad_nodes.items():
        says(a, f"{bad.url}/f", url, headers={"X-REPROXY-EXPECTED-SIZE": str(SIZE)})
        answer = s.get("/x")
        assert answer.status == 200 and answer.body == pattern(SIZE) and "Location" not in answer.headers, fault
        assert node_of(s, bad)[f"failed_{BAD_FIRSTS[fault][1]}"] == 1, fault
        assert answer.elapsed < scale(20), fault
        # Range and expected size go together.
        answer = s.get("/x", headers={"Range": "bytes=100-199"})
        if fault == "bad chunk":  # what it began was the whole file
            assert answer.status == 200 and answer.body == pattern(SIZE)
        else:
            assert answer.status == 206 and answer.body == pattern(SIZE)[100:200], fault


def test_all_copies_fail(httpd, app, bad_nodes):
    a = app(body=b"page")
    s = reproxying(httpd, a, *bad_nodes.values(), more="TierReproxyTimeout first=300ms")
    s.allow_log(*CONNECT_FAULTS, "WT3011")
    with s.session() as session:
        for fault, status in (("refused", 503), ("hung", 504), ("closed", 503), ("absent", 404), ("error", 502),
                              ("wrong size", 502), ("garbage", 502), ("redirect", 502)):
            bad = bad_nodes[fault]
            says(a, f"{bad.url}/f", f"{bad.url}/g", path="/x", headers={
                "X-REPROXY-EXPECTED-SIZE": str(SIZE), "Set-Cookie": "a=1", "Cache-Control": "max-age=99", "ETag": '"v1"'})
            answer = session.get("/x")
            assert answer.status == status and str(bad.port).encode() not in answer.body, fault
            assert not [name for name in ("Location", "ETag", "Cache-Control", "Content-Range", "X-REPROXY-URL")
                        if name in answer.headers], fault
            assert session.get("/page").body == b"page"


def test_a_stopped_node_costs_its_deadline_once(httpd, app, nginx):
    a, hung, node = app(), nginx(), nginx()
    says(a, *placed([hung, node], size=1000))
    s = reproxying(httpd, a, hung, node, more="TierReproxyTimeout first=500ms")
    hung.stop()
    times = [s.get("/x").elapsed for _ in range(6)]
    # Sick for a second at least: meanwhile nobody asks it, and everybody the other copy.
    asked = node_of(s, hung)
    assert times[0] > 0.4 and asked["failed_timeout"] == asked["requests"] <= 1 + sum(times), times
    assert node_of(s, node)["requests"] == len(times)
    assert next(n for n in told(s)["nodes"] if n["node"] == hung.url)["state"] == "sick"
    hung.cont()


def test_a_node_that_takes_no_connection_costs_the_deadline_of_connecting(httpd, app, nginx):
    a, node = app(), nginx()
    url, = placed([node], size=1000)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]  # more than its queue takes: the kernel drops what follows
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        says(a, f"http://127.0.0.1:{port}/f", url)
        s = reproxying(httpd, a, allow="127.0.0.1:*", more="TierReproxyTimeout connect=300ms first=20s")
        s.allow_log(*CONNECT_FAULTS, "AH01114")
        answer = s.get("/x")
        assert answer.body == pattern(1000) and 0.25 < answer.elapsed < scale(15)
        silent_node, = [found for found in told(s)["nodes"] if found["node"].endswith(f":{port}")]
        assert silent_node["failed_timeout"] == 1
        for one in waiting:
            one.close()


def test_a_stopped_node_with_the_only_copy_costs_its_deadline_once(httpd, app, nginx):
    a, hung = app(), nginx()
    says(a, *placed([hung], size=1000))
    s = reproxying(httpd, a, hung, more="TierReproxyTimeout first=1600ms")
    s.allow_log("WT3011")
    hung.stop()
    answers = [s.get("/x") for _ in range(5)]
    assert {answer.status for answer in answers} == {504}
    assert sorted(answer.elapsed for answer in answers)[1] < 1.4, answers
    hung.cont()
    wait_until(lambda: s.get("/x").status == 200, 5)


def test_an_outage_does_not_fill_the_log(httpd, app):
    a, bad = app(), app(status=500)
    says(a, f"{bad.url}/f")
    s = reproxying(httpd, a, bad)
    s.allow_log("WT3011")
    with s.session() as session:
        assert [session.get("/x").status for _ in range(50)] == [502] * 50
    assert 5 <= len(s.log_lines("WT3011")) <= 15 and told(s)["failed"] == 50


def test_a_dead_node_is_asked_last(httpd, app, nginx):
    a, dead, node = app(), nginx(), nginx()
    says(a, *placed([dead, node], size=1000))
    s = reproxying(httpd, a, dead, node)
    s.allow_log(*CONNECT_FAULTS)
    dead.kill()
    report = s.load(rate=100, seconds=0.4, path="/x", expect_body=pattern(1000)).join()
    assert not report.errors, report
    assert node_of(s, dead)["failed_connect"] <= 20


def test_a_connection_that_was_closed_meanwhile(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=1000))
    s = reproxying(httpd, a, node)
    with s.session() as session:
        for _ in range(3):
            assert session.get("/x").body == pattern(1000)
            node.restart()
    assert told(s)["failed"] == 0


def test_bytes_behind_an_answer_are_not_the_next_one(httpd, app):
    a, liar = app(), app()
    says(a, f"{liar.url}/f")
    s = reproxying(httpd, a, liar)
    for body in (b"first", pattern(60_000)):  # through httpd's filters, and past them
        one = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for extra in (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", b"x"):
            liar.behave(garbage=one + extra)
            with s.session() as session:
                for _ in range(5):
                    assert session.get("/x").body == body


# The rest from another copy.

@pytest.mark.parametrize("chunked", [False, True])
def test_a_truncated_body_is_continued(httpd, app, nginx, chunked):
    a, bad, node = app(), app(), nginx()
    url, = placed([node], size=SIZE)
    says(a, f"{bad.url}/f", url, headers={"X-REPROXY-EXPECTED-SIZE": str(SIZE)} if chunked else {})
    s = reproxying(httpd, a, bad, node)
    for count, cut in enumerate((1, 8_000, 65_536, 123_457, SIZE - 1), 1):
        bad.behave(size=SIZE, truncate=cut, chunked=chunked)
        assert s.get("/x").body == pattern(SIZE), cut
        wait_until(lambda: told(s)["resumed"] == count and node_of(s, bad)["failed_cut"] == count, what=f"{cut}")
        wait_until(lambda: any(f"GET /file HTTP/1.1\" 206 {SIZE - cut} " in line for line in node.requests()))


def test_truncation_at_each_boundary_of_a_chunk(httpd, app, nginx):
    size = 60_000
    a, bad, node = app(), app(), nginx()
    url, = placed([node], size=size)
    says(a, f"{bad.url}/f", url, headers={"X-REPROXY-EXPECTED-SIZE": str(size)})
    s = reproxying(httpd, a, bad, node)
    for cut in range(0, size + 1, 10_000):
        bad.behave(size=size, chunked=True, drip=(10_000, 0), truncate=cut)
        assert s.get("/x").body == pattern(size), cut


def test_a_chunked_body_that_is_longer_than_it_must_be(httpd, app):
    a, bad = app(), app(size=SIZE + 8, chunked=True)
    says(a, f"{bad.url}/f", headers={"X-REPROXY-EXPECTED-SIZE": str(SIZE)})
    s = reproxying(httpd, a, bad)
    s.allow_log("WT3012", "WT3011")
    try:
        assert s.get("/x").status == 502
    except http.client.IncompleteRead as broken:
        assert len(broken.partial) < SIZE
    assert node_of(s, bad)["failed_size"] == 1


def test_two_hundred_clients_at_once(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, *placed([node], size=20_000))
    s = reproxying(httpd, a, node)
    report = s.load(rate=400, seconds=0.5, path="/x", connections=200, expect_body=pattern(20_000)).join()
    assert report.total >= 190 and not report.errors, report


def test_everything_at_once(httpd, app, nginx):
    """A refused, a hung, an absent, a garbled and a truncating copy before one that is right."""
    a, refused, garbled, cut = app(), app(), app(garbage=b"\x00\xff"), app(size=SIZE, truncate=1000)
    hung, empty, good = nginx(), nginx(), nginx()
    refused.kill()
    hung.stop()
    url, = placed([good], size=SIZE)
    says(a, f"{refused.url}/f", f"{hung.url}/f", f"{empty.url}/f", f"{garbled.url}/f", f"{cut.url}/f", url)
    s = reproxying(httpd, a, refused, garbled, cut, hung, empty, good)
    s.allow_log(*CONNECT_FAULTS)
    for _ in range(3):
        assert s.get("/x").body == pattern(SIZE)
    hung.cont()


@pytest.mark.parametrize("relay", ["on", "off"])
def test_a_node_stopped_within_the_body(httpd, app, nginx, relay):
    size = 1_500_000
    a, first, second = app(), nginx("limit_rate 200k;"), nginx()  # sends a second's worth at once
    says(a, *placed([first, second], size=size))
    s = reproxying(httpd, a, first, second, more=f"TierReproxyTimeout stall=400ms\nTierReproxyRelay {relay}")
    answers = []
    client = threading.Thread(target=lambda: answers.append(s.get("/x", timeout=20)))
    client.start()
    wait_until(lambda: told(s)["relay"]["running"] == 1 if relay == "on" else
               any(node["body_bytes"] for node in told(s)["nodes"]), 5)
    first.stop()
    client.join()
    assert answers[0].body == pattern(size) and told(s)["resumed"] == 1
    first.cont()


def test_a_node_killed_within_the_body_with_many_clients(httpd, app, nginx):
    size = 1_500_000
    a, first, second = app(), nginx("limit_rate 200k;"), nginx()
    says(a, *placed([first, second], size=size))
    s = reproxying(httpd, a, first, second)
    s.allow_log(*CONNECT_FAULTS)
    bodies = []
    clients = [threading.Thread(target=lambda: bodies.append(s.get("/x", timeout=20).body)) for _ in range(10)]
    for client in clients:
        client.start()
    wait_until(lambda: sum(node["requests"] for node in told(s)["nodes"]) == 10, 5)
    first.kill()
    for client in clients:
        client.join()
    whole = pattern(size)
    assert told(s)["resumed"] >= 1
    assert len(bodies) == 10 and all(body == whole for body in bodies)


def test_a_part_is_continued(httpd, app, nginx):
    a, bad, node = app(), app(), nginx()
    url, = placed([node], size=SIZE)
    bad.behave(status=206, body=pattern(SIZE)[100:50_100], truncate=20_000,
               headers={"Content-Range": f"bytes 100-50099/{SIZE}"})
    says(a, f"{bad.url}/f", url)
    s = reproxying(httpd, a, bad, node)
    answer = s.get("/x", headers={"Range": "bytes=100-50099"})
    assert answer.status == 206 and answer.body == pattern(SIZE)[100:50_100]


def test_a_copy_that_knows_no_ranges_continues_too(httpd, app):
    a, bad, other = app(), app(size=SIZE, truncate=100_000), app(size=SIZE)
    says(a, f"{bad.url}/f", f"{other.url}/f")
    s = reproxying(httpd, a, bad, other)
    assert s.get("/x").body == pattern(SIZE) and told(s)["resumed"] == 1


def test_only_the_same_file_continues_a_body(httpd, app):
    a, bad, second = app(), app(size=SIZE, truncate=100_000, etag="v1"), app()
    says(a, f"{bad.url}/f", f"{second.url}/f")
    s = reproxying(httpd, a, bad, second, more="".join(
        f"<Location /{resume}>\nTierReproxyResume {resume}\n</Location>\n" for resume in ("validators", "size", "off")))
    s.allow_log("WT3012")
    cut = 0
    for other, resume, continues in (
            ({"size": SIZE - 8}, "size", False), ({"size": SIZE, "etag": "v2"}, "validators", False),
            ({"size": SIZE, "etag": "v2"}, "size", True), ({"size": SIZE, "etag": "v1"}, "validators", True),
            ({"size": SIZE}, "off", False), ({"status": 404}, "validators", False)):
        second.behave(**other)
        if continues:
            assert s.get(f"/{resume}").body == pattern(SIZE), (other, resume)
            continue
        got, cut = broken_off(s, f"/{resume}"), cut + 1
        assert got == pattern(SIZE)[:len(got)] and told(s)["cut"] == cut, (other, resume)


@pytest.mark.parametrize("chunked", [False, True])
def test_no_copy_left_cuts_the_client(httpd, app, chunked):
    """The client can tell that this is not the whole file, and gets nothing of the application's body."""
    a, bad = app(), app(size=SIZE, truncate=150_000, chunked=chunked)
    says(a, f"{bad.url}/f")
    s = reproxying(httpd, a, bad)
    s.allow_log("WT3012")
    raw = s.raw(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"application's own" not in raw and not raw.endswith(b"0\r\n\r\n")
    assert broken_off(s)


def test_a_stall_with_no_copy_left_ends_in_time(httpd, app):
    a, bad = app(), app(size=SIZE, drip=(100_000, 30))
    says(a, f"{bad.url}/f")
    s = reproxying(httpd, a, bad, more="TierReproxyTimeout stall=200ms")
    s.allow_log("WT3012")
    start = time.monotonic()
    broken_off(s, timeout=25)
    assert time.monotonic() - start < scale(20)


def test_over_http2_too(httpd, app, nginx):
    a, bad, node = app(), app(size=SIZE, truncate=100_000), nginx()
    url, = placed([node], size=SIZE)
    says(a, f"{bad.url}/f", url)
    says(a, f"{bad.url}/f", path="/alone")
    s = reproxying(httpd, a, bad, node, tls=True, http2=True)
    s.allow_log("WT3012", "AH")
    answer = s.h2get("/x")
    assert answer.status == 200 and answer.body == pattern(SIZE)
    says(a, url, path="/good")
    assert s.h2get("/good", headers={"Range": "bytes=5-9"}).body == pattern(SIZE)[5:10]
    try:
        assert len(s.h2get("/alone").body) < SIZE
    except Exception as broken:  # noqa: BLE001: curl says in its own words that the stream was reset
        assert "curl" in str(broken) or "stream" in str(broken).lower(), broken


def test_a_client_that_goes_away_frees_the_worker(httpd, app, nginx):
    a, node = app(), nginx()
    says(a, node.put("/big", b"x" * 50_000_000))
    s = reproxying(httpd, a, node)
    for _ in range(5):
        with s.connect() as stream:
            stream.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert stream.recv(1000)
    assert s.get("/x", method="HEAD").status == 200
    assert told(s)["cut"] == 0
