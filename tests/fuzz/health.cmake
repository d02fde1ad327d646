# SPDX-License-Identifier: Apache-2.0
webtier_add_fuzz_target(health_body SOURCES fuzz/health_body_fuzz.c LIBS tier_health_engine)
webtier_add_fuzz_target(health_hedge SOURCES fuzz/health_hedge_fuzz.c LIBS tier_health_engine)
webtier_add_fuzz_target(health_http SOURCES fuzz/health_http_fuzz.c LIBS tier_health_engine)
webtier_add_fuzz_target(health_settings SOURCES fuzz/health_settings_fuzz.c LIBS tier_health_engine)
webtier_add_fuzz_target(health_tls SOURCES fuzz/health_tls_fuzz.c LIBS tier_health_engine)
webtier_add_fuzz_target(health_lines SOURCES fuzz/health_lines_fuzz.c LIBS tier_health_engine)
webtier_add_fuzz_target(health_state SOURCES fuzz/health_state_fuzz.c LIBS tier_health_engine)
