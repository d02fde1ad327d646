/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_devices.h"

#include <string.h>

#include <apr_strings.h>

#include "hash.h"

#define WRONG_TAG_BITS 24
#define WRONG_TAG      (((apr_int64_t)1 << WRONG_TAG_BITS) - 1)

enum { FREE, BEING_NAMED, IN_USE };

static apr_uint32_t place_of(const char *name)
{
    return (apr_uint32_t)(tier_hash_text(TIER_HASH_START, name) % MOGILE_DEVICES_MOST);
}

static void name_device(mogile_device_t *device, const char *name)
{
    if (tier_atomic_swap(&device->state, FREE, BEING_NAMED)) {
        apr_cpystrn(device->name, name, sizeof(device->name));
        tier_atomic_store(&device->state, IN_USE);
    }
}

/*
 * Returns the entry called name, one that is made where make is set; NULL: there is none, and no
 * room. One that is being named in this moment is passed over, so that a name may have two entries;
 * the first is found from then on.
 */
static mogile_device_t *find(mogile_devices_t *devices, const char *name, int make)
{
    apr_uint32_t place = place_of(name);

    for (apr_uint32_t i = 0; i < MOGILE_DEVICES_MOST; i++) {
        mogile_device_t *device = &devices->devices[(place + i) % MOGILE_DEVICES_MOST];

        if (tier_atomic_load(&device->state) == FREE) {
            if (!make)
                return NULL;
            name_device(device, name);
        }
        if (tier_atomic_load(&device->state) == IN_USE && strcmp(device->name, name) == 0)
            return device;
    }
    return NULL;
}

static mogile_device_t *device_of(mogile_devices_t *devices, const mogile_copy_t *copy, int make)
{
    char name[MOGILE_DEVICES_NAME];

    apr_snprintf(name, sizeof(name), "%.72s dev%u", copy->node, copy->devid);
    return find(devices, name, make);
}

static mogile_device_t *node_of(mogile_devices_t *devices, const mogile_copy_t *copy, int make)
{
    char name[MOGILE_DEVICES_NAME];

    apr_snprintf(name, sizeof(name), "%.72s", copy->node);
    return find(devices, name, make);
}

static int is_ill(const mogile_device_t *device, apr_time_t now)
{
    return device && tier_atomic_load64(&device->until) > now;
}

int mogile_devices_is_ill(mogile_devices_t *devices, const mogile_copy_t *copy, apr_time_t now)
{
    return is_ill(node_of(devices, copy, 0), now) || is_ill(device_of(devices, copy, 0), now);
}

/* A place is one key's: a newer one takes it, which costs no more than asking that copy again. */
static apr_int64_t *wrong_place(mogile_devices_t *devices, const mogile_copy_t *copy,
                                apr_int64_t *tag)
{
    apr_uint64_t hash = tier_hash_text(TIER_HASH_START, copy->url);

    *tag = (apr_int64_t)(hash / MOGILE_DEVICES_WRONG) & WRONG_TAG;
    return &devices->wrong[hash % MOGILE_DEVICES_WRONG];
}

static int is_wrong(mogile_devices_t *devices, const mogile_copy_t *copy, apr_time_t now)
{
    apr_int64_t tag, *place = wrong_place(devices, copy, &tag), word = tier_atomic_load64(place);

    return (word & WRONG_TAG) == tag && (word >> WRONG_TAG_BITS) > now / 1000;
}

static void remember_wrong(mogile_devices_t *devices, const mogile_copy_t *copy, apr_time_t now)
{
    apr_int64_t tag, *place = wrong_place(devices, copy, &tag);

    tier_atomic_store64(place, ((now + MOGILE_DEVICES_WRONG_TIME) / 1000) << WRONG_TAG_BITS | tag);
}

void mogile_devices_sort(mogile_devices_t *devices, mogile_file_t *file, apr_time_t now)
{
    mogile_copy_t ill[MOGILE_COPIES_MOST], wrong[MOGILE_COPIES_MOST];
    mogile_copy_t *copies = (mogile_copy_t *)file->copies->elts;
    int well_count = 0, ill_count = 0, wrong_count = 0;

    for (int i = 0; i < file->copies->nelts; i++) {
        if (is_wrong(devices, &copies[i], now))
            wrong[wrong_count++] = copies[i];
        else if (mogile_devices_is_ill(devices, &copies[i], now))
            ill[ill_count++] = copies[i];
        else
            copies[well_count++] = copies[i];
    }
    memcpy(copies + well_count, ill, (apr_size_t)ill_count * sizeof(*ill));
    memcpy(copies + well_count + ill_count, wrong, (apr_size_t)wrong_count * sizeof(*wrong));
}

/* Concurrent failures of one outage are one: the time of illness grows with each time it ends. */
static void fall_ill(mogile_device_t *device, apr_time_t now)
{
    apr_int64_t until = tier_atomic_load64(&device->until);
    apr_interval_time_t time = MOGILE_DEVICES_FIRST;
    apr_uint32_t failed;

    if (until > now)
        return;
    failed = tier_atomic_load(&device->failed);
    for (apr_uint32_t i = 0; i < failed && time < MOGILE_DEVICES_LONGEST; i++)
        time *= 2;
    if (time > MOGILE_DEVICES_LONGEST)
        time = MOGILE_DEVICES_LONGEST;
    if (tier_atomic_swap64(&device->until, until, now + time))
        tier_atomic_store(&device->failed, failed + 1);
}

/* Failures before an answer began are the node's, of all its devices. */
static int is_of_node(reproxy_failure_e failure)
{
    return failure == REPROXY_FAILURE_CONNECT || failure == REPROXY_FAILURE_TIMEOUT;
}

static int is_of_device(reproxy_failure_e failure)
{
    return failure == REPROXY_FAILURE_STALL || failure == REPROXY_FAILURE_CUT ||
           failure == REPROXY_FAILURE_GARBAGE || failure == REPROXY_FAILURE_STATUS;
}

static int is_of_copy(reproxy_failure_e failure)
{
    return failure == REPROXY_FAILURE_ABSENT || failure == REPROXY_FAILURE_SIZE ||
           failure == REPROXY_FAILURE_CHECKSUM;
}

void mogile_devices_failed(mogile_devices_t *devices, const mogile_copy_t *copy,
                           reproxy_failure_e failure, apr_time_t now)
{
    mogile_device_t *device = device_of(devices, copy, 1);
    mogile_device_t *node = is_of_node(failure) ? node_of(devices, copy, 1) : NULL;

    if (node)
        fall_ill(node, now);
    if (is_of_copy(failure))
        remember_wrong(devices, copy, now);
    if (!device)
        return;
    tier_counter_add(&device->requests, 1);
    tier_counter_add(&device->failures[failure], 1);
    if (is_of_device(failure))
        fall_ill(device, now);
}

static void recover(mogile_device_t *device)
{
    if (!device || (tier_atomic_load(&device->failed) == 0 && !tier_atomic_load64(&device->until)))
        return;
    tier_atomic_store(&device->failed, 0);
    tier_atomic_store64(&device->until, 0);
}

void mogile_devices_worked(mogile_devices_t *devices, const mogile_copy_t *copy)
{
    mogile_device_t *device = device_of(devices, copy, 1);

    if (device)
        tier_counter_add(&device->requests, 1);
    recover(device);
    recover(node_of(devices, copy, 0));
}

const mogile_device_t *mogile_devices_at(const mogile_devices_t *devices, int i)
{
    return tier_atomic_load(&devices->devices[i].state) == IN_USE ? &devices->devices[i] : NULL;
}
