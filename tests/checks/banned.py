#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions that nobody calls here, and memory that is not taken from base/alloc.h."""
import re

from sources import c_files, text_of, verdict, without_comments

EVERYWHERE = {
    "strcpy": "use struct buf or llmd__strdup",
    "strcat": "use struct buf",
    "sprintf": "use llmd__format or struct buf",
    "vsprintf": "use struct buf",
    "strtok": "use strcspn",
    "gets": "no",
    "atoi": "use strtol and look at its end",
    "alloca": "use llmd__malloc",
}
# A failed or leaked block that base/alloc.h does not know is one that no test sees.
LIBRARY = dict.fromkeys(
    ["malloc", "calloc", "realloc", "free", "strdup", "strndup", "asprintf", "vasprintf", "getline"],
    "memory comes from base/alloc.h",
)


def faults_of(path, code, names):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for match in pattern.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}: {match.group(1)}: {names[match.group(1)]}"


def main():
    faults, count = [], 0
    for path in c_files("include", "lib", "tools", "tests", "examples"):
        code = without_comments(text_of(path))
        count += 1
        faults += faults_of(path, code, EVERYWHERE)
        if path.parts[0] == "lib" and str(path) != "lib/base/alloc.c":
            faults += faults_of(path, code, LIBRARY)
        for match in re.finditer(r"\bgoto\b", code):
            line = code.count("\n", 0, match.start()) + 1
            faults.append(f"{path}:{line}: goto: use AUTO, TRY and early return")
    verdict("banned", faults, f"{count} files")


main()
