/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_file.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define SCHEME       "http://"
#define HOST_LONGEST 255

/* Changes with the form of the text, so that hosts of two versions share a memcached. */
#define RECORD "wtm1"

mogile_file_t *mogile_file_make(apr_pool_t *pool)
{
    mogile_file_t *file = apr_pcalloc(pool, sizeof(*file));

    file->length = -1;
    file->copies = apr_array_make(pool, 4, sizeof(mogile_copy_t));
    return file;
}

char *mogile_file_path(apr_uint32_t devid, apr_int64_t fid, apr_pool_t *pool)
{
    char *digits = apr_psprintf(pool, "%010" APR_INT64_T_FMT, fid);

    return apr_psprintf(pool, "/dev%u/%.1s/%.3s/%.3s/%s.fid", devid, digits, digits + 1, digits + 4,
                        digits);
}

static apr_size_t host_size(const char *host)
{
    static const char in_names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-._";
    apr_size_t size;

    if (*host != '[')
        return strspn(host, in_names);
    size = strspn(host + 1, "0123456789abcdefABCDEF:.");
    return size > 0 && host[1 + size] == ']' ? size + 2 : 0;
}

/* Returns the size of "host" or "host:port" at text; 0: it is neither. */
static apr_size_t node_size(const char *text)
{
    apr_size_t host = host_size(text);
    apr_size_t digits;

    if (host == 0 || host > HOST_LONGEST || text[host] != ':')
        return host > HOST_LONGEST ? 0 : host;
    digits = strspn(text + host + 1, "0123456789");
    if (digits == 0 || digits > 5 || apr_atoi64(text + host + 1) > 65535 ||
        apr_atoi64(text + host + 1) == 0)
        return 0;
    return host + 1 + digits;
}

/* Reads 1 to longest digits; returns what follows them, NULL when there are none or too many. */
static const char *read_digits(const char *text, apr_size_t longest, apr_int64_t *number)
{
    apr_size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > longest)
        return NULL;
    *number = apr_atoi64(text);
    return text + digits;
}

int mogile_file_read_url(mogile_copy_t *copy, apr_int64_t *fid, const char *url, apr_pool_t *pool)
{
    apr_size_t size;
    apr_int64_t devid = 0;
    const char *node, *path, *name;

    if (strncmp(url, SCHEME, sizeof(SCHEME) - 1) != 0)
        return 0;
    node = url + sizeof(SCHEME) - 1;
    size = node_size(node);
    path = node + size;
    if (size == 0 || strncmp(path, "/dev", 4) != 0 || !read_digits(path + 4, 9, &devid))
        return 0;
    name = strrchr(path, '/');
    if (!read_digits(name + 1, 18, fid) || *fid == 0 ||
        strcmp(path, mogile_file_path((apr_uint32_t)devid, *fid, pool)) != 0)
        return 0;
    copy->url = apr_pstrdup(pool, url);
    copy->node = apr_pstrmemdup(pool, node, size);
    copy->devid = (apr_uint32_t)devid;
    return 1;
}

apr_status_t mogile_file_add(mogile_file_t *file, const char *url, apr_pool_t *pool)
{
    mogile_copy_t copy;
    apr_int64_t fid;

    if (!mogile_file_read_url(&copy, &fid, url, pool) || (file->fid != 0 && fid != file->fid))
        return APR_EGENERAL;
    if (file->copies->nelts >= MOGILE_COPIES_MOST)
        return APR_ENOSPC;
    file->fid = fid;
    APR_ARRAY_PUSH(file->copies, mogile_copy_t) = copy;
    return APR_SUCCESS;
}

