/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_ATOMICS_H
#define TIER_ATOMICS_H

#include <apr.h>

/*
 * Counters and flags in shared memory: any thread of any process of the host, no lock. Relaxed
 * order for counters (each is read alone); acquire/release where a value publishes other memory.
 */
typedef struct tier_counter_t {
    apr_uint64_t value;
} tier_counter_t;

static inline void tier_counter_add(tier_counter_t *counter, apr_uint64_t n)
{
    __atomic_fetch_add(&counter->value, n, __ATOMIC_RELAXED);
}

static inline apr_uint64_t tier_counter_get(const tier_counter_t *counter)
{
    return __atomic_load_n(&counter->value, __ATOMIC_RELAXED);
}

static inline apr_uint32_t tier_atomic_load(const apr_uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void tier_atomic_store(apr_uint32_t *word, apr_uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline apr_int64_t tier_atomic_load64(const apr_int64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void tier_atomic_store64(apr_int64_t *word, apr_int64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Returns 1 when *word was expected and is now value, 0 when another thread was first. */
static inline int tier_atomic_swap(apr_uint32_t *word, apr_uint32_t expected, apr_uint32_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static inline int tier_atomic_swap64(apr_int64_t *word, apr_int64_t expected, apr_int64_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* Set and clear bits of a word that other code changes with plain |= and &=~ too (mod_proxy's
 * status). */
static inline void tier_atomic_set_bits(unsigned int *word, unsigned int bits)
{
    __atomic_fetch_or(word, bits, __ATOMIC_ACQ_REL);
}

static inline void tier_atomic_clear_bits(unsigned int *word, unsigned int bits)
{
    __atomic_fetch_and(word, ~bits, __ATOMIC_ACQ_REL);
}

#endif
