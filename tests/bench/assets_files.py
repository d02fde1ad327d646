# SPDX-License-Identifier: Apache-2.0
"""Files of TierAssets beside a quick_handler, httpd's own files, recipes, MultiViews and nginx; a herd on a missing one."""
import gzip
import hashlib
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time

from bench_lib import Unmeasurable, main
from webtier_testing import process, wait_until
from webtier_testing.ports import Reservation

MIME = 'TypesConfig "/etc/mime.types"\n'
FILE = b"body { margin: 0 }\n" * 215  # 4 KiB
SMALL = gzip.compress(FILE * 10)      # what stands for its brotli variant; its bytes are of no matter
FOREVER = "public, max-age=31536000, immutable"
BROWSER = 'wrk.headers["Accept-Encoding"] = "gzip, deflate, br"\n'
IMMUTABLE = f'<FilesMatch "\\.css">\nHeader set Cache-Control "{FOREVER}"\n</FilesMatch>\n'
RECIPE = """
RewriteEngine on
RewriteCond %{HTTP:Accept-Encoding} br
RewriteCond %{DOCUMENT_ROOT}%{REQUEST_FILENAME}.br -f
RewriteRule (.+) $1.br [L]
<FilesMatch "\\.css\\.br$">
    ForceType text/css
    Header set Content-Encoding br
    Header append Vary Accept-Encoding
</FilesMatch>
"""
NGINX = """
worker_processes 2; daemon off; pid @ROOT@/pid; error_log @ROOT@/error.log;
events { worker_connections 2048; }
http { access_log off; keepalive_requests 1000000000; types { text/css css; } sendfile on;
    open_file_cache max=1000 inactive=60s; open_file_cache_valid 1s; open_file_cache_errors on;
    client_body_temp_path @ROOT@/1; proxy_temp_path @ROOT@/2; fastcgi_temp_path @ROOT@/3; uwsgi_temp_path @ROOT@/4;
    scgi_temp_path @ROOT@/5;
    server { listen 127.0.0.1:@PORT@; location / { root @ROOT@; } } }
"""
HERD, PIECES, PIECE, PAUSE = 1000, 16, 65536, 0.15
CROWD = "ThreadLimit 512\nThreadsPerChild 512\nServerLimit 2\nMaxRequestWorkers 1024\nMinSpareThreads 1\nMaxSpareThreads 1024\n"
ORIGIN = f"""
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", flush=True)
while True:
    client, _ = listener.accept()
    client.recv(65536)
    began = time.monotonic()
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/octet-stream\\r\\nContent-Length: {PIECES * PIECE}\\r\\n"
                   b"Cache-Control: max-age=60\\r\\nConnection: close\\r\\n\\r\\n")
    for _ in range({PIECES}):
        time.sleep({PAUSE})
        client.sendall(b"x" * {PIECE})
    print(time.monotonic() - began, flush=True)
    client.close()
"""


def put(folder, **files):
    """Writes files a.css, a.css.br and the like: a_css, a_css_br."""
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(body)
        os.utime(path, (1e9, 1e9))  # as files are that nobody is writing
    process.give_to_server(folder)
    return folder


def ask_all(port, path, count):
    """Asks for path over so many connections at once; returns seconds from the first request to each last byte."""
    poll = selectors.DefaultSelector()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    for _ in range(count):
        poll.register(socket.create_connection(("127.0.0.1", port)), selectors.EVENT_READ, [0])
    keys, began, took, buffer = list(poll.get_map().values()), time.monotonic(), [], bytearray(1 << 18)
    for key in keys:
        key.fileobj.sendall(request)
    while poll.get_map() and time.monotonic() - began < 60:
        for key, _ in poll.select(0.1):
            size = key.fileobj.recv_into(buffer)
            key.data[0] += size
            if not size:
                took.append(time.monotonic() - began)
                if key.data[0] < PIECES * PIECE:
                    raise Unmeasurable(f"herd: an answer of {key.data[0]} bytes")
                poll.unregister(key.fileobj)
                key.fileobj.close()
    return took


