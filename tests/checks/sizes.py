#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions of at most 80 lines (median 15) nested at most 3 deep, files of at most 600 lines.

The tree is clang-formatted, so a function is what stands between a "{" and the next "}" that are
alone at the start of a line, and nesting is indentation.
"""
import re
import statistics

from sources import c_files, text_of, verdict, without_comments

MAX_FUNCTION = 80
MAX_MEDIAN = 15
MAX_FILE = 600
MAX_NESTING = 3
CONTROL = re.compile(r"^( +)(?:\} )?(?:if|else|for|while|do|switch|JSON_EACH)\b")


def functions(lines):
    """Yields (first line number, lines of the function from its signature to its brace)."""
    opened = None
    for number, line in enumerate(lines):
        if line == "{":
            opened = number - 1
            while opened > 0 and not re.match(r"[A-Za-z_]", lines[opened]):
                opened -= 1
        elif line == "}" and opened is not None:
            yield opened + 1, lines[opened : number + 1]
            opened = None


def main():
    faults, sizes = [], []
    for path in c_files("lib", "tools", "tests", "examples"):
        lines = without_comments(text_of(path)).split("\n")
        if len(lines) - 1 > MAX_FILE:
            faults.append(f"{path}: {len(lines) - 1} lines, at most {MAX_FILE}")
        for first, body in functions(lines):
            if path.parts[0] == "lib":
                sizes.append(len(body))
            if len(body) > MAX_FUNCTION:
                faults.append(f"{path}:{first}: a function of {len(body)} lines, at most {MAX_FUNCTION}")
            for offset, line in enumerate(body):
                control = CONTROL.match(line)
                if control and len(control.group(1)) > 4 * MAX_NESTING:
                    faults.append(f"{path}:{first + offset}: nested deeper than {MAX_NESTING}")
    median = statistics.median(sizes) if sizes else 0
    if median > MAX_MEDIAN:
        faults.append(f"lib: the median function has {median} lines, at most {MAX_MEDIAN}")
    verdict("sizes", faults, f"{len(sizes)} functions in lib, median {median}, largest {max(sizes)}")


main()
