/* SPDX-License-Identifier: Apache-2.0 */
/* Several at once: fetches into one folder, drafts of one file, parts of one download. */
#include "platform/known_bundles.h"
#include "platform/store.h"
#include "base/file.h"
#include "support/errors.h"
#include "support/folder.h"

#include <fcntl.h>
#include <llmd/llmd.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define FETCHES 8
#define ROUNDS 20

static int set_up(void **state)
{
    char cache[256];

    folder_set_up(state);
    snprintf(cache, sizeof(cache), "%s/cache", folder);
    setenv("XDG_CACHE_HOME", cache, 1);
    return 0;
}

static int tear_down(void **state)
{
    unsetenv("LLMD_BUNDLES");
    return folder_tear_down(state);
}
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- one part ---- */

#define SHA "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447"
#define WHOLE "/cache/libllmd/bundles/" SHA

static bool keep_before_lock;

/* What another process does between the library's open() and its lock. */
int flock(int fd, int operation)
{
    char part[320], whole[256];

    if (keep_before_lock) {
        keep_before_lock = false;
        snprintf(whole, sizeof(whole), "%s" WHOLE, folder);
        snprintf(part, sizeof(part), "%s.part", whole);
        assert_int_equal(rename(part, whole), 0);
    }
    return (int)syscall(SYS_flock, fd, operation);
}

static void begin_part(struct cache_part *part)
{
    AUTO(buf) struct buf text = BUF_INIT;

    none(llmd__cache_begin(SHA, part, &text));
}

static void test_a_part_that_was_kept_is_left_alone(void **state)
{
    struct cache_part part;

    (void)state;
    begin_part(&part);
    llmd__cache_add(&part, "hello world\n", 12);
    llmd__cache_close(&part);
    keep_before_lock = true;
    begin_part(&part);
    assert_int_equal(folder_size(WHOLE), 12);
    assert_true(part.fd >= 0); /* another was begun */
    llmd__cache_add(&part, "hello", 5);
    assert_int_equal(folder_size(WHOLE), 12);
    assert_int_equal(folder_size(WHOLE ".part"), 5);
    llmd__cache_close(&part);
}

/* ---- one file ---- */

/* The names that a draft may have, as links to what must not be written. */
static void test_a_draft_goes_through_no_link(void **state)
{
    static const char *const suffixes[] = {"", "-0", "-1"};
    char path[256], victim[256], name[320];

    (void)state;
    folder_write("victim", "mine", 0644);
    snprintf(victim, sizeof(victim), "%s/victim", folder);
    snprintf(path, sizeof(path), "%s/file", folder);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s.%ld%s", path, (long)getpid(), suffixes[i]);
        assert_int_equal(symlink(victim, name), 0);
    }
    none(llmd__file_write(path, "published", 9));
    assert_int_equal(folder_size("victim"), 4);
    assert_int_equal(folder_size("file"), 9);
}

