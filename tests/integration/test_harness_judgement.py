# SPDX-License-Identifier: Apache-2.0
"""The harness notices faults: unannounced log lines, crashes, sanitizer reports, processes left behind."""
import http.client
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from webtier_testing import PROXY_FAULTS, process, scale, settings, wait_until
from webtier_testing.stage import Stage

HERE = pathlib.Path(__file__).parent
FAULTY = {"modules": ["test_fault"], "vhost": "SetHandler test-fault"}


def problems_after(workspace, fault, allow=()):
    """Returns what is found at the end of a test in which a request commits the fault."""
    inner = Stage(workspace)
    s = inner.httpd(**FAULTY)
    s.allow_log(*allow)
    try:
        s.get(f"/?{fault}")
    except ConnectionError:
        pass
    if fault == "abort":
        s.wait_log("exit signal Abort")
    return "\n".join(inner.end())


def test_a_line_nobody_announced(workspace):
    assert "a line the test did not announce" in problems_after(workspace, "warn")
    assert problems_after(workspace, "warn", ["did not announce"]) == ""
    assert problems_after(workspace, "warn", [r"\[test_fault:warn\] .* announce$"]) == ""


def test_a_crash(workspace):
    assert "exit signal Abort" in problems_after(workspace, "abort")


def test_what_stock_mod_proxy_logs_of_faults_can_be_announced_together(httpd, app):
    a = app()
    s = httpd(vhost=f"ProxyPass / {a.url}/\nProxyTimeout 1")
    s.allow_log(*PROXY_FAULTS)
    for fault in ({"close": True}, {"hang": True}, {"garbage": b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"}):
        a.behave(**fault)
        assert s.get("/").status == 502
    a.behave(size=90, truncate=10)
    with pytest.raises(http.client.IncompleteRead):
        s.get("/")
    a.kill()
    assert s.get("/").status == 503


def test_a_hung_backend_does_not_delay_the_end(workspace):
    inner = Stage(workspace)
    a = inner.app(hang=True)
    with pytest.raises(TimeoutError):
        inner.httpd(vhost=f"ProxyPass / {a.url}/").get("/", timeout=0.3)
    started = time.monotonic()
    assert inner.end() == []
    assert time.monotonic() - started < scale(5)


def test_a_process_left_behind(workspace):
    assert "had to be killed" in problems_after(workspace, "orphan")


@pytest.mark.parametrize("fault, sanitizer, words", [("overflow", "address", "heap-buffer-overflow"),
                                                     ("undefined", "undefined", "signed integer overflow"),
                                                     ("race", "thread", "data race")])
def test_a_sanitizer_report(workspace, fault, sanitizer, words):
    found = problems_after(workspace, fault)
    assert words in found if settings.SANITIZE == sanitizer else found == ""


def run_pytest(folder, source, *arguments):
    """Starts pytest on one test file with the fixtures of this directory."""
    test = folder / "test_inner.py"
    test.write_text(textwrap.dedent(source))
    environment = {**os.environ, "PYTHONPATH": str(HERE), "WEBTIER_PIDS": str(folder / "pids")}

    def heed_interrupts():  # a job in the background of a script has been told to ignore them
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen([sys.executable, "-B", "-m", "pytest", "-p", "conftest", "-c", str(HERE / "pytest.ini"),
                             "--rootdir", str(folder), "-o", f"cache_dir={folder}/cache", *arguments, str(test)],
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True, preexec_fn=heed_interrupts)


def test_a_faulty_test_fails_and_shows_the_logs(tmp_path):
    run = run_pytest(tmp_path, """
        def test_unannounced(httpd):
            httpd(modules=["test_fault"], vhost="SetHandler test-fault").get("/?warn")

        def test_failing(httpd):
            httpd(conf="# the configuration is shown")
            assert False, "on purpose"
        """)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 1 and "1 failed" in output and "1 error" in output
    assert "a line the test did not announce" in output and "# the configuration is shown" in output


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_pytest_is_ended(tmp_path, end):
    run = run_pytest(tmp_path, """
        import os, pathlib, time

        def test_waits(httpd, app, memcached):
            a, m, s = app(), memcached(), httpd()
            load = s.load(rate=10, seconds=60)
            pids = [a.pid, m.pid, s.pid, *s.children(), *load.pids]
            pathlib.Path(os.environ["WEBTIER_PIDS"]).write_text(f"{s.root} " + " ".join(map(str, pids)) + "\\n")
            time.sleep(600)
        """)
    pids_file = tmp_path / "pids"
    wait_until(lambda: pids_file.exists() and pids_file.read_text().endswith("\n"), timeout=20, what="the inner test")
    root, *pids = pids_file.read_text().split()
    run.send_signal(end)
    run.communicate(timeout=scale(60))
    wait_until(lambda: not any(process.is_running(int(pid)) for pid in pids), what="the end of all servers")
    wait_until(lambda: not os.path.exists(root), what="the end of the temporary files")


def test_a_hanging_test_is_ended(tmp_path):
    started = time.monotonic()
    run = run_pytest(tmp_path, """
        import time, pytest

        @pytest.mark.timeout(1)
        def test_hangs(httpd):
            httpd()
            time.sleep(600)
        """)
    output, _ = run.communicate(timeout=60)
    assert "Timeout" in output and run.returncode == 1 and time.monotonic() - started < scale(30)
