# SPDX-License-Identifier: Apache-2.0
"""What the kernel sends out of the cache's memory is of the page that was asked for, whatever is stored, purged or killed meanwhile.

It takes some ten seconds until a fault there would show, so that it is run by WEBTIER_ADVERSARY="SEED SECONDS" only.
"""
import os
import random

import pytest
from adversary_lend_support import Disturber, Origin, Reader, SlowReader, World
from adversary_server import run_all

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 20").split()


@pytest.mark.skipif("WEBTIER_ADVERSARY" not in os.environ, reason="takes too long to find anything")
def test_every_byte_is_of_the_page(httpd):
    with Origin(SEED) as origin:
        server = httpd(modules=["cache", "linger"], conf="TierCacheSize 32M\nTierLinger on\nEnableSendfile on", vhost=f"""
            TierCache on
            TierCacheMaxSize 4M
            TierCachePurgeAllow 127.0.0.0/8
            ProxyPass / http://127.0.0.1:{origin.port}/""")
        server.allow_log("exit signal Killed", r"^(?!.*exit signal)")  # what is said of such an origin is not judged here
        world = World(server, origin)
        kinds = (Reader,) * 3 + (SlowReader,) * 4 + (Disturber,)
        readers = [kind(world, random.Random(f"{SEED} {number}"), float(SECONDS)) for number, kind in enumerate(kinds)]
        assert run_all(readers) == []
        assert all(reader.answers for reader in readers)
