/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <apr_network_io.h>
#include <apr_portable.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common_pollset.h"
#include "loop.h"

#define MS(n) apr_time_from_msec(n)

static tier_loop_t *make_loop(apr_uint32_t sockets, apr_pool_t *pool)
{
    tier_loop_t *loop = NULL;

    poll_fails = create_fails = APR_SUCCESS;
    assert_int_equal(tier_loop_create(&loop, sockets, pool), APR_SUCCESS);
    polls = 0;
    return loop;
}

static void run(tier_loop_t *loop)
{
    assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
}

/* A timer that remembers when it fired. */
typedef struct probe_t {
    tier_loop_timer_t timer;
    int fired;
    apr_time_t at;  /* the clock when it fired last */
    apr_time_t now; /* the loop's time then */
    void (*then)(tier_loop_t *loop, struct probe_t *probe);
    void *other;
} probe_t;

static void fire_probe(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    probe_t *probe = timer->baton;

    probe->fired++;
    probe->at = tier_clock_now();
    probe->now = tier_loop_now(loop);
    assert_int_equal(timer->slot, 0);
    if (probe->then) {
        probe->then(loop, probe);
    }
}

static void arm(tier_loop_t *loop, probe_t *probe, apr_time_t due)
{
    probe->timer.fire = fire_probe;
    probe->timer.baton = probe;
    assert_int_equal(tier_loop_timer_set(loop, &probe->timer, due), APR_SUCCESS);
}

static void then_stop(tier_loop_t *loop, probe_t *probe)
{
    (void)probe;
    tier_loop_stop(loop);
}

static void stop_at(tier_loop_t *loop, probe_t *probe, apr_time_t due)
{
    probe->then = then_stop;
    arm(loop, probe, due);
}

/* Timers. */

static void timers_fire_in_order_and_never_early(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    apr_time_t start = tier_clock_now();
    probe_t probes[4] = {{{0}}};

    stop_at(loop, &probes[3], start + MS(40));
    arm(loop, &probes[1], start + MS(20));
    arm(loop, &probes[0], start + MS(10));
    arm(loop, &probes[2], start + MS(30));
    run(loop);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(probes[i].fired, 1);
        assert_true(probes[i].now >= start + MS(10) * (i + 1));
        assert_true(probes[i].timer.due == start + MS(10) * (i + 1));
    }
    assert_true(probes[0].now <= probes[1].now && probes[1].now <= probes[2].now &&
                probes[2].now <= probes[3].now);
}

static void a_timer_can_be_moved_and_cancelled(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    apr_time_t start = tier_clock_now();
    probe_t later = {{0}}, sooner = {{0}}, never = {{0}}, end = {{0}};

    arm(loop, &later, start + MS(5));
    arm(loop, &sooner, start + MS(1000));
    arm(loop, &never, start + MS(5));
    stop_at(loop, &end, start + MS(40));
    arm(loop, &later, start + MS(30));
    arm(loop, &sooner, start + MS(10));
    tier_loop_timer_cancel(loop, &never.timer);
    tier_loop_timer_cancel(loop, &never.timer);
    run(loop);
    assert_int_equal(sooner.fired, 1);
    assert_true(sooner.now >= start + MS(10) && sooner.now <= later.now);
    assert_int_equal(later.fired, 1);
    assert_true(later.now >= start + MS(30));
    assert_int_equal(never.fired, 0);
}

static void then_cancel_the_other(tier_loop_t *loop, probe_t *probe)
{
    probe_t *other = probe->other;

    tier_loop_timer_cancel(loop, &other->timer);
    assert_int_equal(other->timer.slot, 0);
}

static void then_move_the_other(tier_loop_t *loop, probe_t *probe)
{
    arm(loop, probe->other, tier_loop_now(loop) + MS(20));
}

/* Both are due in one round; the first to fire cancels the second, whichever it is. */
static void a_due_timer_can_be_cancelled_by_another(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    probe_t one = {{0}}, two = {{0}}, end = {{0}};

    one.then = two.then = then_cancel_the_other;
    one.other = &two;
    two.other = &one;
    arm(loop, &one, 1);
    arm(loop, &two, 1);
    stop_at(loop, &end, tier_clock_now() + MS(10));
    run(loop);
    assert_int_equal(one.fired + two.fired, 1);
}

