# SPDX-License-Identifier: Apache-2.0
"""What mod_tier_cache tells mod_tier_status."""
import json

from cache_support import FRESH, proxied
from webtier_testing import wait_until

STATUS = "ProxyPass /tier-status !\n<Location /tier-status>\nSetHandler tier-status\nTierCache off\nRequire local\n</Location>\n"


def told(server):
    return json.loads(server.get("/tier-status/json").body)["modules"]["cache"]


def calls(server):
    """Returns how many calls of memcached there were, however long they took."""
    return sum(told(server)["memcached_calls"].values())


def test_shared_memory(httpd, app):
    origin = app(size=2000, headers=FRESH)
    server = httpd(modules=["cache", "status"], vhost=STATUS + proxied(origin))
    for _ in range(3):
        server.get("/page")
    origin.behave("/private", headers={"Cache-Control": "private"})
    server.get("/private")
    server.get("/page", method="POST", body=b"x")
    now = told(server)
    assert now["store"] == "shared memory"
    assert (now["hits"], now["stored"], now["stored_bytes"], now["invalidated"]) == (2, 1, 2000, 1)
    assert now["forwarded"]["uri_miss"] == 2 and now["forwarded"]["method"] == 1
    assert now["not_stored"]["private"] == 1 and now["not_stored"]["request"] == 0
    assert now["memory"]["entries"] == 0 and now["memory"]["capacity_bytes"] > 50_000_000


def test_hits_are_counted_by_kind(httpd, app):
    stale = {"Cache-Control": "max-age=60, stale-if-error=600", "Age": "100"}
    origin = app(size=100_000, headers=FRESH)
    origin.behave("/page", size=2000, headers={**FRESH, "ETag": '"one"'})
    for path in ("/stale", "/confirmed", "/failing"):
        origin.behave(path, body=b"old", headers={**stale, "ETag": '"one"'})
    server = httpd(modules=["cache", "status"], conf="TierCacheSize 1M", vhost=STATUS + proxied(origin))
    for path in ("/page", "/stale", "/confirmed", "/failing"):
        server.get(path)
    origin.behave("/confirmed", status=304, headers={**FRESH, "ETag": '"one"'})
    origin.behave("/failing", status=503)
    server.get("/page")
    assert server.get("/page", headers={"If-None-Match": '"one"'}).status == 304
    for path, fields in (("/stale", {"Cache-Control": "max-stale"}), ("/confirmed", {}), ("/failing", {})):
        answer = server.get(path, headers=fields)
        assert answer.status == 200 and answer.body == b"old", path
    counted = told(server)
    wanted = {"hits": 3, "hits_not_modified": 1, "hits_stale": 1, "hit_bytes": 2009, "revalidated": 1, "stale_if_error": 1}
    assert {name: counted[name] for name in wanted} == wanted and counted["memory"]["evicted"] == 0
    for number in range(20):
        server.get(f"/{number}")
    assert told(server)["memory"]["evicted"] >= 10


def test_memcached_that_is_down(httpd, app, memcached):
    store = memcached()
    server = httpd(modules=["cache", "status"], conf=f"TierCacheServer {store.server}\nTierCacheTimeout 10s\nTierCacheLocalTTL 0",
                   vhost=STATUS + proxied(app(headers=FRESH)))
    up, = told(server)["servers"]
    assert (up["server"], up["state"], up["failures"], up["not_asked"]) == (store.server, "up", 0, 0)
    server.allow_log("WT01")
    store.kill()
    for _ in range(3):
        server.get("/page")
    down = told(server)
    assert down["servers"][0]["state"] == "down" and down["servers"][0]["failures"] == 1
    assert down["store_errors"]["breaker_open"] >= 1 and down["store_errors"]["other"] == 1
    store.restart()
    wait_until(lambda: told(server)["servers"][0]["state"] == "up")
    before = calls(server)
    server.get("/other")
    wait_until(lambda: calls(server) >= before + 2)  # it looked, and stored


def test_module_that_caches_nothing(httpd):
    server = httpd(modules=["cache", "status"], vhost=STATUS.replace("ProxyPass /tier-status !\n", ""))
    assert told(server) == {"state": "off"}
