#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From two YAML files to streamed tokens, with live progress:

    deploy_and_chat.py GATEWAY.yaml SERVICE.yaml [PROMPT]

The cluster is the one that kubectl would use: $KUBECONFIG, or ~/.kube/config.
"""
import signal
import sys

import llmd


def main(gateway: str, service: str, prompt: str = "Hello!") -> None:
    kube = llmd.Kube()
    llmd.progress(kube.gateway.apply(llmd.GatewaySpec.from_file(gateway), timeout=3600))
    spec = llmd.ServiceSpec.from_file(service)
    llmd.progress(kube.service.apply(spec, timeout=3600))  # a new TPU node may take its time
    endpoint = kube.service.connect(spec.name, namespace=spec.namespace)
    for delta in endpoint.chat(prompt, stream=True):
        print(delta.text, end="", flush=True)
    print()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:4])
    except llmd.Error as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("interrupted: what was applied stays; run it again, and it goes on", file=sys.stderr)
        sys.exit(130)
