# SPDX-License-Identifier: Apache-2.0
webtier_add_fuzz_target(reproxy_answer SOURCES fuzz/reproxy_answer_fuzz.c LIBS tier_reproxy_engine)
webtier_add_fuzz_target(reproxy_plan SOURCES fuzz/reproxy_plan_fuzz.c LIBS tier_reproxy_engine)
webtier_add_fuzz_target(reproxy_said SOURCES fuzz/reproxy_said_fuzz.c LIBS tier_reproxy_engine)
