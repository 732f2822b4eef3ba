/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors that AWS publishes: the suite of Signature Version 4, and the example of its manual
   (IAM ListUsers). */
#include "auth/sigv4.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define KEY_ID "AKIDEXAMPLE"
#define SECRET_KEY "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define DATE "20150830T123600Z"

static const struct sigv4_header plain[] = {{"host", "example.amazonaws.com"},
                                            {"x-amz-date", DATE}};
static const struct sigv4_header sts_token[] = {
    {"host", "example.amazonaws.com"},
    {"x-amz-date", DATE},
    {"x-amz-security-token",
     "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpS"
     "PfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
     "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcH"
     "NVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iS"
     "IlTJabIQwj2ICCR/oLxBA=="}};
static const struct sigv4_header manual[] = {
    {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
    {"host", "iam.amazonaws.com"},
    {"x-amz-date", DATE}};

static const struct {
    const char *name;
    struct sigv4_request request;
    const char *signed_headers;
    const char *signature;
} rows[] = {
    {"get-vanilla",
     {"GET", "/", "", plain, 2, "", "us-east-1", "service", DATE},
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"post-vanilla",
     {"POST", "/", "", plain, 2, "", "us-east-1", "service", DATE},
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"get-vanilla-query-order-key-case",
     {"GET", "/", "Param1=value1&Param2=value2", plain, 2, "", "us-east-1", "service", DATE},
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"post-sts-header-before",
     {"POST", "/", "", sts_token, 3, "", "us-east-1", "service", DATE},
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"the manual's ListUsers",
     {"GET", "/", "Action=ListUsers&Version=2010-05-08", manual, 3, "", "us-east-1", "iam", DATE},
     "content-type;host;x-amz-date",
     "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf) struct buf out = BUF_INIT;
        assert_null(llmd__sigv4_sign(&rows[i].request, KEY_ID, SECRET_KEY, &out));
        AUTO(str)
        char *want = llmd__format(
            "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/us-east-1/%s/aws4_request, "
            "SignedHeaders=%s, Signature=%s",
            rows[i].request.service, rows[i].signed_headers, rows[i].signature);
        if (strcmp(llmd__buf_text(&out), want) != 0)
            fail_msg("%s:\nwant %s\ngot  %s", rows[i].name, want, llmd__buf_text(&out));
    }
}

static llmd_error *sign(void *data)
{
    AUTO(buf) struct buf out = BUF_INIT;

    (void)data;
    return llmd__sigv4_sign(&rows[0].request, KEY_ID, SECRET_KEY, &out);
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(sign, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors),
                                       cmocka_unit_test(test_without_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
