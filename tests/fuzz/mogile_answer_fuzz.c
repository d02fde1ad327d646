/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte that says in what pieces the rest, what a tracker sends, arrives. */
#include "mogile_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_line(const char *line, apr_size_t size, apr_pool_t *pool)
{
    mogile_file_t *paths = mogile_file_make(pool), *open = mogile_file_make(pool);
    mogile_answer_t answer;

    if (mogile_wire_read(&answer, line, size, pool) != APR_SUCCESS)
        return;
    if (answer.ok == (answer.code != NULL))
        abort();
    mogile_file_of_paths(paths, &answer, pool);
    check_file(paths, pool);
    mogile_file_of_info(paths, &answer, pool);
    if (paths->md5 && strlen(paths->md5) != 32)
        abort();
    if (mogile_file_of_open(open, &answer, pool) == APR_SUCCESS && open->copies->nelts == 0)
        abort();
    check_file(open, pool);
}

/* Returns a sum of the lines found. */
static unsigned feed(const char *text, size_t size, size_t piece, apr_pool_t *pool)
{
    mogile_lines_t lines = {.pool = pool};
    const char *line;
    apr_size_t line_size;
    unsigned sum = 0;

    for (size_t at = 0; at < size; at += piece) {
        if (mogile_lines_add(&lines, text + at, size - at < piece ? size - at : piece) !=
            APR_SUCCESS)
            break;
        while (mogile_lines_next(&lines, &line, &line_size) == APR_SUCCESS) {
            sum = 31 * sum + (unsigned)line_size + 1;
            read_line(line, line_size, pool);
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const char *text = (const char *)data + 1;
    unsigned whole;

    if (size < 2 || size > MOGILE_WIRE_LONGEST)
        return 0;
    whole = feed(text, size - 1, size, pool);
    if (feed(text, size - 1, 1U + data[0], pool) != whole)
        abort();
    return 0;
}
