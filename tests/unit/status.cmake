# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS escape html human json prometheus route site)
  webtier_add_unit_test(status_${subject} SOURCES unit/status_${subject}_test.c LIBS tier_status_engine)
endforeach()
