/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_remember.h"

#include <http_core.h>
#include <http_protocol.h>

#include <strings.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <clock.h>

struct reproxy_remember_t {
    apr_thread_mutex_t *lock;
    reproxy_memory_t *memory; /* under the lock */
};

reproxy_remember_t *reproxy_remember_create(apr_uint32_t max, apr_pool_t *pool)
{
    reproxy_remember_t *remember = apr_pcalloc(pool, sizeof(*remember));
    apr_pool_t *own;

    if (apr_thread_mutex_create(&remember->lock, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS ||
        apr_pool_create(&own, pool) != APR_SUCCESS)
        return NULL;
    remember->memory = reproxy_memory_create(max, own);
    return remember;
}

static const char *key_of(request_rec *r)
{
    return apr_psprintf(r->pool, "%s://%s:%d%s", ap_http_scheme(r), r->hostname ? r->hostname : "",
                        (int)ap_get_server_port(r), r->unparsed_uri);
}

static int is_asking(const request_rec *r)
{
    return r->method_number == M_GET && !r->main;
}

static int has_credentials(const request_rec *r)
{
    return apr_table_get(r->headers_in, "Cookie") || apr_table_get(r->headers_in, "Authorization");
}

static int has_word(request_rec *r, const char *field, const char *word)
{
    const char *value = apr_table_get(r->headers_out, field);

    return value && ap_find_list_item(r->pool, value, word);
}

/* Says the application that its answer is for this client, or of a kind of which there are several?
 */
static int is_own(request_rec *r)
{
    const char *vary = apr_table_get(r->headers_out, "Vary");

    return has_word(r, "Cache-Control", "private") || has_word(r, "Cache-Control", "no-store") ||
           (vary && strcasecmp(vary, "Accept-Encoding") != 0);
}

int reproxy_remember_get(reproxy_remember_t *remember, request_rec *r, reproxy_memo_t *memo)
{
    int found;

    if (!is_asking(r))
        return 0;
    apr_thread_mutex_lock(remember->lock);
    found = reproxy_memory_get(remember->memory, key_of(r), tier_clock_now(), memo, r->pool);
    apr_thread_mutex_unlock(remember->lock);
    return found && (memo->is_public || !has_credentials(r));
}

void reproxy_remember_put(reproxy_remember_t *remember, request_rec *r, const reproxy_said_t *said)
{
    reproxy_memo_t memo = {.said = *said,
                           .status = r->status,
                           .content_type = r->content_type,
                           .is_public = has_word(r, "Cache-Control", "public")};

    if (said->cache_for <= 0 || !is_asking(r) || is_own(r) ||
        (has_credentials(r) && !memo.is_public))
        return;
    memo.fields = apr_table_make(r->pool, 4);
    for (int i = 0; said->cache_fields && i < said->cache_fields->nelts; i++) {
        const char *name = APR_ARRAY_IDX(said->cache_fields, i, const char *);
        const char *value = apr_table_get(r->headers_out, name);

        /* A cookie is one client's, whatever the list says. */
        if (value && strcasecmp(name, "Set-Cookie") != 0)
            apr_table_addn(memo.fields, name, value);
    }
    apr_thread_mutex_lock(remember->lock);
    reproxy_memory_put(remember->memory, key_of(r), &memo,
                       tier_clock_now() + apr_time_from_sec(said->cache_for));
    apr_thread_mutex_unlock(remember->lock);
}

void reproxy_remember_drop(reproxy_remember_t *remember, request_rec *r)
{
    apr_thread_mutex_lock(remember->lock);
    reproxy_memory_drop(remember->memory, key_of(r));
    apr_thread_mutex_unlock(remember->lock);
}
