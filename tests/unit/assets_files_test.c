/* SPDX-License-Identifier: Apache-2.0 */
/* Files, their records, fetches over processes, the sweep: in a folder of its own. */
#include "cache_testing.h"

#include "assets_file.h"
#include "assets_name.h"
#include "assets_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is done to the disk, in its order; of a file, and of its folder. */
static const char *steps = "";
static apr_pool_t *steps_pool;
static int sync_error;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static void add_step(const char *step)
{
    if (steps_pool)
        steps = apr_pstrcat(steps_pool, steps, *steps ? " " : "", step, NULL);
}

int __wrap_fsync(int fd)
{
    struct stat info;

    fstat(fd, &info);
    add_step(S_ISDIR(info.st_mode) ? "folder" : "file");
    errno = sync_error;
    return sync_error ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    add_step("rename");
    return __real_rename(from, to);
}

static char folder[] = "/tmp/webtier-assets-XXXXXX";

static const char *at(apr_pool_t *pool, const char *name)
{
    return apr_pstrcat(pool, folder, "/", name, NULL);
}

static int make_folder(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return make_pool(state) || !mkdtemp(folder);
}

static int drop_folder(void **state)
{
    const char *command = apr_pstrcat(*state, "rm -rf ", folder, NULL);

    return system(command) || drop_pool(state);
}

static assets_record_t record_of(apr_pool_t *pool, const char *lines)
{
    assets_record_t record = {0, NOW, NOW + SECONDS(60), -1, 0x1f, 0x2e, fields(pool, lines)};

    return record;
}

/* Fetches size bytes to name, as a job does. */
static void fetch(apr_pool_t *pool, const char *name, apr_size_t size)
{
    const char *work = assets_name_work(folder, name, pool);
    assets_record_t record = record_of(pool, "ETag: \"1\"");
    apr_file_t *file;
    int is_leader;

    record.is_complete = 1;
    assert_int_equal(assets_file_enter(&file, &is_leader, work, pool), APR_SUCCESS);
    assert_true(is_leader);
    apr_file_write_full(file, apr_pcalloc(pool, size + 1), size, NULL);
    assert_int_equal(assets_file_note(file, NULL, &record, pool), APR_SUCCESS);
    assert_int_equal(assets_file_publish(file, work, at(pool, name), NOW, pool), APR_SUCCESS);
    apr_file_close(file);
}

static void set_used(apr_pool_t *pool, const char *name, apr_time_t used)
{
    struct timespec times[2] = {{apr_time_sec(used), 0}, {0, UTIME_OMIT}};

    assert_int_equal(utimensat(AT_FDCWD, at(pool, name), times, 0), 0);
}

