/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "reproxy_failure.h"

static void every_failure_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < REPROXY_FAILURES; i++) {
        assert_non_null(reproxy_failure_name((reproxy_failure_e)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(reproxy_failure_name((reproxy_failure_e)i),
                                    reproxy_failure_name((reproxy_failure_e)j));
    }
    assert_string_equal(reproxy_failure_name(REPROXY_FAILURES), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_has_a_name_of_its_own)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
