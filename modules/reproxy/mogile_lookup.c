/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_lookup.h"

#include <string.h>

#include <apr_sha1.h>
#include <apr_strings.h>

#include "clock.h"
#include "hash.h"

#define MEMCACHE_PREFIX   "wtm1-"
#define MEMCACHE_KEY_SIZE (sizeof(MEMCACHE_PREFIX) - 1 + 2 * APR_SHA1_DIGESTSIZE)

/* A key that nobody has, or that anybody may have: either answer shows that look-ups work. */
#define PROBE_KEY "webtier-probe"

/* A tracker that answers with what is no answer is left out; the next one is asked, and the next.
 */
#define TRACKERS_TRIED 3

const char *mogile_lookup_source(mogile_from_e from)
{
    static const char *const names[MOGILE_FROMS] = {"local", "memcached", "tracker", "database",
                                                    "stale"};

    return names[from];
}

const char *mogile_lookup_question(const char *domain, apr_pool_t *pool)
{
    return mogile_wire_request(pool, "get_paths", "domain", domain, "key", PROBE_KEY, "noverify",
                               "1", NULL);
}

/* memcached allows neither spaces nor long keys: the key is a hash, its value names the key. */
static void memcache_key(char name[MEMCACHE_KEY_SIZE + 1], const mogile_key_t *key,
                         apr_pool_t *pool)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha1;
    apr_size_t size;
    const char *text = mogile_file_write(NULL, key->domain, key->key, &size, pool);

    if (key->zone)
        text = apr_pstrcat(pool, text, " ", key->zone, NULL);
    apr_sha1_init(&sha1);
    apr_sha1_update_binary(&sha1, (const unsigned char *)text, (unsigned int)strlen(text));
    apr_sha1_final(digest, &sha1);
    memcpy(name, MEMCACHE_PREFIX, sizeof(MEMCACHE_PREFIX));
    for (int i = 0; i < APR_SHA1_DIGESTSIZE; i++)
        apr_snprintf(name + sizeof(MEMCACHE_PREFIX) - 1 + 2 * i, 3, "%02x", digest[i]);
}

/* Paths of one zone are of no use in another. */
static const char *local_domain(const mogile_key_t *key, apr_pool_t *pool)
{
    return key->zone ? apr_pstrcat(pool, key->domain, "\n", key->zone, NULL) : key->domain;
}

static void keep_local(mogile_lookup_t *lookup, const mogile_key_t *key, const mogile_file_t *file,
                       apr_interval_time_t fresh, apr_pool_t *pool)
{
    if (lookup->local)
        mogile_cache_put(lookup->local, file, local_domain(key, pool), key->key, fresh,
                         file ? lookup->stale : 0, tier_clock_now(), pool);
}

static void keep(mogile_lookup_t *lookup, const mogile_key_t *key, const mogile_file_t *file,
                 apr_pool_t *pool)
{
    apr_interval_time_t fresh = file ? key->fresh : key->negative;
    char name[MEMCACHE_KEY_SIZE + 1];
    apr_size_t size;
    const char *text;

    if (fresh <= 0 || key->fresh <= 0)
        return;
    keep_local(lookup, key, file, fresh, pool);
    if (!lookup->memcache)
        return;
    memcache_key(name, key, pool);
    text = mogile_file_write(file, key->domain, key->key, &size, pool);
    tier_memcache_set(lookup->memcache, name, MEMCACHE_KEY_SIZE, text, size, fresh, 0);
}

void mogile_lookup_drop(mogile_lookup_t *lookup, const mogile_key_t *key, apr_pool_t *pool)
{
    char name[MEMCACHE_KEY_SIZE + 1];

    if (lookup->local)
        mogile_cache_drop(lookup->local, local_domain(key, pool), key->key, pool);
    if (!lookup->memcache)
        return;
    memcache_key(name, key, pool);
    tier_memcache_delete(lookup->memcache, name, MEMCACHE_KEY_SIZE);
}

static int is_enough(const mogile_key_t *key, const mogile_file_t *file)
{
    return !file || !key->wants_length || file->length >= 0;
}

/* Returns 1 when memcached has the answer, which is then kept here too. */
static int find_in_memcached(mogile_lookup_t *lookup, const mogile_key_t *key, mogile_file_t **file,
                             apr_pool_t *pool)
{
    char name[MEMCACHE_KEY_SIZE + 1];
    char *value;
    apr_size_t size;
    apr_uint32_t flags;

    if (!lookup->memcache)
        return 0;
    memcache_key(name, key, pool);
    if (tier_memcache_get(lookup->memcache, name, MEMCACHE_KEY_SIZE, &value, &size, &flags, pool) !=
            APR_SUCCESS ||
        mogile_file_read(file, value, size, key->domain, key->key, pool) != APR_SUCCESS ||
        !is_enough(key, *file))
        return 0;
    /* How old it is there is not known: half of the time keeps the sum below twice. */
    keep_local(lookup, key, *file, (*file ? key->fresh : key->negative) / 2, pool);
    return 1;
}

