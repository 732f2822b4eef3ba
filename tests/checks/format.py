#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format 14 (Debian 12's) has nothing to change. With --fix it changes it."""
import re
import subprocess
import sys

from sources import ROOT, c_files, verdict


def main():
    files = [str(p) for p in c_files("include", "lib", "tools", "tests", "examples")]
    if "--fix" in sys.argv:
        subprocess.run(["clang-format", "-i", *files], cwd=ROOT, check=True)
    done = subprocess.run(["clang-format", "--dry-run", *files], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    changed = sorted(set(re.findall(r"^(\S+?):\d+:\d+: warning", done.stderr, re.M)))
    faults = [f"{path}: tests/checks/format.py --fix changes it" for path in changed]
    if done.returncode:
        faults.append(done.stderr.strip())
    verdict("format", faults, f"{len(files)} files")


main()