static void a_due_timer_can_be_moved_by_another(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    probe_t one = {{0}}, two = {{0}};
    apr_time_t start = tier_clock_now();

    one.then = then_move_the_other;
    one.other = &two;
    arm(loop, &one, 1);
    stop_at(loop, &two, 2);
    run(loop);
    assert_int_equal(two.fired, 1);
    assert_true(two.now >= start + MS(20));
}

static void then_arm_again_in_the_past(tier_loop_t *loop, probe_t *probe)
{
    if (probe->fired < 5) {
        arm(loop, probe, -5);
    } else {
        tier_loop_stop(loop);
    }
}

static void a_past_time_fires_once_each_round(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    probe_t probe = {{0}};

    probe.then = then_arm_again_in_the_past;
    arm(loop, &probe, -5);
    run(loop);
    assert_int_equal(probe.fired, 5);
    assert_int_equal(polls, 5);
}

static void the_farthest_time_is_not_now(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    probe_t never = {{0}}, end = {{0}};

    arm(loop, &never, APR_INT64_MAX);
    stop_at(loop, &end, tier_clock_now() + MS(10));
    run(loop);
    assert_int_equal(never.fired, 0);
    tier_loop_stop(loop); /* with only the farthest timer armed */
    run(loop);
}

#define MANY 5000

typedef struct crowd_t {
    probe_t probes[MANY];
    int cancelled[MANY];
    unsigned seed;
    apr_time_t latest;
} crowd_t;

/* Each one that fires cancels two others at random and moves a third. */
static void then_disturb(tier_loop_t *loop, probe_t *probe)
{
    crowd_t *crowd = probe->other;

    for (int i = 0; i < 2; i++) {
        int victim = (int)(rand_r(&crowd->seed) % MANY);
        if (crowd->probes[victim].timer.slot) {
            tier_loop_timer_cancel(loop, &crowd->probes[victim].timer);
            crowd->cancelled[victim] = 1;
        }
    }
    int moved = (int)(rand_r(&crowd->seed) % MANY);
    if (crowd->probes[moved].timer.slot) {
        arm(loop, &crowd->probes[moved], tier_loop_now(loop) + (rand_r(&crowd->seed) % 50000));
    }
}

/* However late the end comes, those that were moved beyond it have their turn first. */
static void then_stop_after_the_others(tier_loop_t *loop, probe_t *end)
{
    crowd_t *crowd = end->other;

    for (int i = 0; i < MANY; i++) {
        if (crowd->probes[i].timer.slot) {
            arm(loop, end, tier_loop_now(loop) + MS(50));
            return;
        }
    }
    tier_loop_stop(loop);
}

static void thousands_of_timers_keep_their_word(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    crowd_t *crowd = apr_pcalloc(*state, sizeof(*crowd));
    apr_time_t start = tier_clock_now();
    probe_t end = {{0}};
    int fired = 0, cancelled = 0;

    crowd->seed = 4711;
    for (int i = 0; i < MANY; i++) {
        crowd->probes[i].then = then_disturb;
        crowd->probes[i].other = crowd;
        arm(loop, &crowd->probes[i], start + (rand_r(&crowd->seed) % 200000));
    }
    end.then = then_stop_after_the_others;
    end.other = crowd;
    arm(loop, &end, start + MS(250));
    run(loop);
    for (int i = 0; i < MANY; i++) {
        probe_t *probe = &crowd->probes[i];
        assert_int_equal(probe->fired, !crowd->cancelled[i]);
        assert_int_equal(probe->timer.slot, 0);
        assert_true(!probe->fired || probe->now >= probe->timer.due);
        fired += probe->fired;
        cancelled += crowd->cancelled[i];
    }
    assert_int_equal(fired + cancelled, MANY);
    assert_true(fired > MANY / 4 && cancelled > MANY / 10);
}

#define TICKS 50

typedef struct metronome_t {
    apr_interval_time_t late[TICKS];
} metronome_t;

