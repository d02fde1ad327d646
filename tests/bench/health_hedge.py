# SPDX-License-Identifier: Apache-2.0
"""What TierHealthHedge is worth with a member that is slow now and then, and what it costs with members that never are.

Three members, of which one takes SLOW for each 20th of its requests, behind two front ends, with the hedge and without,
that are loaded at the same time with RATE requests a second each for four times --seconds. The share is what a member
that is slow so often needs, 5 %, the default. Then the CPU time of a request that nobody is slow with.
"""
import threading

from bench_lib import main
from webtier_testing import client
from webtier_testing.app import App
from webtier_testing.load import Load

RATE = 150
SLOW = 0.2
BODY = b"fine" * 500
OFTEN = ["/a"] * 19 + ["/late"]
PROXY = ("proxy", "proxy_http", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests")
RETRY = "TierHealthRetry on"
HEDGE = f"{RETRY}\nTierHealthHedge on"


def balancer(urls, more=""):
    lines = "\n".join(f'BalancerMember "{url}"' for url in urls)
    return f'<Proxy "balancer://app">\n{lines}\n{more}\n</Proxy>\nProxyPass "/" "balancer://app/"\n'


def tail(bench):
    apps = [bench._keep(App(bench._workspace)) for _ in range(3)]
    for app in apps:
        app.behave(body=BODY)
    apps[0].behave("/late", body=BODY, delay=SLOW)
    fronts = {name: bench.httpd(balancer([app.url for app in apps], more), ours=["health"], stock=PROXY)
              for name, more in (("without", RETRY), ("with a hedge", HEDGE))}
    for front in fronts.values():
        for _ in range(150):
            client.request(front.port, "/a")
    reports = {}

    def run(name):
        paths = [f"{path}?{name.split()[0]}" for path in OFTEN]
        reports[name] = Load(bench._workspace, f"http://127.0.0.1:{fronts[name].port}", RATE, 4 * bench.options.seconds, path=paths,
                             connections=40, expect_body=BODY).join()

    loads = [threading.Thread(target=run, args=(name,)) for name in fronts]
    for load in loads:
        load.start()
    for load in loads:
        load.join()
    for name, report in reports.items():
        sent = sum(request["path"].endswith(f"?{name.split()[0]}") for app in apps for request in app.requests())
        for percent in (50, 95, 99, 99.9):
            bench.figure(f"slow now and then, {name}: {percent:g} % of {report.total}", 1000 * report.p(percent), "ms")
        bench.figure(f"slow now and then, {name}: errors", len(report.errors), "errors", goal=0)
        bench.figure(f"slow now and then, {name}: sent to members", 100 * sent / report.total, "% of the requests",
                     goal=105 + 800 / report.total)


def prepare(bench):
    tail(bench)
    members = [bench.httpd("TestFloor quick /a 1024", ours=["test_floor"]) for _ in range(2)]
    urls = [f"http://127.0.0.1:{member.port}" for member in members]
    plain = bench.case("with retry", bench.httpd(balancer(urls, RETRY), ours=["health"], stock=PROXY), "/a")
    bench.case("with retry and hedge", bench.httpd(balancer(urls, HEDGE), ours=["health"], stock=PROXY), "/a",
               against=plain, goal=1.02)


if __name__ == "__main__":
    main(prepare)
