/* SPDX-License-Identifier: Apache-2.0 */
/* The client against servers that lie, dawdle and hang up: never a wrong byte, never later than the
 * deadline. */
#include "common_memcache_talk.h"

#include <stdlib.h>
#include <errno.h>
#include <sys/resource.h>

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
        test_with_pool(a_call_without_a_free_descriptor_fails),
        test_with_pool(the_line_says_what_came),
        test_with_pool(the_threshold_is_of_consecutive_failures),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