static void test_a_file_goes_by_the_umask(void **state)
{
    char path[256];
    struct stat info;
    mode_t before = umask(027);

    (void)state;
    snprintf(path, sizeof(path), "%s/file", folder);
    none(llmd__file_write(path, "published", 9));
    umask(before);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

/* ---- one folder ---- */

struct fetcher {
    pthread_t thread;
    llmd_platform_spec *spec;
    char into[256];
    llmd_error *error;
};

static void *run_fetcher(void *data)
{
    struct fetcher *fetcher = data;
    llmd_task *task = NULL;

    fetcher->error = llmd_platform_fetch(fetcher->spec, fetcher->into, &task);
    if (!fetcher->error)
        fetcher->error = llmd_task_run(NULL, task, NULL, NULL);
    llmd_task_free(task);
    return NULL;
}

/* Of as many versions as there are fetchers, all of one file here. */
static void list_versions(void)
{
    static const char text[] = "kind: A\n";
    AUTO(buf) struct buf one = BUF_INIT, list = BUF_INIT;
    char sha256[LLMD__SHA256_TEXT], path[256];

    folder_write("one.yaml", text, 0644);
    llmd__buf_add(&one, text, strlen(text));
    none(llmd__sha256_text(&one, sha256));
    for (int i = 0; i < FETCHES; i++)
        llmd__buf_format(&list,
                         "- {component: kserve, version: 9.9.%d,"
                         " files: [{path: one.yaml, sha256: %s}]}\n",
                         i, sha256);
    folder_write("list.yaml", llmd__buf_text(&list), 0644);
    snprintf(path, sizeof(path), "%s/list.yaml", folder);
    setenv("LLMD_BUNDLES", path, 1);
}

static llmd_platform_spec *version_spec(int version)
{
    llmd_platform_spec *spec = NULL;
    char text[256];

    snprintf(text, sizeof(text),
             "{certManager: {install: never}, gatewayApi: {install: never},"
             " leaderWorkerSet: {install: never}, kserve: {version: 9.9.%d}}",
             version);
    none(llmd_platform_spec_parse(text, &spec));
    return spec;
}

static void start_fetcher(struct fetcher *fetcher, int version, int round)
{
    *fetcher = (struct fetcher){.spec = version_spec(version)};
    snprintf(fetcher->into, sizeof(fetcher->into), "%s/into-%d", folder, round);
    assert_int_equal(pthread_create(&fetcher->thread, NULL, run_fetcher, fetcher), 0);
}

static void end_fetcher(struct fetcher *fetcher)
{
    pthread_join(fetcher->thread, NULL);
    none(fetcher->error);
    llmd_platform_spec_free(fetcher->spec);
}

static void test_fetches_into_one_folder(void **state)
{
    struct fetcher fetchers[FETCHES];

    (void)state;
    list_versions();
    for (int round = 0; round < ROUNDS; round++) {
        AUTO(json) struct json *list = NULL;

        for (int i = 0; i < FETCHES; i++)
            start_fetcher(&fetchers[i], i, round);
        for (int i = 0; i < FETCHES; i++)
            end_fetcher(&fetchers[i]);
        none(llmd__bundles_known(fetchers[0].into, &list));
        assert_int_equal(llmd__json_count(list), FETCHES); /* none has lost another's */
    }
}

/* Made here and run elsewhere; the list stays one of paths below it. */
static void test_a_folder_of_a_relative_path(void **state)
{
    AUTO(json) struct json *list = NULL;
    int before = open(".", O_RDONLY | O_DIRECTORY);
    AUTO(buf) struct buf text = BUF_INIT;
    llmd_task *task = NULL;
    char path[256];

    (void)state;
    list_versions();
    for (int i = 0; i < 2; i++) {
        llmd_platform_spec *spec = version_spec(i);

        assert_int_equal(chdir(folder), 0);
        none(llmd_platform_fetch(spec, "there", &task));
        assert_int_equal(fchdir(before), 0);
        none(llmd_task_run(NULL, task, NULL, NULL));
        llmd_task_free(task);
        llmd_platform_spec_free(spec);
    }
    close(before);
    assert_true(folder_size("there/kserve-9.9.1/one.yaml") > 0);
    snprintf(path, sizeof(path), "%s/there/bundles.json", folder);
    none(llmd__file_read(path, 65536, &text));
    none(llmd__json_parse(llmd__buf_text(&text), text.len, "list", &list));
    assert_int_equal(llmd__json_count(list), 2);
    assert_string_equal(llmd__json_str(list, "[1].files[0].path"), "kserve-9.9.0/one.yaml");
}

/* Its files would be written to the root. */
static void test_a_folder_without_a_name(void **state)
{
    llmd_task *task = NULL;
    llmd_error *error = llmd_platform_fetch(NULL, "", &task);

    (void)state;
    assert_null(task);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_string_equal(llmd_error_message(error), "folder: is empty");
    llmd_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_part_that_was_kept_is_left_alone),
        STORE_TEST(test_a_draft_goes_through_no_link),
        STORE_TEST(test_a_file_goes_by_the_umask),
        STORE_TEST(test_fetches_into_one_folder),
        STORE_TEST(test_a_folder_of_a_relative_path),
        STORE_TEST(test_a_folder_without_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
