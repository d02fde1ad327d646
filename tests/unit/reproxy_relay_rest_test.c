/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_testing.h"

#include <pthread.h>

#include "reproxy_relay_rest.h"
#include "reproxy_relay_tally.h"

/* A source that gives a pattern in pieces, and breaks off. */
typedef struct giver_t {
    apr_int64_t given;
    apr_int64_t breaks_off;
    char piece[5000];
} giver_t;

static apr_status_t give(void *baton, const char **data, apr_size_t *size)
{
    giver_t *giver = baton;

    if (giver->given >= giver->breaks_off) {
        return APR_EOF;
    }
    *size = sizeof(giver->piece);
    fill_pattern(giver->piece, giver->given, *size);
    giver->given += (apr_int64_t)*size;
    *data = giver->piece;
    return APR_SUCCESS;
}

typedef struct reader_t {
    line_t line;
    apr_int64_t until;
} reader_t;

static void *read_all(void *data)
{
    reader_t *reader = data;

    while (reader->line.got < reader->until) {
        if (read_some(&reader->line) == 0) {
            break;
        }
        usleep(100);
    }
    return NULL;
}

static reproxy_relay_end_e send_to_reader(apr_int64_t length, giver_t *giver, apr_int64_t until,
                                          apr_int64_t *sent)
{
    reproxy_relay_end_e end;
    reader_t reader = {.until = until};
    pthread_t thread;
    int client[2];

    tcp_pair(client, 4096);
    reader.line.reader = client[0];
    pthread_create(&thread, NULL, read_all, &reader);
    end = reproxy_relay_rest_send(client[1], apr_time_from_sec(5), length, give, giver, sent);
    close(client[1]);
    pthread_join(thread, NULL);
    close(client[0]);
    assert_int_equal(reader.line.got, *sent);
    return end;
}

static void all_of_it_is_sent(void **state)
{
    giver_t giver = {0, 400000, ""};
    apr_int64_t sent = 0;

    (void)state;
    assert_int_equal(send_to_reader(400000, &giver, 400000, &sent), REPROXY_RELAY_COMPLETE);
    assert_int_equal(sent, 400000);
}

static void a_source_that_breaks_off(void **state)
{
    giver_t giver = {0, 50000, ""};
    apr_int64_t sent = 0;

    (void)state;
    assert_int_equal(send_to_reader(400000, &giver, 50000, &sent), REPROXY_RELAY_SOURCE_ENDED);
    assert_int_equal(sent, 50000);
}

static void a_client_that_goes_or_stands_still(void **state)
{
    giver_t giver = {0, 100000000, ""};
    apr_int64_t sent = 0;
    int client[2];

    (void)state;
    tcp_pair(client, 4096);
    assert_int_equal(reproxy_relay_rest_send(client[1], MS(20), 100000000, give, &giver, &sent),
                     REPROXY_RELAY_CLIENT_STALLED);
    assert_true(sent > 0);
    close(client[0]);
    assert_int_equal(reproxy_relay_rest_send(client[1], MS(500), 100000000, give, &giver, &sent),
                     REPROXY_RELAY_CLIENT_GONE);
    close(client[1]);
}

static const tier_status_node_t *named(const tier_status_node_t *root, const char *name)
{
    const tier_status_node_t *node = root->first;

    while (node && strcmp(node->name, name) != 0) {
        node = node->next;
    }
    assert_non_null(node);
    return node;
}

static void a_child_that_died_runs_nothing(void **state)
{
    enum { CHILDREN = 2, NO_PROCESS = 0x7ffffff0 };
    reproxy_relay_tally_t *tally = apr_pcalloc(*state, reproxy_relay_tally_size(CHILDREN));
    reproxy_relay_child_t *dead, *alive;
    tier_status_node_t root = {0};

    tally->child_count = CHILDREN;
    dead = reproxy_relay_tally_join(tally, NO_PROCESS);
    dead->running = 7;
    alive = reproxy_relay_tally_join(tally, (apr_uint32_t)getpid());
    assert_ptr_equal(alive, dead); /* its place is free */
    alive->running = 3;
    assert_non_null(reproxy_relay_tally_join(tally, (apr_uint32_t)getppid()));
    assert_null(reproxy_relay_tally_join(tally, (apr_uint32_t)getpid()));
    tier_counter_add(&tally->ended[REPROXY_RELAY_CLIENT_GONE], 2);
    reproxy_relay_tally_report(tally, &root, *state);
    assert_int_equal(named(&root, "running")->number, 3);
    assert_int_equal(named(&root, "client_gone")->number, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(all_of_it_is_sent),
        test_with_pool(a_source_that_breaks_off),
        test_with_pool(a_client_that_goes_or_stands_still),
        test_with_pool(a_child_that_died_runs_nothing),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
