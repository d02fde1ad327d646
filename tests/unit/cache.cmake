# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS arena buffer conditional counters date directives flight freshness headers key marks parts pattern policy purge purge_request query range record shm
                         stale status_field tags text top vary verdict)
  webtier_add_unit_test(cache_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_${subject}_test.c
                        LIBS tier_cache_engine)
endforeach()
webtier_add_unit_test(cache_memcached SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_memcached_test.c
                      ${CMAKE_CURRENT_LIST_DIR}/common_memcached.c LIBS tier_cache_engine)
target_link_options(unit_cache_memcached PRIVATE -Wl,--wrap=tier_memcache_get,--wrap=tier_memcache_get_many)
foreach(subject IN ITEMS lend pin)
  webtier_add_unit_test(cache_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_${subject}_test.c
                        ${CMAKE_CURRENT_LIST_DIR}/cache_in_place_testing.c LIBS tier_cache_engine)
endforeach()
# What these test with is too much for one file.
foreach(pair IN ITEMS levels:levels refresh:levels vault:vault vault_soften:vault)
  string(REGEX MATCH "(.*):(.*)" pair ${pair})
  webtier_add_unit_test(cache_${CMAKE_MATCH_1} SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_${CMAKE_MATCH_1}_test.c
                        ${CMAKE_CURRENT_LIST_DIR}/cache_${CMAKE_MATCH_2}_testing.c
                        ${CMAKE_CURRENT_LIST_DIR}/cache_table_testing.c LIBS tier_cache_engine)
endforeach()
# The tests take memory away.
target_link_options(unit_cache_buffer PRIVATE -Wl,--wrap=malloc,--wrap=realloc)
target_link_options(unit_cache_vault PRIVATE -Wl,--wrap=realloc)
# The tests put the clock forward, end waiting and take threads away.
target_link_options(unit_cache_levels PRIVATE -Wl,--wrap=tier_clock_now)
target_link_options(unit_cache_refresh PRIVATE -Wl,--wrap=tier_clock_now,--wrap=apr_thread_create,--wrap=apr_thread_cond_timedwait)
webtier_add_unit_test(cache_lease SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_lease_test.c
                      ${CMAKE_CURRENT_LIST_DIR}/common_memcached.c LIBS tier_cache_engine)
webtier_add_unit_test(cache_epochs SOURCES ${CMAKE_CURRENT_LIST_DIR}/cache_epochs_test.c
                      ${CMAKE_CURRENT_LIST_DIR}/common_memcached.c LIBS tier_cache_engine)
