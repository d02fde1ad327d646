/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_hot.h"

#include "assets_hash.h"
#include "assets_pool.h"
#include "assets_use.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS       8192 /* a power of two: what falls into one takes the place of the other */
#define TOUCH_EVERY apr_time_from_sec(60)
#define YOUNG       apr_time_from_msec(500)
#define PART        64 /* of all the memory, for the content of one file */

/* What an entry takes besides its content: a pool has 8 KiB at least. */
#define OVERHEAD ((apr_size_t)8192 + 512)

/* What a file is known by: a change of any of it is a change. Of a record, too: it moves ctime. */
typedef struct known_t {
    int is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec mtime, ctime;
} known_t;

typedef struct entry_t {
    assets_use_t use;   /* of requests, and of its slot */
    int is_used;        /* since the hand came by; under the lock */
    apr_int64_t looked; /* at the disk; whoever sets it looks; atomic */
    apr_uint64_t hash;
    const char *path;
    known_t known;
    assets_file_t file;          /* without an open file; its ready is in the next one */
    const assets_ready_t *ready; /* set once, under the lock; atomic */
    apr_size_t bytes;
} entry_t;

struct assets_hot_t {
    apr_thread_mutex_t *lock; /* for slots, bytes, hand and the entries' users; never over I/O */
    entry_t *slots[SLOTS];
    apr_size_t bytes, most;
    apr_off_t largest; /* whose content is kept */
    unsigned hand;
};

static apr_status_t end_hot(void *data)
{
    assets_hot_t *hot = data;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (hot->slots[i])
            apr_pool_destroy(hot->slots[i]->use.pool);
    }
    return APR_SUCCESS;
}

static apr_off_t largest_of(apr_off_t most)
{
    if (most / PART < ASSETS_HOT_SMALL)
        return ASSETS_HOT_SMALL;
    return most / PART < ASSETS_HOT_LARGEST ? most / PART : ASSETS_HOT_LARGEST;
}

apr_status_t assets_hot_create(assets_hot_t **hot, apr_size_t most_bytes, apr_pool_t *pool)
{
    assets_hot_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_status_t rv = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, pool);

    if (rv != APR_SUCCESS)
        return rv;
    made->most = most_bytes;
    made->largest = largest_of((apr_off_t)most_bytes);
    apr_pool_cleanup_register(pool, made, end_hot, apr_pool_cleanup_null);
    *hot = made;
    return APR_SUCCESS;
}

static apr_uint64_t hash_of(const char *path)
{
    return assets_hash(path, strlen(path));
}

/* Entries. */

static int is_time(struct timespec one, struct timespec other)
{
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

static known_t known_of(const struct stat *info)
{
    known_t known = {1, info->st_dev, info->st_ino, info->st_size, info->st_mtim, info->st_ctim};

    return known;
}

static int is_same(const known_t *one, const known_t *other)
{
    if (!one->is_there || !other->is_there)
        return one->is_there == other->is_there;
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           is_time(one->mtime, other->mtime) && is_time(one->ctime, other->ctime);
}

/* Also says that a file is in use, which nobody opens any more: the sweep removes what is not. */
static int is_unchanged(const entry_t *entry)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    struct stat info;
    known_t now = {0};

    if (stat(entry->path, &info) == 0)
        now = known_of(&info);
    if (!is_same(&entry->known, &now))
        return 0;
    if (now.is_there && apr_time_now() - apr_time_from_sec(info.st_atime) > TOUCH_EVERY)
        utimensat(AT_FDCWD, entry->path, times, 0);
    return 1;
}

/* Puts another entry, or none, in the place of entry. */
static void replace(assets_hot_t *hot, unsigned slot, entry_t *entry)
{
    entry_t *old = hot->slots[slot];

    hot->slots[slot] = entry;
    hot->bytes += entry ? entry->bytes : 0;
    hot->bytes -= old ? old->bytes : 0;
    if (old && --old->use.users == 0)
        apr_pool_destroy(old->use.pool);
}

static void drop(assets_hot_t *hot, entry_t *entry)
{
    unsigned slot = (unsigned)entry->hash & (SLOTS - 1);

    apr_thread_mutex_lock(hot->lock);
    if (hot->slots[slot] == entry)
        replace(hot, slot, NULL);
    apr_thread_mutex_unlock(hot->lock);
}

/* Getting. */

static entry_t *hold(assets_hot_t *hot, const char *path)
{
    apr_uint64_t hash = hash_of(path);
    entry_t *entry;

    apr_thread_mutex_lock(hot->lock);
    entry = hot->slots[hash & (SLOTS - 1)];
    if (entry && (entry->hash != hash || strcmp(entry->path, path) != 0))
        entry = NULL;
    if (entry) {
        entry->use.users++;
        entry->is_used = 1;
    }
    apr_thread_mutex_unlock(hot->lock);
    return entry;
}

/* Of several threads one looks, once its time has come. */
static int is_good(assets_hot_t *hot, entry_t *entry, apr_time_t now)
{
    apr_int64_t looked = __atomic_load_n(&entry->looked, __ATOMIC_ACQUIRE);

    if (now - looked < ASSETS_HOT_LOOK ||
        !__atomic_compare_exchange_n(&entry->looked, &looked, now, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE) ||
        is_unchanged(entry))
        return 1;
    drop(hot, entry);
    return 0;
}

