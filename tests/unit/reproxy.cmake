# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS allow buffers chunk head memory node plan quiet range said url)
  webtier_add_unit_test(reproxy_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/reproxy_${subject}_test.c
                        LIBS tier_reproxy_engine)
endforeach()
foreach(subject IN ITEMS relay relay_engine relay_faults relay_pipe relay_rest relay_run relay_transfer)
  webtier_add_unit_test(reproxy_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/reproxy_${subject}_test.c
                        LIBS tier_relay_engine)
endforeach()
target_link_options(unit_reproxy_relay_pipe PRIVATE -Wl,--wrap=fcntl)
target_link_options(unit_reproxy_relay_engine PRIVATE
                    -Wl,--wrap=apr_pollset_poll,--wrap=apr_pollset_create,--wrap=apr_pollset_add)
target_link_options(unit_reproxy_relay_faults PRIVATE
                    -Wl,--wrap=send,--wrap=recv,--wrap=splice,--wrap=poll,--wrap=kill,--wrap=malloc)
