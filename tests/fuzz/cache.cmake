# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS conditional date directives key parts purge_request query range record tags vary)
  webtier_add_fuzz_target(cache_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_${subject}_fuzz.c
                          LIBS tier_cache_engine)
endforeach()
