# SPDX-License-Identifier: Apache-2.0
"""Waiting for something that is about to be true."""
import time

from .settings import scale


def wait_until(condition, timeout=30, interval=0.005, what=None):
    """Calls condition() until it is true and returns its value.

    Raises TimeoutError, naming `what` and the last value, after `timeout` seconds (scaled for sanitizers).
    """
    deadline = time.monotonic() + scale(timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what or 'the condition'}: not within {scale(timeout):g} s (last value: {value!r})")
        time.sleep(interval)
