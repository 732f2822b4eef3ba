/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/docker_config.h"

#include "base/base64.h"

llmd_error *llmd__docker_config(const char *registry, const char *user, const char *password,
                                struct buf *out)
{
    AUTO(buf) struct buf login = BUF_SECRET;
    AUTO(buf) struct buf auth = BUF_SECRET;

    llmd__buf_format(&login, "%s:%s", user, password);
    TRY(llmd__buf_check(&login));
    llmd__base64_encode(login.data, login.len, false, &auth);
    TRY(llmd__buf_check(&auth));
    llmd__buf_str(out, "{\"auths\":{");
    llmd__buf_json(out, registry);
    llmd__buf_str(out, ":{\"auth\":");
    llmd__buf_json(out, llmd__buf_text(&auth));
    llmd__buf_str(out, "}}}");
    return llmd__buf_check(out);
}
