# SPDX-License-Identifier: Apache-2.0
"""Small files that are answered from memory."""
import gzip
import os
import time

from assets_support import kept, put, store, wait_kept
from webtier_testing import pattern, wait_until

CSS = b"body { margin: 0 }\n" * 50
TYPES = 'TypesConfig "/etc/mime.types"\n'


def told(answer):
    return answer.status, answer.body, {name: answer.headers[name] for name in
                                        ("ETag", "Last-Modified", "Content-Type", "Vary", "Content-Encoding", "Cache-Control",
                         "Content-Language")}


def test_answers_from_memory_are_those_of_the_disk_and_change_within_a_second(httpd, app):
    origin = app(body=b"fetched", headers={"Cache-Control": "max-age=60", "ETag": '"1"', "Content-Type": "text/css"})
    # Types that are found with more than a type, and what a section says of a file, are the same each time, too.
    lines = ("TierAssetsVariants gzip\nTierAssetsFingerprint on\nAddLanguage de .de\nAddEncoding x-any .any\n"
             "AddOutputFilter DEFLATE .thin\nTierAssets /other/ store\n"
             "<Location /other/>\nFileETag Size\nForceType text/x-any\n</Location>\n")
    options = {"more": lines, "extra": ["deflate", "mime"]}
    server, disk = kept(httpd, origin, conf=TYPES, **options), kept(httpd, origin, conf=TYPES + "TierAssetsHot off", **options)
    for one in (server, disk):
        for name, body in (("a.css", CSS), ("a.css.gz", gzip.compress(CSS, mtime=0)), ("b.css", CSS),
                           ("d.de.css", CSS), ("e.any.css", CSS), ("f.thin.css", CSS)):
            os.utime(put(one, name, body), (1e9, 1e9))
        one.get("/assets/c.css")
        wait_kept(one, "c.css")
    time.sleep(0.6)  # younger files are not kept in memory: without this, less is tested
    requests = [("a.css", {}), ("a.css", {"Accept-Encoding": "gzip"}), ("b.css", {"Accept-Encoding": "gzip"}), ("c.css", {}),
                ("d.de.css", {}), ("e.any.css", {}), ("f.thin.css", {"Accept-Encoding": "gzip"}), ("../other/a.css", {}),
                ("a.css", {"Range": "bytes=3-5"}), ("a.css", {"If-Match": '"no"'}), ("a.css", {"If-None-Match": "*"}),
                ("a.css", {"If-Modified-Since": "Sun, 09 Sep 2001 01:46:40 GMT"})]
    for _ in range(12):  # by all children, and from the memory of each
        for name, headers in requests:
            mine, theirs = (told(one.get("/assets/" + name, headers=headers)) for one in (server, disk))
            assert mine[:2] == theirs[:2]
            if name != "c.css" and mine[0] == 200:
                assert mine[2] == theirs[2], name
                assert mine[2]["ETag"] and mine[2]["Content-Type"] == ("text/x-any" if "other" in name else "text/css"), name
    os.rename(put(server, "new", b"another"), store(server) / "a.css")
    os.unlink(store(server) / "a.css.gz")
    wait_until(lambda: all(server.get("/assets/a.css", headers={"Accept-Encoding": "gzip"}).body == b"another"
                           for _ in range(12)), 30)
    os.unlink(store(server) / "b.css")
    origin.clear()
    wait_until(lambda: all(server.get("/assets/b.css").body == b"fetched" for _ in range(12)), 30)
    assert origin.count() == 1


def test_large_files_and_their_variants_are_those_of_the_disk(httpd, app):
    origin = app(body=b"fetched", headers={"Cache-Control": "max-age=60", "Content-Type": "text/css"})
    server = kept(httpd, origin, more="TierAssetsVariants gzip\n", conf="")
    one, other, small = pattern(400_000), pattern(350_000)[::-1], pattern(290_000)

    def deploy(body, *variants):
        for name, content in (("l.css", body), *variants):
            new = put(server, "new", content)
            os.utime(new, (1e9, 1e9))
            os.rename(new, store(server) / name)

    def get(**headers):
        answer = server.get("/assets/l.css", headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert answer.status == 200 and int(answer.headers["Content-Length"]) == len(answer.body)
        return answer.headers["Content-Encoding"], answer.body
    deploy(one, ("l.css.gz", small))
    time.sleep(0.6)
    for _ in range(12):
        assert get() == (None, one) and get(Accept_Encoding="gzip") == ("gzip", small)
        assert get(Accept_Encoding="br") == (None, one)
    os.unlink(store(server) / "l.css.gz")
    deploy(other)
    for _ in range(12):  # each is one of the files, whole
        assert get(Accept_Encoding="br")[1] in (one, other) and get(Accept_Encoding="gzip")[1] in (one, other)
    wait_until(lambda: all(get(Accept_Encoding="gzip") == (None, other) for _ in range(12)), 30)
    os.unlink(store(server) / "l.css")
    assert get(Accept_Encoding="gzip")[1] == b"fetched"  # at once: who may get a variant has the file looked for
    wait_until(lambda: all(server.get("/assets/l.css").body == b"fetched" for _ in range(12)), 30)
