/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TABLE_H
#define HEALTH_TABLE_H

#include <apr_pools.h>

#include "atomics.h"
#include "health_member.h"

/*
 * The members' state in one shared segment: a fixed number of entries, found by their whole key.
 * One writer: the leading watch (or the parent before any child runs). Readers in any thread of any
 * process take copies and never wait for the writer. Holds no pointers.
 */

/* What names a member: the virtual host that has the directive, the balancer, the member's URL. */
typedef struct health_key_t {
    char scope[128];   /* "name:port" of the virtual host; "" for the main server */
    char balancer[96]; /* "balancer://name" */
    char member[488];  /* "http://host:port", or "unix:/path|http://host" */
} health_key_t;

/* What a reader takes a copy of. */
typedef struct health_record_t {
    health_key_t key;
    char check[128]; /* how it is checked, for people */
    health_member_t member;
} health_record_t;

typedef struct health_entry_t {
    apr_uint32_t used;    /* atomic */
    apr_uint32_t version; /* atomic; odd while the writer is at it */
    apr_int64_t due;      /* the next probe, tier_clock_now()'s; the writer's alone */
    apr_uint32_t order;   /* what an administrator asks for: health_action_e; atomic */
    apr_uint32_t acted;   /* what came of the last order: health_acted_e; atomic */
    apr_int64_t ramp;     /* since when slow start runs, the same clock; 0: it does not; likewise */
    apr_uint64_t told; /* changes of the state that TierHealthEvent has been told; the writer's */
    health_record_t
        record; /* changed by the functions below only; its writer may read it as it is */
} health_entry_t;

typedef struct health_table_t health_table_t;

/* The layout number of the segment: to be raised with each change of a struct that lies in it. */
#define HEALTH_TABLE_LAYOUT 6

/* Returns how many bytes a table for capacity members takes. */
apr_size_t health_table_size(apr_uint32_t capacity);

/* Makes a table of size zeroed bytes (from health_table_size()) at base. Parent process. */
health_table_t *health_table_format(void *base, apr_uint32_t capacity);

/* Copies the entries of an earlier, smaller table into one that was just formatted. Parent process.
 */
void health_table_adopt(health_table_t *table, const health_table_t *earlier);

/* Returns how many entries there is room for. */
apr_uint32_t health_table_capacity(const health_table_t *table);

/* What became of the changes that a program was to be told. */
typedef enum {
    HEALTH_TOLD_DELIVERED,
    HEALTH_TOLD_FAILED,
    HEALTH_TOLD_DROPPED,
    HEALTH_TOLD_KINDS
} health_told_e;

/* Returns the counter of these. Any thread. */
tier_counter_t *health_table_told(health_table_t *table, health_told_e what);

/* Returns how many entries are used. The writer only. */
apr_uint32_t health_table_count(const health_table_t *table);

/* Fills key from strings. Returns 0 when one is too long to be kept whole; then there is no key. */
int health_key_set(health_key_t *key, const char *scope, const char *balancer, const char *member);

/* Returns a hash of the whole key, never 0. Any thread. */
apr_uint64_t health_key_hash(const health_key_t *key);

/* Returns the entry with this key, or NULL. Any thread; what it holds may change, except for the
 * writer. */
health_entry_t *health_table_find(health_table_t *table, const health_key_t *key);

/*
 * Returns the entry with this key; a new one, being checked since now (wall clock), where there was
 * none; NULL when the table is full. The writer only.
 */
health_entry_t *health_table_claim(health_table_t *table, const health_key_t *key, apr_time_t now);

/* Returns entry number index (from 0), or NULL when it is not used. The writer only. */
health_entry_t *health_table_at(health_table_t *table, apr_uint32_t index);

/* Forgets an entry. The writer only. */
void health_table_release(health_table_t *table, health_entry_t *entry);

/* Forgets all entries. The parent, while nothing is checked. */
void health_table_clear(health_table_t *table);

/*
 * Replace what an entry says. Readers never take half of a change. A writer that died in between is
 * no harm: the entry is not readable until the next one has written. The writer only.
 */
void health_entry_set_check(health_entry_t *entry, const char *check);
void health_entry_set_member(health_entry_t *entry, const health_member_t *member);

/* The same for HEALTH_MEMBER_HEAD bytes of a member, all that has changed. */
void health_entry_set_head(health_entry_t *entry, const health_member_t *member);

/* The same after a probe that has not changed the state, which is what nearly all do: of the past
 * only that probe is taken. */
void health_entry_set_probed(health_entry_t *entry, const health_member_t *member);

/*
 * Copies the record of entry number index (from 0) into *copy. Returns 0 for one that is not used,
 * or not readable because a writer died over it. Any thread of any process; never waits.
 */
int health_table_read(const health_table_t *table, apr_uint32_t index, health_record_t *copy);

#endif
