# SPDX-License-Identifier: Apache-2.0
"""PURGE: who may, of what, how soon on all web boxes, and that none is lost."""
import json
import threading
import time

import pytest
from cache_support import FRESH, cached, is_hit, status_of, ttl_of
from herd_support import PATIENT_STORE, Asking
from test_cache_levels import DOWN, STATUS
from webtier_testing import wait_until

HOST = "shop.test"
ALLOW = "TierCachePurgeAllow 127.0.0.0/8\n"
BOXES = pytest.mark.parametrize("boxes", [0, 2], ids=["memory", "memcached"])


def site(httpd, origin, more="", conf="", **options):
    vhost = f"ServerName {HOST}:80\nServerAlias *\n{STATUS}{ALLOW}TierCache on\nProxyPass / {origin.url}/\nProxyPreserveHost on\n{more}"
    return httpd(modules=["cache", "status"], vhost=vhost, conf=conf, **options)


def sites(httpd, origin, memcached, boxes, more="", conf=""):
    """Returns web boxes that share a memcached, or one that has none."""
    if not boxes:
        return [site(httpd, origin, more)]
    store = memcached()
    made = [site(httpd, origin, more, f"TierCacheServer {store.server}\n{PATIENT_STORE}\n{conf}") for _ in range(boxes)]
    made[0].store = store
    return made


def told(server):
    return json.loads(server.get("/tier-status/json", host=HOST).body)["modules"]["cache"]


def get(server, path="/", host=HOST, **options):
    return server.get(path, host=host, **options)


def stored(server, path="/", **options):
    """Asks until the answer comes from the cache: with memcached it is stored after it has been sent."""
    wait_until(lambda: is_hit(get(server, path, **options)))


def purge(server, path="/", expect=200, host=HOST, **fields):
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    answer = server.get(path, host=host, method="PURGE", headers=headers)
    assert answer.status == expect, answer
    return answer


def settles(servers, path, hit, host=HOST):
    """Waits until all boxes say hit or miss (TierCacheLocalTTL, 1 s); asks with only-if-cached, so nothing is stored."""
    ask = {"Cache-Control": "only-if-cached"}
    wait_until(lambda: all((get(server, path, host=host, headers=ask).status == 200) == hit for server in servers))


@BOXES
def test_a_url_with_all_its_variants(httpd, app, memcached, boxes):
    origin = app(headers={**FRESH, "Vary": "Accept-Language"})
    servers = sites(httpd, origin, memcached, boxes)
    for language in ("de", "fr"):
        stored(servers[0], "/a", headers={"Accept-Language": language})
    origin.behave("/b", headers=FRESH)
    stored(servers[-1], "/b")
    assert json.loads(purge(servers[0], "/a").body) == {"purged": "url", "soft": False, "remembered": False}
    for language in ("de", "fr"):
        wait_until(lambda: all(get(server, "/a", headers={"Accept-Language": language, "Cache-Control": "only-if-cached"}).status == 504
                               for server in servers))
    settles(servers, "/b", True)


@BOXES
def test_tags_host_and_all(httpd, app, memcached, boxes):
    origin = app(headers=FRESH)
    origin.behave("/1", headers={**FRESH, "Surrogate-Key": "shoes product-1"})
    origin.behave("/2", headers={**FRESH, "Cache-Tag": "shoes,product-2"})
    servers = sites(httpd, origin, memcached, boxes)
    pages = [("/1", HOST), ("/2", HOST), ("/3", HOST), ("/1", "other.test")]

    def fill():
        for path, host in pages:
            for server in servers:
                stored(server, path, host=host)

    def left():
        ask = {"Cache-Control": "only-if-cached"}
        return [{get(server, path, host=host, headers=ask).status for server in servers} for path, host in pages]
    for fields, gone in (({"Surrogate_Key": "product-1 nothing"}, (0, 3)), ({"Cache_Tag": "shoes"}, (0, 1, 3)),
                         ({"Purge_Scope": "host"}, (0, 1, 2)), ({"Purge_Scope": "all"}, (0, 1, 2, 3))):
        fill()
        purge(servers[0], **fields)
        wait_until(lambda: left() == [{504} if n in gone else {200} for n in range(4)])
    assert told(servers[0])["purges"]["tags"] == 2 and told(servers[0])["purges"]["all"] == 1


def test_a_purge_by_tag_costs_the_same_whatever_the_tag_is_on(httpd, app, memcached):
    """Nothing is looked for, and nothing removed: the tag gets another epoch."""
    origin = app(headers={**FRESH, "Surrogate-Key": "t"})
    server, = sites(httpd, origin, memcached, 1)
    spent = []
    for count in (1, 200):
        with server.session() as session:
            for number in range(count):
                session.get(f"/{number}", host=HOST)
        stored(server, f"/{count - 1}")
        before = server.store.stats()
        purge(server, Surrogate_Key="t")
        after = server.store.stats()
        spent.append([int(after[name]) - int(before[name]) for name in ("cmd_set", "delete_hits", "delete_misses")])
        assert get(server, "/0", headers={"Cache-Control": "only-if-cached"}).status == 504
    # What the requests before have to do may end meanwhile: a lease is given back, no more.
    assert all(0 < sets <= 4 and removed + missed <= 4 for sets, removed, missed in spent), spent


