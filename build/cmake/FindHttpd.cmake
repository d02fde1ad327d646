# SPDX-License-Identifier: Apache-2.0
# Finds httpd by apxs and APR by apr-1-config. Defines the targets
#   Httpd::Apr     APR and APR-util: includes and libraries (unit tests and programs link it)
#   Httpd::AprApi  the same includes without the libraries (what engines compile against)
#   Httpd::Httpd   httpd's and APR's includes; no libraries: a module leaves ap_ and apr_ undefined
# and HTTPD_PROGRAM, HTTPD_VERSION, HTTPD_MODULES_DIR, HTTPD_SYSCONF_DIR.
find_program(HTTPD_APXS NAMES apxs apxs2 REQUIRED)
find_program(APR_CONFIG NAMES apr-1-config apr-config REQUIRED)
find_program(APU_CONFIG NAMES apu-1-config apu-config REQUIRED)

function(_httpd_query result tool)
  execute_process(COMMAND ${tool} ${ARGN} OUTPUT_VARIABLE out OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  set(${result} "${out}" PARENT_SCOPE)
endfunction()

_httpd_query(HTTPD_INCLUDE_DIR ${HTTPD_APXS} -q INCLUDEDIR)
_httpd_query(HTTPD_VERSION ${HTTPD_APXS} -q HTTPD_VERSION)
_httpd_query(HTTPD_MODULES_DIR ${HTTPD_APXS} -q LIBEXECDIR)
_httpd_query(HTTPD_SYSCONF_DIR ${HTTPD_APXS} -q SYSCONFDIR)
_httpd_query(_httpd_sbindir ${HTTPD_APXS} -q SBINDIR)
_httpd_query(_httpd_progname ${HTTPD_APXS} -q PROGNAME)
find_program(HTTPD_PROGRAM NAMES ${_httpd_progname} apache2 httpd HINTS ${_httpd_sbindir} /usr/sbin REQUIRED)

_httpd_query(_apr_include ${APR_CONFIG} --includedir)
_httpd_query(_apu_include ${APU_CONFIG} --includedir)
_httpd_query(_apr_cppflags ${APR_CONFIG} --cppflags)
_httpd_query(_apr_libs ${APR_CONFIG} --link-ld)
_httpd_query(_apu_libs ${APU_CONFIG} --link-ld)
separate_arguments(_apr_cppflags UNIX_COMMAND "${_apr_cppflags}")
separate_arguments(_apr_libs UNIX_COMMAND "${_apr_libs}")
separate_arguments(_apu_libs UNIX_COMMAND "${_apu_libs}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Httpd REQUIRED_VARS HTTPD_INCLUDE_DIR HTTPD_PROGRAM HTTPD_MODULES_DIR
                                  VERSION_VAR HTTPD_VERSION)

if(Httpd_FOUND AND NOT TARGET Httpd::Httpd)
  add_library(Httpd::AprApi INTERFACE IMPORTED)
  target_include_directories(Httpd::AprApi SYSTEM INTERFACE ${_apr_include} ${_apu_include})
  target_compile_options(Httpd::AprApi INTERFACE ${_apr_cppflags})
  add_library(Httpd::Apr INTERFACE IMPORTED)
  target_link_libraries(Httpd::Apr INTERFACE Httpd::AprApi ${_apu_libs} ${_apr_libs})
  add_library(Httpd::Httpd INTERFACE IMPORTED)
  target_link_libraries(Httpd::Httpd INTERFACE Httpd::AprApi)
  target_include_directories(Httpd::Httpd SYSTEM INTERFACE ${HTTPD_INCLUDE_DIR})
endif()
