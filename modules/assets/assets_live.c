/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_live.h"

#include "assets_hash.h"
#include "assets_index.h"
#include "assets_manifest.h"
#include "assets_pool.h"
#include "assets_use.h"

#include "atomics.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <errno.h>
#include <string.h>

#define LOOK_EVERY apr_time_from_sec(1)

/* What a manifest was when it was looked at last. */
typedef struct seen_t {
    apr_ino_t inode;
    apr_off_t size;
    apr_time_t mtime, ctime;
} seen_t;

typedef struct held_t {
    assets_version_t version;
    assets_use_t use; /* of requests, and of the live whose current one it is */
} held_t;

struct assets_live_t {
    const apr_array_header_t *rules, *sources;
    const tier_log_t *log;
    apr_thread_mutex_t *lock; /* for current and users; never held over I/O */
    held_t *current;
    apr_thread_mutex_t *look_lock; /* of who looks: for seen, texts, sizes and pools */
    apr_int64_t looked;            /* when the sources were looked at last; atomic */
    seen_t *seen;                  /* of each source */
    const char **texts;            /* of each source: what was good last */
    apr_size_t *sizes;
    apr_pool_t **pools; /* of texts */
};

/* Rules come last: they hold before what manifests say. */
static void add_rules(assets_map_t *map, const apr_array_header_t *rules)
{
    for (int i = rules ? rules->nelts - 1 : -1; i >= 0; i--) {
        const assets_rule_t *rule = &APR_ARRAY_IDX(rules, i, assets_rule_t);

        assets_map_add(map, rule->from, rule->to);
    }
}

/* Adds what is known of a source; its text was found to be good before. */
static void add_source(const assets_live_t *live, int i, assets_map_t *map,
                       const assets_version_t *version, apr_pool_t *pool)
{
    const assets_source_t *source = &APR_ARRAY_IDX(live->sources, i, assets_source_t);

    if (!live->texts[i])
        return;
    if (source->directory) {
        assets_index_add(
            map, version->files, source->prefix, source->directory,
            assets_index_read(apr_pstrmemdup(pool, live->texts[i], live->sizes[i]), pool), pool);
    } else {
        assets_manifest_read(map, version->names, source->prefix, live->texts[i], live->sizes[i],
                             pool);
    }
}

static unsigned int hash_of(const char *path, apr_ssize_t *size)
{
    if (*size == APR_HASH_KEY_STRING)
        *size = (apr_ssize_t)strlen(path);
    return (unsigned int)assets_hash(path, (apr_size_t)*size);
}

static held_t *make_version(assets_live_t *live)
{
    apr_pool_t *pool = assets_pool_make();
    assets_map_t *map;
    held_t *made;

    if (!pool)
        return NULL;
    made = apr_pcalloc(pool, sizeof(*made));
    made->use = (assets_use_t){live->lock, 1, pool};
    made->version.map = map = assets_map_create(pool);
    made->version.names = apr_hash_make(pool);
    made->version.files = apr_hash_make_custom(pool, hash_of);
    for (int i = live->sources ? live->sources->nelts - 1 : -1; i >= 0; i--)
        add_source(live, i, map, &made->version, pool);
    add_rules(map, live->rules);
    return made;
}

/* Reading. */

static apr_status_t read_text(const char *path, const char **text, apr_size_t *size,
                              apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv =
        apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_NONBLOCK,
                      APR_FPROT_OS_DEFAULT, pool);
    char *data;

    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv == APR_SUCCESS && info.filetype != APR_REG)
        rv = info.filetype == APR_DIR ? EISDIR : APR_EINVAL; /* a pipe would be waited for */
    if (rv == APR_SUCCESS && info.size > ASSETS_MANIFEST_LARGEST)
        rv = APR_ENOSPC;
    if (rv == APR_SUCCESS) {
        data = apr_palloc(pool, (apr_size_t)info.size + 1);
        rv = apr_file_read_full(file, data, (apr_size_t)info.size, size);
        *text = data;
    }
    apr_file_close(file);
    return rv;
}

/* Parses it for the sake of its faults alone. */
static const char *problem_of(const assets_source_t *source, const char *text, apr_size_t size,
                              apr_pool_t *pool)
{
    if (source->directory)
        return assets_index_read(apr_pstrmemdup(pool, text, size), pool)
                   ? NULL
                   : "it is not what webtier has written there";
    return assets_manifest_read(assets_map_create(pool), apr_hash_make(pool), "/", text, size, pool)
        .problem;
}

void assets_live_begin(assets_source_t *source, apr_pool_t *pool)
{
    const char *text;
    apr_size_t size;
    apr_pool_t *scratch;

    source->text = NULL;
    if (read_text(source->path, &text, &size, pool) != APR_SUCCESS)
        return;
    apr_pool_create(&scratch, pool);
    if (!problem_of(source, text, size, scratch)) {
        source->text = text;
        source->size = size;
    }
    apr_pool_destroy(scratch);
}

