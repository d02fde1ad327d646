# SPDX-License-Identifier: Apache-2.0
"""The fixture memcached."""
import pytest


def test_stats_flush_and_arguments(memcached):
    m = memcached(args=["-m", "16"])
    assert m.stats()["limit_maxbytes"] == 16 << 20
    assert m.command("set k 0 0 1\r\nv") == ["STORED"]
    assert m.stats()["curr_items"] == 1
    m.flush()
    assert m.command("get k") == ["END"]


def test_kill_restart_stop_and_continue(memcached):
    m = memcached()
    m.command("set k 0 0 1\r\nv")
    m.kill()
    with pytest.raises(ConnectionRefusedError):
        m.stats()
    m.restart()
    assert m.stats()["curr_items"] == 0
    m.stop()
    with pytest.raises(TimeoutError):
        m.command("version", timeout=0.2)
    m.cont()
    assert m.command("version")[0].startswith("VERSION")
