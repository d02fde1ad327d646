/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_charset.h"

#include "assets_text.h"

#include <string.h>

/* How the names begin. The stateful ones use ASCII's bytes for other characters. */
static const char *const unreadable[] = {"utf-16", "utf16", "utf-32",    "utf32",    "ucs-",
                                         "ucs2",   "ucs4",  "iso-10646", "iso-2022", "csiso2022",
                                         "hz-",    "utf-7", "utf7",      "cp037",    "ibm037",
                                         "ebcdic", "scsu",  "bocu",      "unicode"};

int assets_charset_is_readable(const char *charset, apr_size_t size)
{
    if (!charset)
        return 1;
    while (size > 0 && (*charset == '"' || *charset == '\'' || assets_text_is_space(*charset))) {
        charset++;
        size--;
    }
    for (apr_size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        apr_size_t length = strlen(unreadable[i]);

        if (length <= size && assets_text_is(charset, length, unreadable[i]))
            return 0;
    }
    return 1;
}

int assets_charset_has_wide_mark(const char *data, apr_size_t size)
{
    return size >= 2 && (memcmp(data, "\xfe\xff", 2) == 0 || memcmp(data, "\xff\xfe", 2) == 0);
}
