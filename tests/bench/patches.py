#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a JSON List (kubectl create --dry-run=client -o json) into lines for replay: PATH<tab>BODY,
namespaces, then CRDs, then the rest, an empty line between them; at the end a GET for each kind
that a CRD defines, until it is served.

    patches.py DISCOVERY.json < list.json
DISCOVERY.json: {"group/version/Kind": [plural, namespaced]}, made by bench_apply.sh.
"""
import json
import sys


def rank(obj):
    return {"Namespace": 0, "CustomResourceDefinition": 1}.get(obj["kind"], 2)


def path(obj, served):
    version = obj["apiVersion"]
    plural, namespaced = served[f"{version}/{obj['kind']}"]
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    ns = f"/namespaces/{obj['metadata'].get('namespace', 'default')}" if namespaced else ""
    return f"{root}{ns}/{plural}/{obj['metadata']['name']}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        served = json.load(file)
    objects = []
    text, decoder, at = sys.stdin.read(), json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        document, at = decoder.raw_decode(text, at)
        objects += document["items"] if document["kind"] == "List" else [document]
        while at < len(text) and text[at].isspace():
            at += 1
    last = 0
    for obj in sorted(objects, key=rank):
        if rank(obj) != last:
            print()
            last = rank(obj)
        print(path(obj, served), json.dumps(obj), sep="\t")
    print()
    for spec in (obj["spec"] for obj in objects if rank(obj) == 1):
        for version in (v["name"] for v in spec["versions"] if v["served"]):
            print(f"/apis/{spec['group']}/{version}", "", f'"name":"{spec["names"]["plural"]}"',
                  sep="\t")


if __name__ == "__main__":
    main()
