# SPDX-License-Identifier: Apache-2.0
"""A blog with a shop that answers as WordPress does where caching is concerned: it says nothing of freshness."""
import http.server
import threading
import urllib.parse

LOGGED_IN = "wordpress_logged_in_0123456789abcdef"
COMMENTER = "comment_author_0123456789abcdef"
CART = "woocommerce_items_in_cart"


def cookies_of(handler):
    """Returns the request's cookies as a dictionary."""
    pairs = (part.partition("=") for part in handler.headers.get("Cookie", "").replace(",", ";").split(";"))
    return {name.strip(): value for name, _, value in pairs}


class Blog(http.server.BaseHTTPRequestHandler):
    """Every page greets whom its cookies name, and counts how often it was made."""
    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200, headers=()):
        self.server.made.append(self.path)
        data = f"{body} #{len(self.server.made)}".encode()
        self.send_response(status)
        for name, value in (("Content-Type", "text/html"), ("Content-Length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def page(self):
        cookies = cookies_of(self)
        who = cookies.get(LOGGED_IN) or cookies.get(COMMENTER) or "visitor"
        self.answer(f"hello {who}, {cookies.get(CART, '0')} in the cart")

    def do_GET(self):
        path, _, query = self.path.partition("?")
        parameters = urllib.parse.parse_qs(query)
        if path == "/wp-login.php":
            return self.answer("log in", headers=[("Set-Cookie", "wordpress_test_cookie=WP%20Cookie%20check; path=/")])
        if path.startswith("/wp-admin/") and LOGGED_IN not in cookies_of(self):
            return self.answer("log in first", 302, [("Location", "/wp-login.php")])
        if "add-to-cart" in parameters:
            return self.answer("added", headers=[("Set-Cookie", f"{CART}=1; path=/")])
        return self.page()

    do_HEAD = do_GET

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        if self.path == "/wp-login.php":
            return self.answer("in", 302, [("Location", "/wp-admin/"), ("Set-Cookie", f"{LOGGED_IN}={form['log'][0]}; path=/")])
        if self.path == "/wp-comments-post.php":
            return self.answer("thanks", 302, [("Location", "/post/#comment-1"),
                                               ("Set-Cookie", f"{COMMENTER}={form['author'][0]}; path=/")])
        return self.page()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Blog)
        self.made = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()
