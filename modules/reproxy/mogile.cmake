# SPDX-License-Identifier: Apache-2.0
# The MogileFS part of mod_tier_reproxy; its database is asked by MariaDB Connector/C.
pkg_check_modules(LIBMARIADB REQUIRED IMPORTED_TARGET libmariadb)
target_sources(tier_reproxy_engine PRIVATE
  mogile_cache.c mogile_client.c mogile_database.c mogile_devices.c mogile_file.c mogile_flight.c mogile_lookup.c mogile_probe.c
  mogile_report.c mogile_server.c mogile_service.c mogile_store.c mogile_wire.c)
target_link_libraries(tier_reproxy_engine PUBLIC PkgConfig::LIBMARIADB)
target_sources(mod_tier_reproxy PRIVATE
  mogile_body.c mogile_config.c mogile_delete.c mogile_get.c mogile_hooks.c mogile_put.c mogile_request.c
  mogile_write.c)
