# SPDX-License-Identifier: Apache-2.0
"""TierHealthEject, TierHealthPanic and TierHealthSlowStart that cannot be meant: `httpd -t` says what is allowed."""
import pytest
from health_support import balancer

MEMBER = "http://127.0.0.1:8080"

WRONG = {
    "TierHealthEject": ['"" is neither off nor on'],
    "TierHealthEject errors=3": ['"errors=3" is neither off nor on'],
    "TierHealthEject off errors=3": ['"off" is neither off nor on'],
    "TierHealthEject on fast": ['there is no setting "fast"', "errors=, time=, max= and share="],
    "TierHealthEject on colour=red": ['there is no setting "colour"'],
    "TierHealthEject on errors=0": ['errors "0" is too small', "1 to 1000"],
    "TierHealthEject on errors=x": ['errors "x" is not a number'],
    "TierHealthEject on time=10ms": ['time "10ms" is too small', "100ms"],
    "TierHealthEject on time=5m": ['time "5m" is not a time'],
    "TierHealthEject on time=10s max=5s": ["max is less than time"],
    "TierHealthEject on max=25h": ['max "25h" is too large', "24h"],
    "TierHealthEject on share=50": ['share "50" is not a share of the members', "1% to 100%"],
    "TierHealthEject on share=0%": ['share "0" is too small'],
    "TierHealthEject on share=101%": ['share "101" is too large'],
    "TierHealthPanic 50": ['"50" is not a share of the members', "0% to 100%"],
    "TierHealthPanic 200%": ['"200" is too large'],
    "TierHealthSlowStart 10ms": ['"10ms" is too small', "100ms"],
    "TierHealthSlowStart on": ['"on" is not a time'],
    "TierHealthPanic on": ['"on" is not a share'],
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_value(httpd, line):
    code, text = httpd.check(modules=["health"], vhost=balancer([MEMBER], check="", more=line))
    assert code != 0 and line.split()[0] in text
    for words in WRONG[line]:
        assert words in text, text


@pytest.mark.parametrize("line", ["TierHealthEject on", "TierHealthPanic 50%", "TierHealthSlowStart 5s"])
@pytest.mark.parametrize("place", ['<Location "/">', '<Proxy "*">', f'<Proxy "{MEMBER}">'])
def test_wrong_place(httpd, line, place):
    end = place.split()[0].replace("<", "</") + ">"
    code, text = httpd.check(modules=["health"], vhost=f"{place}\n{line}\n{end}")
    assert code != 0 and 'allowed only directly in a section of one balancer, <Proxy "balancer://name">' in text


@pytest.mark.parametrize("lines", [
    "TierHealthEject off", "TierHealthEject on", "TierHealthEject On ERRORS=1 time=100ms max=24h share=100%",
    "TierHealthSlowStart off", "TierHealthSlowStart 1h", "TierHealthPanic off", "TierHealthPanic 0", "TierHealthPanic 100%\nTierHealthEject on"])
def test_allowed(httpd, lines):
    assert httpd.check(modules=["health"], vhost=balancer([MEMBER], check="", more=lines))[0] == 0
