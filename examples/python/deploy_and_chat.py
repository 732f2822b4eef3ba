#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a YAML file to streamed tokens, with live progress:

    deploy_and_chat.py SERVICE.yaml [PROMPT [KUBECONFIG]]
"""
import sys

import llmd


def main(service: str, prompt: str = "Hello!", kubeconfig: str | None = None) -> None:
    kube = llmd.Kube(kubeconfig)
    spec = llmd.ServiceSpec.from_file(service)
    llmd.progress(kube.service.apply(spec, timeout=3600))  # a new TPU node may take its time
    endpoint = kube.service.connect(spec.name, namespace=spec.namespace)
    for delta in endpoint.chat(prompt, stream=True):
        print(delta.text, end="", flush=True)
    print()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:4])
    except llmd.Error as error:
        sys.exit(str(error))
