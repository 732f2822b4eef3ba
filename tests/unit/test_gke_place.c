/* SPDX-License-Identifier: Apache-2.0 */
/* Where Google's services are, and which project and location a handle stands for. */
#include "gke/gke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ZONE "europe-west4-a"

static const char *const variables[] = {"LLMD_GOOGLE_URL",
                                        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER",
                                        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE",
                                        "GOOGLE_CLOUD_PROJECT",
                                        "GCLOUD_PROJECT",
                                        "GOOGLE_CLOUD_UNIVERSE_DOMAIN"};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    return 0;
}

static llmd_error *open_in(const char *project, const char *location, llmd_gke **out)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    assert_null(llmd_credentials_from_token("t", &credentials));
    return llmd_gke_open(credentials, project, location, out);
}

static llmd_gke *opened(const char *project, const char *location)
{
    llmd_gke *gke = NULL;

    assert_null(open_in(project, location, &gke));
    return gke;
}

static const struct {
    const char *variable, *value; /* of the environment, or NULL */
    const char *container, *compute;
} places[] = {
    {NULL, NULL, "https://container.googleapis.com", "https://compute.googleapis.com"},
    {"LLMD_GOOGLE_URL", "http://127.0.0.1:8/", "http://127.0.0.1:8/container.googleapis.com",
     "http://127.0.0.1:8/compute.googleapis.com"},
    {"LLMD_GOOGLE_URL", "", "https://container.googleapis.com", "https://compute.googleapis.com"},
    /* gcloud's own values end with a slash, and Compute Engine's with its version */
    {"CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", "https://europe-west4-container.googleapis.com/",
     "https://europe-west4-container.googleapis.com", "https://compute.googleapis.com"},
    {"CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "https://x.p.googleapis.com/compute/v1/",
     "https://container.googleapis.com", "https://x.p.googleapis.com"},
    {"CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "https://x.p.googleapis.com",
     "https://container.googleapis.com", "https://x.p.googleapis.com"},
};

static void test_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        set_up(NULL);
        if (places[i].variable)
            setenv(places[i].variable, places[i].value, 1);
        LLMD_AUTO(llmd_gke) gke = opened("p", ZONE);
        assert_string_equal(llmd__http_base_url(llmd__gke_http(gke, GOOGLE_CONTAINER)),
                            places[i].container);
        assert_string_equal(llmd__http_base_url(llmd__gke_http(gke, GOOGLE_COMPUTE)),
                            places[i].compute);
    }
}

/* One service elsewhere, all others on the sandbox. */
static void test_one_service_before_all(void **state)
{
    (void)state;
    setenv("LLMD_GOOGLE_URL", "http://127.0.0.1:8", 1);
    setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", "http://127.0.0.1:9/", 1);
    LLMD_AUTO(llmd_gke) gke = opened("p", ZONE);
    assert_string_equal(llmd__http_base_url(llmd__gke_http(gke, GOOGLE_CONTAINER)),
                        "http://127.0.0.1:9");
    assert_string_equal(llmd__http_base_url(llmd__gke_http(gke, GOOGLE_COMPUTE)),
                        "http://127.0.0.1:8/compute.googleapis.com");
}

static void test_project(void **state)
{
    llmd_gke *none = NULL;

    (void)state;
    LLMD_AUTO(llmd_error) error = open_in(NULL, ZONE, &none);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "no project"));
    assert_non_null(strstr(llmd_error_advice(error), "GOOGLE_CLOUD_PROJECT"));
    assert_null(none);
    setenv("GOOGLE_CLOUD_PROJECT", "of-the-environment", 1);
    LLMD_AUTO(llmd_gke) found = opened(NULL, ZONE), *empty = opened("", ZONE);
    LLMD_AUTO(llmd_gke) given = opened("given", ZONE);
    assert_string_equal(llmd_gke_project(found), "of-the-environment");
    assert_string_equal(llmd_gke_project(empty), "of-the-environment");
    assert_string_equal(llmd_gke_project(given), "given");
}

/* It becomes a part of every path. */
static void test_project_ids(void **state)
{
    static const char *const good[] = {"my-project-1", "example.com:my-project", "123456789012"};
    static const char *const bad[] = {"My Project", "a/b", "p?x=1", "..%2f"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        llmd_gke_free(opened(good[i], ZONE));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        LLMD_AUTO(llmd_gke) gke = NULL;
        LLMD_AUTO(llmd_error) error = open_in(bad[i], ZONE, &gke);

        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        assert_non_null(strstr(llmd_error_message(error), "is no project's id"));
    }
}

static const struct {
    const char *location, *region; /* region NULL: refused */
    bool zonal;
} locations[] = {
    {"europe-west4-a", "europe-west4", true},
    {"europe-west4", "europe-west4", false},
    {"northamerica-northeast1-b", "northamerica-northeast1", true},
    {"us-central1", "us-central1", false},
    {"", NULL, false},
    {"somewhere", NULL, false},
    {"europe-west", NULL, false},
    {"Europe-West4-a", NULL, false},
    {"europe-west4/x", NULL, false},
    {"-", NULL, false},
};

static void test_locations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
        LLMD_AUTO(llmd_gke) gke = NULL;
        LLMD_AUTO(llmd_error) error = open_in("p", locations[i].location, &gke);

        print_message("%s\n", locations[i].location);
        assert_int_equal(llmd_error_code(error), locations[i].region ? LLMD_OK : LLMD_E_INVALID);
        if (error) {
            assert_non_null(strstr(llmd_error_advice(error), "europe-west4-a"));
            continue;
        }
        assert_string_equal(llmd_gke_location(gke), locations[i].location);
        assert_string_equal(llmd__gke_region(gke), locations[i].region);
        assert_int_equal(llmd__gke_zonal(gke), locations[i].zonal);
    }
}

#define PLACE_TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_services),  PLACE_TEST(test_one_service_before_all),
        PLACE_TEST(test_project),   PLACE_TEST(test_project_ids),
        PLACE_TEST(test_locations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
