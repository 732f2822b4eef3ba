#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shared library exports what the public headers declare, and nothing else.

usage: symbols.py LIBRARY
"""
import re
import subprocess
import sys

from sources import c_files, text_of, verdict, without_comments


def declared():
    names = set()
    for header in c_files("include", suffixes=(".h",)):
        code = without_comments(text_of(header))
        names |= set(re.findall(r"\bLLMD_(?:API|CHECKED)\s[^;(]*?\b(llmd_\w+)\s*\(", code))
    return names


def exported(library):
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                             check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    # "A" is the version node itself.
    return {row[-1].split("@")[0] for row in rows if row[-2] != "A"}


def main():
    want, have = declared(), exported(sys.argv[1])
    faults = [f"{name}: declared, but not in the library" for name in sorted(want - have)]
    faults += [f"{name}: exported, but in no public header" for name in sorted(have - want)]
    verdict("symbols", faults, f"{len(have)} symbols")


main()
