/* SPDX-License-Identifier: Apache-2.0 */
#include "result.h"

#include <apr_strings.h>

#include <stdarg.h>
#include <stdio.h>

tier_result_t tier_result_ok(void)
{
    tier_result_t result = {APR_SUCCESS, NULL, NULL};

    return result;
}

/* The C library's formats, as the attribute in the header promises: APR's own lack some (%zu). */
static const char *format_sentence(apr_pool_t *pool, const char *format, va_list arguments)
{
    va_list again;
    char *sentence;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length <= 0) {
        return NULL;
    }
    sentence = apr_palloc(pool, (apr_size_t)length + 1);
    vsnprintf(sentence, (apr_size_t)length + 1, format, arguments);
    return sentence;
}

tier_result_t tier_result_fail(apr_pool_t *pool, apr_status_t status, const char *problem,
                               const char *format, ...)
{
    tier_result_t result = {status == APR_SUCCESS ? APR_EGENERAL : status, problem, NULL};
    va_list arguments;

    va_start(arguments, format);
    result.detail = format_sentence(pool, format, arguments);
    va_end(arguments);
    return result;
}

const char *tier_result_text(const tier_result_t *result, apr_pool_t *pool)
{
    const char *line;
    char reason[120];

    if (result->status == APR_SUCCESS) {
        return "ok";
    }
    line = result->problem ? result->problem : "failed";
    if (result->detail) {
        line = apr_pstrcat(pool, line, ": ", result->detail, NULL);
    }
    if (result->status == APR_EGENERAL) {
        return line; /* APR's text for it says only that there is none */
    }
    apr_strerror(result->status, reason, sizeof(reason));
    return apr_pstrcat(pool, line, " (", reason, ")", NULL);
}
