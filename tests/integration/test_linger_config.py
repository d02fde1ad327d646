# SPDX-License-Identifier: Apache-2.0
"""The directives of mod_tier_linger: what is taken, and the sentence that says why something is not."""
import pytest


@pytest.mark.parametrize("line", [
    "TierLinger on", "TierLinger Off", "TierLinger 2ms", "TierLinger 1s", "TierLinger 5",
    "TierLingerMaxWorkers 1", "TierLingerMaxWorkers 10%", "TierLingerMaxWorkers 90%", "TierLingerMaxWorkers 5000",
    "TierLingerMaxRequests 0", "TierLingerMaxRequests 100000",
])
def test_good_values(httpd, line):
    assert httpd.check(modules=["linger"], conf=line)[0] == 0


@pytest.mark.parametrize("line, says", [
    ("TierLinger", "takes one argument"),
    ("TierLinger 1 2", "takes one argument"),
    ("TierLinger maybe", '"maybe"'),
    ("TierLinger 0", "1ms"),
    ("TierLinger 2s", "1s"),
    ("TierLinger -1ms", "1ms"),
    ("TierLinger 2xs", '"2xs"'),
    ('TierLinger "" on', "takes one argument"),
    ("TierLingerMaxWorkers 0", '"0"'),
    ("TierLingerMaxWorkers 0%", '"0"'),
    ("TierLingerMaxWorkers 91%", "90"),
    ("TierLingerMaxWorkers %", "percent"),
    ("TierLingerMaxWorkers many", "1% to 90%"),
    ("TierLingerMaxWorkers -3", '"-3"'),
    ("TierLingerMaxWorkers 99999999999999999999", "too large|not a number"),
    ("TierLingerMaxRequests -1", '"-1"'),
    ("TierLingerMaxRequests all", '"all"'),
    ("TierLingerMaxRequests 1000001", "1000000"),
])
def test_bad_values(httpd, line, says):
    code, text = httpd.check(modules=["linger"], conf=line)
    assert code != 0
    assert line.split()[0] in text
    assert any(part in text for part in says.split("|")), text


@pytest.mark.parametrize("line", ["TierLingerMaxWorkers 5", "TierLingerMaxRequests 5"])
def test_server_wide_directives_are_not_for_virtual_hosts(httpd, line):
    code, text = httpd.check(modules=["linger"], vhost=line)
    assert code != 0
    assert "cannot occur within <VirtualHost> section" in text


def test_the_later_max_workers_counts(httpd):
    assert httpd.check(modules=["linger"], conf="TierLingerMaxWorkers 5\nTierLingerMaxWorkers 10%")[0] == 0