static int find_in_local(mogile_lookup_t *lookup, const mogile_key_t *key, mogile_file_t **file,
                         mogile_from_e *from, apr_pool_t *pool)
{
    mogile_cached_t cached;

    if (!lookup->local ||
        mogile_cache_get(lookup->local, &cached, local_domain(key, pool), key->key,
                         tier_clock_now(), pool) != APR_SUCCESS ||
        !cached.is_fresh || !is_enough(key, cached.file))
        return 0;
    *from = MOGILE_FROM_LOCAL;
    *file = cached.file;
    return 1;
}

static int find_in_caches(mogile_lookup_t *lookup, const mogile_key_t *key, mogile_file_t **file,
                          mogile_from_e *from, apr_pool_t *pool)
{
    if (key->fresh <= 0)
        return 0;
    if (find_in_local(lookup, key, file, from, pool))
        return 1;
    *from = MOGILE_FROM_MEMCACHED;
    return find_in_memcached(lookup, key, file, pool);
}

/*
 * A tracker says "failure" of its database's troubles and of keys that its columns cannot hold.
 * Where it answers for another key, it is the key: then there is none such.
 */
static mogile_found_e judge_failure(mogile_lookup_t *lookup, const mogile_key_t *key,
                                    apr_pool_t *pool)
{
    mogile_ask_t ask = {.requests = {mogile_lookup_question(key->domain, pool)},
                        .deadline = lookup->deadline};

    if (mogile_client_ask(lookup->client, &ask, pool) != APR_SUCCESS ||
        mogile_client_cannot(&ask.answers[0]))
        return MOGILE_NOWHERE;
    return MOGILE_NO_KEY;
}

static mogile_found_e judge_error(mogile_lookup_t *lookup, const mogile_key_t *key,
                                  const mogile_answer_t *answer, apr_pool_t *pool)
{
    if (strcmp(answer->code, "unknown_key") == 0 || strcmp(answer->code, "no_key") == 0)
        return MOGILE_NO_KEY;
    if (strcmp(answer->code, "unreg_domain") == 0 || strcmp(answer->code, "no_domain") == 0)
        return MOGILE_NO_DOMAIN;
    return mogile_client_cannot(answer) ? judge_failure(lookup, key, pool) : MOGILE_NOWHERE;
}

/* Returns 0 when what the tracker calls an answer is none: then another one is to be asked. */
static int read_answers(const mogile_ask_t *ask, mogile_file_t *file, apr_pool_t *pool)
{
    if (mogile_file_of_paths(file, &ask->answers[0], pool) == APR_SUCCESS) {
        if (ask->requests[1])
            mogile_file_of_info(file, &ask->answers[1], pool);
        return 1;
    }
    mogile_server_failed(ask->server, tier_clock_now(), MOGILE_ERROR_GARBAGE, 0);
    return 0;
}

static mogile_found_e ask_trackers(mogile_lookup_t *lookup, const mogile_key_t *key,
                                   mogile_file_t **file, apr_pool_t *pool)
{
    mogile_ask_t ask = {.deadline = lookup->deadline};

    ask.requests[0] =
        mogile_wire_request(pool, "get_paths", "domain", key->domain, "key", key->key, "noverify",
                            "1", "pathcount", "8", "zone", key->zone, NULL);
    if (key->wants_length)
        ask.requests[1] =
            mogile_wire_request(pool, "file_info", "domain", key->domain, "key", key->key, NULL);
    for (int i = 0; i < TRACKERS_TRIED && lookup->client; i++) {
        if (mogile_client_ask(lookup->client, &ask, pool) != APR_SUCCESS)
            break;
        if (!ask.answers[0].ok)
            return judge_error(lookup, key, &ask.answers[0], pool);
        *file = mogile_file_make(pool);
        if (read_answers(&ask, *file, pool))
            return MOGILE_FOUND;
    }
    return MOGILE_NOWHERE;
}

static mogile_found_e ask_database(mogile_lookup_t *lookup, const mogile_key_t *key,
                                   mogile_file_t **file, apr_pool_t *pool)
{
    if (!lookup->database ||
        mogile_database_find(lookup->database, file, key->domain, key->key,
                             key->zone && strcmp(key->zone, "alt") == 0, pool) != APR_SUCCESS)
        return MOGILE_NOWHERE;
    return *file ? MOGILE_FOUND : MOGILE_NO_KEY;
}