@BOXES
@pytest.mark.parametrize("fields", [{}, {"Surrogate_Key": "t"}], ids=["url", "tag"])
def test_soft_purge_makes_stale(httpd, app, memcached, boxes, fields):
    origin = app(body=b"old", headers={"Cache-Control": "max-age=60, stale-while-revalidate=60", "Surrogate-Key": "t"})
    servers = sites(httpd, origin, memcached, boxes)
    for server in servers:
        stored(server)
    origin.behave(body=b"new", headers={"Cache-Control": "max-age=60, stale-while-revalidate=60", "Surrogate-Key": "t"})
    purge(servers[0], Soft_Purge="1", **fields)
    answer = get(servers[0])
    assert is_hit(answer) and answer.body == b"old" and ttl_of(answer) <= 0
    wait_until(lambda: all(get(server).body == b"new" for server in servers))
    assert all(is_hit(get(server)) for server in servers) and origin.count() <= 2 + len(servers)
    assert told(servers[0])["purges"]["soft"] == 1


def test_soft_purge_of_variants(httpd, app):
    fields = {"Cache-Control": "max-age=60, stale-while-revalidate=60", "Vary": "Accept-Language"}
    origin = app(body=b"old", headers=fields)
    server = site(httpd, origin)
    for language in ("de", "fr"):
        stored(server, headers={"Accept-Language": language})
    origin.behave(body=b"new", headers=fields)
    purge(server, Fastly_Soft_Purge="1")
    for language in ("de", "fr"):
        assert get(server, headers={"Accept-Language": language}).body == b"old"
        wait_until(lambda: get(server, headers={"Accept-Language": language}).body == b"new")
        assert ttl_of(get(server, headers={"Accept-Language": language})) > 50


@pytest.mark.parametrize("allow,status", [("", 403), ("TierCachePurgeAllow 10.0.0.0/8", 403), ("TierCachePurgeAllow local", 200),
                                          ("TierCachePurgeAllow 10.1 127.0.0.1", 200)])
def test_who_may(httpd, app, allow, status):
    origin = app(headers=FRESH)
    server = cached(httpd, origin, allow)
    stored(server)
    assert server.get(method="PURGE", host=HOST).status == status
    assert is_hit(get(server)) == (status == 403)
    assert all(request["method"] != "PURGE" for request in origin.requests())


def test_nobody_is_local_behind_a_proxy_on_this_machine(httpd, app):
    server = cached(httpd, app(headers=FRESH), "TierCachePurgeAllow local")
    stored(server)
    for field in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert server.get(method="PURGE", host=HOST, headers={field: "127.0.0.1"}).status == 403, field
        assert is_hit(get(server)), field


def test_both_ends_must_be_admitted(httpd, app):
    """mod_remoteip believes what the proxy says of its client."""
    server = cached(httpd, app(headers=FRESH), "RemoteIPHeader X-Client\nTierCachePurgeAllow 127.0.0.1 192.0.2.1", extra=["remoteip"])
    for client, status in (("192.0.2.1", 200), ("192.0.2.2", 403)):
        assert server.get(method="PURGE", host=HOST, headers={"X-Client": client}).status == status


def test_purge_goes_on_to_the_application_where_the_cache_is_off(httpd, app):
    origin = app(headers=FRESH)
    server = cached(httpd, origin, "TierCachePurgeAllow local\n<Location /x>\nTierCache off\n</Location>")
    server.get("/x", method="PURGE")
    assert [request["method"] for request in origin.requests()] == ["PURGE"]


def test_require_holds_for_purge_too(httpd, app):
    server = cached(httpd, app(headers=FRESH), ALLOW + "<LimitExcept GET HEAD>\nRequire all denied\n</LimitExcept>".join(
        ("<Location />\n", "\n</Location>")))
    server.allow_log("AH01630")
    stored(server)
    assert server.get(method="PURGE", host=HOST).status == 403 and is_hit(get(server))


def test_what_is_not_understood_purges_nothing(httpd, app):
    server = site(httpd, app(headers={**FRESH, "Cache-Tag": "a"}))
    stored(server)
    for fields in ({"Purge_Scope": "everything"}, {"Soft_Purge": "perhaps"}, {"Cache_Tag": ","},
                   {"Purge_Scope": "all", "Cache_Tag": "a"}, {"Surrogate_Key": " ".join(map(str, range(300)))}):
        assert "error" in json.loads(purge(server, expect=400, **fields).body), fields
        assert is_hit(get(server)), fields


