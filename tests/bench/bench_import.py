#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `import llmd` costs over a bare interpreter: time and peak memory, the best of many runs.

    bench_import.py [PYTHON]      PYTHON has llmd installed; default: this one
"""
import subprocess
import sys

RUNS = 15
PROBE = """
import time
start = time.perf_counter()
{statement}
took = time.perf_counter() - start
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(took * 1000, int(peak.split()[1]) / 1024)
"""


def best(python, statement):
    """Minimum of the runs: noise only ever adds."""
    samples = []
    for _ in range(RUNS):
        out = subprocess.run([python, "-c", PROBE.format(statement=statement)], check=True,
                             capture_output=True, text=True).stdout.split()
        samples.append((float(out[0]), float(out[1])))
    return min(s[0] for s in samples), min(s[1] for s in samples)


def main():
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    bare_ms, bare_mb = best(python, "pass")
    ms, mb = best(python, "import llmd")
    print(f"import llmd: {ms - bare_ms:.1f} ms and {mb - bare_mb:.1f} MB over bare Python "
          f"({bare_mb:.1f} MB); wanted: 50 ms, 20 MB")


if __name__ == "__main__":
    main()
