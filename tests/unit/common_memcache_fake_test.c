/* SPDX-License-Identifier: Apache-2.0 */
/* The client against servers that lie, dawdle and hang up: never a wrong byte, never later than the
 * deadline. */
#include "common_memcached.h"

#include <stdlib.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ANSWER "VALUE k 7 5\r\nvalue\r\nEND\r\n"

typedef int play_t(fake_t *fake, int fd, const char *question);

/* A fake that calls play, and a client of it that goes on asking however often it fails. */
static void meet_within(apr_interval_time_t deadline, fake_t *fake, rig_t *rig, apr_pool_t *pool,
                        play_t *play, const char *text)
{
    const char *servers[2] = {NULL, NULL};

    memset(fake, 0, sizeof(*fake));
    fake->play = play;
    fake->text = text;
    fake->size = text ? strlen(text) : 0;
    fake_start(fake);
    servers[0] = fake->server;
    rig_make(rig, pool, servers);
    rig->options.deadline = deadline;
    rig->options.failures = 1000000;
    rig_connect(rig);
}

static void meet(fake_t *fake, rig_t *rig, apr_pool_t *pool, play_t *play, const char *text)
{
    meet_within(PATIENCE, fake, rig, pool, play, text);
}

static void part(fake_t *fake, rig_t *rig)
{
    fake_stop(fake);
    apr_pool_destroy(rig->pool);
}

/* Sends all or ends with a client that hung up. */
static int tell(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0)
            return 1;
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static int say_text(fake_t *fake, int fd, const char *question)
{
    (void)question;
    return tell(fd, fake->text, fake->size);
}

static int say_text_and_close(fake_t *fake, int fd, const char *question)
{
    say_text(fake, fd, question);
    return 1;
}

static int trickle(fake_t *fake, int fd, const char *question)
{
    (void)question;
    for (size_t i = 0; i < fake->size; i++) {
        if (__atomic_load_n(&fake->stopping, __ATOMIC_ACQUIRE) || tell(fd, fake->text + i, 1))
            return 1;
        usleep(40 * 1000);
    }
    return 0;
}

/* The first text, then the same bytes as fast as they are taken, until the client hangs up. */
static int flood(fake_t *fake, int fd, const char *question)
{
    static const char block[65536];

    (void)question;
    if (tell(fd, fake->text, fake->size))
        return 1;
    while (!__atomic_load_n(&fake->stopping, __ATOMIC_ACQUIRE)) {
        if (tell(fd, block, sizeof(block)))
            return 1;
    }
    return 1;
}

/* Asks for k and returns how; the value, if there was one, was the right one. */
static apr_status_t look_up(rig_t *rig, apr_time_t *took)
{
    apr_time_t began = tier_clock_now();
    apr_uint32_t flags;
    apr_size_t size;
    char *value = NULL;
    apr_status_t status =
        tier_memcache_get(rig->memcache, "k", 1, &value, &size, &flags, rig->pool);

    *took = tier_clock_now() - began;
    if (status == APR_SUCCESS) {
        assert_int_equal(size, 5);
        assert_int_equal(flags, 7);
        assert_memory_equal(value, "value", 5);
    } else {
        assert_null(value);
    }
    return status;
}

static void a_right_answer_is_believed(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, say_text, ANSWER);
    for (int i = 0; i < 3; i++)
        assert_int_equal(look_up(&rig, &took), APR_SUCCESS);
    assert_int_equal(seen(&fake.connections), 1);
    assert_int_equal(seen(&fake.questions), 3);
    part(&fake, &rig);
}

