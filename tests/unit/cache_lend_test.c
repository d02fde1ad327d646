/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is lent stays what it was. A pipe stands for a client's socket. */
#include "cache_in_place_testing.h"

#include "cache_lend.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define BODY  ((apr_size_t)600000)
#define READS 16 /* after which a record is lent */
#define PART  8192

static void read_often(cache_store_t *store, int number, int times, apr_pool_t *pool)
{
    cache_blob_t blob;

    for (int i = 0; i < times; i++) {
        assert_int_equal(get(store, number, &blob, pool), APR_SUCCESS);
        assert_null(blob.lend);
        blob.release(blob.baton);
    }
}

/* Puts a record and makes it one that is lent; returns it. */
static cache_blob_t hot_of(cache_store_t *store, int number, apr_size_t size, apr_pool_t *pool)
{
    cache_blob_t blob;

    assert_int_equal(put(store, number, 'a', size), APR_SUCCESS);
    read_often(store, number, READS, pool);
    assert_int_equal(get(store, number, &blob, pool), APR_SUCCESS);
    assert_non_null(blob.lend);
    return blob;
}

static cache_blob_t hot(cache_store_t *store, apr_pool_t *pool)
{
    return hot_of(store, 1, BODY, pool);
}

static const cache_piece_t *in_file(const cache_blob_t *blob)
{
    const cache_piece_t *piece = blob->pieces;

    while (piece->place < 0) {
        piece++;
        assert_true(piece < blob->pieces + blob->piece_count);
    }
    return piece;
}

/* The kernel takes a part of the body, and is slow to give it to anybody. */
typedef struct sent_t {
    int ends[2];
} sent_t;

static sent_t send_part(const cache_blob_t *blob)
{
    int file = blob->lend(blob->baton);
    loff_t from = in_file(blob)->place;
    sent_t sent;

    assert_true(file >= 0);
    assert_int_equal(pipe(sent.ends), 0);
    assert_int_equal(splice(file, &from, sent.ends[1], NULL, PART, 0), PART);
    return sent;
}

static void assert_sent(sent_t *sent, char letter)
{
    char bytes[PART];

    assert_int_equal(read(sent->ends[0], bytes, PART), PART);
    for (int i = 0; i < PART; i++)
        assert_int_equal(bytes[i], letter);
    close(sent->ends[0]);
    close(sent->ends[1]);
}

/* Writes to all of the store's memory, more than once: what was asked for is not evicted at once.
 */
static void fill(cache_store_t *store)
{
    for (int i = 0; i < 400; i++)
        assert_int_equal(put(store, 1000 + i, 'x', 20000), APR_SUCCESS);
    for (int i = 0; i < 20; i++)
        assert_int_equal(put(store, 2000 + i, 'y', BODY), APR_SUCCESS);
}

/* size: of the body, in one block with its head or in several. */
static void assert_pieces(cache_store_t *store, int number, apr_size_t size, apr_pool_t *pool)
{
    cache_blob_t blob = hot_of(store, number, size, pool);
    int file = blob.lend(blob.baton);
    apr_size_t large = 0;

    for (int i = 0; i < blob.piece_count; i++) {
        const cache_piece_t *piece = &blob.pieces[i];
        char *bytes = apr_palloc(pool, piece->size);

        if (piece->place < 0)
            continue;
        memset((char *)piece->data, '<', 1); /* so that a byte earlier or later is another one */
        assert_int_equal(pread(file, bytes, piece->size, piece->place), piece->size);
        assert_memory_equal(bytes, piece->data, piece->size);
        large += piece->size;
    }
    assert_true(large > size - 2 * 65536);
    blob.release(blob.baton);
    assert_int_equal(stripe()->lent_pins, 0);
    assert_int_equal(stripe()->pin_count, 0);
}

static void pieces_are_where_the_file_has_them(void **state)
{
    cache_store_t *store = make_file_store(*state);

    assert_pieces(store, 1, BODY, *state);
    assert_pieces(store, 2, 1000000, *state);
}

static void only_what_is_large_and_read_often_is_lent(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob;

    put(store, 1, 'a', 400000);
    read_often(store, 1, 2 * READS, *state);
    blob = hot_of(store, 2, BODY, *state);
    blob.release(blob.baton);
    put(store, 2, 'b', BODY);
    read_often(store, 2, READS, *state);
}

static void without_a_file_nothing_is_lent(void **state)
{
    cache_store_t *store = make_store(*state);

    put(store, 1, 'a', BODY);
    read_often(store, 1, 2 * READS, *state);
}

static void what_is_replaced_is_sent_as_it_was(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    sent_t sent = send_part(&blob);

    blob.release(blob.baton);
    assert_int_equal(put(store, 1, 'b', BODY), APR_SUCCESS);
    assert_int_equal(get(store, 1, &blob, *state), APR_SUCCESS);
    assert_int_equal(body_of(&blob, 'b'), BODY);
    blob.release(blob.baton);
    assert_sent(&sent, 'a');
}

static void what_is_removed_is_sent_as_it_was(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    sent_t sent = send_part(&blob);
    cache_id_t id = id_of(1);

    blob.release(blob.baton);
    store->remove(store, &id);
    assert_int_equal(bytes_in_use(), 0);
    fill(store);
    assert_sent(&sent, 'a');
}

