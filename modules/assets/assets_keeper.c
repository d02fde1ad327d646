/* SPDX-License-Identifier: Apache-2.0 */
/* One process of the host sweeps the asset directories and takes their census, a little at a time.
 */
#include "assets_hooks.h"
#include "assets_private.h"

#include "assets_census.h"
#include "assets_index.h"
#include "assets_name.h"
#include "assets_press.h"
#include "assets_sweep.h"

#include "clock.h"
#include "watch.h"

#include <string.h>

/* A round begins so long after the one before has ended. */
#define REST  apr_time_from_sec(15)
#define SOON  apr_time_from_msec(20)
#define BATCH 200 /* entries at a time: some hundred microseconds on a warm disk */

/* A census reads so much at a time, some milliseconds, and rests a second, or for long ones so many
 * times what it took. */
#define EFFORT        ((apr_size_t)1024 * 1024)
#define CENSUS_REST   apr_time_from_sec(1)
#define REST_FACTOR   20
#define VARIANTS_PART 4 /* of TierAssetsMaxSize, for compressed variants that are made here */
#define STEP_FACTOR   3 /* rest after a step: a quarter of a core at most */

/* Of one directory. */
typedef struct counted_t {
    assets_census_options_t options;
    assets_census_t *census;
    apr_interval_time_t took; /* of this round */
    apr_status_t told;        /* the problem that was logged last */
    apr_status_t told_press;  /* the same of variants */
    int told_more;
    const tier_log_t *log;
    apr_uint64_t pressed; /* as counted already */
    assets_shared_t *shared;
    tier_loop_timer_t timer;
} counted_t;

typedef struct keeper_t {
    assets_shared_t *shared;
    apr_array_header_t *roots;
    apr_array_header_t *counted; /* of counted_t */
    assets_sweep_t *sweep;
    apr_uint64_t removed;
    tier_loop_timer_t timer;
} keeper_t;

static void note_figures(keeper_t *keeper)
{
    assets_sweep_figures_t figures = assets_sweep_figures(keeper->sweep);
    assets_counters_t *counters = &keeper->shared->counters;

    tier_counter_add(&counters->removed, figures.removed - keeper->removed);
    keeper->removed = figures.removed;
    tier_atomic_store64(&counters->files, (apr_int64_t)figures.files);
    tier_atomic_store64(&counters->bytes, (apr_int64_t)figures.bytes);
}

static void sweep(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    keeper_t *keeper = timer->baton;
    int is_over = assets_sweep_step(keeper->sweep, BATCH, apr_time_now());

    if (is_over)
        note_figures(keeper);
    tier_loop_timer_set(loop, timer, tier_loop_now(loop) + (is_over ? REST : SOON));
}

static void tell(counted_t *counted)
{
    assets_census_figures_t figures = assets_census_figures(counted->census);

    if (figures.problem != APR_SUCCESS && figures.problem != counted->told)
        tier_log(counted->log, TIER_LOG_MARK, TIER_LOG_WARNING, figures.problem,
                 WTNO(4008) "the fingerprints of %s cannot be written to " ASSETS_INDEX_FILE
                            " there; its files keep the names they have",
                 counted->options.directory);
    if (figures.press_problem != APR_SUCCESS && figures.press_problem != counted->told_press)
        tier_log(counted->log, TIER_LOG_MARK, TIER_LOG_WARNING, figures.press_problem,
                 WTNO(4010) "compressed files cannot be written to " ASSETS_NAME_WORK
                            " in %s; what is "
                            "there is sent",
                 counted->options.directory);
    if (figures.is_more && !counted->told_more)
        tier_log(counted->log, TIER_LOG_MARK, TIER_LOG_WARNING, 0,
                 WTNO(4009) "%s has more than %d files; the others get no fingerprints",
                 counted->options.directory, ASSETS_INDEX_MOST);
    tier_counter_add(&counted->shared->counters.compressed, figures.pressed - counted->pressed);
    counted->pressed = figures.pressed;
    counted->told = figures.problem;
    counted->told_press = figures.press_problem;
    counted->told_more = figures.is_more;
}

static void count(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    counted_t *counted = timer->baton;
    apr_time_t began = tier_clock_now();
    int is_over = assets_census_step(counted->census, EFFORT, apr_time_now());
    apr_interval_time_t took = tier_clock_now() - began;
    apr_interval_time_t rest = took * STEP_FACTOR > SOON ? took * STEP_FACTOR : SOON;

    if (!assets_census_figures(counted->census).has_read)
        counted->took += took;
    if (is_over) {
        tell(counted);
        rest = counted->took * REST_FACTOR;
        rest = rest > CENSUS_REST ? rest : CENSUS_REST;
        counted->took = 0;
    }
    tier_loop_timer_set(loop, timer, tier_loop_now(loop) + rest);
}

