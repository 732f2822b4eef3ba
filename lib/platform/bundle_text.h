/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of a bundle to its documents; what is no manifest, or ends too early, is told as
 * what it is. Pure.
 */
#ifndef LLMD_PLATFORM_BUNDLE_TEXT_H
#define LLMD_PLATFORM_BUNDLE_TEXT_H

#include "base/json.h"

/* Adds them to an array. what: its file or address. INVALID with reason "BundleEmpty",
   "BundleCut", "NotManifests", or as of llmd__yaml_parse_all(). */
llmd_error *llmd__bundle_read(const char *text, const char *what, struct json *documents);
/* What anybody sees at a glance: "is empty", "is a web page"; NULL: neither. */
const char *llmd__bundle_glance(const char *text);
/* 0, or the number of the last line, if that has no end: it may have been cut. */
size_t llmd__bundle_open_line(const char *text);

#endif
