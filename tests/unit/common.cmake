# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS access futex hash result log memfile segment status_tree robust leader loop watch
        watch_faults)
  webtier_add_unit_test(common_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/common_${subject}_test.c)
endforeach()
# Of httpd it has what it makes itself.
webtier_add_unit_test(common_glue SOURCES ${CMAKE_CURRENT_LIST_DIR}/common_glue_test.c LIBS tier_glue)
# The tests make the pollset fail and count its calls.
foreach(subject IN ITEMS loop watch watch_faults)
  target_link_options(unit_common_${subject} PRIVATE -Wl,--wrap=apr_pollset_poll,--wrap=apr_pollset_create)
endforeach()

webtier_add_unit_test(common_breaker SOURCES ${CMAKE_CURRENT_LIST_DIR}/common_breaker_test.c)
webtier_add_unit_test(common_memcache_protocol SOURCES ${CMAKE_CURRENT_LIST_DIR}/common_memcache_protocol_test.c)
foreach(subject IN ITEMS memcache memcache_fake memcache_kept memcache_many memcache_probe memcache_resolver)
  webtier_add_unit_test(common_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/common_${subject}_test.c
                        ${CMAKE_CURRENT_LIST_DIR}/common_memcached.c)
endforeach()
# The test puts the clock forward, and compares with libmemcached.
target_link_libraries(unit_common_memcache PRIVATE PkgConfig::LIBMEMCACHED)
target_link_options(unit_common_memcache PRIVATE -Wl,--wrap=tier_clock_now)
# The test says what names resolve to, and when.
target_link_options(unit_common_memcache_resolver PRIVATE -Wl,--wrap=getaddrinfo)
