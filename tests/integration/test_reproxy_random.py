# SPDX-License-Identifier: Apache-2.0
"""Storage that fails in every way at once: whoever gets a file gets its bytes, and no part that looks whole.

WEBTIER_ADVERSARY="SEED SECONDS" lets it go on for longer, with the answers of that seed.
"""
import os

import pytest
from reproxy_random_support import Nodes, Reader

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 1.5").split()


@pytest.mark.parametrize("conf", ["", "SendBufferSize 8192\nTierReproxyRelayMax 1"])
def test_any_fault(httpd, request, conf):
    nodes = Nodes(SEED)
    request.addfinalizer(nodes.end)
    server = httpd(modules=["reproxy"], conf=conf, vhost=f"""
        TierReproxy on
        TierReproxyAllow {" ".join(f"127.0.0.1:{port}" for port in nodes.ports)}
        TierReproxyTimeout connect=2s first=300ms stall=300ms
        TierReproxyRelayMin 8K
        ProxyPass / http://127.0.0.1:{nodes.application}/""")
    server.allow_log(r"^(?!.*exit signal)")  # what is said of such nodes is not judged here
    readers = [Reader(number, SEED, server, float(SECONDS)) for number in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [problem for reader in readers for problem in reader.problems] == []
    assert all(reader.whole for reader in readers)