def herd(bench):
    """1,000 clients want a missing file of 1 MiB, which the application writes within some seconds."""
    reservation = Reservation()
    origin = subprocess.Popen([sys.executable, "-c", ORIGIN, str(reservation.port)], stdout=subprocess.PIPE, text=True)
    try:
        origin.stdout.readline()
        front = bench.httpd(f"{MIME}{CROWD}TierAssets /assets/ store\nProxyPass / http://127.0.0.1:{reservation.port}/\n",
                            ["assets"], ("mime", "proxy", "proxy_http"))
        put(front.root / "store")
        took = ask_all(front.port, "/assets/big.bin", HERD)
        fetch = float(origin.stdout.readline())
        wait_until((front.root / "store/big.bin").exists, 5)
        if ask_all(front.port, "/assets/big.bin", 1)[0] > fetch / 2:
            raise Unmeasurable("herd: the file was fetched again")
        bench.figure(f"{HERD} clients, missing 1 MiB: median behind a fetch of {fetch:.2f} s",
                     1000 * (statistics.median(took) - fetch), "ms", 20)
    finally:
        origin.kill()
        origin.wait()
        reservation.close()


def hot(bench):
    floor = bench.case("quick_handler, one bucket", bench.httpd(f"TestFloor quick /a {len(FILE)}", ["test_floor"]), "/a",
                       size=len(FILE))
    own = bench.httpd(MIME, stock=["mime"])
    put(own.docroot, a_css=FILE)
    bench.case("docroot file", own, "/a.css", size=len(FILE), against=floor)
    for name, line, goal in (("memory", "", 1.3), ("disk", "TierAssetsHot off\n", None)):
        store = bench.httpd(f"{MIME}{line}TierAssets /assets/ store\n", ["assets"], ("mime",))
        put(store.root / "store", a_css=FILE)
        bench.case(f"TierAssets, from {name}", store, "/assets/a.css", size=len(FILE), against=floor, goal=goal)
    nginx = bench.other(["/usr/sbin/nginx", "-p", "@ROOT@", "-c", "@ROOT@/nginx.conf"],
                        [("nginx.conf", NGINX), ("a.css", FILE.decode())], "nginx")
    peer = bench.case("nginx, open_file_cache", nginx, "/a.css", size=len(FILE))
    store = bench.httpd(f"{MIME}TierLinger on\nTierAssets /assets/ store\n", ["linger", "assets"], ("mime",))
    put(store.root / "store", a_css=FILE)
    bench.case("TierAssets, from memory, with mod_tier_linger", store, "/assets/a.css", size=len(FILE), against=peer, goal=1.6)


def negotiated(bench):
    """The compressed variant of a 40 KiB file, immutable."""
    browser = bench.script(BROWSER)
    own = bench.httpd(MIME, stock=["mime"])
    put(own.docroot, a_css=SMALL)
    plain = bench.case("docroot file of its size", own, "/a.css", size=len(SMALL), script=browser)
    for name, line in (("memory", ""), ("disk", "TierAssetsHot off\n")):
        store = bench.httpd(f"{MIME}{line}TierAssetsVariants br gzip\nTierAssetsFingerprint on\nTierAssets /assets/ store\n",
                            ["assets"], ("mime",))
        put(store.root / "store", a_css=FILE * 10, a_css_br=SMALL)
        name_of = f"/assets/a.h{hashlib.sha1(FILE * 10).hexdigest()[:16]}.css"
        bench.case(f"TierAssets: br, immutable, from {name}", store, name_of, against=plain, script=browser,
                   check=lambda answer: answer.headers["Cache-Control"] == FOREVER)
    recipe = bench.httpd(MIME + RECIPE + IMMUTABLE, stock=("mime", "headers", "rewrite"))
    put(recipe.docroot, a_css=FILE * 10, a_css_br=SMALL)
    bench.case("H5BP's recipe: br, immutable", recipe, "/a.css", against=plain, script=browser)
    views = bench.httpd(f"{MIME}AddEncoding br .br\n<Location />\nOptions +MultiViews\n</Location>\n{IMMUTABLE}",
                        stock=("mime", "headers", "negotiation"))
    put(views.docroot, a_css_br=SMALL, a_css_gz=SMALL)
    bench.case("MultiViews: br, immutable", views, "/a.css", against=plain, script=browser,
               check=lambda answer: answer.headers["Cache-Control"] == FOREVER)


def prepare(bench):
    herd(bench)
    hot(bench)
    negotiated(bench)


if __name__ == "__main__":
    main(prepare)
