/* SPDX-License-Identifier: Apache-2.0 */
/* The words are those of apimachinery, because clients and people search for them. */
#include "sandbox/status.h"

#include "sandbox/store.h"

#include <stdio.h>

struct json *status_json(int code, const char *reason, struct json *details, const char *message)
{
    struct json *json = MAKE("{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                             "'message':%s,'reason':%s,'details':%j,'code':%d}",
                             message, reason, details, code);
    llmd__json_free(details);
    return json;
}

struct answer answer_json(int code, struct json *json)
{
    struct answer answer = {.status = code};
    must(llmd__json_print(json, &answer.text));
    llmd__json_free(json);
    return answer;
}

static struct answer answer_words(int code, const char *reason, struct json *details,
                                  const char *format, va_list args)
{
    AUTO(buf) struct buf message = BUF_INIT;
    llmd__buf_vformat(&message, format, args);
    return answer_json(code, status_json(code, reason, details, llmd__buf_text(&message)));
}

struct answer answer_status(int code, const char *reason, struct json *details, const char *format,
                            ...)
{
    va_list args;
    va_start(args, format);
    struct answer answer = answer_words(code, reason, details, format, args);
    va_end(args);
    return answer;
}

struct answer answer_bad_request(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct answer answer = answer_words(400, "BadRequest", NULL, format, args);
    va_end(args);
    return answer;
}

struct answer answer_not_found(const struct kind *kind, const char *name)
{
    char resource[300];
    kind_resource(kind, resource, sizeof(resource));
    return answer_status(404, "NotFound",
                         MAKE("{'name':%s,'group':%s,'kind':%s}", name,
                              *kind->group ? kind->group : NULL, kind->plural),
                         "%s \"%s\" not found", resource, name);
}

struct answer answer_invalid(const struct kind *kind, const char *name, const char *field,
                             const char *value, const char *detail)
{
    char qualified[300];
    AUTO(str) char *message = llmd__format("Invalid value: \"%s\": %s", value, detail);
    snprintf(qualified, sizeof(qualified), "%s%s%s", kind->name, *kind->group ? "." : "",
             kind->group);
    struct json *details =
        MAKE("{'name':%s,'group':%s,'kind':%s,'causes':[{'reason':'FieldValueInvalid',"
             "'message':%s,'field':%s}]}",
             name, *kind->group ? kind->group : NULL, kind->name, message, field);
    return answer_status(422, "Invalid", details, "%s \"%s\" is invalid: %s: %s", qualified, name,
                         field, message);
}

struct answer answer_success(const struct kind *kind, const char *name, const char *uid)
{
    return answer_json(200, MAKE("{'kind':'Status','apiVersion':'v1','metadata':{},"
                                 "'status':'Success','details':{'name':%s,'group':%s,'kind':%s,"
                                 "'uid':%s}}",
                                 name, *kind->group ? kind->group : NULL, kind->plural, uid));
}

void answer_send(struct conn *conn, struct answer answer)
{
    reply_json(conn, answer.status, answer.text);
    llmd__free(answer.text);
}
