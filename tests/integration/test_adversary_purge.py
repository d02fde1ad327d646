# SPDX-License-Identifier: Apache-2.0
"""Two web boxes, a memcached that fails, purges of all kinds: nobody gets another's page, half of one, or one of before.

WEBTIER_ADVERSARY="SEED SECONDS" lets it go on for longer, with the choices of that seed.
"""
import os
import random

from adversary_purge_support import HOST, Breaker, Liar, Purger, Shop, Visitor, World
from adversary_server import run_all

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 2").split()


def test_purges(httpd, memcached):
    store = memcached()
    with Shop(SEED) as shop, Liar(SEED, store.port) as liar:
        vhost = f"""
            ServerName {HOST}:80
            ServerAlias *
            TierCache on
            TierCachePurgeAllow 127.0.0.0/8
            ProxyPreserveHost on
            ProxyPass / http://127.0.0.1:{shop.port}/"""
        boxes = [httpd(modules=["cache", "linger"], vhost=vhost, conf=f"TierCacheServer {liar.server}\nTierLinger on") for _ in range(2)]
        for box in boxes:
            box.allow_log(r"^(?!.*exit signal)")  # what is said of such servers is not judged here
        world, seconds = World(boxes, shop), float(SECONDS)
        visitors = [Visitor(world, random.Random(f"{SEED} {number}"), seconds) for number in range(4)]
        others = [Purger(world, random.Random(SEED), seconds), Breaker(world, random.Random(SEED), seconds, store, liar)]
        assert run_all(visitors + others) == []
        assert all(visitor.answers for visitor in visitors) and world.purges
