# SPDX-License-Identifier: Apache-2.0
"""Ends what a test run leaves when it is killed: reads from standard input what exists, acts at end of file.

Lines: "+N" process group N exists, "-N" it has ended, "=PATH" a directory to remove. A run that ends in good
order has withdrawn every group by then. Runs as a session of its own, so that Ctrl-C does not reach it.
"""
import os
import shutil
import signal
import sys
import time


def signal_all(groups, number):
    for group in groups:
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            pass


def main():
    groups, directories = set(), set()
    for line in sys.stdin:
        kind, value = line[0], line[1:].rstrip("\n")
        if kind == "=":
            directories.add(value)
        elif kind == "+":
            groups.add(int(value))
        else:
            groups.discard(int(value))
    signal_all(groups, signal.SIGKILL)
    if groups:
        time.sleep(0.1)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


main()
