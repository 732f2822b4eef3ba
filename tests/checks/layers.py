#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the include lines against the layers of the architecture."""
import re

from sources import c_files, text_of, verdict, without_comments

LAYERS = [
    ["base"],
    ["net", "auth", "task"],
    ["kube", "openai", "findings"],
    ["wait"],
    ["gke", "platform", "gateway", "service", "bench"],
    ["health", "stack"],
]
# Inside a layer nothing is seen but these.
ALSO = {"auth": ["net"], "task": ["net"], "stack": ["health"]}

# Each dependency has one door.
DOORS = {
    "curl/": ["lib/net/"],
    "cjson/": ["lib/base/json.c"],
    "yaml.h": ["lib/base/yaml.c"],
    "openssl/": ["lib/auth/crypto.c", "tools/sandbox/"],
}
# What the sandbox may see of the library: it answers the library, so it must not be the library.
SANDBOX = ["sandbox", "base"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def allowed(folder):
    below = []
    for layer in LAYERS:
        if folder in layer:
            return below + [folder] + ALSO.get(folder, [])
        below += layer
    return None


def check_own(path, included, faults):
    folder = path.parts[1]
    may = SANDBOX if path.parts[0] == "tools" else allowed(folder)
    if path.parts[0] == "tools" and folder != "sandbox":
        faults.append(f"{path}: includes {included}: tools use the public headers only")
    elif may is None:
        faults.append(f"{path}: lib/{folder} stands in no layer")
    elif "/" not in included or ".." in included:
        faults.append(f"{path}: includes {included}: the include root is lib/, without ../")
    elif included.split("/")[0] not in may:
        faults.append(f"{path}: includes {included}, but {folder}/ sees only {', '.join(may)}")


def check_foreign(path, included, faults):
    for prefix, doors in DOORS.items():
        if included.startswith(prefix) and not any(str(path).startswith(d) for d in doors):
            faults.append(f"{path}: includes <{included}>, which belongs to {', '.join(doors)}")


def main():
    faults, count = [], 0
    for path in c_files("lib", "tools"):
        for kind, included in INCLUDE.findall(without_comments(text_of(path), strings=False)):
            count += 1
            check = check_own if kind == '"' else check_foreign
            check(path, included, faults)
    verdict("layers", faults, f"{count} includes")


main()