static int by_size(const void *one, const void *other)
{
    const apr_interval_time_t *a = one, *b = other;

    return *a < *b ? -1 : *a > *b;
}

static void then_tick(tier_loop_t *loop, probe_t *probe)
{
    metronome_t *metronome = probe->other;
    apr_interval_time_t late = probe->at - probe->timer.due;

    assert_true(late >= 0);
    metronome->late[probe->fired - 1] = late;
    if (probe->fired == TICKS) {
        tier_loop_stop(loop);
    } else {
        arm(loop, probe, probe->timer.due + 10300); /* not whole milliseconds */
    }
}

static void a_period_is_kept_without_spinning(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    metronome_t metronome = {{0}};
    probe_t probe = {{0}};
    apr_time_t start = tier_clock_now();

    probe.then = then_tick;
    probe.other = &metronome;
    arm(loop, &probe, start + 10300);
    run(loop);
    qsort(metronome.late, TICKS, sizeof(metronome.late[0]), by_size);
    print_message("timer lateness, ms: median %.2f, most %.2f; %d polls for %d ticks\n",
                  (double)metronome.late[TICKS / 2] / 1000,
                  (double)metronome.late[TICKS - 1] / 1000, polls, TICKS);
    assert_true(metronome.late[0] < MS(2)); /* the best of them: a busy machine delays the others */
    assert_true(probe.timer.due == start + TICKS * 10300); /* no drift */
    assert_in_range(polls, 1, TICKS + 5);
}

/* Sockets. */

typedef struct end_t {
    tier_loop_socket_t watched;
    apr_socket_t *near;
    int far; /* what is written here arrives at near */
    int events;
    apr_int16_t last;
    void (*then)(tier_loop_t *loop, struct end_t *end);
    struct end_t *other;
    struct end_t *spare;
} end_t;

static void socket_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    end_t *end = socket->baton;

    end->events++;
    end->last = events;
    if (end->then) {
        end->then(loop, end);
    }
}

static apr_status_t close_far(void *data)
{
    end_t *end = data;

    if (end->far >= 0) {
        close(end->far);
    }
    return APR_SUCCESS;
}

static void open_end(end_t *end, apr_pool_t *pool)
{
    int pair[2];

    memset(end, 0, sizeof(*end));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(apr_os_sock_put(&end->near, &pair[0], pool), APR_SUCCESS);
    end->far = pair[1];
    end->watched.ready = socket_ready;
    end->watched.baton = end;
    end->watched.socket = end->near;
    apr_pool_cleanup_register(pool, end, close_far, apr_pool_cleanup_null);
}

static void send_byte(end_t *end)
{
    assert_int_equal(write(end->far, "x", 1), 1);
}

static void read_all(end_t *end)
{
    char bytes[16];
    apr_size_t size = sizeof(bytes);

    while (apr_socket_recv(end->near, bytes, &size) == APR_SUCCESS && size) {
        size = sizeof(bytes);
    }
}

static void watch(tier_loop_t *loop, end_t *end, apr_int16_t events)
{
    assert_int_equal(tier_loop_socket_watch(loop, &end->watched, events), APR_SUCCESS);
}

static void run_for(tier_loop_t *loop, apr_interval_time_t time)
{
    probe_t end = {{0}};

    stop_at(loop, &end, tier_clock_now() + time);
    run(loop);
}

static void then_read(tier_loop_t *loop, end_t *end)
{
    (void)loop;
    read_all(end);
}

static void a_socket_tells_that_it_is_readable(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    end_t end;

    open_end(&end, *state);
    end.then = then_read;
    watch(loop, &end, APR_POLLIN);
    run_for(loop, MS(5));
    assert_int_equal(end.events, 0);
    send_byte(&end);
    run_for(loop, MS(5));
    assert_int_equal(end.events, 1);
    assert_int_equal(end.last, APR_POLLIN);
    tier_loop_socket_forget(loop, &end.watched);
    tier_loop_socket_forget(loop, &end.watched);
    send_byte(&end);
    run_for(loop, MS(5));
    assert_int_equal(end.events, 1);
}

