/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <string.h>

#include "atomics.h"
#include "clock.h"

#define FIRST_TIMERS 64
#define LONGEST_WAIT apr_time_from_sec(3600)

/* Marks a timer's slot as a place among those that are firing, not in the heap. */
#define FIRING ((apr_size_t)1 << (sizeof(apr_size_t) * 8 - 1))

/*
 * What the pollset knows of a watched socket. It lies here and not with the socket's owner, because
 * the events of a round may outlive the owner.
 */
struct tier_loop_slot_t {
    apr_pollfd_t pollfd;
    tier_loop_socket_t *socket; /* NULL: the slot is free */
    apr_uint64_t since;         /* the round of the last watch: events of that round are stale */
    tier_loop_slot_t *next_free;
};

/* A place in the heap: the due time beside the timer, so that timers far apart in memory are not
 * read to compare them. */
typedef struct place_t {
    apr_time_t due;
    tier_loop_timer_t *timer;
} place_t;

struct tier_loop_t {
    apr_pool_t *pool;
    apr_pollset_t *pollset;
    tier_loop_slot_t *slots;
    apr_uint32_t max_sockets;
    tier_loop_slot_t *free_slots;
    place_t *heap; /* 1 to armed, the earliest at 1 */
    apr_size_t armed;
    tier_loop_timer_t *
        *firing; /* what this round fires: 0 to firing_count - 1, NULL where cancelled */
    apr_size_t firing_count;
    apr_size_t capacity; /* of heap and firing */
    apr_uint64_t round;
    apr_time_t now;
    apr_uint32_t stopping; /* atomic */
};

/* Timers: a binary heap whose timers know their place in it. */

static void heap_place(tier_loop_t *loop, apr_size_t slot, place_t place)
{
    loop->heap[slot] = place;
    place.timer->slot = slot;
}

static void heap_rise(tier_loop_t *loop, apr_size_t slot, place_t place)
{
    while (slot > 1 && place.due < loop->heap[slot / 2].due) {
        heap_place(loop, slot, loop->heap[slot / 2]);
        slot /= 2;
    }
    heap_place(loop, slot, place);
}

static void heap_sink(tier_loop_t *loop, apr_size_t slot, place_t place)
{
    apr_size_t child;

    while ((child = 2 * slot) <= loop->armed) {
        if (child < loop->armed && loop->heap[child + 1].due < loop->heap[child].due) {
            child++;
        }
        if (place.due <= loop->heap[child].due) {
            break;
        }
        heap_place(loop, slot, loop->heap[child]);
        slot = child;
    }
    heap_place(loop, slot, place);
}

static void heap_remove(tier_loop_t *loop, apr_size_t slot)
{
    place_t last = loop->heap[loop->armed--];

    loop->heap[slot].timer->slot = 0;
    if (slot > loop->armed) {
        return;
    }
    if (slot > 1 && last.due < loop->heap[slot / 2].due) {
        heap_rise(loop, slot, last);
    } else {
        heap_sink(loop, slot, last);
    }
}

/* The arrays double, so that what the pool cannot take back is less than what is in use. */
static apr_status_t timers_grow(tier_loop_t *loop)
{
    apr_size_t capacity = loop->capacity ? 2 * loop->capacity : FIRST_TIMERS;
    place_t *heap = apr_palloc(loop->pool, (capacity + 1) * sizeof(*heap));
    tier_loop_timer_t **firing = apr_palloc(loop->pool, capacity * sizeof(void *));

    if (!heap || !firing) {
        return APR_ENOMEM;
    }
    if (loop->capacity) {
        memcpy(heap, loop->heap, (loop->armed + 1) * sizeof(*heap));
        memcpy(firing, loop->firing, loop->firing_count * sizeof(void *));
    }
    loop->heap = heap;
    loop->firing = firing;
    loop->capacity = capacity;
    return APR_SUCCESS;
}

