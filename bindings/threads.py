#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints threads.i: the functions that wait, which are those that must be checked and take a
context first. Python gives up its lock in these and in no others."""
import pathlib
import re

headers = sorted((pathlib.Path(__file__).parent.parent / "include" / "llmd").glob("*.h"))
waits = re.compile(r"LLMD_CHECKED\s+llmd_error\s*\*(\w+)\(\s*llmd_context\s*\*ctx\b")
print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Made by bindings/threads.py from the headers; do not edit. */")
names = sorted(n for h in headers for n in waits.findall(h.read_text()) if n != "llmd_task_run")
print("\n".join(f"%threadallow {name};" for name in names))
