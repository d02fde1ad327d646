/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_tags.h"

#include <apr_lib.h>
#include <apr_sha1.h>

#include <string.h>

static void add_text(apr_sha1_ctx_t *context, cache_span_t text)
{
    apr_sha1_update_binary(context, (const unsigned char *)text.data, (unsigned int)text.size);
}

/* kind keeps a host from being taken for a tag of the same name; no text holds a newline. */
static cache_tag_t tag_of(const char *site, const char *kind, cache_span_t name)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t context;
    cache_tag_t tag;

    apr_sha1_init(&context);
    add_text(&context, cache_text_span(site));
    add_text(&context, cache_text_span(kind));
    add_text(&context, name);
    apr_sha1_final(digest, &context);
    tag = 0;
    for (int i = 0; i < 8; i++)
        tag = tag << 8 | digest[i];
    return tag;
}

cache_tag_t cache_tags_site(const char *site)
{
    return tag_of(site, "\nsite\n", cache_text_span(""));
}

cache_tag_t cache_tags_host(const char *site, const char *host)
{
    char lower[256];
    cache_span_t name = {lower, strlen(host)};

    if (name.size > sizeof(lower))
        name.size = sizeof(lower);
    for (apr_size_t i = 0; i < name.size; i++)
        lower[i] = (char)apr_tolower(host[i]);
    return tag_of(site, "\nhost\n", name);
}

cache_tag_t cache_tags_named(const char *site, cache_span_t name)
{
    return tag_of(site, "\ntag\n", name);
}

cache_tag_t cache_tags_url(const char *key)
{
    return tag_of(key, "\nurl\n", cache_text_span(""));
}

typedef struct adding_t {
    apr_array_header_t *tags;
    const char *site;
} adding_t;

static int add_line(void *baton, const char *field, const char *line)
{
    static const char separators[] = ", \t";
    adding_t *adding = baton;

    (void)field;
    for (line += strspn(line, separators); *line; line += strspn(line, separators)) {
        cache_span_t name = {line, strcspn(line, separators)};

        if (adding->tags->nelts > CACHE_TAGS_MOST)
            return 0;
        APR_ARRAY_PUSH(adding->tags, cache_tag_t) = cache_tags_named(adding->site, name);
        line += name.size;
    }
    return 1;
}

void cache_tags_add(apr_array_header_t *tags, const char *site, const apr_table_t *headers,
                    const char *field)
{
    adding_t adding = {tags, site};

    apr_table_do(add_line, &adding, headers, field, NULL);
}

static void put_digits(char *out, apr_uint64_t number)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 15; i >= 0; i--, number >>= 4)
        out[i] = digits[number & 15];
}

static apr_uint64_t get_digits(const char *in)
{
    apr_uint64_t number = 0;

    for (int i = 0; i < 16; i++)
        number = number << 4 | (apr_uint64_t)(in[i] <= '9' ? in[i] - '0' : in[i] - 'a' + 10);
    return number;
}

char *cache_tags_text(const apr_array_header_t *tags, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, (apr_size_t)tags->nelts * CACHE_TAGS_DIGITS + 1);

    for (int i = 0; i < tags->nelts; i++) {
        put_digits(text + i * CACHE_TAGS_DIGITS, APR_ARRAY_IDX(tags, i, cache_tag_t));
        cache_tags_set_epoch(text, i, 0);
    }
    text[tags->nelts * CACHE_TAGS_DIGITS] = '\0';
    return text;
}

int cache_tags_count(const char *text)
{
    apr_size_t size = strlen(text);

    if (size % CACHE_TAGS_DIGITS || size / CACHE_TAGS_DIGITS > CACHE_TAGS_MOST ||
        strspn(text, "0123456789abcdef") != size)
        return 0;
    return (int)(size / CACHE_TAGS_DIGITS);
}

cache_tag_t cache_tags_get(const char *text, int number, apr_uint64_t *epoch)
{
    text += number * CACHE_TAGS_DIGITS;
    *epoch = get_digits(text + 16);
    return get_digits(text);
}

void cache_tags_set_epoch(char *text, int number, apr_uint64_t epoch)
{
    put_digits(text + number * CACHE_TAGS_DIGITS + 16, epoch);
}
