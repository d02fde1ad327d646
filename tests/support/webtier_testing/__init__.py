# SPDX-License-Identifier: Apache-2.0
"""Real servers for the integration tests: httpd, application servers, memcached, and a load generator."""
from .app import App
from .client import Response, Session
from .httpd import Httpd
from .load import Load, Report
from .log import PROXY_FAULTS
from .memcached import Memcached
from .pattern import pattern
from .settings import SCALE, scale
from .wait import wait_until

__all__ = ["App", "Httpd", "Load", "Memcached", "PROXY_FAULTS", "Report", "Response", "SCALE", "Session",
           "pattern", "scale", "wait_until"]
