/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_TAGS_H
#define CACHE_TAGS_H

#include <apr_tables.h>

#include "cache_text.h"

/*
 * What a response may be purged by besides its URL: its virtual host, its host, and the tags that
 * its application gave it (Surrogate-Key of Fastly and others, Cache-Tag of Cloudflare and others).
 * A tag is known by 64 bits of the SHA-1 of what it is called and of the site it belongs to: sites
 * do not purge each other, and two tags of one number are only purged together. Pure; any thread.
 */
typedef apr_uint64_t cache_tag_t;

/* The most tags of a response; one with more is not stored, as it could not be purged by all. */
#define CACHE_TAGS_MOST 256

/* Tags of everything of a virtual host (its ServerName and port), and of one of its hosts, whatever
 * the case. */
cache_tag_t cache_tags_site(const char *site);
cache_tag_t cache_tags_host(const char *site, const char *host);

/* The tag that the application calls name. Case counts. */
cache_tag_t cache_tags_named(const char *site, cache_span_t name);

/* The tag of a URL's key (cache_key_make). No response carries it. */
cache_tag_t cache_tags_url(const char *key);

/*
 * Adds to tags (an array of cache_tag_t) what all lines of the field called field name: tags
 * between white space and commas. Stops at CACHE_TAGS_MOST + 1.
 */
void cache_tags_add(apr_array_header_t *tags, const char *site, const apr_table_t *headers,
                    const char *field);

/*
 * With a record, each tag is kept beside the epoch that counted for it when it was stored
 * (cache_epochs.h; 0: none): 32 hexadecimal digits a tag.
 */
#define CACHE_TAGS_DIGITS 32

/* Returns the text of tags, from pool, all epochs 0. */
char *cache_tags_text(const apr_array_header_t *tags, apr_pool_t *pool);

/* Returns how many tags text has, 0 where it is none of these texts. */
int cache_tags_count(const char *text);

/* Returns a tag of a text that has more than number; sets *epoch. */
cache_tag_t cache_tags_get(const char *text, int number, apr_uint64_t *epoch);

/* Writes an epoch into a text that has more than number tags. */
void cache_tags_set_epoch(char *text, int number, apr_uint64_t epoch);

#endif
