/* SPDX-License-Identifier: Apache-2.0 */
#include "health_table.h"

#include <apr_strings.h>

#include <stddef.h>
#include <string.h>

#include "atomics.h"
#include "hash.h"

#define READ_TRIES 100

_Static_assert(sizeof(health_record_t) % 8 == 0 && offsetof(health_record_t, check) % 8 == 0 &&
                   offsetof(health_record_t, member) % 8 == 0 && sizeof(health_member_t) % 8 == 0 &&
                   HEALTH_MEMBER_HEAD % 8 == 0 && sizeof(health_past_probe_t) % 8 == 0,
               "records are copied in words");

/* The hashes lie together, so that a search of the whole table touches a few pages. */
struct health_table_t {
    apr_uint32_t capacity;
    apr_uint32_t padding;
    tier_counter_t told[HEALTH_TOLD_KINDS];
    apr_uint64_t hashes[1]; /* capacity of them, then the entries */
};

static apr_size_t entries_offset(apr_uint32_t capacity)
{
    return APR_ALIGN(offsetof(health_table_t, hashes) + capacity * sizeof(apr_uint64_t), 64);
}

static health_entry_t *entry_at(const health_table_t *table, apr_uint32_t index)
{
    return (health_entry_t *)((char *)table + entries_offset(table->capacity)) + index;
}

apr_size_t health_table_size(apr_uint32_t capacity)
{
    return entries_offset(capacity) + (apr_size_t)capacity * sizeof(health_entry_t);
}

health_table_t *health_table_format(void *base, apr_uint32_t capacity)
{
    health_table_t *table = base;

    table->capacity = capacity;
    return table;
}

apr_uint32_t health_table_capacity(const health_table_t *table)
{
    return table->capacity;
}

tier_counter_t *health_table_told(health_table_t *table, health_told_e what)
{
    return &table->told[what];
}

apr_uint32_t health_table_count(const health_table_t *table)
{
    apr_uint32_t count = 0;

    for (apr_uint32_t i = 0; i < table->capacity; i++)
        count += tier_atomic_load(&entry_at(table, i)->used) != 0;
    return count;
}

apr_uint64_t health_key_hash(const health_key_t *key)
{
    apr_uint64_t hash = tier_hash_string(TIER_HASH_START, key->scope);

    hash = tier_hash_string(tier_hash_string(hash, key->balancer), key->member);
    return hash ? hash : 1;
}

static int same_key(const health_key_t *a, const health_key_t *b)
{
    return strcmp(a->member, b->member) == 0 && strcmp(a->balancer, b->balancer) == 0 &&
           strcmp(a->scope, b->scope) == 0;
}

static int set_part(char *part, apr_size_t size, const char *text)
{
    if (strlen(text) >= size)
        return 0;
    apr_cpystrn(part, text, size);
    return 1;
}

int health_key_set(health_key_t *key, const char *scope, const char *balancer, const char *member)
{
    memset(key, 0, sizeof(*key));
    return set_part(key->scope, sizeof(key->scope), scope) &&
           set_part(key->balancer, sizeof(key->balancer), balancer) &&
           set_part(key->member, sizeof(key->member), member);
}

health_entry_t *health_table_find(health_table_t *table, const health_key_t *key)
{
    apr_uint64_t hash = health_key_hash(key);

    for (apr_uint32_t i = 0; i < table->capacity; i++) {
        health_entry_t *entry = entry_at(table, i);

        if (table->hashes[i] == hash && tier_atomic_load(&entry->used) &&
            same_key(&entry->record.key, key))
            return entry;
    }
    return NULL;
}

static apr_uint32_t find_free(const health_table_t *table)
{
    apr_uint32_t i = 0;

    while (i < table->capacity && tier_atomic_load(&entry_at(table, i)->used))
        i++;
    return i;
}

/*
 * A sequence lock without fences (H.-J. Boehm, "Can Seqlocks Get Along With Programming Language
 * Memory Models?"): every word is written with release and read with acquire order, so that who
 * reads a new word sees the odd version before it.
 */
static void begin_write(health_entry_t *entry)
{
    tier_atomic_store(&entry->version, entry->version | 1);
}

static void end_write(health_entry_t *entry)
{
    tier_atomic_store(&entry->version, entry->version + 1);
}

