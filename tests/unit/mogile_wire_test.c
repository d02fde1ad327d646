/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

static mogile_answer_t answer;

static apr_status_t read_text(const char *text, apr_pool_t *pool)
{
    return mogile_wire_read(&answer, text, strlen(text), pool);
}

static void values_are_quoted_so_that_no_byte_means_something(void **state)
{
    assert_string_equal(mogile_wire_quote("a+b&c=d%25", *state), "a%2Bb%26c%3Dd%2525");
    assert_string_equal(mogile_wire_quote("key with spaces", *state), "key+with+spaces");
    assert_string_equal(mogile_wire_quote("/img/2008/a-1_b,c.jpg", *state),
                        "/img/2008/a-1_b,c.jpg");
    assert_string_equal(mogile_wire_quote("caf\xc3\xa9.jpg", *state), "caf%C3%A9.jpg");
    assert_string_equal(mogile_wire_quote("a\r\nnoop\tx", *state), "a%0D%0Anoop%09x");
    assert_string_equal(mogile_wire_quote("C:\\a", *state), "C:\\a");
    assert_string_equal(mogile_wire_quote("", *state), "");
}

static void a_request_is_one_line(void **state)
{
    assert_string_equal(mogile_wire_request(*state, "get_paths", "domain", "web", "key", "a&key=b",
                                            "zone", NULL, "noverify", "1", NULL),
                        "get_paths domain=web&key=a%26key%3Db&noverify=1");
    assert_string_equal(mogile_wire_request(*state, "noop", NULL), "noop ");
}

static void every_recorded_answer_is_read(void **state)
{
    apr_array_header_t *lines = transcripts(*state);
    int read = 0;

    for (int i = 0; i < lines->nelts; i++) {
        const char *line = APR_ARRAY_IDX(lines, i, const char *);
        const char *sent = json_string(line, "send", *state);
        char *recv = json_string(line, "recv", *state), *last = NULL;

        if (!recv || !sent || sent[0] == '!')
            continue;
        for (char *one = apr_strtok(recv, "\r\n", &last); one;
             one = apr_strtok(NULL, "\r\n", &last)) {
            assert_int_equal(read_text(one, *state), APR_SUCCESS);
            assert_int_equal(answer.ok, one[0] == 'O');
            read++;
        }
    }
    assert_true(read > 120);
}

static void pairs_come_in_any_order(void **state)
{
    apr_int64_t number;

    read_answer_to(&answer, "get_paths domain=web&noverify=1&key=f1k&callid=42\r\n", *state);
    assert_true(answer.ok);
    assert_string_equal(answer.callid, "42");
    assert_true(mogile_wire_number(&answer, "paths", &number));
    assert_int_equal(number, 2);
    assert_string_equal(mogile_wire_value(&answer, "path2"),
                        "http://127.0.0.1:11023/dev3/0/000/000/0000000004.fid");
    assert_null(mogile_wire_value(&answer, "path3"));
    assert_false(mogile_wire_number(&answer, "path1", &number));
}

static void an_error_has_code_text_and_callid(void **state)
{
    read_answer_to(&answer, "get_paths domain=web&noverify=1&key=nosuch&callid=42\r\n", *state);
    assert_false(answer.ok);
    assert_string_equal(answer.code, "unknown_key");
    assert_string_equal(answer.callid, "42");
    read_answer_to(&answer, "get_paths domain=nodomain&noverify=1&key=f1k\r\n", *state);
    assert_string_equal(answer.code, "unreg_domain");
    assert_string_equal(answer.text, "Domain name invalid/not found");
    assert_null(answer.callid);
    assert_int_equal(read_text("ERR db ", *state), APR_SUCCESS);
    assert_string_equal(answer.text, "");
}