/* Adds what is called prefix1, prefix2, ... in the answer. */
static apr_status_t add_numbered(mogile_file_t *file, const mogile_answer_t *answer,
                                 const char *prefix, apr_int64_t count, apr_pool_t *pool)
{
    for (apr_int64_t i = 1; i <= count; i++) {
        const char *url =
            mogile_wire_value(answer, apr_psprintf(pool, "%s%" APR_INT64_T_FMT, prefix, i));

        if (!url || mogile_file_add(file, url, pool) != APR_SUCCESS)
            return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

apr_status_t mogile_file_of_paths(mogile_file_t *file, const mogile_answer_t *answer,
                                  apr_pool_t *pool)
{
    apr_int64_t count;

    if (!answer->ok || !mogile_wire_number(answer, "paths", &count) || count > MOGILE_COPIES_MOST)
        return APR_EGENERAL;
    return add_numbered(file, answer, "path", count, pool);
}

const char *mogile_file_md5(const char *md5, apr_pool_t *pool)
{
    char *lower;

    if (strlen(md5) != 32 || strspn(md5, "0123456789abcdefABCDEF") != 32)
        return NULL;
    lower = apr_pstrdup(pool, md5);
    for (char *c = lower; *c; c++)
        *c = (char)apr_tolower(*c);
    return lower;
}

apr_status_t mogile_file_of_info(mogile_file_t *file, const mogile_answer_t *answer,
                                 apr_pool_t *pool)
{
    const char *checksum;
    apr_int64_t fid, length;

    if (!answer->ok || !mogile_wire_number(answer, "fid", &fid) ||
        !mogile_wire_number(answer, "length", &length))
        return APR_EGENERAL;
    if (fid != file->fid)
        return APR_SUCCESS;
    file->length = length;
    checksum = mogile_wire_value(answer, "checksum");
    if (checksum && strncmp(checksum, "MD5:", 4) == 0)
        file->md5 = mogile_file_md5(checksum + 4, pool);
    return APR_SUCCESS;
}

/* The path and the devid beside it have to agree: create_close is told both. */
static int devids_agree(const mogile_file_t *file, const mogile_answer_t *answer, apr_pool_t *pool)
{
    for (int i = 0; i < file->copies->nelts; i++) {
        apr_int64_t devid;

        if (!mogile_wire_number(answer, apr_psprintf(pool, "devid_%d", i + 1), &devid) ||
            devid != APR_ARRAY_IDX(file->copies, i, mogile_copy_t).devid)
            return 0;
    }
    return 1;
}

apr_status_t mogile_file_of_open(mogile_file_t *file, const mogile_answer_t *answer,
                                 apr_pool_t *pool)
{
    apr_int64_t count, fid;
    apr_status_t status;

    if (!answer->ok || !mogile_wire_number(answer, "fid", &fid) ||
        !mogile_wire_number(answer, "dev_count", &count) || count > MOGILE_COPIES_MOST || count < 1)
        return APR_EGENERAL;
    status = add_numbered(file, answer, "path_", count, pool);
    if (status != APR_SUCCESS || file->fid != fid || !devids_agree(file, answer, pool))
        return APR_EGENERAL;
    return APR_SUCCESS;
}

char *mogile_file_write(const mogile_file_t *file, const char *domain, const char *key,
                        apr_size_t *size, apr_pool_t *pool)
{
    char *text = apr_pstrcat(pool, RECORD " ", mogile_wire_quote(domain, pool), " ",
                             mogile_wire_quote(key, pool), NULL);

    if (file) {
        text = apr_psprintf(pool, "%s %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %s", text,
                            file->fid, file->length, file->md5 ? file->md5 : "-");
        for (int i = 0; i < file->copies->nelts; i++)
            text = apr_pstrcat(pool, text, " ", APR_ARRAY_IDX(file->copies, i, mogile_copy_t).url,
                               NULL);
    }
    *size = strlen(text);
    return text;
}

/* Reads what follows domain and key. */
static apr_status_t read_file(mogile_file_t *file, const char *text, apr_pool_t *pool)
{
    char *words = apr_pstrdup(pool, text), *state = NULL;
    const char *fid = apr_strtok(words, " ", &state);
    const char *length = fid ? apr_strtok(NULL, " ", &state) : NULL;
    const char *md5 = length ? apr_strtok(NULL, " ", &state) : NULL;
    const char *url, *end;
    apr_int64_t number;

    if (!md5 || !(end = read_digits(fid, 18, &number)) || *end)
        return APR_EGENERAL;
    if (strcmp(length, "-1") != 0 && (!(end = read_digits(length, 18, &file->length)) || *end))
        return APR_EGENERAL;
    if (strcmp(md5, "-") != 0 && !(file->md5 = mogile_file_md5(md5, pool)))
        return APR_EGENERAL;
    file->fid = number;
    while ((url = apr_strtok(NULL, " ", &state)) != NULL) {
        if (mogile_file_add(file, url, pool) != APR_SUCCESS)
            return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

apr_status_t mogile_file_read(mogile_file_t **file, const char *text, apr_size_t size,
                              const char *domain, const char *key, apr_pool_t *pool)
{
    apr_size_t head_size;
    const char *head = mogile_file_write(NULL, domain, key, &head_size, pool);
    const char *rest;

    *file = NULL;
    if (size < head_size || memcmp(text, head, head_size) != 0 || memchr(text, '\0', size))
        return APR_EGENERAL;
    if (size == head_size)
        return APR_SUCCESS;
    rest = apr_pstrmemdup(pool, text + head_size, size - head_size);
    if (*rest != ' ')
        return APR_EGENERAL;
    *file = mogile_file_make(pool);
    if (read_file(*file, rest, pool) == APR_SUCCESS)
        return APR_SUCCESS;
    *file = NULL;
    return APR_EGENERAL;
}
