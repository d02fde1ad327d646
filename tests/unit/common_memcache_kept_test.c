/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that the client keeps between two calls, and servers that do not keep them. */
#include "common_memcache_talk.h"

/* Answers each question, the second one too late and with another value. */
static int answer_late(fake_t *fake, int fd, const char *question)
{
    int late = seen(&fake->questions) == 2;
    char answer[128];

    (void)question;
    if (late)
        usleep((useconds_t)(DEADLINE + DEADLINE / 4));
    snprintf(answer, sizeof(answer), "VALUE k 7 5\r\n%s\r\nEND\r\n", late ? "wrong" : "value");
    return tell(fd, answer, strlen(answer));
}

/* The connection was kept, and the next call comes before the late answer. */
static void a_late_answer_is_not_read_by_the_next_call(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet_within(DEADLINE, &fake, &rig, *state, answer_late, NULL);
    assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
    assert_int_equal(look_up(&rig, &took), APR_TIMEUP);
    assert_true(wait_until(look_up(&rig, &took) == APR_SUCCESS, PATIENCE));
    assert_true(seen(&fake.connections) >= 2);
    part(&fake, &rig);
}

static int had_answers, said_too_much; /* atomic */

/* The answer, and when the client has it one that nobody asked for. */
static int say_too_much(fake_t *fake, int fd, const char *question)
{
    static const char more[] = "VALUE k 7 5\r\nwrong\r\nEND\r\n";
    int is_gone;

    (void)fake;
    (void)question;
    if (tell(fd, ANSWER, strlen(ANSWER)) ||
        !wait_until(seen(&had_answers) > seen(&said_too_much), PATIENCE))
        return 1;
    is_gone = tell(fd, more, sizeof(more) - 1);
    __atomic_add_fetch(&said_too_much, 1, __ATOMIC_ACQ_REL);
    return is_gone;
}

static void an_answer_that_nobody_asked_for_is_not_read(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    had_answers = said_too_much = 0;
    meet(&fake, &rig, *state, say_too_much, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
        __atomic_add_fetch(&had_answers, 1, __ATOMIC_ACQ_REL);
        assert_true(wait_until(seen(&said_too_much) > i, PATIENCE));
    }
    assert_int_equal(seen(&fake.connections), 3);
    assert_int_equal(rig.breakers[0].failures, 0);
    part(&fake, &rig);
}

/* Serves one question a connection: closes on the second, as a server does that closes idle
 * connections just then. */
static int close_on_second(fake_t *fake, int fd, const char *question)
{
    (void)question;
    if (fake->questions % 2 ==
        0) /* the second of each connection, until the client has come again */
        return 1;
    return tell(fd, ANSWER, strlen(ANSWER));
}

static void a_kept_connection_that_closes_is_replaced_without_a_failure(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, close_on_second, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
    assert_int_equal(seen(&fake.connections), 5);
    assert_int_equal(seen(&fake.questions), 9);
    assert_int_equal(rig.breakers[0].failures, 0);
    assert_int_equal(line_count(&rig), 0);
    part(&fake, &rig);
}

/* A new connection that closes is a failure: there is no third try. */
static int close_always(fake_t *fake, int fd, const char *question)
{
    (void)fake;
    (void)fd;
    (void)question;
    return 1;
}

/* As a server that was killed: what was on its way is lost, and the next packet is answered with a
 * reset. */
static int reset_on_second(fake_t *fake, int fd, const char *question)
{
    struct linger linger = {1, 0};

    if (seen(&fake->questions) % 2)
        return tell(fd, ANSWER, strlen(ANSWER));
    (void)question;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    return 1;
}

static void a_kept_connection_that_is_reset_is_replaced_without_a_failure(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, reset_on_second, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
    assert_int_equal(seen(&fake.connections), 5);
    assert_int_equal(rig.breakers[0].failures, 0);
    part(&fake, &rig);
}

static void a_server_that_only_hangs_up_is_asked_once_a_call(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, close_always, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(look_up(&rig, &took), APR_EGENERAL);
    assert_int_equal(seen(&fake.connections), 5);
    assert_int_equal(rig.breakers[0].failures, 5);
    part(&fake, &rig);
}

/* What a kept connection is worth is not known any more once the server has failed. */
static void connections_of_before_an_outage_are_not_used_after_it(void **state)
{
    apr_time_t took, now;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, say_text, ANSWER);
    assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
    now = tier_clock_now();
    assert_int_equal(tier_breaker_failure(&rig.breakers[0], 1, now, now), 1);
    assert_int_equal(look_up(&rig, &took), APR_EAGAIN);
    assert_int_equal(tier_breaker_success(&rig.breakers[0], now, now + 1), 1);
    assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
    assert_int_equal(seen(&fake.connections), 2);
    part(&fake, &rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_late_answer_is_not_read_by_the_next_call),
        test_with_pool(an_answer_that_nobody_asked_for_is_not_read),
        test_with_pool(a_kept_connection_that_closes_is_replaced_without_a_failure),
        test_with_pool(a_kept_connection_that_is_reset_is_replaced_without_a_failure),
        test_with_pool(a_server_that_only_hangs_up_is_asked_once_a_call),
        test_with_pool(connections_of_before_an_outage_are_not_used_after_it),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
