/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/httpd.h"

#include <stdio.h>
#include <unistd.h>

static void handle(struct conn *conn, const struct request *request, void *data)
{
    (void)request;
    (void)data;
    reply_text(conn, 404, "text/plain", "404 page not found\n");
}

int main(void)
{
    struct httpd *httpd = httpd_start(&(struct httpd_options){.handler = handle});
    if (!httpd)
        return 1;
    printf("%s\n", httpd_url(httpd));
    pause();
    httpd_stop(httpd);
    return 0;
}