/* Each wrong answer ends its connection, and one line says what came. */
static void wrong_answers_are_misses(void **state)
{
    static const char *const answers[] = {
        "what?\r\n",
        "\r\n",
        "\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "ERROR\r\n",
        "CLIENT_ERROR bad data chunk\r\n",
        "SERVER_ERROR backend is away\r\n",
        "SERVER_ERROR out of memory writing get response\r\n",
        "STORED\r\n",
        "END\r\nEND\r\n",
        "END \r\n",
        "END\n",
        "VALUE\r\n",
        "VALUE k\r\n",
        "VALUE k 7\r\n",
        "VALUE k 7 \r\n",
        "VALUE k  7 5\r\nvalue\r\nEND\r\n",
        "VALUE k 7 5 \r\nvalue\r\nEND\r\n",
        "VALUE k 7 5 99\r\nvalue\r\nEND\r\n",
        "VALUE k 7 5\nvalue\r\nEND\r\n",
        "VALUE q 7 5\r\nvalue\r\nEND\r\n",
        "VALUE kk 7 5\r\nvalue\r\nEND\r\n",
        "VALUE  7 5\r\nvalue\r\nEND\r\n",
        "VALUE k -7 5\r\nvalue\r\nEND\r\n",
        "VALUE k 4294967296 5\r\nvalue\r\nEND\r\n",
        "VALUE k 7 -1\r\nvalue\r\nEND\r\n",
        "VALUE k 7 +5\r\nvalue\r\nEND\r\n",
        "VALUE k 7 0x5\r\nvalue\r\nEND\r\n",
        "VALUE k 7 67108865\r\nvalue\r\nEND\r\n",
        "VALUE k 7 4294967295\r\nvalue\r\nEND\r\n",
        "VALUE k 7 18446744073709551615\r\nvalue\r\nEND\r\n",
        "VALUE k 7 99999999999999999999999999999999\r\nvalue\r\nEND\r\n",
        "VALUE k 7 4\r\nvalue\r\nEND\r\n",
        "VALUE k 7 5\r\nvalueXXEND\r\n",
        "VALUE k 7 5\r\nvalue\r\nEND\r\nVALUE k 7 5\r\nvalue\r\nEND\r\n",
        "VALUE k 7 5\r\nvalue\r\nVALUE k 7 5\r\nvalue\r\nEND\r\n",
        "VALUE k 7 5\r\nvalue\r\nERROR",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        apr_time_t took;
        fake_t fake;
        rig_t rig;

        meet(&fake, &rig, *state, say_text, answers[i]);
        if (look_up(&rig, &took) != APR_EGENERAL)
            fail_msg("was believed: %s", answers[i]);
        assert_true(wait_until(seen(&fake.hung_up), apr_time_from_sec(2)));
        assert_int_equal(rig.breakers[0].failures, 1);
        part(&fake, &rig);
    }
}

/* The keys of libmemcached's results have 251 bytes: it wrote past them. */
static void endless_keys_and_lines_end(void **state)
{
    static const size_t sizes[] = {249, 250, 251, 300, 490, 512, 513, 4096, 20000};
    char text[30000];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        apr_time_t took;
        fake_t fake;
        rig_t rig;

        memset(text, 'k', sizeof(text));
        memcpy(text, "VALUE ", 6);
        snprintf(text + 6 + sizes[i], sizeof(text) - 6 - sizes[i], " 7 5\r\nvalue\r\nEND\r\n");
        meet(&fake, &rig, *state, say_text, text);
        assert_int_equal(look_up(&rig, &took), APR_EGENERAL);
        part(&fake, &rig);
    }
}

static void an_answer_that_ends_early_is_a_miss(void **state)
{
    char text[sizeof(ANSWER)];

    for (size_t size = 0; size < strlen(ANSWER); size++) {
        apr_time_t took;
        fake_t fake;
        rig_t rig;

        memcpy(text, ANSWER, size);
        text[size] = '\0';
        meet(&fake, &rig, *state, say_text_and_close, text);
        assert_int_equal(look_up(&rig, &took), APR_EGENERAL);
        assert_true(took < PATIENCE / 2);
        part(&fake, &rig);
    }
}

static void half_an_answer_ends_at_the_deadline(void **state)
{
    static const char *const halves[] = {"", "VAL", "VALUE k 7 5\r\n",
                                         "VALUE k 7 5\r\nvalue\r\nEND\r",
                                         "VALUE k 7 60000000\r\nvalue"};

    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        apr_time_t took;
        fake_t fake;
        rig_t rig;

        meet_within(DEADLINE, &fake, &rig, *state, say_text, halves[i]);
        assert_int_equal(look_up(&rig, &took), APR_TIMEUP);
        assert_in_range(took, DEADLINE, DEADLINE + STALL);
        part(&fake, &rig);
    }
}

/* Each wait is short, the whole would take half a second and more. */
static void a_trickling_answer_ends_at_the_deadline(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet_within(DEADLINE, &fake, &rig, *state, trickle, ANSWER);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look_up(&rig, &took), APR_TIMEUP);
        assert_in_range(took, DEADLINE, DEADLINE + STALL);
    }
    assert_int_equal(seen(&fake.connections), 3);
    part(&fake, &rig);
}

