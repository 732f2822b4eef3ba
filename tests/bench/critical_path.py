#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long a platform had to take at least, by what rig_platform printed of installing it:

    critical_path.py LIBRARY_OUTPUT KUBECTL_SECONDS

A wait lasts from the first object of it that the cluster took, or from the end of what it needs if
that is later, to the moment when its condition was seen. NEEDS says which wait needs which, for reasons
of the cluster and not of the library: a controller needs the CRDs that it looks for and the Secret that
it mounts, a certificate a webhook that judges it, a preset one that judges that. The critical path is the
longest chain of waits; what the library adds to it is looking, reading bundles, and whatever it lets wait
without need. Prints the waits, those of the chain marked, and the two ratios.
"""
import re
import sys

LINE = re.compile(r" *(\d+\.\d+) \d ([^:]*?) (\w+): (.*)")

# Wait -> subject and message that end it, subjects of which the first begins it, waits that it needs.
WAITS = {
    "Gateway API's CRDs": ("Gateway API", "CRDs are served",
                           r"CustomResourceDefinition/.*\.gateway\.networking\.k8s\.io$", []),
    "cert-manager's CRDs": ("cert-manager", "CRDs are served",
                            r"CustomResourceDefinition/.*\.cert-manager\.io$", []),
    "KServe's CRDs": ("KServe", "CRDs are served", r"CustomResourceDefinition/"
                      r".*\.(serving\.kserve\.io|inference\.networking\..*|llm-d\.ai)$", []),
    "cert-manager's controllers": ("cert-manager", "controllers are available",
                                   r"Deployment/cert-manager/", ["cert-manager's CRDs"]),
    "cert-manager's webhooks": ("cert-manager", "webhooks answer and are trusted",
                                r"(Validating|Mutating)WebhookConfiguration/cert-manager",
                                ["cert-manager's controllers"]),
    "KServe's certificate": ("KServe", "certificates are issued", r"(Issuer|Certificate)/kserve/",
                             ["cert-manager's webhooks"]),
    "KServe's controller": ("KServe", "controllers are available", r"Deployment/kserve/",
                            ["KServe's certificate", "KServe's CRDs", "Gateway API's CRDs"]),
    "KServe's webhooks": ("KServe", "webhooks answer and are trusted",
                          r"(Validating|Mutating)WebhookConfiguration/llminference",
                          ["KServe's certificate"]),
    "KServe's presets": ("KServe", "custom resources are written", r"LLMInferenceServiceConfig/",
                         ["KServe's controller", "KServe's webhooks"]),
}


def read(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = LINE.match(line)
            if match:
                yield float(match[1]), match[2], match[3], match[4]


def measure(events):
    """Wait -> when it began by itself, and when it ended; and when all was ready."""
    waits, ready = {}, None
    for name, (subject, message, objects, _) in WAITS.items():
        begun = [t for t, who, reason, _ in events if reason == "created" and re.match(objects, who)]
        ended = [t for t, who, _, what in events if who == subject and what == message]
        if not begun or not ended:
            raise SystemExit(f"critical_path: {name}: begun {begun[:1]}, ended {ended[:1]}")
        waits[name] = begun[0], ended[0]
    for t, who, reason, _ in events:
        if who == "platform" and reason == "Ready":
            ready = t
    if ready is None:
        raise SystemExit("critical_path: the platform did not become ready")
    return waits, ready


def chain_to(name, waits, known):
    """The longest chain that ends with this wait: its length and its waits."""
    if name not in known:
        needs = WAITS[name][3]
        begun = max([waits[name][0]] + [waits[need][1] for need in needs])
        length, path = max([chain_to(need, waits, known) for need in needs], default=(0.0, []))
        known[name] = length + max(0.0, waits[name][1] - begun), path + [name]
    return known[name]


def main():
    waits, ready = measure(list(read(sys.argv[1])))
    kubectl = float(sys.argv[2])
    length, path = max(chain_to(name, waits, {}) for name in WAITS)
    for name, (begun, ended) in waits.items():
        print(f"    {begun:6.2f} to {ended:6.2f} s {'*' if name in path else ' '} {name}")
    print(f"library {ready:.2f} s, critical path {length:.2f} s, kubectl {kubectl:.2f} s")
    print(f"library / critical path = {ready / length:.3f}, library / kubectl = {ready / kubectl:.3f}")


if __name__ == "__main__":
    main()