static void names_that_are_files(void **state)
{
    static const char *const good[] = {"a",      "a/b.css", "a b",  "\xc3\xa9",
                                       "a..b/c", "-",       "100%", "%2/f"};
    static const char *const bad[] = {"",     ".",    "..",    "a/../b",  ".a",    "a/.b",
                                      "a//b", "/a",   "a/",    "a\\b",    "a\nb",  "a\x7f",
                                      "\x01", "a/..", "./a/b", ".tier/0", "a%2fb", "%2F"};

    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(assets_name_is_good(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(assets_name_is_good(bad[i]));
    assert_false(assets_name_is_good(apr_psprintf(*state, "%0256d", 0)));
    assert_true(assets_name_is_good(apr_psprintf(*state, "%0255d", 0)));
    assert_false(assets_name_is_good(
        apr_psprintf(*state, "%0200d/%0200d/%0200d/%0200d/%0200d/%030d", 0, 0, 0, 0, 0, 0)));
    assert_false(
        assets_name_is_good("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"));
    assert_string_equal(assets_name_work("/x", "a", *state),
                        "/x/.tier/86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
}

static void a_fetched_file_has_its_record(void **state)
{
    assets_file_t file;

    assert_true(APR_STATUS_IS_ENOENT(assets_file_open(&file, at(*state, "a/b"), 0, *state)));
    fetch(*state, "a/b", 100);
    assert_int_equal(assets_file_open(&file, at(*state, "a/b"), 0, *state), APR_SUCCESS);
    assert_true(file.has_record && file.record.is_complete);
    assert_int_equal(file.info.size, 100);
    assert_int_equal(file.info.mtime, NOW);
    assert_string_equal(apr_table_get(file.record.fields, "ETag"), "\"1\"");
    assert_int_equal(access(assets_name_work(folder, "a/b", *state), F_OK), -1);
    assert_int_equal(assets_file_open(&file, at(*state, "a"), 0, *state), EISDIR);
}

static void what_is_published_is_on_the_disk_before(void **state)
{
    const char *work = assets_name_work(folder, "b", *state);
    apr_file_t *file;
    int is_leader;

    steps = "";
    steps_pool = *state;
    fetch(*state, "a", 100);
    assert_string_equal(steps, "file rename folder");
    sync_error = EIO;
    assert_int_equal(assets_file_enter(&file, &is_leader, work, *state), APR_SUCCESS);
    assert_int_equal(assets_file_publish(file, work, at(*state, "b"), NOW, *state), EIO);
    sync_error = 0;
    steps_pool = NULL;
    assert_int_equal(access(at(*state, "b"), F_OK), -1);
}

static void a_file_without_record_is_somebody_elses(void **state)
{
    assets_file_t file;
    int fd = open(at(*state, "a"), O_CREAT | O_WRONLY, 0644);

    close(fd);
    assert_int_equal(assets_file_open(&file, at(*state, "a"), 0, *state), APR_SUCCESS);
    assert_false(file.has_record);
}

static void one_fetches_and_others_see_it(void **state)
{
    const char *work = assets_name_work(folder, "a", *state);
    assets_record_t record = record_of(*state, "");
    apr_file_t *leader, *other, *third;
    assets_file_t seen;
    int is_leader;

    assets_file_enter(&leader, &is_leader, work, *state);
    assert_true(is_leader);
    assert_int_equal(assets_file_enter(&other, &is_leader, work, *state), APR_SUCCESS);
    assert_false(is_leader);
    assert_true(assets_file_is_led(other));
    seen.file = other;
    assert_int_equal(assets_file_look(&seen, *state), APR_EINVAL);
    assets_file_note(leader, NULL, &record, *state);
    apr_file_write_full(leader, "xyz", 3, NULL);
    assert_int_equal(assets_file_look(&seen, *state), APR_SUCCESS);
    assert_int_equal(seen.info.size, 3);
    apr_file_close(leader); /* dies */
    assert_false(assets_file_is_led(other));
    assert_false(assets_file_is_led(other));
    /* What is left is not written to: who read it would get a mixture. */
    assert_int_equal(assets_file_enter(&third, &is_leader, work, *state), APR_SUCCESS);
    assert_true(is_leader);
    apr_file_write_full(third, "new", 3, NULL);
    assets_file_look(&seen, *state);
    assert_int_equal(seen.info.size, 3);
    assert_false(assets_file_is_led(other));
}

static apr_off_t size_of(apr_file_t *file)
{
    apr_finfo_t info;

    apr_file_info_get(&info, APR_FINFO_SIZE, file);
    return info.size;
}

static void a_lock_goes_with_its_process(void **state)
{
    const char *work = assets_name_work(folder, "a", *state);
    assets_record_t record = record_of(*state, "");
    assets_file_t seen;
    apr_file_t *file;
    int is_leader, status;
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        assets_file_enter(&file, &is_leader, work, *state);
        apr_file_write_full(file, "half", 4, NULL);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assets_file_enter(&file, &is_leader, work, *state);
    assert_false(is_leader);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    assert_false(assets_file_is_led(file));
    /* what it wrote is no beginning of anything */
    assets_file_enter(&file, &is_leader, work, *state);
    assert_true(is_leader);
    assert_int_equal(size_of(file), 0);
    /* nor is a record without bytes */
    assets_file_note(file, NULL, &record, *state);
    apr_file_close(file);
    assets_file_enter(&file, &is_leader, work, *state);
    seen.file = file;
    assert_true(is_leader);
    assert_int_equal(assets_file_look(&seen, *state), APR_EINVAL);
    close(ready[0]);
    close(ready[1]);
}

static void faults_of_the_disk_are_told(void **state)
{
    assets_record_t record = record_of(*state, "");
    apr_file_t *file;
    int is_leader;
    int fd = open(at(*state, ".tier"), O_CREAT | O_WRONLY, 0644);

    close(fd);
    assert_int_not_equal(
        assets_file_enter(&file, &is_leader, assets_name_work(folder, "a", *state), *state),
        APR_SUCCESS);
    assert_true(APR_STATUS_IS_ENOENT(assets_file_note(NULL, at(*state, "none"), &record, *state)));
    apr_table_setn(record.fields, "X", apr_psprintf(*state, "%04000d", 0));
    assert_int_equal(assets_file_note(NULL, at(*state, ".tier"), &record, *state), APR_ENOSPC);
}

static void using_a_file_is_noted_now_and_then(void **state)
{
    assets_file_t file;
    struct stat info;

    fetch(*state, "a", 1);
    set_used(*state, "a", NOW);
    assets_file_open(&file, at(*state, "a"), 0, *state);
    assets_file_touch(&file, NOW + SECONDS(30));
    stat(at(*state, "a"), &info);
    assert_int_equal(info.st_atime, apr_time_sec(NOW));
    assets_file_touch(&file, NOW + SECONDS(90));
    stat(at(*state, "a"), &info);
    assert_true(info.st_atime > apr_time_sec(NOW));
}

static void run_round(assets_sweep_t *sweep, apr_time_t now)
{
    int count = 0;

    while (!assets_sweep_step(sweep, 3, now))
        assert_true(++count < 1000);
}

static assets_sweep_t *sweep_of(apr_pool_t *pool, apr_off_t max_size)
{
    apr_array_header_t *roots = apr_array_make(pool, 2, sizeof(assets_sweep_root_t));

    APR_ARRAY_PUSH(roots, assets_sweep_root_t) =
        (assets_sweep_root_t){apr_pstrcat(pool, folder, "/none", NULL), 1};
    APR_ARRAY_PUSH(roots, assets_sweep_root_t) = (assets_sweep_root_t){folder, max_size};
    return assets_sweep_create(roots, pool);
}

static void the_sweep_removes_what_was_not_used(void **state)
{
    apr_time_t now = apr_time_now();
    assets_sweep_t *sweep = sweep_of(*state, 10000);
    assets_sweep_figures_t figures;
    int fd = open(at(*state, "own"), O_CREAT | O_WRONLY, 0644);

    assert_int_equal(ftruncate(fd, 100000), 0);
    close(fd);
    for (int i = 0; i < 12; i++) {
        const char *name = apr_psprintf(*state, "d%d/f%d", i % 3, i);

        fetch(*state, name, 1000);
        set_used(*state, name, now - SECONDS(1 << i));
    }
    run_round(sweep, now);
    figures = assets_sweep_figures(sweep);
    assert_int_equal(figures.files, 12);
    assert_int_equal(figures.bytes, 12000);
    assert_int_equal(figures.removed, 3);
    for (int i = 0; i < 12; i++)
        assert_int_equal(access(at(*state, apr_psprintf(*state, "d%d/f%d", i % 3, i)), F_OK),
                         i < 9 ? 0 : -1);
    assert_int_equal(access(at(*state, "own"), F_OK), 0);
    run_round(sweep, now);
    assert_int_equal(assets_sweep_figures(sweep).bytes, 9000);
    assert_int_equal(assets_sweep_figures(sweep).removed, 3);
}

static void the_sweep_removes_what_dead_processes_left(void **state)
{
    apr_time_t later = apr_time_now() + SECONDS(3600);
    assets_sweep_t *sweep = sweep_of(*state, 10000);
    const char *dead = assets_name_work(folder, "a", *state);
    const char *led = assets_name_work(folder, "b", *state);
    apr_file_t *file;
    int is_leader;

    assets_file_enter(&file, &is_leader, dead, *state);
    apr_file_close(file);
    assets_file_enter(&file, &is_leader, led, *state);
    run_round(sweep, apr_time_now());
    assert_int_equal(access(dead, F_OK), 0); /* too young to say */
    run_round(sweep, later);
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(access(led, F_OK), 0);
}

#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(names_that_are_files),
        FOLDER_TEST(a_fetched_file_has_its_record),
        FOLDER_TEST(what_is_published_is_on_the_disk_before),
        FOLDER_TEST(a_file_without_record_is_somebody_elses),
        FOLDER_TEST(one_fetches_and_others_see_it),
        FOLDER_TEST(a_lock_goes_with_its_process),
        FOLDER_TEST(faults_of_the_disk_are_told),
        FOLDER_TEST(using_a_file_is_noted_now_and_then),
        FOLDER_TEST(the_sweep_removes_what_was_not_used),
        FOLDER_TEST(the_sweep_removes_what_dead_processes_left),
    };

    return RUN_TESTS(tests);
}