static void an_endless_answer_ends_by_the_deadline(void **state)
{
    static const char *const beginnings[] = {"", "VALUE k 7 67108864\r\n", "VALUE k 7 5\r\n"};

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        apr_time_t took;
        apr_status_t status;
        fake_t fake;
        rig_t rig;

        meet_within(DEADLINE / 50, &fake, &rig, *state, flood, beginnings[i]);
        status = look_up(&rig, &took);
        assert_true(status == APR_TIMEUP || status == APR_EGENERAL);
        if (strstr(beginnings[i], "67108864")) /* it would come whole, much later */
            assert_int_equal(status, APR_TIMEUP);
        assert_true(took < STALL);
        part(&fake, &rig);
    }
}

/* Never reads: a value that fits into no buffer cannot be sent. */
static int sleep_on(fake_t *fake, int fd, const char *question)
{
    (void)fd;
    (void)question;
    while (!__atomic_load_n(&fake->stopping, __ATOMIC_ACQUIRE))
        usleep(1000);
    return 1;
}

static void sending_ends_at_the_deadline_too(void **state)
{
    size_t size = 32 * 1024 * 1024;
    char *value = calloc(1, size);
    apr_time_t began;
    fake_t fake;
    rig_t rig;

    meet_within(DEADLINE, &fake, &rig, *state, sleep_on, NULL);
    began = tier_clock_now();
    assert_int_equal(set(&rig, "k", value, size), APR_TIMEUP);
    assert_in_range(tier_clock_now() - began, DEADLINE, DEADLINE + STALL);
    part(&fake, &rig);
    free(value);
}

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

/* It is a failure like any other: the line says which. */
static void a_call_without_a_free_descriptor_fails(void **state)
{
    struct rlimit limit, none;
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, say_text, ANSWER);
    rig.options.failures = 1;
    rig_connect(&rig);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(look_up(&rig, &took), APR_EGENERAL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(line_count(&rig), 1);
    assert_int_equal(rig.log->lines[0].status, EMFILE);
    part(&fake, &rig);
}

static void the_line_says_what_came(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, say_text, "ERROR Too many \"open\"\x01 connections\r\n");
    rig.options.failures = 1;
    rig_connect(&rig);
    assert_int_equal(look_up(&rig, &took), APR_EGENERAL);
    assert_int_equal(look_up(&rig, &took), APR_EAGAIN);
    assert_int_equal(line_count(&rig), 1);
    assert_non_null(strstr(rig.log->lines[0].text, "ERROR Too many ?open?? connections"));
    part(&fake, &rig);
}

static void the_threshold_is_of_consecutive_failures(void **state)
{
    apr_time_t took;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, *state, say_text, "ERROR\r\n");
    rig.options.failures = 3;
    rig_connect(&rig);
    for (int i = 0; i < 3; i++)
        assert_int_equal(look_up(&rig, &took), APR_EGENERAL);
    assert_int_equal(look_up(&rig, &took), APR_EAGAIN);
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
        test_with_pool(a_right_answer_is_believed),
        test_with_pool(wrong_answers_are_misses),
        test_with_pool(endless_keys_and_lines_end),
        test_with_pool(an_answer_that_ends_early_is_a_miss),
        test_with_pool(half_an_answer_ends_at_the_deadline),
        test_with_pool(a_trickling_answer_ends_at_the_deadline),
        test_with_pool(an_endless_answer_ends_by_the_deadline),
        test_with_pool(sending_ends_at_the_deadline_too),
        test_with_pool(a_late_answer_is_not_read_by_the_next_call),
        test_with_pool(an_answer_that_nobody_asked_for_is_not_read),
        test_with_pool(a_kept_connection_that_closes_is_replaced_without_a_failure),
        test_with_pool(a_kept_connection_that_is_reset_is_replaced_without_a_failure),
        test_with_pool(a_call_without_a_free_descriptor_fails),
        test_with_pool(a_server_that_only_hangs_up_is_asked_once_a_call),
        test_with_pool(the_line_says_what_came),
        test_with_pool(the_threshold_is_of_consecutive_failures),
        test_with_pool(connections_of_before_an_outage_are_not_used_after_it),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