static mogile_found_e ask_sources(mogile_lookup_t *lookup, const mogile_key_t *key,
                                  mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool)
{
    mogile_found_e found = MOGILE_NOWHERE, first = MOGILE_NOWHERE;

    *from = MOGILE_FROM_DATABASE;
    if (lookup->database_first)
        first = ask_database(lookup, key, file, pool);
    if (first == MOGILE_FOUND)
        return first;
    /* That a replica of the database has no such key may be its lag. */
    *from = MOGILE_FROM_TRACKER;
    found = ask_trackers(lookup, key, file, pool);
    if (found != MOGILE_NOWHERE)
        return found;
    *from = MOGILE_FROM_DATABASE;
    return lookup->database_first ? first : ask_database(lookup, key, file, pool);
}

/* A fid never changes: its paths of a while ago are most likely right. */
static mogile_found_e find_stale(mogile_lookup_t *lookup, const mogile_key_t *key,
                                 mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool)
{
    mogile_cached_t cached;

    if (!lookup->local || key->fresh <= 0 ||
        mogile_cache_get(lookup->local, &cached, local_domain(key, pool), key->key,
                         tier_clock_now(), pool) != APR_SUCCESS ||
        !cached.file)
        return MOGILE_NOWHERE;
    *file = cached.file;
    *from = MOGILE_FROM_STALE;
    return MOGILE_FOUND;
}

static mogile_found_e ask_and_keep(mogile_lookup_t *lookup, const mogile_key_t *key,
                                   mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool)
{
    mogile_found_e found;

    *file = NULL;
    found = ask_sources(lookup, key, file, from, pool);
    if (found == MOGILE_FOUND || found == MOGILE_NO_KEY)
        keep(lookup, key, found == MOGILE_FOUND ? *file : NULL, pool);
    return found;
}

static apr_uint64_t flight_of(const mogile_key_t *key)
{
    apr_uint64_t hash = tier_hash_text(TIER_HASH_START, key->domain);

    hash = tier_hash_text(tier_hash_text(hash, "\n"), key->zone ? key->zone : "");
    return tier_hash_text(tier_hash_text(hash, key->wants_length ? "\n+" : "\n"), key->key);
}

/* As ask_and_keep, for what is in no cache: one asks, and the others take what it has kept. What
 * could not be kept each asks for. */
static mogile_found_e ask_together(mogile_lookup_t *lookup, const mogile_key_t *key,
                                   mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool)
{
    apr_uint64_t hash = flight_of(key);
    /* Trackers and the database, each as long as it may take. */
    apr_interval_time_t longest = 3 * lookup->deadline;
    apr_int64_t lease;
    mogile_flight_role_e role;
    mogile_found_e found;

    if (!lookup->flights || !lookup->local || key->fresh <= 0)
        return ask_and_keep(lookup, key, file, from, pool);
    role = mogile_flight_join(lookup->flights, hash, tier_clock_now(), longest, &lease);
    if (role == MOGILE_FLIGHT_WAITED)
        tier_counter_add(&lookup->totals->waited, 1);
    /* Who has just become the leader may have been late for the one before. */
    if (role != MOGILE_FLIGHT_ALONE && find_in_local(lookup, key, file, from, pool))
        found = *file ? MOGILE_FOUND : MOGILE_NO_KEY;
    else
        found = ask_and_keep(lookup, key, file, from, pool);
    if (role == MOGILE_FLIGHT_LEADS)
        mogile_flight_land(lookup->flights, hash, lease);
    return found;
}

static mogile_found_e find(mogile_lookup_t *lookup, const mogile_key_t *key, int anew,
                           mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool)
{
    mogile_found_e found;

    if (!anew && find_in_caches(lookup, key, file, from, pool))
        return *file ? MOGILE_FOUND : MOGILE_NO_KEY;
    found = anew ? ask_and_keep(lookup, key, file, from, pool)
                 : ask_together(lookup, key, file, from, pool);
    if (found == MOGILE_NOWHERE && !anew)
        found = find_stale(lookup, key, file, from, pool);
    return found;
}

mogile_found_e mogile_lookup_find(mogile_lookup_t *lookup, const mogile_key_t *key, int anew,
                                  mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool)
{
    mogile_found_e found;

    *file = NULL;
    found = find(lookup, key, anew, file, from, pool);
    tier_counter_add(&lookup->totals->finds[found], 1);
    if (found != MOGILE_NOWHERE)
        tier_counter_add(&lookup->totals->found[*from], 1);
    if (found != MOGILE_FOUND)
        *file = NULL;
    return found;
}
