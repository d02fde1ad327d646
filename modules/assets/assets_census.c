/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_census.h"

#include "assets_digest.h"
#include "assets_file.h"
#include "assets_index.h"
#include "assets_press.h"
#include "assets_stat.h"
#include "assets_walk.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Looking at an entry costs as much as reading so many bytes. */
#define ENTRY ((apr_size_t)1024)
#define PIECE ((apr_size_t)65536)

/* A file that changed later may be changing still. */
#define QUIET apr_time_from_sec(2)

#define LARGEST_INDEX ((apr_off_t)16 * 1024 * 1024)

/* So long no variant is made after one could not be written. */
#define PRESS_REST apr_time_from_sec(60)

struct assets_census_t {
    assets_census_options_t options;
    const char *path; /* of the index */
    apr_pool_t *parent;
    apr_pool_t *last_pool, *pool; /* of the last round, and of this one; NULL: none */
    apr_hash_t *last;             /* name -> assets_print_t, of the last round */
    apr_array_header_t *prints;   /* of this round */
    assets_walk_t walk;
    assets_digest_t digest;
    const char *digested;  /* the name of the file that is being read */
    assets_press_t *press; /* what is made of the walk's file; NULL: nothing */
    apr_pool_t *press_pool;
    int coding;          /* of press */
    apr_time_t no_press; /* until then */
    apr_off_t bytes;     /* of variants, in this round */
    int is_changed, is_busy;
    assets_census_figures_t figures;
};

static apr_status_t end_census(void *data)
{
    assets_census_t *census = data;

    assets_walk_end(&census->walk);
    assets_digest_end(&census->digest);
    return APR_SUCCESS;
}

static void note_last(assets_census_t *census, const apr_array_header_t *prints, apr_pool_t *pool)
{
    census->last = apr_hash_make(pool);
    for (int i = 0; i < prints->nelts; i++) {
        const assets_print_t *print = APR_ARRAY_IDX(prints, i, const assets_print_t *);

        apr_hash_set(census->last, print->name, APR_HASH_KEY_STRING, print);
    }
}

/* What an earlier process wrote down. */
static apr_array_header_t *read_index(const char *path, apr_pool_t *pool)
{
    apr_array_header_t *prints = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && info.st_size <= LARGEST_INDEX) {
        char *text = apr_pcalloc(pool, (apr_size_t)info.st_size + 1);

        if (read(fd, text, (size_t)info.st_size) == (ssize_t)info.st_size)
            prints = assets_index_read(text, pool);
    }
    close(fd);
    return prints;
}

assets_census_t *assets_census_create(const assets_census_options_t *options, apr_pool_t *pool)
{
    assets_census_t *census = apr_pcalloc(pool, sizeof(*census));
    apr_array_header_t *prints;

    census->options = *options;
    census->path = apr_pstrcat(pool, options->directory, "/" ASSETS_INDEX_FILE, NULL);
    census->parent = pool;
    census->digest.fd = -1;
    apr_pool_create(&census->last_pool, pool);
    apr_pool_create(&census->press_pool, pool);
    prints = read_index(census->path, census->last_pool);
    census->is_changed = !prints;
    note_last(census, prints ? prints : apr_array_make(pool, 0, sizeof(assets_print_t *)),
              census->last_pool);
    apr_pool_pre_cleanup_register(pool, census, end_census);
    return census;
}

/* Files. */

static int is_of(const assets_print_t *print, const struct stat *info)
{
    return print->inode == (apr_uint64_t)info->st_ino && print->size == info->st_size &&
           print->mtime == assets_stat_mtime(info);
}

static void add(assets_census_t *census, const assets_print_t *print)
{
    assets_print_t *added = apr_pmemdup(census->pool, print, sizeof(*print));

    added->name = apr_pstrdup(census->pool, print->name);
    APR_ARRAY_PUSH(census->prints, assets_print_t *) = added;
}

/* Takes what a file had before along, the latest first. */
static void take_old(assets_print_t *print, const assets_print_t *before)
{
    int count = 0;

    for (int i = -1; before && i < ASSETS_INDEX_OLD && count < ASSETS_INDEX_OLD; i++) {
        apr_uint64_t old = i < 0 ? before->fingerprint : before->old[i];

        if (old && old != print->fingerprint)
            print->old[count++] = old;
    }
}

static void add_new(assets_census_t *census, const char *name, const struct stat *info,
                    apr_uint64_t fingerprint, int refers)
{
    const assets_print_t *before = apr_hash_get(census->last, name, APR_HASH_KEY_STRING);
    assets_print_t print = {name, fingerprint, (apr_uint64_t)info->st_ino, info->st_size,
                            assets_stat_mtime(info)};

    print.refers = refers;
    take_old(&print, before);
    add(census, &print);
    census->is_changed = 1;
}

