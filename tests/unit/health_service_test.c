/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_service.h"

static health_check_t check_of(health_kind_e kind, const char *address, apr_port_t port)
{
    health_check_t check;

    health_check_defaults(&check);
    check.kind = kind;
    check.address = address;
    check.port = port;
    return check;
}

static void names_and_places(void **state)
{
    static const struct {
        health_kind_e kind;
        const char *address;
        apr_port_t port;
        const char *url;
        const char *host;
        int reached; /* port */
    } cases[] = {
        {HEALTH_KIND_MYSQL, "db.example", 0, "mysql://db.example:3306", "db.example", 3306},
        {HEALTH_KIND_REDIS, "::1", 7000, "redis://[::1]:7000", "::1", 7000},
        {HEALTH_KIND_HTTP, "10.0.0.5", 0, "http://10.0.0.5:80", "10.0.0.5", 80},
        {HEALTH_KIND_HTTPS, "10.0.0.5", 0, "https://10.0.0.5:443", "10.0.0.5", 443},
        {HEALTH_KIND_TCP, "10.0.0.5", 5672, "tcp://10.0.0.5:5672", "10.0.0.5", 5672},
        {HEALTH_KIND_HTTP, "/run/api.sock", 0, "http:/run/api.sock", "localhost", 80},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const health_check_t check = check_of(cases[i].kind, cases[i].address, cases[i].port);
        health_service_t service;
        health_spec_t spec;

        assert_null(health_service_make(&service, "db", &check, *state));
        assert_true(health_service_spec(&service, NULL, &spec));
        assert_string_equal(spec.key.scope, "");
        assert_string_equal(spec.key.balancer, "db");
        assert_string_equal(spec.key.member, cases[i].url);
        assert_string_equal(spec.host, cases[i].host);
        assert_int_equal(spec.port, cases[i].reached);
        assert_ptr_equal(spec.check, &check);
        assert_true((spec.socket_path != NULL) == (cases[i].address[0] == '/'));
        assert_null(spec.ref);
    }
}

static void a_program_needs_no_address(void **state)
{
    static const char *const arguments[] = {"/usr/local/bin/lag", "--max", "5", NULL};
    health_check_t check = check_of(HEALTH_KIND_COMMAND, NULL, 0);
    health_service_t service;

    check.command = arguments;
    assert_null(health_service_make(&service, "lag", &check, *state));
    assert_string_equal(service.url, "command:/usr/local/bin/lag");
    assert_string_equal(service.host, "127.0.0.1");
}

static void what_is_missing(void **state)
{
    health_check_t check = check_of(HEALTH_KIND_MYSQL, NULL, 0);
    health_service_t service;

    assert_non_null(strstr(health_service_make(&service, "db", &check, *state), "address="));
    check = check_of(HEALTH_KIND_TCP, "10.0.0.5", 0);
    assert_non_null(strstr(health_service_make(&service, "db", &check, *state), "port="));
}

static void name_that_is_too_long(void **state)
{
    health_check_t check = check_of(HEALTH_KIND_TCP, "10.0.0.5", 1);
    health_service_t service;
    health_spec_t spec;
    char name[200];

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_null(health_service_make(&service, name, &check, *state));
    assert_false(health_service_spec(&service, NULL, &spec));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(names_and_places),
        test_with_pool(a_program_needs_no_address),
        test_with_pool(what_is_missing),
        test_with_pool(name_that_is_too_long),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
