# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS cache client database devices file flight lookup probe report rows server service sources
        store wire)
  webtier_add_unit_test(mogile_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/mogile_${subject}_test.c
                        LIBS tier_reproxy_engine)
  target_compile_definitions(unit_mogile_${subject} PRIVATE
                             MOGILE_TRANSCRIPTS="${CMAKE_SOURCE_DIR}/tests/support/mogilefs/transcripts.jsonl")
endforeach()
target_sources(unit_mogile_sources PRIVATE ${CMAKE_CURRENT_LIST_DIR}/common_memcached.c)
target_link_options(unit_mogile_cache PRIVATE -Wl,--wrap=tier_robust_lock)
target_link_options(unit_mogile_database PRIVATE -Wl,--wrap=tier_memcache_resolver_get)
target_link_options(unit_mogile_probe PRIVATE
                    -Wl,--wrap=tier_memcache_resolver_get,--wrap=tier_memcache_wire_begin)
