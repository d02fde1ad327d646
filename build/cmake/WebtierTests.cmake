# SPDX-License-Identifier: Apache-2.0
# webtier_add_unit_test(<name> SOURCES <files...> [LIBS <targets...>] [TIMEOUT <s>])   a cmocka program under ctest
# webtier_add_fuzz_target(<name> SOURCES <files...> [LIBS <targets...>])
#   A LLVMFuzzerTestOneInput. Under the "fuzz" preset it becomes a libFuzzer program; under every other
#   preset it is linked with replay_main.c and ctest replays tests/fuzz/corpus/<name>/.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

function(webtier_add_unit_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  add_executable(unit_${name} ${T_SOURCES})
  target_include_directories(unit_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
  target_link_libraries(unit_${name} PRIVATE ${T_LIBS} tier_common PkgConfig::CMOCKA Httpd::Apr Threads::Threads)
  add_test(NAME unit_${name} COMMAND unit_${name})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  set_tests_properties(unit_${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS unit)
endfunction()

function(webtier_add_fuzz_target name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBS" ${ARGN})
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(WEBTIER_SANITIZE STREQUAL "fuzzer")
    add_executable(fuzz_${name} ${T_SOURCES})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${name} ${T_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${corpus})
    set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 60 LABELS fuzz)
  endif()
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz)
  target_link_libraries(fuzz_${name} PRIVATE ${T_LIBS} tier_common Httpd::Apr Threads::Threads)
endfunction()
