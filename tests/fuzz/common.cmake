# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS memcache_answer memcache_server)
  webtier_add_fuzz_target(common_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/common_${subject}_fuzz.c)
endforeach()
