/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_digest.h"

#include "assets_text.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PIECE   65536
#define OVERLAP ((apr_size_t)sizeof(((assets_digest_t *)0)->last))

int assets_digest_begin(assets_digest_t *digest, const char *path)
{
    apr_size_t size = strlen(path);

    memset(digest, 0, sizeof(*digest));
    digest->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (digest->fd < 0)
        return 0;
    if (fstat(digest->fd, &digest->info) != 0) {
        assets_digest_end(digest);
        return 0;
    }
    digest->is_sheet = size > 4 && assets_text_is(path + size - 4, 4, ".css");
    apr_sha1_init(&digest->context);
    return 1;
}

/* url(), image-set() and @import; an escape may spell them too. */
static int refers_in(const char *data, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++) {
        if (data[i] == '\\' ||
            (data[i] == '(' && i >= 3 &&
             (strncasecmp(data + i - 3, "url", 3) == 0 ||
              strncasecmp(data + i - 3, "set", 3) == 0)) ||
            (data[i] == '@' && i + 1 < size && (data[i + 1] | 0x20) == 'i'))
            return 1;
    }
    return 0;
}

/* data has OVERLAP bytes before it. */
static void look_at_sheet(assets_digest_t *digest, char *data, apr_size_t size)
{
    memcpy(data - OVERLAP, digest->last, OVERLAP);
    if (!digest->refers)
        digest->refers = refers_in(data - OVERLAP, size + OVERLAP);
    memcpy(digest->last, data + size - OVERLAP, OVERLAP); /* both ends may be in one piece */
}

static int is_unchanged(const assets_digest_t *digest)
{
    struct stat now;

    return fstat(digest->fd, &now) == 0 && now.st_size == digest->info.st_size &&
           now.st_mtim.tv_sec == digest->info.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == digest->info.st_mtim.tv_nsec && digest->at == now.st_size;
}

assets_digest_e assets_digest_step(assets_digest_t *digest, apr_uint64_t *fingerprint)
{
    char buffer[OVERLAP + PIECE];
    ssize_t got = read(digest->fd, buffer + OVERLAP, PIECE);
    assets_digest_e result = ASSETS_DIGEST_FAILED;

    if (got > 0) {
        apr_sha1_update_binary(&digest->context, (unsigned char *)buffer + OVERLAP, (unsigned)got);
        digest->at += got;
        if (digest->is_sheet)
            look_at_sheet(digest, buffer + OVERLAP, (apr_size_t)got);
        return ASSETS_DIGEST_MORE;
    }
    if (got == 0 && is_unchanged(digest)) {
        *fingerprint = assets_fingerprint_final(&digest->context);
        result = ASSETS_DIGEST_DONE;
    }
    assets_digest_end(digest);
    return result;
}

void assets_digest_end(assets_digest_t *digest)
{
    if (digest->fd >= 0)
        close(digest->fd);
    digest->fd = -1;
}
