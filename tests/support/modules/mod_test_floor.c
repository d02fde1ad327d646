/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: the least that httpd can do for a request, which the benchmarks measure against.
 *
 *   TestFloor quick|handler|gate <path> <size>
 *
 * answers <path> with one immortal bucket of <size> bytes, from the quick_handler hook (nothing of
 * httpd's walks runs) or as a normal handler. gate: as quick, but only the fields are sent at once,
 * the bucket when <path>?open is asked for: to all who wait for it.
 *
 *   TestFloorMemcached <path> <size> <port> <key>
 *
 * answers <path> from the quick_handler hook with the value of <key>, which has to have <size>
 * bytes, of the memcached on that port of 127.0.0.1: one get, over a connection that the thread
 * keeps.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <limits.h>
#include <linux/futex.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FLOOR_MAX_SIZE (64 * 1024 * 1024)

extern module AP_MODULE_DECLARE_DATA test_floor_module;

typedef struct floor_answer_t {
    int quick;
    const char *path;
    apr_size_t size;
    const char *body;
    apr_port_t port;    /* of memcached; 0: the answer is body */
    const char *get;    /* what memcached is asked */
    apr_uint32_t *gate; /* in shared memory: how often it was opened; atomic; NULL: it is none */
} floor_answer_t;

static void *create_config(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_array_make(pool, 4, sizeof(floor_answer_t));
}

static void *merge_config(apr_pool_t *pool, void *base, void *add)
{
    return apr_array_append(pool, add, base);
}

static const char *set_floor(cmd_parms *cmd, void *unused, const char *phase, const char *path,
                             const char *size)
{
    apr_array_header_t *answers =
        ap_get_module_config(cmd->server->module_config, &test_floor_module);
    floor_answer_t answer = {0};
    apr_int64_t bytes = apr_atoi64(size);
    char *body;

    (void)unused;
    if (strcmp(phase, "quick") != 0 && strcmp(phase, "handler") != 0 && strcmp(phase, "gate") != 0)
        return apr_psprintf(cmd->temp_pool, "TestFloor: %s is not quick, handler or gate", phase);
    if (bytes < 1 || bytes > FLOOR_MAX_SIZE)
        return apr_psprintf(cmd->temp_pool, "TestFloor: size %s is not between 1 and %d", size,
                            FLOOR_MAX_SIZE);
    answer.quick = phase[0] != 'h';
    if (phase[0] == 'g')
        answer.gate = mmap(NULL, sizeof(*answer.gate), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (answer.gate == MAP_FAILED)
        return "TestFloor: no shared memory";
    answer.path = path;
    answer.size = (apr_size_t)bytes;
    body = apr_palloc(cmd->pool, answer.size);
    memset(body, 'f', answer.size);
    answer.body = body;
    APR_ARRAY_PUSH(answers, floor_answer_t) = answer;
    return NULL;
}

static const char *set_memcached(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    apr_array_header_t *answers =
        ap_get_module_config(cmd->server->module_config, &test_floor_module);
    floor_answer_t *answer;

    (void)unused;
    if (argc != 4)
        return "TestFloorMemcached: the path, the size, the port, the key";
    answer = apr_array_push(answers);
    memset(answer, 0, sizeof(*answer));
    answer->quick = 1;
    answer->path = argv[0];
    answer->size = (apr_size_t)apr_atoi64(argv[1]);
    answer->port = (apr_port_t)apr_atoi64(argv[2]);
    answer->get = apr_pstrcat(cmd->pool, "get ", argv[3], "\r\n", NULL);
    return NULL;
}

static const floor_answer_t *find_answer(request_rec *r, int quick)
{
    const apr_array_header_t *answers =
        ap_get_module_config(r->server->module_config, &test_floor_module);
    int i;

    for (i = 0; i < answers->nelts; i++) {
        const floor_answer_t *answer = &APR_ARRAY_IDX(answers, i, floor_answer_t);

        if (answer->quick == quick && strcmp(answer->path, r->uri) == 0)
            return answer;
    }
    return NULL;
}

/* The calling thread's connection; one memcached is enough for a benchmark. */
static __thread int memcached = -1;

static int connect_to(apr_port_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcached = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (memcached >= 0 && connect(memcached, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        setsockopt(memcached, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0)
        return 1;
    return 0;
}

static void disconnect(void)
{
    close(memcached);
    memcached = -1;
}

/* Returns the value, of answer->size bytes, from r->pool; NULL where memcached has none. */
static const char *get(request_rec *r, const floor_answer_t *answer)
{
    apr_size_t room = answer->size + 512;
    char *reply = apr_palloc(r->pool, room);
    apr_size_t read = 0;
    const char *value;

    if (memcached < 0 && !connect_to(answer->port))
        return NULL;
    if (send(memcached, answer->get, strlen(answer->get), MSG_NOSIGNAL) < 0) {
        disconnect();
        return NULL;
    }
    do {
        ssize_t part = recv(memcached, reply + read, room - read, 0);
        if (part <= 0) {
            disconnect();
            return NULL;
        }
        read += (apr_size_t)part;
    } while (read < 5 || (memcmp(reply + read - 5, "END\r\n", 5) != 0 && read < room));
    value = memchr(reply, '\n', read);
    return value && read > answer->size ? value + 1 : NULL;
}

static apr_bucket *body_of(request_rec *r, const floor_answer_t *answer)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    const char *value;

    if (!answer->port)
        return apr_bucket_immortal_create(answer->body, answer->size, alloc);
    value = get(r, answer);
    return value ? apr_bucket_pool_create(value, answer->size, r->pool, alloc) : NULL;
}

static int open_gate(request_rec *r, apr_uint32_t *gate)
{
    __atomic_add_fetch(gate, 1, __ATOMIC_ACQ_REL);
    syscall(SYS_futex, gate, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    ap_rputs("open", r);
    return OK;
}

/* Sends the fields, and waits. */
static void pass_gate(request_rec *r, apr_uint32_t *gate, apr_bucket_brigade *brigade)
{
    apr_uint32_t before = __atomic_load_n(gate, __ATOMIC_ACQUIRE);

    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(brigade->bucket_alloc));
    ap_pass_brigade(r->output_filters, brigade);
    apr_brigade_cleanup(brigade);
    while (__atomic_load_n(gate, __ATOMIC_ACQUIRE) == before)
        syscall(SYS_futex, gate, FUTEX_WAIT, before, NULL, NULL, 0);
}

static int send_answer(request_rec *r, int quick)
{
    const floor_answer_t *answer = r->method_number == M_GET ? find_answer(r, quick) : NULL;
    apr_bucket_brigade *brigade;
    apr_bucket *body;
    apr_status_t rv;

    if (!answer)
        return DECLINED;
    if (answer->gate && r->args)
        return open_gate(r, answer->gate);
    body = body_of(r, answer);
    if (!body)
        return HTTP_BAD_GATEWAY;
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, (apr_off_t)answer->size);
    brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (answer->gate)
        pass_gate(r, answer->gate, brigade);
    APR_BRIGADE_INSERT_TAIL(brigade, body);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    rv = ap_pass_brigade(r->output_filters, brigade);
    return rv == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

static int quick_handler(request_rec *r, int lookup)
{
    return lookup ? DECLINED : send_answer(r, 1);
}

static int handler(request_rec *r)
{
    return send_answer(r, 0);
}

/* As mod_proxy does: a path of ours is no file, so that httpd looks for none. */
static int translate_name(request_rec *r)
{
    if (!find_answer(r, 0))
        return DECLINED;
    r->filename = apr_pstrcat(r->pool, "test-floor:", r->uri, NULL);
    return OK;
}

static int map_to_storage(request_rec *r)
{
    return r->filename && strncmp(r->filename, "test-floor:", 11) == 0 ? OK : DECLINED;
}

static const command_rec commands[] = {
    AP_INIT_TAKE3("TestFloor", set_floor, NULL, RSRC_CONF,
                  "quick|handler|gate, the path, the size in bytes"),
    AP_INIT_TAKE_ARGV("TestFloorMemcached", set_memcached, NULL, RSRC_CONF,
                      "the path, the size, the port, the key"),
    {NULL}};

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_quick_handler(quick_handler, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_translate_name(translate_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(test_floor) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_config, merge_config, commands, register_hooks,
    AP_MODULE_FLAG_NONE};
