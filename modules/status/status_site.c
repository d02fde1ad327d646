/* SPDX-License-Identifier: Apache-2.0 */
#include "status_site.h"

#include <string.h>
#include <strings.h>

static int is_origin_of(const char *origin, const char *host)
{
    const char *name = strstr(origin, "://");

    return name && host && strcasecmp(name + 3, host) == 0;
}

const char *status_site_error(const char *site, const char *origin, const char *host)
{
    /* "none": the user himself, by the address bar; a form that is sent is never that. */
    if (site && strcasecmp(site, "same-origin") != 0)
        return "Sec-Fetch-Site says that another site asks";
    if (origin && !is_origin_of(origin, host))
        return "Origin is not this host";
    return NULL;
}

int status_site_token_matches(const char *sent, const char *expected)
{
    size_t size = strlen(expected);
    unsigned char difference = 0;

    if (!sent || size == 0 || strlen(sent) != size)
        return 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(sent[i] ^ expected[i]);
    return difference == 0;
}

static int is_address_character(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

int status_site_is_local_name(const char *host)
{
    static const char name[] = "localhost";
    const char *end = host;

    if (!host || !*host)
        return 0;
    if (*host == '[')
        return strchr(host, ']') != NULL;
    if (strncasecmp(host, name, sizeof(name) - 1) == 0)
        end = host + sizeof(name) - 1;
    else
        while (is_address_character(*end))
            end++;
    return end != host && (*end == '\0' || *end == ':');
}
