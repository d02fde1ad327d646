# SPDX-License-Identifier: Apache-2.0
"""The cache beside what it stands on and what else could be picked: hits of both levels, misses, many keys.

    --sizes 1K,16K   bodies: 1K, 16K, 256K, 1M (all)
    --groups hit,... hit: first level; memcached: second level; miss; linger: beside Varnish and nginx, lingering;
                     peers: other caches beside; keys: so many keys in the first level (all)
    --keys 1000,...  how many keys (1000,100000); filling a million takes a minute
"""
import random
import re
import socket

from bench_lib import CONNECTIONS, Case, Unmeasurable, main, wrk
from webtier_testing import client

SIZES = {"1K": 1024, "16K": 16 << 10, "256K": 256 << 10, "1M": 1 << 20}
GROUPS = ("hit", "memcached", "miss", "linger", "peers", "keys")
PROXY = ("proxy", "proxy_http")
LARGEST = 4 << 20

# Each request is for another URL: nothing of it is ever found.
NEW_URLS = """
local number = 0
local thread = tostring({}):sub(8)
request = function()
  number = number + 1
  return wrk.format("GET", wrk.path .. "?" .. thread .. number)
end
"""

# Each URL once; two threads, of which each has every other one, from where it was on.
FILL = """
local starts = {{{starts}}}
local threads = {{}}
function setup(thread)
  table.insert(threads, thread)
  thread:set("number", starts[#threads])
end
request = function()
  number = number + 2
  return wrk.format("GET", "/64?" .. number % {count} + 1)
end
function done()
  for _, thread in ipairs(threads) do print("thread at " .. thread:get("number")) end
end
"""

# Requests are spread over so many URLs.
MANY_URLS = """
math.randomseed(os.time() + tonumber(tostring({{}}):sub(8)))
request = function() return wrk.format("GET", "/64?" .. math.random({count})) end
"""

NGINX = """
daemon off;
worker_processes 2;
pid @ROOT@/pid;
error_log @ROOT@/error.log;
{modules}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path @ROOT@/body; proxy_temp_path @ROOT@/proxy; fastcgi_temp_path @ROOT@/f;
    uwsgi_temp_path @ROOT@/u; scgi_temp_path @ROOT@/s;
    keepalive_requests 100000000;
    sendfile on; tcp_nopush on;
    {http}
    server {{
        listen 127.0.0.1:@PORT@;
        {server}
    }}
}}
"""

VCL = """
vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_deliver {{ if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }} }}
"""


def is_hit(answer):
    return "hit" in answer.headers.get("Cache-Status", "")


def says_hit(answer):
    return "HIT" in str(answer.headers.get("X-Cache", ""))