static void write_words(health_entry_t *entry, apr_size_t offset, const void *part, apr_size_t size)
{
    apr_uint64_t *to = (apr_uint64_t *)((char *)&entry->record + offset);
    const apr_uint64_t *from = part;

    for (apr_size_t i = 0; i < size / sizeof(*to); i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
}

static void write_part(health_entry_t *entry, apr_size_t offset, const void *part, apr_size_t size)
{
    begin_write(entry);
    write_words(entry, offset, part, size);
    end_write(entry);
}

static void read_record(const health_entry_t *entry, health_record_t *copy)
{
    const apr_uint64_t *from = (const apr_uint64_t *)&entry->record;
    apr_uint64_t *to = (apr_uint64_t *)copy;

    for (apr_size_t i = 0; i < sizeof(*copy) / sizeof(*to); i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

health_entry_t *health_table_claim(health_table_t *table, const health_key_t *key, apr_time_t now)
{
    health_entry_t *entry = health_table_find(table, key);
    health_record_t record;
    apr_uint32_t index;

    if (entry)
        return entry;
    index = find_free(table);
    if (index == table->capacity)
        return NULL;
    entry = entry_at(table, index);
    memset(&record, 0, sizeof(record));
    record.key = *key;
    health_member_init(&record.member, now);
    write_part(entry, 0, &record, sizeof(record));
    entry->due = 0;
    entry->ramp = 0;
    entry->order = entry->acted = 0;
    entry->told = 0;
    table->hashes[index] = health_key_hash(key);
    tier_atomic_store(&entry->used, 1);
    return entry;
}

health_entry_t *health_table_at(health_table_t *table, apr_uint32_t index)
{
    health_entry_t *entry = entry_at(table, index);

    return tier_atomic_load(&entry->used) ? entry : NULL;
}

void health_table_release(health_table_t *table, health_entry_t *entry)
{
    /* Not written where it is so already: the pages of entries that were never used stay untouched.
     */
    if (tier_atomic_load(&entry->used))
        tier_atomic_store(&entry->used, 0);
    if (table->hashes[entry - entry_at(table, 0)])
        table->hashes[entry - entry_at(table, 0)] = 0;
}

void health_table_clear(health_table_t *table)
{
    for (apr_uint32_t i = 0; i < table->capacity; i++)
        health_table_release(table, entry_at(table, i));
}

void health_entry_set_check(health_entry_t *entry, const char *check)
{
    char padded[sizeof(entry->record.check)] __attribute__((aligned(8)));

    memset(padded, 0, sizeof(padded));
    apr_cpystrn(padded, check, sizeof(padded));
    write_part(entry, offsetof(health_record_t, check), padded, sizeof(padded));
}

void health_entry_set_member(health_entry_t *entry, const health_member_t *member)
{
    write_part(entry, offsetof(health_record_t, member), member, sizeof(*member));
}

void health_entry_set_head(health_entry_t *entry, const health_member_t *member)
{
    write_part(entry, offsetof(health_record_t, member), member, HEALTH_MEMBER_HEAD);
}

void health_entry_set_probed(health_entry_t *entry, const health_member_t *member)
{
    apr_size_t last = (member->probes - 1) % HEALTH_PROBES;
    apr_size_t offset = offsetof(health_record_t, member);

    begin_write(entry);
    write_words(entry, offset, member, HEALTH_MEMBER_HEAD);
    write_words(entry, offset + offsetof(health_member_t, past) + last * sizeof(member->past[0]),
                &member->past[last], sizeof(member->past[0]));
    end_write(entry);
}

int health_table_read(const health_table_t *table, apr_uint32_t index, health_record_t *copy)
{
    const health_entry_t *entry = entry_at(table, index);

    for (int tries = 0; tries < READ_TRIES && tier_atomic_load(&entry->used); tries++) {
        apr_uint32_t before = tier_atomic_load(&entry->version);

        read_record(entry, copy);
        if (!(before & 1) && tier_atomic_load(&entry->version) == before)
            return 1;
    }
    return 0;
}

void health_table_adopt(health_table_t *table, const health_table_t *earlier)
{
    apr_uint32_t count = earlier->capacity < table->capacity ? earlier->capacity : table->capacity;

    memcpy(table->told, earlier->told, sizeof(table->told));
    for (apr_uint32_t i = 0; i < count; i++) {
        health_entry_t *entry = entry_at(table, i);

        if (!health_table_read(earlier, i, &entry->record))
            continue;
        entry->due = entry_at(earlier, i)->due;
        entry->ramp = entry_at(earlier, i)->ramp;
        entry->told = entry_at(earlier, i)->told;
        entry->used = 1;
        table->hashes[i] = health_key_hash(&entry->record.key);
    }
}
