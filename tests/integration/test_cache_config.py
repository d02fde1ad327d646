# SPDX-License-Identifier: Apache-2.0
"""Wrong configuration is refused in words; what cannot be had at start is said and lived without."""
import contextlib
import resource

import pytest
from cache_support import FRESH, asked_twice, cached
from webtier_testing import settings, wait_until


@pytest.mark.parametrize("line,words", [
    ("TierCache maybe", ["TierCache", "On or Off"]),
    ("TierCacheMaxSize lots", ["TierCacheMaxSize", "lots"]),
    ("TierCacheMaxSize 0", ["TierCacheMaxSize", "0"]),
    ("TierCacheSize 1K", ["TierCacheSize", "1K"]),
    ("TierCacheTimeout soon", ["TierCacheTimeout", "soon"]),
    ("TierCacheLocalTTL 61s", ["TierCacheLocalTTL", "61s"]),
    ("TierCacheTimeout 1h", ["TierCacheTimeout", "1h"]),
    ("TierCacheHeuristic 101", ["TierCacheHeuristic", "101"]),
    ("TierCacheHeuristic 10 0s", ["TierCacheHeuristic", "0s"]),
    ("TierCacheServer localhost:notaport", ["TierCacheServer", "localhost:notaport"]),
    ("TierCacheServer a:1 a:1", ["TierCacheServer", "a:1", "already"]),
])
def test_bad_values_are_refused_in_words(httpd, line, words):
    code, said = httpd.check(modules=["cache"], conf=line)
    assert code != 0
    for word in words:
        assert word in said, said


@pytest.mark.parametrize("line", ["TierCacheServer a", "TierCacheSize 2M", "TierCacheTimeout 1s", "TierCacheLocalTTL 2s"])
def test_settings_of_the_host_are_refused_in_a_virtual_host(httpd, line):
    code, said = httpd.check(modules=["cache"], vhost=line)
    assert code != 0 and line.split()[0] in said and "VirtualHost" in said, said


def test_good_values(httpd):
    code, said = httpd.check(modules=["cache"], vhost="TierCache on\nTierCacheQuick on\nTierCacheMaxSize 2M", conf=(
        "TierCacheServer 127.0.0.1 localhost:11212 /run/memcached.sock\nTierCacheTimeout 50ms\nTierCacheSize 16M"))
    assert code == 0, said


@contextlib.contextmanager
def little_address_space(size):
    """What is started within has so many bytes of address space."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def memory_that_cannot_be_had(httpd, app):
    """Requests go on without a cache, and a restart with a size that can be had brings it back."""
    origin = app(headers=FRESH)
    with little_address_space(8 << 30):
        server = cached(httpd, origin, conf="TierCacheSize 32G")
    server.allow_log("WT2000")
    assert len(server.log_lines("WT2000")) == 1
    answer = server.get()
    assert answer.status == 200 and answer.headers["Cache-Status"] is None
    server.reconfigure(conf="TierCacheSize 32M")
    server.graceful()
    wait_until(lambda: asked_twice(server))


# These sanitizers reserve terabytes of address space for themselves: a limit would end httpd before it starts.
if settings.SANITIZE not in ("address", "thread"):
    test_memory_that_cannot_be_had = memory_that_cannot_be_had
