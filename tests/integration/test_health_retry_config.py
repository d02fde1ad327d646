# SPDX-License-Identifier: Apache-2.0
"""The directives of retry and the waiting room: what they refuse, and how."""
import pytest
from health_retry_support import RETRY

WRONG = {
    "TierHealthRetry maybe": "neither on nor off",
    "TierHealthRetry 1": "from 2 to 10",
    "TierHealthRetry 11": "from 2 to 10",
    "TierHealthRetryOn 600": 'TierHealthRetryOn: "600" cannot be used; allowed are connect',
    "TierHealthRetryOn": "names nothing",
    "TierHealthAttemptTimeout 1ms": "TierHealthAttemptTimeout",
    "TierHealthAttemptTimeout soon": '"soon" is not a time',
    "TierHealthHold 17M": "TierHealthHold",
    "TierHealthHold 1K never": "TierHealthHold",
    "TierHealthRetryBody -1": "TierHealthRetryBody",
    "TierHealthRetryBudget 20": "not a share of the requests",
    "TierHealthRetryBudget 2000%": "TierHealthRetryBudget",
    "TierHealthRetryBudget 20% many": "TierHealthRetryBudget",
    "TierHealthHedge maybe": "neither off nor on with settings quantile=",
    "TierHealthHedge on 95%": 'there is no setting "95%"',
    "TierHealthHedge on quantile=100%": "allowed are 50% to 99.9%",
    "TierHealthHedge on quantile=95": "is not a part of the answers",
    "TierHealthHedge on quantile=99.95%": "one digit behind the point",
    "TierHealthHedge on least=0": "TierHealthHedge: least",
    "TierHealthHedge on share=0%": "TierHealthHedge: share",
    "TierHealthQueueTimeout 1h": "TierHealthQueueTimeout",
    "TierHealthQueueMax 0": "TierHealthQueueMax",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_value(httpd, line):
    code, said = httpd.check(modules=["health"], vhost=f'<Proxy "balancer://app">\n{line}\n</Proxy>')
    assert code != 0 and WRONG[line] in said, said


@pytest.mark.parametrize("where", ["<Proxy balancer://app>\n%s\n</Proxy>", "<Location />\n%s\n</Location>", "%s"])
def test_allowed_in(httpd, where):
    code, said = httpd.check(modules=["health"], vhost=where % RETRY)
    assert code == 0, said


def test_mod_proxy_is_not_loaded(httpd):
    server = httpd(modules=["health"], stock=("authz_core",), vhost="TierHealthRetry on", expect_start=False)
    server.allow_log("WT1043", "AH00020")
    assert server.log_lines("WT1043")