static apr_status_t begin_census(tier_loop_t *loop, counted_t *counted, apr_pool_t *pool)
{
    counted->census = assets_census_create(&counted->options, pool);
    counted->took = 0;
    counted->pressed = 0;
    memset(&counted->timer, 0, sizeof(counted->timer));
    counted->timer.fire = count;
    counted->timer.baton = counted;
    return tier_loop_timer_set(loop, &counted->timer, tier_loop_now(loop) + SOON);
}

static apr_status_t lead(tier_loop_t *loop, void *baton, apr_pool_t *pool)
{
    keeper_t *keeper = baton;

    for (int i = 0; i < keeper->counted->nelts; i++) {
        apr_status_t rv = begin_census(loop, &APR_ARRAY_IDX(keeper->counted, i, counted_t), pool);

        if (rv != APR_SUCCESS)
            return rv;
    }
    keeper->sweep = assets_sweep_create(keeper->roots, pool);
    keeper->removed = 0;
    memset(&keeper->timer, 0, sizeof(keeper->timer));
    keeper->timer.fire = sweep;
    keeper->timer.baton = keeper;
    return tier_loop_timer_set(loop, &keeper->timer, tier_loop_now(loop) + SOON);
}

/* Servers may share a directory: the smallest bound holds. */
static void add_root(apr_array_header_t *roots, const char *directory, apr_off_t max_size)
{
    assets_sweep_root_t *root;

    for (int i = 0; i < roots->nelts; i++) {
        root = &APR_ARRAY_IDX(roots, i, assets_sweep_root_t);
        if (strcmp(root->directory, directory) == 0) {
            if (max_size < root->max_size)
                root->max_size = max_size;
            return;
        }
    }
    root = apr_array_push(roots);
    root->directory = directory;
    root->max_size = max_size;
}

static apr_array_header_t *all_roots(const server_rec *s, apr_pool_t *pool)
{
    apr_array_header_t *roots = apr_array_make(pool, 4, sizeof(assets_sweep_root_t));

    for (; s; s = s->next) {
        const assets_server_t *config = assets_config_of(s);

        for (int i = 0; config->roots && i < config->roots->nelts; i++)
            add_root(roots, APR_ARRAY_IDX(config->roots, i, assets_root_t).directory,
                     TIER_SETTING(config, max_size, ASSETS_DEFAULT_MAX_SIZE));
    }
    return roots;
}

static counted_t *counted_of(apr_array_header_t *all, const char *directory)
{
    counted_t *counted;

    for (int i = 0; i < all->nelts; i++) {
        counted = &APR_ARRAY_IDX(all, i, counted_t);
        if (strcmp(counted->options.directory, directory) == 0)
            return counted;
    }
    counted = apr_array_push(all);
    memset(counted, 0, sizeof(*counted));
    counted->options.directory = directory;
    counted->options.most_bytes = APR_INT64_MAX;
    return counted;
}

static unsigned codings_of(const assets_server_t *config)
{
    unsigned codings = 0;

    for (int i = 0; TIER_SETTING(config, compress, 0) && i < config->codings; i++) {
        if (assets_press_can(config->coding[i]))
            codings |= 1u << config->coding[i];
    }
    return codings;
}

/* What servers want of a directory that they share is done once. */
static void add_counted(keeper_t *keeper, const assets_server_t *config, const tier_log_t *log)
{
    unsigned codings = codings_of(config);
    apr_off_t most = TIER_SETTING(config, max_size, ASSETS_DEFAULT_MAX_SIZE) / VARIANTS_PART;

    if (!TIER_SETTING(config, fingerprint, 0) && codings == 0)
        return;
    for (int i = 0; config->roots && i < config->roots->nelts; i++) {
        counted_t *counted =
            counted_of(keeper->counted, APR_ARRAY_IDX(config->roots, i, assets_root_t).directory);

        counted->options.fingerprint |= TIER_SETTING(config, fingerprint, 0);
        counted->options.codings |= codings;
        if (most < counted->options.most_bytes)
            counted->options.most_bytes = most;
        counted->shared = keeper->shared;
        counted->log = log;
    }
}

apr_status_t assets_keeper_start(assets_shared_t *shared, server_rec *s, apr_pool_t *pchild)
{
    keeper_t *keeper = apr_pcalloc(pchild, sizeof(*keeper));
    tier_watch_spec_t spec = {"tier-assets"};
    tier_watch_t *watch;

    keeper->shared = shared;
    keeper->roots = all_roots(s, pchild);
    if (keeper->roots->nelts == 0)
        return APR_SUCCESS; /* references are rewritten, nothing is kept */
    spec.leader = &shared->leader;
    spec.max_sockets = 1;
    spec.log = tier_glue_log(s, tier_assets_module.module_index, pchild);
    keeper->counted = apr_array_make(pchild, 4, sizeof(counted_t));
    for (; s; s = s->next) /* the array does not grow once its timers are armed */
        add_counted(keeper, assets_config_of(s), spec.log);
    spec.baton = keeper;
    spec.lead = lead;
    spec.retired = tier_glue_retired;
    return tier_watch_start(&watch, &spec, pchild);
}
