/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/resource.h"

#include "base/url.h"

#include <string.h>

static bool has_text(const char *text)
{
    return text && *text;
}

void llmd__resource_path(struct buf *buf, const struct resource *resource, const char *ns,
                         const char *name, const char *subresource, const char *query)
{
    if (has_text(resource->group))
        llmd__buf_format(buf, "/apis/%s/%s", resource->group, resource->version);
    else
        llmd__buf_format(buf, "/api/%s", resource->version);
    if (resource->namespaced && has_text(ns) && strcmp(ns, "*") != 0) {
        llmd__buf_str(buf, "/namespaces/");
        llmd__url_escape(buf, ns);
    }
    llmd__buf_format(buf, "/%s", resource->plural);
    if (has_text(name)) {
        llmd__buf_char(buf, '/');
        llmd__url_escape(buf, name);
    }
    if (has_text(subresource))
        llmd__buf_format(buf, "/%s", subresource);
    if (has_text(query))
        llmd__buf_format(buf, "?%s", query);
}

void llmd__resource_selectors(struct buf *query, const char *labels, const char *fields)
{
    if (has_text(labels)) {
        llmd__buf_str(query, "&labelSelector=");
        llmd__url_escape(query, labels);
    }
    if (has_text(fields)) {
        llmd__buf_str(query, "&fieldSelector=");
        llmd__url_escape(query, fields);
    }
}

void llmd__resource_label(struct buf *buf, const struct resource *resource, const char *ns,
                          const char *name)
{
    llmd__buf_str(buf, resource->plural);
    if (has_text(resource->group))
        llmd__buf_format(buf, ".%s", resource->group);
    if (has_text(name)) {
        llmd__buf_char(buf, ' ');
        if (resource->namespaced && has_text(ns))
            llmd__buf_format(buf, "%s/", ns);
        llmd__buf_str(buf, name);
    }
}
