# SPDX-License-Identifier: Apache-2.0
"""What the tests of mod_tier_reproxy share."""
import json
import os
from pathlib import Path

from webtier_testing import pattern, process

# What httpd's own proxy code logs when a storage node that a test has killed or stopped is asked.
CONNECT_FAULTS = ("AH00957", "AH01114")


def reproxying(httpd, app, *nodes, more="", location="", allow=None, **options):
    """Starts an httpd in front of `app` that may ask `nodes`; without any, what the default allows."""
    allowed = allow or " ".join(f"127.0.0.1:{node.port}" for node in nodes)
    modules = options.pop("modules", ("reproxy", "status"))
    return httpd(modules=modules, vhost=f"""
        TierReproxy on
        {f"TierReproxyAllow {allowed}" if allowed else ""}
        TierReproxyTimeout connect=500ms first=700ms stall=700ms
        {more}
        <Location /tier-status>
            SetHandler tier-status
        </Location>
        ProxyPass /tier-status !
        ProxyPass / {app.url}/
        """, **options)


def says(app, *urls, path=None, headers=None, **behaviour):
    """Has the application name `urls` as the places of the file."""
    app.behave(path, headers={"X-REPROXY-URL": " ".join(urls), "Content-Type": "image/png", **(headers or {})},
               **{"body": "the application's own body\n", **behaviour})


def told(server):
    """Returns what the module tells on the status page."""
    return json.loads(server.get("/tier-status/json").body)["modules"]["reproxy"]


def node_of(server, node):
    """Returns the counters of one storage node."""
    return next(found for found in told(server)["nodes"] if found["node"] == node.url)


def placed(nodes, path="/file", size=300_000):
    """Places the same file on each node, as old on each as rsync -t leaves it; returns its URLs."""
    urls = [node.put(path, pattern(size)) for node in nodes]
    for node in nodes:
        os.utime(node.docs / path.lstrip("/"), (1_700_000_000, 1_700_000_000))
    return urls


def memory_kib(server):
    """Returns how much memory httpd's processes have of their own."""
    return sum(int(line.split()[1]) for pid in process.group_members(server.pid)
               for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Private_"))
