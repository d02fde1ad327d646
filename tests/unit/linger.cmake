# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS crew outcome pace wait)
  webtier_add_unit_test(linger_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/linger_${subject}_test.c
                        LIBS tier_linger_engine)
endforeach()
