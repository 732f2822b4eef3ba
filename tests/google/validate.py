#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds recorded requests to Google APIs (llmd-sandbox --record) against Google's own schemas: the
discovery documents (schemas.py), the protos (protos.py) and what neither says (rules.py).

    validate.py [--agent PREFIX] [--show-methods] RECORD...

Judged are requests whose User-Agent begins with PREFIX (default "libllmd"; "" is everybody). Each
fault is a line; no request at all is a fault too. Tests that send nonsense on purpose start their
sandbox with --record /dev/null.
"""

import argparse
import collections
import functools
import json
import sys

import protos
import rules
import schemas

TOKENS = ("oauth2.googleapis.com", "sts.googleapis.com", "metadata.google.internal")


@functools.cache
def methods(host, http, path):
    """What the two descriptions call a request, each None where it has no such path."""
    api = schemas.api(host)
    return api and api.find(http, path), protos.find(host, http, path)


@functools.cache
def faults_of(method, proto, query, text):
    """Polls and lists are many and alike: one judgement serves all that differ in names only."""
    faults = []
    if method:
        faults += schemas.check_query(method, query)
        faults += schemas.check_body(method, text)
        if not faults and text and method.id.startswith("container."):
            faults += rules.check(method.id, json.loads(text))
    if proto:
        faults += (f"proto: {fault}" for fault in protos.check(proto, query, text))
    return faults


def judge(entry):
    """(method, faults) of one recorded request."""
    host = entry["google"]
    if host in TOKENS:
        return f"{host} {entry['method']}", []
    path, query = schemas.split_target(entry["target"], host)
    method, proto = methods(host, entry["method"], path)
    if not method and host not in schemas.DOCUMENTS and not protos.available():
        return f"{host} {entry['method']} (not judged: no protos here)", []
    if not method and not proto:
        return None, ["no method of the API has this path"]
    return method.id if method else proto.name, faults_of(method, proto, query, entry["body"])


def agent_of(entry):
    for name, value in entry["headers"].items():
        if name.lower() == "user-agent":
            return value
    return ""


def read(files):
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if "google" in entry:
                    yield entry


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", default="libllmd")
    parser.add_argument("--but", action="append", default=[], help="faults meant to be there")
    parser.add_argument("--show-methods", action="store_true")
    parser.add_argument("records", nargs="+")
    options = parser.parse_args()
    seen, others, faulty = collections.Counter(), 0, collections.Counter()
    for entry in read(options.records):
        if not agent_of(entry).startswith(options.agent):
            others += 1
            continue
        method, faults = judge(entry)
        seen[method or "unknown"] += 1
        for fault in faults:
            if any(meant in fault for meant in options.but):
                continue
            faulty[f"{entry['method']} {entry['target'].partition('?')[0]} ({method}): {fault}"] += 1
    for fault, count in sorted(faulty.items()):
        print(f"{fault}" + (f" ({count} times)" if count > 1 else ""))
    if options.show_methods:
        for method, count in sorted(seen.items()):
            print(f"  {count:6} {method}")
    total, distinct = sum(seen.values()), faults_of.cache_info().misses
    print(f"{total} requests ({distinct} distinct) to {len(seen)} methods judged, {others} by others, "
          f"{sum(faulty.values())} faults")
    return 0 if total and not faulty else 1


if __name__ == "__main__":
    sys.exit(main())
