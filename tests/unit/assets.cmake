# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS css files html page policy scan)
  webtier_add_unit_test(assets_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/assets_${subject}_test.c
                        LIBS tier_assets_engine)
endforeach()
# Prints the references of pages, for the comparison with another parser.
add_executable(assets_references ${CMAKE_CURRENT_LIST_DIR}/assets_references.c)
target_link_libraries(assets_references PRIVATE tier_assets_engine tier_common Httpd::Apr)
