# SPDX-License-Identifier: Apache-2.0
"""X-REPROXY-URL beside plain mod_proxy to storage and beside those who do the same: CPU of all servers involved."""
import socket

from bench_lib import Unmeasurable, cpu_us, main

from webtier_testing import client, process, settings, wait_until
from webtier_testing.nginx import Nginx
from webtier_testing.perlbal import Perlbal
from webtier_testing.ports import Reservation

SIZES = {"1 KiB": 1024, "100 KiB": 102_400, "5 MiB": 5_242_880}
# Of plain mod_proxy; the front's hop to the application included.
GOALS = {"1 KiB": 1.3, "100 KiB": None, "5 MiB": 0.3}
# Of others in the same run.
BELOW_NGINX = {"100 KiB": 0.99}
BELOW_PERLBAL = {"1 KiB": 0.25}
PROXY = ("proxy", "proxy_http")
HUNG = 20
FIRST_MS = 100

_NGINX = """
daemon off; pid {root}/pid; error_log {root}/error.log error; worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp; fastcgi_temp_path {root}/tmp;
    uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp;
    upstream storage {{ server 127.0.0.1:{storage}; keepalive 32; }}
    {upstream}
    server {{
        listen 127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Connection "";
        {locations}
    }}
}}
"""


class FrontNginx:
    """An nginx with locations of its own: an application, or a front."""

    def __init__(self, workspace, storage, locations, upstream=""):
        root = workspace.new_dir("nginx")
        (root / "tmp").mkdir()
        process.give_to_server(root / "tmp")
        self._reservation = Reservation()
        self.port = self._reservation.port
        (root / "nginx.conf").write_text(_NGINX.format(root=root, port=self.port, storage=storage.port,
                                                       locations=locations, upstream=upstream))
        self._process = process.Process([settings.program("nginx"), "-p", str(root), "-e", str(root / "error.log"),
                                         "-c", str(root / "nginx.conf")], root, root / "output.log")
        self.pid = self._process.pid
        wait_until(lambda: (root / "pid").exists(), 10)

    def cpu_us(self):
        return cpu_us(self.pid)

    def close(self):
        self._process.kill_group()
        self._reservation.close()


class Storage(Nginx):
    def cpu_us(self):
        return cpu_us(self.pid)


class ChargedPerlbal(Perlbal):
    def cpu_us(self):
        return cpu_us(self.pid)


def hung_nodes(bench, storage):
    """Has each of many nodes hang once, before another copy: adds how long after the deadline that had answered, and how
    often a hung node was asked in two requests."""
    hung = [socket.create_server(("127.0.0.1", 0)) for _ in range(HUNG)]  # the kernel accepts, nobody reads
    app = bench._keep(FrontNginx(bench._workspace, storage, "".join(
        f'location = /{number} {{ add_header X-REPROXY-URL "http://127.0.0.1:{one.getsockname()[1]}/f '
        f'{storage.url}/{SIZES["1 KiB"]}"; return 200 ""; }}\n' for number, one in enumerate(hung))))
    front = bench.httpd(f"""ProxyPass / http://127.0.0.1:{app.port}/
        TierReproxy on
        TierReproxyAllow 127.0.0.1:*
        TierReproxyTimeout first={FIRST_MS}ms""", ["reproxy"], PROXY)
    late, asked = [], []
    with client.Session(front.port) as session:
        for number, one in enumerate(hung):
            answers = [session.get(f"/{number}") for _ in range(2)]
            if any(answer.status != 200 or len(answer.body) != SIZES["1 KiB"] for answer in answers):
                raise Unmeasurable("a copy beside a hung node is not delivered")
            late.append(1000 * answers[0].elapsed - FIRST_MS)
            asked.append(connections(one))
    bench.figure(f"the worst of {HUNG} hung nodes", max(late), "ms after the deadline until the next copy has answered", 10)
    bench.figure(f"the worst of {HUNG} hung nodes", max(asked), "times asked in two requests", 1)


def connections(listener):
    """Returns how many connections wait to be accepted; closes them and listener."""
    listener.setblocking(False)
    count = 0
    try:
        while True:
            listener.accept()[0].close()
            count += 1
    except BlockingIOError:
        listener.close()
        return count


def prepare(bench):
    workspace = bench._workspace
    storage = bench._keep(Storage(workspace, "access_log off; keepalive_requests 1000000000;"))
    for size in SIZES.values():
        storage.put(f"/{size}", b"f" * size)
    # The application: an answer without a body that names the file.
    named = "".join(f'location = /{size} {{ add_header X-REPROXY-URL {storage.url}/{size}; return 200 ""; }}\n'
                    f'location = /accel/{size} {{ add_header X-Accel-Redirect /stored/{size}; return 200 ""; }}\n'
                    for size in SIZES.values())
    app = bench._keep(FrontNginx(workspace, storage, named))
    proxy = bench.httpd(f"ProxyPass / {storage.url}/", stock=PROXY)
    wide = bench.httpd(f"ProxyPass / {storage.url}/\nProxyIOBufferSize 65536", stock=PROXY)
    ours = bench.httpd(f"""ProxyPass / http://127.0.0.1:{app.port}/
        TierReproxy on
        TierReproxyAllow 127.0.0.1:{storage.port}""", ["reproxy"], PROXY)
    perlbal = bench._keep(ChargedPerlbal(workspace, app))
    accel = bench._keep(FrontNginx(
        workspace, storage, "location /stored/ { internal; proxy_pass http://storage/; }\n"
                            "location / { proxy_pass http://app/accel/; }",
        upstream=f"upstream app {{ server 127.0.0.1:{app.port}; keepalive 32; }}"))

    for name, size in SIZES.items():
        def case(what, server, *more, **options):
            return bench.case(f"{what}, {name}", server, f"/{size}", size=size, charged=[server, storage, *more],
                              **options)

        plain = case("mod_proxy to storage", proxy)
        case("mod_proxy, ProxyIOBufferSize 65536", wide, against=plain)
        mine = case("X-REPROXY-URL", ours, app, against=plain, goal=GOALS[name])
        mine.comparisons += [
            (case("nginx X-Accel-Redirect", accel, app, against=plain), BELOW_NGINX.get(name)),
            (case("Perlbal", perlbal, app, against=plain), BELOW_PERLBAL.get(name))]
    hung_nodes(bench, storage)


if __name__ == "__main__":
    main(prepare)
