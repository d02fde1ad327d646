# SPDX-License-Identifier: Apache-2.0
webtier_add_fuzz_target(status_render SOURCES fuzz/status_render_fuzz.c LIBS tier_status_engine)
webtier_add_fuzz_target(status_route SOURCES fuzz/status_route_fuzz.c LIBS tier_status_engine)