static void then_want_to_read(tier_loop_t *loop, end_t *end)
{
    watch(loop, end, APR_POLLIN);
}

static void a_socket_can_be_watched_for_something_else(void **state)
{
    tier_loop_t *loop = make_loop(1, *state);
    end_t end;

    open_end(&end, *state);
    end.then = then_want_to_read;
    watch(loop, &end, APR_POLLIN | APR_POLLOUT);
    run_for(loop, MS(5));
    assert_int_equal(end.events, 1);
    assert_int_equal(end.last, APR_POLLOUT);
    end.then = then_read;
    send_byte(&end);
    run_for(loop, MS(5));
    assert_int_equal(end.events, 2);
    assert_int_equal(end.last, APR_POLLIN);
}

static void then_forget(tier_loop_t *loop, end_t *end)
{
    tier_loop_socket_forget(loop, &end->watched);
}

static void a_hang_up_is_told(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    end_t end;

    open_end(&end, *state);
    end.then = then_forget;
    watch(loop, &end, APR_POLLOUT);
    close(end.far);
    end.far = -1;
    run_for(loop, MS(5));
    assert_int_equal(end.events, 1);
    assert_true(end.last & APR_POLLHUP);
}

/* The one of a pair that was told first: epoll chooses. */
static end_t *survivor;

/* The pair is on the heap: a use after free is visible to the address sanitizer. */
static void then_free_the_other(tier_loop_t *loop, end_t *end)
{
    end_t *other = end->other;

    read_all(end);
    if (other) {
        tier_loop_socket_forget(loop, &other->watched);
        assert_null(other->watched.slot);
        apr_socket_close(other->near);
        close(other->far);
        memset(other, 0xee, sizeof(*other));
        free(other);
        end->other = NULL;
        survivor = end;
    }
}

static end_t *open_on_heap(apr_pool_t *pool)
{
    end_t *end = malloc(sizeof(*end));

    assert_non_null(end);
    open_end(end, pool);
    apr_pool_cleanup_kill(pool, end, close_far);
    end->then = then_free_the_other;
    return end;
}

static void a_forgotten_socket_is_silent_in_the_same_round(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    end_t *one = open_on_heap(*state), *two = open_on_heap(*state);

    one->other = two;
    two->other = one;
    send_byte(one);
    send_byte(two);
    watch(loop, one, APR_POLLIN);
    watch(loop, two, APR_POLLIN);
    run_for(loop, MS(5));
    assert_non_null(survivor);
    assert_int_equal(survivor->events, 1);
    close(survivor->far);
    apr_socket_close(survivor->near);
    free(survivor);
}

/* The slot of a socket that was forgotten goes to another one at once; the event does not. */
static void then_replace_the_other(tier_loop_t *loop, end_t *end)
{
    tier_loop_slot_t *slot = end->other->watched.slot;

    read_all(end);
    tier_loop_socket_forget(loop, &end->other->watched);
    watch(loop, end->spare, APR_POLLIN);
    assert_ptr_equal(end->spare->watched.slot, slot);
}

static void a_stale_event_does_not_reach_the_next_owner_of_a_slot(void **state)
{
    tier_loop_t *loop = make_loop(2, *state);
    end_t one, two, spare;

    open_end(&one, *state);
    open_end(&two, *state);
    open_end(&spare, *state);
    one.then = two.then = then_replace_the_other;
    one.other = &two;
    two.other = &one;
    one.spare = two.spare = &spare;
    send_byte(&one);
    send_byte(&two);
    watch(loop, &one, APR_POLLIN);
    watch(loop, &two, APR_POLLIN);
    run_for(loop, MS(5));
    assert_int_equal(one.events + two.events, 1);
    assert_int_equal(spare.events, 0);
    spare.then = then_read;
    send_byte(&spare);
    run_for(loop, MS(5));
    assert_int_equal(spare.events, 1);
}

static void then_change_the_other(tier_loop_t *loop, end_t *end)
{
    watch(loop, end->other, APR_POLLIN);
}

