/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that fail, or that a signal interrupts: no byte is lost, and none comes twice. */
#include "reproxy_relay_testing.h"

#include <signal.h>

#include "reproxy_relay_rest.h"
#include "reproxy_relay_run.h"
#include "reproxy_relay_tally.h"

/* A call that fails `times` times with `error`, after it has worked `after` times. */
typedef struct fault_t {
    int after, times, error;
} fault_t;

static struct {
    fault_t send, recv, fill, empty, poll, kill;
    int empties_nothing; /* what splice(2) to the client returns is 0 */
    int has_no_memory;
} faults;

static line_t line;
static reproxy_relay_transfer_t transfer;
static reproxy_relay_pipes_t pipes;

ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __real_recv(int, void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __real_splice(int, off_t *, int, off_t *, size_t, unsigned);
ssize_t __wrap_splice(int, off_t *, int, off_t *, size_t, unsigned);
int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *, nfds_t, int);
int __real_kill(pid_t, int);
int __wrap_kill(pid_t, int);
void *__real_malloc(size_t);
void *__wrap_malloc(size_t);

static int fails(fault_t *fault)
{
    if (fault->after > 0) {
        fault->after--;
        return 0;
    }
    if (fault->times == 0) {
        return 0;
    }
    fault->times--;
    errno = fault->error;
    return 1;
}

/* The calls of the engine only, not those of the test that plays both ends. */
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
    return fd == line.job.client && fails(&faults.send) ? -1 : __real_send(fd, data, size, flags);
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    return fd == line.job.source && fails(&faults.recv) ? -1 : __real_recv(fd, data, size, flags);
}

ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags)
{
    if (out == line.job.client && faults.empties_nothing) {
        return 0;
    }
    if (fails(out == line.job.client ? &faults.empty : &faults.fill)) {
        return -1;
    }
    return __real_splice(in, in_at, out, out_at, size, flags);
}

int __wrap_poll(struct pollfd *ends, nfds_t count, int timeout)
{
    return ends->fd == line.job.client && fails(&faults.poll) ? -1
                                                              : __real_poll(ends, count, timeout);
}

int __wrap_kill(pid_t pid, int number)
{
    return fails(&faults.kill) ? -1 : __real_kill(pid, number);
}

void *__wrap_malloc(size_t size)
{
    return faults.has_no_memory ? NULL : __real_malloc(size);
}

static void begin(apr_int64_t length, apr_size_t max_pipes)
{
    memset(&faults, 0, sizeof(faults));
    make_line(&line, length, 0);
    reproxy_relay_pipes_init(&pipes, max_pipes, NULL);
    reproxy_relay_transfer_begin(&transfer, &line.job, &pipes, tier_clock_now());
}

/* Feeds what the source's socket takes before the transfer moves anything. */
static void feed_all(void)
{
    while (line.fed < line.to_feed) {
        feed(&line);
    }
}

static void end(void)
{
    reproxy_relay_transfer_release(&transfer);
    reproxy_relay_pipes_close(&pipes);
    close_line(&line);
    assert_int_equal(pipes.out, 0);
}

/* Carries the transfer to its end, and reads as the client what it has sent. */
static void carry_to_end(reproxy_relay_end_e expected)
{
    assert_int_equal(reproxy_relay_run(&transfer, 0), REPROXY_RELAY_FOR_NOTHING);
    assert_int_equal(line.job.end, expected);
    line.done = 1;
    play(&line);
}

static void a_signal_costs_no_byte(void **state)
{
    static const fault_t often = {0, 3, EINTR};

    (void)state;
    for (apr_size_t limit = 0; limit < 2; limit++) { /* copied, spliced */
        begin(60000, limit);
        line.job.head = malloc(1000);
        line.job.head_size = 1000;
        fill_pattern(line.job.head, 0, 1000);
        line.fed = transfer.taken = 1000;
        feed_all();
        faults.send = faults.recv = faults.fill = faults.empty = often;
        carry_to_end(REPROXY_RELAY_COMPLETE);
        assert_int_equal(line.got, 60000);
        assert_int_equal(faults.send.times, 0);
        assert_int_equal((limit ? &faults.fill : &faults.recv)->times, 0);
        assert_int_equal(faults.empty.times, limit ? 0 : 3);
        end();
    }
}

