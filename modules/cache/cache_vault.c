/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_vault.h"
#include "cache_stale.h"
#include "cache_vary.h"

#include <apr_strings.h>

#include <string.h>

/* A list outlives the variants that it leads to. */
#define LIST_KEEPS_LONGER apr_time_from_sec(86400)

/* How long the variants of a list may live is not known when it is written for another reason. */
#define LIST_KEEPS_AFTER apr_time_from_sec(CACHE_DELTA_MAX)

/* How often what was changed by somebody else meanwhile is read again. */
#define SOFTEN_TRIES 8

typedef apr_status_t (*getter_t)(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                                 apr_pool_t *pool);

/* Reads the record of exactly this key. */
static apr_status_t fetch_by(getter_t get, cache_found_t *found, cache_store_t *store,
                             const char *key, apr_pool_t *pool)
{
    apr_status_t rv;

    if (found->id_of != key)
        cache_key_id(&found->id, key);
    found->id_of = key;
    rv = get(store, &found->id, &found->blob, pool);
    if (rv != APR_SUCCESS)
        return rv;
    if (cache_record_parse(&found->record, found->blob.data, found->blob.size, found->blob.trust) &&
        strcmp(found->record.key, key) == 0)
        return APR_SUCCESS;
    found->corrupt = 1;
    cache_vault_release(found);
    return APR_NOTFOUND;
}

/* The whole record is in one piece. */
static apr_status_t fetch(cache_found_t *found, cache_store_t *store, const char *key,
                          apr_pool_t *pool)
{
    return fetch_by(store->get, found, store, key, pool);
}

/* The body may be where it is. */
static apr_status_t fetch_in_place(cache_found_t *found, cache_store_t *store, const char *key,
                                   apr_pool_t *pool)
{
    return fetch_by(store->get_in_place ? store->get_in_place : store->get, found, store, key,
                    pool);
}

int cache_vault_pieces(const cache_found_t *found, const cache_piece_t **pieces,
                       cache_piece_t *whole)
{
    if (found->blob.pieces) {
        *pieces = found->blob.pieces;
        return found->blob.piece_count;
    }
    whole->data = found->record.body;
    whole->size = found->record.body_size;
    *pieces = whole;
    return whole->size > 0;
}

/* Returns the sets of names of a list's record, terminated, from pool. */
static const char *sets_of(const cache_found_t *found, apr_pool_t *pool)
{
    char *sets = apr_palloc(pool, found->record.body_size + 1);
    char *out = sets;
    const cache_piece_t *piece;
    cache_piece_t whole;

    for (int left = cache_vault_pieces(found, &piece, &whole); left > 0; left--, piece++) {
        memcpy(out, piece->data, piece->size);
        out += piece->size;
    }
    *out = '\0';
    return sets;
}

/*
 * A set that begins so is of responses that are kept apart by more than their Vary says; no name of
 * a field does.
 */
#define EXTRA_SET '='

/* Returns NULL where a response of this set is not for a request with this extra. */
static const char *selector_of(const char *names, const char *extra, const apr_table_t *request,
                               apr_pool_t *pool)
{
    if ((names[0] == EXTRA_SET) != (extra != NULL))
        return NULL;
    if (!extra)
        return cache_vary_selector(names, request, pool);
    return apr_pstrcat(pool, cache_vary_selector(names + 1, request, pool), "\n=", extra, NULL);
}

static apr_status_t find_variant(cache_found_t *found, cache_store_t *store, const char *key,
                                 const char *extra, const apr_table_t *request, apr_pool_t *pool)
{
    apr_uint64_t generation = found->record.generation;
    apr_time_t softened = found->record.life.received;
    const char *sets = sets_of(found, pool);
    const char *names;
    apr_status_t rv = APR_NOTFOUND;

    cache_vault_release(found);
    while (rv == APR_NOTFOUND && (names = cache_vary_list_next(&sets, pool)) != NULL) {
        const char *selector = selector_of(names, extra, request, pool);
        const char *variant;

        if (!selector)
            continue;
        variant = cache_key_variant(key, generation, selector, pool);
        if (!found->variant)
            found->variant = variant;
        rv = fetch_in_place(found, store, variant, pool);
        if (rv == APR_SUCCESS && found->record.kind != CACHE_RECORD_RESPONSE) {
            cache_vault_release(found);
            rv = APR_NOTFOUND;
        }
    }
    if (rv == APR_SUCCESS && found->record.life.received <= softened)
        cache_stale_since(&found->record.life, softened);
    return rv;
}

