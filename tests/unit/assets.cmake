# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS accept bell counters csp css files fingerprint hint hot html manifest page peer policy scan waiters)
  webtier_add_unit_test(assets_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/assets_${subject}_test.c
                        LIBS tier_assets_engine)
endforeach()
target_link_options(unit_assets_files PRIVATE -Wl,--wrap=fsync,--wrap=rename)
# Programs: the references of pages, for the comparison with another parser; the scanner's speed, for the benchmark.
foreach(program IN ITEMS references speed)
  add_executable(assets_${program} ${CMAKE_CURRENT_LIST_DIR}/assets_${program}.c)
  target_link_libraries(assets_${program} PRIVATE tier_assets_engine tier_common Httpd::Apr)
endforeach()
# The scanners once more, compiled so that their steps are counted.
if(NOT WEBTIER_SANITIZE)
  set(scanners css edit element fingerprint held hint html html_judge html_raw html_sheet html_tag html_whole map page srcset text url version)
  list(TRANSFORM scanners REPLACE "(.+)" "${CMAKE_SOURCE_DIR}/modules/assets/assets_\\1.c")
  add_library(assets_steps STATIC ${scanners})
  target_compile_options(assets_steps PRIVATE -fsanitize-coverage=trace-pc -include ${CMAKE_CURRENT_LIST_DIR}/assets_steps.h)
  target_include_directories(assets_steps PUBLIC ${CMAKE_SOURCE_DIR}/modules/assets)
  target_link_libraries(assets_steps PRIVATE tier_common Httpd::Apr)
  webtier_add_unit_test(assets_steps SOURCES ${CMAKE_CURRENT_LIST_DIR}/assets_steps_test.c LIBS assets_steps TIMEOUT 180)
endif()
