# SPDX-License-Identifier: Apache-2.0
"""Files and pages that change all the time, with a cache in front: whole versions only, and each name's own content.

WEBTIER_ADVERSARY="SEED SECONDS" lets it go on for longer, with the choices of that seed.
"""
import os
import random

from adversary_assets_support import SECRET, Browser, Deployer, Source
from adversary_server import run_all
from webtier_testing import process

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 2").split()


def test_files(httpd, workspace):
    folder = workspace.new_dir("assets")
    (folder / "store").mkdir()
    process.give_to_server(folder / "store")
    (folder / "secret").write_bytes(SECRET)
    with Source(SEED) as source:
        deployer = Deployer(source, folder / "store", random.Random(SEED), float(SECONDS))
        server = httpd(modules=["assets", "cache"], vhost=f"""
            TierCache on
            TierAssets /assets/ {folder}/store
            TierAssetsVariants br gzip
            TierAssetsCompress on
            TierAssetsNotFound 1s
            TierAssetsMaxAge 2s
            TierAssetsMaxSize 1M
            TierAssetsRewrite on
            TierAssetsFingerprint on
            TierAssetsVersions v
            ProxyPass / http://127.0.0.1:{source.port}/""")
        server.allow_log(r"^(?!.*exit signal)")  # what is said of such an application is not judged here
        shared = ({}, {}, [])
        browsers = [Browser(server.port, source, shared, random.Random(f"{SEED} {number}"), float(SECONDS)) for number in range(4)]
        assert run_all([*browsers, deployer]) == []
        assert all(browser.answers for browser in browsers)
