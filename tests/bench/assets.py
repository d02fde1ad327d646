# SPDX-License-Identifier: Apache-2.0
"""Rewriting a page of 100 KiB with 275 references, 60 of them to change, beside other rewriters."""
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from bench_lib import cpu_us, main
from webtier_testing import process, settings, wait_until
from webtier_testing.ports import Reservation

PROXY = ("proxy", "proxy_http", "mime")
SIZE, REFERENCES, CHANGED = 100 * 1024, 275, 60
MIME = 'TypesConfig "/etc/mime.types"\n'


def page():
    """Paragraphs, lists and images as a shop's page has them; every 4.6th reference is to an asset."""
    out = [b"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Shop</title></head>\n<body>\n"]
    for number in range(REFERENCES):
        if number * CHANGED // REFERENCES != (number + 1) * CHANGED // REFERENCES:
            out.append(b'<div class="card"><img class="lazy" src="/assets/img/%d.jpg" alt="Product" width="300"></div>\n' % number)
        else:
            out.append(b'<li class="item"><a class="link" href="/shop/product/%d?from=list" title="More">Product</a></li>\n'
                       % number)
        out.append(b"<p class=\"text\">" + b"Lorem ipsum dolor sit amet, consetetur sadipscing elitr. " * 4 + b"</p>\n")
    text = b"".join(out)
    return (text + b" " * SIZE)[:SIZE - 15] + b"</body></html>\n"


class Nginx:
    """An nginx of two workers with one server, in a group of its own."""

    def __init__(self, workspace, location):
        self.root = workspace.new_dir("nginx")
        self._reservation = Reservation()
        self.port = self._reservation.port
        (self.root / "nginx.conf").write_text(f"""
            worker_processes 2; daemon off; pid {self.root}/pid; error_log {self.root}/error.log;
            events {{ worker_connections 256; }}
            http {{ access_log off; keepalive_requests 10000000;
                {" ".join(f"{name}_temp_path {self.root}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
                upstream app {{ server 127.0.0.1:{{origin}}; keepalive 32; }}
                server {{ listen 127.0.0.1:{self.port};
                    location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; {location} }} }} }}
            """.replace("{origin}", str(workspace.origin)))
        self._process = process.Process(["/usr/sbin/nginx", "-p", str(self.root), "-c", str(self.root / "nginx.conf")],
                                        self.root, self.root / "output.log")
        self.pid = self._process.pid
        wait_until((self.root / "pid").exists, 5, what=f"nginx: {(self.root / 'output.log').read_text()}")

    def cpu_us(self):
        return cpu_us(self.pid)

    def close(self):
        self._process.stop()
        self._reservation.close()


def scanner_alone(bench, text):
    """Runs the scanner over the page in memory."""
    subprocess.run(["cmake", "--build", str(settings.BUILD), "--target", "assets_speed"], check=True, stdout=sys.stderr)
    with tempfile.NamedTemporaryFile(suffix=".html") as file:
        file.write(text)
        file.flush()
        # In some processes all of it takes half as long again, by the addresses that the kernel has given them.
        runs = [subprocess.run([settings.BUILD / "tests/assets_speed", file.name], capture_output=True, text=True, check=True)
                for _ in range(4)]
    memchr, empty, one = map(min, zip(*(map(float, ran.stdout.split()) for ran in runs)))
    bench.figure("scanner alone, empty map", empty / memchr, "times memchr", 40)
    bench.figure("scanner alone, 1 rule", one / memchr, "times memchr")


def first_byte(port):
    """Microseconds from a request on a new connection to the first bytes of its answer's body. The rest is read as well,
    so that nothing of this one is left to be done while the next one is measured.
    """
    with socket.create_connection(("127.0.0.1", port)) as connection:
        started = time.perf_counter()
        connection.sendall(b"GET /page.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = b""
        while b"<!DOCTYPE" not in got:
            got += connection.recv(4096)
        took = (time.perf_counter() - started) * 1e6
        while connection.recv(65536):
            pass
        return took


def first_bytes(bench, plain, rewriting):
    """Compares the two in turn; the page is the same."""
    pairs = [(first_byte(plain.port), first_byte(rewriting.port)) for _ in range(300)]
    bench.figure("first byte, mod_proxy", statistics.median(one for one, _ in pairs), "us, median of 300")
    bench.figure("first byte, TierAssetsRewrite", statistics.median(other for _, other in pairs), "us, median of 300")


def prepare(bench):
    text = page()
    scanner_alone(bench, text)
    origin = bench.httpd(MIME, stock=["mime"])
    (origin.docroot / "page.html").write_bytes(text)
    passed_on = f"{MIME}ProxyPass / http://127.0.0.1:{origin.port}/\n"
    rules = "TierAssetsRewrite on\nTierAssetsMap /assets/ /static/v2/\n"
    many = "".join(f"TierAssetsMap /other/{number}/ /static/other/{number}/\n" for number in range(999))

    def is_changed(answer):
        return answer.body.count(b"/static/v2/img/") == CHANGED

    def page_case(name, server, **options):
        return bench.case(f"page: {name}", server, "/page.html", **options)

    plain = page_case("mod_proxy", bench.httpd(passed_on, stock=PROXY), size=SIZE)
    one = page_case("TierAssetsRewrite, 1 rule", bench.httpd(passed_on + rules, ["assets"], PROXY), against=plain, goal=1.45,
                    check=is_changed)
    first_bytes(bench, plain.server, one.server)
    page_case("TierAssetsRewrite, 1000 rules", bench.httpd(passed_on + rules + many, ["assets"], PROXY), against=plain,
              goal=1.45, check=is_changed)
    page_case("mod_substitute", bench.httpd(
        passed_on + 'AddOutputFilterByType SUBSTITUTE text/html\nSubstitute "s|/assets/|/static/v2/|n"\n',
        stock=(*PROXY, "filter", "substitute")), against=plain, check=is_changed)
    page_case("mod_sed", bench.httpd(
        passed_on + '<Location "/">\nAddOutputFilter Sed html\nOutputSed "s,/assets/,/static/v2/,g"\n</Location>\n',
        stock=(*PROXY, "filter", "sed")), against=plain, check=is_changed)
    page_case("mod_proxy_html", bench.httpd(
        passed_on + "ProxyHTMLEnable On\nProxyHTMLLinks img src\nProxyHTMLLinks a href\n"
        "ProxyHTMLURLMap /assets/ /static/v2/\n", stock=(*PROXY, "xml2enc", "proxy_html")), against=plain,
        check=is_changed)
    page_case("TierAssetsRewrite, nothing to change", bench.httpd(
        passed_on + "TierAssetsRewrite on\nTierAssetsMap /nowhere/ /static/\n", ["assets"], PROXY), against=plain, size=SIZE)
    bench._workspace.origin = origin.port
    nginx = page_case("nginx proxy", bench._keep(Nginx(bench._workspace, "")), size=SIZE)
    page_case("nginx sub_filter", bench._keep(Nginx(
        bench._workspace, "sub_filter /assets/ /static/v2/; sub_filter_once off;")), against=nginx, check=is_changed)


if __name__ == "__main__":
    main(prepare)
