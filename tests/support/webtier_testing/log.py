# SPDX-License-Identifier: Apache-2.0
"""Judging httpd's error log."""
import re

_SERIOUS = re.compile(r"^(\[[^\]]*\] )?\[[\w.-]*:(warn|error|crit|alert|emerg)\]")
_CRASH = re.compile(r"exit signal|runtime error:|(Address|Thread|Leak|UndefinedBehavior)Sanitizer|seg fault")

# What stock mod_proxy logs when a backend that a test has killed, stopped or told to misbehave fails a request.
PROXY_FAULTS = (
    "AH00957", "AH01114",  # the connection failed
    "AH00959",  # the member is put into error state
    "AH01166", "AH01167",  # all members are
    "AH01102", "AH00898",  # no status line came
    "AH01106", "AH01110",  # a bad header line, a body cut or late
    "AH01084", "AH01097",  # the request body was not taken
)

# A child told to end at once closes the sockets its workers may still be using.
STOPPING = ("AH03092", "AH03093", "AH00468")

# Logged when children take over 3 s to end: a fault of ours, but mod_http2's threads now and then take 5 s, and
# under a sanitizer everything is slow.
SLOW_STOP = ("AH00045",)

# mod_ssl at start: the host's OpenSSL was not upgraded together with its httpd. Nothing of ours can change that.
_HOST = ("AH01882",)


def matches(line, patterns):
    """Says whether a line contains one of the patterns, as plain text or as a regular expression."""
    return any(pattern in line or re.search(pattern, line) for pattern in patterns)


def problems(text, allowed):
    """Returns the lines that fail a test: warn and above, crashes, sanitizer reports, but not the allowed ones."""
    return [line for line in text.splitlines()
            if (_SERIOUS.search(line) or _CRASH.search(line)) and not matches(line, [*_HOST, *allowed])]


def crashes(text, allowed):
    """Returns the lines that tell of a crash or a sanitizer report, but not the allowed ones."""
    return [line for line in text.splitlines() if _CRASH.search(line) and not matches(line, allowed)]
