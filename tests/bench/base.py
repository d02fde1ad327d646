# SPDX-License-Identifier: Apache-2.0
"""The ground: httpd's own static file and proxy, the least httpd can do for a request, and the cache's hits."""
from bench_lib import main

SIZES = {"1 KiB": 1024, "16 KiB": 16384}
PROXY = ("proxy", "proxy_http")


def floors(phase):
    return "\n".join(f"TestFloor {phase} /{size} {size}" for size in SIZES.values())


def is_hit(answer):
    return "hit" in answer.headers.get("Cache-Status", "")


def prepare(bench):
    origin = bench.httpd(floors("handler") + '\nHeader set Cache-Control "max-age=3600"', ["test_floor"], ["headers"])
    passed_on = f"ProxyPass / http://127.0.0.1:{origin.port}/"
    quick_floor = bench.httpd(floors("quick"), ["test_floor"])
    handler_floor = bench.httpd(floors("handler"), ["test_floor"])
    static = bench.httpd("EnableSendfile On")
    for size in SIZES.values():
        (static.docroot / str(size)).write_bytes(b"f" * size)
    proxy = bench.httpd(passed_on, stock=PROXY)
    memcached = bench.memcached()
    in_memory = bench.httpd(f"{passed_on}\nTierCache on", ["cache"], PROXY)
    after_all = bench.httpd(f"{passed_on}\nTierCache on\nTierCacheQuick off", ["cache"], PROXY)
    # Without the first level: each hit asks memcached.
    in_memcached = bench.httpd(f"{passed_on}\nTierCache on\nTierCacheServer {memcached.server}\nTierCacheLocalTTL 0",
                               ["cache"], PROXY)

    for name, size in SIZES.items():
        path = f"/{size}"

        def case(what, server, **options):
            return bench.case(f"{what}, {name}", server, path, size=size, **options)

        quick = case("floor, quick_handler", quick_floor)
        handler = case("floor, handler", handler_floor, against=quick)
        case("static file, sendfile", static, against=handler)
        case("mod_proxy", proxy, against=handler)
        case("cache hit, shared memory", in_memory, against=quick, goal=1.15, check=is_hit)
        case("cache hit, shared memory, TierCacheQuick off", after_all, against=handler, goal=1.15, check=is_hit)
        case("cache hit, memcached", in_memcached, charged=[in_memcached, memcached], against=handler, check=is_hit)


if __name__ == "__main__":
    main(prepare)
