# SPDX-License-Identifier: Apache-2.0
"""All modules together between an application and clients that do anything: no crash, no hang, no byte that was not sent.

WEBTIER_ADVERSARY="SEED SECONDS" lets one go on for longer, with the answers of that seed.
"""
import os

import pytest
from adversary_server import run_all
from adversary_support import Application, Client, make_files
from webtier_testing import process

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 2").split()


@pytest.fixture
def folder(workspace):
    made = workspace.new_dir("adversary")
    make_files(made)
    (made / "store").mkdir()
    process.give_to_server(made / "store")
    return made


@pytest.fixture
def application(folder):
    with Application(SEED, folder) as made:
        yield made


def start(httpd, application, folder, memcached, mpm):
    server = httpd(modules=["cache", "health", "reproxy", "assets", "linger", "status"], mpm=mpm, conf=f"""
        TierCacheServer {memcached.server}
        TierReproxyCache 1000
        TierLinger on""", vhost=f"""
        <Proxy balancer://app>
            BalancerMember http://127.0.0.1:{application.port}
            BalancerMember http://localhost:{application.port}
            TierHealthRetry on
            TierHealthEject on
            TierHealthHedge on
            TierHealthPanic 60%
        </Proxy>
        ProxyTimeout 5
        TierCache on
        TierCachePurgeAllow local
        TierCacheStaleIfError 60
        TierAssets /assets/ {folder}/store
        TierAssetsVariants gzip
        TierAssetsCompress on
        TierAssetsNotFound 1s
        TierAssetsMaxAge 2s
        TierAssetsRewrite on
        TierAssetsMap /assets/ /static/
        TierAssetsEarlyHints on
        <Location />
            TierReproxy on
            TierReproxyAllow 127.0.0.1:{application.port}
            TierReproxyFileRoot {folder}/root
            TierReproxyTimeout connect=500ms first=3s stall=5s
        </Location>
        ProxyPass / balancer://app/
        """)
    server.allow_log(r"^(?!.*exit signal)")  # what is said of such an application is not judged here
    return server


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_anything(httpd, memcached, application, folder, mpm):
    server = start(httpd, application, folder, memcached(), mpm)
    clients = [Client(number, SEED, server, application, float(SECONDS)) for number in range(4)]
    assert run_all(clients) == []
    assert all(client.answers for client in clients)
    asked = b"GET /p1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert server.raw(asked).startswith(b"HTTP/1.1 ")  # it still answers, if only with what broke off