int assets_hot_get(assets_hot_t *hot, assets_file_t *file, int *is_there, const char *path,
                   apr_time_t now, apr_pool_t *pool)
{
    entry_t *entry = hold(hot, path);

    if (!entry)
        return 0;
    if (!is_good(hot, entry, now)) {
        assets_use_end(&entry->use);
        return 0;
    }
    assets_use_until(&entry->use, pool);
    *file = entry->file;
    file->ready = __atomic_load_n(&entry->ready, __ATOMIC_ACQUIRE);
    *is_there = entry->known.is_there;
    return 1;
}

/* Putting. */

static entry_t *make_entry(assets_hot_t *hot, const char *path, apr_time_t now)
{
    apr_pool_t *pool = assets_pool_make();
    entry_t *entry;

    if (!pool)
        return NULL;
    entry = apr_pcalloc(pool, sizeof(*entry));
    entry->use = (assets_use_t){hot->lock, 1, pool};
    entry->looked = now;
    entry->path = apr_pstrdup(pool, path);
    entry->hash = hash_of(path);
    entry->bytes = OVERHEAD;
    return entry;
}

/* A later change in the same tick of the filesystem's clock could not be told. */
static int is_young(const struct stat *info)
{
    apr_interval_time_t age =
        apr_time_now() - apr_time_from_sec(info->st_ctim.tv_sec) - info->st_ctim.tv_nsec / 1000;

    return age >= 0 && age < YOUNG;
}

/* Returns 0 when it could not be read. */
static int read_content(entry_t *entry, int fd, apr_size_t size)
{
    char *data;

    data = apr_palloc(entry->use.pool, size + 1);
    entry->file.data = data;
    entry->bytes += size;
    return pread(fd, data, size, 0) == (ssize_t)size;
}

/* Reads the file into the entry. Returns 0 when it is not (any more) what was opened. */
static int fill(entry_t *entry, const assets_file_t *file, apr_off_t largest)
{
    struct stat before, after;
    apr_os_file_t fd;

    apr_os_file_get(&fd, file->file);
    entry->file = *file;
    entry->file.file = NULL;
    entry->file.data = NULL;
    entry->file.ready = NULL;
    if (fstat(fd, &before) != 0 || before.st_size != file->info.size ||
        (before.st_size <= largest && !read_content(entry, fd, (apr_size_t)before.st_size)) ||
        stat(entry->path, &after) != 0)
        return 0;
    entry->known = known_of(&after);
    entry->file.info.pool = NULL;
    entry->file.info.fname = entry->path;
    entry->file.info.name = NULL;
    entry->file.info.filehand = NULL;
    if (file->made_of)
        entry->file.made_of = apr_pstrdup(entry->use.pool, file->made_of);
    if (file->has_record)
        entry->file.record.fields = apr_table_clone(entry->use.pool, file->record.fields);
    return !is_young(&after) && entry->known.inode == before.st_ino &&
           entry->known.device == before.st_dev && is_time(after.st_mtim, before.st_mtim) &&
           after.st_size == before.st_size && is_time(after.st_ctim, before.st_ctim);
}

/* Frees what was not used since the hand came by last. */
static void make_room(assets_hot_t *hot)
{
    for (unsigned i = 0; hot->bytes > hot->most && i < 2 * SLOTS; i++) {
        unsigned slot = hot->hand++ & (SLOTS - 1);
        entry_t *entry = hot->slots[slot];

        if (entry && !entry->is_used)
            replace(hot, slot, NULL);
        if (entry && hot->slots[slot])
            entry->is_used = 0;
    }
}

void assets_hot_put(assets_hot_t *hot, const assets_file_t *file, const char *path, apr_time_t now)
{
    entry_t *entry;

    if (file && file->info.size > hot->largest && file->has_record)
        return;
    entry = make_entry(hot, path, now);
    if (!entry)
        return;
    if (file && !fill(entry, file, hot->largest)) {
        apr_pool_destroy(entry->use.pool);
        return;
    }
    apr_thread_mutex_lock(hot->lock);
    replace(hot, (unsigned)entry->hash & (SLOTS - 1), entry);
    make_room(hot);
    apr_thread_mutex_unlock(hot->lock);
}

static const char *copy_of(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

/* The entry's pool is nobody's: who takes from it holds the lock. */
static void keep(entry_t *entry, const assets_ready_t *ready)
{
    assets_ready_t *kept = apr_pmemdup(entry->use.pool, ready, sizeof(*ready));

    kept->type = copy_of(ready->type, entry->use.pool);
    kept->etag = copy_of(ready->etag, entry->use.pool);
    kept->modified = copy_of(ready->modified, entry->use.pool);
    __atomic_store_n(&entry->ready, kept, __ATOMIC_RELEASE);
}

void assets_hot_tell(assets_hot_t *hot, const assets_file_t *file, const char *path,
                     const assets_ready_t *ready)
{
    apr_uint64_t hash = hash_of(path);
    entry_t *entry;

    apr_thread_mutex_lock(hot->lock);
    entry = hot->slots[hash & (SLOTS - 1)];
    if (entry && entry->hash == hash && strcmp(entry->path, path) == 0 && entry->file.data &&
        !entry->ready && assets_file_is_same(&entry->file.info, &file->info))
        keep(entry, ready);
    apr_thread_mutex_unlock(hot->lock);
}

apr_size_t assets_hot_bytes(assets_hot_t *hot)
{
    apr_size_t bytes;

    apr_thread_mutex_lock(hot->lock);
    bytes = hot->bytes;
    apr_thread_mutex_unlock(hot->lock);
    return bytes;
}
