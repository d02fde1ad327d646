# SPDX-License-Identifier: Apache-2.0
"""Large bodies from storage: the relay of mod_tier_reproxy, mod_proxy, HAProxy with splice; then 200 slow clients.

CPU is that of the front and of the storage node together; the application (a second nginx, which answers with a header)
is not charged, as the others have none. For the slow clients: memory of the front's processes for each of them, and busy
workers of httpd.
"""
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench_lib import Unmeasurable, main
from reproxy import FrontNginx, Storage
from webtier_testing import client, process, settings

SIZES = {"1 MiB": 1 << 20, "5 MiB": 5 << 20}
CLIENTS = 200
RATE = 20_000
PROXY = ("proxy", "proxy_http")
MPM = "StartServers 1\nServerLimit 1\nThreadLimit 256\nThreadsPerChild 256\nMaxRequestWorkers 256\nMaxSpareThreads 256\n"
STATUS = MPM + "ExtendedStatus Off\n<Location /server-status>\nSetHandler server-status\n</Location>\nProxyPass /server-status !\n"
HAPROXY = """
global
    maxconn 1000
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    @OPTION@
frontend front
    bind 127.0.0.1:@PORT@
    default_backend storage
backend storage
    server one 127.0.0.1:@STORAGE@
"""


def haproxy(bench, storage, option):
    text = HAPROXY.replace("@STORAGE@", str(storage.port)).replace("@OPTION@", option)
    return bench.other([settings.program("haproxy"), "-db", "-f", "@ROOT@/haproxy.cfg"], [("haproxy.cfg", text)], "haproxy")


def prepare(bench):
    storage = bench._keep(Storage(bench._workspace, "access_log off; keepalive_requests 1000000000;"))
    storage.put("/small", b"s" * 1000)
    for size in SIZES.values():
        storage.put(f"/{size}", b"s" * size)
    application = bench._keep(FrontNginx(bench._workspace, storage, "location / { add_header X-REPROXY-URL "
                                         f'{storage.url}$uri; return 200 ""; }}'))
    reproxy = f"ProxyPass / http://127.0.0.1:{application.port}/\nTierReproxy on\nTierReproxyAllow 127.0.0.1:{storage.port}\n"
    plain = f"ProxyPass / {storage.url}/\n"
    fronts = {
        "mod_proxy": bench.httpd(STATUS + plain, stock=(*PROXY, "status")),
        "mod_proxy, ProxyIOBufferSize 64K": bench.httpd(STATUS + "ProxyIOBufferSize 65536\n" + plain,
                                                        stock=(*PROXY, "status")),
        "reproxy, TierReproxyRelay off": bench.httpd(STATUS + reproxy + "TierReproxyRelay off\n", ["reproxy"],
                                                     (*PROXY, "status")),
        "reproxy, relayed": bench.httpd(STATUS + reproxy, ["reproxy"], (*PROXY, "status")),
        "HAProxy": haproxy(bench, storage, ""),
        "HAProxy, option splice-response": haproxy(bench, storage, "option splice-response"),
    }
    for name, size in SIZES.items():
        cases = {}
        for front, server in fronts.items():
            goals = {"reproxy, relayed": 0.3, "reproxy, TierReproxyRelay off": 0.65} if size == SIZES["5 MiB"] else {}
            cases[front] = bench.case(f"{front}, {name}", server, f"/{size}", charged=[server, storage], size=size,
                                      against=cases.get("mod_proxy"), goal=goals.get(front))
        cases["reproxy, relayed"].comparisons.append(
            (cases["HAProxy, option splice-response"], 0.99 if size == SIZES["5 MiB"] else None))
    over_tls(bench, storage, plain, reproxy)
    # Few threads, so that what threads keep for good does not hide in the cost of a client, or the other way round.
    few = STATUS.replace("256", "32") + "AsyncRequestWorkerFactor 16\n"
    fronts["reproxy, relayed"] = bench.httpd(few + reproxy, ["reproxy"], (*PROXY, "status"))
    for front in ("mod_proxy", "reproxy, relayed", "HAProxy, option splice-response"):
        slow_clients(bench, front, fronts[front], has_workers="HAProxy" not in front)
    # What httpd itself has for a connection: less cannot be had by any module.
    few = few.replace("ProxyPass /server-status !\n", "")
    files = bench.httpd(f"{few}EnableSendfile On\nEnableMMAP Off\n", stock=("status",))
    (files.docroot / "small").write_bytes(b"s" * 1000)
    (files.docroot / str(SIZES["5 MiB"])).write_bytes(b"s" * SIZES["5 MiB"])
    slow_clients(bench, "httpd, local file by sendfile", files, has_workers=True)
    idle_connections(bench, "httpd, local file", bench.httpd(few, stock=("status",)))
    idle_connections(bench, "mod_proxy", bench.httpd(few + plain, stock=(*PROXY, "status")))


