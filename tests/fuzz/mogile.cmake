# SPDX-License-Identifier: Apache-2.0
webtier_add_fuzz_target(mogile_answer SOURCES fuzz/mogile_answer_fuzz.c LIBS tier_reproxy_engine)
webtier_add_fuzz_target(mogile_record SOURCES fuzz/mogile_record_fuzz.c LIBS tier_reproxy_engine)
webtier_add_fuzz_target(mogile_status SOURCES fuzz/mogile_status_fuzz.c LIBS tier_reproxy_engine)
