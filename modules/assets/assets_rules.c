/* SPDX-License-Identifier: Apache-2.0 */
/* What a request's references are rewritten by. */
#include "assets_rewrite.h"

#include "assets_page.h"

#include "clock.h"

#include <apr_pools.h>

#define VERSION_KEY "tier-assets-version"

int assets_rewrite_is_on(const request_rec *r)
{
    const assets_directory_t *directory =
        ap_get_module_config(r->per_dir_config, &tier_assets_module);
    const assets_server_t *config = assets_config_of(r->server);

    return assets_runtime()->shared && config->live && TIER_SETTING(directory, rewrite, 0);
}

static assets_live_t *live_of(const request_rec *r)
{
    return assets_config_of(r->server)->live;
}

/* Looking for userdata costs more than all that files are asked: theirs is in their state. */
static void set_version(const assets_version_t *version, request_rec *r)
{
    assets_request_t *state = ap_get_module_config(r->request_config, &tier_assets_module);

    if (state) {
        state->now = version;
    } else {
        apr_pool_userdata_setn(version, VERSION_KEY, NULL, r->pool);
    }
}

const assets_version_t *assets_rewrite_version(request_rec *r)
{
    const assets_request_t *state = ap_get_module_config(r->request_config, &tier_assets_module);
    void *version = NULL;

    if (state && state->now)
        return state->now;
    if (!state)
        apr_pool_userdata_get(&version, VERSION_KEY, r->pool);
    if (!version) {
        version = (void *)assets_live_get(live_of(r), tier_clock_now(), r->pool);
        set_version(version, r);
    }
    return version;
}

int assets_rewrite_renew(request_rec *r)
{
    const assets_version_t *before = assets_rewrite_version(r);
    const assets_version_t *version = assets_live_renew(live_of(r), r->pool);

    set_version(version, r);
    return version != before;
}

/* What the page's references are relative to: the URL that its client knows it by. */
static const request_rec *first_of(const request_rec *r)
{
    while (r->prev)
        r = r->prev;
    return r;
}

void assets_rewrite_page(assets_page_t *page, request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    page->map = assets_rewrite_version(r)->map;
    page->versions = assets_config_of(r->server)->versions;
    page->base = assets_url_base(host ? host : r->server->server_hostname,
                                 first_of(r)->unparsed_uri, r->pool);
    page->pool = r->pool;
}
