# SPDX-License-Identifier: Apache-2.0
"""The directives TierMogile*: what httpd -t refuses, and in which words; what the status page tells."""
import json

import pytest
from mogile_support import web  # noqa: F401

TRACKER = "TierMogileTrackers 127.0.0.1:7001\n"


@pytest.mark.parametrize("conf, says", [
    ("TierMogileTrackers 127.0.0.1", ('TierMogileTrackers: "127.0.0.1" cannot be used', "host:port")),
    ("TierMogileTrackers /run/socket", ("TierMogileTrackers", "host:port")),
    ("TierMogileTrackers a:99999", ("TierMogileTrackers", "a:99999")),
    ("TierMogileTimeout fast", ("TierMogileTimeout", "fast")),
    ("TierMogileTimeout 1s 0", ("TierMogileTimeout", "0")),
    ("TierMogileDatabase 127.0.0.1 pass=x", ('TierMogileDatabase: "pass=x" cannot be used', "password-file=")),
    ("TierMogileDatabase 127.0.0.1 password-file=/no/such/file", ("TierMogileDatabase", "/no/such/file", "No such file")),
    ("TierMogileDatabase 127.0.0.1 connections=0", ("TierMogileDatabase", "connections", "0")),
    ("TierMogileDatabase 127.0.0.1 use=never", ("TierMogileDatabase", "use=first")),
    ("TierMogileDatabase a:b", ("TierMogileDatabase", "a:b")),
    ("TierMogileCacheSize 1K", ("TierMogileCacheSize", "1K")),
    ("TierMogileCacheServers a:b", ("TierMogileCacheServers", "a:b")),
    (f"{TRACKER}TierMogileCacheTime soon", ("TierMogileCacheTime", "soon")),
    (f"{TRACKER}TierMogileKey ( $1", ("TierMogileKey", "regular expression")),
    (f'{TRACKER}TierMogileKey "%{{nosuch:x}}"', ("TierMogileKey",)),
    (f"{TRACKER}TierMogileMethods GET", ("TierMogileMethods", "GET", "DELETE")),
    (f"{TRACKER}TierMogileMethods none PUT", ("TierMogileMethods", "none")),
    (f"{TRACKER}TierMogileVerify sha", ("TierMogileVerify", "checksum")),
    ("TierMogileDomain web", ("TierMogileDomain web", "TierMogileTrackers")),
    (f"{TRACKER}TierMogileTrackers", ("TierMogileTrackers",)),
])
def test_wrong_values_stop_the_start_with_a_sentence(httpd, conf, says):
    status, text = httpd.check(modules=["reproxy"], conf=conf)
    assert status != 0 and all(part in text for part in says), text


@pytest.mark.parametrize("line", ["TierMogileTrackers 127.0.0.1:7001", "TierMogileTimeout 1s",
                                  "TierMogileDatabase 127.0.0.1", "TierMogileCacheSize 1M"])
def test_what_is_of_the_whole_server_is_not_of_a_virtual_host(httpd, line):
    status, text = httpd.check(modules=["reproxy"], vhost=line)
    assert status != 0 and line.split()[0] in text, text


def test_loading_it_changes_nothing(httpd):
    server = httpd(modules=["reproxy"], conf=TRACKER)
    (server.docroot / "f").write_text("a file\n")
    assert server.get("/f").body == b"a file\n" and server.get("/nosuch").status == 404


def test_what_others_serve_stays_theirs(httpd, mogile, app):
    fs, backend = mogile(1, 1), app(body=b"proxied")
    server = httpd(modules=["reproxy"], conf=f"TierMogileTrackers {fs.trackers_line()}", vhost=f"""
        TierMogileDomain web
        TierMogileKey ^/(.*)$ $1
        ProxyPass /app/ {backend.url}/
        Alias /static/ ${{DOCS}}/
        RewriteEngine on
        RewriteRule ^/old/(.*)$ /$1 [PT]
        RewriteRule ^/gone$ - [G]
        RewriteRule ^/app/moved/(.*)$ /section/$1 [PT]
        <Location /section/>
            TierMogileKey ^/section/(.*)$ $1
        </Location>
        """.replace("${DOCS}", "/usr/share/common-licenses"))
    fs.store("key", b"stored", on=(1,))
    fs.store("app/x", b"never", on=(1,))
    assert server.get("/key").body == b"stored" and server.get("/old/key").body == b"stored"
    assert server.get("/app/moved/key").body == b"stored"
    assert server.get("/app/x").body == b"proxied" and server.get("/gone").status == 410
    assert server.get("/static/GPL-2").status in (200, 403)
    assert server.get("/static/none").status in (404, 403)
    assert not any("static" in line for line in fs.trackers[0].seen())


def test_the_status_page_tells_trackers_lookups_and_devices(web):  # noqa: F811
    server = web(cache="TierMogileCacheTime 60s 60s", conf="$DB\nTierMogileTimeout 300ms", modules=("status",), vhost="""
        </Location>
        <Location /tier-status>
            SetHandler tier-status
        """)
    server.allow_log("WT3501", "AH00957", "AH01114")
    server.fs.store("key", b"x", on=(1, 2))
    server.fs.sql("UPDATE device SET status='drain' WHERE devid=2")  # comes last
    server.fs.nodes[0].kill()
    for _ in range(3):
        assert server.get("/f/key").status == 200
    server.get("/f/nosuch")
    server.fs.trackers[0].kill()
    for number in range(9):  # each of three processes has asked both trackers then
        server.get(f"/f/nosuch{number}")
    told = json.loads(server.get("/tier-status/json").body)["modules"]["reproxy"]["mogile"]
    down, up = told["trackers"]
    assert (down["state"], up["state"]) == ("down", "up") and down["errors"]["refused"] >= 1 and up["latency"] > 0
    assert told["databases"][0]["requests"] == 0
    assert told["lookups"]["found"] == 3 and told["lookups"]["unknown_key"] == 10
    assert told["answered_by"]["local"] == 2 and told["answered_by"]["tracker"] == 11
    devices = {device["device"].split()[1]: device for device in told["devices"] if " " in device["device"]}
    assert devices["dev2"]["requests"] == 3 and devices["dev1"]["failures"] == {"connect": 1}
    node, = [device for device in told["devices"] if " " not in device["device"]]
    assert node["state"] == "tried last"