/* After the first filling: what the pipe holds then is read from it. */
static void where_splice_cannot_be_used_bytes_are_copied(void **state)
{
    static const int errors[] = {EINVAL, ENOSYS, ENOMEM, EOPNOTSUPP};

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        begin(60000, 1);
        feed_all();
        faults.fill = (fault_t){0, 1, errors[i]};
        carry_to_end(REPROXY_RELAY_COMPLETE);
        assert_int_equal(line.got, 60000);
        assert_true(transfer.copying);
        end();
        begin(60000, 1);
        feed_all();
        faults.empty = (fault_t){0, 1, errors[i]};
        carry_to_end(REPROXY_RELAY_COMPLETE);
        assert_int_equal(line.got, 60000);
        assert_true(transfer.copying && transfer.piped == 0);
        end();
    }
}

static void a_client_whose_socket_breaks_is_gone(void **state)
{
    (void)state;
    begin(60000, 1);
    feed_all();
    faults.empty = (fault_t){0, 1, EPIPE};
    carry_to_end(REPROXY_RELAY_CLIENT_GONE);
    assert_int_equal(line.job.sent, 0);
    end();
    begin(60000, 1);
    feed_all();
    faults.empties_nothing = 1;
    carry_to_end(REPROXY_RELAY_CLIENT_GONE);
    end();
    begin(60000, 0);
    feed_all();
    faults.send = (fault_t){1, 1, ECONNRESET};
    carry_to_end(REPROXY_RELAY_CLIENT_GONE);
    assert_true(line.job.sent > 0 && line.job.sent < 60000);
    end();
}

/* Another copy may have its rest: what the source gave before is not lost. */
static void a_source_that_breaks_has_ended(void **state)
{
    (void)state;
    for (apr_size_t limit = 0; limit < 2; limit++) {
        begin(60000, limit);
        line.to_feed = 5000;
        feed_all();
        *(limit ? &faults.fill : &faults.recv) = (fault_t){1, 1, ECONNRESET};
        carry_to_end(REPROXY_RELAY_SOURCE_ENDED);
        assert_int_equal(line.got, 5000);
        end();
    }
}

static void without_memory_another_source_may_have_it(void **state)
{
    (void)state;
    begin(60000, 0);
    feed_all();
    faults.has_no_memory = 1;
    carry_to_end(REPROXY_RELAY_SOURCE_ENDED);
    assert_int_equal(line.job.sent, 0);
    end();
}

/* The rest that a worker sends. */

static char given[400000];

static apr_status_t give_all(void *baton, const char **data, apr_size_t *size)
{
    (void)baton;
    *data = given;
    *size = sizeof(given);
    return APR_SUCCESS;
}

/* Sends what a client with small buffers does not take at once; it reads nothing. */
static reproxy_relay_end_e send_rest(apr_int64_t *sent)
{
    int source[2], client[2];

    unix_pair(source);
    tcp_pair(client, 4096);
    line_of(&line, source, client, sizeof(given));
    *sent = 0;
    return reproxy_relay_rest_send(line.job.client, MS(20), sizeof(given), give_all, NULL, sent);
}

static void the_rest_is_sent_whatever_interrupts_it(void **state)
{
    apr_int64_t sent;

    (void)state;
    fill_pattern(given, 0, sizeof(given));
    memset(&faults, 0, sizeof(faults));
    faults.send = faults.poll = (fault_t){0, 3, EINTR};
    assert_int_equal(send_rest(&sent), REPROXY_RELAY_CLIENT_STALLED);
    assert_int_equal(faults.send.times + faults.poll.times, 0);
    assert_true(sent > 0);
    while (line.got < sent) {
        read_some(&line);
    }
    close_line(&line);
    faults.poll = (fault_t){0, 1, ENOMEM};
    assert_int_equal(send_rest(&sent), REPROXY_RELAY_CLIENT_GONE);
    close_line(&line);
}

/* What children run. */

static void a_child_of_another_user_is_alive(void **state)
{
    reproxy_relay_tally_t *tally = apr_pcalloc(*state, reproxy_relay_tally_size(1));
    reproxy_relay_child_t *place;

    memset(&faults, 0, sizeof(faults));
    tally->child_count = 1;
    place = reproxy_relay_tally_join(tally, 12345);
    assert_non_null(place);
    faults.kill = (fault_t){0, 1, EPERM};
    assert_null(reproxy_relay_tally_join(tally, 12346));
    faults.kill = (fault_t){0, 1, ESRCH};
    assert_ptr_equal(reproxy_relay_tally_join(tally, 12346), place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_costs_no_byte),
        cmocka_unit_test(where_splice_cannot_be_used_bytes_are_copied),
        cmocka_unit_test(a_client_whose_socket_breaks_is_gone),
        cmocka_unit_test(a_source_that_breaks_has_ended),
        cmocka_unit_test(without_memory_another_source_may_have_it),
        cmocka_unit_test(the_rest_is_sent_whatever_interrupts_it),
        test_with_pool(a_child_of_another_user_is_alive),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
