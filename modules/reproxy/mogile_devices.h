/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_DEVICES_H
#define MOGILE_DEVICES_H

#include <apr_time.h>

#include "atomics.h"
#include "mogile_file.h"
#include "reproxy_failure.h"

/*
 * What requests have seen of storage devices, in memory that all processes share: trackers learn
 * of a dead device only with their monitor's next round, and say nothing of it when they are not
 * asked to verify. A device that failed is tried last for a while, longer each time, until it
 * answers. Any thread of any process; no lock.
 */
#define MOGILE_DEVICES_MOST 1024
#define MOGILE_DEVICES_NAME 88

#define MOGILE_DEVICES_FIRST   apr_time_from_sec(2)
#define MOGILE_DEVICES_LONGEST apr_time_from_sec(60)

#define MOGILE_DEVICES_WRONG      1024 /* places */
#define MOGILE_DEVICES_WRONG_TIME apr_time_from_sec(300)

typedef struct mogile_device_t {
    apr_uint32_t state;             /* 0 free, 1 being named, 2 in use; atomic */
    apr_uint32_t failed;            /* consecutive failures; atomic */
    apr_int64_t until;              /* tried last before this (tier_clock_now()); atomic */
    char name[MOGILE_DEVICES_NAME]; /* "host:port dev3", or "host:port" for all of a node's */
    tier_counter_t requests;
    tier_counter_t failures[REPROXY_FAILURES];
} mogile_device_t;

/* In shared memory, zeroed when fresh. */
typedef struct mogile_devices_t {
    mogile_device_t devices[MOGILE_DEVICES_MOST];
    /* Copies that were missing or another file: until when, in ms, and a part of the hash of the
     * URL. Atomic. */
    apr_int64_t wrong[MOGILE_DEVICES_WRONG];
} mogile_devices_t;

/* Sorts the copies: those on devices that are well come first, then those on others, those that
 * were wrong lately last; each group in the order it had. */
void mogile_devices_sort(mogile_devices_t *devices, mogile_file_t *file, apr_time_t now);

/*
 * A request to copy's device failed. Where the file was missing or was another one, that is no
 * fault of the device: this copy is remembered.
 */
void mogile_devices_failed(mogile_devices_t *devices, const mogile_copy_t *copy,
                           reproxy_failure_e failure, apr_time_t now);

/* A request to copy's device went well. */
void mogile_devices_worked(mogile_devices_t *devices, const mogile_copy_t *copy);

/* Returns 1 when the device or its node is to be tried last. */
int mogile_devices_is_ill(mogile_devices_t *devices, const mogile_copy_t *copy, apr_time_t now);

/* Returns the device or node at place i, 0 to MOGILE_DEVICES_MOST - 1; NULL: there is none. */
const mogile_device_t *mogile_devices_at(const mogile_devices_t *devices, int i);

#endif
