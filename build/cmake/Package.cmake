# SPDX-License-Identifier: Apache-2.0
install(FILES include/webtier/status_provider.h include/webtier/version.h DESTINATION include/webtier)
install(FILES README.md CHANGES COPYING DESTINATION share/doc/webtier)
install(DIRECTORY conf-examples DESTINATION share/doc/webtier)
