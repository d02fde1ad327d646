/* SPDX-License-Identifier: Apache-2.0 */
#include "health_times.h"

#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#define BETWEEN_WORDS " \t\"'"

/* Returns the value of a setting that is read so, or NULL for another word. */
static const char *value_of(const char *word)
{
    static const char *const settings[] = {"timeout=", "retry=", "ttl="};

    for (apr_size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strncasecmp(word, settings[i], strlen(settings[i])) == 0)
            return word + strlen(settings[i]);
    }
    return NULL;
}

static int is_misread(const char *value, apr_size_t size)
{
    apr_size_t digits = strspn(value, "0123456789");

    if (digits == 0 || digits >= size)
        return 0;
    return size - digits != 1 || (value[digits] != 's' && value[digits] != 'S');
}

const char *health_times_misread(const char *arguments, apr_pool_t *pool)
{
    const char *word = arguments + strspn(arguments, BETWEEN_WORDS);

    while (*word) {
        apr_size_t size = strcspn(word, BETWEEN_WORDS);
        const char *value = value_of(word);

        if (value && is_misread(value, (apr_size_t)(word + size - value)))
            return apr_pstrmemdup(pool, word, size);
        word += size;
        word += strspn(word, BETWEEN_WORDS);
    }
    return NULL;
}
