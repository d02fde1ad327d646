# SPDX-License-Identifier: Apache-2.0
"""What the tests of mod_tier_assets share: an application behind an httpd that keeps its files below /assets/."""
import json
import os
import time

from webtier_testing import process, wait_until

STATUS = '<Location "/tier-status">\n    SetHandler tier-status\n</Location>\n'


def kept(httpd, origin, more="", conf="TierAssetsHot off", **options):
    """Starts an httpd that fetches what is missing below /assets/ from origin, and keeps it in its folder store.

    Unless conf says otherwise nothing is kept in memory, so that a change is seen at once.
    """
    vhost = f'TierAssets "/assets/" "store"\n{more}\n{STATUS}ProxyPass "/tier-status" "!"\n' \
            f'ProxyPass "/" "{origin.url}/"\n'
    modules = [*options.pop("modules", []), "assets", "status"]
    return httpd(modules=modules, vhost=vhost, conf=conf, **options)


def store(server):
    """Returns the folder of the files."""
    return server.docroot.parent / "store"


def files(server):
    """Returns the names of the files kept, without those of fetches under way."""
    return sorted(str(path.relative_to(store(server))) for path in store(server).rglob("*")
                  if path.is_file() and ".tier" not in path.parts)


def works(server):
    """Returns the files of fetches under way."""
    folder = store(server) / ".tier"
    return sorted(path for path in folder.iterdir() if len(path.name) == 40) if folder.exists() else []


def counters(server):
    return json.loads(server.get("/tier-status/json").body)["modules"]["assets"]


def wait_kept(server, name):
    """Waits until a file is published: what it is made of may be sent before it is on the disk."""
    wait_until(lambda: name in files(server), what=f"the file {name}")


def set_times(server, name, fetched, expires):
    """Moves the times of a fetched file: seconds from now, of both. A fetch may still be on its way to the disk."""
    wait_until(lambda: works(server) == [], 20, what="the end of all fetches")
    path, attribute = store(server) / name, "user.webtier.asset"
    version, complete, _, _, rest = os.getxattr(path, attribute).split(b" ", 4)
    now = int(time.time())
    os.setxattr(path, attribute, b" ".join((version, complete, b"%d" % (now + fetched), b"%d" % (now + expires), rest)))


def make_stale(server, name):
    """Ends the time of a fetched file, as if a while had passed."""
    set_times(server, name, -100, -50)


def put(server, name, body):
    """Puts a file where a deployment would."""
    path = store(server) / name
    for folder in reversed(path.relative_to(store(server).parent).parents[:-1]):
        folder = store(server).parent / folder
        folder.mkdir(exist_ok=True)
        process.give_to_server(folder)
    path.write_bytes(body)
    path.chmod(0o644)
    earlier = time.time() - 100  # httpd's tag of a file that has just changed is a weak one
    os.utime(path, (earlier, earlier))
    return path
