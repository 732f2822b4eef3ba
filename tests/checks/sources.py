# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the tree's C files, their text without comments, and the verdict."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def c_files(*folders, suffixes=(".c", ".h")):
    """All C files below the folders of the tree, as paths relative to it, sorted."""
    found = []
    for folder in folders:
        found += [p for p in (ROOT / folder).rglob("*") if p.suffix in suffixes]
    return sorted(p.relative_to(ROOT) for p in found)


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def without_comments(text, strings=True):
    """Comments, and with strings=True the insides of literals too, become blanks; lines stay."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] * 2 if strings else token
        return re.sub(r"[^\n]", " ", token)

    return pattern.sub(blank, text)


def verdict(name, faults, summary):
    """Prints each fault and one closing line; the exit code says the rest."""
    for fault in faults:
        print(fault)
    print(f"not ok {name}: {len(faults)} faults" if faults else f"ok {name} ({summary})")
    sys.exit(1 if faults else 0)