apr_status_t tier_loop_timer_set(tier_loop_t *loop, tier_loop_timer_t *timer, apr_time_t due)
{
    tier_loop_timer_cancel(loop, timer);
    if (loop->armed == loop->capacity) {
        apr_status_t status = timers_grow(loop);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    timer->due = due > 0 ? due : 0;
    heap_rise(loop, ++loop->armed, (place_t){timer->due, timer});
    return APR_SUCCESS;
}

void tier_loop_timer_cancel(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    if (timer->slot & FIRING) {
        loop->firing[timer->slot & ~FIRING] = NULL;
        timer->slot = 0;
    } else if (timer->slot) {
        heap_remove(loop, timer->slot);
    }
}

/*
 * Takes all due timers off the heap before the first of them fires: one that a callback arms for a
 * past time waits for the next round, after the sockets had their turn.
 */
static void fire_timers(tier_loop_t *loop)
{
    apr_size_t i;

    while (loop->armed && loop->heap[1].due <= loop->now) {
        tier_loop_timer_t *timer = loop->heap[1].timer;
        heap_remove(loop, 1);
        timer->slot = FIRING | loop->firing_count;
        loop->firing[loop->firing_count++] = timer;
    }
    for (i = 0; i < loop->firing_count; i++) {
        tier_loop_timer_t *timer = loop->firing[i];
        if (timer) {
            loop->firing[i] = NULL;
            timer->slot = 0;
            timer->fire(loop, timer);
        }
    }
    loop->firing_count = 0;
}

/* Sockets. */

static tier_loop_slot_t *slot_take(tier_loop_t *loop, tier_loop_socket_t *socket)
{
    tier_loop_slot_t *slot = loop->free_slots;

    if (slot) {
        loop->free_slots = slot->next_free;
        slot->socket = socket;
        slot->pollfd.desc_type = APR_POLL_SOCKET;
        slot->pollfd.desc.s = socket->socket;
        slot->pollfd.client_data = slot;
    }
    return slot;
}

static void slot_release(tier_loop_t *loop, tier_loop_slot_t *slot)
{
    slot->socket->slot = NULL;
    slot->socket = NULL;
    slot->next_free = loop->free_slots;
    loop->free_slots = slot;
}

apr_status_t tier_loop_socket_watch(tier_loop_t *loop, tier_loop_socket_t *socket,
                                    apr_int16_t events)
{
    tier_loop_slot_t *slot = socket->slot;
    apr_status_t status;

    if (slot && slot->pollfd.reqevents == events) {
        return APR_SUCCESS;
    }
    if (slot) {
        apr_pollset_remove(loop->pollset, &slot->pollfd);
    } else {
        slot = slot_take(loop, socket);
        if (!slot) {
            return APR_ENOMEM;
        }
        socket->slot = slot;
    }
    slot->pollfd.reqevents = events;
    slot->since = loop->round;
    status = apr_pollset_add(loop->pollset, &slot->pollfd);
    if (status != APR_SUCCESS) {
        slot_release(loop, slot);
    }
    return status;
}

void tier_loop_socket_forget(tier_loop_t *loop, tier_loop_socket_t *socket)
{
    if (socket->slot) {
        apr_pollset_remove(loop->pollset, &socket->slot->pollfd);
        slot_release(loop, socket->slot);
    }
}

static void deliver_events(tier_loop_t *loop, const apr_pollfd_t *events, apr_int32_t count)
{
    apr_int32_t i;

    for (i = 0; i < count; i++) {
        tier_loop_slot_t *slot = events[i].client_data;
        /* Forgotten, handed to another socket or changed since: what is still true comes again. */
        if (slot->socket && slot->since != loop->round) {
            slot->socket->ready(loop, slot->socket, events[i].rtnevents);
        }
    }
}

/* The loop. */

apr_status_t tier_loop_create(tier_loop_t **loop, apr_uint32_t max_sockets, apr_pool_t *pool)
{
    tier_loop_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_uint32_t i;
    apr_status_t status;

    if (!made) {
        return APR_ENOMEM;
    }
    made->pool = pool;
    made->now = tier_clock_now();
    made->max_sockets = max_sockets;
    made->slots = apr_pcalloc(pool, (apr_size_t)max_sockets * sizeof(*made->slots));
    status = made->slots ? timers_grow(made) : APR_ENOMEM;
    if (status != APR_SUCCESS) {
        return status;
    }
    for (i = max_sockets; i > 0; i--) {
        made->slots[i - 1].next_free = made->free_slots;
        made->free_slots = &made->slots[i - 1];
    }
    /* The slots live as long as the pollset, so it need not copy them (and search its copies). */
    status = apr_pollset_create(&made->pollset, max_sockets, pool,
                                APR_POLLSET_WAKEABLE | APR_POLLSET_NOCOPY);
    if (status == APR_SUCCESS) {
        *loop = made;
    }
    return status;
}

/*
 * How long to wait for sockets: whole milliseconds, rounded up here, because epoll_wait counts in
 * them and one rounded down would return before the timer is due, again and again.
 */
static apr_interval_time_t time_to_wait(const tier_loop_t *loop)
{
    apr_interval_time_t wait;

    if (!loop->armed) {
        return -1;
    }
    wait = loop->heap[1].due - tier_clock_now();
    if (wait <= 0) {
        return 0;
    }
    if (wait > LONGEST_WAIT) {
        return LONGEST_WAIT;
    }
    return (wait + 999) / 1000 * 1000;
}

static apr_status_t run_round(tier_loop_t *loop)
{
    const apr_pollfd_t *events = NULL;
    apr_int32_t count = 0;
    apr_status_t status = apr_pollset_poll(loop->pollset, time_to_wait(loop), &count, &events);

    loop->round++;
    loop->now = tier_clock_now();
    if (status == APR_SUCCESS) {
        deliver_events(loop, events, count);
    } else if (!APR_STATUS_IS_TIMEUP(status) && !APR_STATUS_IS_EINTR(status)) {
        return status;
    }
    fire_timers(loop);
    return APR_SUCCESS;
}

apr_status_t tier_loop_run(tier_loop_t *loop)
{
    apr_status_t status = APR_SUCCESS;

    while (status == APR_SUCCESS && !__atomic_exchange_n(&loop->stopping, 0, __ATOMIC_ACQ_REL)) {
        status = run_round(loop);
    }
    return status;
}

void tier_loop_stop(tier_loop_t *loop)
{
    tier_atomic_store(&loop->stopping, 1);
    apr_pollset_wakeup(loop->pollset);
}

void tier_loop_clear(tier_loop_t *loop)
{
    apr_size_t i;
    apr_uint32_t j;

    while (loop->armed) {
        heap_remove(loop, loop->armed);
    }
    for (i = 0; i < loop->firing_count; i++) {
        if (loop->firing[i]) {
            tier_loop_timer_cancel(loop, loop->firing[i]);
        }
    }
    for (j = 0; j < loop->max_sockets; j++) {
        if (loop->slots[j].socket) {
            tier_loop_socket_forget(loop, loop->slots[j].socket);
        }
    }
}

apr_time_t tier_loop_now(const tier_loop_t *loop)
{
    return loop->now;
}
