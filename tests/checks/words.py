#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Texts for people name no C function: Python and Go users read the same ones.

"llmd_network_apply() makes one" is said as "network apply makes one": noun and verb are the same in
all languages.
"""
import re

from sources import c_files, text_of, verdict, without_comments

LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"')
C_NAME = re.compile(r"(?<![\w.])llmd_[a-z]\w*")


def main():
    faults, count = [], 0
    for path in c_files("lib", "tools"):
        code = without_comments(text_of(path), strings=False)
        for literal in LITERAL.finditer(code):
            count += 1
            line = code.count("\n", 0, literal.start()) + 1
            faults += [f"{path}:{line}: {name}: say it in words" for name in C_NAME.findall(literal.group())]
    verdict("words", faults, f"{count} texts")


main()