apr_status_t cache_vault_find(cache_found_t *found, cache_store_t *store, const char *key,
                              const char *extra, const apr_table_t *request, apr_pool_t *pool)
{
    memset(found, 0, sizeof(*found));
    return cache_vault_find_again(found, store, key, extra, request, pool);
}

apr_status_t cache_vault_find_again(cache_found_t *found, cache_store_t *store, const char *key,
                                    const char *extra, const apr_table_t *request, apr_pool_t *pool)
{
    cache_id_t id = found->id;
    const char *id_of = found->id_of;
    apr_status_t rv;

    memset(found, 0, sizeof(*found));
    found->id = id;
    found->id_of = id_of;
    rv = fetch_in_place(found, store, key, pool);
    if (rv == APR_SUCCESS && found->record.kind == CACHE_RECORD_RESPONSE && extra) {
        cache_vault_release(found);
        return APR_NOTFOUND;
    }
    if (rv != APR_SUCCESS || found->record.kind == CACHE_RECORD_RESPONSE)
        return rv;
    found->listed = 1;
    return find_variant(found, store, key, extra, request, pool);
}

void cache_vault_release(cache_found_t *found)
{
    if (found->blob.release)
        found->blob.release(found->blob.baton);
    memset(&found->blob, 0, sizeof(found->blob));
}

static const char *key_of(const cache_saving_t *saving, apr_uint64_t generation)
{
    return cache_key_variant(saving->key, generation, saving->selector, saving->pool);
}

/* Whether the response is to be found through a list of variants. */
static int is_variant(const cache_saving_t *saving)
{
    return saving->listed || *saving->names;
}

static void describe(const cache_saving_t *saving, const char *key, cache_record_t *record)
{
    memset(record, 0, sizeof(*record));
    record->kind = CACHE_RECORD_RESPONSE;
    record->status = saving->status;
    record->status_line = saving->status_line;
    record->life = saving->life;
    record->key = key;
    record->tags = saving->tags;
}

apr_status_t cache_vault_begin(cache_saving_t *saving, apr_size_t expected, apr_size_t limit,
                               apr_size_t largest, apr_pool_t *pool)
{
    cache_record_t record;

    saving->pool = pool;
    saving->names = "";
    if (cache_vary_parse(&saving->names, saving->headers, pool) == CACHE_VARY_ANY)
        return APR_EINVAL;
    if (cache_text_list_has(saving->names, "accept-encoding") &&
        !cache_vary_is_plain(saving->headers))
        return APR_EINVAL;
    if (saving->extra)
        saving->names = apr_psprintf(pool, "%c%s", EXTRA_SET, saving->names);
    saving->selector = selector_of(saving->names, saving->extra, saving->request, pool);
    /* Keys of all generations are equally long: the head's size is known before its key is. */
    describe(saving, is_variant(saving) ? key_of(saving, 0) : saving->key, &record);
    saving->head_size = cache_record_head_size(&record, saving->headers);
    if (saving->head_size >= largest)
        return APR_ENOSPC;
    if (limit > largest - saving->head_size)
        limit = largest - saving->head_size;
    if (expected > limit)
        return APR_ENOSPC;
    limit += saving->head_size;
    if (cache_buffer_init(&saving->buffer, saving->head_size + expected, limit, pool) !=
        APR_SUCCESS)
        return APR_ENOMEM;
    return cache_buffer_extend(&saving->buffer, saving->head_size) ? APR_SUCCESS : APR_ENOMEM;
}

