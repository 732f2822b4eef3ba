#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes every watch event of a namespace as a line of JSON.

record.py NAMESPACE OUT [--apply FILE] [--seconds N]

A line is {"t": seconds since the watches stood, "type", "object"}, without
managedFields. With --apply, FILE is applied one second after the start. It
ends after N seconds or by a signal. Run by record.sh, inside the rig.
"""
import argparse
import http.client
import json
import os
import signal
import ssl
import subprocess
import threading
import time

KINDS = [  # API path before /namespaces, plural
    ("/apis/serving.kserve.io/v1alpha2", "llminferenceservices"),
    ("/apis/apps/v1", "deployments"),
    ("/apis/apps/v1", "replicasets"),
    ("/api/v1", "pods"),
    ("/api/v1", "services"),
    ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
    ("/apis/inference.networking.k8s.io/v1", "inferencepools"),
    ("/apis/gateway.networking.k8s.io/v1", "gateways"),
    ("/api/v1", "events"),
]


class Recorder:
    def __init__(self, namespace, out):
        self.namespace = namespace
        self.out = out
        self.lock = threading.Lock()
        self.start = None
        self.failed = False

    def write(self, event):
        item = event["object"]
        item.get("metadata", {}).pop("managedFields", None)
        with self.lock:
            line = {"t": round(time.monotonic() - self.start, 3), "type": event["type"], "object": item}
            self.out.write(json.dumps(line, separators=(",", ":")) + "\n")
            self.out.flush()

    def watch(self, base, plural, ready):
        path = f"{base}/namespaces/{self.namespace}/{plural}"
        listed = get_json(path)
        version = listed["metadata"]["resourceVersion"]
        response = request(f"{path}?watch=true&resourceVersion={version}&timeoutSeconds=3600")
        ready.wait()
        for line in response:
            event = json.loads(line)
            if event["type"] == "ERROR":
                self.failed = True
                print(f"record: {plural}: {event['object'].get('message')}", flush=True)
                return
            self.write(event)


def request(path):
    folder = os.environ["LLMD_RIG_RUN"]
    tls = ssl.create_default_context(cafile=f"{folder}/ca.crt")
    tls.load_cert_chain(f"{folder}/pki/admin.crt", f"{folder}/pki/admin.key")
    connection = http.client.HTTPSConnection("10.200.0.1", 6443, context=tls)
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"record: {path}: {response.status} {response.read(500)!r}")
    return response


def get_json(path):
    return json.loads(request(path).read())


def record(arguments):
    recorder = Recorder(arguments.namespace, open(arguments.out, "w"))
    ready = threading.Barrier(len(KINDS) + 1)
    for base, plural in KINDS:
        threading.Thread(target=recorder.watch, args=(base, plural, ready), daemon=True).start()
    recorder.start = time.monotonic()
    ready.wait(timeout=30)
    recorder.start = time.monotonic()
    if arguments.apply:
        time.sleep(1)
        subprocess.run(["kubectl", "apply", "--server-side", "-f", arguments.apply], check=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait(arguments.seconds)
    return recorder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("namespace")
    parser.add_argument("out")
    parser.add_argument("--apply")
    parser.add_argument("--seconds", type=float)
    recorder = record(parser.parse_args())
    raise SystemExit(1 if recorder.failed else 0)


main()