def test_names_of_fields_and_stripping(httpd, app):
    origin = app(headers={**FRESH, "X-Tags": "a b", "Surrogate-Key": "c"})
    server = site(httpd, origin, "TierCacheTags X-Tags\nTierCacheTagsStrip on")
    assert get(server).headers["X-Tags"] is None
    answer = get(server)
    assert is_hit(answer) and answer.headers["X-Tags"] is None and answer.headers["Surrogate-Key"] == "c"
    purge(server, X_Tags="b")
    assert not is_hit(get(server))
    purge(server, Surrogate_Key="c")  # no such field here: the URL
    assert not is_hit(get(server))


def test_tags_are_kept_over_a_304(httpd, app):
    origin = app(etag="x", headers={"Cache-Control": "max-age=0", "Surrogate-Key": "a"})
    server = site(httpd, origin)
    get(server)
    origin.behave(etag="x", headers={"Cache-Control": "max-age=60"})
    assert "fwd-status=304" in status_of(get(server)) and is_hit(get(server))
    purge(server, Surrogate_Key="a")
    assert not is_hit(get(server))


def test_more_tags_than_can_be_kept(httpd, app):
    origin = app(headers={**FRESH, "Surrogate-Key": " ".join(map(str, range(300)))})
    server = site(httpd, origin)
    get(server)
    assert "detail=tags" in status_of(get(server))


@BOXES
def test_what_is_on_its_way_while_it_is_purged_is_not_stored(httpd, app, memcached, boxes):
    origin = app()
    server = sites(httpd, origin, memcached, boxes)[0]
    pages = {"/url": FRESH, "/tag": {**FRESH, "Surrogate-Key": "a"}, "/all": FRESH}

    def overtaken(*purges):
        asking = [threading.Thread(target=get, args=(server, path)) for path, _ in purges]
        for (path, _), thread in zip(purges, asking):
            origin.behave(path, body=b"old", hold=True, headers=pages[path])
            thread.start()
            wait_until(lambda: origin.count(path) == 1)
        for path, fields in purges:
            purge(server, path, **fields)
            origin.behave(path, body=b"new", headers=pages[path])
        origin.release()
        for thread in asking:
            thread.join()
    overtaken(("/url", {}), ("/tag", {"Surrogate_Key": "a"}))
    overtaken(("/all", {"Purge_Scope": "all"}))
    for path in pages:
        assert get(server, path).body == b"new", path
        wait_until(lambda: is_hit(get(server, path)))
        assert get(server, path).body == b"new", path
    wait_until(lambda: told(server)["not_stored"]["purged"] == 3)


@pytest.mark.parametrize("method,fields", [("PURGE", {}), ("PURGE", {"Soft-Purge": "1"}), ("POST", {})],
                         ids=["purge", "soft", "unsafe"])
def test_what_another_box_asked_for_before_is_not_kept_fresh(httpd, app, memcached, method, fields):
    """One box has asked the application, the other purges, then the answer comes."""
    life = {"Cache-Control": "max-age=60, stale-while-revalidate=60"}
    origin = app(body=b"old", hold=True, headers=life)
    servers = sites(httpd, origin, memcached, 2)
    asking = Asking(1, lambda: get(servers[1], timeout=60))
    wait_until(lambda: origin.count() == 1)
    origin.behave(body=b"new", headers=life)
    assert get(servers[0], method=method, headers=fields, body=b"").status == 200
    origin.release()
    assert asking.join()[0].body == b"old"
    wait_until(lambda: told(servers[1])["not_stored"]["purged"] == 1)
    for server in servers:
        answer = get(server)
        assert answer.body == b"new" or (fields and ttl_of(answer) <= 0)
        wait_until(lambda: get(server).body == b"new")


def test_other_virtual_hosts_are_not_purged(httpd, app, memcached):
    origin, store = app(headers={**FRESH, "Surrogate-Key": "a"}), memcached()
    own, other = (cached(httpd, origin, f"ServerName {name}:80\n{ALLOW}", f"TierCacheServer {store.server}\n{PATIENT_STORE}\nTierCacheLocalTTL 100ms")
                  for name in ("one.test", "two.test"))
    for server in (own, other):
        stored(server)
    for fields in ({}, {"Surrogate_Key": "a"}, {"Purge_Scope": "all"}, {"Purge_Scope": "host"}):
        purge(own, **fields)
    time.sleep(0.3)
    assert is_hit(get(other)) and not is_hit(get(own))


def test_both_schemes_and_normalised_hosts(httpd, app):
    """The application purges by plain HTTP what its visitors see by TLS."""
    server = site(httpd, app(headers=FRESH), tls=True)
    server.allow_log("AH01909", "AH01915")
    stored(server)
    purge(server, host=HOST.upper())
    assert not is_hit(get(server))