/* What a fetch has found out while it wrote the file. */
static apr_uint64_t kept_beside(const char *path, apr_pool_t *pool)
{
    char data[ASSETS_RECORD_LARGEST];
    ssize_t size = getxattr(path, ASSETS_RECORD_ATTRIBUTE, data, sizeof(data));
    assets_record_t record;

    return size > 0 && assets_record_read(&record, data, (apr_size_t)size, pool) == APR_SUCCESS
               ? record.fingerprint
               : 0;
}

static int is_quiet(const struct stat *info, apr_time_t now)
{
    apr_time_t mtime = assets_stat_mtime(info);

    return mtime > now || now - mtime >= QUIET;
}

static int is_for(const assets_census_t *census, const char *name)
{
    return assets_name_is_good(name) && assets_index_is_plain(name) &&
           census->walk.info.st_size <= ASSETS_FINGERPRINT_LARGEST;
}

static void look_for_fingerprint(assets_census_t *census, apr_time_t now)
{
    const char *name = assets_walk_name(&census->walk);
    const struct stat *info = &census->walk.info;
    const assets_print_t *before = apr_hash_get(census->last, name, APR_HASH_KEY_STRING);
    apr_uint64_t kept;

    if (!is_for(census, name))
        return;
    if (census->prints->nelts >= ASSETS_INDEX_MOST) {
        census->figures.is_more = 1;
    } else if (before && is_of(before, info)) {
        add(census, before);
    } else if ((kept = kept_beside(census->walk.path, census->pool)) != 0) {
        add_new(census, name, info, kept, 1);
    } else if (!is_quiet(info, now)) {
        census->is_busy = 1;
        if (before)
            add(census, before);
    } else if (assets_digest_begin(&census->digest, census->walk.path)) {
        census->digested = apr_pstrdup(census->pool, name);
    }
}

/* Variants. */

static void note_press(assets_census_t *census, apr_status_t problem, apr_time_t now)
{
    if (problem == APR_SUCCESS)
        return;
    census->figures.press_problem = problem;
    census->no_press = now + PRESS_REST;
}

/* Returns 1 when a coding of the walk's file is still to be made. A build may have made it. */
static int is_missing(assets_census_t *census, assets_coding_e coding, const char *target)
{
    const char *beside =
        apr_pstrcat(census->press_pool, census->walk.path, assets_accept_suffix(coding), NULL);
    struct stat info;

    if (stat(beside, &info) == 0 &&
        assets_stat_mtime(&info) >= assets_stat_mtime(&census->walk.info))
        return 0;
    return !assets_press_is_at(target, &census->walk.info);
}

/* Begins the next variant of the walk's file that is missing, if there is one. */
static void press_next(assets_census_t *census, apr_time_t now)
{
    const assets_census_options_t *options = &census->options;
    const char *name = assets_walk_name(&census->walk);
    apr_status_t problem;

    census->press = NULL;
    if (census->no_press > now + PRESS_REST)
        census->no_press = now; /* the clock was put back */
    while (!census->press && ++census->coding < ASSETS_CODINGS && now >= census->no_press) {
        assets_coding_e coding = (assets_coding_e)census->coding;
        const char *target;

        apr_pool_clear(census->press_pool);
        target = assets_press_path(options->directory, name, coding, census->press_pool);
        if (!(options->codings >> coding & 1) || !is_missing(census, coding, target))
            continue;
        mkdir(apr_pstrcat(census->press_pool, options->directory, "/" ASSETS_NAME_WORK, NULL),
              0755);
        census->press = assets_press_begin(census->walk.path, name, target, coding, &problem,
                                           census->press_pool);
        note_press(census, problem, now);
    }
}

static void look_for_variants(assets_census_t *census, apr_time_t now)
{
    const struct stat *info = &census->walk.info;

    if (census->options.codings == 0 || info->st_size < ASSETS_PRESS_SMALLEST ||
        info->st_size > ASSETS_PRESS_LARGEST ||
        census->figures.bytes > census->options.most_bytes ||
        !assets_name_is_good(assets_walk_name(&census->walk)) ||
        !assets_press_is_for(census->walk.path) || !is_quiet(info, now))
        return;
    census->coding = -1;
    press_next(census, now);
}

/* The walk is still at that file. */
static void read_more(assets_census_t *census, apr_time_t now)
{
    apr_uint64_t fingerprint;

    switch (assets_digest_step(&census->digest, &fingerprint)) {
    case ASSETS_DIGEST_DONE:
        add_new(census, census->digested, &census->digest.info, fingerprint, census->digest.refers);
        look_for_variants(census, now);
        break;
    case ASSETS_DIGEST_FAILED:
        census->is_busy = 1;
        break;
    default:
        break;
    }
}

