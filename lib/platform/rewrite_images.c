/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of images: REGISTRY/PATH:TAG@DIGEST. Without a registry it is docker.io's, where a path of
 * one part is below library/; so all rules look at the whole name, however short it was written.
 */
#include "platform/rewrite.h"

#include <string.h>

#define HUB "docker.io"

static bool has_registry(const char *image)
{
    size_t len = strcspn(image, "/");

    return image[len] && (memchr(image, '.', len) || memchr(image, ':', len) ||
                          (len == 9 && !strncmp(image, "localhost", 9)));
}

static char *whole_name(const char *image)
{
    if (has_registry(image))
        return llmd__strdup(image);
    return llmd__format(HUB "/%s%s", strchr(image, '/') ? "" : "library/", image);
}

/* Its length without tag and digest. */
static size_t repository_len(const char *image)
{
    size_t end = strcspn(image, "@");
    const char *slash = strrchr(image, '/');
    const char *colon =
        memchr(slash ? slash : image, ':', end - (size_t)(slash ? slash - image : 0));

    return colon ? (size_t)(colon - image) : end;
}

/* ---- digests ---- */

/* By the name that the release has, the whole name, or either without its tag. */
static const char *digest_of(const llmd_platform_spec *spec, const char *image, const char *whole)
{
    JSON_EACH(item, spec->digests) {
        const char *key = llmd__json_key(item);
        size_t len = strlen(key);

        if (!strcmp(key, image) || !strcmp(key, whole))
            return llmd__json_text(item);
        if ((len == repository_len(image) && !strncmp(key, image, len)) ||
            (len == repository_len(whole) && !strncmp(key, whole, len)))
            return llmd__json_text(item);
    }
    return NULL;
}

static char *pinned(const char *image, const char *digest)
{
    return llmd__format("%.*s@%s", (int)repository_len(image), image, digest);
}

/* ---- mirrors ---- */

static bool begins(const char *name, const char *with)
{
    size_t len = strlen(with);

    return !strncmp(name, with, len) && strchr("/:@", name[len]);
}

static const struct json *mirror_of(const llmd_platform_spec *spec, const char *whole)
{
    const struct json *best = NULL;

    JSON_EACH(item, spec->image_mirrors) {
        if (begins(whole, llmd__json_key(item)) &&
            (!best || strlen(llmd__json_key(item)) > strlen(llmd__json_key(best))))
            best = item;
    }
    return best;
}

/* The name as it was, where no mirror is meant. */
static char *mirrored(const llmd_platform_spec *spec, const char *image, const char *whole)
{
    const struct json *mirror = mirror_of(spec, whole);

    if (mirror)
        return llmd__format("%s%s", llmd__json_text(mirror),
                            whole + strlen(llmd__json_key(mirror)));
    if (spec->image_mirror && spec->image_mirror[0])
        return llmd__format("%s%s", spec->image_mirror, strchr(whole, '/'));
    return llmd__strdup(image);
}

llmd_error *llmd__image_rewrite(const llmd_platform_spec *spec, const char *image, char **out)
{
    AUTO(str) char *whole = whole_name(image);
    AUTO(str) char *name = whole ? mirrored(spec, image, whole) : NULL;
    const char *digest;

    *out = NULL;
    CHECK_MEMORY(name);
    digest = digest_of(spec, image, whole);
    *out = digest ? pinned(name, digest) : TAKE(name);
    return *out ? NULL : NO_MEMORY;
}

/* ---- where they stand ---- */

static bool ends_with_image(const char *text, size_t len)
{
    return len >= 5 &&
           (!strncmp(text + len - 5, "image", 5) || !strncmp(text + len - 5, "IMAGE", 5) ||
            !strncmp(text + len - 5, "Image", 5));
}

/* X_IMAGE; operators of Red Hat name what they run RELATED_IMAGE_X. */
static bool is_image_variable(const char *name)
{
    return ends_with_image(name, strlen(name)) || !strncmp(name, "RELATED_IMAGE_", 14);
}

static bool is_string(const struct json *value)
{
    return llmd__json_type(value) == JSON_STRING;
}

static llmd_error *set_image(const struct rewrite *rewrite, struct json *object, const char *key)
{
    AUTO(str) char *image = NULL;
    const char *old = llmd__json_text(llmd__json_member(object, key));

    if (!*old)
        return NULL;
    TRY(llmd__image_rewrite(rewrite->spec, old, &image));
    llmd__json_set_str(object, key, image);
    return NULL;
}

/* --acme-http01-solver-image=quay.io/...; others are handed through. */
static llmd_error *argument(const struct rewrite *rewrite, const char *text, struct json *list)
{
    const char *equals = strchr(text, '=');
    AUTO(str) char *image = NULL;
    AUTO(str) char *whole = NULL;

    if (!equals || text[0] != '-' || !ends_with_image(text, (size_t)(equals - text))) {
        llmd__json_add_str(list, text);
        return NULL;
    }
    TRY(llmd__image_rewrite(rewrite->spec, equals + 1, &image));
    whole = llmd__format("%.*s=%s", (int)(equals - text), text, image);
    CHECK_MEMORY(whole);
    llmd__json_add_str(list, whole);
    return NULL;
}

static bool names_an_image(const struct json *args)
{
    JSON_EACH(item, args) {
        const char *text = llmd__json_text(item), *equals = strchr(text, '=');

        if (equals && text[0] == '-' && ends_with_image(text, (size_t)(equals - text)))
            return true;
    }
    return false;
}

static llmd_error *rewrite_args(const struct rewrite *rewrite, struct json *container)
{
    const struct json *args = llmd__json_member(container, "args");
    AUTO(json) struct json *list = NULL;

    if (!names_an_image(args))
        return NULL;
    list = llmd__json_array();
    CHECK_MEMORY(list);
    JSON_EACH(item, args) {
        TRY(argument(rewrite, llmd__json_text(item), list));
    }
    llmd__json_set(container, "args", TAKE(list));
    return NULL;
}

/* A container says image, and so does a variable {name: X_IMAGE, value: ...}. */
static llmd_error *rewrite_here(const struct rewrite *rewrite, struct json *object)
{
    const char *policy = rewrite->spec->image_pull_policy;
    const char *name = llmd__json_str(object, "name");

    if (is_string(llmd__json_member(object, "image"))) {
        TRY(set_image(rewrite, object, "image"));
        TRY(rewrite_args(rewrite, object));
        if (policy && *name)
            llmd__json_set_str(object, "imagePullPolicy", policy);
    }
    if (is_image_variable(name) && is_string(llmd__json_member(object, "value")))
        TRY(set_image(rewrite, object, "value"));
    return NULL;
}

llmd_error *llmd__rewrite_images(const struct rewrite *rewrite, struct json *value)
{
    if (llmd__json_type(value) == JSON_OBJECT)
        TRY(rewrite_here(rewrite, value));
    JSON_EACH(item, value) {
        TRY(llmd__rewrite_images(rewrite, (struct json *)(uintptr_t)item));
    }
    return NULL;
}
