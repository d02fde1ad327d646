# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS accept bell counters csp css files fingerprint hint hot html manifest page peer policy scan)
  webtier_add_unit_test(assets_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/assets_${subject}_test.c
                        LIBS tier_assets_engine)
endforeach()
# Programs: the references of pages, for the comparison with another parser; the scanner's speed, for the benchmark.
foreach(program IN ITEMS references speed)
  add_executable(assets_${program} ${CMAKE_CURRENT_LIST_DIR}/assets_${program}.c)
  target_link_libraries(assets_${program} PRIVATE tier_assets_engine tier_common Httpd::Apr)
endforeach()
