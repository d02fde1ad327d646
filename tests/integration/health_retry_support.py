# SPDX-License-Identifier: Apache-2.0
"""What the tests of retry and the waiting room share."""
from health_support import balancer, told
from webtier_testing import PROXY_FAULTS

# mod_proxy's own words about attempts that fail.
ATTEMPT_FAULTS = (*PROXY_FAULTS, "AH01102", "AH00898", "AH01110", "AH00957", "AH00959", "AH01114", "AH01106", "AH01084",
                  "AH01097", "AH00940", "AH10404", "AH10023", "AH01070")

RETRY = "TierHealthRetry on\n    TierHealthAttemptTimeout 300ms\n    TierHealthRetryOn connect timeout empty " \
        "malformed truncated 500 502 503 504"


def retrying(httpd, members, more=RETRY, check="", **options):
    """Starts an httpd that tries requests to the balancer "app" again, without health checks."""
    server = httpd(modules=["health", "status"], vhost=balancer(members, check=check, more=more), **options)
    server.allow_log(*ATTEMPT_FAULTS)
    return server


def traffic(server, name="app"):
    """Returns what live traffic has told of a balancer."""
    return next(found for found in told(server)["traffic"] if found["name"] == f"balancer://{name}")


def attempts(server, member):
    """Returns the counters of a member's attempts."""
    return next(found for found in traffic(server)["members"] if found["url"] == getattr(member, "url", member))
