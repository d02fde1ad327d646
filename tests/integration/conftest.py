# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests; tests/support/README.md says how to use them."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from webtier_testing.mariadb import MariaDb  # noqa: E402
from webtier_testing.stage import Stage  # noqa: E402
from webtier_testing.settings import scale  # noqa: E402
from webtier_testing.workspace import Workspace  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """Stretches every test's time-out by the slowness of the sanitizer in use."""
    standard = float(config.getini("timeout"))
    for item in items:
        marker = item.get_closest_marker("timeout")
        item.add_marker(pytest.mark.timeout(scale(marker.args[0] if marker else standard)), append=False)


@pytest.fixture(scope="session")
def workspace():
    made = Workspace()
    yield made
    made.remove()


@pytest.fixture
def stage(workspace, request):
    """All servers of one test; ends them, httpd first, and fails the test for what they logged."""
    made = Stage(workspace)
    request.node.stage = made
    yield made
    problems = made.end()
    if problems and not getattr(request.node, "has_failed", False):
        # The report of the very last test is made when the workspace is gone.
        request.node.last_words = made.sections()
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture(scope="module")
def module_stage(workspace):
    """All servers that the tests of a module share: for tests without faults."""
    made = Stage(workspace)
    yield made
    problems = made.end()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def httpd(stage):
    """Factory of httpd.Httpd; httpd.check() runs `httpd -t`."""
    return stage.httpd


@pytest.fixture
def app(stage):
    """Factory of app.App."""
    return stage.app


@pytest.fixture
def memcached(stage):
    """Factory of memcached.Memcached."""
    return stage.memcached


@pytest.fixture
def nginx(stage):
    """Factory of nginx.Nginx, a storage node."""
    return stage.nginx


@pytest.fixture
def perlbal(stage):
    """Factory of perlbal.Perlbal, in front of an App."""
    return stage.perlbal


@pytest.fixture(scope="session")
def mariadb(workspace):
    """The database server of this test process; tests make databases of their own in it."""
    made = MariaDb(workspace)
    yield made
    made.close()


@pytest.fixture
def mogile(stage, mariadb):
    """Factory of mogile.Mogile: trackers over the database, and storage nodes."""
    return lambda trackers=2, nodes=3: stage.mogile(mariadb, trackers, nodes)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the servers' configuration and logs to the report of a failed test."""
    report = (yield).get_result()
    if report.failed:
        item.has_failed = True
    if report.failed and hasattr(item, "last_words"):
        report.sections += item.last_words
    elif report.failed and hasattr(item, "stage") and call.when != "teardown":
        report.sections += item.stage.sections()
