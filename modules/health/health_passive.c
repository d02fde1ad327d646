/* SPDX-License-Identifier: Apache-2.0 */
#include "health_passive.h"

#include <string.h>

struct health_passive_table_t {
    apr_uint32_t capacity;
    apr_uint32_t padding;
    apr_uint64_t reserved[7];
    health_passive_t entries[1];
};

apr_size_t health_passive_size(apr_uint32_t capacity)
{
    return sizeof(health_passive_table_t) + (apr_size_t)capacity * sizeof(health_passive_t);
}

health_passive_table_t *health_passive_format(void *base, apr_uint32_t capacity)
{
    health_passive_table_t *table = base;

    table->capacity = capacity;
    return table;
}

/* Takes the entry for hash when it is free. Returns 1 when it is this hash's now, whoever took it.
 */
static int take(health_passive_t *entry, const health_key_t *key, apr_uint64_t hash)
{
    apr_uint64_t found = 0;

    if (__atomic_load_n(&entry->hash, __ATOMIC_ACQUIRE) == hash)
        return 1;
    if (!__atomic_compare_exchange_n(&entry->hash, &found, hash, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return found == hash;
    entry->key = *key;
    tier_atomic_store(&entry->ready, 1);
    return 1;
}

health_passive_t *health_passive_claim(health_passive_table_t *table, const health_key_t *key)
{
    /* Two keys with the same 64 bits would share an entry; that they meet is beyond what happens.
     */
    apr_uint64_t hash = health_key_hash(key);

    for (apr_uint32_t i = 0; i < table->capacity; i++) {
        health_passive_t *entry = &table->entries[(hash + i) % table->capacity];

        if (take(entry, key, hash))
            return entry;
    }
    return NULL;
}

void health_passive_adopt(health_passive_table_t *table, const health_passive_table_t *earlier)
{
    for (apr_uint32_t i = 0; i < earlier->capacity; i++) {
        const health_passive_t *old = &earlier->entries[i];
        health_passive_t *entry;

        if (!tier_atomic_load(&old->ready))
            continue;
        entry = health_passive_claim(table, &old->key);
        if (entry) {
            memcpy(entry->attempts, old->attempts, sizeof(entry->attempts));
            memcpy(entry->counts, old->counts, sizeof(entry->counts));
            entry->budget = old->budget;
            entry->hedges = old->hedges;
            entry->latency = old->latency;
            entry->told = old->told;
            entry->eject = old->eject;
            entry->panic = old->panic;
            entry->alarm = old->alarm;
            entry->suspect = old->suspect;
            entry->outlier = old->outlier;
            entry->ramp = old->ramp;
        }
    }
}

void health_passive_attempt(health_passive_t *member, health_attempt_e attempt)
{
    if (member)
        tier_counter_add(&member->attempts[attempt], 1);
}

void health_passive_count(health_passive_t *balancer, health_count_e count)
{
    if (balancer)
        tier_counter_add(&balancer->counts[count], 1);
}

int health_passive_may_tell(health_passive_t *balancer, apr_interval_time_t interval,
                            apr_time_t now)
{
    apr_int64_t told = tier_atomic_load64(&balancer->told);

    return (told == 0 || now - told >= interval) && tier_atomic_swap64(&balancer->told, told, now);
}
