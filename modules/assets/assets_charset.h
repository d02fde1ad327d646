/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_CHARSET_H
#define ASSETS_CHARSET_H

#include <apr.h>

/*
 * Returns 1 when text in this charset (the value of a Content-Type's parameter; NULL: not told) can
 * be read byte by byte: ASCII's '<', '>', quotes, '&' and '/' mean themselves and are no part of
 * another character. Pure; any thread.
 */
int assets_charset_is_readable(const char *charset, apr_size_t size);

/* Returns 1 when a body begins with the mark of UTF-16 or UTF-32. */
int assets_charset_has_wide_mark(const char *data, apr_size_t size);

#endif