static void values_lose_their_quoting(void **state)
{
    assert_int_equal(read_text("OK a=x+y%26%3D%2b%C3%a9&b=&c=100%&d=%zz&e=1=2", *state),
                     APR_SUCCESS);
    assert_string_equal(mogile_wire_value(&answer, "a"), "x y&=+\xc3\xa9");
    assert_string_equal(mogile_wire_value(&answer, "b"), "");
    assert_string_equal(mogile_wire_value(&answer, "c"), "100%");
    assert_string_equal(mogile_wire_value(&answer, "d"), "%zz");
    assert_string_equal(mogile_wire_value(&answer, "e"), "1=2");
    assert_int_equal(read_text("OK a=x%00y", *state), APR_SUCCESS);
    assert_null(mogile_wire_value(&answer, "a")); /* no C string */
    assert_int_equal(answer.pairs[0].size, 3);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const wrong[] = {"",          "OK",         "ok a=b",     "OKa=b",
                                        "ERR",       "ERR ",       "ERR  x",     "HTTP/1.1 400 Bad",
                                        "OK a",      "OK =b",      "OK a=b&a=c", "OK a=\x01",
                                        "OK a=b&&c", "SSH-2.0-x_1"};
    char *many = apr_pstrdup(*state, "OK ");

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(read_text(wrong[i], *state), APR_EGENERAL);
    for (int i = 0; i <= MOGILE_WIRE_PAIRS; i++)
        many = apr_psprintf(*state, "%s%d=1&", many, i);
    assert_int_equal(read_text(many, *state), APR_EGENERAL);
    assert_int_equal(read_text("OK ", *state), APR_SUCCESS);
    assert_int_equal(answer.count, 0);
}

static void numbers_are_digits_alone(void **state)
{
    static const char text[] = "OK a=12&b=-1&c=&d=12x&e=1234567890123456789&f=0123";
    apr_int64_t number = 0;

    assert_int_equal(read_text(text, *state), APR_SUCCESS);
    assert_true(mogile_wire_number(&answer, "a", &number) && number == 12);
    assert_true(mogile_wire_number(&answer, "f", &number) && number == 123);
    assert_false(mogile_wire_number(&answer, "b", &number));
    assert_false(mogile_wire_number(&answer, "c", &number));
    assert_false(mogile_wire_number(&answer, "d", &number));
    assert_false(mogile_wire_number(&answer, "e", &number));
    assert_false(mogile_wire_number(&answer, "g", &number));
}

/* Feeds text in pieces and returns the lines found, each in brackets. */
static char *lines_of(const char *text, size_t piece, apr_pool_t *pool)
{
    mogile_lines_t lines = {.pool = pool};
    char *found = apr_pstrdup(pool, "");
    const char *line;
    apr_size_t size;

    for (size_t at = 0; at < strlen(text); at += piece) {
        size_t part = strlen(text) - at < piece ? strlen(text) - at : piece;

        assert_int_equal(mogile_lines_add(&lines, text + at, part), APR_SUCCESS);
        while (mogile_lines_next(&lines, &line, &size) == APR_SUCCESS)
            found = apr_pstrcat(pool, found, "[", apr_pstrmemdup(pool, line, size), "]", NULL);
    }
    return found;
}

static void lines_arrive_in_any_pieces(void **state)
{
    static const char three[] = "OK callid=1\r\nOK \nERR a b\r\nOK half";

    for (size_t piece = 1; piece <= sizeof(three); piece++)
        assert_string_equal(lines_of(three, piece, *state), "[OK callid=1][OK ][ERR a b]");
    assert_string_equal(lines_of("\r\n\n", 1, *state), "[][]");
}

static void a_line_has_a_limit(void **state)
{
    mogile_lines_t lines = {.pool = *state};
    char *flood = apr_palloc(*state, MOGILE_WIRE_LONGEST);
    const char *line;
    apr_size_t size;

    memset(flood, 'x', MOGILE_WIRE_LONGEST);
    assert_int_equal(mogile_lines_add(&lines, flood, MOGILE_WIRE_LONGEST), APR_SUCCESS);
    assert_int_equal(mogile_lines_next(&lines, &line, &size), APR_INCOMPLETE);
    assert_int_equal(mogile_lines_add(&lines, "y", 1), APR_SUCCESS);
    assert_int_equal(mogile_lines_next(&lines, &line, &size), APR_ENOSPC);
    assert_int_equal(mogile_lines_add(&lines, flood, MOGILE_WIRE_LONGEST), APR_ENOSPC);
    assert_int_equal(mogile_lines_add(&lines, "\n", 1), APR_SUCCESS);
    assert_int_equal(mogile_lines_next(&lines, &line, &size), APR_ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(values_are_quoted_so_that_no_byte_means_something),
        test_with_pool(a_request_is_one_line),
        test_with_pool(every_recorded_answer_is_read),
        test_with_pool(pairs_come_in_any_order),
        test_with_pool(an_error_has_code_text_and_callid),
        test_with_pool(values_lose_their_quoting),
        test_with_pool(what_is_no_answer_is_refused),
        test_with_pool(numbers_are_digits_alone),
        test_with_pool(lines_arrive_in_any_pieces),
        test_with_pool(a_line_has_a_limit),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