/* Both are writable at first; the first to be told changes the other to reading. */
static void an_event_no_longer_asked_for_is_dropped(void **state)
{
    tier_loop_t *loop = make_loop(2, *state);
    end_t one, two;

    open_end(&one, *state);
    open_end(&two, *state);
    one.then = two.then = then_change_the_other;
    one.other = &two;
    two.other = &one;
    watch(loop, &one, APR_POLLOUT);
    watch(loop, &two, APR_POLLOUT);
    run_for(loop, 0);
    assert_int_equal(polls, 1);
    assert_int_equal(one.events + two.events, 1);
}

static void no_more_sockets_than_promised(void **state)
{
    tier_loop_t *loop = make_loop(2, *state);
    end_t ends[3];

    for (int i = 0; i < 3; i++) {
        open_end(&ends[i], *state);
    }
    watch(loop, &ends[0], APR_POLLIN);
    watch(loop, &ends[1], APR_POLLIN);
    assert_int_equal(tier_loop_socket_watch(loop, &ends[2].watched, APR_POLLIN), APR_ENOMEM);
    assert_null(ends[2].watched.slot);
    watch(loop, &ends[1], APR_POLLIN); /* is watched already */
    tier_loop_socket_forget(loop, &ends[0].watched);
    watch(loop, &ends[2], APR_POLLIN);
    send_byte(&ends[0]);
    send_byte(&ends[2]);
    run_for(loop, MS(3));
    assert_int_equal(ends[0].events, 0);
    assert_true(ends[2].events > 0);
}

static void a_closed_descriptor_is_refused(void **state)
{
    tier_loop_t *loop = make_loop(1, *state);
    end_t bad, good;
    apr_os_sock_t descriptor;

    open_end(&bad, *state);
    open_end(&good, *state);
    apr_os_sock_get(&descriptor, bad.near);
    close(descriptor);
    assert_int_equal(tier_loop_socket_watch(loop, &bad.watched, APR_POLLIN), EBADF);
    assert_null(bad.watched.slot);
    watch(loop, &good, APR_POLLIN); /* the slot is free again */
}

/* A busy socket must not starve timers, busy timers must not starve sockets, nor one socket
 * another. */
static void everybody_has_a_turn(void **state)
{
    enum { BUSY = 50 };
    tier_loop_t *loop = make_loop(BUSY, *state);
    end_t ends[BUSY];
    probe_t restless = {{0}}, end = {{0}};
    int least = 1 << 30, most = 0;

    for (int i = 0; i < BUSY; i++) {
        open_end(&ends[i], *state);
        send_byte(&ends[i]); /* never read */
        watch(loop, &ends[i], APR_POLLIN);
    }
    restless.then = then_arm_again_in_the_past;
    restless.fired = -1000000; /* never enough */
    arm(loop, &restless, 0);
    stop_at(loop, &end, tier_clock_now() + MS(50));
    run(loop);
    for (int i = 0; i < BUSY; i++) {
        least = ends[i].events < least ? ends[i].events : least;
        most = ends[i].events > most ? ends[i].events : most;
    }
    assert_int_equal(end.fired, 1);
    assert_int_equal(restless.fired + 1000000, polls);
    assert_int_equal(least, polls);
    assert_int_equal(most, polls);
}

/* The loop itself. */

static void *stop_soon(void *data)
{
    usleep(30000);
    tier_loop_stop(data);
    return NULL;
}

static void another_thread_stops_it(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    apr_time_t start = tier_clock_now();
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, stop_soon, loop), 0);
    run(loop); /* no timer, no socket: waits for ever */
    pthread_join(thread, NULL);
    assert_true(tier_clock_now() - start >= MS(30));
    assert_in_range(polls, 1, 2);
}

