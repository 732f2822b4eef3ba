#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command and prints "ROUND NAME wall CPU exit-code", then the command's last line:
timed.py ROUND NAME COMMAND..."""
import resource
import subprocess
import sys
import time

start = time.monotonic()
ran = subprocess.run(sys.argv[3:], stdout=subprocess.PIPE, text=True)
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(*sys.argv[1:3], f"{wall:.3f}", f"{used.ru_utime + used.ru_stime:.3f}", ran.returncode)
print(*ran.stdout.splitlines()[-1:])
