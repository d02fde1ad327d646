/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_walk.h"

#include <stdio.h>
#include <string.h>

/* Opens the folder that is the first length bytes of path. */
static void enter(assets_walk_t *walk, apr_size_t length)
{
    DIR *folder;

    if (walk->depth == ASSETS_WALK_DEEPEST)
        return;
    walk->path[length] = '\0';
    folder = opendir(walk->path);
    if (!folder)
        return;
    walk->open[walk->depth] = folder;
    walk->lengths[walk->depth++] = length;
}

void assets_walk_begin(assets_walk_t *walk, const char *directory)
{
    apr_size_t length = strlen(directory);

    assets_walk_end(walk);
    if (length < sizeof(walk->path)) {
        memcpy(walk->path, directory, length);
        enter(walk, length);
    }
}

const char *assets_walk_name(const assets_walk_t *walk)
{
    return walk->path + walk->lengths[0] + 1;
}

static assets_walk_e look_at(assets_walk_t *walk, const char *name)
{
    apr_size_t length = walk->lengths[walk->depth - 1];
    int written = snprintf(walk->path + length, sizeof(walk->path) - length, "/%s", name);

    if (written < 0 || length + (apr_size_t)written >= sizeof(walk->path) ||
        lstat(walk->path, &walk->info) != 0)
        return ASSETS_WALK_OTHER;
    if (S_ISDIR(walk->info.st_mode)) {
        enter(walk, length + (apr_size_t)written);
    } else if (S_ISREG(walk->info.st_mode)) {
        return walk->depth == 2 && strncmp(assets_walk_name(walk), ASSETS_NAME_WORK "/",
                                           sizeof(ASSETS_NAME_WORK)) == 0
                   ? ASSETS_WALK_WORK
                   : ASSETS_WALK_FILE;
    }
    return ASSETS_WALK_OTHER;
}

assets_walk_e assets_walk_next(assets_walk_t *walk)
{
    const struct dirent *entry = walk->depth > 0 ? readdir(walk->open[walk->depth - 1]) : NULL;

    if (entry)
        return strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0
                   ? ASSETS_WALK_OTHER
                   : look_at(walk, entry->d_name);
    if (walk->depth > 0)
        closedir(walk->open[--walk->depth]);
    return walk->depth > 0 ? ASSETS_WALK_OTHER : ASSETS_WALK_END;
}

void assets_walk_end(assets_walk_t *walk)
{
    while (walk->depth > 0)
        closedir(walk->open[--walk->depth]);
}
