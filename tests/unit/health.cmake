# SPDX-License-Identifier: Apache-2.0
foreach(subject IN ITEMS action address agent budget calm check command companion crowd eject event group hedge herald http http_body http_dialogue latency match
                         member memcached monitor mysql orders outlier passive post probe queue ramp redis report retry_policy review
                         schedule service sockets state state_file stream suspect table target target_probing times tls)
  webtier_add_unit_test(health_${subject} SOURCES ${CMAKE_CURRENT_LIST_DIR}/health_${subject}_test.c
                        LIBS tier_health_engine)
endforeach()
# The tests say what names resolve to and when, and which local resources have run out.
target_link_options(unit_health_address PRIVATE
                    -Wl,--wrap=getaddrinfo,--wrap=freeaddrinfo,--wrap=pthread_create)
target_link_options(unit_health_post PRIVATE -Wl,--wrap=getaddrinfo)
target_link_options(unit_health_probe PRIVATE -Wl,--wrap=health_socket_open,--wrap=tier_loop_socket_watch,--wrap=health_socket_send,--wrap=health_socket_receive)