static void a_stop_before_the_run_counts(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    probe_t probe = {{0}};

    tier_loop_stop(loop);
    run(loop);
    assert_int_equal(polls, 0);
    arm(loop, &probe, 1);
    run_for(loop, MS(3)); /* and it may be run again */
    assert_int_equal(probe.fired, 1);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

/* Each signal interrupts a poll; a busy machine delivers several as one. */
static void then_stop_after_some_polls(tier_loop_t *loop, probe_t *probe)
{
    if (polls > 5) {
        tier_loop_stop(loop);
    } else {
        arm(loop, probe, tier_loop_now(loop) + MS(40));
    }
}

static void a_signal_does_not_end_it(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    struct sigaction action = {0}, before;
    struct itimerval every = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    probe_t probe = {{0}};
    apr_time_t start = tier_clock_now();

    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &every, NULL);
    probe.then = then_stop_after_some_polls;
    arm(loop, &probe, start + MS(40));
    run(loop);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_true(probe.now >= start + MS(40));
    assert_true(polls > 5);
}

static void what_the_pollset_says_ends_it(void **state)
{
    tier_loop_t *loop = make_loop(4, *state);
    tier_loop_t *none = NULL;

    poll_fails = EBADF;
    assert_int_equal(tier_loop_run(loop), EBADF);
    poll_fails = APR_SUCCESS;
    create_fails = EMFILE;
    assert_int_equal(tier_loop_create(&none, 4, *state), EMFILE);
    assert_null(none);
    create_fails = APR_SUCCESS;
}

static void then_clear(tier_loop_t *loop, probe_t *probe)
{
    tier_loop_clear(loop);
    stop_at(loop, probe->other, tier_loop_now(loop) + MS(10));
}

static void clear_leaves_nothing_armed(void **state)
{
    tier_loop_t *loop = make_loop(2, *state);
    probe_t first = {{0}}, same_round = {{0}}, later = {{0}}, end = {{0}};
    end_t one;

    open_end(&one, *state);
    watch(loop, &one, APR_POLLIN);
    first.then = then_clear;
    first.other = &end;
    arm(loop, &first, 1);
    arm(loop, &same_round, 2);
    arm(loop, &later, tier_clock_now() + MS(5));
    send_byte(&one);
    one.then = then_read;
    run(loop);
    assert_int_equal(one.events, 1); /* sockets come before timers */
    assert_int_equal(same_round.fired + later.fired, 0);
    assert_int_equal(same_round.timer.slot, 0);
    assert_int_equal(later.timer.slot, 0);
    assert_null(one.watched.slot);
    assert_int_equal(end.fired, 1);
}

static void its_descriptors_go_with_the_pool(void **state)
{
    tier_loop_t *loop = NULL;
    apr_pool_t *pool;
    int before = dup(0), after;

    close(before);
    apr_pool_create(&pool, *state);
    assert_int_equal(tier_loop_create(&loop, 16, pool), APR_SUCCESS);
    apr_pool_destroy(pool);
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(timers_fire_in_order_and_never_early),
        test_with_pool(a_timer_can_be_moved_and_cancelled),
        test_with_pool(a_due_timer_can_be_cancelled_by_another),
        test_with_pool(a_due_timer_can_be_moved_by_another),
        test_with_pool(a_past_time_fires_once_each_round),
        test_with_pool(the_farthest_time_is_not_now),
        test_with_pool(thousands_of_timers_keep_their_word),
        test_with_pool(a_period_is_kept_without_spinning),
        test_with_pool(a_socket_tells_that_it_is_readable),
        test_with_pool(a_socket_can_be_watched_for_something_else),
        test_with_pool(a_hang_up_is_told),
        test_with_pool(a_forgotten_socket_is_silent_in_the_same_round),
        test_with_pool(a_stale_event_does_not_reach_the_next_owner_of_a_slot),
        test_with_pool(an_event_no_longer_asked_for_is_dropped),
        test_with_pool(no_more_sockets_than_promised),
        test_with_pool(a_closed_descriptor_is_refused),
        test_with_pool(everybody_has_a_turn),
        test_with_pool(another_thread_stops_it),
        test_with_pool(a_stop_before_the_run_counts),
        test_with_pool(a_signal_does_not_end_it),
        test_with_pool(what_the_pollset_says_ends_it),
        test_with_pool(clear_leaves_nothing_armed),
        test_with_pool(its_descriptors_go_with_the_pool),
    };
    return cmocka_run_group_tests_name("common_loop", tests, start_apr, stop_apr);
}
