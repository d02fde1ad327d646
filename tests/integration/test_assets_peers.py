# SPDX-License-Identifier: Apache-2.0
"""Other web boxes that are asked for missing files before the application."""
import hashlib
import time

from assets_support import counters, files, kept, make_stale, put, wait_kept
from webtier_testing import PROXY_FAULTS, pattern

CSS = {"Content-Type": "text/css", "ETag": '"1"', "Cache-Control": "max-age=31536000", "X-Own": "a"}


def box(httpd, origin, *peers, more=""):
    return kept(httpd, origin, more="TierAssetsPeers timeout=10s " + " ".join(peers) + f"\n{more}")


def test_a_peer_that_has_the_file_spares_the_application(httpd, app):
    origin = app(size=300_000, headers=CSS)
    first = kept(httpd, origin)
    url = f"http://127.0.0.1:{first.port}"
    second = box(httpd, origin, url)
    # Two that ask each other cannot go round in circles: who is asked by a peer asks nobody.
    first.reconfigure(vhost=f'TierAssets "/assets/" "store"\nTierAssetsPeers timeout=10s http://127.0.0.1:{second.port}\n'
                            f'ProxyPass "/" "{origin.url}/"\n')
    first.graceful()
    assert first.get("/assets/a").body == pattern(300_000) and origin.count() == 1
    wait_kept(first, "a")
    answer = second.get("/assets/a")
    assert answer.body == pattern(300_000) and origin.count() == 1
    assert [answer.headers[name] for name in ("ETag", "X-Own", "Content-Type")] == ['"1"', "a", "text/css"]
    put(first, "b", b"mine")
    assert second.get("/assets/b").body == b"mine" and origin.count() == 1
    assert counters(second)["from_peers"] == 2
    # Its word on time is believed for a minute at most; then it is the application that is asked.
    for name in ("a", "b"):
        wait_kept(second, name)
    make_stale(second, "a")
    assert second.get("/assets/a").body == pattern(300_000) and origin.count() == 2
    # What others ask for with only-if-cached is answered from here or not at all.
    only = {"Cache-Control": "only-if-cached"}
    assert second.get("/assets/none", headers=only).status == 504 and origin.count() == 2
    assert second.get("/assets/b", headers=only).body == b"mine"


def test_a_peer_that_is_no_good_costs_a_moment(httpd, app):
    """Refused, hung, broken off, garbage, without a length, for one client alone, another content."""
    origin = app(body=b"right", headers=CSS)
    peers = [app(), app(), app(), app(), app(), app(), app()]
    peers[0].kill()
    peers[1].behave(hang=True)
    peers[2].behave(size=100_000, truncate=50_000)
    peers[3].behave(garbage=b"\0\1 no HTTP\r\n\r\n")
    peers[4].behave(body=b"wrong", chunked=True)
    peers[5].behave(body=b"wrong", headers={"Set-Cookie": "a=b"})
    peers[6].behave(status=404)
    server = kept(httpd, origin, more="TierAssetsFingerprint on\nTierAssetsPeers timeout=300ms "
                  + " ".join(one.url for one in peers))
    server.allow_log(*PROXY_FAULTS)
    started = time.monotonic()
    assert server.get("/assets/a", timeout=20).body == b"right"
    wait_kept(server, "a")
    assert origin.count() == 1 and counters(server)["from_peers"] == 0 and files(server) == ["a"]
    # those that did not answer are left alone for a while
    asked = [one.count() for one in peers[1:3]]
    assert server.get("/assets/b").body == b"right"
    if time.monotonic() - started < 10:
        assert [one.count() for one in peers[1:3]] == asked
    # the fingerprint says what is right
    one = box(httpd, origin, peers[6].url, more="TierAssetsFingerprint on")
    peers[6].behave(body=b"wrong", headers=CSS)
    mark = f".h{hashlib.sha1(b'right').hexdigest()[:16]}"
    assert one.get(f"/assets/c{mark}").body == b"right" and peers[6].count("/assets/c") == 1
    peers[6].behave(body=b"right", headers=CSS)
    before = origin.count()
    assert one.get(f"/assets/d{mark}").body == b"right" and origin.count() == before
