# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS css fields html index manifest page peer record)
  webtier_add_fuzz_target(assets_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/assets_${subject}_fuzz.c
                          LIBS tier_assets_engine)
endforeach()