apr_status_t cache_vault_append(cache_saving_t *saving, const char *data, apr_size_t size)
{
    unsigned char *into = cache_buffer_extend(&saving->buffer, size);

    if (!into) {
        cache_vault_drop(saving);
        return APR_ENOSPC;
    }
    memcpy(into, data, size);
    return APR_SUCCESS;
}

apr_status_t cache_vault_append_found(cache_saving_t *saving, const cache_found_t *found)
{
    apr_status_t rv = APR_SUCCESS;
    const cache_piece_t *piece;
    cache_piece_t whole;

    for (int left = cache_vault_pieces(found, &piece, &whole); left > 0 && rv == APR_SUCCESS;
         left--, piece++)
        rv = cache_vault_append(saving, (const char *)piece->data, piece->size);
    return rv;
}

apr_size_t cache_vault_body_size(const cache_saving_t *saving)
{
    return saving->buffer.size - saving->head_size;
}

static apr_status_t put(cache_store_t *store, const char *key, const unsigned char *data,
                        apr_size_t size, apr_interval_time_t keep)
{
    cache_id_t id;

    cache_key_id(&id, key);
    return store->put(store, &id, data, size, keep);
}

/* Puts what was collected under key. */
static apr_status_t put_collected(const cache_saving_t *saving, cache_store_t *store,
                                  const char *key, apr_interval_time_t keep)
{
    const cache_buffer_t *buffer = &saving->buffer;

    if (saving->id && key == saving->key)
        return store->put(store, saving->id, buffer->data, buffer->size, keep);
    return put(store, key, buffer->data, buffer->size, keep);
}

/* softened: when all that was stored until then was made stale; 0: never. */
static unsigned char *make_list(const cache_store_t *store, const char *key, const char *sets,
                                apr_uint64_t generation, apr_time_t softened, apr_size_t *size,
                                apr_pool_t *pool)
{
    cache_record_t list = {CACHE_RECORD_VARIANTS};
    apr_size_t sets_size = strlen(sets);
    unsigned char *data;
    apr_size_t head;

    list.key = key;
    list.status_line = "";
    list.generation = generation;
    list.life.received = softened;
    list.life.stale_if_error = CACHE_DELTA_NONE;
    head = cache_record_head_size(&list, NULL);
    *size = head + sets_size;
    data = apr_palloc(pool, *size);
    cache_record_write_head(data, &list, NULL);
    memcpy(data + head, sets, sets_size);
    cache_record_seal(data, *size, store->trust);
    return data;
}

static int first_set_is(const char *sets, const char *names, apr_pool_t *pool)
{
    const char *first = cache_vary_list_next(&sets, pool);

    return first && strcmp(first, names) == 0;
}

/*
 * Sets *generation to that of the list under the key, which is made or changed so that it names
 * this response's set. It is read again: since the look-up another variant may have come, or the
 * list may have gone.
 */
static apr_status_t join_list(const cache_saving_t *saving, cache_store_t *store, apr_time_t now,
                              apr_interval_time_t keep, apr_uint64_t *generation)
{
    cache_found_t found = {{0}};
    const char *sets = NULL;
    apr_time_t softened = 0;
    unsigned char *list;
    apr_size_t size;
    apr_status_t rv = fetch(&found, store->truth ? store->truth : store, saving->key, saving->pool);

    *generation = (apr_uint64_t)now;
    if (rv == APR_SUCCESS && found.record.kind == CACHE_RECORD_VARIANTS) {
        sets = sets_of(&found, saving->pool);
        *generation = found.record.generation;
        softened = found.record.life.received;
    }
    cache_vault_release(&found);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return rv;
    if (sets && first_set_is(sets, saving->names, saving->pool))
        return APR_SUCCESS;
    sets = cache_vary_list_add(sets, saving->names, saving->pool);
    list = make_list(store, saving->key, sets, *generation, softened, &size, saving->pool);
    return put(store, saving->key, list, size, keep + LIST_KEEPS_LONGER);
}