class Servers:
    """Makes each server when a case first wants it."""

    def __init__(self, bench):
        self._bench = bench
        self._made = {}

    def __call__(self, name):
        if name not in self._made:
            self._made[name] = getattr(self, f"_{name}")()
        return self._made[name]

    def _floors(self, phase, more=""):
        return "\n".join(f"TestFloor {phase} /{size} {size}" for size in (64, *SIZES.values())) + more

    def _httpd(self, conf, ours=(), stock=PROXY):
        return self._bench.httpd(f"ProxyPass / http://127.0.0.1:{self('origin').port}/\n{conf}", ours, stock)

    def _origin(self):
        return self._bench.httpd(self._floors("handler") + '\nHeader set Cache-Control "max-age=3600"', ["test_floor"],
                                 ["headers"])

    def _uncacheable(self):
        return self._bench.httpd(self._floors("handler"), ["test_floor"])

    def _quick_floor(self):
        return self._bench.httpd(self._floors("quick"), ["test_floor"])

    def _handler_floor(self):
        return self._bench.httpd(self._floors("handler"), ["test_floor"])

    def _memcached(self):
        return self._bench.memcached(["-I", "4m", "-m", "256"])

    def _memcached_floor(self):
        store = self("memcached")
        lines = []
        for size in SIZES.values():
            set_item(store.port, f"floor-{size}", b"f" * size)
            lines.append(f"TestFloorMemcached /{size} {size} {store.port} floor-{size}")
        return self._bench.httpd("\n".join(lines), ["test_floor"])

    def _static(self):
        server = self._bench.httpd("EnableSendfile On")
        for size in SIZES.values():
            (server.docroot / str(size)).write_bytes(b"f" * size)
        return server

    def _proxy(self):
        return self._httpd("")

    def _proxy_uncacheable(self):
        return self._bench.httpd(f"ProxyPass / http://127.0.0.1:{self('uncacheable').port}/", stock=PROXY)

    def _ours_uncacheable(self):
        return self._bench.httpd(f"ProxyPass / http://127.0.0.1:{self('uncacheable').port}/\nTierCache on", ["cache"], PROXY)

    def _ours(self):
        return self._httpd("TierCache on", ["cache"])

    def _ours_sendfile(self):
        return self._httpd("TierCache on\nEnableSendfile On", ["cache"])

    def _ours_full(self):
        """As a store is most of its life: full after ten thousand pages, and with what each puts into it one more leaves."""
        return self._httpd("TierCache on\nTierCacheSize 16M", ["cache"])

    def _ours_after_all(self):
        return self._httpd("TierCache on\nTierCacheQuick off", ["cache"])

    def _ours_quick(self):
        return self._httpd("TierCache on\nTierCacheQuick on", ["cache"])

    def _floor_lingering(self):
        return self._bench.httpd(self._floors("quick", "\nTierLinger on"), ["test_floor", "linger"])

    def _ours_lingering(self):
        return self._httpd("TierCache on\nTierCacheQuick on\nTierLinger on", ["cache", "linger"])

    def _ours_memcached(self):
        return self._httpd(f"TierCache on\nTierCacheQuick on\nTierCacheServer {self('memcached').server}\n"
                           "TierCacheLocalTTL 0\nTierCacheTimeout 1s", ["cache"])

    def _ours_many(self):
        """Makes its pages itself: filling it takes a third of the time."""
        return self._bench.httpd('TestFloor handler /64 64\nHeader set Cache-Control "max-age=3600"\nTierCache on\n'
                                 "TierCacheQuick on\nTierCacheSize 1G", ["cache", "test_floor"], ["headers"])

    def _cached_by_httpd(self, provider, conf, stock):
        return self._httpd(f"CacheQuickHandler on\nCacheHeader on\nCacheEnable {provider} /\n{conf}",
                           stock=(*PROXY, "cache", *stock))

    def _cache_disk(self):
        root = self("origin").root.parent / "cache_disk"
        root.mkdir(mode=0o777)
        root.chmod(0o777)
        return self._cached_by_httpd("disk", f"CacheRoot {root}\nCacheMaxFileSize {LARGEST}\nEnableSendfile On", ["cache_disk"])

    def _cache_memcache(self):
        return self._cached_by_httpd("socache", f"CacheSocache memcache:{self('memcached').server}\n"
                                     f"CacheSocacheMaxSize {LARGEST}", ["cache_socache", "socache_memcache"])

    def _cache_shmcb(self):
        return self._cached_by_httpd("socache", f"CacheSocache shmcb:{self('origin').root}/shmcb(268435456)\n"
                                     f"CacheSocacheMaxSize {LARGEST}", ["cache_socache", "socache_shmcb"])

    def _nginx(self, http, server, modules=""):
        conf = NGINX.format(http=http, server=server, modules=modules)
        return self._bench.other(["nginx", "-p", "@ROOT@", "-c", "@ROOT@/nginx.conf", "-e", "@ROOT@/error.log"],
                                 [("nginx.conf", conf)], "nginx")

    def _nginx_proxy_cache(self):
        return self._nginx("proxy_cache_path @ROOT@/cache keys_zone=all:10m;",
                           f"location / {{ proxy_pass http://127.0.0.1:{self('origin').port}; proxy_cache all;"
                           " add_header X-Cache $upstream_cache_status; }")

    def _nginx_srcache(self):
        folder = "/usr/lib/nginx/modules"
        modules = "\n".join(f"load_module {folder}/{name}.so;" for name in
                            ("ngx_http_memc_module",
                             "ngx_http_srcache_filter_module"))
        return self._nginx(
            f"upstream store {{ server {self('memcached').server}; keepalive 32; }}",
            "location = /memc { internal; memc_connect_timeout 1s; set $memc_key $query_string; set $memc_exptime 3600;"
            " memc_pass store; } location / { set $key s-$uri; srcache_fetch GET /memc $key; srcache_store PUT /memc $key;"
            " add_header X-Cache $srcache_fetch_status;"
            f" proxy_pass http://127.0.0.1:{self('origin').port}; }}", modules)

    def _varnish(self):
        return self._bench.other(["varnishd", "-F", "-j", "none", "-a", "127.0.0.1:@PORT@", "-f", "@ROOT@/default.vcl", "-n",
                                  "@ROOT@/work", "-s", "malloc,256m", "-p", "thread_pools=2"],
                                 [("default.vcl", VCL.format(port=self("origin").port))], "varnish")


def set_item(port, key, value):
    with socket.create_connection(("127.0.0.1", port), 2) as stream:
        stream.sendall(b"set %s 0 0 %d\r\n%s\r\n" % (key.encode(), len(value), value))
        if stream.recv(100) != b"STORED\r\n":
            raise Unmeasurable(f"memcached did not take {key}")


