# SPDX-License-Identifier: Apache-2.0
"""Files of TierAssets beside a quick_handler, httpd's own files, recipes, MultiViews and nginx."""
import gzip
import hashlib
import os

from bench_lib import main
from webtier_testing import client, process, wait_until

MIME = 'TypesConfig "/etc/mime.types"\n'
FILE = b"body { margin: 0 }\n" * 215  # 4 KiB
SMALL = gzip.compress(FILE * 10)      # what stands for its brotli variant; its bytes are of no matter
FOREVER = "public, max-age=31536000, immutable"
BROWSER = 'wrk.headers["Accept-Encoding"] = "gzip, deflate, br"\n'
IMMUTABLE = f'<FilesMatch "\\.css">\nHeader set Cache-Control "{FOREVER}"\n</FilesMatch>\n'
LEAN = "<Directory />\nAllowOverride None\n</Directory>\n"
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


def put(folder, **files):
    """Writes files a.css, a.css.br and the like: a_css, a_css_br."""
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(body)
        os.utime(path, (1e9, 1e9))  # as files are that nobody is writing
    process.give_to_server(folder)
    return folder


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
    lean = bench.httpd(f"{MIME}{LEAN}", stock=["mime"])
    put(lean.docroot, a_css=SMALL)
    plainest = bench.case("the same with AllowOverride None", lean, "/a.css", size=len(SMALL), against=plain, script=browser)
    for name, line in (("memory", ""), ("disk", "TierAssetsHot off\n")):
        store = bench.httpd(f"{MIME}{line}TierAssetsVariants br gzip\nTierAssetsFingerprint on\nTierAssets /assets/ store\n",
                            ["assets"], ("mime",))
        put(store.root / "store", a_css=FILE * 10, a_css_br=SMALL)
        name_of = f"/assets/a.h{hashlib.sha1(FILE * 10).hexdigest()[:16]}.css"
        case = bench.case(f"TierAssets: br, immutable, from {name}", store, name_of, against=plain, script=browser,
                          check=lambda answer: answer.headers["Cache-Control"] == FOREVER)
        case.comparisons.append((plainest, None))
    recipe = bench.httpd(MIME + RECIPE + IMMUTABLE, stock=("mime", "headers", "rewrite"))
    put(recipe.docroot, a_css=FILE * 10, a_css_br=SMALL)
    bench.case("H5BP's recipe: br, immutable", recipe, "/a.css", against=plain, script=browser)
    views = bench.httpd(f"{MIME}AddEncoding br .br\n<Location />\nOptions +MultiViews\n</Location>\n{IMMUTABLE}",
                        stock=("mime", "headers", "negotiation"))
    put(views.docroot, a_css_br=SMALL, a_css_gz=SMALL)
    bench.case("MultiViews: br, immutable", views, "/a.css", against=plain, script=browser,
               check=lambda answer: answer.headers["Cache-Control"] == FOREVER)


def large(bench, size, where):
    """The compressed variant of a file, immutable, as large as that: from where it is answered then."""
    browser, body = bench.script(BROWSER), os.urandom(size)
    own = bench.httpd(f"{MIME}{LEAN}", stock=["mime"])
    put(own.docroot, a_css=body)
    plain = bench.case(f"docroot file of {size // 1000} KB, AllowOverride None", own, "/a.css", size=size, script=browser)
    store = bench.httpd(f"{MIME}TierAssetsVariants br gzip\nTierAssetsFingerprint on\nTierAssets /assets/ store\n", ["assets"],
                        ("mime",))
    put(store.root / "store", a_css=body * 2, a_css_br=body)
    name = f"/assets/a.h{hashlib.sha1(body * 2).hexdigest()[:16]}.css"
    wait_until(lambda: client.request(store.port, name).headers["Cache-Control"] == FOREVER, 20)
    bench.case(f"TierAssets: br of {size // 1000} KB, immutable, from {where}", store, name, against=plain, script=browser,
               check=lambda answer: answer.headers["Cache-Control"] == FOREVER)


def prepare(bench):
    hot(bench)
    negotiated(bench)
    large(bench, 100_000, "memory")
    large(bench, 400_000, "disk")


if __name__ == "__main__":
    main(prepare)
