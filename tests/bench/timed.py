#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command and prints "ROUND NAME wall CPU exit-code": timed.py ROUND NAME COMMAND..."""
import resource
import subprocess
import sys
import time

start = time.monotonic()
code = subprocess.run(sys.argv[3:], stdout=subprocess.DEVNULL).returncode
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(*sys.argv[1:3], f"{wall:.3f}", f"{used.ru_utime + used.ru_stime:.3f}", code)
