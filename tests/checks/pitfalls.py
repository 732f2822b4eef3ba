#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each pitfall of docs/pitfalls.md has tests that name it: pitfalls.py [list]

A test names a pitfall in its own name (P2_..., test_p2_...), or in a row of its table or a comment.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION = re.compile(r"^static void (\w+)\(void \*\*state\)$", re.M)
WANTED = {f"P{n}" for n in (*range(1, 23), *range(103, 117))}


def ids(text):
    """P4 of "P4_demand", "test_p4", "P1, P4" and "(P4)", not of "GROUP4" or "p4d"."""
    return {f"P{n}" for n in re.findall(r"(?:(?<=_)|\b)[pP](\d{1,3})(?=_|\b)", text)}


def tests_in(path):
    """Pairs of a test's name and the pitfalls that it, or a table above it, names."""
    text = path.read_text(encoding="utf-8")
    begin = 0
    for found in FUNCTION.finditer(text):
        end = text.find("\n}\n", found.end())
        yield found.group(1), ids(text[begin:end])
        begin = end


def main():
    page = (ROOT / "docs/pitfalls.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (P\d+) \|", page, re.M)
    tests = {name: [] for name in listed}
    for path in sorted((ROOT / "tests").glob("*/test_*.c")):
        for test, named in tests_in(path):
            for name in named & tests.keys():
                tests[name].append(f"{path.parent.name}/{path.stem}: {test}")
    if sys.argv[1:] == ["list"]:
        for name in listed:
            print(f"{name}: {'; '.join(tests[name])}")
    bad = [f"no test names {name}" for name in listed if not tests[name]]
    bad += [f"docs/pitfalls.md lacks {name}" for name in sorted(WANTED - set(listed))]
    print("\n".join(bad + [f"not ok pitfalls: {len(bad)}"] if bad else
                    [f"ok pitfalls ({len(listed)} ids)"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
