/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_levels_testing.h"
#include "cache_shm.h"

#include "clock.h"

apr_time_t later;

apr_time_t __real_tier_clock_now(void);
apr_time_t __wrap_tier_clock_now(void);
apr_time_t __wrap_tier_clock_now(void)
{
    return __real_tier_clock_now() + __atomic_load_n(&later, __ATOMIC_RELAXED);
}

static void due(void *baton, const cache_id_t *id)
{
    rig_t *rig = baton;

    rig->due[rig->dues++ % 4] = *id;
}

rig_t *make_rig(apr_pool_t *pool)
{
    rig_t *rig = apr_pcalloc(pool, sizeof(*rig));
    void *base = apr_pcalloc(pool, 4 * CACHE_SHM_SMALLEST);

    later = 0;
    rig->pool = pool;
    rig->table = make_table(10000000, pool);
    rig->table->baton = rig;
    rig->remote = &rig->table->store;
    assert_int_equal(cache_shm_format(base, 4 * CACHE_SHM_SMALLEST, 100000, -1), APR_SUCCESS);
    rig->local = cache_shm_open(base, pool);
    rig->store = cache_levels_open(rig->local, rig->remote, TTL, &rig->counters, pool);
    cache_levels_on_due(rig->store, due, rig);
    return rig;
}

cache_blob_t record_of(rig_t *rig, const char *key, const char *body, int lifetime,
                       cache_record_kind_e kind)
{
    cache_record_t record = {kind, 200};
    cache_blob_t blob = {0};
    unsigned char *data;
    apr_size_t head;

    record.life.received = apr_time_now();
    record.life.lifetime = lifetime;
    record.life.stale_if_error = CACHE_DELTA_NONE;
    record.generation = (apr_uint64_t)apr_time_now();
    record.life.flags = CACHE_LIFE_VALIDATOR;
    record.key = key;
    record.status_line = "200 OK";
    head = cache_record_head_size(&record, NULL);
    data = apr_palloc(rig->pool, head + strlen(body));
    cache_record_write_head(data, &record, NULL);
    memcpy(data + head, body, strlen(body));
    blob.size = head + strlen(body);
    cache_record_seal(data, blob.size, CACHE_RECORD_UNTRUSTED);
    blob.data = data;
    return blob;
}

apr_status_t put_kind(rig_t *rig, cache_store_t *store, const char *key, const char *body,
                      int lifetime, cache_record_kind_e kind)
{
    cache_blob_t blob = record_of(rig, key, body, lifetime, kind);
    cache_id_t id;

    cache_key_id(&id, key);
    return store->put(store, &id, blob.data, blob.size, apr_time_from_sec(100));
}

apr_status_t put(rig_t *rig, cache_store_t *store, const char *body)
{
    return put_kind(rig, store, "key", body, 60, CACHE_RECORD_RESPONSE);
}

apr_status_t remove_key(rig_t *rig)
{
    cache_id_t id;

    cache_key_id(&id, "key");
    return rig->store->remove(rig->store, &id);
}

const char *look(rig_t *rig)
{
    cache_record_t record;
    cache_blob_t blob;
    cache_id_t id;
    const char *body;
    apr_status_t rv;

    cache_key_id(&id, "key");
    rv = rig->store->get(rig->store, &id, &blob, rig->pool);
    if (rv != APR_SUCCESS) {
        assert_null(blob.data);
        assert_int_equal(rig->table->held, 0);
        return rv == APR_NOTFOUND ? "(nothing)" : "(error)";
    }
    body = "(no record)";
    if (cache_record_parse(&record, blob.data, blob.size, blob.trust))
        body = apr_pstrmemdup(rig->pool, (const char *)record.body, record.body_size);
    if (blob.release)
        blob.release(blob.baton);
    if (!rig->threaded)
        assert_int_equal(rig->table->held, 0);
    return body;
}
