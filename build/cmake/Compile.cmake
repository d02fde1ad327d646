# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening, sanitizers and coverage for every target of the project.
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
                    -Wundef -Wpointer-arith -Wwrite-strings -fvisibility=hidden -fno-common)
# Engines and hooks fill only the fields they know; httpd's own records do the same.
add_compile_options(-Wno-missing-field-initializers)
add_link_options(-Wl,-z,relro,-z,now,--as-needed)
add_compile_definitions(_GNU_SOURCE)

if(WEBTIER_WERROR)
  add_compile_options(-Werror)
endif()
if(WEBTIER_SANITIZE STREQUAL "fuzzer")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(WEBTIER_SANITIZE)
  add_compile_options(-fsanitize=${WEBTIER_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WEBTIER_SANITIZE})
  if(WEBTIER_SANITIZE STREQUAL "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2)
endif()
if(WEBTIER_COVERAGE)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()
