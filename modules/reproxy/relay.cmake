# SPDX-License-Identifier: Apache-2.0
# The relay of mod_tier_reproxy: an engine that knows no httpd, and what ties it to connections.
webtier_add_engine(tier_relay_engine reproxy_relay_engine.c reproxy_relay_job.c reproxy_relay_pipe.c reproxy_relay_rest.c
                   reproxy_relay_run.c reproxy_relay_tally.c reproxy_relay_transfer.c)
