# SPDX-License-Identifier: Apache-2.0
"""Names with fingerprints, from the manifests of build tools."""
import json
import os

from assets_support import kept, put, store, wait_kept
from webtier_testing import wait_until

HTML = {"Content-Type": "text/html"}
FOREVER = "public, max-age=31536000, immutable"
LINES = 'TierAssetsRewrite on\nTierAssetsManifest "/assets/" "store/manifest.json"\n'


def write(server, text):
    """Replaces the manifest as a deployment does."""
    os.rename(put(server, "manifest.new", text.encode()), store(server) / "manifest.json")


def with_manifest(httpd, origin, names, **options):
    server = kept(httpd, origin, more=LINES, **options)
    server.allow_log("WT4006")  # it is not there yet
    write(server, json.dumps(names))
    return server


def css_of(server):
    return server.get("/").body


def test_references_get_the_names_with_fingerprints_without_a_restart(httpd, app):
    origin = app(body=b"<link href=/assets/a.css>", headers=HTML, etag='"one"')
    server = with_manifest(httpd, origin, {"a.css": "a-11.css"})
    wait_until(lambda: css_of(server) == b"<link href=/assets/a-11.css>", 30)
    tag = server.get("/").headers["ETag"]
    write(server, json.dumps({"a.css": {"digested_path": "a-22.css"}}))
    wait_until(lambda: all(css_of(server) == b"<link href=/assets/a-22.css>" for _ in range(20)), 30)
    wait_until(lambda: server.get("/", headers={"If-None-Match": tag}).status == 200, 30)  # of each child, in its time
    write(server, '{"a.css": "a-3')
    wait_until(lambda: css_of(server) and server.log_lines("what it said before still holds"), 30)
    # A child that was not asked between the writings holds an earlier one, or none.
    assert css_of(server) in [b"<link href=/assets/a%s.css>" % mark for mark in (b"-22", b"-11", b"")]


def test_a_broken_manifest_means_what_it_did_at_the_start_to_children_that_read_no_other(httpd, app):
    origin = app(body=b"<link href=/assets/a.css>", headers=HTML)
    server = with_manifest(httpd, origin, {"a.css": "a-11.css"})
    server.graceful()
    write(server, '{"a.css": "a-3')
    wait_until(lambda: css_of(server) and server.log_lines("what it said before still holds"), 30)
    assert [css_of(server) for _ in range(20)] == [b"<link href=/assets/a-11.css>"] * 20
    os.unlink(store(server) / "manifest.json")
    os.mkfifo(store(server) / "manifest.json")  # nobody writes into it, and nobody waits for that
    wait_until(lambda: css_of(server) and server.log_lines("Invalid argument"), 30)
    assert css_of(server) == b"<link href=/assets/a-11.css>"


def test_only_names_of_the_manifest_are_for_ever_and_others_are_404(httpd, app):
    origin = app(body=b"x", headers={"Content-Type": "text/css", "Cache-Control": "max-age=5", "Expires": "0"})
    server = with_manifest(httpd, origin, {"a.css": "a-11.css", "b.css": "b-11.css"})
    put(server, "b-11.css", b"local")
    put(server, "b-10.css", b"old")

    def lifetime(name):
        return server.get("/assets/" + name).headers["Cache-Control"]
    wait_until(lambda: all(lifetime("b-11.css") == FOREVER for _ in range(10)), 30)
    wait_until(lambda: lifetime("a-11.css") == FOREVER, 30)
    wait_kept(server, "a-11.css")

    def is_for_ever():
        answer = server.get("/assets/a-11.css")
        return answer.headers["Cache-Control"] == FOREVER and answer.headers["Expires"] is None
    wait_until(is_for_ever, 30)
    assert lifetime("a.css") == "max-age=5" and lifetime("b-10.css") is None
    origin.behave(status=404)
    origin.clear()
    assert [server.get("/assets/a-evil.css").status for _ in range(3)] == [404] * 3
    assert origin.count() == 1
