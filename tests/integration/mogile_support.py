# SPDX-License-Identifier: Apache-2.0
"""What the tests of MogileFS's keys share."""
import pytest

PATTERN_SIZE = 100_000


@pytest.fixture
def web(request, httpd, mogile):
    """Starts a MogileFS and an httpd in front of it: web(more directives of its vhost, conf=...).

    Trackers have time enough on a busy machine, but where the test's file says in PATIENCE that they have not.
    """
    patience = getattr(request.module, "PATIENCE", "TierMogileTimeout 10s 20s")

    def start(vhost="", conf="", trackers=2, nodes=3, cache="TierMogileCacheTime 0", modules=(), **options):
        fs = mogile(trackers, nodes)
        server = httpd(modules=["reproxy", *modules], extra=options.pop("extra", ("proxy_http", "mime")),
                       conf=f"TierMogileTrackers {fs.trackers_line()}\n{patience}\n" +
                       conf.replace("$DB", database_line(fs)),
                       vhost=f"<Location /f/>\nTierMogileDomain web\nTierMogileKey ^/f/(.+)$ $1\n{cache}\n{vhost}\n"
                             "</Location>", **options)
        server.fs = fs
        return server
    return start


def database_line(fs):
    """The directive that names the installation's database."""
    return f"TierMogileDatabase {fs.mariadb.socket} name={fs.database} user=root"
