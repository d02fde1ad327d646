# SPDX-License-Identifier: Apache-2.0
"""What a look-up in the first level costs with 10^3 to 10^6 keys in it, asked for at random.

The store is the real one, with the room that the keys take (tests/support/bench/cache_lookups.c). A hit costs httpd some
25 microseconds; a look-up among a million keys, which are in no cache of the processor, may take a twentieth of them more
than among a thousand. The whole way of a request with as many keys is `build/bench cache -- --groups keys`.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

KEYS = (1_000, 10_000, 100_000, 1_000_000)
LOOKUPS = 200_000
MOST_MORE = 1250  # nanoseconds


def program():
    build = Path(os.environ.get("WEBTIER_BUILD", Path(__file__).resolve().parents[2] / "out/bench"))
    return next(path for path in build.rglob("cache_lookups") if path.is_file())


def measure(keys):
    ran = subprocess.run([program(), str(keys), str(LOOKUPS)], capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"cache_lookups: the program failed: {ran.returncode} {ran.stderr}")
    figures = json.loads(ran.stdout)
    if figures["found"] < 1:
        sys.exit(f"cache_lookups: only {figures['found']:.2%} of {keys} keys were found")
    return figures["ns"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    for unused in ("--seconds", "--rounds", "--case"):
        parser.add_argument(unused)
    as_json = parser.parse_args().json
    first = None
    for keys in KEYS:
        took = measure(keys)
        first = took if first is None else first
        is_met = took - first <= MOST_MORE
        if as_json:
            print(json.dumps({"bench": "cache_lookups", "case": f"{keys} keys", "value": took, "unit": "ns a look-up",
                              "against": f"{KEYS[0]} keys {first}", "goal": first + MOST_MORE, "ok": is_met}), flush=True)
        else:
            print(f"{keys:9,} keys: {took:7.1f} ns a look-up, {'met' if is_met else 'MISSED'}", flush=True)


if __name__ == "__main__":
    main()
