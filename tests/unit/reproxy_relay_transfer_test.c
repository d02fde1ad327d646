/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of a transfer, by a clock of the test's own: nothing here depends on how fast it runs.
 */
#include "reproxy_relay_testing.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "reproxy_relay_transfer.h"

#define STALL MS(400)

typedef struct scene_t {
    line_t line;
    reproxy_relay_pipes_t pipes;
    reproxy_relay_transfer_t transfer;
    apr_time_t now;
} scene_t;

static void begin(scene_t *scene, apr_int64_t length)
{
    memset(scene, 0, sizeof(*scene));
    make_line(&scene->line, length, 0);
    scene->line.job.client_stall = scene->line.job.source_stall = STALL;
    scene->now = apr_time_from_sec(1000);
    reproxy_relay_pipes_init(&scene->pipes, 1, NULL);
    reproxy_relay_transfer_begin(&scene->transfer, &scene->line.job, &scene->pipes, scene->now);
}

static void end(scene_t *scene)
{
    reproxy_relay_transfer_release(&scene->transfer);
    reproxy_relay_pipes_close(&scene->pipes);
    close_line(&scene->line);
}

static int goes_on(scene_t *scene, apr_interval_time_t later)
{
    scene->now += later;
    return reproxy_relay_transfer_check(&scene->transfer, scene->now) != 0;
}

static void wait_readable(int fd)
{
    struct pollfd readable = {fd, POLLIN, 0};

    assert_int_equal(poll(&readable, 1, (int)apr_time_as_msec(LIMIT)), 1);
}

static void a_slow_pace_is_no_stall(void **state)
{
    scene_t scene;
    line_t *line = &scene.line;

    (void)state;
    begin(&scene, 20);
    line->feed_max = 1;
    while (line->fed < line->to_feed) {
        assert_true(goes_on(&scene, STALL - MS(1)));
        feed(line);
        wait_readable(line->job.source);
        reproxy_relay_transfer_move(&scene.transfer, scene.now);
        wait_readable(line->reader);
        read_some(line);
    }
    assert_int_equal(scene.transfer.wait, REPROXY_RELAY_FOR_NOTHING);
    assert_int_equal(line->job.end, REPROXY_RELAY_COMPLETE);
    assert_int_equal(line->got, 20);
    end(&scene);
}

static void a_source_that_pauses_too_long_has_stalled(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, 20);
    assert_int_equal(reproxy_relay_transfer_move(&scene.transfer, scene.now),
                     REPROXY_RELAY_FOR_SOURCE);
    assert_true(goes_on(&scene, STALL - 1));
    assert_false(goes_on(&scene, 1));
    assert_int_equal(scene.line.job.end, REPROXY_RELAY_SOURCE_STALLED);
    end(&scene);
}

/* More was promised to the kernel, which would wait for it a fifth of a second. */
static void what_came_leaves_before_a_silent_source_gives_more(void **state)
{
    scene_t scene;
    line_t *line = &scene.line;
    int unsent = -1;

    (void)state;
    begin(&scene, 1000);
    line->to_feed = 100;
    feed(line);
    wait_readable(line->job.source);
    assert_int_equal(reproxy_relay_transfer_move(&scene.transfer, scene.now),
                     REPROXY_RELAY_FOR_SOURCE);
    assert_int_equal(line->job.sent, 100);
    assert_int_equal(ioctl(line->job.client, SIOCOUTQNSD, &unsent), 0);
    assert_int_equal(unsent, 0);
    end(&scene);
}

static int unacknowledged(const line_t *line)
{
    int bytes = 0;

    assert_int_equal(ioctl(line->job.client, SIOCOUTQ, &bytes), 0);
    return bytes;
}

/* Feeds until nothing goes to the client any more, as it reads nothing. */
static void fill(scene_t *scene)
{
    apr_int64_t before;

    do {
        before = scene->line.job.sent;
        feed(&scene->line);
        wait_readable(scene->line.job.source);
        reproxy_relay_transfer_move(&scene->transfer, scene->now);
    } while (scene->line.job.sent != before);
    assert_int_equal(scene->transfer.wait, REPROXY_RELAY_FOR_CLIENT);
}

/* The socket buffer holds megabytes: it becomes writable only when a third of them is read. */
static void a_slow_client_of_a_large_buffer_is_no_stall(void **state)
{
    scene_t scene;
    line_t *line = &scene.line;
    apr_time_t give_up;

    (void)state;
    begin(&scene, 50000000);
    fill(&scene);
    for (int i = 0; i < 5; i++) {
        int before = unacknowledged(line);

        give_up = tier_clock_now() + LIMIT;
        while (unacknowledged(line) >= before) {
            assert_true(tier_clock_now() < give_up);
            read_some(line);
        }
        assert_true(goes_on(&scene, STALL - MS(1)));
    }
    /* What the client's side acknowledges late may make it look alive once more. */
    give_up = tier_clock_now() + LIMIT;
    while (goes_on(&scene, STALL)) {
        assert_true(tier_clock_now() < give_up);
    }
    assert_int_equal(line->job.end, REPROXY_RELAY_CLIENT_STALLED);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_pace_is_no_stall),
        cmocka_unit_test(a_source_that_pauses_too_long_has_stalled),
        cmocka_unit_test(what_came_leaves_before_a_silent_source_gives_more),
        cmocka_unit_test(a_slow_client_of_a_large_buffer_is_no_stall),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