def test_no_purge_is_lost_while_memcached_is_away(httpd, app, memcached):
    """memcached hangs while a tag is purged, and wakes with everything it had: gone here at once, there when it is back."""
    origin = app(body=b"old", headers={**FRESH, "Surrogate-Key": "a"})
    servers = sites(httpd, origin, memcached, 2, conf="TierCacheLocalTTL 200ms\nTierCacheTimeout 300ms")
    store = servers[0].store
    for server in servers:
        server.allow_log(DOWN)
        stored(server, "/1")
        stored(server, "/2")
    origin.behave(body=b"new", headers={"Cache-Control": "no-store"})
    store.stop()
    assert json.loads(purge(servers[0], "/1", expect=202).body)["remembered"] is True
    purge(servers[0], expect=202, Surrogate_Key="a")
    assert get(servers[0], "/1").body == get(servers[0], "/2").body == b"new"
    store.cont()
    wait_until(lambda: all(told(server)["servers"][0]["state"] == "up" for server in servers))
    wait_until(lambda: told(servers[0])["purges"]["owed"] == 0)
    time.sleep(0.3)
    for path in ("/1", "/2"):
        assert {get(server, path).body for server in servers} == {b"new"}, path
    assert told(servers[0])["purges"]["remembered"] == 2


def test_what_cannot_be_done_is_an_error(httpd, app, memcached):
    """Without shared memory a URL's removal is not remembered; a soft purge of a URL has to change what is in memcached."""
    origin, store = app(headers=FRESH), memcached()
    bare = site(httpd, origin, conf=f"TierCacheServer {store.server}\nTierCacheLocalTTL 0")
    usual = site(httpd, origin, conf=f"TierCacheServer {store.server}")
    for server in (bare, usual):
        server.allow_log(DOWN, "WT2005")
        stored(server)
    store.kill()
    assert "error" in json.loads(purge(bare, expect=503).body)
    purge(usual, expect=503, Soft_Purge="1")
    purge(bare, expect=202, Purge_Scope="all")
    assert told(bare)["purges"]["failed"] == 1


def test_a_memcached_that_comes_back_empty(httpd, app, memcached):
    """What was stored before has no epoch any more; hits are back at once."""
    origin = app(headers={**FRESH, "Surrogate-Key": "a"})
    servers = sites(httpd, origin, memcached, 2)
    for server in servers:
        server.allow_log(DOWN)
        stored(server)
    servers[0].store.restart()
    wait_until(lambda: all(told(server)["servers"][0]["state"] == "up" for server in servers))
    for server in servers:
        stored(server)
    purge(servers[1], Surrogate_Key="a")
    settles(servers, "/", False)


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms_and_graceful_restart(httpd, app, mpm):
    server = site(httpd, app(headers={**FRESH, "Cache-Tag": "a"}), mpm=mpm)
    stored(server)
    purge(server, Cache_Tag="a")
    server.graceful()
    assert not is_hit(get(server)) and is_hit(get(server))


def test_no_memcached_is_asked_for_a_hot_page_while_purges_are_on(httpd, app, memcached):
    origin = app(headers={**FRESH, "Surrogate-Key": "a b c"})
    server = sites(httpd, origin, memcached, 1, conf="TierCacheLocalTTL 60s")[0]
    stored(server)
    before = server.store.stats()["cmd_get"]
    assert all(is_hit(get(server)) for _ in range(30))
    assert server.store.stats()["cmd_get"] == before


def test_load_while_it_is_purged(httpd, app, memcached):
    """300 requests/s, a purge each 100 ms: no error, and never what was before the purge before the last second."""
    origin = app(headers={**FRESH, "Surrogate-Key": "a"})
    servers = sites(httpd, origin, memcached, 2)
    load = servers[0].load(rate=300, seconds=1.2, path=[f"/{n}" for n in range(20)], headers={"Host": HOST})
    end = time.monotonic() + 1
    while time.monotonic() < end:
        purge(servers[1], Surrogate_Key="a")
        time.sleep(0.1)
    report = load.join()
    assert report.errors == [], str(report)
    assert origin.count() < report.total


@pytest.mark.parametrize("line,words", [("TierCachePurgeAllow somewhere", ["TierCachePurgeAllow", "somewhere", "Require ip"]),
                                        ("TierCachePurgeAllow all", ["TierCachePurgeAllow", "all"]),
                                        ("TierCachePurgeAllow 10.0.0.0/99", ["TierCachePurgeAllow"]),
                                        ("TierCacheTags a:b", ["TierCacheTags", "a:b"])])
def test_bad_values_are_refused_in_words(httpd, line, words):
    code, said = httpd.check(modules=["cache"], conf=line)
    assert code != 0
    for word in words:
        assert word in said, said
