/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_sweep.h"
#include "assets_name.h"
#include "assets_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Ages are told apart to about a fifth: four steps each time they double. */
#define AGES 140

#define DEEPEST (ASSETS_NAME_DEEPEST + 1)

/* A fetch that has been under way for less is not looked at. */
#define WORK_AGE apr_time_from_sec(60)

typedef enum { COUNTING, REMOVING } phase_e;

struct assets_sweep_t {
    const apr_array_header_t *roots;
    int root;
    phase_e phase;
    DIR *open[DEEPEST];          /* the folder being read, and those it lies in */
    int depth;                   /* of them; 0: none is open */
    apr_size_t lengths[DEEPEST]; /* of their paths within path */
    char path[4096];
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
    assets_sweep_t *sweep = data;

    while (sweep->depth > 0)
        closedir(sweep->open[--sweep->depth]);
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

/* Opens the folder that is the first length bytes of path. */
static int enter(assets_sweep_t *sweep, apr_size_t length)
{
    DIR *folder;

    if (sweep->depth == DEEPEST)
        return 0;
    sweep->path[length] = '\0';
    folder = opendir(sweep->path);
    if (!folder)
        return 0;
    sweep->open[sweep->depth] = folder;
    sweep->lengths[sweep->depth++] = length;
    return 1;
}

/* Files. */

/* A fetch is under way while its file is locked. */
static void look_at_work(const char *path, const struct stat *info, apr_time_t now)
{
    int fd;

    if (apr_time_from_sec(info->st_mtime) > now - WORK_AGE)
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

    if (getxattr(sweep->path, ASSETS_RECORD_ATTRIBUTE, NULL, 0) < 0)
        return;
    if (sweep->phase == COUNTING) {
        sweep->bytes[age] += info->st_size;
        sweep->total += info->st_size;
        sweep->counting.files++;
        sweep->counting.bytes += (apr_uint64_t)info->st_size;
    } else if (age > sweep->oldest_kept || (age == sweep->oldest_kept && sweep->to_remove > 0)) {
        if (age == sweep->oldest_kept)
            sweep->to_remove -= info->st_size;
        if (unlink(sweep->path) == 0)
            sweep->figures.removed++;
    }
}

static void look_at(assets_sweep_t *sweep, const char *name, apr_time_t now)
{
    apr_size_t length = sweep->lengths[sweep->depth - 1];
    int written = snprintf(sweep->path + length, sizeof(sweep->path) - length, "/%s", name);
    const char *below = sweep->path + sweep->lengths[0] + 1;
    int is_work =
        sweep->depth == 2 && strncmp(below, ASSETS_NAME_WORK "/", sizeof(ASSETS_NAME_WORK)) == 0;
    struct stat info;

    if (written < 0 || length + (apr_size_t)written >= sizeof(sweep->path) ||
        lstat(sweep->path, &info) != 0)
        return;
    if (S_ISDIR(info.st_mode)) {
        enter(sweep, length + (apr_size_t)written);
    } else if (S_ISREG(info.st_mode) && is_work) {
        look_at_work(sweep->path, &info, now);
    } else if (S_ISREG(info.st_mode)) {
        look_at_file(sweep, &info, now);
    }
}

/* Rounds. */

static void begin_root(assets_sweep_t *sweep)
{
    apr_size_t length = strlen(root_of(sweep)->directory);

    if (length < sizeof(sweep->path)) {
        memcpy(sweep->path, root_of(sweep)->directory, length);
        enter(sweep, length);
    }
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
    if (sweep->depth == 0)
        begin_root(sweep);
    while (entries-- > 0) {
        const struct dirent *entry =
            sweep->depth > 0 ? readdir(sweep->open[sweep->depth - 1]) : NULL;

        if (entry) {
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                look_at(sweep, entry->d_name, now);
        } else if (sweep->depth > 1) {
            closedir(sweep->open[--sweep->depth]);
        } else {
            close_all(sweep);
            if (end_root(sweep))
                return 1;
        }
    }
    return 0;
}

assets_sweep_figures_t assets_sweep_figures(const assets_sweep_t *sweep)
{
    return sweep->figures;
}
