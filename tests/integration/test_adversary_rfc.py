# SPDX-License-Identifier: Apache-2.0
"""An origin that says anything, clients that ask for anything, and a model of RFC 9111 and 9110 that judges each answer.

WEBTIER_ADVERSARY="SEED SECONDS" lets it go on for longer, with the choices of that seed.
"""
import os
import random

from adversary_rfc_judge import Judge, World
from adversary_rfc_support import Origin
from adversary_server import run_all

SEED, SECONDS = (os.environ.get("WEBTIER_ADVERSARY") or "1 2").split()


def test_every_answer_is_permitted(httpd):
    with Origin(SEED) as origin:
        server = httpd(modules=["cache"], vhost=f"TierCache on\nProxyPreserveHost on\nProxyPass / http://127.0.0.1:{origin.port}/")
        server.allow_log(r"^(?!.*exit signal)")  # what is said of such an origin is not judged here
        origin.front = server.port
        world = World(server.port, origin)
        judges = [Judge(world, random.Random(f"{SEED} {number}"), float(SECONDS)) for number in range(3)]
        assert run_all(judges) == []
        assert all(judge.answers for judge in judges)
