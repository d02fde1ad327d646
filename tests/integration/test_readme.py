# SPDX-License-Identifier: Apache-2.0
"""What README.md shows is tried here as a reader would paste it."""
import pathlib
import re
import subprocess

import pytest
from webtier_testing import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = 70


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def commands():
    lines = [line.split("#")[0].split() for block in blocks("sh") for line in block.splitlines()]
    return [words for words in lines if words and words[0].startswith("build/")]


def our_modules(conf):
    return [name for name in ("health", "cache", "status", "linger") if f"Tier{name.capitalize()}" in conf
            or f"tier-{name}" in conf]


def test_first_screen_has_what_a_newcomer_needs():
    screen = "\n".join(README.splitlines()[:FIRST_SCREEN])
    for wanted in ("build/demo", "build/test", "```apache", "```console", "curl"):
        assert wanted in screen, wanted


def test_every_module_of_the_tree_is_listed_as_existing():
    for folder in sorted((ROOT / "modules").glob("*/mod_tier_*.c")):
        row = next((line for line in README.splitlines() if f"[{folder.stem}]" in line), "")
        assert "today" in row, folder.stem
    assert not [line for line in README.splitlines() if re.match(r"\| mod_tier_\w+ \|", line) and "planned" not in line]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_exist_and_know_their_options(words):
    command = ROOT / words[0]
    help_text = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=20, check=True).stdout
    for option in (word for word in words[1:] if word.startswith("-")):
        assert option in help_text
    for name in words[1:]:
        if words[0] == "build/bench" and not name.startswith("-") and not name.isdigit():
            assert (ROOT / "tests/bench" / f"{name}.py").exists()


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.fixture
def site(httpd, app):
    """The README's configuration inside a virtual host; only the ports are others."""
    conf = blocks("apache")[0]
    apps = {}
    for port in dict.fromkeys(re.findall(r"http://127\.0\.0\.1:(\d+)", conf)):
        headers = {"Cache-Control": "max-age=60", "Content-Type": "text/plain", "X-App": None}
        apps[port] = app(body="hello\n", headers=headers)
        conf = conf.replace(f"http://127.0.0.1:{port}", apps[port].url)
    assert len(apps) > 1 and len(conf.splitlines()) <= 10
    server = httpd(modules=our_modules(conf), vhost=conf)
    server.apps = list(apps.values())
    return server


def masked(line):
    """A header line with what changes from answer to answer taken out."""
    line = re.sub(r"^(Date|Server|ETag|Last-Modified):.*", r"\1:", line, flags=re.I)
    return re.sub(r"\d+", "0", line).rstrip().lower()


def test_curl_shows_what_the_readme_shows(site):
    console = blocks("console")[0].splitlines()
    command = console[0].removeprefix("$ ").replace("http://localhost", site.url)
    shown = [masked(line) for line in console[1:] if line.strip()]
    assert shown and command.startswith("curl ")

    def curl():
        answer = subprocess.run(command.split(), capture_output=True, text=True, timeout=20, check=True).stdout
        return [masked(line) for line in answer.splitlines() if line.strip()]

    curl()
    wait_until(lambda: curl() == shown, 2, what="an answer from the cache as the README shows it")


def test_a_dead_application_server_is_dropped(site):
    site.allow_log("AH00957", "AH01114", "AH00959", "AH00940")
    site.apps[0].kill()
    site.wait_log("WT10", timeout=10)
    report = site.load(rate=100, seconds=1, path=[f"/{number}" for number in range(50)]).join()
    assert not report.errors, report