/* It leaves when the hand comes by for the second time, as all others were asked for too. */
static void what_is_evicted_is_sent_as_it_was(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    sent_t sent = send_part(&blob);

    blob.release(blob.baton);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(store, 3000 + i, 'y', BODY), APR_SUCCESS);
        read_often(store, 3000 + i, 1, *state);
    }
    assert_int_equal(get(store, 1, &blob, *state), APR_NOTFOUND);
    assert_sent(&sent, 'a');
}

/* The last of its readers gives it back. */
static void what_is_replaced_while_it_is_read_is_sent_as_it_was(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    sent_t sent = send_part(&blob);

    assert_int_equal(put(store, 1, 'b', BODY), APR_SUCCESS);
    assert_int_equal(body_of(&blob, 'a'), BODY);
    blob.release(blob.baton);
    fill(store);
    assert_sent(&sent, 'a');
}

static sent_t sent_by_child;

static void send_and_die(cache_store_t *store, apr_pool_t *pool)
{
    cache_blob_t blob;
    loff_t from;

    get(store, 1, &blob, pool);
    from = in_file(&blob)->place;
    if (splice(blob.lend(blob.baton), &from, sent_by_child.ends[1], NULL, PART, 0) == PART)
        kill(getpid(), SIGKILL);
}

/* The kernel goes on for a process that is no more. */
static void what_a_killed_process_sent_is_sent_as_it_was(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    cache_id_t id = id_of(1);

    blob.release(blob.baton);
    assert_int_equal(pipe(sent_by_child.ends), 0);
    in_killed_process(send_and_die, store, *state);
    assert_int_equal(stripe()->lent_pins, 1);
    store->remove(store, &id);
    cache_shm_open(base, *state);
    assert_int_equal(stripe()->lent_pins, 0);
    assert_int_equal(bytes_in_use(), 0);
    fill(store);
    assert_sent(&sent_by_child, 'a');
}

static void half_a_change(cache_store_t *store, apr_pool_t *pool)
{
    (void)store;
    (void)pool;
    cache_stripe_lock(stripe());
    cache_stripe_begin_change(stripe());
    memset(units_of(stripe()), 0xff, 1000 * sizeof(cache_arena_unit_t));
}

/* What is damaged cannot say what was lent. */
static void a_damaged_stripe_gets_all_back(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    sent_t sent = send_part(&blob);

    blob.release(blob.baton);
    in_killed_process(half_a_change, store, *state);
    assert_int_equal(get(store, 1, &blob, *state), APR_NOTFOUND);
    fill(store);
    assert_sent(&sent, 'a');
}

/* Slow clients do not keep all pins; the others are for a moment only. */
static void slow_clients_leave_something(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blobs[PINS];
    int lent = 0;

    blobs[0] = hot(store, *state);
    for (int i = 1; i < PINS; i++)
        assert_int_equal(get(store, 1, &blobs[i], *state), APR_SUCCESS);
    for (int i = 0; i < PINS; i++)
        lent += blobs[i].lend(blobs[i].baton) >= 0;
    assert_int_equal(lent, PINS * 7 / 8);
    assert_true(blobs[0].lend(blobs[0].baton) >= 0); /* again, and not counted again */
    for (int i = 0; i < PINS; i++)
        blobs[i].release(blobs[i].baton);
    assert_int_equal(stripe()->lent_pins, 0);
    assert_int_equal(get(store, 1, &blobs[0], *state), APR_SUCCESS);
    assert_true(blobs[0].lend(blobs[0].baton) >= 0);
    blobs[0].release(blobs[0].baton);
}

/* Takes the file away while work runs: the kernel gives nothing back. */
static void what_the_kernel_keeps_is_never_used_again(void **state)
{
    cache_store_t *store = make_file_store(*state);
    cache_blob_t blob = hot(store, *state);
    sent_t sent = send_part(&blob);
    int file = stripe()->file;
    apr_uint64_t lost;

    blob.release(blob.baton);
    stripe()->file = sent.ends[0]; /* a pipe has no holes */
    assert_int_equal(put(store, 1, 'b', BODY), APR_SUCCESS);
    stripe()->file = file;
    lost = bytes_in_use() / 2;
    assert_true(lost >= BODY);
    fill(store);
    assert_sent(&sent, 'a');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(pieces_are_where_the_file_has_them),
        POOL_TEST(only_what_is_large_and_read_often_is_lent),
        POOL_TEST(without_a_file_nothing_is_lent),
        POOL_TEST(what_is_replaced_is_sent_as_it_was),
        POOL_TEST(what_is_removed_is_sent_as_it_was),
        POOL_TEST(what_is_evicted_is_sent_as_it_was),
        POOL_TEST(what_is_replaced_while_it_is_read_is_sent_as_it_was),
        POOL_TEST(what_a_killed_process_sent_is_sent_as_it_was),
        POOL_TEST(a_damaged_stripe_gets_all_back),
        POOL_TEST(slow_clients_leave_something),
        POOL_TEST(what_the_kernel_keeps_is_never_used_again),
    };

    return RUN_TESTS(tests);
}
