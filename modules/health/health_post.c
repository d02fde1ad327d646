/* SPDX-License-Identifier: Apache-2.0 */
#include "health_post.h"

#include <apr_strings.h>

#include <string.h>

#include "health_check_http.h"

void health_post_init(health_post_t *post, const health_check_t *url, health_lookups_t *lookups,
                      tier_loop_t *loop, apr_pool_t *pool)
{
    const char *path = *url->address == '/' ? url->address : NULL;

    post->url = url;
    post->loop = loop;
    apr_pool_create(&post->pool, pool);
    apr_pool_create(&post->scratch, pool);
    if (health_address_create(&post->address, path, url->address, url->port, lookups, pool) !=
        APR_SUCCESS)
        post->address = NULL;
}

static void end(health_post_t *post, const char *why)
{
    post->ended = 1;
    post->why = why;
}

static void answered(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                     const tier_result_t *result, apr_interval_time_t latency)
{
    health_post_t *post = probe->baton;

    (void)loop;
    (void)latency;
    end(post, verdict == HEALTH_PASS
                  ? NULL
                  : apr_pstrcat(post->pool, "fails: ", tier_result_text(result, post->pool), NULL));
}

static const char *peer_name(const health_check_t *url, apr_pool_t *pool)
{
    return url->tls.peer ? url->tls.peer : health_check_host_name(url->host, pool);
}

static void send_text(health_post_t *post, apr_sockaddr_t *addresses, apr_time_t now)
{
    apr_status_t status;

    post->sent = 1;
    post->check = *post->url;
    post->check.content = post->text;
    post->check.timeout = post->deadline - now;
    if (post->check.timeout < HEALTH_TIMEOUT_MIN)
        post->check.timeout = HEALTH_TIMEOUT_MIN;
    post->probe = (health_probe_t){.check = &post->check,
                                   .authority = post->url->host,
                                   .peer = peer_name(post->url, post->pool),
                                   .done = answered,
                                   .baton = post};
    status = health_probe_init(&post->probe, post->loop, post->pool);
    if (status == APR_SUCCESS)
        status = health_probe_start(&post->probe, addresses);
    if (status != APR_SUCCESS)
        end(post, "fails: no memory");
}

void health_post_begin(health_post_t *post, const char *text, apr_time_t now)
{
    apr_pool_clear(post->pool); /* with the probe before */
    post->text = text;
    post->deadline = now + post->url->timeout;
    post->sent = post->ended = 0;
    post->why = NULL;
}

int health_post_under_way(const health_post_t *post)
{
    return post->text != NULL;
}

/* A lookup that brings another address frees those that a probe goes by. */
static void look_up(health_post_t *post, apr_time_t now)
{
    tier_result_t problem;

    if (!post->address || health_probe_active(&post->probe))
        return;
    apr_pool_clear(post->scratch);
    health_address_poll(post->address, now, &problem, post->scratch);
}

static void go_on(health_post_t *post, apr_time_t now)
{
    apr_sockaddr_t *addresses = post->address ? health_address_get(post->address) : NULL;

    if (post->sent)
        return;
    if (addresses)
        send_text(post, addresses, now);
    else if (now >= post->deadline)
        end(post, "fails: unresolved: its name has no address");
}

int health_post_tick(health_post_t *post, apr_time_t now, const char **why)
{
    look_up(post, now);
    if (!post->text)
        return 0;
    go_on(post, now);
    if (!post->ended)
        return 0;
    post->text = NULL;
    *why = post->why;
    return 1;
}

void health_post_cancel(health_post_t *post)
{
    health_probe_cancel(&post->probe);
    post->text = NULL;
}
