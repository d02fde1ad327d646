# SPDX-License-Identifier: Apache-2.0
"""How often the first level has what is asked for: its SIEVE beside LRU with as much room, on the same traces.

The traces are Zipf's, as those of web sites are (exponents 0.7 to 1), with and without scans; the store is the real
one (tests/support/bench/cache_hitratio.c). There is no load and no clock in it: the figures are the same each time.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

OBJECTS, REQUESTS = 100_000, 1_000_000
SIZES = (1, 4, 16, 48)  # megabytes: about 0.7, 3, 11 and 34 per cent of the objects
TRACES = (("Zipf 0.8", 0.8, 0), ("Zipf 0.8, scans", 0.8, 20_000), ("Zipf 1, scans", 1.0, 20_000))


def program():
    build = Path(os.environ.get("WEBTIER_BUILD", Path(__file__).resolve().parents[2] / "out/bench"))
    return next(path for path in build.rglob("cache_hitratio") if path.is_file())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    for unused in ("--seconds", "--rounds"):
        parser.add_argument(unused)
    as_json = parser.parse_args().json
    for name, alpha, scan in TRACES:
        for size in SIZES:
            ran = subprocess.run([program(), str(size), str(OBJECTS), str(REQUESTS), str(alpha), str(scan)],
                                 capture_output=True, text=True)
            if ran.returncode != 0:
                sys.exit(f"cache_hitratio: the program failed: {ran.returncode} {ran.stderr}")
            figures = json.loads(ran.stdout)
            share = figures["objects_held"] / OBJECTS
            if as_json:
                print(json.dumps({"bench": "cache_hitratio", "case": f"{name}, {share:.1%} of the objects",
                                  "value": figures["sieve"], "unit": "hit ratio", "against": f"LRU {figures['lru']}",
                                  "goal": figures["lru"], "ok": figures["sieve"] >= figures["lru"]}))
            else:
                print(f"{name:16}  room for {share:6.1%} of the objects:  SIEVE {figures['sieve']:.3f}  LRU {figures['lru']:.3f}"
                      f"  misses {(1 - figures['sieve']) / (1 - figures['lru']):.2f} of LRU's", flush=True)


if __name__ == "__main__":
    main()
