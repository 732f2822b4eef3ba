#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Splits KServe's release files into the parts that are applied in turn.

split_manifests.py RELEASE_FOLDER OUT_FOLDER

Only what an LLMInferenceService needs is taken. The order matters: the
Deployment waits for the Secret of the Certificate (kubelet's mount back-off
would double to two minutes), the webhooks for the controller, and the presets
for the webhooks.
"""
import pathlib
import re
import sys

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kserve\n"

PARTS = {  # kind -> file
    "CustomResourceDefinition": "01-kserve-crds.yaml",
    "Issuer": "21-kserve-certificate.yaml",
    "Certificate": "21-kserve-certificate.yaml",
    "Deployment": "22-kserve-controller.yaml",
    "MutatingWebhookConfiguration": "23-kserve-webhooks.yaml",
    "ValidatingWebhookConfiguration": "23-kserve-webhooks.yaml",
    "LLMInferenceServiceConfig": "24-kserve-presets.yaml",
}
REST = "20-kserve-config.yaml"


def documents(path):
    for text in re.split(r"^---\s*$", path.read_text(), flags=re.M):
        kind = re.search(r"^kind: (\S+)", text, re.M)
        name = re.search(r"^metadata:\n(?:  .*\n)*?  name: (\S+)", text, re.M)
        if kind and name:
            yield kind[1], name[1], text.strip("\n") + "\n"


def needed(name):
    return ("llmisvc" in name or name.startswith("llminferenceservice")
            or name.startswith("inferencepools.") or name.endswith(".llm-d.ai")
            or name in ("inferenceservice-config", "selfsigned-issuer"))


def adapt_controller(text):
    """The image is local, and a tenth of a CPU makes each reconcile last 20 s:
    the controller creates RSA-4096 keys on its way."""
    text = text.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
    return re.sub(r"(limits:\s+cpu: )100m", r'\1"2"', text)


def main():
    release, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    parts = {REST: [NAMESPACE]}
    for file in ("kserve.yaml", "kserve-cluster-resources.yaml"):
        for kind, name, text in documents(release / file):
            if kind == "LLMInferenceServiceConfig" or needed(name):
                if kind == "Deployment":
                    text = adapt_controller(text)
                parts.setdefault(PARTS.get(kind, REST), []).append(text)
    for name, texts in parts.items():
        (out / name).write_text("---\n".join(texts))


main()
