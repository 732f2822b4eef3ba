#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds recorded requests to Google APIs (llmd-sandbox --record) against Google's own schemas.

    validate.py [--agent PREFIX] [--show-methods] RECORD...

Judged are requests whose User-Agent begins with PREFIX (default "libllmd"; "" is everybody). Each
fault is a line; no request at all is a fault too. Tests that send nonsense on purpose start their
sandbox with --record /dev/null.
"""

import argparse
import collections
import json
import sys
from urllib.parse import parse_qsl

import rules
import schemas
import typed

apis = {}


def judge(entry):
    """(method, faults) of one recorded request."""
    host = entry["google"]
    if host in ("oauth2.googleapis.com", "sts.googleapis.com", "metadata.google.internal"):
        return f"{host} {entry['method']}", []
    path, query = schemas.split_target(entry["target"], host)
    if host in (typed.QUOTAS, typed.RECOMMENDER):
        name, faults = typed.check(host, entry["method"], path, parse_qsl(query), entry["body"])
        return name, faults if name else ["no method of the API has this path"]
    api = apis.setdefault(host, schemas.Api(host))
    method = api.find(entry["method"], path)
    if not method:
        return None, ["no method of the API has this path"]
    faults = list(schemas.check_query(method, query))
    faults += schemas.check_body(method, entry["body"])
    if not faults and entry["body"] and host == "container.googleapis.com":
        faults += rules.check(method.id, json.loads(entry["body"]))
    return method.id, faults


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
    total = sum(seen.values())
    print(f"{total} requests to {len(seen)} methods judged, {others} by others, "
          f"{sum(faulty.values())} faults")
    return 0 if total and not faulty else 1


if __name__ == "__main__":
    sys.exit(main())