/* Takes a manifest's text when it is good. Returns 1 when it is another one than before. */
static int take_text(assets_live_t *live, int i)
{
    const assets_source_t *source = &APR_ARRAY_IDX(live->sources, i, assets_source_t);
    apr_pool_t *pool = assets_pool_make();
    const char *text = NULL, *problem = NULL;
    apr_size_t size = 0;
    apr_status_t rv = pool ? read_text(source->path, &text, &size, pool) : APR_ENOMEM;

    if (rv == APR_SUCCESS)
        problem = problem_of(source, text, size, pool);
    if (source->directory && APR_STATUS_IS_ENOENT(rv)) {
        apr_pool_destroy(pool); /* nobody has written it yet */
        return 0;
    }
    if (rv != APR_SUCCESS || problem) {
        tier_log(live->log, TIER_LOG_MARK, TIER_LOG_WARNING, rv, WTNO(4006) "%s: %s%s",
                 source->path, problem ? problem : "it cannot be read",
                 live->texts[i] ? "; what it said before still holds" : "; it is not used");
        if (pool)
            apr_pool_destroy(pool);
        return 0;
    }
    if (live->pools[i])
        apr_pool_destroy(live->pools[i]);
    live->pools[i] = pool;
    live->texts[i] = text;
    live->sizes[i] = size;
    return 1;
}

/* Returns 1 when the file is not what it was at the last look. */
static int has_changed(assets_live_t *live, int i, apr_pool_t *pool)
{
    const char *path = APR_ARRAY_IDX(live->sources, i, assets_source_t).path;
    apr_finfo_t info;
    seen_t now;

    memset(&now, 0, sizeof(now));
    if (apr_stat(&info, path, APR_FINFO_MIN | APR_FINFO_INODE, pool) == APR_SUCCESS) {
        now.inode = info.inode;
        now.size = info.size;
        now.mtime = info.mtime;
        now.ctime = info.ctime;
    } else {
        now.size = -1;
    }
    if (memcmp(&now, &live->seen[i], sizeof(now)) == 0)
        return 0;
    live->seen[i] = now;
    return 1;
}

static void look(assets_live_t *live, apr_pool_t *pool)
{
    held_t *made, *old;
    int is_new = 0;

    for (int i = 0; i < live->sources->nelts; i++)
        is_new |= has_changed(live, i, pool) && take_text(live, i);
    made = is_new ? make_version(live) : NULL;
    if (!made)
        return;
    apr_thread_mutex_lock(live->lock);
    old = live->current;
    live->current = made;
    apr_thread_mutex_unlock(live->lock);
    assets_use_end(&old->use);
}

/* The end of the process: requests are over. */
static apr_status_t end(void *data)
{
    assets_live_t *live = data;

    for (int i = 0; live->sources && i < live->sources->nelts; i++) {
        if (live->pools[i])
            apr_pool_destroy(live->pools[i]);
    }
    if (live->current)
        apr_pool_destroy(live->current->use.pool);
    return APR_SUCCESS;
}

apr_status_t assets_live_create(assets_live_t **live, const apr_array_header_t *rules,
                                const apr_array_header_t *sources, const tier_log_t *log,
                                apr_pool_t *pool)
{
    assets_live_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_size_t count = sources ? (apr_size_t)sources->nelts : 0;
    apr_status_t rv = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, pool);

    if (rv == APR_SUCCESS)
        rv = apr_thread_mutex_create(&made->look_lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return rv;
    made->rules = rules;
    made->sources = sources;
    made->log = log;
    made->seen = apr_pcalloc(pool, count * sizeof(*made->seen));
    made->texts = apr_pcalloc(pool, count * sizeof(*made->texts));
    made->sizes = apr_pcalloc(pool, count * sizeof(*made->sizes));
    made->pools = apr_pcalloc(pool, count * sizeof(*made->pools));
    for (apr_size_t i = 0; i < count; i++) {
        made->texts[i] = APR_ARRAY_IDX(sources, i, assets_source_t).text;
        made->sizes[i] = APR_ARRAY_IDX(sources, i, assets_source_t).size;
    }
    made->current = make_version(made);
    if (!made->current)
        return APR_ENOMEM;
    apr_pool_cleanup_register(pool, made, end, apr_pool_cleanup_null);
    if (sources)
        look(made, pool);
    *live = made;
    return APR_SUCCESS;
}

static const assets_version_t *take_current(assets_live_t *live, apr_pool_t *pool)
{
    held_t *held;

    apr_thread_mutex_lock(live->lock);
    held = live->current;
    held->use.users++;
    apr_thread_mutex_unlock(live->lock);
    assets_use_until(&held->use, pool);
    return &held->version;
}

static int is_due(assets_live_t *live, apr_time_t now)
{
    return now - tier_atomic_load64(&live->looked) >= LOOK_EVERY;
}

/* One thread looks; who comes meanwhile goes on with what holds. */
const assets_version_t *assets_live_get(assets_live_t *live, apr_time_t now, apr_pool_t *pool)
{
    if (live->sources && is_due(live, now) &&
        apr_thread_mutex_trylock(live->look_lock) == APR_SUCCESS) {
        if (is_due(live, now)) {
            look(live, pool);
            tier_atomic_store64(&live->looked, now);
        }
        apr_thread_mutex_unlock(live->look_lock);
    }
    return take_current(live, pool);
}

const assets_version_t *assets_live_renew(assets_live_t *live, apr_pool_t *pool)
{
    if (live->sources) {
        apr_thread_mutex_lock(live->look_lock);
        look(live, pool);
        apr_thread_mutex_unlock(live->look_lock);
    }
    return take_current(live, pool);
}