def over_tls(bench, storage, plain, reproxy):
    """Adds what a body costs that must be encrypted, and so passes through a worker."""
    certificate, key = bench._workspace.certificate()
    tls = f"SSLEngine on\nSSLCertificateFile {certificate}\nSSLCertificateKeyFile {key}\n"
    name, size = "5 MiB", SIZES["5 MiB"]

    def case(what, server, **options):
        return bench.case(f"{what} over TLS, {name}", server, f"/{size}", charged=[server, storage], size=size,
                          scheme="https", **options)
    other = case("mod_proxy", bench.httpd(MPM + plain + tls, stock=(*PROXY, "ssl")))
    case("reproxy", bench.httpd(MPM + reproxy + tls, ["reproxy"], (*PROXY, "ssl")), against=other, goal=0.65)


def memory_kib(group):
    """Private memory of a process group: what it has of its own."""
    return sum(int(line.split()[1]) for pid in process.group_members(group)
               for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Private_"))


def busy_workers(server):
    found = re.search(r"BusyWorkers: (\d+)", client.request(server.port, "/server-status?auto").text)
    return int(found[1]) if found else None


def open_clients(server):
    clients = []
    for _ in range(CLIENTS):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        one.settimeout(10)
        one.connect(("127.0.0.1", server.port))
        one.sendall(f"GET /{SIZES['5 MiB']} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        clients.append(one)
    return clients


def read_slowly(clients, seconds):
    for _ in range(seconds * 10):
        for one in clients:
            if not one.recv(RATE // 10):
                raise Unmeasurable("a slow client was cut")
        time.sleep(0.1)


def warm_up(server):
    """Touches what threads keep for good. Few connections: memory left by many would hide what a client costs."""
    subprocess.run(["wrk", "-t1", "-c16", "-d1s", f"http://127.0.0.1:{server.port}/small"], check=True,
                   capture_output=True)


def slow_clients(bench, name, server, has_workers):
    """Has each client take RATE bytes a second; adds what a client costs."""
    warm_up(server)
    before = memory_kib(server.pid)
    clients = open_clients(server)
    try:
        read_slowly(clients, 2)
    except TimeoutError:
        raise Unmeasurable(f"{name}: a slow client is not served") from None
    each = (memory_kib(server.pid) - before) / CLIENTS
    busy = busy_workers(server) if has_workers else None
    for one in clients:
        one.close()
    relayed = name == "reproxy, relayed"
    bench.figure(f"{name}, {CLIENTS} slow clients", each, "KiB of memory each", 16 if relayed else None)
    if busy is not None:
        bench.figure(f"{name}, {CLIENTS} slow clients", busy, "busy workers", 3 if relayed else None)


def idle_connections(bench, name, server):
    """Has clients wait after one small answer; adds what each costs."""
    (server.docroot / "small").write_bytes(b"s" * 1000)
    warm_up(server)
    before = memory_kib(server.pid)
    sessions = [client.Session(server.port) for _ in range(CLIENTS)]
    for session in sessions:
        session.get("/small")
    bench.figure(f"{name}, {CLIENTS} idle connections", (memory_kib(server.pid) - before) / CLIENTS, "KiB of memory each")
    for session in sessions:
        session.close()


if __name__ == "__main__":
    sys.exit(main(prepare))