static void press_more(assets_census_t *census, apr_time_t now)
{
    apr_status_t problem;

    switch (assets_press_step(census->press, &problem)) {
    case ASSETS_PRESS_MORE:
        return;
    case ASSETS_PRESS_DONE:
        census->figures.pressed++;
        census->figures.press_problem = APR_SUCCESS;
        break;
    default:
        note_press(census, problem, now);
        break;
    }
    press_next(census, now);
}

/* A variant whose file is gone or another one by now goes, too; and what a process that died has
 * left. */
static void look_at_work(assets_census_t *census)
{
    char attribute[ASSETS_PRESS_LONGEST];
    const char *path = census->walk.path;
    ssize_t size = getxattr(path, ASSETS_PRESS_ATTRIBUTE, attribute, sizeof(attribute) - 1);
    const char *name;
    struct stat info;

    if (size <= 0)
        return;
    attribute[size] = '\0';
    name = assets_press_name(attribute);
    if (!name ||
        stat(apr_pstrcat(census->pool, census->options.directory, "/", name, NULL), &info) != 0 ||
        !assets_press_is_at(path, &info)) {
        unlink(path);
    } else {
        census->bytes += census->walk.info.st_size;
    }
}

static void look_at(assets_census_t *census, apr_time_t now)
{
    if (census->options.fingerprint)
        look_for_fingerprint(census, now);
    if (census->digest.fd < 0)
        look_for_variants(census, now);
}

/* Rounds. */

static apr_status_t write_text(const char *path, const char *text)
{
    apr_size_t size = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0)
        return errno;
    for (apr_size_t at = 0; at < size && rv == APR_SUCCESS;) {
        ssize_t written = write(fd, text + at, size - at);

        if (written > 0) {
            at += (apr_size_t)written;
        } else {
            rv = written < 0 ? errno : ENOSPC;
        }
    }
    close(fd);
    return rv;
}

static apr_status_t write_index(assets_census_t *census)
{
    const char *beside = apr_pstrcat(census->pool, census->path, ".new", NULL);
    const char *folder =
        apr_pstrcat(census->pool, census->options.directory, "/" ASSETS_NAME_WORK, NULL);
    const char *text = assets_index_write(census->prints, census->pool);
    apr_status_t rv;

    mkdir(folder, 0755);
    rv = write_text(beside, text);
    if (rv == APR_SUCCESS && rename(beside, census->path) != 0)
        rv = errno;
    if (rv != APR_SUCCESS)
        unlink(beside);
    return rv;
}

static void begin_round(assets_census_t *census)
{
    apr_pool_create(&census->pool, census->parent);
    census->prints = apr_array_make(census->pool, 64, sizeof(assets_print_t *));
    census->is_busy = 0;
    census->figures.is_more = 0;
    census->bytes = 0;
    assets_walk_begin(&census->walk, census->options.directory);
}

static void end_round(assets_census_t *census)
{
    census->is_changed |= (int)apr_hash_count(census->last) != census->prints->nelts;
    census->figures.is_busy = census->is_busy || census->is_changed;
    census->figures.files = census->prints->nelts;
    census->figures.bytes = census->bytes;
    if (census->options.fingerprint && census->is_changed &&
        (census->prints->nelts > 0 || apr_hash_count(census->last) > 0)) {
        census->figures.problem = write_index(census);
        census->is_changed = census->figures.problem != APR_SUCCESS;
    }
    note_last(census, census->prints, census->pool);
    apr_pool_destroy(census->last_pool);
    census->last_pool = census->pool;
    census->pool = NULL;
}

int assets_census_step(assets_census_t *census, apr_size_t effort, apr_time_t now)
{
    census->figures.has_read = 0;
    if (!census->pool)
        begin_round(census);
    for (apr_size_t cost; effort > 0; effort -= cost < effort ? cost : effort) {
        if (census->digest.fd >= 0) {
            read_more(census, now);
            census->figures.has_read = 1;
            cost = PIECE;
            continue;
        }
        if (census->press) {
            press_more(census, now);
            census->figures.has_read = 1;
            return 0; /* each of these is long enough */
        }
        cost = ENTRY;
        switch (assets_walk_next(&census->walk)) {
        case ASSETS_WALK_FILE:
            look_at(census, now);
            break;
        case ASSETS_WALK_WORK:
            look_at_work(census);
            break;
        case ASSETS_WALK_END:
            end_round(census);
            return 1;
        default:
            break;
        }
    }
    return 0;
}

assets_census_figures_t assets_census_figures(const assets_census_t *census)
{
    return census->figures;
}
