#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manifests that any API server takes without their controllers: operators.py OUT FILE...

Writes the documents of FILE... to OUT without webhook configurations (they would refuse everything
until their servers run) and without what those webhooks must judge first.
"""
import pathlib
import re
import sys

LEFT_OUT = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
            "LLMInferenceServiceConfig"}


def documents(text):
    for document in re.split(r"^---\s*$", text, flags=re.M):
        kind = re.search(r"^kind: (\S+)", document, re.M)
        if kind and kind[1].strip('"') not in LEFT_OUT:
            yield document.strip("\n") + "\n"


def main():
    parts = [d for path in sys.argv[2:] for d in documents(pathlib.Path(path).read_text())]
    pathlib.Path(sys.argv[1]).write_text("---\n".join(parts))


main()
