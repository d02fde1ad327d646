/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_sweep.h"
#include "assets_record.h"
#include "assets_walk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Ages are told apart to about a fifth: four steps each time they double. */
#define AGES 140

/* A fetch that has been under way for less is not looked at. */
#define WORK_AGE apr_time_from_sec(60)

typedef enum { COUNTING, REMOVING } phase_e;

struct assets_sweep_t {
    const apr_array_header_t *roots;
    int root;
    phase_e phase;
    assets_walk_t walk;
    apr_off_t bytes[AGES]; /* fetched, by age */
    apr_off_t total;
    int oldest_kept;     /* REMOVING: what is older goes */
    apr_off_t to_remove; /* ... and of that age so much */
    assets_sweep_figures_t counting, figures;
};

static const assets_sweep_root_t *root_of(const assets_sweep_t *sweep)
{
    return &APR_ARRAY_IDX(sweep->roots, sweep->root, assets_sweep_root_t);
}

static apr_status_t close_all(void *data)
{
    assets_walk_end(&((assets_sweep_t *)data)->walk);
    return APR_SUCCESS;
}

assets_sweep_t *assets_sweep_create(const apr_array_header_t *roots, apr_pool_t *pool)
{
    assets_sweep_t *sweep = apr_pcalloc(pool, sizeof(*sweep));

    sweep->roots = roots;
    apr_pool_pre_cleanup_register(pool, sweep, close_all);
    return sweep;
}

/* Which step of age: 0 is now. */
static int age_of(const struct stat *info, apr_time_t now)
{
    apr_int64_t seconds = apr_time_sec(now) - (apr_int64_t)info->st_atime;
    int age = 0;

    if (seconds < 4)
        return 0;
    while (seconds >= 8) {
        seconds >>= 1;
        age += 4;
    }
    age += (int)seconds - 4;
    return age < AGES ? age : AGES - 1;
}

/* Files. */

/* A fetch is under way while its file is locked. What else is there has a longer name. */
static void look_at_work(const char *path, const struct stat *info, apr_time_t now)
{
    int fd;

    if (strlen(strrchr(path, '/') + 1) != ASSETS_NAME_WORK_SIZE ||
        apr_time_from_sec(info->st_mtime) > now - WORK_AGE)
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlink(path);
    close(fd);
}

static void look_at_file(assets_sweep_t *sweep, const struct stat *info, apr_time_t now)
{
    int age = age_of(info, now);

    if (getxattr(sweep->walk.path, ASSETS_RECORD_ATTRIBUTE, NULL, 0) < 0)
        return;
    if (sweep->phase == COUNTING) {
        sweep->bytes[age] += info->st_size;
        sweep->total += info->st_size;
        sweep->counting.files++;
        sweep->counting.bytes += (apr_uint64_t)info->st_size;
    } else if (age > sweep->oldest_kept || (age == sweep->oldest_kept && sweep->to_remove > 0)) {
        if (age == sweep->oldest_kept)
            sweep->to_remove -= info->st_size;
        if (unlink(sweep->walk.path) == 0)
            sweep->figures.removed++;
    }
}

/* Rounds. */

static void begin_root(assets_sweep_t *sweep)
{
    assets_walk_begin(&sweep->walk, root_of(sweep)->directory);
}

/* Which ages have to go so that nine tenths of the bound are left. */
static void plan(assets_sweep_t *sweep)
{
    apr_off_t over = sweep->total - root_of(sweep)->max_size / 10 * 9;
    int age = AGES - 1;

    while (age > 0 && sweep->bytes[age] < over)
        over -= sweep->bytes[age--];
    sweep->oldest_kept = age;
    sweep->to_remove = over;
    sweep->phase = REMOVING;
}

static void reset(assets_sweep_t *sweep)
{
    memset(sweep->bytes, 0, sizeof(sweep->bytes));
    sweep->total = 0;
    sweep->phase = COUNTING;
}

/* A root was read to its end. Returns 1 when it was the last one. */
static int end_root(assets_sweep_t *sweep)
{
    if (sweep->phase == COUNTING && sweep->total > root_of(sweep)->max_size) {
        plan(sweep);
        begin_root(sweep);
        return 0;
    }
    reset(sweep);
    if (++sweep->root < sweep->roots->nelts) {
        begin_root(sweep);
        return 0;
    }
    sweep->root = 0;
    sweep->figures.files = sweep->counting.files;
    sweep->figures.bytes = sweep->counting.bytes;
    memset(&sweep->counting, 0, sizeof(sweep->counting));
    return 1;
}

int assets_sweep_step(assets_sweep_t *sweep, int entries, apr_time_t now)
{
    if (sweep->walk.depth == 0)
        begin_root(sweep);
    while (entries-- > 0) {
        switch (assets_walk_next(&sweep->walk)) {
        case ASSETS_WALK_WORK:
            look_at_work(sweep->walk.path, &sweep->walk.info, now);
            break;
        case ASSETS_WALK_FILE:
            look_at_file(sweep, &sweep->walk.info, now);
            break;
        case ASSETS_WALK_END:
            if (end_root(sweep))
                return 1;
            break;
        default:
            break;
        }
    }
    return 0;
}

assets_sweep_figures_t assets_sweep_figures(const assets_sweep_t *sweep)
{
    return sweep->figures;
}