def of_size(bench, servers, label, groups):
    """The cases of one body size."""
    size = SIZES[label]
    path = f"/{size}"

    def case(what, server, **options):
        return bench.case(f"{what}, {label}", servers(server), path, size=size, **options)

    quick = case("floor", "quick_floor")
    if "hit" in groups:
        handler = case("floor, handler", "handler_floor")
        static = case("static file, sendfile", "static", against=quick)
        hits = [case("hit", "ours", against=quick, goal=1.15, check=is_hit),
                case("hit, Quick off", "ours_after_all", against=handler, goal=1.15, check=is_hit)]
        if label == "1M":
            hits.append(case("hit, EnableSendfile", "ours_sendfile", against=quick, goal=1.15, check=is_hit))
        for hit in hits:
            hit.comparisons.append((static, 1.0))
    if "memcached" in groups:
        store = servers("memcached")
        floor = case("floor with a get", "memcached_floor", charged=[servers("memcached_floor"), store])
        hit = case("hit of memcached, Quick", "ours_memcached", charged=[servers("ours_memcached"), store], against=floor,
                   goal=1.15 if label == "1K" else None, check=is_hit)
        peer = case("mod_cache_socache memcache", "cache_memcache", charged=[servers("cache_memcache"), store],
                    check=says_hit)
        hit.comparisons.append((peer, 0.5 if label == "256K" else None))
    if "miss" in groups:
        script = bench.script(NEW_URLS)
        proxy = case("mod_proxy", "proxy", script=script)
        case("miss that is stored", "ours_full", against=proxy, goal=1.15, script=script)
        proxy = case("mod_proxy, uncacheable", "proxy_uncacheable")
        case("miss that is not", "ours_uncacheable", against=proxy, goal=1.15)
    if "linger" in groups:
        hit = case("hit, Quick, lingering", "ours_lingering", against=case("Varnish", "varnish", check=says_hit),
                   goal=1.0, check=is_hit)
        nginx = case("nginx proxy_cache", "nginx_proxy_cache", check=says_hit)
        hit.comparisons.append((nginx, 1.25))
        # What httpd costs that does nothing but answer from memory; nginx sends a file.
        floor = case("floor, lingering", "floor_lingering", against=nginx)
        hit.comparisons.append((floor, None))
    if "peers" in groups:
        case("mod_cache_disk", "cache_disk", against=quick, check=says_hit)
        case("mod_cache_socache shmcb", "cache_shmcb", against=quick, check=says_hit)
        case("nginx srcache and memc", "nginx_srcache", charged=[servers("nginx_srcache"), servers("memcached")],
             against=quick, check=says_hit)


def fill(bench, server, count):
    """Has each key stored: wrk asks for one after the other, until all have been asked for."""
    starts = [0, 1]
    while min(starts) < count:
        case = Case("filling", server, "/64", [server],
                    script=bench.script(FILL.format(starts=", ".join(map(str, starts)), count=count)))
        report = wrk(case, 5 if count > 50_000 else 1)
        # What was under way at the end is asked for again.
        starts = [max(int(number) % 2, int(number) - 4 * CONNECTIONS) for number in re.findall(r"thread at (\d+)", report)]
    with client.Session(server.port) as session:
        host = f"127.0.0.1:{server.port}"  # wrk's, which is in the key
        answers = [session.get(f"/64?{random.randint(1, count)}", host=host) for _ in range(1000)]
    if not all(is_hit(answer) for answer in answers):
        raise Unmeasurable(f"{sum(map(is_hit, answers))} of 1000 of {count} keys were found")


def of_keys(bench, servers, counts):
    first = None
    for count in counts:
        server = servers("ours_many")
        fill(bench, server, count)
        case = bench.case(f"{count} keys", server, "/64?1", size=64, against=first, goal=1.15 if first else None,
                          check=is_hit, script=bench.script(MANY_URLS.format(count=count)))
        first = first or case


def prepare(bench):
    servers = Servers(bench)
    for label in bench.options.sizes:
        of_size(bench, servers, label, bench.options.groups)
    if "keys" in bench.options.groups:
        of_keys(bench, servers, bench.options.keys)


def words_of(allowed):
    def words(text):
        chosen = text.split(",")
        unknown = [word for word in chosen if word not in allowed]
        if unknown:
            raise ValueError(unknown)
        return chosen
    return words


def add_arguments(parser):
    parser.add_argument("--sizes", type=words_of(SIZES), default=list(SIZES))
    parser.add_argument("--groups", type=words_of(GROUPS), default=list(GROUPS))
    parser.add_argument("--keys", type=lambda text: [int(word) for word in text.split(",")],
                        default=[1000, 100_000])


if __name__ == "__main__":
    main(prepare, add_arguments)
