# SPDX-License-Identifier: Apache-2.0
"""Forks application servers and load generators off a process that has imported what they need: nursery_main.py FD.

Starting Python and importing asyncio costs a tenth of a second of CPU time, which is more than most tests take. Each
message on FD is JSON with directory, and port and records for an application server; it carries the control socket and
the output file; the answer is the process id. The child is forked twice, so that it becomes a child of the nearest
subreaper: the test process.
"""
import json
import os
import socket
import sys
import traceback

import app_server
import load_generator
from pattern import pattern


def serve(order, control, output):
    """Becomes what is wanted, as its script started on the command line would be."""
    os.chdir(order["directory"])
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    try:
        if "port" in order:
            app_server.run(order["port"], control, order["records"])
        else:
            load_generator.run(control)
    except BaseException:  # whatever ends it is told, and nothing of the nursery is run by this process
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def bear(nursery, order, control, output):
    """Returns the id of a new process, which leads a process group of its own by then."""
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        if os.fork():
            os._exit(0)
        nursery.close()
        os.setsid()
        os.write(writing, str(os.getpid()).encode())
        os.close(reading)
        os.close(writing)
        serve(order, control, output)
    os.waitpid(between, 0)
    os.close(writing)
    with open(reading, "rb") as born:
        return born.read()


def main():
    nursery = socket.socket(fileno=int(sys.argv[1]))
    pattern(1 << 18)  # made once for all of them
    while True:
        message, descriptors, _, _ = socket.recv_fds(nursery, 65536, 2)
        if not message:
            return
        nursery.send(bear(nursery, json.loads(message), *descriptors))
        for descriptor in descriptors:
            os.close(descriptor)


main()
