# SPDX-License-Identifier: Apache-2.0
# webtier_add_module(<x> ENGINE <files...> HOOKS <files...> [LIBS <targets...>] [NEEDS <httpd modules...>])
#
# Makes tier_<x>_engine (static; APR's include path only, so that an engine that includes an httpd
# header does not compile) and mod_tier_<x>.so (hooks + engine + common, exporting tier_<x>_module and
# nothing else), the .load/.conf pair for a2enmod and the install rules.
# LIBS are linked to the engine; NEEDS goes into the "Depends:" line that a2enmod reads.

set(WEBTIER_MODULE_OUTPUT ${CMAKE_BINARY_DIR}/modules)
add_custom_target(webtier_modules COMMENT "The modules alone, without tests")

function(webtier_add_engine target)
  add_library(${target} STATIC ${ARGN})
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include
                             ${CMAKE_SOURCE_DIR}/modules/common)
  target_link_libraries(${target} PUBLIC Httpd::AprApi)
  if(NOT target STREQUAL "tier_common")
    target_link_libraries(${target} PUBLIC tier_common)
  endif()
endfunction()

function(webtier_link_dso target symbol)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}.version)
  file(CONFIGURE OUTPUT ${script} CONTENT "{ global: ${symbol}; local: *; };\n")
  set_target_properties(${target} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${WEBTIER_MODULE_OUTPUT}
                        LINK_DEPENDS ${script})
  # AP_MODULE_DECLARE_DATA is empty on Unix: the module record would be hidden, and the version script cannot undo that.
  target_compile_options(${target} PRIVATE -fvisibility=default)
  target_link_options(${target} PRIVATE -Wl,--version-script=${script})
endfunction()

function(webtier_add_module name)
  cmake_parse_arguments(M "" "" "ENGINE;HOOKS;LIBS;NEEDS" ${ARGN})
  set(dso mod_tier_${name})
  add_library(${dso} MODULE ${M_HOOKS})
  if(M_ENGINE)
    webtier_add_engine(tier_${name}_engine ${M_ENGINE})
    target_link_libraries(tier_${name}_engine PUBLIC ${M_LIBS})
    target_link_libraries(${dso} PRIVATE tier_${name}_engine)
  endif()
  target_link_libraries(${dso} PRIVATE tier_glue tier_common Httpd::Httpd)
  target_include_directories(${dso} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
  webtier_link_dso(${dso} tier_${name}_module)
  set_property(GLOBAL APPEND PROPERTY WEBTIER_MODULES ${name})
  set_property(GLOBAL PROPERTY WEBTIER_NEEDS_${name} ${M_NEEDS})
  add_dependencies(webtier_modules ${dso})

  string(JOIN " " needs ${M_NEEDS})
  set(load "LoadModule tier_${name}_module ${HTTPD_MODULES_DIR}/${dso}.so\n")
  if(needs)
    string(PREPEND load "# Depends: ${needs}\n")
  endif()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/tier_${name}.load CONTENT "${load}")
  install(TARGETS ${dso} LIBRARY DESTINATION ${HTTPD_MODULES_DIR})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tier_${name}.load ${CMAKE_CURRENT_SOURCE_DIR}/tier_${name}.conf
          DESTINATION ${HTTPD_SYSCONF_DIR}/mods-available)
  install(FILES README.md DESTINATION share/doc/webtier RENAME mod_tier_${name}.md)
endfunction()
