# SPDX-License-Identifier: Apache-2.0
"""The commands in build/ do what the README says of them."""
import json
import os
import pathlib
import subprocess
import time

import pytest
from webtier_testing import settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ("setup", "demo", "test", "bench")


def run(command, *arguments, timeout=30, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBTIER_")} | variables
    return subprocess.run([ROOT / "build" / command, *arguments], capture_output=True, text=True, timeout=timeout,
                          env=environment, stdin=subprocess.DEVNULL)


def test_setup_does_nothing_when_all_is_there():
    began = time.monotonic()
    done = run("setup")
    assert done.returncode == 0 and "nothing to do" in done.stdout, done.stdout + done.stderr
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option(command):
    done = run(command, "--help")
    assert done.returncode == 0 and f"build/{command}" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_refused_at_once(command):
    assert run(command, "--no-such-option").returncode != 0


def test_bench_refuses_an_unknown_name():
    done = run("bench", "nonexistent")
    assert done.returncode == 2 and "no benchmark nonexistent" in done.stderr


@pytest.mark.timeout(400)
def test_bench_prints_one_object_a_line():
    plain = {} if settings.SANITIZE or settings.COVERAGE else {"WEBTIER_BUILD": str(settings.BUILD)}
    done = run("bench", "base", "--json", "--seconds", "0.2", "--rounds", "1", "--case", "16 KiB", timeout=390, **plain)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(row) == {"bench", "case", "value", "unit", "against", "goal", "ok"} for row in rows)
    assert {row["unit"] for row in rows} >= {"requests/s", "CPU us/request", "CPU ratio"}
    for words in ("static file", "mod_proxy", "cache hit, shared memory", "cache hit, memcached", "floor"):
        assert any(words in row["case"] and row["value"] > 0 for row in rows), words
    ratios = [row for row in rows if row["unit"] == "CPU ratio"]
    assert all(row["against"] in {other["case"] for other in rows} for row in ratios)
