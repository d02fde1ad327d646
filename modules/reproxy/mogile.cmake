# SPDX-License-Identifier: Apache-2.0
# The MogileFS part of mod_tier_reproxy: an engine of its own, which links the database's client.
pkg_check_modules(LIBMARIADB REQUIRED IMPORTED_TARGET libmariadb)
webtier_add_engine(tier_mogile_engine mogile_file.c mogile_wire.c)
target_link_libraries(tier_mogile_engine PUBLIC PkgConfig::LIBMARIADB)