apr_status_t cache_vault_save(cache_saving_t *saving, cache_store_t *store, apr_time_t now)
{
    apr_interval_time_t keep = cache_freshness_keep(&saving->life, now);
    const char *key = saving->key;
    apr_uint64_t generation = 0;
    apr_status_t rv = APR_SUCCESS;
    cache_record_t record;

    if (is_variant(saving)) {
        rv = join_list(saving, store, now, keep, &generation);
        key = key_of(saving, generation);
    }
    if (rv == APR_SUCCESS) {
        describe(saving, key, &record);
        cache_record_write_head(saving->buffer.data, &record, saving->headers);
        cache_record_seal(saving->buffer.data, saving->buffer.size, store->trust);
        rv = put_collected(saving, store, key, keep);
    }
    cache_vault_drop(saving);
    return rv;
}

void cache_vault_drop(cache_saving_t *saving)
{
    if (saving->buffer.data)
        cache_buffer_free(&saving->buffer);
}

apr_status_t cache_vault_remove(cache_store_t *store, const char *key)
{
    cache_id_t id;

    cache_key_id(&id, key);
    return store->remove(store, &id);
}

/* Of a record that is read, changed and written back. */
typedef struct change_t {
    cache_store_t *store;
    const char *key;
    cache_id_t id;
    apr_uint64_t changes; /* of store before it was read */
    int is_last;          /* it has changed too often meanwhile: written all the same */
    apr_pool_t *pool;
} change_t;

static apr_status_t put_back(const change_t *change, const unsigned char *data, apr_size_t size,
                             apr_interval_time_t keep)
{
    cache_store_t *store = change->store;

    return store->put_unless && !change->is_last
               ? store->put_unless(store, &change->id, data, size, keep, change->changes)
               : store->put(store, &change->id, data, size, keep);
}

/* The body is as it was; the head is written anew in a copy. */
static apr_status_t soften_response(const change_t *change, const cache_found_t *found,
                                    apr_time_t now)
{
    unsigned char *data = apr_pmemdup(change->pool, found->blob.data, found->blob.size);
    cache_life_t life = found->record.life;
    apr_interval_time_t keep = cache_freshness_keep(&life, now);

    cache_stale_since(&life, now);
    cache_record_set_lifetime(data, life.lifetime);
    return keep > 0 ? put_back(change, data, found->blob.size, keep)
                    : change->store->remove(change->store, &change->id);
}

static apr_status_t soften_list(const change_t *change, const cache_found_t *found, apr_time_t now)
{
    apr_size_t size;
    unsigned char *data = make_list(change->store, change->key, sets_of(found, change->pool),
                                    found->record.generation, now, &size, change->pool);

    return put_back(change, data, size, LIST_KEEPS_AFTER);
}

/* There is nothing, or no more. Of what is no more there may be a copy that seems to be fresh. */
static apr_status_t soften_nothing(const change_t *change)
{
    cache_store_t *store = change->store;

    return store->truth ? store->remove(store, &change->id) : APR_SUCCESS;
}

static apr_status_t soften_once(change_t *change, apr_time_t now)
{
    cache_store_t *store = change->store;
    cache_found_t found = {{0}};
    apr_status_t rv;

    if (store->changes)
        change->changes = store->changes(store, &change->id);
    rv = fetch(&found, store->truth ? store->truth : store, change->key, change->pool);
    if (rv != APR_SUCCESS)
        return rv == APR_NOTFOUND ? soften_nothing(change) : rv;
    rv = found.record.kind == CACHE_RECORD_RESPONSE ? soften_response(change, &found, now)
                                                    : soften_list(change, &found, now);
    cache_vault_release(&found);
    return rv;
}

apr_status_t cache_vault_soften(cache_store_t *store, const char *key, apr_time_t now,
                                apr_pool_t *pool)
{
    change_t change = {store, key};
    apr_status_t rv = APR_EBUSY;

    change.pool = pool;
    cache_key_id(&change.id, key);
    for (int left = SOFTEN_TRIES; left > 0 && rv == APR_EBUSY; left--) {
        change.is_last = left == 1;
        rv = soften_once(&change, now);
    }
    return rv;
}
