# SPDX-License-Identifier: Apache-2.0
# `cmake --install` and the Debian package: cpack -G DEB --config <folder>/CPackConfig.cmake
install(FILES include/webtier/status_provider.h include/webtier/version.h DESTINATION include/webtier)
install(FILES README.md CHANGES COPYING DESTINATION share/doc/webtier)
install(DIRECTORY conf-examples DESTINATION share/doc/webtier)
install(PROGRAMS build/assets-check DESTINATION bin RENAME webtier-assets-check)

get_property(names GLOBAL PROPERTY WEBTIER_MODULES)
list(TRANSFORM names PREPEND tier_ OUTPUT_VARIABLE WEBTIER_PACKAGE_MODULES)
set(conffiles "")
foreach(name IN LISTS WEBTIER_PACKAGE_MODULES)
  string(APPEND conffiles "${HTTPD_SYSCONF_DIR}/mods-available/${name}.load\n"
                          "${HTTPD_SYSCONF_DIR}/mods-available/${name}.conf\n")
endforeach()
list(JOIN WEBTIER_PACKAGE_MODULES " " WEBTIER_PACKAGE_MODULES)
set(control ${CMAKE_BINARY_DIR}/package)
foreach(script IN ITEMS postinst prerm)
  configure_file(build/package/${script}.in ${control}/${script} @ONLY
                 FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
file(CONFIGURE OUTPUT ${control}/conffiles CONTENT "${conffiles}")

# A module works with one major module magic number only: what Debian calls apache2-api.
file(STRINGS ${HTTPD_INCLUDE_DIR}/ap_mmn.h magic REGEX "define MODULE_MAGIC_NUMBER_MAJOR")
string(REGEX MATCH "[0-9]+$" magic "${magic}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME webtier)
set(CPACK_PACKAGE_CONTACT "webtier maintainers <webtier@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "high-availability web tier for Apache httpd")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Modules for Apache httpd that make it a complete high-availability web tier.
 Each is enabled by itself with a2enmod; installing the package enables none.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "apache2-bin (>= 2.4.52), apache2-api-${magic}")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "apache2")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "memcached, python3")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${control}/postinst ${control}/prerm ${control}/conffiles)
include(CPack)
